//! The INVITE client transaction (RFC 3261 17.1.1 as changed by RFC 6026 8.4).

use super::action::{Action, Actions, ClientEvent};
use super::timers::{Context, Retransmission, TimerName, earlier};
use roger_base::Instant;

/// State of an INVITE client transaction with the timers that run in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientInvite {
    /// Sent, nothing heard yet.
    Calling {
        /// Timer A, on unreliable transports.
        a: Option<Retransmission>,
        /// Timer B.
        b: Instant,
    },
    /// A provisional response has come.
    Proceeding {
        /// Timer C.
        c: Instant,
        /// 64·T1 after a CANCEL.
        cancelled: Option<Instant>,
    },
    /// A final response from 300 to 699 has come and was acknowledged.
    Completed {
        /// Timer D.
        d: Instant,
    },
    /// A 2xx has come; more of them are handed up.
    Accepted {
        /// Timer M.
        m: Instant,
    },
    /// Gone.
    Terminated,
}

impl ClientInvite {
    /// The state after the INVITE was handed to the transport.
    #[must_use]
    pub fn start(context: &Context) -> Self {
        Self::Calling {
            a: context.first_retransmission(),
            b: context.after_64_t1(),
        }
    }

    /// The timer that fires next.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, TimerName)> {
        match *self {
            Self::Calling { a, b } => {
                earlier(Some((b, TimerName::B)), a.map(|a| (a.at, TimerName::A)))
            }
            Self::Proceeding { c, cancelled } => earlier(
                Some((c, TimerName::C)),
                cancelled.map(|at| (at, TimerName::Cancelled)),
            ),
            Self::Completed { d } => Some((d, TimerName::D)),
            Self::Accepted { m } => Some((m, TimerName::M)),
            Self::Terminated => None,
        }
    }

    /// One transition.
    #[must_use]
    pub fn on(self, event: ClientEvent, context: &Context) -> (Self, Actions) {
        match self {
            Self::Calling { a, b } => Self::on_calling(a, b, event, context),
            Self::Proceeding { c, cancelled } => Self::on_proceeding(c, cancelled, event, context),
            Self::Completed { d } => Self::on_completed(d, event),
            Self::Accepted { m } => Self::on_accepted(m, event),
            Self::Terminated => (self, Actions::NONE),
        }
    }

    fn on_calling(
        a: Option<Retransmission>,
        b: Instant,
        event: ClientEvent,
        context: &Context,
    ) -> (Self, Actions) {
        match event {
            ClientEvent::Timer(TimerName::A) => (
                Self::Calling {
                    a: a.map(Retransmission::doubled),
                    b,
                },
                Actions::one(Action::Repeat),
            ),
            ClientEvent::Timer(TimerName::B) => (Self::Terminated, Actions::one(Action::Timeout)),
            ClientEvent::TransportError => {
                (Self::Terminated, Actions::one(Action::TransportFailed))
            }
            ClientEvent::Trying | ClientEvent::Provisional => {
                let c = context.after(context.timings.c);
                (
                    Self::Proceeding { c, cancelled: None },
                    Actions::one(Action::Deliver),
                )
            }
            ClientEvent::Success | ClientEvent::Failure => Self::on_final(event, context),
            ClientEvent::Cancelled | ClientEvent::Timer(_) => {
                (Self::Calling { a, b }, Actions::NONE)
            }
        }
    }

    fn on_proceeding(
        c: Instant,
        cancelled: Option<Instant>,
        event: ClientEvent,
        context: &Context,
    ) -> (Self, Actions) {
        match event {
            ClientEvent::Trying => (
                Self::Proceeding { c, cancelled },
                Actions::one(Action::Deliver),
            ),
            ClientEvent::Provisional => {
                let c = context.after(context.timings.c);
                (
                    Self::Proceeding { c, cancelled },
                    Actions::one(Action::Deliver),
                )
            }
            ClientEvent::Success | ClientEvent::Failure => Self::on_final(event, context),
            ClientEvent::Cancelled => {
                let cancelled = cancelled.or_else(|| Some(context.after_64_t1()));
                (Self::Proceeding { c, cancelled }, Actions::NONE)
            }
            ClientEvent::Timer(TimerName::C) => {
                // The CANCEL brings a 487, or the transaction ends 64·T1 later.
                let cancelled = cancelled.or_else(|| Some(context.after_64_t1()));
                let c = context.after(context.timings.c);
                (
                    Self::Proceeding { c, cancelled },
                    Actions::one(Action::Cancel),
                )
            }
            ClientEvent::Timer(TimerName::Cancelled) => {
                (Self::Terminated, Actions::one(Action::Timeout))
            }
            ClientEvent::TransportError | ClientEvent::Timer(_) => {
                (Self::Proceeding { c, cancelled }, Actions::NONE)
            }
        }
    }

    fn on_final(event: ClientEvent, context: &Context) -> (Self, Actions) {
        if event == ClientEvent::Success {
            return (
                Self::Accepted {
                    m: context.after_64_t1(),
                },
                Actions::one(Action::Deliver),
            );
        }
        let state = match context.linger(context.timings.d) {
            Some(d) => Self::Completed { d },
            None => Self::Terminated,
        };
        (state, Actions::two(Action::SendAck, Action::Deliver))
    }

    fn on_completed(d: Instant, event: ClientEvent) -> (Self, Actions) {
        match event {
            ClientEvent::Failure => (Self::Completed { d }, Actions::one(Action::SendAck)),
            ClientEvent::TransportError => {
                (Self::Terminated, Actions::one(Action::TransportFailed))
            }
            ClientEvent::Timer(TimerName::D) => (Self::Terminated, Actions::NONE),
            _ => (Self::Completed { d }, Actions::NONE),
        }
    }

    fn on_accepted(m: Instant, event: ClientEvent) -> (Self, Actions) {
        match event {
            ClientEvent::Success => (Self::Accepted { m }, Actions::one(Action::Deliver)),
            ClientEvent::Timer(TimerName::M) => (Self::Terminated, Actions::NONE),
            _ => (Self::Accepted { m }, Actions::NONE),
        }
    }
}
