//! 'G: Floor Taken': somebody talks (TS 24.380 cl. 6.3.4.4).

use super::general::{FloorTakenState, General, Grant, PendingFloorRevokeState};
use super::participant::LegState;
use super::{FloorControlServer, Output, ParticipantId};
use crate::field::{DenyCause, QueuePosition, RevokeCause};
use crate::timer::{Expiry, Repeat};
use roger_base::Instant;

/// Where a grant comes from; one that has waited is repeated by T20 until media come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Request,
    Waiting,
}

impl FloorControlServer {
    /// Enters the state: Granted to the new holder, Taken to the others, T1 (TS 24.380 cl. 6.3.4.4.2).
    pub(super) fn enter_floor_taken(&mut self, now: Instant, grant: Grant, origin: Origin) {
        let timers = self.config.timers;
        let holder = grant.holder;
        self.outputs
            .push_back(Output::FloorHolderChanged(Some(holder)));
        self.outputs.push_back(Output::AcceptMediaFrom(holder));
        self.send_granted(&grant, timers.t2);
        if let Some(leg) = self.legs.get_mut(&holder) {
            leg.state = LegState::Permitted;
        }
        self.general = General::FloorTaken(FloorTakenState {
            grant: grant.clone(),
            t1: now + timers.t1,
            t2: None,
            t20: (origin == Origin::Waiting).then(|| Repeat::first(now, timers.t20)),
        });
        self.sequence = self.sequence.next();
        for participant in self
            .participants()
            .into_iter()
            .filter(|participant| *participant != holder)
        {
            self.send_taken(participant, &grant);
        }
    }

    /// The talk burst is over: no media of the holder any more.
    pub(super) fn end_burst(
        &mut self,
        now: Instant,
        holder: ParticipantId,
        waiting: Option<Grant>,
    ) {
        self.outputs.push_back(Output::StopMedia(holder));
        self.outputs.push_back(Output::FloorHolderChanged(None));
        self.enter_floor_idle(now, waiting);
    }

    /// R: RTP of the holder: the first packet starts T2, each restarts T1 (TS 24.380 cl. 6.3.4.4.3).
    pub(super) fn on_rtp_of_holder(&mut self, now: Instant) {
        let timers = self.config.timers;
        match &mut self.general {
            General::FloorTaken(state) => {
                state.t1 = now + timers.t1;
                state.t2 = state.t2.or(Some(now + timers.t2));
                state.t20 = None;
            }
            General::PendingFloorRevoke(state) => state.t1 = Some(now + timers.t1),
            General::StartStop | General::FloorIdle(_) | General::Releasing => {}
        }
    }

    /// R: Floor Request of the holder: the grant was lost, it is sent again with the time that is left. A holder that
    /// has come into an emergency keeps the floor with the higher priority (TS 24.380 cl. 6.3.4.4.9).
    pub(super) fn on_floor_request_of_holder(&mut self, now: Instant, request: Grant) {
        let General::FloorTaken(state) = &mut self.general else {
            return;
        };
        let left = state.t2.map_or(self.config.timers.t2, |t2| t2.since(now));
        state.grant.priority = state.grant.priority.max(request.priority);
        let grant = state.grant.clone();
        self.send_granted(&grant, left);
    }

    /// R: Floor Request of another: override or deny, as queueing is off (TS 24.380 cl. 6.3.5.4.4).
    pub(super) fn on_floor_request_in_taken(&mut self, now: Instant, request: Grant) {
        let General::FloorTaken(state) = &self.general else {
            return;
        };
        if !self.may_request(request.holder) {
            self.send_deny(request.holder, DenyCause::ReceiveOnly);
            return;
        }
        if !request
            .priority
            .overrides(state.grant.priority, self.config.override_policy)
        {
            self.send_deny(request.holder, DenyCause::AnotherClientHasPermission);
            return;
        }
        let priority = request.priority.floor_priority.0;
        let requester = request.holder;
        let state = state.clone();
        self.enter_pending_floor_revoke(
            now,
            state,
            RevokeCause::MediaBurstPreempted,
            Some(request),
        );
        self.send_position_if_negotiated(requester, QueuePosition::Position(1), priority);
    }

    /// T1 expired: the holder has finished (TS 24.380 cl. 6.3.4.4.4).
    pub(super) fn on_t1_expiry(&mut self, now: Instant, state: &FloorTakenState) {
        self.end_burst(now, state.grant.holder, None);
    }

    /// T2 expired: the burst is too long (TS 24.380 cl. 6.3.4.4.5).
    pub(super) fn on_t2_expiry(&mut self, now: Instant, state: FloorTakenState) {
        self.enter_pending_floor_revoke(now, state, RevokeCause::MediaBurstTooLong, None);
        if let General::PendingFloorRevoke(state) = &mut self.general {
            state.t1 = None;
        }
    }

    /// T20 expired: Floor Granted again, a few times (TS 24.380 cl. 6.3.4.4.11).
    pub(super) fn on_t20_expiry(&mut self, now: Instant, mut state: FloorTakenState) {
        let timers = self.config.timers;
        state.t20 = match state
            .t20
            .map(|t20| t20.expired(now, timers.t20, timers.c20))
        {
            Some(Expiry::Again(t20)) => {
                self.send_granted(&state.grant, timers.t2);
                Some(t20)
            }
            Some(Expiry::LimitReached) | None => None,
        };
        self.general = General::FloorTaken(state);
    }

    /// Enters 'G: pending Floor Revoke': Revoke to the holder, T3 (TS 24.380 cl. 6.3.4.5.2).
    pub(super) fn enter_pending_floor_revoke(
        &mut self,
        now: Instant,
        state: FloorTakenState,
        cause: RevokeCause,
        next: Option<Grant>,
    ) {
        let holder = state.grant.holder;
        let revoke = self.send_revoke(now, holder, cause);
        if let Some(leg) = self.legs.get_mut(&holder) {
            leg.state = LegState::PendingFloorRevoke(revoke);
        }
        self.general = General::PendingFloorRevoke(PendingFloorRevokeState {
            grant: state.grant,
            cause,
            t1: Some(state.t1),
            t3: now + self.config.timers.t3,
            next,
        });
    }
}
