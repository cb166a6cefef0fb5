//! What a node is told at its start.

use core::fmt;
use core::time::Duration;
use roger_adapter_tls::{ClientTls, ServerTls};
use roger_base::WireTap;
use roger_sip::message::Limits;
use std::collections::HashMap;
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

/// Which web pages may open a WebSocket to us (RFC 6455 10.2). Browsers always say whose page it is; programs that
/// are no browser say nothing and are let in by either setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every page.
    Any,
    /// Pages of these origins, such as `https://dispatch.example.org`; compared without case.
    Only(Vec<String>),
}

/// WebSocket (RFC 7118).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketSettings {
    /// Pages that may connect.
    pub origins: Origins,
    /// Path of the URL that we connect to; servers here take any.
    pub path: String,
}

/// Sockets and their bounds.
#[derive(Clone)]
pub struct TransportSettings {
    /// Where to listen for datagrams; `None` for no UDP. Port 0 takes a free one.
    pub udp: Option<SocketAddr>,
    /// Where to listen for streams; `None` for no TCP. Port 0 takes a free one. Connections that are opened
    /// leave from the same IP address.
    pub tcp: Option<SocketAddr>,
    /// Where to listen for TLS; needs [`TransportSettings::server_tls`].
    pub tls: Option<SocketAddr>,
    /// Where to listen for WebSocket.
    pub ws: Option<SocketAddr>,
    /// Where to listen for WebSocket inside TLS; needs [`TransportSettings::server_tls`].
    pub wss: Option<SocketAddr>,
    /// Certificate shown to those who connect, and whether they must show one.
    pub server_tls: Option<ServerTls>,
    /// Authorities of peers we connect to by TLS or WSS, and the certificate shown to them; `None` for none.
    pub client_tls: Option<ClientTls>,
    /// Names that certificates must show at addresses that are given as such; without one it is the IP address.
    pub peer_names: HashMap<SocketAddr, String>,
    /// WebSocket, both sides.
    pub websocket: WebSocketSettings,
    /// Longest time for the handshakes of TLS and WebSocket of one connection, either side.
    pub handshake_deadline: Duration,
    /// Accepted connections that may be in their handshakes; further ones are closed at once.
    pub max_handshakes: usize,
    /// IP address that connections we open leave from; `None` for that of the first stream listened on, or whatever the
    /// system chooses.
    pub source: Option<IpAddr>,
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
    /// Longest time for a stranger to become known on a connection it has opened, whatever it says meanwhile; who is
    /// a stranger is the element's to say.
    pub stranger_deadline: Duration,
    /// Interval of our keep-alives on connections we opened (RFC 5626 4.4.1, RFC 7118 6); `None` for none.
    pub keep_alive: Option<Duration>,
    /// How long a keep-alive may go unanswered before the connection is given up (RFC 5626 4.4.1); `None` for
    /// peers that answer none.
    pub pong_deadline: Option<Duration>,
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
            tls: None,
            ws: None,
            wss: None,
            server_tls: None,
            client_tls: None,
            peer_names: HashMap::new(),
            websocket: WebSocketSettings {
                origins: Origins::Any,
                path: "/".to_owned(),
            },
            handshake_deadline: Duration::from_secs(10),
            max_handshakes: 1_024,
            source: None,
            advertised: None,
            limits: Limits::default(),
            max_connections: 20_000,
            message_deadline: Duration::from_secs(10),
            idle_deadline: Duration::from_secs(3_600),
            stranger_deadline: Duration::from_secs(60),
            keep_alive: Some(Duration::from_secs(95)),
            pong_deadline: Some(Duration::from_secs(10)),
            connect_deadline: Duration::from_secs(5),
            write_deadline: Duration::from_secs(10),
            write_queue: 256,
            event_queue: 1_024,
            tap: None,
            tap_scope: TapScope::Sent,
        }
    }

    /// Nothing is listened on until an address is set.
    #[must_use]
    pub fn silent() -> Self {
        let mut settings = Self::at(SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 0));
        settings.udp = None;
        settings.tcp = None;
        settings
    }
}

impl fmt::Debug for TransportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportSettings")
            .field("udp", &self.udp)
            .field("tcp", &self.tcp)
            .field("tls", &self.tls)
            .field("ws", &self.ws)
            .field("wss", &self.wss)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}
