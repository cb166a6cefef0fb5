//! 'G: pending Floor Revoke': the holder was told to stop (TS 24.380 cl. 6.3.4.5).

use super::general::{General, Grant, PendingFloorRevokeState};
use super::{FloorControlServer, ParticipantId};
use crate::field::{DenyCause, QueuePosition, RevokeCause};
use roger_base::Instant;

impl FloorControlServer {
    /// T1 or T3 expired, or the holder released or left: the burst is over and the waiting request gets the floor
    /// (TS 24.380 cl. 6.3.4.5.3 to 6.3.4.5.6).
    pub(super) fn end_pending_revoke(&mut self, now: Instant, state: PendingFloorRevokeState) {
        let holder = state.grant.holder;
        let retry_after = self
            .config
            .timers
            .t9
            .filter(|_| state.cause == RevokeCause::MediaBurstTooLong);
        if let (Some(t9), Some(leg)) = (retry_after, self.legs.get_mut(&holder)) {
            leg.t9 = Some(now + t9);
        }
        self.end_burst(now, holder, state.next);
    }

    /// R: Floor Request of another. A higher one than the waiting one, or than the talker, moves to the front; T3
    /// goes on as it was (TS 24.380 cl. 6.3.4.5.7).
    pub(super) fn on_floor_request_in_pending_revoke(&mut self, request: Grant) {
        let policy = self.config.override_policy;
        let requester = request.holder;
        let priority = request.priority;
        if !self.may_request(requester) {
            self.send_deny(requester, DenyCause::ReceiveOnly);
            return;
        }
        let General::PendingFloorRevoke(state) = &mut self.general else {
            return;
        };
        let rival = state.next.as_ref().unwrap_or(&state.grant);
        let waits_already = state
            .next
            .as_ref()
            .is_some_and(|next| next.holder == requester);
        if !waits_already && !priority.overrides(rival.priority, policy) {
            self.send_deny(requester, DenyCause::AnotherClientHasPermission);
            return;
        }
        // A repeated request keeps its place, with the better of its two priorities.
        let keeps = waits_already && rival.priority >= priority;
        let displaced = if keeps {
            None
        } else {
            state.next.replace(request)
        };
        if let Some(displaced) = displaced.filter(|displaced| displaced.holder != requester) {
            self.send_deny(displaced.holder, DenyCause::AnotherClientHasPermission);
        }
        self.send_position_if_negotiated(
            requester,
            QueuePosition::Position(1),
            priority.floor_priority.0,
        );
    }

    /// Takes a waiting request back: its requester released or left.
    pub(super) fn withdraw(&mut self, requester: ParticipantId) {
        if let General::PendingFloorRevoke(state) = &mut self.general
            && state
                .next
                .as_ref()
                .is_some_and(|next| next.holder == requester)
        {
            state.next = None;
        }
    }
}
