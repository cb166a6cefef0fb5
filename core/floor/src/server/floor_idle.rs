//! 'G: Floor Idle': nobody talks (TS 24.380 cl. 6.3.4.3).

use super::floor_taken::Origin;
use super::general::{FloorIdleState, General, Grant};
use super::{FloorControlServer, Output, ParticipantId, RequestRight};
use crate::field::DenyCause;
use crate::timer::{Expiry, Repeat};
use roger_base::Instant;

impl FloorControlServer {
    /// Enters the state: a waiting request gets the floor at once, without Floor Idle; otherwise everybody is told
    /// (TS 24.380 cl. 6.3.4.3.2).
    pub(super) fn enter_floor_idle(&mut self, now: Instant, waiting: Option<Grant>) {
        if let Some(grant) = waiting.filter(|grant| self.legs.contains_key(&grant.holder)) {
            self.enter_floor_taken(now, grant, Origin::Waiting);
            return;
        }
        let timers = self.config.timers;
        self.general = General::FloorIdle(FloorIdleState {
            t4: Some(now + timers.t4),
            t7: Some(Repeat::first(now, timers.t7)),
        });
        self.sequence = self.sequence.next();
        self.send_idle_to_all();
    }

    fn send_idle_to_all(&mut self) {
        for participant in self.participants() {
            self.send_idle(participant);
        }
    }

    /// R: Floor Request while nobody talks (TS 24.380 cl. 6.3.4.3.3).
    pub(super) fn on_floor_request_in_idle(&mut self, now: Instant, grant: Grant) {
        match self.reason_to_deny_in_idle(now, grant.holder) {
            Some(cause) => self.send_deny(grant.holder, cause),
            None => self.enter_floor_taken(now, grant, Origin::Request),
        }
    }

    fn reason_to_deny_in_idle(&self, now: Instant, requester: ParticipantId) -> Option<DenyCause> {
        let leg = self.legs.get(&requester)?;
        if self
            .config
            .broadcast_originator
            .is_some_and(|originator| originator != requester)
        {
            return Some(DenyCause::ReceiveOnly);
        }
        if self.legs.len() < 2 {
            return Some(DenyCause::OnlyOneParticipant);
        }
        if leg.attributes.request_right == RequestRight::ReceiveOnly {
            return Some(DenyCause::ReceiveOnly);
        }
        let retry_after_runs = leg.t9.is_some_and(|t9| now < t9);
        retry_after_runs.then_some(DenyCause::RetryAfterTimerHasNotExpired)
    }

    /// T7 expired: Floor Idle again, with the same number (TS 24.380 cl. 6.3.4.3.4).
    pub(super) fn on_t7_expiry(&mut self, now: Instant, state: FloorIdleState) {
        let timers = self.config.timers;
        let expiry = state.t7.map(|t7| t7.expired(now, timers.t7, timers.c7));
        let t7 = match expiry {
            Some(Expiry::Again(t7)) => Some(t7),
            Some(Expiry::LimitReached) | None => None,
        };
        self.general = General::FloorIdle(FloorIdleState { t7, ..state });
        if t7.is_some() {
            self.send_idle_to_all();
        }
    }

    /// T4 expired: call control decides (TS 24.380 cl. 6.3.4.3.5).
    pub(super) fn on_t4_expiry(&mut self, state: FloorIdleState) {
        self.general = General::FloorIdle(FloorIdleState { t4: None, ..state });
        self.outputs.push_back(Output::CallInactive);
    }

    /// Call control keeps the call: T4 runs again.
    pub(super) fn on_keep_call(&mut self, now: Instant) {
        if let General::FloorIdle(state) = &mut self.general {
            state.t4 = Some(now + self.config.timers.t4);
        }
    }
}
