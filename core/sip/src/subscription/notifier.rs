//! The notifier (RFC 6665 4.2).

use super::state::{self, EndReason};
use crate::header::{SubscriptionState, SubscriptionStatus};
use crate::message::StatusCode;
use crate::transaction::TimerName;
use core::time::Duration;
use roger_base::Instant;
use std::collections::VecDeque;
use thiserror::Error;

/// Notifications that may wait for the answer of the one under way.
const MAX_WAITING: usize = 32;

/// Body of a NOTIFY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Content-Type.
    pub content_type: String,
    /// The octets.
    pub body: Vec<u8>,
}

/// What the notifier wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifierOutput {
    /// Send a NOTIFY in the dialog.
    Notify {
        /// Its Subscription-State.
        state: SubscriptionState,
        /// Its body.
        content: Option<Content>,
    },
    /// The subscription is over and its last NOTIFY, if one was due, is answered.
    Ended,
}

/// Too many notifications wait; the subscriber is slow. The caller should replace them by a full state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{MAX_WAITING} notifications wait for an answer of the subscriber")]
pub struct QueueFull;

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Alive {
        status: SubscriptionStatus,
        expiry: Instant,
    },
    /// The NOTIFY with `terminated` is to be sent or was sent.
    Ending {
        reason: EndReason,
    },
    Terminated,
}

/// Whether a NOTIFY waits for its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flight {
    Idle,
    Notify,
    LastNotify,
}

/// One subscription, seen by the notifier: the next NOTIFY goes out only after the answer to the one before.
#[derive(Debug, Clone)]
pub struct Notifier {
    state: State,
    flight: Flight,
    waiting: VecDeque<Option<Content>>,
    output: VecDeque<NotifierOutput>,
}

impl Notifier {
    /// After the SUBSCRIBE was answered with 2xx. The first NOTIFY is due at once and carries `content`; with
    /// `expires` 0 (a fetch) it is the last one too.
    #[must_use]
    pub fn new(
        now: Instant,
        status: SubscriptionStatus,
        expires: u32,
        content: Option<Content>,
    ) -> Self {
        let state = State::Alive {
            status,
            expiry: after(now, expires),
        };
        let mut notifier = Self {
            state,
            flight: Flight::Idle,
            waiting: VecDeque::new(),
            output: VecDeque::new(),
        };
        notifier.on_subscribe(now, expires, content);
        notifier
    }

    /// A SUBSCRIBE in the dialog, answered with 2xx: refresh, or the end when `expires` is 0. Each one gets a
    /// NOTIFY with the current state.
    pub fn on_subscribe(&mut self, now: Instant, expires: u32, content: Option<Content>) {
        let State::Alive { status, .. } = self.state.clone() else {
            return;
        };
        self.waiting.clear();
        self.waiting.push_back(content);
        self.state = match expires {
            0 => State::Ending {
                reason: EndReason::Timeout,
            },
            _ => State::Alive {
                status,
                expiry: after(now, expires),
            },
        };
        self.send_next(now);
    }

    /// A change of state; waits while a NOTIFY is unanswered.
    ///
    /// # Errors
    /// [`QueueFull`]; use [`Notifier::replace`] with the full state then.
    pub fn notify(&mut self, now: Instant, content: Content) -> Result<(), QueueFull> {
        if !self.is_alive() {
            return Ok(());
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(QueueFull);
        }
        self.waiting.push_back(Some(content));
        self.send_next(now);
        Ok(())
    }

    /// The full state; whatever waits is dropped.
    pub fn replace(&mut self, now: Instant, content: Content) {
        if self.is_alive() {
            self.waiting.clear();
            self.waiting.push_back(Some(content));
            self.send_next(now);
        }
    }

    /// A pending subscription was authorised.
    pub fn activate(&mut self) {
        if let State::Alive { status, .. } = &mut self.state {
            *status = SubscriptionStatus::Active;
        }
    }

    /// Ends it; a last NOTIFY tells the reason.
    pub fn terminate(&mut self, now: Instant, reason: EndReason) {
        if self.is_alive() {
            self.state = State::Ending { reason };
            self.send_next(now);
        }
    }

    /// The final response to a NOTIFY. Anything but 2xx ends the subscription, except what only says "later"
    /// or concerns the credentials (4.2.2).
    pub fn on_notify_response(&mut self, now: Instant, status: StatusCode) {
        if status.is_provisional() || self.flight == Flight::Idle {
            return;
        }
        let last = self.flight == Flight::LastNotify;
        self.flight = Flight::Idle;
        let survives =
            status.is_success() || matches!(status.as_u16(), 401 | 407 | 491 | 500 | 503);
        if last || !survives {
            self.finish();
            return;
        }
        self.send_next(now);
    }

    /// The NOTIFY got no answer: the subscription is removed (4.2.2).
    pub fn on_notify_timeout(&mut self) {
        self.finish();
    }

    /// Lets time pass.
    pub fn handle(&mut self, now: Instant) {
        if let State::Alive { expiry, .. } = self.state
            && expiry <= now
        {
            self.terminate(now, EndReason::Timeout);
        }
    }

    /// What is to be done, until `None`.
    pub fn poll(&mut self) -> Option<NotifierOutput> {
        self.output.pop_front()
    }

