//! The subscriber (RFC 6665 4.1).

use super::refresh_after;
use super::state::EndReason;
use crate::header::{SubscriptionState, SubscriptionStatus};
use crate::message::StatusCode;
use crate::transaction::{TimerName, Timings, earlier};
use core::time::Duration;
use roger_base::Instant;

/// State with the timers that run in it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// A SUBSCRIBE is under way and no NOTIFY has come.
    NotifyWait {
        n: Instant,
    },
    /// NOTIFYs come; `refresh` is `None` while a SUBSCRIBE is under way.
    Alive {
        status: SubscriptionStatus,
        expiry: Instant,
        refresh: Option<Instant>,
    },
    /// Unsubscribed; the last NOTIFY is awaited.
    Leaving {
        n: Instant,
    },
    Terminated,
}

/// What the subscriber wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriberOutput {
    /// Send a SUBSCRIBE with this Expires in the dialog.
    Refresh {
        /// Seconds asked for.
        expires: u32,
    },
    /// The subscription is over; a new one needs a new dialog.
    Ended {
        /// Why.
        reason: EndReason,
        /// Seconds to wait before another try, when the notifier said so.
        retry_after: Option<u32>,
    },
}

/// One subscription, seen by the subscriber. The first SUBSCRIBE is sent by the caller.
#[derive(Debug, Clone)]
pub struct Subscriber {
    state: State,
    timings: Timings,
    expires: u32,
    output: Option<SubscriberOutput>,
}

impl Subscriber {
    /// After the first SUBSCRIBE was sent with `expires` seconds.
    #[must_use]
    pub fn new(now: Instant, timings: Timings, expires: u32) -> Self {
        let n = now + timings.t1_times_64();
        Self {
            state: State::NotifyWait { n },
            timings,
            expires,
            output: None,
        }
    }

    /// The final response to a SUBSCRIBE; `expires` is what a 2xx grants.
    pub fn on_response(&mut self, now: Instant, status: StatusCode, expires: Option<u32>) {
        if status.is_provisional() || self.state == State::Terminated {
            return;
        }
        if !status.is_success() {
            self.on_refusal(status);
            return;
        }
        if let State::Alive { status, .. } = self.state.clone() {
            self.state = self.alive(now, status, expires.unwrap_or(self.expires));
        }
    }

    /// A refused refresh leaves the subscription as it was (4.1.2.2), except when the dialog is gone.
    fn on_refusal(&mut self, status: StatusCode) {
        let gone = matches!(
            status.as_u16(),
            404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604
        );
        match self.state {
            State::Alive { .. } if !gone => {}
            _ => self.end(EndReason::Failed, None),
        }
    }

    /// The SUBSCRIBE got no answer.
    pub fn on_timeout(&mut self) {
        if !matches!(self.state, State::Alive { .. } | State::Terminated) {
            self.end(EndReason::Failed, None);
        }
    }

    /// A NOTIFY of this subscription.
    pub fn on_notify(&mut self, now: Instant, told: &SubscriptionState) {
        if self.state == State::Terminated {
            return;
        }
        if told.status == SubscriptionStatus::Terminated {
            self.end(EndReason::parse(told.reason()), told.retry_after());
            return;
        }
        if matches!(self.state, State::Leaving { .. }) {
            return;
        }
        // The notifier may shorten the life, never lengthen it (4.1.3).
        let mut life = told.expires().unwrap_or(self.expires);
        if let State::Alive { expiry, .. } = self.state {
            let left = expiry.since(now).as_secs();
            life = life.min(u32::try_from(left.saturating_add(1)).unwrap_or(u32::MAX));
        }
        self.state = self.alive(now, told.status.clone(), life);
    }

    /// Leaves: a SUBSCRIBE with Expires 0 becomes due.
    pub fn unsubscribe(&mut self, now: Instant) {
        if matches!(self.state, State::Leaving { .. } | State::Terminated) {
            return;
        }
        self.state = State::Leaving {
            n: now + self.timings.t1_times_64(),
        };
        self.output = Some(SubscriberOutput::Refresh { expires: 0 });
    }

    /// Lets time pass.
    pub fn handle(&mut self, now: Instant) {
        while let Some((due, name)) = self.deadline()
            && due <= now
        {
            self.on_timer(name);
        }
    }

    fn on_timer(&mut self, name: TimerName) {
        match (name, &mut self.state) {
            (TimerName::Refresh, State::Alive { refresh, .. }) => {
                *refresh = None;
                self.output = Some(SubscriberOutput::Refresh {
                    expires: self.expires,
                });
            }
            (_, State::Terminated) => {}
            (TimerName::N, State::Leaving { .. }) => self.end(EndReason::Timeout, None),
            (TimerName::N, _) => self.end(EndReason::Failed, None),
            _ => self.end(EndReason::Timeout, None),
        }
    }

    /// What is to be done, until `None`.
    pub fn poll(&mut self) -> Option<SubscriberOutput> {
        self.output.take()
    }

