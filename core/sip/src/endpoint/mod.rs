//! One sans-IO SIP element: transactions, dialogs and their timers behind one input and one output.
//!
//! ```text
//!   datagrams, messages of streams            requests, responses, dialogs
//!            │  handle(now, Input)                   ▲  poll() → Output
//!            ▼                                       │
//!   ┌──────────────────────── Endpoint ──────────────────────────┐
//!   │  validation → transactions (17) → dialogs (12) → the user  │
//!   └─────────────────────────────────────────────────────────────┘
//!            │  poll() → Output::Transmit            ▲  send_request, respond, ack, bye …
//!            ▼                                       │
//!        the rim                                  the user
//! ```
//!
//! After every call the rim polls until `None`, sends what it is told, and arms one timer for
//! [`Endpoint::deadline`]. Outputs keep the order of the messages of each connection.

mod admission;
mod call_state;
mod call_uac;
mod call_uas;
mod calls;
mod client;
mod client_events;
mod client_state;
mod element;
mod error;
mod event;
mod fail_over;
mod flow;
pub mod ident;
mod receive;
mod server;
mod server_events;
mod server_state;
mod settings;

pub use element::{Element, Overflow, Polled};
pub use error::EndpointError;
pub use event::{
    AckReceived, Answer, DialogId, Failure, Incoming, Input, Output, RequestHandle, ServerFailure,
    Ticket, TransactionId, Transmit,
};
pub use flow::{ConnectionId, Flow, ServerName, Target, Transport};
pub use settings::{Capacity, DATAGRAM_LIMIT, Role, Settings, Shedding};

use crate::dialog::DialogKey;
use crate::overload::{Budget, Standing};
use crate::transaction::timed::{SlotId, TimedSet};
use crate::transaction::{
    ClientEvent, Context, Reliability, ServerEvent, TimerName, TransactionKey,
};
use call_state::Call;
use client_state::Client;
use core::time::Duration;
use roger_base::{Instant, Random};
use server_state::Server;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// A SIP element; see the module.
#[derive(Debug)]
pub struct Endpoint {
    settings: Settings,
    clients: TimedSet<Client>,
    client_keys: HashMap<TransactionKey, SlotId>,
    /// Requests that went on to another server: the transaction the user knows, and the one there is.
    moved: HashMap<SlotId, SlotId>,
    /// SUBSCRIBEs under way by Call-ID and local tag: a NOTIFY may overtake the 2xx.
    subscribing: HashMap<DialogKey, SlotId>,
    /// Client transactions on reliable transports by peer, so that a closed connection finds them.
    clients_by_peer: HashMap<SocketAddr, usize>,
    servers: TimedSet<Server>,
    server_keys: HashMap<TransactionKey, SlotId>,
    calls: TimedSet<Call>,
    call_keys: HashMap<DialogKey, SlotId>,
    outputs: VecDeque<Output>,
    counters: Counters,
    /// How long the present message has waited.
    queue_delay: Duration,
    refusals: Budget,
    long_refusals: Budget,
}

/// What has happened since the start; only ever grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages that could not be read and were dropped.
    pub unreadable: u64,
    /// Requests refused by validation.
    pub invalid: u64,
    /// Responses without a request.
    pub stray_responses: u64,
    /// Requests refused with 503 since a table was full or the message had waited too long.
    pub overloaded: u64,
    /// Of these, how many got no answer.
    pub unanswered: u64,
    /// Messages sent again by a timer or since the peer repeated its own.
    pub retransmissions: u64,
}

impl Endpoint {
    /// An element without any state.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let capacity = settings.capacity;
        let refusals = settings.shedding.refusals;
        Self {
            settings,
            clients: TimedSet::new(capacity.client_transactions),
            client_keys: HashMap::new(),
            moved: HashMap::new(),
            subscribing: HashMap::new(),
            clients_by_peer: HashMap::new(),
            servers: TimedSet::new(capacity.server_transactions),
            server_keys: HashMap::new(),
            calls: TimedSet::new(capacity.dialogs),
            call_keys: HashMap::new(),
            outputs: VecDeque::new(),
            queue_delay: Duration::ZERO,
            refusals: Budget::new(refusals),
            long_refusals: Budget::new(admission::LONG_REFUSALS),
            counters: Counters::default(),
        }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings, for the rim that learns its addresses when it binds.
    pub const fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// What has happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Number of server transactions, client transactions and dialogs held.
    #[must_use]
    pub const fn load(&self) -> Load {
        Load {
            server_transactions: self.servers.len(),
            client_transactions: self.clients.len(),
            dialogs: self.calls.len(),
        }
    }

    /// Takes one input in, of a peer that is known: a server or a UE talks to the core it has chosen.
    ///
    /// # Errors
    /// [`EndpointError`] says what was wrong with it. The element goes on as before; an answer that is due
    /// is among the outputs.
    pub fn handle(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        input: Input<'_>,
    ) -> Result<(), EndpointError> {
        self.handle_from(now, random, input, Standing::Known)
    }

    /// Takes one input in, of a peer of which its user knows more or less.
    ///
    /// # Errors
    /// As [`Endpoint::handle`].
    pub fn handle_from(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        input: Input<'_>,
        standing: Standing,
    ) -> Result<(), EndpointError> {
        if self.outputs.len() >= self.settings.capacity.outputs {
            return Err(EndpointError::LocalFull("outputs that were not polled"));
        }
        match input {
            Input::Datagram { flow, octets } => {
                self.on_datagram(now, random, (flow, standing), octets)
            }
            Input::Message { flow, message } => {
                self.on_message(now, random, (flow, standing), message)
            }
            Input::BrokenStream { flow, error } => self.on_broken_stream(flow, error),
            Input::Closed { flow } => {
                self.on_closed(now, random, flow);
                Ok(())
            }
            Input::TransmitFailed { ticket } => {
                self.on_transmit_failed(now, random, ticket);
                Ok(())
            }
        }
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant, random: &mut dyn Random) {
        while let Some((id, name)) = self.clients.pop_due(now) {
            self.client_event(now, random, id, ClientEvent::Timer(name), None);
        }
        while let Some((id, name)) = self.servers.pop_due(now) {
            self.server_timer(now, random, id, name);
        }
        while let Some((id, name)) = self.calls.pop_due(now) {
            self.call_timer(now, random, id, name);
        }
    }

    fn server_timer(&mut self, now: Instant, random: &mut dyn Random, id: SlotId, name: TimerName) {
        self.server_event(now, random, id, ServerEvent::Timer(name));
    }

    /// The next thing to do, until `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Endpoint::handle_timeout`] is due, and which timer it is.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, TimerName)> {
        [
            self.clients.deadline(),
            self.servers.deadline(),
            self.calls.deadline(),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }

    const fn count_overload(&mut self) {
        self.counters.overloaded += 1;
    }

    const fn context(&self, now: Instant, reliability: Reliability) -> Context {
        Context {
            now,
            timings: self.settings.timings,
            reliability,
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        self.outputs.push_back(Output::Transmit(transmit));
    }
}

/// How much an endpoint holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Requests received, answered ones that linger included.
    pub server_transactions: usize,
    /// Requests sent, answered ones that linger included.
    pub client_transactions: usize,
    /// Dialogs.
    pub dialogs: usize,
}
