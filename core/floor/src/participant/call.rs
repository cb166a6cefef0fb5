//! What a participant knows in every state, and the messages it sends.

use super::state::{PendingRelease, PendingRequest, State};
use super::{GrantDetails, NoRequest, Output, Overriding, ParticipantConfig, Talker};
use crate::field::{
    FloorIndicator, Location, MessageSequenceNumber, MessageType, PermissionToRequestTheFloor,
    Source,
};
use crate::timer::Repeat;
use crate::{
    AckRequest, FloorAck, FloorBody, FloorGranted, FloorIdle, FloorMessage,
    FloorQueuePositionRequest, FloorRelease, FloorRequest, FloorTaken, Ssrc,
};
use roger_base::Instant;
use std::collections::VecDeque;

/// Most events kept before the answer; a peer that sends more loses the rest.
const MOST_EARLY_EVENTS: usize = 64;

/// Whether the user wants to talk: the button is pressed and no answer has ended the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Listen,
    Talk,
}

/// What the user was told last about the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Idle(Option<MessageSequenceNumber>),
    Talker(Box<Talker>),
}

/// An event ahead of the answer.
// Made, moved once and taken apart: boxing the message would buy nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub(super) enum EarlyEvent {
    Floor(FloorMessage),
    Rtp(Ssrc),
}

/// Everything but the state.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) config: ParticipantConfig,
    pub(super) location: Option<Location>,
    pub(super) wish: Wish,
    pub(super) permission: PermissionToRequestTheFloor,
    pub(super) shown: Shown,
    pub(super) t103: Option<Instant>,
    /// Present up to the answer.
    pub(super) early: Option<Vec<EarlyEvent>>,
    pub(super) outputs: VecDeque<Output>,
}

