//! Messages from a floor participant to the floor control server.

use super::macros::message;
use crate::Error;
use crate::field::{
    Field, FloorIndicator, FloorPriority, FloorRevokeRequestUserId, FunctionalAlias, Location,
    MediaFlowControlIndicator, TrackInfo, UserId,
};

message! {
    /// Floor Request, type 0 (TS 24.380 cl. 8.2.4). An absent priority is priority 0 (inferred).
    FloorRequest = "Floor Request" {
        /// Priority asked for.
        default floor_priority: FloorPriority,
        /// Off-network only.
        optional user_id: UserId,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call, with D or E when the requester is in that state.
        optional floor_indicator: FloorIndicator,
        /// Alias to show to the others (release 15).
        optional functional_alias: FunctionalAlias,
        /// Where the requester is (release 15).
        optional location: Location,
    }
}

message! {
    /// Floor Release, type 4 (TS 24.380 cl. 8.2.7); it withdraws a queued request too.
    FloorRelease = "Floor Release" {
        /// Off-network only.
        optional user_id: UserId,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call.
        optional floor_indicator: FloorIndicator,
    }
}

message! {
    /// Floor Revoke Request, type 7, release 19 (TS 24.380 cl. 8.2.17).
    FloorRevokeRequest = "Floor Revoke Request" {
        /// The talker to revoke.
        required user: FloorRevokeRequestUserId,
    }
}

message! {
    /// Unicast Media Flow Control, type 11, release 17 (TS 24.380 cl. 8.2.16).
    UnicastMediaFlowControl = "Unicast Media Flow Control" {
        /// Stop or resume.
        required indicator: MediaFlowControlIndicator,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
    }
}
