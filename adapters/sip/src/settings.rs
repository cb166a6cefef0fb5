//! What a node is told at its start.

use core::fmt;
use core::time::Duration;
use roger_base::WireTap;
use roger_sip::message::Limits;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What a tap is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TapScope {
    /// What is sent: one tap sees both ends when both are in its process.
    Sent,
    /// What is sent and what is received.
    SentAndReceived,
}

/// Sockets and their bounds.
#[derive(Clone)]
pub struct TransportSettings {
    /// Where to listen for datagrams; `None` for no UDP. Port 0 takes a free one.
    pub udp: Option<SocketAddr>,
    /// Where to listen for streams; `None` for no TCP. Port 0 takes a free one. Connections that are opened
    /// leave from the same IP address.
    pub tcp: Option<SocketAddr>,
    /// Address told to peers when the sockets are bound to all addresses.
    pub advertised: Option<IpAddr>,
    /// Bounds of messages on streams.
    pub limits: Limits,
    /// Connections, in either direction.
    pub max_connections: usize,
    /// Longest time from the first to the last octet of a message on a stream.
    pub message_deadline: Duration,
    /// Longest silence on a connection; keep-alives count as life.
    pub idle_deadline: Duration,
    /// Interval of our keep-alives on connections we opened (RFC 5626 4.4.1); `None` for none.
    pub keep_alive: Option<Duration>,
    /// Longest time to open a connection.
    pub connect_deadline: Duration,
    /// Longest time to write one message.
    pub write_deadline: Duration,
    /// Messages that may wait for one connection.
    pub write_queue: usize,
    /// Events that may wait for the user.
    pub event_queue: usize,
    /// Sees what crosses the sockets.
    pub tap: Option<Arc<dyn WireTap>>,
    /// How much it sees.
    pub tap_scope: TapScope,
}

impl TransportSettings {
    /// UDP and TCP at one address, with the usual bounds.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            udp: Some(address),
            tcp: Some(address),
            advertised: None,
            limits: Limits::default(),
            max_connections: 20_000,
            message_deadline: Duration::from_secs(10),
            idle_deadline: Duration::from_secs(3_600),
            keep_alive: Some(Duration::from_secs(95)),
            connect_deadline: Duration::from_secs(5),
            write_deadline: Duration::from_secs(10),
            write_queue: 256,
            event_queue: 1_024,
            tap: None,
            tap_scope: TapScope::Sent,
        }
    }
}

impl fmt::Debug for TransportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportSettings")
            .field("udp", &self.udp)
            .field("tcp", &self.tcp)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}
