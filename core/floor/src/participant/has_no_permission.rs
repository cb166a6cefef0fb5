//! 'U: has no permission' (TS 24.380 cl. 6.2.4.3).

use super::CallRole;
use super::call::{Call, Wish};
use super::state::State;
use crate::{FloorBody, FloorGranted};
use roger_base::Instant;

pub(super) fn on_message(call: &mut Call, now: Instant, body: FloorBody) -> State {
    match body {
        FloorBody::FloorIdle(idle) => call.show_idle(&idle),
        FloorBody::FloorTaken(taken) => call.show_taken(now, taken),
        FloorBody::FloorGranted(granted) => return on_floor_granted(call, now, granted),
        // The server repeats a Revoke until it sees a Release; the microphone is closed already.
        FloorBody::FloorRevoke(_) => call.send_release(),
        _ => {}
    }
    State::HasNoPermission
}

/// An unasked grant. It opens the microphone in remotely initiated ambient listening, or when the user still presses
/// after an answer that was overtaken; otherwise it is handed back at once, so that the floor is not blocked for T1.
fn on_floor_granted(call: &mut Call, now: Instant, granted: FloorGranted) -> State {
    if call.config.role == CallRole::AmbientListening || call.wish == Wish::Talk {
        return call.talk(granted.into());
    }
    call.release(now)
}

/// The user presses the button (TS 24.380 cl. 6.2.4.3.5).
pub(super) fn on_ptt_pressed(call: &mut Call, now: Instant) -> State {
    call.request_if_permitted(now)
}
