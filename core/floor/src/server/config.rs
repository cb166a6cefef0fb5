//! Settings of a session.

use super::ParticipantId;
use crate::field::FloorIndicator;
use crate::{AckRequest, Ssrc};
use core::time::Duration;

/// Timers and counters of the floor control server (TS 24.380 tables 11.1.3-1 and 11.2.3-1).
///
/// Sources: service configuration `<fc-timers-counters>`, `<transmit-time>` for T2, the group's
/// `<on-network-hang-timer>` for T4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerTimers {
    /// End of RTP media: a talker without RTP for so long has finished.
    pub t1: Duration,
    /// Stop talking: longest talk burst, from its first RTP packet.
    pub t2: Duration,
    /// Stop talking grace: time between a revoke and the end of forwarding.
    pub t3: Duration,
    /// Inactivity: an idle floor for so long is reported.
    pub t4: Duration,
    /// Floor Idle is repeated after this; the standard gives no number.
    pub t7: Duration,
    /// Floor Revoke is repeated after this.
    pub t8: Duration,
    /// Retry-after: no new request for so long after a burst that was too long; `None` is the usual policy, the
    /// standard gives no number.
    pub t9: Option<Duration>,
    /// Floor Granted to a request that had waited is repeated after this.
    pub t20: Duration,
    /// RTP packets of a talker that has released, still under way for so long, are discarded without a Revoke: they
    /// travel on another path than the Release (our own; zero is the letter of TS 24.380 cl. 6.3.5.3.8).
    pub late_media: Duration,
    /// Number of times a Floor Idle is sent.
    pub c7: u32,
    /// Number of times a Floor Granted is sent.
    pub c20: u32,
}

impl Default for ServerTimers {
    fn default() -> Self {
        Self {
            t1: Duration::from_secs(4),
            t2: Duration::from_secs(30),
            t3: Duration::from_secs(3),
            t4: Duration::from_secs(30),
            t7: Duration::from_secs(1),
            t8: Duration::from_secs(1),
            t9: None,
            t20: Duration::from_secs(1),
            late_media: Duration::from_millis(200),
            c7: 10,
            c20: 3,
        }
    }
}

/// Who may take the floor from a talker (local policy; TS 23.379 and TS 22.179 leave it open).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OverridePolicy {
    /// Nobody.
    Never,
    /// A request in a higher condition: emergency above imminent peril above normal.
    ByCondition,
    /// A request in a higher condition, or of a higher floor priority in the same condition.
    ByPriority,
}

/// Settings of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// SSRC of the floor control server.
    pub ssrc: Ssrc,
    /// Timers and counters.
    pub timers: ServerTimers,
    /// The kind of call, in every message of the session.
    pub floor_indicator: FloorIndicator,
    /// Originator of a broadcast group call: nobody else may talk. `None` in every other call.
    pub broadcast_originator: Option<ParticipantId>,
    /// Who may take the floor from a talker.
    pub override_policy: OverridePolicy,
    /// Acknowledgement bit of Floor Granted; remotely initiated ambient listening demands it.
    pub acknowledge_granted: AckRequest,
}

impl ServerConfig {
    /// A normal group or private call with the standard's timers; emergencies take the floor.
    #[must_use]
    pub fn new(ssrc: Ssrc) -> Self {
        Self {
            ssrc,
            timers: ServerTimers::default(),
            floor_indicator: FloorIndicator::NORMAL_CALL,
            broadcast_originator: None,
            override_policy: OverridePolicy::ByCondition,
            acknowledge_granted: AckRequest::NotRequested,
        }
    }
}
