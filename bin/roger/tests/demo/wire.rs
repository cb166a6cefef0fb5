//! Every byte on every SIP hop of the whole story, both SIP cores, all transports: nobody on the way reads who talks to
//! whom (TS 33.180 cl. 9.3). With the protection switched off by configuration the same search finds it all.
//!
//! The capture is taken by the taps of our own programs, above the transport: what a transport encrypts is read here
//! before it is encrypted, so a secure transport hides nothing from this test.

use super::kamailio::installed;
use super::{Value, demo, has_codec, names, summary, text};
use crate::{FACTS, STEPS};
use etherparse::{SlicedPacket, TransportSlice};
use pcap_file::pcapng::{Block, PcapNgReader};
use roger_testkit::{ClearText, Found};
use rstest::rstest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use tempfile::TempDir;

/// Last octets of the addresses with SIP behind the core: group management, participating and controlling functions,
/// the UEs of four members and of the outsider.
const PEERS: [u8; 8] = [12, 14, 15, 100, 101, 102, 103, 104];
const CORE: u8 = 13;
const FIRST_UE: u8 = 100;
/// Every address has SIP here, and the core, for UEs by TLS, WebSocket and WebSocket inside TLS, there.
const SIP: [u16; 4] = [5060, 5061, 8080, 8443];

/// Where the core listens for UEs. By which transport a UE comes is not seen otherwise: the capture is what is inside.
fn core_port_for_ues(transport: &str) -> u16 {
    match transport {
        "tcp" | "udp" => 5060,
        "tls" => 5061,
        "ws" => 8080,
        "wss" => 8443,
        other => panic!("{other}"),
    }
}

/// What nobody on a SIP hop may read. Names are looked for with something around them that chance does not produce.
fn secrets() -> ClearText {
    let mut secrets = ClearText::new()
        .with("group ID", "fire-1@")
        .with("group ID", "sip:fire-1")
        .with("display name", "Fire 1")
        // What is inside a coordinate, whatever its value.
        .with("location", "<threebytes>")
        // The claim inside, and how a JWT begins, whichever of its members comes first.
        .with("access token", "\"mcptt_id\"")
        .with("access token", "eyJ0eXAiOi")
        .with("access token", "eyJhbGciOi");
    for place in places() {
        secrets = secrets.with("location", place);
    }
    for name in ["alice", "bob", "carol", "dave", "mallory", "dispatcher"] {
        secrets = secrets
            .with("MCPTT ID", format!("{name}@mcptt.example.org"))
            .with("MCPTT ID", format!("sip:{name}"))
            .with("display name", format!("\"{name}\""))
            .with("display name", format!(">{name}<"));
    }
    secrets
}

/// Cells and coordinates of the four members, coordinates as their elements hold them (TS 23.032 cl. 6.1): a step is
/// 90° / 2^23 to the north and 360° / 2^24 to the east.
fn places() -> Vec<String> {
    let (north, east) = (61.497_752, 23.760_954);
    let mut places = vec![format!(">{}<", (east / 360.0 * 16_777_216.0) as u32)];
    for member in 0..4_u32 {
        let north = north + f64::from(member) * 0.01;
        places.push(format!(">{}<", (north / 90.0 * 8_388_608.0) as u32));
        places.push(format!("00101{:07X}", 0x0C5_E7A1 + member));
    }
    places
}

/// One direction between two sockets.
type Direction = (SocketAddr, SocketAddr);

/// What went in each direction of each SIP hop, segments and datagrams put together in order.
fn sip_hops(capture: &Path) -> BTreeMap<Direction, Vec<u8>> {
    let mut reader = PcapNgReader::new(File::open(capture).unwrap()).unwrap();
    let mut hops: BTreeMap<Direction, Vec<u8>> = BTreeMap::new();
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.unwrap() else {
            continue;
        };
        let sliced = SlicedPacket::from_ip(&packet.data).unwrap();
        let address = sliced.net.unwrap();
        let ip = address.ipv4_ref().unwrap().header();
        let (ports, payload) = match sliced.transport.unwrap() {
            TransportSlice::Tcp(tcp) => (
                (tcp.source_port(), tcp.destination_port()),
                tcp.payload().to_vec(),
            ),
            TransportSlice::Udp(udp) => (
                (udp.source_port(), udp.destination_port()),
                udp.payload().to_vec(),
            ),
            other => panic!("{other:?}"),
        };
        if ![ports.0, ports.1].iter().any(|port| SIP.contains(port)) {
            continue;
        }
        let from = SocketAddr::new(IpAddr::V4(ip.source_addr()), ports.0);
        let to = SocketAddr::new(IpAddr::V4(ip.destination_addr()), ports.1);
        hops.entry((from, to)).or_default().extend(payload);
    }
    hops
}

fn last_octet(address: &SocketAddr) -> u8 {
    match address.ip() {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(_) => panic!("{address}"),
    }
}

/// Nothing was overlooked: every peer of the core has sent to it and received from it, and nobody went past it.
fn check_that_every_hop_is_there(hops: &BTreeMap<Direction, Vec<u8>>, transport: &str) {
    let ends = hops
        .keys()
        .map(|(from, to)| (last_octet(from), last_octet(to)));
    let expected = PEERS.iter().flat_map(|peer| [(*peer, CORE), (CORE, *peer)]);
    assert_eq!(ends.collect::<BTreeSet<_>>(), expected.collect());
    let at_core = hops.keys().flat_map(|(from, to)| [(from, to), (to, from)]);
    let for_ues = at_core.filter(|(end, ue)| last_octet(end) == CORE && last_octet(ue) >= FIRST_UE);
    let ports: BTreeSet<u16> = for_ues.map(|(end, _)| end.port()).collect();
    assert_eq!(ports, [core_port_for_ues(transport)].into());
    for ((from, to), octets) in hops {
        let begins = String::from_utf8_lossy(&octets[..octets.len().min(12)]).into_owned();
        let is_sip = begins.starts_with("SIP/2.0 ") || begins.starts_with(char::is_uppercase);
        assert!(is_sip, "{from} to {to}: {begins}");
    }
}

