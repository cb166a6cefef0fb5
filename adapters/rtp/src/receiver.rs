//! The receive loop of a media socket.

use crate::{MAX_DATAGRAM_OCTETS, MediaSocket};
use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Datagrams taken before other tasks of the runtime get their turn.
const DATAGRAMS_IN_A_ROW: u32 = 64;
/// Pause after an error of the socket, so that a lasting one does not spin.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);

/// A datagram as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Sender.
    pub source: SocketAddr,
    /// Socket it arrived on.
    pub local: SocketAddr,
    /// Payload.
    pub octets: &'a [u8],
}

/// Takes datagrams. It runs in the receive loop and must neither block nor take long.
pub trait DatagramHandler: Send + Sync + 'static {
    /// One datagram.
    fn datagram(&self, received: Received<'_>);
}

impl<F: Fn(Received<'_>) + Send + Sync + 'static> DatagramHandler for F {
    fn datagram(&self, received: Received<'_>) {
        self(received);
    }
}

#[derive(Default)]
struct Counters {
    taken: AtomicU64,
    too_long: AtomicU64,
    errors: AtomicU64,
}

/// What a receive loop has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiverStatistics {
    /// Datagrams given to the handler.
    pub taken: u64,
    /// Datagrams dropped because they are too long for media.
    pub too_long: u64,
    /// Errors of the socket, such as the echo of an unreachable peer.
    pub errors: u64,
}

/// A running receive loop; it ends when this is dropped.
pub struct Receiver {
    task: JoinHandle<()>,
    counters: Arc<Counters>,
}

impl Receiver {
    /// Starts to give the datagrams of a socket to a handler. Must be called within a tokio runtime.
    #[must_use = "the loop ends when the receiver is dropped"]
    pub fn start(socket: Arc<MediaSocket>, handler: Arc<dyn DatagramHandler>) -> Self {
        let counters = Arc::new(Counters::default());
        let task = tokio::spawn(run(socket, handler, Arc::clone(&counters)));
        Self { task, counters }
    }

    /// What the loop has seen so far.
    #[must_use]
    pub fn statistics(&self) -> ReceiverStatistics {
        ReceiverStatistics {
            taken: self.counters.taken.load(Ordering::Relaxed),
            too_long: self.counters.too_long.load(Ordering::Relaxed),
            errors: self.counters.errors.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(socket: Arc<MediaSocket>, handler: Arc<dyn DatagramHandler>, counters: Arc<Counters>) {
    // One octet more than allowed shows that a datagram is too long.
    let mut buffer = vec![0; MAX_DATAGRAM_OCTETS + 1];
    let mut in_a_row = 0;
    loop {
        in_a_row += 1;
        if in_a_row % DATAGRAMS_IN_A_ROW == 0 {
            tokio::task::yield_now().await;
        }
        let (length, source) = match socket.receive(&mut buffer).await {
            Ok(received) => received,
            // An error is the echo of an earlier datagram (port unreachable); the socket is still good.
            Err(error) => {
                counters.errors.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(local = %socket.local(), %error, "media socket");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                continue;
            }
        };
        let Some(octets) = buffer
            .get(..length)
            .filter(|octets| octets.len() <= MAX_DATAGRAM_OCTETS)
        else {
            counters.too_long.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        counters.taken.fetch_add(1, Ordering::Relaxed);
        socket.show_received(source, octets);
        handler.datagram(Received {
            source,
            local: socket.local(),
            octets,
        });
    }
}
