//! A floor participant: the client's machine for one call (TS 24.380 cl. 6.2.4).
//!
//! The machine decides when the microphone is open: from [`Output::MayTalk`] to [`Output::MustStop`]. A grant that
//! comes after the button was let go is handed back at once.

mod call;
mod config;
mod has_no_permission;
mod has_permission;
mod io;
mod pending_release;
mod pending_request;
mod queued;
mod state;

pub use config::{CallRole, ParticipantConfig, ParticipantTimers, QueuedRelease};
pub use io::{
    Answer, GrantDetails, ImplicitRequest, Input, NoRequest, Output, Overriding, StopReason, Talker,
};

use crate::timer::{Repeat, TimerName};
use crate::{Error, FloorMessage, Ssrc};
use call::{Call, EarlyEvent, Shown, Wish};
use roger_base::Instant;
use state::{PendingRelease, PendingRequest, Queued, State};

/// The floor participant of one call.
#[derive(Debug)]
pub struct FloorParticipant {
    state: State,
    call: Call,
}

impl FloorParticipant {
    /// A participant in Start-stop.
    #[must_use]
    pub const fn new(config: ParticipantConfig) -> Self {
        Self {
            state: State::StartStop,
            call: Call::new(config),
        }
    }

    /// Takes an input at a time; timers that are due by then expire first. Messages that make no sense in a state
    /// are ignored after the acknowledgement they ask for.
    ///
    /// # Errors
    /// [`Error::LocalWrongState`] when a call is begun or answered out of order; nothing changes.
    pub fn handle(&mut self, now: Instant, input: Input) -> Result<(), Error> {
        self.expire(now);
        match input {
            Input::InviteSent(implicit) => return self.on_invite_sent(now, implicit),
            Input::CallAnswered(answer) => return self.on_call_answered(now, answer),
            Input::CallAccepted => return self.on_call_accepted(),
            Input::Floor(message) => self.on_floor_message(now, message),
            Input::Rtp(ssrc) => self.on_rtp(now, ssrc),
            Input::PttPressed => self.on_ptt_pressed(now),
            Input::PttReleased => self.on_ptt_released(now),
            Input::AskQueuePosition => self.step(|state, call| match state {
                State::Queued(queued) => queued.on_ask_queue_position(call, now),
                other => other,
            }),
            Input::CancelQueuedRequest => self.on_cancel_queued_request(now),
            Input::FloorIndicator(indicator) => self.call.config.floor_indicator = indicator,
            Input::Location(location) => self.call.location = location,
            Input::ReleaseCall => self.on_release_call(),
            Input::CallReleased => {
                self.on_release_call();
                self.state = State::StartStop;
            }
            Input::Timeout => {}
        }
        Ok(())
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.call.outputs.pop_front()
    }

