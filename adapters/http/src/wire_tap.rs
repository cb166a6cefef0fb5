//! A tap on a server's sockets: every octet read or written, below TLS, as it crossed the socket.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Something that happened on a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpEvent<'a> {
    /// `from` opened the connection to `to`.
    Opened,
    /// Octets went from `from` to `to`.
    Data(&'a [u8]),
    /// `from` ended its direction.
    Closed,
}

/// Receives what crosses a server's sockets. It must not block for long: it runs on the connection's own task.
pub trait WireTap: Send + Sync {
    /// One event with its time and direction.
    fn tcp(&self, at: SystemTime, from: SocketAddr, to: SocketAddr, event: TcpEvent<'_>);
}

/// A stream that reports to a tap.
pub(crate) struct TappedStream<S> {
    stream: S,
    tap: Option<Arc<dyn WireTap>>,
    local: SocketAddr,
    peer: SocketAddr,
    peer_closed: bool,
}

impl<S> TappedStream<S> {
    pub(crate) fn new(
        stream: S,
        tap: Option<Arc<dyn WireTap>>,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> Self {
        let tapped = Self {
            stream,
            tap,
            local,
            peer,
            peer_closed: false,
        };
        tapped.inward(TcpEvent::Opened);
        tapped
    }

    fn inward(&self, event: TcpEvent<'_>) {
        if let Some(tap) = &self.tap {
            tap.tcp(SystemTime::now(), self.peer, self.local, event);
        }
    }

    fn outward(&self, event: TcpEvent<'_>) {
        if let Some(tap) = &self.tap {
            tap.tcp(SystemTime::now(), self.local, self.peer, event);
        }
    }
}

impl<S> Drop for TappedStream<S> {
    fn drop(&mut self) {
        self.outward(TcpEvent::Closed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TappedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let offered = buffer.remaining();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Poll::Ready(Ok(())) = polled {
            let read = buffer.filled().get(before..).unwrap_or_default();
            if !read.is_empty() {
                self.inward(TcpEvent::Data(read));
            } else if offered > 0 && !self.peer_closed {
                self.peer_closed = true;
                self.inward(TcpEvent::Closed);
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TappedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, octets);
        if let Poll::Ready(Ok(written)) = polled {
            self.outward(TcpEvent::Data(octets.get(..written).unwrap_or_default()));
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if let (Poll::Ready(Ok(written)), true) = (&polled, self.tap.is_some()) {
            let mut left = *written;
            for slice in slices {
                let (seen, _) = slice.split_at(left.min(slice.len()));
                if !seen.is_empty() {
                    self.outward(TcpEvent::Data(seen));
                }
                left -= seen.len();
            }
        }
        polled
    }

    /// The records of a handshake leave in one call.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
