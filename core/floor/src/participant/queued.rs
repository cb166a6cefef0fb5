//! 'U: queued' (TS 24.380 cl. 6.2.4.9).

use super::call::{Call, Wish};
use super::state::{Queued, State, WaitingGrant};
use super::{Output, QueuedRelease};
use crate::field::QueuePosition;
use crate::timer::{Expiry, Repeat};
use crate::{FloorBody, FloorGranted, FloorQueuePositionInfo};
use roger_base::Instant;

impl Queued {
    pub(super) fn on_message(self, call: &mut Call, now: Instant, body: FloorBody) -> State {
        match body {
            FloorBody::FloorQueuePositionInfo(info) => self.on_queue_position_info(call, &info),
            FloorBody::FloorGranted(granted) => self.on_floor_granted(call, now, granted),
            FloorBody::FloorDeny(deny) => {
                call.wish = Wish::Listen;
                call.output(Output::Denied(deny.reject_cause));
                State::HasNoPermission
            }
            FloorBody::FloorRevoke(_) => {
                call.wish = Wish::Listen;
                call.release(now)
            }
            FloorBody::FloorTaken(taken) => {
                call.show_taken(now, taken);
                State::Queued(self)
            }
            FloorBody::FloorIdle(idle) => {
                call.show_idle(&idle);
                State::Queued(self)
            }
            _ => State::Queued(self),
        }
    }

    fn on_queue_position_info(self, call: &mut Call, info: &FloorQueuePositionInfo) -> State {
        call.output(Output::Queued(info.queue_info));
        if info.queue_info.position == QueuePosition::NotQueued {
            call.wish = Wish::Listen;
            return State::HasNoPermission;
        }
        State::Queued(Self { t104: None, ..self })
    }

    /// R: Floor Granted: with the button pressed the burst begins, else the user is prompted (TS 24.380 cl.
    /// 6.2.4.9.5).
    fn on_floor_granted(self, call: &mut Call, now: Instant, granted: FloorGranted) -> State {
        let details = granted.into();
        if call.wish == Wish::Talk {
            return call.talk(details);
        }
        let running = self.grant.map(|grant| grant.t132);
        if running.is_none() {
            call.output(Output::GrantWaits);
        }
        let t132 = running.unwrap_or(now + call.config.timers.t132);
        State::Queued(Self {
            t104: None,
            grant: Some(WaitingGrant { details, t132 }),
        })
    }

    pub(super) fn on_ptt_pressed(self, call: &mut Call) -> State {
        match self.grant {
            Some(grant) => call.talk(grant.details),
            None => State::Queued(self),
        }
    }

    pub(super) fn on_ptt_released(self, call: &mut Call, now: Instant) -> State {
        match call.config.queued_release {
            QueuedRelease::Withdraws => call.release(now),
            QueuedRelease::KeepsPlace => State::Queued(self),
        }
    }

    /// The user asks where the request stands (TS 24.380 cl. 6.2.4.9.3).
    pub(super) fn on_ask_queue_position(self, call: &mut Call, now: Instant) -> State {
        call.send_position_request();
        State::Queued(Self {
            t104: Some(Repeat::first(now, call.config.timers.t104)),
            ..self
        })
    }

    /// T104 expired (TS 24.380 cl. 6.2.4.9.9).
    pub(super) fn on_t104_expiry(self, call: &mut Call, now: Instant) -> State {
        let timers = call.config.timers;
        let t104 = match self
            .t104
            .map(|t104| t104.expired(now, timers.t104, timers.c104))
        {
            Some(Expiry::Again(t104)) => {
                call.send_position_request();
                Some(t104)
            }
            Some(Expiry::LimitReached) | None => None,
        };
        State::Queued(Self { t104, ..self })
    }

    /// T132 expired: the button was not pressed, the floor is given back (TS 24.380 cl. 6.2.4.9.10).
    pub(super) fn on_t132_expiry(call: &mut Call, now: Instant) -> State {
        call.release(now)
    }
}