    /// When to call [`FloorParticipant::handle`] with [`Input::Timeout`] at the latest, and which timer that is.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, TimerName)> {
        let t103 = self.call.t103.map(|at| (at, TimerName::T103));
        self.state.deadline().into_iter().chain(t103).min()
    }

    /// Whether the microphone may be open.
    #[must_use]
    pub const fn may_talk(&self) -> bool {
        matches!(self.state, State::HasPermission(_))
    }

    /// Whether audio of this SSRC is to be heard: the announced talker's, or anyone's when no SSRC was announced
    /// (TS 24.380 cl. 6.2.4.3.3).
    #[must_use]
    pub fn renders(&self, ssrc: Ssrc) -> bool {
        match (&self.state, &self.call.shown) {
            (State::StartStop | State::Releasing, _) => false,
            (_, Shown::Talker(talker)) if talker.talkers.is_empty() => {
                talker.audio_ssrc.is_none_or(|announced| announced == ssrc)
            }
            (State::HasPermission(_), Shown::Nothing | Shown::Idle(_)) => false,
            _ => true,
        }
    }

    /// Name of the state (TS 24.380 cl. 6.2.4).
    #[must_use]
    pub const fn state(&self) -> &'static str {
        self.state.name()
    }

    fn step(&mut self, transition: impl FnOnce(State, &mut Call) -> State) {
        let state = core::mem::replace(&mut self.state, State::StartStop);
        self.state = transition(state, &mut self.call);
    }

    fn wrong_state(&self, input: &'static str) -> Error {
        Error::LocalWrongState {
            input,
            state: self.state.name(),
        }
    }

    /// This client originates a call (TS 24.380 cl. 6.2.4.2.2).
    fn on_invite_sent(&mut self, now: Instant, implicit: ImplicitRequest) -> Result<(), Error> {
        if self.state != State::StartStop {
            return Err(self.wrong_state("InviteSent"));
        }
        self.call.early = Some(Vec::new());
        self.state = match implicit {
            ImplicitRequest::NotSent => State::HasNoPermission,
            ImplicitRequest::Sent => {
                self.call.wish = Wish::Talk;
                let t101 = Repeat::first(now, self.call.config.timers.t101);
                State::PendingRequest(PendingRequest { t101 })
            }
        };
        Ok(())
    }

    /// This client is in a call of another (TS 24.380 cl. 6.2.4.2.3).
    fn on_call_accepted(&mut self) -> Result<(), Error> {
        if self.state != State::StartStop {
            return Err(self.wrong_state("CallAccepted"));
        }
        self.state = State::HasNoPermission;
        Ok(())
    }

    /// The 200 OK: the implicit request has its result, and what came early is looked at in its order.
    fn on_call_answered(&mut self, now: Instant, answer: Answer) -> Result<(), Error> {
        let Some(early) = self.call.early.take() else {
            return Err(self.wrong_state("CallAnswered"));
        };
        self.step(|state, call| match (state, answer, call.wish) {
            (State::PendingRequest(_), Answer::Granted, Wish::Talk) => {
                call.talk(granted_in_answer())
            }
            (State::PendingRequest(_), Answer::Granted | Answer::Accepted, Wish::Listen) => {
                call.release(now)
            }
            (State::PendingRequest(_), Answer::Accepted, Wish::Talk) => {
                let t101 = Repeat::first(now, call.config.timers.t101);
                State::PendingRequest(PendingRequest { t101 })
            }
            _ => call.without_permission(now),
        });
        for event in early {
            match event {
                EarlyEvent::Floor(message) => self.on_floor_message(now, message),
                EarlyEvent::Rtp(ssrc) => self.on_rtp(now, ssrc),
            }
        }
        Ok(())
    }

    fn on_floor_message(&mut self, now: Instant, message: FloorMessage) {
        if matches!(self.state, State::StartStop | State::Releasing) {
            return;
        }
        if self.call.early.is_some() {
            self.call.keep_early(|| EarlyEvent::Floor(message));
            return;
        }
        self.call.acknowledge(&message);
        let body = message.body;
        self.step(|state, call| match state {
            State::HasNoPermission => has_no_permission::on_message(call, now, body),
            State::PendingRequest(state) => state.on_message(call, now, body),
            State::HasPermission(state) => state.on_message(call, now, body),
            State::PendingRelease(state) => state.on_message(call, now, body),
            State::Queued(state) => state.on_message(call, now, body),
            other @ (State::StartStop | State::Releasing) => other,
        });
    }

    fn on_rtp(&mut self, now: Instant, ssrc: Ssrc) {
        if self.call.keep_early(|| EarlyEvent::Rtp(ssrc)) {
            return;
        }
        self.step(|state, call| match state {
            State::StartStop | State::Releasing | State::HasPermission(_) => state,
            State::PendingRelease(_) => {
                call.restart_t103(now);
                PendingRelease::on_rtp(call, now)
            }
            State::HasNoPermission | State::PendingRequest(_) | State::Queued(_) => {
                call.restart_t103(now);
                state
            }
        });
    }

    fn on_ptt_pressed(&mut self, now: Instant) {
        if matches!(self.state, State::StartStop | State::Releasing) {
            self.call.output(Output::NoRequest(NoRequest::NoCall));
            return;
        }
        let already = self.call.wish == Wish::Talk;
        self.call.wish = Wish::Talk;
        if self.call.early.is_some() {
            return;
        }
        self.step(|state, call| match state {
            // A button that was never let go asks once; the next press asks again.
            State::HasNoPermission if already => State::HasNoPermission,
            State::HasNoPermission => has_no_permission::on_ptt_pressed(call, now),
            State::Queued(queued) => queued.on_ptt_pressed(call),
            other => other,
        });
    }

    fn on_ptt_released(&mut self, now: Instant) {
        self.call.wish = Wish::Listen;
        self.step(|state, call| match state {
            State::PendingRequest(state) => state.on_ptt_released(call, now),
            State::HasPermission(state) => state.on_ptt_released(call, now),
            State::Queued(state) => state.on_ptt_released(call, now),
            other => other,
        });
    }

    fn on_cancel_queued_request(&mut self, now: Instant) {
        self.step(|state, call| match state {
            State::Queued(_) => {
                call.wish = Wish::Listen;
                call.release(now)
            }
            other => other,
        });
    }

    /// Release, step 1 (TS 24.380 cl. 6.2.4.7.1).
    fn on_release_call(&mut self) {
        if self.may_talk() {
            self.call.output(Output::MustStop(StopReason::CallReleased));
        }
        self.call.stop_all();
        if self.state != State::StartStop {
            self.state = State::Releasing;
        }
    }

    /// Lets every timer expire that is due. Each pass ends a timer or starts it at a later time, so this ends.
    fn expire(&mut self, now: Instant) {
        while let Some((_, timer)) = self.deadline().filter(|(at, _)| *at <= now) {
            if timer == TimerName::T103 {
                self.call.on_t103_expiry();
                continue;
            }
            self.step(|state, call| match state {
                State::PendingRequest(state) => state.on_t101_expiry(call, now),
                State::PendingRelease(state) => state.on_t100_expiry(call, now),
                State::Queued(_) if timer == TimerName::T132 => Queued::on_t132_expiry(call, now),
                State::Queued(state) => state.on_t104_expiry(call, now),
                other => other,
            });
        }
    }
}

/// A grant in the SDP answer says nothing but yes.
fn granted_in_answer() -> GrantDetails {
    GrantDetails {
        duration: None,
        floor_priority: None,
        audio_ssrc: None,
        overriding: Overriding::No,
    }
}
