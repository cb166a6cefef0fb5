//! Media sockets of a call leg, as a sans-IO function or UE sees them.

use crate::Flow;
use core::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;

/// The RTP and floor control sockets that the rim bound for one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairId(pub u64);

/// A bound pair with its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Its number.
    pub id: PairId,
    /// Socket for RTP.
    pub rtp: SocketAddr,
    /// Socket for floor control.
    pub floor: SocketAddr,
}

/// No sockets can be had; the call is refused with 500 and may be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no media ports: {0}")]
pub struct NoPorts(pub String);

/// Binds and frees media sockets.
pub trait MediaPorts: Send {
    /// Binds a pair; its packets arrive as [`MediaPacket`] from now on.
    ///
    /// # Errors
    /// [`NoPorts`].
    fn open(&mut self) -> Result<Pair, NoPorts>;

    /// Frees a pair.
    fn close(&mut self, pair: PairId);
}

/// A datagram that arrived on a media socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPacket {
    /// Pair of the socket.
    pub pair: PairId,
    /// Which of the two sockets.
    pub flow: Flow,
    /// Sender.
    pub source: SocketAddr,
    /// Payload.
    pub octets: Vec<u8>,
}

/// A datagram to send from a media socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaTransmit {
    /// Pair of the socket.
    pub pair: PairId,
    /// Which of the two sockets.
    pub flow: Flow,
    /// Receiver.
    pub to: SocketAddr,
    /// Payload, shared by the copies of one packet.
    pub octets: Arc<[u8]>,
}
