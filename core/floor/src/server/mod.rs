//! The floor control server of one call (TS 24.380 cl. 6.3.4, 6.3.5): the general state machine, and one machine
//! towards each participant. Queueing is off: a request that finds the floor taken overrides or is denied.
//!
//! ```
//! # use roger_floor::server::{Attributes, FloorControlServer, Input, Output, ParticipantId, ServerConfig};
//! # use roger_floor::{FloorMessage, Ssrc};
//! # use roger_base::{Instant, McpttId};
//! let mut server = FloorControlServer::new(ServerConfig::new(Ssrc(0x0F00_BA12)));
//! let attributes = Box::new(Attributes::new(McpttId::new("sip:alice@mcx.example")?));
//! let participant = ParticipantId(1);
//! server.handle(Instant::ORIGIN, Input::Join { participant, attributes, implicit_request: None })?;
//! while let Some(output) = server.poll() {
//!     if let Output::Send { to, message } = output { /* protect and send */ }
//! }
//! let (at, timer) = server.deadline().expect("T4 runs");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod config;
mod floor_idle;
mod floor_taken;
mod from_participant;
mod general;
mod io;
mod messages;
mod participant;
mod pending_floor_revoke;
mod priority;
mod session;

pub use attributes::{Attributes, IdentityDisclosure, Negotiated, RequestRight, RevokeRight};
pub use config::{OverridePolicy, ServerConfig, ServerTimers};
pub use io::{ImplicitOutcome, Input, Output, ParticipantId};
pub use priority::Condition;

use crate::Error;
use crate::field::MessageSequenceNumber;
use crate::timer::TimerName;
use general::General;
use participant::Leg;
use roger_base::Instant;
use std::collections::{BTreeMap, VecDeque};

/// The floor control server of one call.
#[derive(Debug)]
pub struct FloorControlServer {
    config: ServerConfig,
    general: General,
    legs: BTreeMap<ParticipantId, Leg>,
    sequence: MessageSequenceNumber,
    outputs: VecDeque<Output>,
}

impl FloorControlServer {
    /// A server in Start-stop; the first [`Input::Join`] starts it.
    #[must_use]
    pub const fn new(config: ServerConfig) -> Self {
        Self {
            config,
            general: General::StartStop,
            legs: BTreeMap::new(),
            sequence: MessageSequenceNumber(0),
            outputs: VecDeque::new(),
        }
    }

    /// Takes an input at a time; timers that are due by then expire first. Messages that make no sense in a state
    /// are ignored, as TS 24.380 demands.
    ///
    /// # Errors
    /// `Local…` when the caller names a participant that is not there, or is there already; nothing changes.
    pub fn handle(&mut self, now: Instant, input: Input) -> Result<(), Error> {
        self.expire(now);
        match input {
            Input::Join {
                participant,
                attributes,
                implicit_request,
            } => self.on_join(now, participant, *attributes, implicit_request),
            Input::Leave(participant) => self.on_leave(now, participant),
            Input::Attributes {
                participant,
                attributes,
            } => self.on_attributes(participant, *attributes),
            Input::Floor { from, message } => self.on_message(now, from, message),
            Input::Rtp { from } => self.on_rtp(now, from),
            Input::ImplicitRequest { from, request } => {
                self.on_implicit_request(now, from, &request)
            }
            Input::FloorIndicator(indicator) => {
                self.config.floor_indicator = indicator;
                Ok(())
            }
            Input::KeepCall => {
                self.on_keep_call(now);
                Ok(())
            }
            Input::ReleaseCall => {
                self.on_release_call();
                Ok(())
            }
            Input::CallReleased => {
                self.on_call_released();
                Ok(())
            }
            Input::Timeout => Ok(()),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`FloorControlServer::handle`] with [`Input::Timeout`] at the latest, and which timer that is.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, TimerName)> {
        let legs = self.legs.values().filter_map(|leg| leg.state.deadline());
        self.general.deadline().into_iter().chain(legs).min()
    }

    /// Who has the floor.
    #[must_use]
    pub fn holder(&self) -> Option<ParticipantId> {
        self.general.grant().map(|grant| grant.holder)
    }

    /// Whether RTP packets of a participant are forwarded now.
    #[must_use]
    pub fn accepts_media_from(&self, participant: ParticipantId) -> bool {
        self.holder() == Some(participant)
    }

    /// Name of the state of the general machine (TS 24.380 cl. 6.3.4).
    #[must_use]
    pub const fn state(&self) -> &'static str {
        self.general.name()
    }

    /// Name of the state towards a participant (TS 24.380 cl. 6.3.5).
    #[must_use]
    pub fn participant_state(&self, participant: ParticipantId) -> Option<&'static str> {
        self.legs.get(&participant).map(|leg| leg.state.name())
    }

    fn participants(&self) -> Vec<ParticipantId> {
        self.legs.keys().copied().collect()
    }

    fn t8_from(&self, now: Instant) -> Instant {
        crate::timer::Repeat::first(now, self.config.timers.t8).at
    }

    /// Lets every timer expire that is due. Each pass ends a timer or starts it at a later time, so this ends.
    fn expire(&mut self, now: Instant) {
        while let Some((_, timer)) = self.general.deadline().filter(|(at, _)| *at <= now) {
            match (self.general.clone(), timer) {
                (General::FloorIdle(state), TimerName::T7) => self.on_t7_expiry(now, state),
                (General::FloorIdle(state), _) => self.on_t4_expiry(state),
                (General::FloorTaken(state), TimerName::T2) => self.on_t2_expiry(now, state),
                (General::FloorTaken(state), TimerName::T20) => self.on_t20_expiry(now, state),
                (General::FloorTaken(state), _) => self.on_t1_expiry(now, &state),
                (General::PendingFloorRevoke(state), _) => self.end_pending_revoke(now, state),
                (General::StartStop | General::Releasing, _) => return,
            }
        }
        let due = |leg: &Leg| leg.state.deadline().is_some_and(|(at, _)| at <= now);
        let late: Vec<_> = self
            .legs
            .iter()
            .filter(|(_, leg)| due(leg))
            .map(|(id, _)| *id)
            .collect();
        late.into_iter()
            .for_each(|participant| self.on_t8_expiry(now, participant));
    }
}
