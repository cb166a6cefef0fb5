//! Everything that crossed a socket, kept in memory for the verdict and for the pcap files.

mod pcap;

pub(crate) use pcap::{PcapError, write_pcap};

use roger_adapter_http::TcpEvent;
use roger_base::{Packet, Transport, WireTap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One packet with the time of its crossing.
#[derive(Debug, Clone)]
pub(crate) struct CapturedPacket {
    /// Time since 1970.
    pub(crate) at: Duration,
    /// Protocol.
    pub(crate) transport: Transport,
    /// Sender.
    pub(crate) source: SocketAddr,
    /// Receiver.
    pub(crate) destination: SocketAddr,
    /// Payload.
    pub(crate) octets: Vec<u8>,
}

/// The tap that the demo hands to every adapter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capture {
    packets: Arc<Mutex<Vec<CapturedPacket>>>,
}

impl Capture {
    /// How many packets have crossed so far.
    pub(crate) fn len(&self) -> usize {
        self.packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// A copy of what has crossed so far, in order.
    pub(crate) fn packets(&self) -> Vec<CapturedPacket> {
        self.packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Capture {
    fn push(&self, packet: CapturedPacket) {
        self.packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(packet);
    }
}

fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl roger_adapter_http::WireTap for Capture {
    fn tcp(&self, at: SystemTime, from: SocketAddr, to: SocketAddr, event: TcpEvent<'_>) {
        let TcpEvent::Data(octets) = event else {
            return;
        };
        self.push(CapturedPacket {
            at: since_1970(at),
            transport: Transport::Tcp,
            source: from,
            destination: to,
            octets: octets.to_vec(),
        });
    }
}

impl WireTap for Capture {
    fn packet(&self, packet: &Packet<'_>) {
        self.push(CapturedPacket {
            at: since_1970(SystemTime::now()),
            transport: packet.transport,
            source: packet.source,
            destination: packet.destination,
            octets: packet.octets.to_vec(),
        });
    }
}
