//! The non-INVITE server transaction (RFC 3261 17.2.2).

use super::action::{Action, Actions, ServerEvent};
use super::timers::{Context, TimerName};
use roger_base::Instant;

/// State of a non-INVITE server transaction with the timers that run in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerNonInvite {
    /// The user has not answered.
    Trying {
        /// When the client has given up (its timer F); no answer is sent then (RFC 4320 4.1).
        unanswered: Instant,
    },
    /// The user answered 1xx.
    Proceeding {
        /// As above.
        unanswered: Instant,
    },
    /// The user gave its final answer.
    Completed {
        /// Timer J.
        j: Instant,
    },
    /// Gone.
    Terminated,
}

impl ServerNonInvite {
    /// The state after the request was handed to the user.
    #[must_use]
    pub fn start(context: &Context) -> Self {
        Self::Trying {
            unanswered: context.after_64_t1(),
        }
    }

    /// The timer that fires next.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, TimerName)> {
        match *self {
            Self::Trying { unanswered } | Self::Proceeding { unanswered } => {
                Some((unanswered, TimerName::Unanswered))
            }
            Self::Completed { j } => Some((j, TimerName::J)),
            Self::Terminated => None,
        }
    }

    /// One transition.
    #[must_use]
    pub fn on(self, event: ServerEvent, context: &Context) -> (Self, Actions) {
        match self {
            Self::Trying { unanswered } => match event {
                ServerEvent::Retransmission => (self, Actions::NONE),
                _ => self.on_unanswered(unanswered, event, context),
            },
            Self::Proceeding { unanswered } => match event {
                ServerEvent::Retransmission => (self, Actions::one(Action::Repeat)),
                _ => self.on_unanswered(unanswered, event, context),
            },
            Self::Completed { .. } => self.on_completed(event),
            Self::Terminated => self.on_answered(event),
        }
    }

    fn on_unanswered(
        self,
        unanswered: Instant,
        event: ServerEvent,
        context: &Context,
    ) -> (Self, Actions) {
        match event {
            ServerEvent::SendProvisional => {
                (Self::Proceeding { unanswered }, Actions::one(Action::Send))
            }
            ServerEvent::SendSuccess | ServerEvent::SendFailure => {
                let state = match context.linger(context.timings.t1_times_64()) {
                    Some(j) => Self::Completed { j },
                    None => Self::Terminated,
                };
                (state, Actions::one(Action::Send))
            }
            ServerEvent::TransportError => {
                (Self::Terminated, Actions::one(Action::TransportFailed))
            }
            ServerEvent::Timer(TimerName::Unanswered) => {
                (Self::Terminated, Actions::one(Action::Timeout))
            }
            _ => (self, Actions::NONE),
        }
    }

    fn on_completed(self, event: ServerEvent) -> (Self, Actions) {
        match event {
            ServerEvent::Retransmission => (self, Actions::one(Action::Repeat)),
            ServerEvent::TransportError => {
                (Self::Terminated, Actions::one(Action::TransportFailed))
            }
            ServerEvent::Timer(TimerName::J) => (Self::Terminated, Actions::NONE),
            _ => self.on_answered(event),
        }
    }

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
