//! The captured packets by what they are: SIP streams and the messages in them, floor control, speech.

use crate::capture::CapturedPacket;
use crate::system::{MEDIA_PORTS, SIP_PORT};
use core::net::SocketAddr;
use roger_base::Transport;
use roger_call::body::Body;
use roger_call::feature::media_type;
use roger_mikey::sdp;
use roger_sip::message::{Frame, Limits, Message, StreamDecoder, StreamSide};
use std::collections::BTreeMap;

/// Ports of one pair: RTP, its neighbour, floor control, its neighbour.
const PORTS_OF_A_PAIR: u16 = 4;
const FLOOR_OFFSET: u16 = 2;

/// What a packet carries, by its addresses alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// SIP.
    Sip,
    /// RTP.
    Speech,
    /// Floor control.
    Floor,
    /// HTTPS.
    Other,
}

/// Says what a packet is.
pub(super) fn kind(packet: &CapturedPacket) -> Kind {
    if matches!(
        packet.transport,
        Transport::Tls | Transport::Ws | Transport::Wss
    ) {
        return Kind::Sip;
    }
    let (source, destination) = (packet.source.port(), packet.destination.port());
    if source == SIP_PORT || destination == SIP_PORT {
        return Kind::Sip;
    }
    let (first, last) = MEDIA_PORTS;
    let range = first..=last;
    if packet.transport != Transport::Udp
        || !range.contains(&source)
        || !range.contains(&destination)
    {
        return Kind::Other;
    }
    if (destination - first) % PORTS_OF_A_PAIR == FLOOR_OFFSET {
        Kind::Floor
    } else {
        Kind::Speech
    }
}

/// The packets of one kind.
pub(super) fn of_kind(
    packets: &[CapturedPacket],
    wanted: Kind,
) -> impl Iterator<Item = &CapturedPacket> {
    packets.iter().filter(move |packet| kind(packet) == wanted)
}

/// Each payload of one kind once: a packet that is forwarded crosses several sockets with the same octets.
pub(super) fn distinct(packets: &[CapturedPacket], wanted: Kind) -> Vec<&CapturedPacket> {
    let mut seen = std::collections::BTreeSet::new();
    of_kind(packets, wanted)
        .filter(|packet| seen.insert(packet.octets.as_slice()))
        .collect()
}

/// One direction of one SIP hop.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// Everything that went this way, in order.
    pub(super) octets: Vec<u8>,
}

/// Every direction of every SIP hop; what was cut into segments is whole again.
pub(super) fn sip_hops(packets: &[CapturedPacket]) -> Vec<Hop> {
    let mut hops: BTreeMap<(SocketAddr, SocketAddr), Vec<u8>> = BTreeMap::new();
    for packet in of_kind(packets, Kind::Sip) {
        hops.entry((packet.source, packet.destination))
            .or_default()
            .extend_from_slice(&packet.octets);
    }
    let hop = |((source, destination), octets)| Hop {
        source,
        destination,
        octets,
    };
    hops.into_iter().map(hop).collect()
}

impl Hop {
    /// The messages; reading ends where the stream cannot be read on.
    pub(super) fn messages(&self) -> Vec<Message> {
        let mut decoder = StreamDecoder::new(StreamSide::Accepted, Limits::default());
        decoder.feed(&self.octets);
        let mut messages = Vec::new();
        while let Ok(Some(frame)) = decoder.next_frame() {
            if let Frame::Message(message) = frame {
                messages.push(message);
            }
        }
        messages
    }
}

/// The body of a message, with `message/sip` inside a third-party REGISTER opened.
pub(super) fn bodies(message: &Message) -> Vec<Body> {
    let (headers, octets) = match message {
        Message::Request(request) => (request.headers(), request.body()),
        Message::Response(response) => (response.headers(), response.body()),
    };
    let Ok(body) = Body::of(headers, octets) else {
        return Vec::new();
    };
    let inside = body.octets(media_type::MESSAGE_SIP);
    let inside = inside.and_then(|octets| Message::parse_datagram(octets, &Limits::default()).ok());
    let mut all = inside.map_or_else(Vec::new, |message| bodies(&message));
    all.push(body);
    all
}

/// Every MIKEY message that crossed a SIP hop, each once, in order: parts of their own, and in SDP.
pub(super) fn mikey_messages(packets: &[CapturedPacket]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for hop in sip_hops(packets) {
        for body in hop.messages().iter().flat_map(bodies) {
            let part = body.octets(media_type::MIKEY).map(<[u8]>::to_vec);
            let in_sdp = body.octets(media_type::SDP).and_then(in_sdp);
            for message in part.into_iter().chain(in_sdp) {
                if !found.contains(&message) {
                    found.push(message);
                }
            }
        }
    }
    found
}

fn in_sdp(octets: &[u8]) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(octets).ok()?;
    let prefix = format!("a={}:", sdp::ATTRIBUTE);
    let value = text.lines().find_map(|line| line.strip_prefix(&prefix))?;
    sdp::parse_attribute_value(value).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use core::time::Duration;

    pub(in crate::demo) fn packet(
        transport: Transport,
        ports: (u16, u16),
        octets: &[u8],
    ) -> CapturedPacket {
        CapturedPacket {
            at: Duration::from_secs(1_760_000_000),
            transport,
            source: SocketAddr::from(([127, 3, 4, 100], ports.0)),
            destination: SocketAddr::from(([127, 3, 4, 14], ports.1)),
            octets: octets.to_vec(),
        }
    }

    #[test]
    fn packets_are_told_apart_by_their_ports() {
        for (transport, ports, expected) in [
            (Transport::Tcp, (40_000, 5060), Kind::Sip),
            (Transport::Udp, (5060, 5060), Kind::Sip),
            (Transport::Tls, (40_000, 13_061), Kind::Sip),
            (Transport::Wss, (8_443, 40_000), Kind::Sip),
            (Transport::Udp, (20_000, 20_004), Kind::Speech),
            (Transport::Udp, (20_002, 20_006), Kind::Floor),
            (Transport::Tcp, (50_000, 4431), Kind::Other),
            (Transport::Tcp, (20_000, 20_004), Kind::Other),
        ] {
            assert_eq!(kind(&packet(transport, ports, b"")), expected, "{ports:?}");
        }
    }

    #[test]
    fn a_key_message_is_found_in_a_part_and_in_sdp() {
        let sip = |body_type: &str, body: &str| {
            format!(
                "MESSAGE sip:a@b SIP/2.0\r\nContent-Type: {body_type}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let sdp = "v=0\r\nm=audio 1 RTP/SAVP 96\r\na=key-mgmt:mikey ARoF\r\n";
        let whole = [sip("application/mikey", "key"), sip("application/sdp", sdp)].concat();
        // Cut at an odd place: segments do not matter.
        let (head, tail) = whole.as_bytes().split_at(50);
        let packets = [head, tail].map(|piece| packet(Transport::Tcp, (40_000, 5060), piece));
        assert_eq!(mikey_messages(&packets), [b"key".to_vec(), vec![1, 26, 5]]);
    }
}
