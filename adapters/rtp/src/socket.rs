//! One UDP socket for RTP or floor control.

use crate::Tap;
use core::net::SocketAddr;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use thiserror::Error;
use tokio::net::UdpSocket;

/// Longest datagram sent or taken, in octets. Media and floor messages stay below one MTU; what is longer is not
/// one of them.
pub const MAX_DATAGRAM_OCTETS: usize = 4_096;

/// Octets the kernel may hold for us: a second of a large group's fan-out.
const KERNEL_BUFFER: usize = 1024 * 1024;

/// Why a datagram was not sent. None of these ends the socket.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The kernel's queue is full; the datagram is lost, as on a busy network.
    #[error("the send queue is full, the datagram to {0} is dropped")]
    LocalQueueFull(SocketAddr),
    /// The datagram is too long for media.
    #[error("datagram of {0} octets, at most {MAX_DATAGRAM_OCTETS} sent")]
    LocalTooLong(usize),
    /// The peer's host refused an earlier datagram, or there is no route.
    #[error("sending to {to}: {error}")]
    PeerUnreachable {
        /// Where the datagram went.
        to: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// A bound socket. Sending needs no runtime and never waits; a [`crate::Receiver`] takes what arrives.
pub struct MediaSocket {
    sending: std::net::UdpSocket,
    receiving: UdpSocket,
    local: SocketAddr,
    tap: Tap,
}

impl MediaSocket {
    /// Binds; port 0 lets the system choose. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What the system says, such as an address in use.
    pub fn bind(address: SocketAddr, tap: Tap) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        // The kernel may grant less; then a burst loses packets earlier, nothing else.
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let sending: std::net::UdpSocket = socket.into();
        let receiving = UdpSocket::from_std(sending.try_clone()?)?;
        Ok(Self {
            local: sending.local_addr()?,
            sending,
            receiving,
            tap,
        })
    }

    /// The address bound to.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends at once, or not at all.
    ///
    /// # Errors
    /// [`SendError`]; the socket stays usable.
    pub fn send(&self, to: SocketAddr, octets: &[u8]) -> Result<(), SendError> {
        if octets.len() > MAX_DATAGRAM_OCTETS {
            return Err(SendError::LocalTooLong(octets.len()));
        }
        // Shown before it is sent, so that no answer can be seen before its cause.
        self.tap.sent(self.local, to, octets);
        match self.sending.send_to(octets, to) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(SendError::LocalQueueFull(to))
            }
            Err(error) => Err(SendError::PeerUnreachable { to, error }),
        }
    }

    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receiving.recv_from(buffer).await
    }

    pub(crate) fn show_received(&self, peer: SocketAddr, octets: &[u8]) {
        self.tap.received(peer, self.local, octets);
    }
}
