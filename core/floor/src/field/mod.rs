//! The fields of floor control, application `MCPT` (TS 24.380 cl. 8.2.3).

pub(crate) mod codes;
mod floor_indicator;
pub(crate) mod identity;
mod list;
mod location;
mod number;
mod queue_info;
mod reject_cause;
pub(crate) mod set;
mod track_info;
pub(crate) mod value;

pub use codes::{
    MediaFlowControlIndicator, MessageType, PermissionToRequestTheFloor,
    QueuedFloorRequestsPurpose, ResponseState, Source,
};
pub use floor_indicator::FloorIndicator;
pub use identity::{
    FloorRevokeRequestUserId, FunctionalAlias, GrantedPartysIdentity, QueuedUserId, SessionUri,
    UserId,
};
pub use list::{
    ListOfFunctionalAliases, ListOfGrantedUsers, ListOfLocations, ListOfQueuedUsers, ListOfSsrcs,
};
pub use location::Location;
pub use number::{Duration, FloorPriority, MessageSequenceNumber, QueueSize};
pub use queue_info::{QueueInfo, QueuePosition};
pub use reject_cause::{DenyCause, RejectCause, Rejection, RevokeCause};
pub use track_info::{Queueing, TrackInfo};

use crate::Ssrc;
use crate::message::message_name;
use crate::wire::{OldFieldIds, Profile, RawField};

/// A field that this implementation does not know; skipped by its length and kept for relays (TS 24.380 cl. 8.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Field id.
    pub id: u8,
    /// The value.
    pub value: Vec<u8>,
}

set::field_set! {
    /// A field of floor control (TS 24.380 table 8.2.3.1-2).
    Field, names: [b"MCPT"], messages: message_name, ids: known_id;
    /// Priority of a request or a grant.
    0 FloorPriority: FloorPriority = "Floor Priority", "8.2.3.2";
    /// How long the granted party may talk.
    1 Duration: Duration = "Duration", "8.2.3.3";
    /// Why a request is denied or a grant revoked.
    2 RejectCause: RejectCause = "Reject Cause", "8.2.3.4";
    /// Position in the queue.
    3 QueueInfo: QueueInfo = "Queue Info", "8.2.3.5";
    /// Who talks.
    4 GrantedPartysIdentity: GrantedPartysIdentity = "Granted Party's Identity", "8.2.3.6";
    /// Whether the receiver may ask for the floor.
    5 PermissionToRequestTheFloor: PermissionToRequestTheFloor = "Permission to Request the Floor", "8.2.3.7";
    /// A user.
    6 UserId: UserId = "User ID", "8.2.3.8";
    /// Requests in the queue (off-network).
    7 QueueSize: QueueSize = "Queue Size", "8.2.3.9";
    /// Ties copies of one Taken or Idle together.
    8 MessageSequenceNumber: MessageSequenceNumber = "Message Sequence Number", "8.2.3.10";
    /// A queued user (off-network).
    9 QueuedUserId: QueuedUserId = "Queued User ID", "8.2.3.11";
    /// Who acknowledges.
    10 Source: Source = "Source", "8.2.3.12";
    /// The way through non-controlling functions.
    11 TrackInfo: TrackInfo = "Track Info", "8.2.3.13";
    /// What is acknowledged.
    12 MessageType: MessageType = "Message Type", "8.2.3.14";
    /// The kind of call.
    13 FloorIndicator: FloorIndicator = "Floor Indicator", "8.2.3.15";
    /// Audio SSRC of the granted participant.
    14 Ssrc: Ssrc = "SSRC", "8.2.3.16";
    /// The talkers of a multi-talker group.
    15 ListOfGrantedUsers: ListOfGrantedUsers = "List of Granted Users", "8.2.3.17";
    /// Their audio SSRCs, in the same order.
    16 ListOfSsrcs: ListOfSsrcs = "List of SSRCs", "8.2.3.18";
    /// Alias of the talker.
    17 FunctionalAlias: FunctionalAlias = "Functional Alias", "8.2.3.19";
    /// Aliases of the talkers, in the same order.
    18 ListOfFunctionalAliases: ListOfFunctionalAliases = "List of Functional Aliases", "8.2.3.20";
    /// Where the talker is.
    19 Location: Location = "Location", "8.2.3.21";
    /// Where the talkers are, in the same order.
    20 ListOfLocations: ListOfLocations = "List of Locations", "8.2.3.22";
    /// What a Queued Floor Requests message is for.
    21 QueuedFloorRequestsPurpose: QueuedFloorRequestsPurpose = "Queued Floor Requests Purpose", "8.2.3.23";
    /// Users whose requests are meant.
    22 ListOfQueuedUsers: ListOfQueuedUsers = "List of Queued Users", "8.2.3.24";
    /// What became of a cancellation.
    23 ResponseState: ResponseState = "Response State", "8.2.3.25";
    /// Stop or resume of unicast media.
    24 MediaFlowControlIndicator: MediaFlowControlIndicator = "Media Flow Control Indicator", "8.2.3.26";
    /// The talker to revoke.
    25 FloorRevokeRequestUserId: FloorRevokeRequestUserId = "Floor Revoke Request User ID", "8.2.3.27";
}

/// The id of today for an id received: the drafts 13.0.x counted from 102 (TS 24.380 cl. 8.2.3.1 before 13.3).
fn known_id(raw: &RawField<'_>, profile: &Profile) -> u8 {
    if profile.old_field_ids == OldFieldIds::Unknown {
        return raw.id;
    }
    match raw.id {
        old @ 102..=106 => old - 102,
        old @ 108..=116 => old - 103,
        other => other,
    }
}
