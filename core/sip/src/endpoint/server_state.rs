//! A server transaction: its machine and what it keeps.

use super::flow::Target;
use crate::message::{Method, Request};
use crate::transaction::timed::{SlotId, Timed};
use crate::transaction::{
    Actions, Context, ServerEvent, ServerInvite, ServerNonInvite, TimerName, TransactionKey,
};
use roger_base::Instant;
use std::net::SocketAddr;
use std::sync::Arc;

#[derive(Debug, Clone, Copy)]
pub(super) enum Machine {
    Invite(ServerInvite),
    Other(ServerNonInvite),
}

impl Machine {
    pub(super) fn start(method: &Method, context: &Context) -> Self {
        match method {
            Method::Invite => Self::Invite(ServerInvite::start(context)),
            _ => Self::Other(ServerNonInvite::start(context)),
        }
    }

    pub(super) fn on(&mut self, event: ServerEvent, context: &Context) -> Actions {
        match self {
            Self::Invite(machine) => {
                let (next, actions) = machine.on(event, context);
                *machine = next;
                actions
            }
            Self::Other(machine) => {
                let (next, actions) = machine.on(event, context);
                *machine = next;
                actions
            }
        }
    }

    pub(super) const fn is_terminated(&self) -> bool {
        matches!(
            self,
            Self::Invite(ServerInvite::Terminated) | Self::Other(ServerNonInvite::Terminated)
        )
    }

    pub(super) const fn is_proceeding(&self) -> bool {
        matches!(
            self,
            Self::Invite(ServerInvite::Proceeding { .. })
                | Self::Other(ServerNonInvite::Trying { .. } | ServerNonInvite::Proceeding { .. })
        )
    }

    /// Whether the last response may have to be sent again.
    pub(super) const fn repeats(&self) -> bool {
        !matches!(
            self,
            Self::Invite(ServerInvite::Accepted { .. } | ServerInvite::Confirmed { .. })
        )
    }
}

/// A server transaction.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) machine: Machine,
    pub(super) key: TransactionKey,
    pub(super) target: Target,
    /// Where a response goes when its connection is gone (18.2.2).
    pub(super) fallback: Option<Box<SocketAddr>>,
    /// The last response, while it may have to be repeated.
    pub(super) last: Option<Arc<[u8]>>,
    /// INVITE and SUBSCRIBE without body, until the final answer.
    pub(super) request: Option<Box<Request>>,
    /// The To tag we chose.
    pub(super) tag: Option<Box<str>>,
    /// The dialog it came in or made.
    pub(super) call: Option<SlotId>,
    pub(super) is_bye: bool,
}

impl Timed for Server {
    fn next_timer(&self) -> Option<(Instant, TimerName)> {
        match &self.machine {
            Machine::Invite(machine) => machine.next_timer(),
            Machine::Other(machine) => machine.next_timer(),
        }
    }
}
