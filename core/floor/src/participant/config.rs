//! Settings of a floor participant.

use crate::field::{FloorIndicator, FloorPriority, FunctionalAlias};
use crate::{AckRequest, Ssrc};
use core::time::Duration;

/// Timers and counters of the floor participant (TS 24.380 tables 11.1.1-1 and 11.2.1-1), from the initial
/// configuration document `<on-network><Timers>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParticipantTimers {
    /// Floor Release is repeated after this.
    pub t100: Duration,
    /// Floor Request is repeated after this.
    pub t101: Duration,
    /// End of RTP media: a talker not heard for so long has finished.
    pub t103: Duration,
    /// Floor Queue Position Request is repeated after this.
    pub t104: Duration,
    /// A queued grant must be taken up within this.
    pub t132: Duration,
    /// Number of times a Floor Release is sent.
    pub c100: u32,
    /// Number of times a Floor Request is sent.
    pub c101: u32,
    /// Number of times a Floor Queue Position Request is sent.
    pub c104: u32,
}

impl Default for ParticipantTimers {
    fn default() -> Self {
        Self {
            t100: Duration::from_secs(1),
            t101: Duration::from_secs(1),
            t103: Duration::from_secs(4),
            t104: Duration::from_secs(1),
            t132: Duration::from_secs(2),
            c100: 3,
            c101: 3,
            c104: 3,
        }
    }
}

/// The kind of call, as far as the machine depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallRole {
    /// Any call in which nothing special happens.
    Ordinary,
    /// Originator of a broadcast group call: the call ends with the talk burst.
    BroadcastOriginator,
    /// The listened-to client of a remotely initiated ambient listening call: an unasked grant opens the microphone.
    AmbientListening,
}

/// What letting the button go means while the request is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueuedRelease {
    /// The request is withdrawn.
    Withdraws,
    /// The request stays; a grant then waits for the button for T132.
    KeepsPlace,
}

/// Settings of a participant in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantConfig {
    /// SSRC in the header of messages: the own floor SSRC, or the one that the server asked for (`mc_floor_ssrc`).
    pub ssrc: Ssrc,
    /// Timers and counters.
    pub timers: ParticipantTimers,
    /// Priority of requests, at most the negotiated one.
    pub floor_priority: FloorPriority,
    /// Bits of requests and releases.
    pub floor_indicator: FloorIndicator,
    /// Alias to show to the others.
    pub functional_alias: Option<FunctionalAlias>,
    /// Acknowledgement bit of Floor Release.
    pub acknowledge_release: AckRequest,
    /// The kind of call.
    pub role: CallRole,
    /// What letting the button go means while queued.
    pub queued_release: QueuedRelease,
}

impl ParticipantConfig {
    /// A member of a normal call with the standard's timers and priority 0.
    #[must_use]
    pub fn new(ssrc: Ssrc) -> Self {
        Self {
            ssrc,
            timers: ParticipantTimers::default(),
            floor_priority: FloorPriority(0),
            floor_indicator: FloorIndicator::NORMAL_CALL,
            functional_alias: None,
            acknowledge_release: AckRequest::NotRequested,
            role: CallRole::Ordinary,
            queued_release: QueuedRelease::Withdraws,
        }
    }
}