impl Call {
    pub(super) const fn new(config: ParticipantConfig) -> Self {
        Self {
            config,
            location: None,
            wish: Wish::Listen,
            permission: PermissionToRequestTheFloor::Permitted,
            shown: Shown::Nothing,
            t103: None,
            early: None,
            outputs: VecDeque::new(),
        }
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn send(&mut self, body: impl Into<FloorBody>) {
        let message = FloorMessage::new(self.config.ssrc, body);
        self.output(Output::Send(message));
    }

    /// Keeps an event for after the answer; false when there is nothing to wait for.
    pub(super) fn keep_early(&mut self, event: impl FnOnce() -> EarlyEvent) -> bool {
        let Some(early) = &mut self.early else {
            return false;
        };
        if early.len() < MOST_EARLY_EVENTS {
            early.push(event());
        }
        true
    }

    /// Floor Ack of a message that asked for one, before anything is done about it (TS 24.380 cl. 8.2.13).
    pub(super) fn acknowledge(&mut self, message: &FloorMessage) {
        if message.ack == AckRequest::NotRequested {
            return;
        }
        let track_info = match &message.body {
            FloorBody::FloorGranted(body) => body.track_info.clone(),
            FloorBody::FloorTaken(body) => body.track_info.clone(),
            FloorBody::FloorDeny(body) => body.track_info.clone(),
            FloorBody::FloorIdle(body) => body.track_info.clone(),
            FloorBody::FloorQueuePositionInfo(body) => body.track_info.clone(),
            _ => None,
        };
        self.send(FloorAck {
            source: Source::FloorParticipant,
            message_type: MessageType::new(message.body.message_type()),
            track_info,
            location: None,
        });
    }

    pub(super) fn send_request(&mut self) {
        self.send(FloorRequest {
            floor_priority: self.config.floor_priority,
            user_id: None,
            track_info: None,
            floor_indicator: Some(self.config.floor_indicator),
            functional_alias: self.config.functional_alias.clone(),
            location: self.location,
        });
    }

    pub(super) fn send_release(&mut self) {
        let body = FloorRelease {
            user_id: None,
            track_info: None,
            floor_indicator: Some(self.config.floor_indicator),
        };
        let message =
            FloorMessage::new(self.config.ssrc, body).with_ack(self.config.acknowledge_release);
        self.output(Output::Send(message));
    }

    pub(super) fn send_position_request(&mut self) {
        self.send(FloorQueuePositionRequest {
            user_id: None,
            track_info: None,
        });
    }

    /// Sends Floor Request and waits for the answer (TS 24.380 cl. 6.2.4.3.5).
    pub(super) fn request(&mut self, now: Instant) -> State {
        self.send_request();
        State::PendingRequest(PendingRequest {
            t101: Repeat::first(now, self.config.timers.t101),
        })
    }

    /// Sends Floor Release and waits for the answer (TS 24.380 cl. 6.2.4.5.3, 6.2.4.4.6).
    pub(super) fn release(&mut self, now: Instant) -> State {
        self.send_release();
        State::PendingRelease(PendingRelease {
            t100: Repeat::first(now, self.config.timers.t100),
        })
    }

    /// The state without the floor; a button pressed meanwhile asks for it at once.
    pub(super) fn without_permission(&mut self, now: Instant) -> State {
        match self.wish {
            Wish::Talk => self.request_if_permitted(now),
            Wish::Listen => State::HasNoPermission,
        }
    }

    /// The button is pressed while the floor is not held.
    pub(super) fn request_if_permitted(&mut self, now: Instant) -> State {
        if self.permission == PermissionToRequestTheFloor::NotPermitted {
            self.wish = Wish::Listen;
            self.output(Output::NoRequest(NoRequest::NotPermitted));
            return State::HasNoPermission;
        }
        self.request(now)
    }

    /// Takes a grant up: tone, then microphone.
    pub(super) fn talk(&mut self, details: GrantDetails) -> State {
        self.t103 = None;
        self.shown = Shown::Nothing;
        self.output(Output::MayTalk(details.clone()));
        State::HasPermission(super::state::HasPermission { details })
    }

    pub(super) fn restart_t103(&mut self, now: Instant) {
        self.t103 = Some(now + self.config.timers.t103);
    }

    /// Somebody talks; copies of one Floor Taken are told once (TS 24.380 cl. 8.2.3.10).
    pub(super) fn show_taken(&mut self, now: Instant, taken: FloorTaken) {
        self.restart_t103(now);
        self.permission = taken
            .permission
            .unwrap_or(PermissionToRequestTheFloor::Permitted);
        let shown = Shown::Talker(Box::new(talker(taken)));
        if self.shown == shown {
            return;
        }
        self.shown = shown;
        if let Shown::Talker(talker) = &self.shown {
            self.outputs
                .push_back(Output::SomebodyTalks((**talker).clone()));
        }
    }

    /// Nobody talks; repeats of one Floor Idle are told once.
    pub(super) fn show_idle(&mut self, idle: &FloorIdle) {
        self.t103 = None;
        self.permission = PermissionToRequestTheFloor::Permitted;
        let shown = Shown::Idle(idle.message_sequence_number);
        if self.shown != shown {
            self.shown = shown;
            self.output(Output::Idle);
        }
    }

    /// T103 expired: the talker is taken as having finished (TS 24.380 cl. 6.2.4.3.4).
    pub(super) fn on_t103_expiry(&mut self) {
        self.t103 = None;
        self.shown = Shown::Nothing;
        self.output(Output::TalkerSilent);
    }

    pub(super) fn stop_all(&mut self) {
        self.t103 = None;
        self.early = None;
        self.wish = Wish::Listen;
        self.shown = Shown::Nothing;
    }
}

fn talker(taken: FloorTaken) -> Talker {
    Talker {
        mcptt_id: taken.granted_partys_identity.map(|identity| identity.0),
        talkers: taken.granted_users.map(|list| list.0).unwrap_or_default(),
        audio_ssrc: taken.ssrc,
        functional_alias: taken.functional_alias,
        location: taken.location,
        message_sequence_number: taken.message_sequence_number,
        floor_indicator: taken.floor_indicator.unwrap_or_default(),
    }
}

impl From<FloorGranted> for GrantDetails {
    fn from(granted: FloorGranted) -> Self {
        let indicator = granted.floor_indicator.unwrap_or_default();
        let dual = indicator.contains(FloorIndicator::DUAL_FLOOR);
        Self {
            duration: Some(granted.duration),
            floor_priority: Some(granted.floor_priority),
            audio_ssrc: granted.ssrc,
            overriding: if dual {
                Overriding::Yes
            } else {
                Overriding::No
            },
        }
    }
}
