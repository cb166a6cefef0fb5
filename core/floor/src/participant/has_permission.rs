//! 'U: has permission' (TS 24.380 cl. 6.2.4.5).

use super::call::{Call, Shown, Wish};
use super::state::{HasPermission, State};
use super::{GrantDetails, Output, Overriding, StopReason};
use crate::field::FloorIndicator;
use crate::{FloorBody, FloorGranted, FloorIdle, FloorRevoke, FloorTaken};
use roger_base::Instant;

impl HasPermission {
    pub(super) fn on_message(self, call: &mut Call, now: Instant, body: FloorBody) -> State {
        match body {
            FloorBody::FloorRevoke(revoke) => Self::on_floor_revoke(call, now, revoke),
            FloorBody::FloorGranted(granted) => self.on_floor_granted(call, granted),
            FloorBody::FloorTaken(taken) => self.on_floor_taken(call, now, taken),
            FloorBody::FloorIdle(idle) => self.on_floor_idle(call, &idle),
            _ => State::HasPermission(self),
        }
    }

    /// R: Floor Revoke: the microphone closes, whatever the button says (TS 24.380 cl. 6.2.4.5.4).
    fn on_floor_revoke(call: &mut Call, now: Instant, revoke: FloorRevoke) -> State {
        call.wish = Wish::Listen;
        call.output(Output::MustStop(StopReason::Revoked(revoke.reject_cause)));
        call.release(now)
    }

    /// A repeated grant, or the message after a grant in the SDP answer, which says more.
    fn on_floor_granted(self, call: &mut Call, granted: FloorGranted) -> State {
        let details = GrantDetails::from(granted);
        if details == self.details {
            return State::HasPermission(self);
        }
        call.output(Output::GrantChanged(details.clone()));
        State::HasPermission(Self { details })
    }

    /// R: Floor Taken of an overriding or a second talker. Any other one is an old message that was overtaken: the
    /// server answers media without permission with Revoke #3.
    fn on_floor_taken(self, call: &mut Call, now: Instant, taken: FloorTaken) -> State {
        let indicator = taken.floor_indicator.unwrap_or_default();
        let beside = indicator.contains(FloorIndicator::DUAL_FLOOR)
            || indicator.contains(FloorIndicator::MULTI_TALKER);
        if beside {
            call.show_taken(now, taken);
            call.t103 = None;
        }
        State::HasPermission(self)
    }

    /// R: Floor Idle with bit G: the dual floor has ended, this burst goes on (TS 24.380 cl. 6.2.4.5.9).
    fn on_floor_idle(mut self, call: &mut Call, idle: &FloorIdle) -> State {
        if idle
            .floor_indicator
            .unwrap_or_default()
            .contains(FloorIndicator::DUAL_FLOOR)
        {
            self.details.overriding = Overriding::No;
            call.shown = Shown::Nothing;
        }
        State::HasPermission(self)
    }

    /// The user lets the button go (TS 24.380 cl. 6.2.4.5.3).
    pub(super) fn on_ptt_released(self, call: &mut Call, now: Instant) -> State {
        call.output(Output::MustStop(StopReason::Released));
        let indicator = call.config.floor_indicator;
        if self.details.overriding == Overriding::Yes {
            call.config.floor_indicator |= FloorIndicator::DUAL_FLOOR;
        }
        let state = call.release(now);
        call.config.floor_indicator = indicator;
        state
    }
}
