//! Messages about the queue, and the acknowledgement.

use super::macros::message;
use crate::field::{
    Field, FloorIndicator, ListOfQueuedUsers, Location, MessageType, QueueInfo,
    QueuedFloorRequestsPurpose, QueuedUserId, ResponseState, Source, TrackInfo, UserId,
};
use crate::{Error, Ssrc};

message! {
    /// Floor Queue Position Request, type 8 (TS 24.380 cl. 8.2.11).
    FloorQueuePositionRequest = "Floor Queue Position Request" {
        /// Off-network only.
        optional user_id: UserId,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
    }
}

message! {
    /// Floor Queue Position Info, type 9 (TS 24.380 cl. 8.2.12).
    FloorQueuePositionInfo = "Floor Queue Position Info" {
        /// Off-network only.
        optional user_id: UserId,
        /// Off-network only: SSRC of the queued participant.
        optional ssrc: Ssrc,
        /// Off-network only.
        optional queued_user_id: QueuedUserId,
        /// Where the request stands.
        required queue_info: QueueInfo,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// The kind of call.
        optional floor_indicator: FloorIndicator,
    }
}

message! {
    /// Floor Ack, type 10 (TS 24.380 cl. 8.2.13).
    FloorAck = "Floor Ack" {
        /// Who acknowledges.
        required source: Source,
        /// What is acknowledged.
        required message_type: MessageType,
        /// When a non-controlling function is on the way.
        optional track_info: TrackInfo,
        /// Where the sender is (release 17).
        optional location: Location,
    }
}

message! {
    /// Queued Floor Requests, type 14 from release 18, Floor Queued Cancel in release 17 (TS 24.380 cl. 8.2.15).
    QueuedFloorRequests = "Queued Floor Requests" {
        /// Cancel, its result, or the notification of the one whose request was removed.
        required purpose: QueuedFloorRequestsPurpose,
        /// Result of a cancellation.
        optional response_state: ResponseState,
        /// Whose requests are meant.
        optional queued_users: ListOfQueuedUsers,
        /// Who cancelled.
        optional user_id: UserId,
    }
}

/// One entry of the queue that moves with an off-network grant (TS 24.380 cl. 8.2.5): three fields in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedParticipant {
    /// SSRC of the queued participant.
    pub ssrc: Ssrc,
    /// Who is queued.
    pub user_id: QueuedUserId,
    /// Where the request stands.
    pub queue_info: QueueInfo,
}

impl QueuedParticipant {
    pub(super) fn to_fields(&self) -> [Field; 3] {
        [
            self.ssrc.into(),
            self.user_id.clone().into(),
            self.queue_info.into(),
        ]
    }
}

/// The groups of SSRC, Queued User ID and Queue Info among the fields of a grant.
pub(crate) fn queued_participants(fields: &[Field]) -> Vec<QueuedParticipant> {
    let group = |window: &[Field]| match window {
        [
            Field::Ssrc(ssrc),
            Field::QueuedUserId(user_id),
            Field::QueueInfo(queue_info),
        ] => Some(QueuedParticipant {
            ssrc: *ssrc,
            user_id: user_id.clone(),
            queue_info: *queue_info,
        }),
        _ => None,
    };
    fields.windows(3).filter_map(group).collect()
}
