//! The media sockets of a sans-IO function or UE: [`roger_media::MediaPorts`] over real sockets.
//!
//! ```text
//!   function ── open, close ──► LegSockets ── binds ──► sockets ──► bounded queue ──► MediaPacket ──► function
//!   function ── MediaTransmit ──► LegSender ──────────► sockets
//! ```

use crate::{MediaPair, MediaPorts, Received, Receiver};
use core::time::Duration;
use roger_media::{Flow, MediaPacket, MediaTransmit, NoPorts, Pair, PairId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Packets that may wait for the function; beyond, they are dropped as on a busy network.
const QUEUE: usize = 4_096;

/// How long a closed pair stays bound, so that what the function said before it closed still goes out.
const LINGER: Duration = Duration::from_millis(250);

/// Sockets of one pair; its receive loops end when this is dropped.
struct OpenPair {
    sockets: MediaPair,
    _receivers: [Receiver; 2],
}

type Pairs = Arc<Mutex<HashMap<PairId, OpenPair>>>;

fn lock(pairs: &Pairs) -> MutexGuard<'_, HashMap<PairId, OpenPair>> {
    pairs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens and closes the media sockets of one function. It must be used within a tokio runtime.
pub struct LegSockets {
    ports: MediaPorts,
    pairs: Pairs,
    next: u64,
    queue: mpsc::Sender<MediaPacket>,
}

/// Sends from the sockets that a [`LegSockets`] opened; clones share them.
#[derive(Clone)]
pub struct LegSender {
    pairs: Pairs,
}

impl LegSockets {
    /// Sockets on `ports`, the way to send from them, and what arrives on them.
    #[must_use]
    pub fn new(ports: MediaPorts) -> (Self, LegSender, mpsc::Receiver<MediaPacket>) {
        let (queue, packets) = mpsc::channel(QUEUE);
        let pairs = Pairs::default();
        let sender = LegSender {
            pairs: Arc::clone(&pairs),
        };
        let sockets = Self {
            ports,
            pairs,
            next: 1,
            queue,
        };
        (sockets, sender, packets)
    }

    fn receiver(&self, pair: PairId, flow: Flow, sockets: &MediaPair) -> Receiver {
        let socket = match flow {
            Flow::Rtp => &sockets.rtp,
            Flow::Floor => &sockets.floor,
        };
        let queue = self.queue.clone();
        let take = move |received: Received<'_>| {
            let packet = MediaPacket {
                pair,
                flow,
                source: received.source,
                octets: received.octets.to_vec(),
            };
            // A function that does not keep up loses packets, as a network would lose them.
            if queue.try_send(packet).is_err() {
                tracing::debug!("a media packet was dropped: its function does not keep up");
            }
        };
        Receiver::start(Arc::clone(socket), Arc::new(take))
    }
}

impl roger_media::MediaPorts for LegSockets {
    fn open(&mut self) -> Result<Pair, NoPorts> {
        let sockets = self
            .ports
            .allocate()
            .map_err(|error| NoPorts(error.to_string()))?;
        let id = PairId(self.next);
        self.next += 1;
        let receivers = [Flow::Rtp, Flow::Floor].map(|flow| self.receiver(id, flow, &sockets));
        let pair = Pair {
            id,
            rtp: sockets.rtp.local(),
            floor: sockets.floor.local(),
        };
        let open = OpenPair {
            sockets,
            _receivers: receivers,
        };
        lock(&self.pairs).insert(id, open);
        Ok(pair)
    }

    fn close(&mut self, pair: PairId) {
        let pairs = Arc::clone(&self.pairs);
        tokio::spawn(async move {
            tokio::time::sleep(LINGER).await;
            lock(&pairs).remove(&pair);
        });
    }
}

impl LegSender {
    /// Sends a datagram from the socket it names, at once or not at all.
    pub fn send(&self, transmit: &MediaTransmit) {
        let socket = lock(&self.pairs)
            .get(&transmit.pair)
            .map(|open| match transmit.flow {
                Flow::Rtp => Arc::clone(&open.sockets.rtp),
                Flow::Floor => Arc::clone(&open.sockets.floor),
            });
        let Some(socket) = socket else {
            tracing::debug!("a datagram of a closed pair was not sent");
            return;
        };
        if let Err(error) = socket.send(transmit.to, &transmit.octets) {
            tracing::debug!(%error, "a datagram was not sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PortRange, Tap};
    use core::net::{IpAddr, Ipv4Addr};
    use roger_media::MediaPorts as _;

    fn sockets() -> (LegSockets, LegSender, mpsc::Receiver<MediaPacket>) {
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 61, 7));
        let range = PortRange::new(20_000, 60_000).unwrap();
        LegSockets::new(MediaPorts::new(address, range, Tap::default()))
    }

    #[tokio::test]
    async fn a_datagram_names_its_pair_and_flow() {
        let (mut legs, sender, mut packets) = sockets();
        let (a, b) = (legs.open().unwrap(), legs.open().unwrap());
        for (flow, from, to) in [(Flow::Rtp, a.rtp, b.rtp), (Flow::Floor, a.floor, b.floor)] {
            sender.send(&MediaTransmit {
                pair: a.id,
                flow,
                to,
                octets: Arc::from(&b"speech"[..]),
            });
            let packet = packets.recv().await.unwrap();
            let expected = MediaPacket {
                pair: b.id,
                flow,
                source: from,
                octets: b"speech".to_vec(),
            };
            assert_eq!(packet, expected);
        }
    }

    #[tokio::test]
    async fn a_closed_pair_says_its_last_words_and_is_then_gone() {
        let (mut legs, sender, mut packets) = sockets();
        let (a, b) = (legs.open().unwrap(), legs.open().unwrap());
        let transmit = MediaTransmit {
            pair: a.id,
            flow: Flow::Floor,
            to: b.floor,
            octets: Arc::from(&b"idle"[..]),
        };
        legs.close(a.id);
        sender.send(&transmit);
        assert_eq!(packets.recv().await.unwrap().octets, b"idle");
        tokio::time::sleep(LINGER * 2).await;
        assert!(!lock(&legs.pairs).contains_key(&a.id));
        sender.send(&transmit);
        assert!(packets.try_recv().is_err());
    }
}
