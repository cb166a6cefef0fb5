//! MBMS subchannel control, application `MCMC` (TS 24.380 cl. 8.4, 10).
//!
//! Sent on the general purpose subchannel of a bearer: from now on the media and floor messages of a group are at
//! this address. The name `MCCP` of early release 13 texts is accepted.

mod field;
mod message;

pub use field::{
    MbmsField, MbmsSubchannel, McpttGroupIdentifier, MonitoringState, SubchannelFloor, Tmgi,
};
pub use message::{
    ApplicationPaging, BearerAnnouncement, MapGroupToBearer, MbmsBody, MbmsMessage, MbmsPacket,
    UnmapGroupToBearer,
};
