//! Messages from the floor control server to a floor participant.

use super::QueuedParticipant;
use super::macros::message;
use crate::field::{
    DenyCause, Duration, Field, FloorIndicator, FloorPriority, FunctionalAlias,
    GrantedPartysIdentity, ListOfFunctionalAliases, ListOfGrantedUsers, ListOfLocations,
    ListOfSsrcs, Location, MessageSequenceNumber, PermissionToRequestTheFloor, QueueSize,
    Rejection, RevokeCause, TrackInfo, UserId,
};
use crate::{Error, Ssrc};

message! {
    /// Floor Granted, type 1 (TS 24.380 cl. 8.2.5).
    FloorGranted = "Floor Granted" {
        /// How long the receiver may talk.
        required duration: Duration,
        /// Priority granted.
        required floor_priority: FloorPriority,
        /// SSRC for the audio of the receiver.
        optional ssrc: Ssrc,
        /// Off-network only.
        optional user_id: UserId,
        /// Off-network only.
        optional queue_size: QueueSize,
        /// Off-network only: the queue that moves with the floor.
        queued queued_participants: QueuedParticipant,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call.
        optional floor_indicator: FloorIndicator,
    }
}

message! {
    /// Floor Taken, type 2 (TS 24.380 cl. 8.2.9).
    FloorTaken = "Floor Taken" {
        /// The talker; absent when the talker asked for privacy or there are several.
        optional granted_partys_identity: GrantedPartysIdentity,
        /// Off-network only.
        optional user_id: UserId,
        /// Whether the receiver may ask for the floor.
        optional permission: PermissionToRequestTheFloor,
        /// Always sent; absence is tolerated.
        optional message_sequence_number: MessageSequenceNumber,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call.
        optional floor_indicator: FloorIndicator,
        /// SSRC of the talker's audio.
        optional ssrc: Ssrc,
        /// Alias of the talker.
        optional functional_alias: FunctionalAlias,
        /// Where the talker is.
        optional location: Location,
        /// The talkers of a multi-talker group.
        optional granted_users: ListOfGrantedUsers,
        /// Their SSRCs.
        optional ssrcs: ListOfSsrcs,
        /// Their aliases.
        optional functional_aliases: ListOfFunctionalAliases,
        /// Where they are.
        optional locations: ListOfLocations,
    }
}

message! {
    /// Floor Deny, type 3 (TS 24.380 cl. 8.2.6).
    FloorDeny = "Floor Deny" {
        /// Why.
        required reject_cause: Rejection<DenyCause>,
        /// Off-network only.
        optional user_id: UserId,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call.
        optional floor_indicator: FloorIndicator,
    }
}

message! {
    /// Floor Idle, type 5 (TS 24.380 cl. 8.2.8).
    FloorIdle = "Floor Idle" {
        /// Always sent; absence is tolerated.
        optional message_sequence_number: MessageSequenceNumber,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call.
        optional floor_indicator: FloorIndicator,
    }
}

message! {
    /// Floor Revoke, type 6 (TS 24.380 cl. 8.2.10).
    FloorRevoke = "Floor Revoke" {
        /// Why.
        required reject_cause: Rejection<RevokeCause>,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call.
        optional floor_indicator: FloorIndicator,
    }
}

message! {
    /// Floor Release Multi Talker, type 15, release 15: one of several talkers stopped (TS 24.380 cl. 8.2.14).
    FloorReleaseMultiTalker = "Floor Release Multi Talker" {
        /// The talker that stopped.
        optional user_id: UserId,
        /// SSRC of its audio.
        optional ssrc: Ssrc,
        /// Its alias.
        optional functional_alias: FunctionalAlias,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call.
        optional floor_indicator: FloorIndicator,
    }
}