pub(crate) struct Played {
    pub(crate) shown: String,
    pub(crate) success: bool,
    pub(crate) summary: Value,
    hops: BTreeMap<Direction, Vec<u8>>,
}

impl Played {
    /// What the search finds on any hop.
    fn found(&self) -> Vec<(Direction, Found)> {
        let secrets = secrets();
        let on_hop = |(direction, octets): (&Direction, &Vec<u8>)| {
            let found = secrets.find_all(octets).into_iter();
            found.map(|one| (*direction, one)).collect::<Vec<_>>()
        };
        self.hops.iter().flat_map(on_hop).collect()
    }

    /// Kinds of what the search finds on the hop of a peer of the core, which is named by its last octet.
    pub(crate) fn found_on(&self, peer: u8) -> BTreeSet<&'static str> {
        let found = self.found().into_iter();
        let here = found.filter(|((from, to), _)| [from, to].map(last_octet).contains(&peer));
        here.map(|(_, one)| one.kind).collect()
    }

    /// Whether a text is anywhere on the hop of a peer of the core.
    pub(crate) fn mentions_on(&self, peer: u8, text: &str) -> bool {
        let of_peer = |(from, to): &&Direction| [from, to].map(last_octet).contains(&peer);
        let here = self.hops.iter().filter(|(ends, _)| of_peer(ends));
        let mentions = |octets: &[u8]| octets.windows(text.len()).any(|at| at == text.as_bytes());
        here.map(|(_, octets)| octets)
            .any(|octets| mentions(octets))
    }
}

/// Plays the whole story; `None` when this machine cannot.
fn play(core: &str, transport: &str, protection: &str) -> Option<Played> {
    if core == "kamailio" && !installed() {
        return None;
    }
    let options = [
        ["--sip-core", core],
        ["--sip-transport", transport],
        ["--signalling-protection", protection],
    ];
    play_with(options.as_flattened())
}

/// The same with any options.
pub(crate) fn play_with(options: &[&str]) -> Option<Played> {
    if !has_codec() {
        return None;
    }
    let folder = TempDir::new().unwrap();
    let capture = folder.path().join("story.pcap");
    let pcap = ["--json", "--pcap", capture.to_str().unwrap()];
    let output = demo(&[&pcap, options].concat());
    let shown = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let summary = summary(&output);
    assert_eq!(names(&summary["steps"], "name"), STEPS, "{shown}");
    Some(Played {
        success: output.status.success(),
        summary,
        hops: sip_hops(&capture),
        shown,
    })
}

#[rstest]
#[case("embedded", "tcp")]
#[case("embedded", "udp")]
#[case("embedded", "tls")]
#[case("embedded", "ws")]
#[case("embedded", "wss")]
#[case("kamailio", "tcp")]
#[case("kamailio", "udp")]
#[case("kamailio", "tls")]
#[case("kamailio", "ws")]
#[case("kamailio", "wss")]
fn no_byte_on_any_sip_hop_tells_who_talks_to_whom(#[case] core: &str, #[case] transport: &str) {
    let Some(played) = play(core, transport, "on") else {
        return;
    };
    assert!(played.success, "{}", played.shown);
    assert_eq!(names(&played.summary["facts"], "fact"), FACTS);
    check_that_every_hop_is_there(&played.hops, transport);
    let octets: usize = played.hops.values().map(Vec::len).sum();
    assert!(octets > 300_000, "only {octets} octets");
    assert_eq!(played.found(), []);
}

// What the transports protect is not what is meant: by TLS the core in the middle reads it all the same.
#[rstest]
#[case("embedded", "tcp")]
#[case("embedded", "wss")]
#[case("kamailio", "tcp")]
#[case("kamailio", "tls")]
#[case("kamailio", "wss")]
fn with_protection_switched_off_the_same_search_finds_everything(
    #[case] core: &str,
    #[case] transport: &str,
) {
    let Some(played) = play(core, transport, "off") else {
        return;
    };
    // The demo's own verdict says so too, and of nothing else: floor control and speech have keys of their own.
    assert!(!played.success, "{}", played.shown);
    let facts = played.summary["facts"].as_array().unwrap();
    let failed: Vec<&Value> = facts.iter().filter(|fact| fact["holds"] == false).collect();
    assert_eq!(failed.len(), 1, "{}", played.shown);
    assert_eq!(failed[0]["fact"], FACTS[0]);
    check_that_every_hop_is_there(&played.hops, transport);
    let found = played.found();
    // A UE's hop, the participating function's and the group management server's, and that between the functions.
    let everything = ["MCPTT ID", "access token", "group ID", "location"];
    assert_eq!(played.found_on(100), everything.into());
    assert_eq!(played.found_on(14), everything.into());
    let places = places().into_iter().map(|place| place.to_ascii_lowercase());
    for place in places.chain(["<threebytes>".to_owned()]) {
        assert!(found.iter().any(|(_, one)| one.text == place), "{place}");
    }
    let of_group_management = played.found_on(12);
    assert!(of_group_management.contains("access token"), "{found:?}");
    assert_eq!(played.found_on(15), ["MCPTT ID", "group ID"].into());
}
