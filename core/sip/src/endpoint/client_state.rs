//! A client transaction: its machine and what it keeps.

use super::Flow;
use super::fail_over::FailOver;
use super::flow::Target;
use crate::message::{Method, Request};
use crate::transaction::timed::{SlotId, Timed};
use crate::transaction::{
    Actions, ClientEvent, ClientInvite, ClientNonInvite, Context, TimerName, TransactionKey,
};
use roger_base::Instant;
use std::sync::Arc;

#[derive(Debug, Clone, Copy)]
pub(super) enum Machine {
    Invite(ClientInvite),
    Other(ClientNonInvite),
}

impl Machine {
    pub(super) fn start(method: &Method, context: &Context) -> Self {
        match method {
            Method::Invite => Self::Invite(ClientInvite::start(context)),
            _ => Self::Other(ClientNonInvite::start(context)),
        }
    }

    pub(super) fn on(&mut self, event: ClientEvent, context: &Context) -> Actions {
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

    pub(super) fn is_terminated(&self) -> bool {
        matches!(
            self,
            Self::Invite(ClientInvite::Terminated) | Self::Other(ClientNonInvite::Terminated)
        )
    }

    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Invite(machine) => {
                matches!(
                    machine,
                    ClientInvite::Calling { .. } | ClientInvite::Proceeding { .. }
                )
            }
            Self::Other(machine) => {
                matches!(
                    machine,
                    ClientNonInvite::Trying { .. } | ClientNonInvite::Proceeding { .. }
                )
            }
        }
    }
}

/// Whether a CANCEL goes out: only after a provisional response (9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    Wanted,
    Sent,
}

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    User,
    /// Ours: nobody hears of its end.
    Endpoint,
}

/// A client transaction.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) machine: Machine,
    pub(super) key: TransactionKey,
    pub(super) target: Target,
    pub(super) owner: Owner,
    pub(super) cancel: Cancel,
    /// The request as sent, while it may have to be repeated.
    pub(super) octets: Option<Arc<[u8]>>,
    /// INVITE and SUBSCRIBE without body, while ACK, CANCEL or dialogs may follow from it.
    pub(super) request: Option<Box<Request>>,
    /// The ACK of a final response from 300 to 699.
    pub(super) ack: Option<Arc<[u8]>>,
    /// The dialog it was sent in.
    pub(super) call: Option<SlotId>,
    /// Early dialogs it made.
    pub(super) early: Vec<SlotId>,
    /// Further servers, and the handle of the user once one was left behind.
    pub(super) fail_over: Option<Box<FailOver>>,
}

impl Timed for Client {
    fn next_timer(&self) -> Option<(Instant, TimerName)> {
        match &self.machine {
            Machine::Invite(machine) => machine.next_timer(),
            Machine::Other(machine) => machine.next_timer(),
        }
    }
}

impl Machine {
    /// Whether the request may be sent again.
    pub(super) fn repeats(&self) -> bool {
        match self {
            Self::Invite(ClientInvite::Calling { a, .. }) => a.is_some(),
            Self::Other(ClientNonInvite::Trying { e, .. }) => e.is_some(),
            _ => false,
        }
    }
}

impl Client {
    /// An INVITE that was refused needs only its ACK.
    pub(super) const fn keeps_request_in_vain(&self) -> bool {
        self.request.is_some()
            && matches!(
                self.machine,
                Machine::Invite(ClientInvite::Completed { .. })
            )
    }
}

impl Target {
    /// Whether messages for this target go over that connection.
    pub(super) fn is_on(&self, flow: &Flow) -> bool {
        match self {
            Self::Flow(own) => own.connection == flow.connection && own.transport == flow.transport,
            Self::Address { transport, peer }
            | Self::Server {
                transport, peer, ..
            } => *transport == flow.transport && *peer == flow.peer,
        }
    }
}
