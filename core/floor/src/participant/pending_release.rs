//! 'U: pending Release' (TS 24.380 cl. 6.2.4.6).

use super::call::Call;
use super::state::{PendingRelease, State};
use super::{CallRole, Output};
use crate::timer::Expiry;
use crate::{FloorBody, FloorIdle};
use roger_base::Instant;

impl PendingRelease {
    pub(super) fn on_message(self, call: &mut Call, now: Instant, body: FloorBody) -> State {
        match body {
            FloorBody::FloorIdle(idle) => Self::on_floor_idle(call, now, &idle),
            FloorBody::FloorTaken(taken) => {
                call.show_taken(now, taken);
                call.without_permission(now)
            }
            FloorBody::FloorGranted(_) => {
                // The grant may have been made after the Release was seen: it is handed back at once.
                call.send_release();
                let t100 = self.t100.restart(now, call.config.timers.t100);
                State::PendingRelease(Self { t100 })
            }
            _ => State::PendingRelease(self),
        }
    }

    fn on_floor_idle(call: &mut Call, now: Instant, idle: &FloorIdle) -> State {
        call.show_idle(idle);
        if call.config.role == CallRole::BroadcastOriginator {
            call.stop_all();
            call.output(Output::LeaveCall);
            return State::Releasing;
        }
        call.without_permission(now)
    }

    /// R: RTP: somebody else talks, the Release was seen (TS 24.380 cl. 6.2.4.6.5).
    pub(super) fn on_rtp(call: &mut Call, now: Instant) -> State {
        call.without_permission(now)
    }

    /// T100 expired: the release again, a few times (TS 24.380 cl. 6.2.4.6.2).
    pub(super) fn on_t100_expiry(self, call: &mut Call, now: Instant) -> State {
        let timers = call.config.timers;
        match self.t100.expired(now, timers.t100, timers.c100) {
            Expiry::Again(t100) => {
                call.send_release();
                State::PendingRelease(Self { t100 })
            }
            Expiry::LimitReached => call.without_permission(now),
        }
    }
}
