//! Everything that crossed a socket, kept in memory for the verdict and for the pcap files.

mod pcap;

pub(crate) use pcap::{PcapError, write_pcap};

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
    /// A copy of what has crossed so far, in order.
    pub(crate) fn packets(&self) -> Vec<CapturedPacket> {
        self.packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl WireTap for Capture {
    fn packet(&self, packet: &Packet<'_>) {
        let captured = CapturedPacket {
            at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            transport: packet.transport,
            source: packet.source,
            destination: packet.destination,
            octets: packet.octets.to_vec(),
        };
        self.packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(captured);
    }
}