    /// The expiry.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, TimerName)> {
        match self.state {
            State::Alive { expiry, .. } => Some((expiry, TimerName::Expiry)),
            State::Ending { .. } | State::Terminated => None,
        }
    }

    /// Whether changes are still told.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.state, State::Alive { .. })
    }

    fn send_next(&mut self, now: Instant) {
        if self.flight != Flight::Idle {
            return;
        }
        let (state, flight) = match &self.state {
            State::Alive { status, expiry } => {
                if self.waiting.is_empty() {
                    return;
                }
                let left = u32::try_from(expiry.since(now).as_secs()).unwrap_or(u32::MAX);
                (state::alive(status, left), Flight::Notify)
            }
            State::Ending { reason } => (state::terminated(reason), Flight::LastNotify),
            State::Terminated => return,
        };
        // The last NOTIFY tells the last state that was waiting; earlier ones are superseded.
        let content = match flight {
            Flight::LastNotify => self.waiting.drain(..).next_back(),
            _ => self.waiting.pop_front(),
        };
        self.flight = flight;
        self.output.push_back(NotifierOutput::Notify {
            state,
            content: content.flatten(),
        });
    }

    fn finish(&mut self) {
        if self.state == State::Terminated {
            return;
        }
        self.state = State::Terminated;
        self.flight = Flight::Idle;
        self.waiting.clear();
        self.output.push_back(NotifierOutput::Ended);
    }
}

fn after(now: Instant, seconds: u32) -> Instant {
    now + Duration::from_secs(u64::from(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(second))
    }

    fn content(text: &str) -> Content {
        Content {
            content_type: "text/plain".into(),
            body: text.into(),
        }
    }

    fn new(expires: u32) -> Notifier {
        Notifier::new(
            at(0),
            SubscriptionStatus::Active,
            expires,
            Some(content("first")),
        )
    }

    fn notified(notifier: &mut Notifier) -> Option<(String, Option<String>)> {
        match notifier.poll()? {
            NotifierOutput::Notify { state, content } => {
                let body = content.map(|content| String::from_utf8(content.body).unwrap());
                Some((state.to_string(), body))
            }
            NotifierOutput::Ended => Some(("ended".into(), None)),
        }
    }

    fn told(state: &str, body: &str) -> Option<(String, Option<String>)> {
        Some((state.into(), Some(body.into())))
    }

    #[test]
    fn the_first_notify_is_due_at_once_and_the_next_after_its_answer() {
        let mut notifier = new(3600);
        assert_eq!(
            notified(&mut notifier),
            told("active;expires=3600", "first")
        );
        notifier.notify(at(1), content("second")).unwrap();
        notifier.notify(at(2), content("third")).unwrap();
        assert_eq!(notified(&mut notifier), None);
        notifier.on_notify_response(at(3), StatusCode::TRYING);
        assert_eq!(notified(&mut notifier), None);
        notifier.on_notify_response(at(3), StatusCode::OK);
        assert_eq!(
            notified(&mut notifier),
            told("active;expires=3597", "second")
        );
        assert_eq!(notified(&mut notifier), None);
        notifier.on_notify_response(at(4), StatusCode::OK);
        assert_eq!(
            notified(&mut notifier),
            told("active;expires=3596", "third")
        );
    }

    #[test]
    fn it_ends_with_a_notify_when_not_refreshed() {
        let mut notifier = new(100);
        notified(&mut notifier);
        notifier.on_notify_response(at(1), StatusCode::OK);
        notifier.handle(at(99));
        assert_eq!(notified(&mut notifier), None);
        notifier.on_subscribe(at(99), 100, Some(content("again")));
        assert_eq!(notified(&mut notifier), told("active;expires=100", "again"));
        notifier.on_notify_response(at(99), StatusCode::OK);
        assert_eq!(notifier.deadline(), Some((at(199), TimerName::Expiry)));
        notifier.handle(at(199));
        assert_eq!(
            notified(&mut notifier),
            Some(("terminated;reason=timeout".into(), None))
        );
        notifier.on_notify_response(at(200), StatusCode::OK);
        assert_eq!(notified(&mut notifier), Some(("ended".into(), None)));
    }

    #[test]
    fn a_fetch_gets_one_notify_that_ends_it() {
        let mut notifier = new(0);
        assert_eq!(
            notified(&mut notifier),
            told("terminated;reason=timeout", "first")
        );
        notifier.on_notify_response(at(0), StatusCode::OK);
        assert_eq!(notified(&mut notifier), Some(("ended".into(), None)));
    }

    #[test]
    fn an_end_waits_for_the_notify_under_way() {
        let mut notifier = new(100);
        notified(&mut notifier);
        notifier.terminate(at(1), EndReason::NoResource);
        assert_eq!(notified(&mut notifier), None);
        notifier.on_notify_response(at(2), StatusCode::OK);
        assert_eq!(
            notified(&mut notifier),
            Some(("terminated;reason=noresource".into(), None))
        );
    }

    #[test]
    fn a_481_or_silence_removes_it_without_a_further_notify() {
        let mut notifier = new(100);
        notified(&mut notifier);
        notifier.notify(at(1), content("second")).unwrap();
        notifier.on_notify_response(at(2), StatusCode::CALL_DOES_NOT_EXIST);
        assert_eq!(notified(&mut notifier), Some(("ended".into(), None)));
        assert_eq!(notified(&mut notifier), None);
        let mut notifier = new(100);
        notified(&mut notifier);
        notifier.on_notify_timeout();
        assert_eq!(notified(&mut notifier), Some(("ended".into(), None)));
    }

    #[test]
    fn a_slow_subscriber_does_not_fill_the_memory() {
        let mut notifier = new(100);
        notified(&mut notifier);
        for _ in 0..MAX_WAITING {
            notifier.notify(at(1), content("x")).unwrap();
        }
        assert_eq!(notifier.notify(at(1), content("x")), Err(QueueFull));
        notifier.replace(at(1), content("all"));
        notifier.on_notify_response(at(2), StatusCode::OK);
        assert_eq!(notified(&mut notifier), told("active;expires=98", "all"));
        notifier.on_notify_response(at(2), StatusCode::OK);
        assert_eq!(notified(&mut notifier), None);
    }
}
