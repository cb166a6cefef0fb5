//! 'U: pending Request' (TS 24.380 cl. 6.2.4.4).

use super::Output;
use super::call::{Call, Wish};
use super::state::{PendingRequest, Queued, State};
use crate::field::QueuePosition;
use crate::timer::Expiry;
use crate::{FloorBody, FloorQueuePositionInfo};
use roger_base::Instant;

impl PendingRequest {
    pub(super) fn on_message(self, call: &mut Call, now: Instant, body: FloorBody) -> State {
        match body {
            FloorBody::FloorGranted(granted) => call.talk(granted.into()),
            FloorBody::FloorDeny(deny) => {
                call.wish = Wish::Listen;
                call.output(Output::Denied(deny.reject_cause));
                State::HasNoPermission
            }
            FloorBody::FloorTaken(taken) => {
                call.output(Output::RequestLost);
                call.show_taken(now, taken);
                State::HasNoPermission
            }
            FloorBody::FloorQueuePositionInfo(info) => self.on_queue_position_info(call, &info),
            FloorBody::FloorRevoke(_) => {
                call.wish = Wish::Listen;
                call.release(now)
            }
            FloorBody::FloorIdle(idle) => {
                // The request may still be under way: T101 decides.
                call.show_idle(&idle);
                State::PendingRequest(self)
            }
            _ => State::PendingRequest(self),
        }
    }

    fn on_queue_position_info(self, call: &mut Call, info: &FloorQueuePositionInfo) -> State {
        if info.queue_info.position == QueuePosition::NotQueued {
            return State::PendingRequest(self);
        }
        call.output(Output::Queued(info.queue_info));
        State::Queued(Queued {
            t104: None,
            grant: None,
        })
    }

    /// T101 expired: the request again, or the user is told (TS 24.380 cl. 6.2.4.4.8). Before the answer to the
    /// INVITE there is no channel to send on; the timer only runs on.
    pub(super) fn on_t101_expiry(self, call: &mut Call, now: Instant) -> State {
        let timers = call.config.timers;
        if call.early.is_some() {
            return State::PendingRequest(Self {
                t101: self.t101.restart(now, timers.t101),
            });
        }
        match self.t101.expired(now, timers.t101, timers.c101) {
            Expiry::Again(t101) => {
                call.send_request();
                State::PendingRequest(Self { t101 })
            }
            Expiry::LimitReached => {
                call.output(Output::RequestTimedOut);
                State::HasNoPermission
            }
        }
    }

    /// The user lets the button go before the answer (TS 24.380 cl. 6.2.4.4.6).
    pub(super) fn on_ptt_released(self, call: &mut Call, now: Instant) -> State {
        if call.early.is_some() {
            return State::PendingRequest(self);
        }
        call.release(now)
    }
}
