//! The non-INVITE client transaction (RFC 3261 17.1.2).

use super::action::{Action, Actions, ClientEvent};
use super::timers::{Context, Retransmission, TimerName, earlier};
use roger_base::Instant;

/// State of a non-INVITE client transaction with the timers that run in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientNonInvite {
    /// Sent, nothing heard yet.
    Trying {
        /// Timer E, on unreliable transports.
        e: Option<Retransmission>,
        /// Timer F.
        f: Instant,
    },
    /// A provisional response has come.
    Proceeding {
        /// Timer E, on unreliable transports.
        e: Option<Retransmission>,
        /// Timer F.
        f: Instant,
    },
    /// The final response has come.
    Completed {
        /// Timer K.
        k: Instant,
    },
    /// Gone.
    Terminated,
}

impl ClientNonInvite {
    /// The state after the request was handed to the transport.
    #[must_use]
    pub fn start(context: &Context) -> Self {
        Self::Trying {
            e: context.first_retransmission(),
            f: context.after_64_t1(),
        }
    }

    /// The timer that fires next.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, TimerName)> {
        match *self {
            Self::Trying { e, f } | Self::Proceeding { e, f } => {
                earlier(Some((f, TimerName::F)), e.map(|e| (e.at, TimerName::E)))
            }
            Self::Completed { k } => Some((k, TimerName::K)),
            Self::Terminated => None,
        }
    }

    /// One transition.
    #[must_use]
    pub fn on(self, event: ClientEvent, context: &Context) -> (Self, Actions) {
        match self {
            Self::Trying { e, f } => match event {
                ClientEvent::Timer(TimerName::E) => {
                    let e = e.map(|e| e.doubled_up_to(context.timings.t2));
                    (Self::Trying { e, f }, Actions::one(Action::Repeat))
                }
                _ => Self::on_waiting(self, e, f, event, context),
            },
            Self::Proceeding { e, f } => match event {
                ClientEvent::Timer(TimerName::E) => {
                    let e = e.map(|e| e.with_interval(context.timings.t2));
                    (Self::Proceeding { e, f }, Actions::one(Action::Repeat))
                }
                _ => Self::on_waiting(self, e, f, event, context),
            },
            Self::Completed { .. } if event == ClientEvent::Timer(TimerName::K) => {
                (Self::Terminated, Actions::NONE)
            }
            Self::Completed { .. } | Self::Terminated => (self, Actions::NONE),
        }
    }

    fn on_waiting(
        self,
        e: Option<Retransmission>,
        f: Instant,
        event: ClientEvent,
        context: &Context,
    ) -> (Self, Actions) {
        match event {
            ClientEvent::Trying | ClientEvent::Provisional => {
                (Self::Proceeding { e, f }, Actions::one(Action::Deliver))
            }
            ClientEvent::Success | ClientEvent::Failure => {
                let state = match context.linger(context.timings.t4) {
                    Some(k) => Self::Completed { k },
                    None => Self::Terminated,
                };
                (state, Actions::one(Action::Deliver))
            }
            ClientEvent::Timer(TimerName::F) => (Self::Terminated, Actions::one(Action::Timeout)),
            ClientEvent::TransportError => {
                (Self::Terminated, Actions::one(Action::TransportFailed))
            }
            ClientEvent::Cancelled | ClientEvent::Timer(_) => (self, Actions::NONE),
        }
    }
}
