//! The INVITE server transaction (RFC 3261 17.2.1 as changed by RFC 6026 8.5 to 8.7).

use super::action::{Action, Actions, ServerEvent};
use super::timers::{Context, Retransmission, TimerName, earlier};
use roger_base::Instant;

/// State of an INVITE server transaction with the timers that run in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerInvite {
    /// The user has not given a final answer.
    Proceeding {
        /// When the automatic 100 is due; `None` once any answer was sent.
        trying: Option<Instant>,
        /// When the user is given up.
        unanswered: Instant,
    },
    /// The user answered 2xx; it repeats it itself until the ACK.
    Accepted {
        /// Timer L.
        l: Instant,
    },
    /// The user answered 300 to 699.
    Completed {
        /// Timer G, on unreliable transports.
        g: Option<Retransmission>,
        /// Timer H.
        h: Instant,
    },
    /// The ACK has come.
    Confirmed {
        /// Timer I.
        i: Instant,
    },
    /// Gone.
    Terminated,
}

impl ServerInvite {
    /// The state after the INVITE was handed to the user.
    #[must_use]
    pub fn start(context: &Context) -> Self {
        Self::Proceeding {
            trying: Some(context.after(context.timings.trying)),
            unanswered: context.after(context.timings.unanswered_invite),
        }
    }

    /// The timer that fires next.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, TimerName)> {
        match *self {
            Self::Proceeding { trying, unanswered } => {
                let end = Some((unanswered, TimerName::Unanswered));
                earlier(end, trying.map(|at| (at, TimerName::Trying)))
            }
            Self::Accepted { l } => Some((l, TimerName::L)),
            Self::Completed { g, h } => {
                earlier(Some((h, TimerName::H)), g.map(|g| (g.at, TimerName::G)))
            }
            Self::Confirmed { i } => Some((i, TimerName::I)),
            Self::Terminated => None,
        }
    }

    /// One transition.
    #[must_use]
    pub fn on(self, event: ServerEvent, context: &Context) -> (Self, Actions) {
        // RFC 6026 8.7: a transport error leaves the state, or a repeated INVITE would be taken for a new one.
        if event == ServerEvent::TransportError && self != Self::Terminated {
            return (self, Actions::one(Action::TransportFailed));
        }
        match self {
            Self::Proceeding { trying, unanswered } => {
                Self::on_proceeding(trying, unanswered, event, context)
            }
            Self::Accepted { .. } => self.on_accepted(event),
            Self::Completed { g, h } => Self::on_completed(g, h, event, context),
            Self::Confirmed { .. } if event == ServerEvent::Timer(TimerName::I) => {
                (Self::Terminated, Actions::NONE)
            }
            Self::Confirmed { .. } | Self::Terminated => self.on_answered(event),
        }
    }

    fn on_proceeding(
        trying: Option<Instant>,
        unanswered: Instant,
        event: ServerEvent,
        context: &Context,
    ) -> (Self, Actions) {
        match event {
            ServerEvent::SendProvisional => (
                Self::Proceeding {
                    trying: None,
                    unanswered,
                },
                Actions::one(Action::Send),
            ),
            ServerEvent::SendSuccess => (
                Self::Accepted {
                    l: context.after_64_t1(),
                },
                Actions::one(Action::Send),
            ),
            ServerEvent::SendFailure => {
                let state = Self::Completed {
                    g: context.first_retransmission(),
                    h: context.after_64_t1(),
                };
                (state, Actions::one(Action::Send))
            }
            ServerEvent::Retransmission if trying.is_none() => (
                Self::Proceeding { trying, unanswered },
                Actions::one(Action::Repeat),
            ),
            ServerEvent::Timer(TimerName::Trying) => (
                Self::Proceeding {
                    trying: None,
                    unanswered,
                },
                Actions::one(Action::AnswerTrying),
            ),
            ServerEvent::Timer(TimerName::Unanswered) => {
                (Self::Terminated, Actions::one(Action::Timeout))
            }
            _ => (Self::Proceeding { trying, unanswered }, Actions::NONE),
        }
    }

    fn on_accepted(self, event: ServerEvent) -> (Self, Actions) {
        match event {
            ServerEvent::SendSuccess => (self, Actions::one(Action::Send)),
            ServerEvent::Ack => (self, Actions::one(Action::Deliver)),
            ServerEvent::Timer(TimerName::L) => (Self::Terminated, Actions::NONE),
            _ => self.on_answered(event),
        }
    }

    fn on_completed(
        g: Option<Retransmission>,
        h: Instant,
        event: ServerEvent,
        context: &Context,
    ) -> (Self, Actions) {
        let same = Self::Completed { g, h };
        match event {
            ServerEvent::Retransmission => (same, Actions::one(Action::Repeat)),
            ServerEvent::Timer(TimerName::G) => {
                let g = g.map(|g| g.doubled_up_to(context.timings.t2));
                (Self::Completed { g, h }, Actions::one(Action::Repeat))
            }
            ServerEvent::Timer(TimerName::H) => (Self::Terminated, Actions::one(Action::Timeout)),
            ServerEvent::Ack => match context.linger(context.timings.t4) {
                Some(i) => (Self::Confirmed { i }, Actions::NONE),
                None => (Self::Terminated, Actions::NONE),
            },
            _ => same.on_answered(event),
        }
    }

    /// A second answer is refused; everything else is absorbed.
    fn on_answered(self, event: ServerEvent) -> (Self, Actions) {
        let answer = matches!(
            event,
            ServerEvent::SendProvisional | ServerEvent::SendSuccess | ServerEvent::SendFailure
        );
        (
            self,
            if answer {
                Actions::one(Action::Refuse)
            } else {
                Actions::NONE
            },
        )
    }
}
