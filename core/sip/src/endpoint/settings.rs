//! What an endpoint is told at its creation.

use super::flow::Transport;
use crate::message::Limits;
use crate::overload::Rank;
use crate::transaction::Timings;
use crate::validate::Capabilities;
use core::time::Duration;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Longest request that goes by UDP when the path MTU is unknown (RFC 3261 18.1.1).
pub const DATAGRAM_LIMIT: usize = 1300;

/// How an endpoint treats dialogs and CANCEL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Keeps dialogs, answers 481 for unknown ones, repeats 2xx until the ACK, answers 487 after a CANCEL.
    UserAgent,
    /// Keeps no dialogs and hands CANCEL and every ACK on; all answers come from its user.
    Proxy,
}

/// Upper bounds; what exceeds them is refused with 503 or an error, never queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Server transactions, lingering ones included.
    pub server_transactions: usize,
    /// Of these, how many are kept free for requests with Resource-Priority and for requests inside dialogs, of
    /// known senders. Strangers get half of the others.
    pub reserved: usize,
    /// Client transactions, lingering ones included.
    pub client_transactions: usize,
    /// Dialogs.
    pub dialogs: usize,
    /// Outputs that may wait for [`poll`](super::Endpoint::poll); input is refused beyond.
    pub outputs: usize,
}

impl Default for Capacity {
    /// Enough for 2,000 transactions a second over UDP with their 32 s of lingering; about 100 MB when full.
    fn default() -> Self {
        Self {
            server_transactions: 100_000,
            reserved: 10_000,
            client_transactions: 50_000,
            dialogs: 20_000,
            outputs: 4_096,
        }
    }
}

/// When requests are refused although there is room for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shedding {
    /// Longest wait of a stranger's request.
    pub stranger: Duration,
    /// Longest wait of a new request of a known sender.
    pub known: Duration,
    /// Longest wait of a new request of a known sender in the namespace `mcpttq`.
    pub queueing: Duration,
    /// Answers of 503 a second; what is refused beyond gets none.
    pub refusals: u32,
}

impl Shedding {
    /// The longest wait of a rank. What was begun and emergencies wait as long as it takes.
    #[must_use]
    pub const fn longest_delay(&self, rank: Rank) -> Duration {
        match rank {
            Rank::Stranger => self.stranger,
            Rank::Known => self.known,
            Rank::Queueing(_) => self.queueing,
            Rank::Begun | Rank::Preempting(_) => Duration::MAX,
        }
    }
}

impl Default for Shedding {
    /// All well below T1 of 500 ms, at which a client sends again and makes matters worse.
    fn default() -> Self {
        Self {
            stranger: Duration::from_millis(100),
            known: Duration::from_millis(200),
            queueing: Duration::from_millis(300),
            refusals: 2_000,
        }
    }
}

/// Settings of an endpoint.
#[derive(Debug, Clone)]
pub struct Settings {
    /// User agent or proxy.
    pub role: Role,
    /// Timer values.
    pub timings: Timings,
    /// Bounds of the tables.
    pub capacity: Capacity,
    /// When requests are refused although there is room for them.
    pub shedding: Shedding,
    /// Bounds of messages read.
    pub limits: Limits,
    /// What a user agent serves; refused requests never reach the user. `None` leaves this to the user.
    pub capabilities: Option<Capabilities>,
    /// Our address for Via and Contact, by transport.
    pub sent_by: HashMap<Transport, SocketAddr>,
    /// Host for Via and Contact on transports that we open and do not listen on: a name below `.invalid`, since
    /// nobody can connect to it (RFC 7118 5.2). A transport that is in neither table is not used for requests.
    pub opens: HashMap<Transport, String>,
    /// Addresses of host names that may stand in Route and Contact; numeric hosts need no entry.
    pub hosts: HashMap<String, SocketAddr>,
    /// Retry-After of a 503 (21.5.4).
    pub retry_after: Duration,
    /// Longest request by UDP; a longer one goes by TCP.
    pub datagram_limit: usize,
}

impl Settings {
    /// The usual values for one role; `sent_by` is filled in by the rim once its sockets are bound.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            timings: Timings::default(),
            capacity: Capacity::default(),
            shedding: Shedding::default(),
            limits: Limits::default(),
            capabilities: None,
            sent_by: HashMap::new(),
            opens: HashMap::new(),
            hosts: HashMap::new(),
            retry_after: Duration::from_secs(5),
            datagram_limit: DATAGRAM_LIMIT,
        }
    }

    /// The same with an address for a transport.
    #[must_use]
    pub fn with_sent_by(mut self, transport: Transport, address: SocketAddr) -> Self {
        self.sent_by.insert(transport, address);
        self
    }

    /// Host and port for Via and Contact on a transport.
    pub(super) fn own_host(&self, transport: Transport) -> Option<(String, Option<u16>)> {
        match self.sent_by.get(&transport) {
            Some(SocketAddr::V4(address)) => Some((address.ip().to_string(), Some(address.port()))),
            Some(SocketAddr::V6(address)) => {
                Some((format!("[{}]", address.ip()), Some(address.port())))
            }
            None => Some((self.opens.get(&transport)?.clone(), None)),
        }
    }
}
