//! Where messages come from and go to.

use crate::transaction::Reliability;
use core::fmt;
use std::net::SocketAddr;

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Streams.
    Tcp,
    /// Streams inside TLS (RFC 3261 26.2.1).
    Tls,
    /// WebSocket messages (RFC 7118).
    Ws,
    /// WebSocket messages inside TLS.
    Wss,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// As in Via.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// As in the `transport` parameter of a URI. RFC 7118 5.2.4 has only `ws`; `wss` says without a sips URI
    /// that TLS is needed, as `tls` does for streams.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Reads either spelling.
    #[must_use]
    pub fn parse(token: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|transport| token.eq_ignore_ascii_case(transport.as_str().as_bytes()))
    }

    /// Whether transactions retransmit on it.
    #[must_use]
    pub const fn reliability(self) -> Reliability {
        match self {
            Self::Udp => Reliability::Unreliable,
            Self::Tcp | Self::Tls | Self::Ws | Self::Wss => Reliability::Reliable,
        }
    }

    /// Whether TLS protects it.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether it carries WebSocket messages.
    #[must_use]
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// Whether a URI with this transport may mean a connection with that one. Standard URIs have `ws` for WebSocket
    /// inside TLS too (RFC 7118 5.2.4). Who asks for TLS never gets anything else.
    #[must_use]
    pub const fn may_mean(self, connection: Self) -> bool {
        matches!(
            (self, connection),
            (Self::Udp, Self::Udp)
                | (Self::Tcp, Self::Tcp)
                | (Self::Tls, Self::Tls)
                | (Self::Ws, Self::Ws | Self::Wss)
                | (Self::Wss, Self::Wss)
        )
    }

    /// The same inside TLS; `None` for datagrams, which have no such form here.
    #[must_use]
    pub const fn secured(self) -> Option<Self> {
        match self {
            Self::Udp => None,
            Self::Tcp | Self::Tls => Some(Self::Tls),
            Self::Ws | Self::Wss => Some(Self::Wss),
        }
    }

    /// The port when a URI or a Via names none (RFC 3261 19.1.2, RFC 7118 5.3).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One connection of a stream transport, numbered by the rim; all datagrams share a number of their socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// The way a message came: the socket or connection and both addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Protocol.
    pub transport: Transport,
    /// Socket or connection.
    pub connection: ConnectionId,
    /// Our address.
    pub local: SocketAddr,
    /// The other side's address.
    pub peer: SocketAddr,
}

/// A name of a peer that the rim knows by this number: what its certificate must show (RFC 5922 4). A number, so
/// that a [`Target`] stays small and can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerName(pub u32);

/// Where a message is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Back on a flow, and on no other (the connection a UE opened).
    Flow(Flow),
    /// To an address; the rim uses a connection it has, or opens one.
    Address {
        /// Protocol.
        transport: Transport,
        /// The peer.
        peer: SocketAddr,
    },
    /// To an address that was found for a name (RFC 3263). Its certificate must show the name, and connections
    /// made for other names are not used.
    Server {
        /// Protocol.
        transport: Transport,
        /// The peer.
        peer: SocketAddr,
        /// What it was looked up for.
        name: ServerName,
    },
}

impl Target {
    /// To an address over UDP.
    #[must_use]
    pub const fn udp(peer: SocketAddr) -> Self {
        Self::Address {
            transport: Transport::Udp,
            peer,
        }
    }

    /// To an address over TCP.
    #[must_use]
    pub const fn tcp(peer: SocketAddr) -> Self {
        Self::Address {
            transport: Transport::Tcp,
            peer,
        }
    }

    /// The protocol.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        match self {
            Self::Flow(flow) => flow.transport,
            Self::Address { transport, .. } | Self::Server { transport, .. } => *transport,
        }
    }

    /// The other side.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        match self {
            Self::Flow(flow) => flow.peer,
            Self::Address { peer, .. } | Self::Server { peer, .. } => *peer,
        }
    }
}
