//! A place where an adapter shows what crosses its sockets, so that tests and the demo can read the wire.

use core::net::SocketAddr;

/// Transport protocol of a [`Packet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// A piece of a stream, in order.
    Tcp,
    /// A piece of a stream inside TLS, in clear.
    Tls,
    /// One WebSocket message without its frame.
    Ws,
    /// One WebSocket message inside TLS, in clear and without its frame.
    Wss,
}

/// What crossed a socket: the octets after the transport header.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Protocol.
    pub transport: Transport,
    /// Sending socket.
    pub source: SocketAddr,
    /// Receiving socket.
    pub destination: SocketAddr,
    /// Payload. Above TLS and WebSocket: what the user of the connection reads and writes.
    pub octets: &'a [u8],
}

/// A sink for everything that an adapter sends or receives. It must not block.
///
/// One tap sees both ends when both are in its process; adapters therefore show what they *send*,
/// and what they receive only from a peer outside.
pub trait WireTap: Send + Sync {
    /// Takes note of one packet.
    fn packet(&self, packet: &Packet<'_>);
}
