//! The messages of floor control, application `MCPT` (TS 24.380 cl. 8.2.2 to 8.2.17).
//!
//! Each struct lists its fields in the order in which they are sent; a receiver takes any order, the first of equal
//! fields, and ignores what does not belong to the message.

mod floor_message;
mod from_participant;
mod from_server;
pub(crate) mod macros;
pub(crate) mod queueing;

pub(crate) use floor_message::message_name;
pub use floor_message::{Datagram, FloorBody, FloorMessage, FloorPacket};
pub use from_participant::{
    FloorRelease, FloorRequest, FloorRevokeRequest, UnicastMediaFlowControl,
};
pub use from_server::{
    FloorDeny, FloorGranted, FloorIdle, FloorReleaseMultiTalker, FloorRevoke, FloorTaken,
};
pub use queueing::{
    FloorAck, FloorQueuePositionInfo, FloorQueuePositionRequest, QueuedFloorRequests,
    QueuedParticipant,
};
