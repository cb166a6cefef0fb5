//! The floor and the recording: permit, deny, revoke, and the end of what was said.

use super::super::news::News;
use super::super::plan::{NEXT_REQUEST, Plan, Sooner};
use super::super::talking::{Length, Recording, TalkError, seconds};
use super::{Say, Session};
use roger_floor::participant::StopReason;
use roger_ue::client::{Button, CallNumber, UeInput};

impl Session<'_> {
    pub(super) fn on_may_talk(&mut self, call: CallNumber) {
        let planned = self.planned.plan == Plan::Asked && self.wishes.say == Say::Once;
        let length = match (planned, self.button) {
            (true, _) => Some(Length::Once),
            (false, Button::Pressed) => Some(Length::UntilStopped),
            (false, Button::Released) => None,
        };
        let (Some(length), Some(recording)) = (length, &self.kit.recording) else {
            // Nothing to say: the floor is for others.
            self.ue.input(UeInput::Ptt(call, Button::Released));
            self.call_came_about();
            return;
        };
        let party = self.calls.party(call);
        self.screen.tell(&News::Permit { party });
        self.talking = Some(recording.say(&self.ue, call, length));
        if planned {
            self.planned.plan = Plan::Says;
        }
    }

    /// A call without anything to say was all that was planned.
    fn call_came_about(&mut self) {
        if self.planned.plan == Plan::Asked && self.wishes.say == Say::ByButton {
            self.planned.plan = Plan::Done;
        }
    }

    pub(super) fn on_must_stop(&mut self, call: CallNumber, reason: &StopReason) {
        if let Some(talking) = self.talking.as_ref().filter(|talking| talking.call == call) {
            talking.stop();
        }
        if let StopReason::Revoked(rejection) = reason {
            let party = self.calls.party(call);
            let reason = rejection.cause.to_string();
            self.screen.tell(&News::Revoked { party, reason });
        }
    }

    pub(super) fn on_denied(&mut self, call: CallNumber, cause: String) {
        let party = self.calls.party(call);
        self.screen.tell(&News::Deny { party, cause });
        self.button = Button::Released;
        self.ue.input(UeInput::Ptt(call, Button::Released));
        self.call_came_about();
        if self.planned.plan == Plan::Asked {
            self.ask_again(NEXT_REQUEST, Sooner::WhenIdle, "when nobody talks");
        }
    }

    pub(super) fn on_talk_ended(&mut self, result: &Result<(), TalkError>) {
        let Some(talking) = self.talking.take() else {
            return;
        };
        self.button = Button::Released;
        self.ue.input(UeInput::Ptt(talking.call, Button::Released));
        if let Err(error) = result {
            let reason = format!("the recording, by the codec: {error}");
            self.screen.tell(&News::Refused { reason });
        }
        let said = talking.frames();
        self.screen.tell(&News::Said {
            party: self.calls.party(talking.call),
            seconds: seconds(said),
        });
        if talking.length == Length::Once {
            let whole = self.kit.recording.as_ref().map(Recording::len);
            let all = whole == Some(said);
            self.planned.plan = match all && result.is_ok() {
                true => Plan::Done,
                false => Plan::Failed,
            };
        }
    }
}
