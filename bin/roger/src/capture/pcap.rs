//! Writes captured packets as pcapng with raw IP link type.
//!
//! The payloads, addresses, ports and times are what was seen; the IP, UDP and TCP headers around
//! them are made here, because a tap at a socket sees none. The section comment says so.

use super::CapturedPacket;
use etherparse::PacketBuilder;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, Endianness};
use roger_base::Transport;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use thiserror::Error;

/// Longest piece of a stream written as one TCP segment, so that the IP length field holds it.
const MAX_SEGMENT: usize = 32 * 1024;
const HOP_LIMIT: u8 = 64;
const TCP_WINDOW: u16 = 65_535;
/// `if_tsresol` of nanoseconds.
const NANOSECONDS: u8 = 9;

/// Why a capture could not be written.
#[derive(Debug, Error)]
pub(crate) enum PcapError {
    /// The file system refused.
    #[error("cannot write the capture: {0}")]
    File(#[from] std::io::Error),
    /// The file format refused.
    #[error("cannot write the capture: {0}")]
    Format(#[from] pcap_file::PcapError),
    /// A packet has addresses of two families or is too long for a datagram.
    #[error("cannot put a header before a packet from {source_address} to {destination}")]
    Header {
        /// Sender.
        source_address: SocketAddr,
        /// Receiver.
        destination: SocketAddr,
    },
}

/// Writes the packets to a new file; `comment` goes into the section header.
pub(crate) fn write_pcap(
    path: &Path,
    packets: &[CapturedPacket],
    comment: &str,
) -> Result<(), PcapError> {
    let section = SectionHeaderBlock {
        endianness: Endianness::Little,
        options: vec![SectionHeaderOption::Comment(Cow::Owned(comment.to_owned()))],
        ..SectionHeaderBlock::default()
    };
    let mut writer =
        PcapNgWriter::with_section_header(BufWriter::new(File::create(path)?), section)?;
    writer.write_pcapng_block(InterfaceDescriptionBlock {
        linktype: DataLink::RAW,
        snaplen: 0,
        options: vec![InterfaceDescriptionOption::IfTsResol(NANOSECONDS)],
    })?;
    let mut streams = Streams::default();
    for packet in packets {
        for segment in packet_segments(packet) {
            let data = with_headers(packet, segment, &mut streams)?;
            let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
            writer.write_pcapng_block(EnhancedPacketBlock {
                interface_id: 0,
                timestamp: packet.at,
                original_len: length,
                data: Cow::Owned(data),
                options: vec![],
            })?;
        }
    }
    Ok(())
}

fn packet_segments(packet: &CapturedPacket) -> Vec<&[u8]> {
    match packet.transport {
        Transport::Udp => vec![&packet.octets],
        _ => packet.octets.chunks(MAX_SEGMENT).collect(),
    }
}

/// Next sequence number of each direction of each stream.
#[derive(Default)]
struct Streams(HashMap<(SocketAddr, SocketAddr), u32>);

impl Streams {
    /// Sequence and acknowledgement numbers of a segment of that length.
    fn advance(&mut self, from: SocketAddr, to: SocketAddr, length: usize) -> (u32, u32) {
        let acknowledged = *self.0.entry((to, from)).or_insert(1);
        let next = self.0.entry((from, to)).or_insert(1);
        let sequence = *next;
        *next = next.wrapping_add(u32::try_from(length).unwrap_or(u32::MAX));
        (sequence, acknowledged)
    }
}

fn with_headers(
    packet: &CapturedPacket,
    segment: &[u8],
    streams: &mut Streams,
) -> Result<Vec<u8>, PcapError> {
    let refused = || PcapError::Header {
        source_address: packet.source,
        destination: packet.destination,
    };
    let (from, to) = (packet.source, packet.destination);
    let ip = match (from.ip(), to.ip()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => PacketBuilder::ipv4(a.octets(), b.octets(), HOP_LIMIT),
        (IpAddr::V6(a), IpAddr::V6(b)) => PacketBuilder::ipv6(a.octets(), b.octets(), HOP_LIMIT),
        _ => return Err(refused()),
    };
    let mut data = Vec::with_capacity(segment.len() + 60);
    let written = match packet.transport {
        Transport::Udp => ip.udp(from.port(), to.port()).write(&mut data, segment),
        // What was inside TLS or WebSocket is written as the stream it would be without.
        _ => {
            let (sequence, acknowledged) = streams.advance(from, to, segment.len());
            ip.tcp(from.port(), to.port(), sequence, TCP_WINDOW)
                .ack(acknowledged)
                .psh()
                .write(&mut data, segment)
        }
    };
    written.map_err(|_| refused())?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn packet(transport: Transport, octets: &[u8]) -> CapturedPacket {
        CapturedPacket {
            at: Duration::from_nanos(1_700_000_000_123_456_789),
            transport,
            source: "127.0.0.1:5060".parse().unwrap(),
            destination: "127.0.0.2:5062".parse().unwrap(),
            octets: octets.to_vec(),
        }
    }

    #[test]
    fn a_stream_continues_its_sequence_numbers() {
        let mut streams = Streams::default();
        let (a, b) = (
            "127.0.0.1:1".parse().unwrap(),
            "127.0.0.2:2".parse().unwrap(),
        );
        assert_eq!(streams.advance(a, b, 10), (1, 1));
        assert_eq!(streams.advance(b, a, 5), (1, 11));
        assert_eq!(streams.advance(a, b, 1), (11, 6));
    }

    #[test]
    fn another_program_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcap");
        let long = vec![b'x'; 100_000];
        let packets = [
            packet(Transport::Udp, b"floor"),
            packet(Transport::Tcp, &long),
        ];
        write_pcap(&path, &packets, "a test").unwrap();
        let Some(tshark) = roger_testkit::find_program("tshark") else {
            return;
        };
        let output = std::process::Command::new(tshark)
            .args([
                "-T",
                "fields",
                "-e",
                "ip.proto",
                "-e",
                "frame.time_epoch",
                "-e",
                "udp.length",
                "-e",
                "tcp.len",
                "-r",
            ])
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split('\t').collect())
            .collect();
        assert_eq!(lines[0], ["17", "1700000000.123456789", "13", ""], "{text}");
        let octets: usize = lines[1..]
            .iter()
            .map(|line| line[3].parse::<usize>().unwrap())
            .sum();
        assert_eq!(octets, long.len());
    }
}
