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
}

impl Transport {
    /// As in Via.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// As in the `transport` parameter of a URI.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }

    /// Reads either spelling.
    #[must_use]
    pub fn parse(token: &[u8]) -> Option<Self> {
        [Self::Udp, Self::Tcp]
            .into_iter()
            .find(|transport| token.eq_ignore_ascii_case(transport.as_str().as_bytes()))
    }

    /// Whether transactions retransmit on it.
    #[must_use]
    pub const fn reliability(self) -> Reliability {
        match self {
            Self::Udp => Reliability::Unreliable,
            Self::Tcp => Reliability::Reliable,
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
            Self::Address { transport, .. } => *transport,
        }
    }

    /// The other side.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        match self {
            Self::Flow(flow) => flow.peer,
            Self::Address { peer, .. } => *peer,
        }
    }
}
