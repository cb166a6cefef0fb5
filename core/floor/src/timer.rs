//! Timers by the names of the standard.

use core::fmt;
use core::time::Duration;
use roger_base::Instant;

/// A timer of a floor participant or of the floor control server (TS 24.380 cl. 11.1, 11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TimerName {
    /// End of RTP media.
    T1,
    /// Stop talking.
    T2,
    /// Stop talking grace.
    T3,
    /// Inactivity.
    T4,
    /// Floor Idle.
    T7,
    /// Floor Revoke.
    T8,
    /// Retry-after.
    T9,
    /// Floor Granted.
    T20,
    /// Floor Release, participant.
    T100,
    /// Floor Request, participant.
    T101,
    /// End of RTP media, participant.
    T103,
    /// Floor Queue Position Request, participant.
    T104,
    /// Queued grant, user action, participant.
    T132,
}

impl fmt::Display for TimerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Shortest time between two sendings of one message: a configuration of zero must not become an endless loop.
const SHORTEST_REPEAT: Duration = Duration::from_millis(10);

/// A timer with its counter: a message is sent again until it was sent `limit` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(crate) at: Instant,
    count: u32,
}

/// What to do when a repeating timer expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// Send again; the timer runs anew.
    Again(Repeat),
    /// The counter has reached its limit.
    LimitReached,
}

impl Repeat {
    /// The message was sent once.
    pub(crate) fn first(now: Instant, period: Duration) -> Self {
        Self {
            at: now + period.max(SHORTEST_REPEAT),
            count: 1,
        }
    }

    /// The same counter, the timer started anew.
    pub(crate) fn restart(self, now: Instant, period: Duration) -> Self {
        Self {
            at: now + period.max(SHORTEST_REPEAT),
            ..self
        }
    }

    /// Expiry with a counter limit, which is the number of all sendings.
    pub(crate) fn expired(self, now: Instant, period: Duration, limit: u32) -> Expiry {
        if self.count >= limit {
            return Expiry::LimitReached;
        }
        let again = self.restart(now, period);
        Expiry::Again(Self {
            count: self.count.saturating_add(1),
            ..again
        })
    }
}