    /// The next timer: N, the refresh or the expiry.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, TimerName)> {
        match self.state {
            State::NotifyWait { n } | State::Leaving { n } => Some((n, TimerName::N)),
            State::Alive {
                expiry, refresh, ..
            } => {
                let refresh = refresh.map(|at| (at, TimerName::Refresh));
                earlier(Some((expiry, TimerName::Expiry)), refresh)
            }
            State::Terminated => None,
        }
    }

    /// Whether NOTIFYs with state `active` come.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(
            self.state,
            State::Alive {
                status: SubscriptionStatus::Active,
                ..
            }
        )
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    fn alive(&self, now: Instant, status: SubscriptionStatus, expires: u32) -> State {
        let life = Duration::from_secs(u64::from(expires));
        State::Alive {
            status,
            expiry: now + life,
            refresh: Some(now + refresh_after(life)),
        }
    }

    fn end(&mut self, reason: EndReason, retry_after: Option<u32>) {
        self.state = State::Terminated;
        self.output = Some(SubscriberOutput::Ended {
            reason,
            retry_after,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(second))
    }

    fn new() -> Subscriber {
        Subscriber::new(at(0), Timings::default(), 3600)
    }

    fn active(expires: u32) -> SubscriptionState {
        SubscriptionState::active(expires)
    }

    #[test]
    fn without_a_notify_timer_n_ends_it_after_32_s() {
        let mut subscriber = new();
        subscriber.on_response(at(1), StatusCode::OK, Some(3600));
        assert_eq!(subscriber.deadline(), Some((at(32), TimerName::N)));
        subscriber.handle(at(31));
        assert_eq!(subscriber.poll(), None);
        subscriber.handle(at(32));
        let ended = SubscriberOutput::Ended {
            reason: EndReason::Failed,
            retry_after: None,
        };
        assert_eq!(subscriber.poll(), Some(ended));
        assert!(subscriber.is_terminated());
    }

    #[test]
    fn it_refreshes_600_s_before_the_end() {
        let mut subscriber = new();
        subscriber.on_notify(at(0), &active(3600));
        assert!(subscriber.is_active());
        assert_eq!(subscriber.deadline(), Some((at(3000), TimerName::Refresh)));
        subscriber.handle(at(3000));
        assert_eq!(
            subscriber.poll(),
            Some(SubscriberOutput::Refresh { expires: 3600 })
        );
        assert_eq!(subscriber.deadline(), Some((at(3600), TimerName::Expiry)));
        subscriber.on_response(at(3001), StatusCode::OK, Some(3600));
        assert_eq!(subscriber.deadline(), Some((at(6001), TimerName::Refresh)));
    }

    #[test]
    fn without_an_answer_to_the_refresh_it_expires() {
        let mut subscriber = new();
        subscriber.on_notify(at(0), &active(100));
        subscriber.handle(at(50));
        assert_eq!(
            subscriber.poll(),
            Some(SubscriberOutput::Refresh { expires: 3600 })
        );
        subscriber.on_timeout();
        subscriber.on_response(at(60), StatusCode::SERVICE_UNAVAILABLE, None);
        assert!(!subscriber.is_terminated());
        subscriber.handle(at(100));
        let ended = SubscriberOutput::Ended {
            reason: EndReason::Timeout,
            retry_after: None,
        };
        assert_eq!(subscriber.poll(), Some(ended));
    }

    #[test]
    fn a_481_to_the_refresh_ends_it() {
        let mut subscriber = new();
        subscriber.on_notify(at(0), &active(100));
        subscriber.on_response(at(60), StatusCode::CALL_DOES_NOT_EXIST, None);
        assert!(subscriber.is_terminated());
    }

    #[test]
    fn a_notify_never_lengthens_its_life() {
        let mut subscriber = new();
        subscriber.on_notify(at(0), &active(100));
        subscriber.on_notify(at(10), &active(5000));
        subscriber.handle(at(11));
        subscriber.handle(at(101));
        assert!(subscriber.is_terminated());
    }

    #[test]
    fn it_leaves_with_expires_0_and_the_last_notify() {
        let mut subscriber = new();
        subscriber.on_notify(at(0), &active(3600));
        subscriber.unsubscribe(at(10));
        assert_eq!(
            subscriber.poll(),
            Some(SubscriberOutput::Refresh { expires: 0 })
        );
        subscriber.on_response(at(10), StatusCode::OK, Some(0));
        subscriber.on_notify(at(11), &SubscriptionState::terminated("timeout"));
        assert!(subscriber.is_terminated());
        subscriber.on_notify(at(12), &active(3600));
        assert!(subscriber.is_terminated());
    }

    #[test]
    fn the_longest_expires_does_not_overflow() {
        let mut subscriber = Subscriber::new(at(0), Timings::default(), u32::MAX);
        subscriber.on_notify(at(0), &active(u32::MAX));
        assert_eq!(
            subscriber.deadline(),
            Some((at(u64::from(u32::MAX) - 600), TimerName::Refresh))
        );
    }
}
