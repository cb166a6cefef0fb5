//! Timer names and values (RFC 3261 Annex A, RFC 6026 8.6 and 8.8).

use core::fmt;
use core::time::Duration;
use roger_base::Instant;

/// The name of a timer, as the standard prints it; the last five are local and have no letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TimerName {
    /// INVITE request retransmit interval, unreliable transports only (17.1.1.2).
    A,
    /// INVITE client transaction timeout (17.1.1.2).
    B,
    /// INVITE client transaction after its last provisional response (16.6 item 11).
    C,
    /// Wait for retransmissions of a final response to an INVITE (17.1.1.2).
    D,
    /// Non-INVITE request retransmit interval, unreliable transports only (17.1.2.2).
    E,
    /// Non-INVITE client transaction timeout (17.1.2.2).
    F,
    /// INVITE response retransmit interval (17.2.1).
    G,
    /// Wait for the ACK (17.2.1).
    H,
    /// Wait for retransmissions of the ACK (17.2.1).
    I,
    /// Wait for retransmissions of a non-INVITE request (17.2.2).
    J,
    /// Wait for retransmissions of a response to a non-INVITE request (17.1.2.2).
    K,
    /// Wait for retransmissions of an INVITE that was accepted (RFC 6026 8.7).
    L,
    /// Wait for retransmissions of a 2xx to an INVITE, or for further forks (RFC 6026 8.4).
    M,
    /// Wait for the NOTIFY that follows a SUBSCRIBE (RFC 6665 4.1.2.4).
    N,
    /// 200 ms after an INVITE without an answer of the user, a 100 is due (17.2.1).
    Trying,
    /// The end of a request that the user never answers; bounds what such a request can hold.
    Unanswered,
    /// 64·T1 after a CANCEL the INVITE counts as cancelled (9.1).
    Cancelled,
    /// Retransmit interval of a 2xx to an INVITE by the UAS core (13.3.1.4).
    Success,
    /// 64·T1 without an ACK for a 2xx to an INVITE (13.3.1.4).
    SuccessEnd,
    /// A subscription, publication or registration is to be refreshed.
    Refresh,
    /// A subscription, publication or registration ends.
    Expiry,
}

impl fmt::Display for TimerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timer {self:?}")
    }
}

/// The values that all timers follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Estimate of the round-trip time.
    pub t1: Duration,
    /// Longest retransmit interval of non-INVITE requests and of INVITE responses.
    pub t2: Duration,
    /// Longest time a message stays in the network.
    pub t4: Duration,
    /// Timer D on unreliable transports, at least 32 s.
    pub d: Duration,
    /// Timer C, more than 3 minutes. A user agent uses it too: it bounds an INVITE that rings for ever.
    pub c: Duration,
    /// Delay of the automatic 100 (17.2.1).
    pub trying: Duration,
    /// Longest time an INVITE may wait for the final answer of our own user; not in the standard.
    pub unanswered_invite: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d: Duration::from_secs(32),
            c: Duration::from_secs(185),
            trying: Duration::from_millis(200),
            unanswered_invite: Duration::from_secs(600),
        }
    }
}

impl Timings {
    /// 64·T1, the length of timers B, F, H, J, L and M.
    #[must_use]
    pub fn t1_times_64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

/// Whether the transport itself delivers or fails (TCP, TLS) or may lose messages (UDP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reliability {
    /// The transport retransmits.
    Reliable,
    /// Transactions retransmit.
    Unreliable,
}

/// What every transition needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The time of the event.
    pub now: Instant,
    /// Timer values.
    pub timings: Timings,
    /// Kind of transport.
    pub reliability: Reliability,
}

impl Context {
    pub(crate) fn after(&self, duration: Duration) -> Instant {
        self.now + duration
    }

    pub(crate) fn after_64_t1(&self) -> Instant {
        self.now + self.timings.t1_times_64()
    }

    /// `Some` on unreliable transports: the first retransmission is due T1 from now.
    pub(crate) fn first_retransmission(&self) -> Option<Retransmission> {
        (self.reliability == Reliability::Unreliable).then(|| Retransmission {
            at: self.after(self.timings.t1),
            interval: self.timings.t1,
        })
    }

    /// The time a finished transaction lingers: zero on reliable transports.
    pub(crate) fn linger(&self, unreliable: Duration) -> Option<Instant> {
        (self.reliability == Reliability::Unreliable).then(|| self.after(unreliable))
    }
}

/// A retransmission to come and the interval that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retransmission {
    /// When it is due.
    pub at: Instant,
    /// The interval that ends then.
    pub interval: Duration,
}

impl Retransmission {
    /// The next one after this has fired: interval doubled without a limit (timer A).
    #[must_use]
    pub fn doubled(self) -> Self {
        self.with_interval(self.interval.saturating_mul(2))
    }

    /// The next one after this has fired: interval doubled up to a limit (timers E, G, 2xx).
    #[must_use]
    pub fn doubled_up_to(self, limit: Duration) -> Self {
        self.with_interval(self.interval.saturating_mul(2).min(limit))
    }

    /// The next one after this has fired, counted from its due time so that lateness does not add up.
    #[must_use]
    pub fn with_interval(self, interval: Duration) -> Self {
        Self {
            at: self.at + interval,
            interval,
        }
    }
}

/// The earlier of two timers; the first one named when both are due together.
pub(crate) fn earlier(
    first: Option<(Instant, TimerName)>,
    second: Option<(Instant, TimerName)>,
) -> Option<(Instant, TimerName)> {
    match (first, second) {
        (Some(one), Some(two)) => Some(if two.0 < one.0 { two } else { one }),
        (one, two) => one.or(two),
    }
}
