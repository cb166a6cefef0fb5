//! The messages of MBMS subchannel control (TS 24.380 cl. 8.4.2).

use super::field::{
    MbmsField as Field, MbmsSubchannel, McpttGroupIdentifier, MonitoringState, Tmgi,
};
use crate::message::macros::{application, message};
use crate::wire::{AckRequest, Packet, Profile, Subtype};
use crate::{Error, Ssrc};

/// An MBMS subchannel control message as its fields in the order of the wire.
pub type MbmsPacket = Packet<Field>;

/// Name and clause of a message; none has an acknowledgement bit.
pub(super) fn message_name(
    subtype: Subtype,
    _profile: &Profile,
) -> Option<(&'static str, &'static str)> {
    match (subtype.message_type(), subtype.ack()) {
        (0, AckRequest::NotRequested) => Some(("Map Group To Bearer", "8.4")),
        (1, AckRequest::NotRequested) => Some(("Unmap Group To Bearer", "8.4")),
        (2, AckRequest::NotRequested) => Some(("Application Paging", "8.4")),
        (3, AckRequest::NotRequested) => Some(("Bearer Announcement", "8.4")),
        _ => None,
    }
}

message! {
    /// Map Group To Bearer, type 0 (TS 24.380 cl. 8.4.2).
    MapGroupToBearer = "Map Group To Bearer" {
        /// The group.
        required group: McpttGroupIdentifier,
        /// The bearer.
        optional tmgi: Tmgi,
        /// Where media and floor messages of the group are.
        required subchannel: MbmsSubchannel,
    }
}

message! {
    /// Unmap Group To Bearer, type 1 (TS 24.380 cl. 8.4.2).
    UnmapGroupToBearer = "Unmap Group To Bearer" {
        /// The group.
        required group: McpttGroupIdentifier,
    }
}

message! {
    /// Application Paging, type 2 of later releases (TS 24.380 cl. 8.4.2). Its fields are inferred: the group.
    ApplicationPaging = "Application Paging" {
        /// The group.
        optional group: McpttGroupIdentifier,
    }
}

message! {
    /// Bearer Announcement, type 3 of later releases (TS 24.380 cl. 8.4.2). Its fields are inferred: none is demanded.
    BearerAnnouncement = "Bearer Announcement" {
        /// The bearer.
        optional tmgi: Tmgi,
        /// Where something is sent.
        optional subchannel: MbmsSubchannel,
        /// Whether the client shall monitor the bearer.
        optional monitoring_state: MonitoringState,
    }
}

application! {
    /// One MBMS subchannel control message (TS 24.380 cl. 8.4).
    MbmsMessage,
    /// What an MBMS subchannel control message says.
    MbmsBody;
    0 MapGroupToBearer,
    1 UnmapGroupToBearer,
    2 ApplicationPaging,
    3 BearerAnnouncement,
}
