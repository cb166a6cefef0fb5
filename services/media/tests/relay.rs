//! The relay of a participating function between a client and the controlling function.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::net::SocketAddr;
use proptest::prelude::*;
use roger_base::{KeyId, Random, RandomError, Secret};
use roger_keys::{Csk, Rand, Spk};
use roger_media::{
    AddressRule, Counters, Discard, Downlink, FloorKeyring, FloorLeg, FloorProtection, Flow, Relay,
    RelayInput, RelayOutput, RelaySettings, RemoteAddress, Side,
};
use roger_srtp::{FloorContext, RtpFields, SrtpError};
use roger_testkit::SeededRandom;

const CLIENT_SSRC: u32 = 0x0C11_E500;
const SERVER_SSRC: u32 = 0x5E12_7E00;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

const CLIENT_RTP: u16 = 10;
const CLIENT_FLOOR: u16 = 12;
const SERVER_RTP: u16 = 20;
const SERVER_FLOOR: u16 = 22;
const BEHIND_NAT: u16 = 4711;

fn rand() -> Rand {
    Rand::new(&[7; 16]).unwrap()
}

fn csk(octet: u8) -> Csk {
    Csk::new(
        Secret::new([octet; 16]),
        KeyId::from(0x2000_0000 | u32::from(octet)),
        rand(),
    )
    .unwrap()
}

fn spk() -> Spk {
    Spk::new(Secret::new([0x55; 16]), KeyId::from(0x3000_0055), rand()).unwrap()
}

/// Floor message of a type, with its SSRC.
fn message(subtype: u8, ssrc: u32) -> Vec<u8> {
    [
        &[0x80 | subtype, 204, 0, 3],
        ssrc.to_be_bytes().as_slice(),
        b"MCPT",
        &[0, 2, 5, 0],
    ]
    .concat()
}

fn rtp(ssrc: u32) -> Vec<u8> {
    RtpFields {
        marker: true,
        payload_type: 96,
        sequence: 1,
        timestamp: 2,
        ssrc,
    }
    .packet(&[0xAB; 62])
}

/// The participating function with its keys, and both neighbours.
struct Scene {
    relay: Relay,
    keys: FloorKeyring,
    random: SeededRandom,
    client: FloorContext,
    server: FloorContext,
}

impl Scene {
    fn new(client_rule: AddressRule) -> Self {
        let client_protection = FloorProtection::Key(csk(1).id());
        Self::with(
            client_rule,
            client_protection,
            FloorProtection::Key(spk().id()),
        )
    }

    fn with(client_rule: AddressRule, client: FloorProtection, server: FloorProtection) -> Self {
        let mut keys = FloorKeyring::new();
        assert!(keys.add(FloorContext::for_csk(&csk(1)).unwrap()));
        assert!(keys.add(FloorContext::for_spk(&spk()).unwrap()));
        let remote = |port, rule| RemoteAddress::new(address(port), rule);
        let relay = Relay::new(&RelaySettings {
            client_rtp: remote(CLIENT_RTP, client_rule),
            client_floor: remote(CLIENT_FLOOR, client_rule),
            client_protection: client,
            server_rtp: remote(SERVER_RTP, AddressRule::Pinned),
            server_floor: remote(SERVER_FLOOR, AddressRule::Pinned),
            server_protection: server,
        });
        Self {
            relay,
            keys,
            random: SeededRandom::new(1),
            client: FloorContext::for_csk(&csk(1)).unwrap(),
            server: FloorContext::for_spk(&spk()).unwrap(),
        }
    }

    fn handle(
        &mut self,
        from: Side,
        flow: Flow,
        source: u16,
        octets: &[u8],
    ) -> Result<RelayOutput, Discard> {
        let input = RelayInput {
            from,
            flow,
            source: address(source),
            octets,
        };
        self.relay
            .handle(&input, &mut self.keys, &mut self.random)?;
        let output = self.relay.poll().unwrap();
        assert_eq!(self.relay.poll(), None);
        Ok(output)
    }

    /// The client sends a message from this port; gives what the controlling function reads.
    fn up(&mut self, source: u16, subtype: u8) -> Result<(SocketAddr, Vec<u8>), Discard> {
        let packet = self.client.protect(&message(subtype, CLIENT_SSRC)).unwrap();
        let output = self.handle(Side::Client, Flow::Floor, source, &packet)?;
        assert_eq!((output.side, output.flow), (Side::Server, Flow::Floor));
        Ok((
            output.to,
            self.server.unprotect(&output.octets).unwrap().packet,
        ))
    }

    /// The controlling function sends a message; gives what the client reads.
    fn down(&mut self, subtype: u8, ssrc: u32) -> Result<(SocketAddr, Vec<u8>), Discard> {
        let packet = self.server.protect(&message(subtype, ssrc)).unwrap();
        let output = self.handle(Side::Server, Flow::Floor, SERVER_FLOOR, &packet)?;
        assert_eq!((output.side, output.flow), (Side::Client, Flow::Floor));
        Ok((
            output.to,
            self.client.unprotect(&output.octets).unwrap().packet,
        ))
    }

    fn client_floor(&self) -> Counters {
        self.relay.counters(Side::Client, Flow::Floor)
    }
}

#[test]
fn rtp_goes_both_ways_octet_by_octet() {
    let mut scene = Scene::new(AddressRule::Pinned);
    let up = scene
        .handle(Side::Client, Flow::Rtp, CLIENT_RTP, &rtp(1))
        .unwrap();
    let octets = rtp(1).into();
    assert_eq!(
        up,
        RelayOutput {
            side: Side::Server,
            flow: Flow::Rtp,
            to: address(SERVER_RTP),
            octets
        }
    );
    let down = scene
        .handle(Side::Server, Flow::Rtp, SERVER_RTP, &rtp(2))
        .unwrap();
    let octets = rtp(2).into();
    assert_eq!(
        down,
        RelayOutput {
            side: Side::Client,
            flow: Flow::Rtp,
            to: address(CLIENT_RTP),
            octets
        }
    );
    let counters = scene.relay.counters(Side::Client, Flow::Rtp);
    assert_eq!(
        (counters.taken, counters.sent, counters.dropped()),
        (1, 1, 0)
    );
}

#[test]
fn bad_rtp_is_dropped_and_counted() {
    let mut scene = Scene::new(AddressRule::Pinned);
    assert!(matches!(
        scene.handle(Side::Client, Flow::Rtp, 99, &rtp(1)),
        Err(Discard::PeerForeignSource(_))
    ));
    assert!(matches!(
        scene.handle(Side::Client, Flow::Rtp, CLIENT_RTP, &[1; 30]),
        Err(Discard::PeerNotRtp(_))
    ));
    let rtcp = message(0, 1);
    assert_eq!(
        scene.handle(Side::Client, Flow::Rtp, CLIENT_RTP, &rtcp),
        Err(Discard::PeerRtcpOnRtpPort)
    );
    let counters = scene.relay.counters(Side::Client, Flow::Rtp);
    assert_eq!(
        (counters.foreign_source, counters.malformed, counters.taken),
        (1, 2, 0)
    );
}

#[test]
fn a_stopped_downlink_keeps_the_uplink() {
    let mut scene = Scene::new(AddressRule::Pinned);
    scene.relay.set_downlink(Downlink::Stopped);
    let input = RelayInput {
        from: Side::Server,
        flow: Flow::Rtp,
        source: address(SERVER_RTP),
        octets: &rtp(1),
    };
    scene
        .relay
        .handle(&input, &mut scene.keys, &mut scene.random)
        .unwrap();
    assert_eq!(scene.relay.poll(), None);
    assert!(
        scene
            .handle(Side::Client, Flow::Rtp, CLIENT_RTP, &rtp(1))
            .is_ok()
    );
    assert!(scene.down(1, SERVER_SSRC).is_ok(), "floor control goes on");
    scene.relay.set_downlink(Downlink::Open);
    assert!(
        scene
            .handle(Side::Server, Flow::Rtp, SERVER_RTP, &rtp(1))
            .is_ok()
    );
}

#[test]
fn floor_messages_change_their_key_and_nothing_else() {
    let mut scene = Scene::new(AddressRule::Pinned);
    assert_eq!(
        scene.up(CLIENT_FLOOR, 0).unwrap(),
        (address(SERVER_FLOOR), message(0, CLIENT_SSRC))
    );
    assert_eq!(
        scene.down(1, SERVER_SSRC).unwrap(),
        (address(CLIENT_FLOOR), message(1, SERVER_SSRC))
    );
    assert_eq!(
        (scene.client_floor().taken, scene.client_floor().sent),
        (1, 1)
    );
}

/// rtpengine #2057: the first APP packet on the m=application port was dropped, so the NAT was never learned.
#[test]
fn behind_a_nat_the_very_first_floor_message_is_relayed_and_teaches_the_address() {
    for rule in [AddressRule::LearnOnce, AddressRule::FollowAuthenticated] {
        let mut scene = Scene::new(rule);
        let (_, request) = scene.up(BEHIND_NAT, 0).unwrap();
        assert_eq!(request, message(0, CLIENT_SSRC));
        assert_eq!(scene.down(1, SERVER_SSRC).unwrap().0, address(BEHIND_NAT));
    }
}

#[test]
fn the_address_follows_authenticated_messages_only() {
    let mut scene = Scene::new(AddressRule::FollowAuthenticated);
    scene.up(BEHIND_NAT, 0).unwrap();
    let replayed = scene.client.protect(&message(4, CLIENT_SSRC)).unwrap();
    scene
        .handle(Side::Client, Flow::Floor, BEHIND_NAT, &replayed)
        .unwrap();
    for hostile in [replayed, message(0, CLIENT_SSRC), vec![0x80; 50]] {
        assert!(matches!(
            scene.handle(Side::Client, Flow::Floor, 666, &hostile),
            Err(Discard::PeerProtection(_))
        ));
    }
    assert_eq!(scene.down(1, SERVER_SSRC).unwrap().0, address(BEHIND_NAT));
    assert_eq!(scene.client_floor().protection, 3);
    scene.up(BEHIND_NAT + 1, 0).unwrap();
    assert_eq!(
        scene.down(1, SERVER_SSRC).unwrap().0,
        address(BEHIND_NAT + 1),
        "the NAT moved"
    );
}

#[test]
fn a_pinned_client_is_heard_from_its_address_only() {
    let mut scene = Scene::new(AddressRule::Pinned);
    assert_eq!(
        scene.up(BEHIND_NAT, 0),
        Err(Discard::PeerForeignSource(address(BEHIND_NAT)))
    );
    assert_eq!(scene.client_floor().foreign_source, 1);
    let packet = scene.server.protect(&message(1, SERVER_SSRC)).unwrap();
    let foreign = scene.handle(Side::Server, Flow::Floor, BEHIND_NAT, &packet);
    assert_eq!(
        foreign,
        Err(Discard::PeerForeignSource(address(BEHIND_NAT)))
    );
}

#[test]
fn unprotected_floor_messages_are_refused_where_protection_is_on() {
    let mut scene = Scene::new(AddressRule::Pinned);
    let plain = message(0, CLIENT_SSRC);
    for (side, port) in [(Side::Client, CLIENT_FLOOR), (Side::Server, SERVER_FLOOR)] {
        assert!(matches!(
            scene.handle(side, Flow::Floor, port, &plain),
            Err(Discard::PeerProtection(_))
        ));
        assert_eq!(scene.relay.counters(side, Flow::Floor).protection, 1);
    }
}

#[test]
fn altered_replayed_and_foreign_floor_messages_are_refused() {
    let mut scene = Scene::new(AddressRule::Pinned);
    let good = scene.client.protect(&message(0, CLIENT_SSRC)).unwrap();
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 1;
        let refused = scene.handle(Side::Client, Flow::Floor, CLIENT_FLOOR, &altered);
        assert!(
            matches!(refused, Err(Discard::PeerProtection(_))),
            "octet {at}: {refused:?}"
        );
    }
    scene
        .handle(Side::Client, Flow::Floor, CLIENT_FLOOR, &good)
        .unwrap();
    let replay = scene.handle(Side::Client, Flow::Floor, CLIENT_FLOOR, &good);
    assert_eq!(
        replay,
        Err(Discard::PeerProtection(SrtpError::PeerReplay(1)))
    );
    let other = FloorContext::for_csk(&csk(2))
        .unwrap()
        .protect(&message(0, 3))
        .unwrap();
    let foreign = scene.handle(Side::Client, Flow::Floor, CLIENT_FLOOR, &other);
    assert!(matches!(
        foreign,
        Err(Discard::PeerProtection(SrtpError::PeerUnknownMki(_)))
    ));
    let across = scene.server.protect(&message(1, SERVER_SSRC)).unwrap();
    assert!(
        scene
            .handle(Side::Client, Flow::Floor, CLIENT_FLOOR, &across)
            .is_err(),
        "SPK on the client's flow"
    );
}

#[test]
fn what_is_no_floor_message_inside_is_refused() {
    let mut scene = Scene::new(AddressRule::Pinned);
    let mut report = message(0, CLIENT_SSRC);
    report[1] = 200;
    let packet = scene.client.protect(&report).unwrap();
    assert_eq!(
        scene.handle(Side::Client, Flow::Floor, CLIENT_FLOOR, &packet),
        Err(Discard::PeerNotFloorMessage)
    );
    assert_eq!(scene.client_floor().malformed, 1);
}

#[test]
fn a_flow_whose_key_is_gone_is_closed_and_not_clear() {
    let mut scene = Scene::new(AddressRule::Pinned);
    assert!(scene.keys.remove(csk(1).id()));
    assert!(!scene.keys.contains(csk(1).id()));
    let no_key = Discard::LocalNoKey(csk(1).id());
    assert_eq!(scene.up(CLIENT_FLOOR, 0), Err(no_key.clone()));
    assert_eq!(scene.down(1, SERVER_SSRC), Err(no_key));
    let plain = message(0, CLIENT_SSRC);
    assert!(
        scene
            .handle(Side::Client, Flow::Floor, CLIENT_FLOOR, &plain)
            .is_err()
    );
}

#[test]
fn a_clear_flow_passes_floor_messages_and_nothing_else() {
    let mut scene = Scene::with(
        AddressRule::LearnOnce,
        FloorProtection::Clear,
        FloorProtection::Clear,
    );
    let up = scene
        .handle(
            Side::Client,
            Flow::Floor,
            BEHIND_NAT,
            &message(0, CLIENT_SSRC),
        )
        .unwrap();
    assert_eq!(up.octets[..], message(0, CLIENT_SSRC));
    let down = scene
        .handle(
            Side::Server,
            Flow::Floor,
            SERVER_FLOOR,
            &message(1, SERVER_SSRC),
        )
        .unwrap();
    assert_eq!(
        (down.to, down.octets[..].to_vec()),
        (address(BEHIND_NAT), message(1, SERVER_SSRC))
    );
    let noise = scene.handle(Side::Client, Flow::Floor, BEHIND_NAT, &[0x80; 16]);
    assert_eq!(noise, Err(Discard::PeerNotFloorMessage));
    let hijacker = scene.handle(Side::Client, Flow::Floor, 666, &message(0, CLIENT_SSRC));
    assert_eq!(hijacker, Err(Discard::PeerForeignSource(address(666))));
}

#[test]
fn nothing_is_learned_from_noise_on_a_clear_flow() {
    let remote = RemoteAddress::new(address(CLIENT_FLOOR), AddressRule::LearnOnce);
    let mut leg = FloorLeg::new(remote, &FloorProtection::Clear);
    let mut keys = FloorKeyring::new();
    let noise = leg.receive(address(666), &[0x80; 16], &mut keys);
    assert_eq!(noise, Err(Discard::PeerNotFloorMessage));
    assert_eq!(leg.remote().current(), address(CLIENT_FLOOR));
    leg.receive(address(BEHIND_NAT), &message(0, CLIENT_SSRC), &mut keys)
        .unwrap();
    assert_eq!(leg.remote().current(), address(BEHIND_NAT));
}

#[test]
fn a_new_csk_takes_over_while_the_old_one_is_still_heard() {
    let mut scene = Scene::new(AddressRule::Pinned);
    scene.up(CLIENT_FLOOR, 0).unwrap();
    let late = scene.client.protect(&message(4, CLIENT_SSRC)).unwrap();
    assert!(scene.keys.add(FloorContext::for_csk(&csk(2)).unwrap()));
    scene.relay.floor_mut(Side::Client).bind_key(csk(2).id());
    scene.client = FloorContext::for_csk(&csk(2)).unwrap();
    assert!(scene.down(1, SERVER_SSRC).is_ok(), "sent under the new one");
    assert!(scene.up(CLIENT_FLOOR, 0).is_ok());
    assert!(
        scene
            .handle(Side::Client, Flow::Floor, CLIENT_FLOOR, &late)
            .is_ok()
    );
}

/// Nonce safety: client and server share the CSK, so no SSRC may be used by both.
#[test]
fn an_ssrc_that_the_client_uses_is_replaced_towards_it_and_stays_replaced() {
    let mut scene = Scene::new(AddressRule::Pinned);
    scene.up(CLIENT_FLOOR, 0).unwrap();
    // The controlling function has heard CLIENT_SSRC under the SPK and may not use it; another one of its calls may.
    let mut other_server = FloorContext::for_spk(&spk()).unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let packet = other_server.protect(&message(1, CLIENT_SSRC)).unwrap();
        let output = scene.handle(Side::Server, Flow::Floor, SERVER_FLOOR, &packet);
        // Under the SPK this function itself sends with CLIENT_SSRC, so it refuses to hear it.
        assert_eq!(
            output,
            Err(Discard::PeerProtection(SrtpError::PeerUsesOwnSsrc(
                CLIENT_SSRC
            )))
        );
    }
    let mut leg = FloorLeg::new(
        RemoteAddress::new(address(CLIENT_FLOOR), AddressRule::Pinned),
        &FloorProtection::Key(csk(1).id()),
    );
    for _ in 0..3 {
        let (_, octets) = leg
            .send(&message(1, CLIENT_SSRC), &mut scene.keys, &mut scene.random)
            .unwrap();
        let opened = scene.client.unprotect(&octets).unwrap();
        assert_ne!(opened.ssrc, CLIENT_SSRC);
        assert_eq!(
            opened.packet[8..],
            message(1, CLIENT_SSRC)[8..],
            "only the SSRC differs"
        );
        seen.push((opened.ssrc, opened.index.get()));
    }
    assert_eq!(seen, [(seen[0].0, 1), (seen[0].0, 2), (seen[0].0, 3)]);
}

/// Gives the same octets for ever.
struct Stuck(u32);

impl Random for Stuck {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.copy_from_slice(&self.0.to_be_bytes());
        Ok(())
    }
}

struct Broken;

impl Random for Broken {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

#[test]
fn without_a_free_ssrc_nothing_is_sent() {
    let mut scene = Scene::new(AddressRule::Pinned);
    scene.up(CLIENT_FLOOR, 0).unwrap();
    let leg = scene.relay.floor_mut(Side::Client);
    let colliding = message(1, CLIENT_SSRC);
    let stuck = leg.send(&colliding, &mut scene.keys, &mut Stuck(CLIENT_SSRC));
    assert_eq!(stuck, Err(Discard::LocalNoSsrc));
    let broken = leg.send(&colliding, &mut scene.keys, &mut Broken);
    assert_eq!(broken, Err(Discard::LocalRandom(RandomError)));
    assert_eq!(scene.client_floor().local, 2);
}

/// The counters belong to the key: two calls of one client share them.
#[test]
fn two_calls_of_one_client_never_repeat_an_index() {
    let mut scene = Scene::new(AddressRule::Pinned);
    let mut seen = std::collections::HashSet::new();
    for call in 0..4u16 {
        let remote = RemoteAddress::new(address(100 + call), AddressRule::Pinned);
        let mut leg = FloorLeg::new(remote, &FloorProtection::Key(csk(1).id()));
        for _ in 0..5 {
            let (_, octets) = leg
                .send(&message(1, SERVER_SSRC), &mut scene.keys, &mut scene.random)
                .unwrap();
            let opened = scene.client.unprotect(&octets).unwrap();
            assert!(seen.insert((opened.ssrc, opened.index)));
        }
    }
    assert!(
        !scene.keys.add(FloorContext::for_csk(&csk(1)).unwrap()),
        "a known key keeps its counters"
    );
    let mut leg = FloorLeg::new(
        RemoteAddress::new(address(1), AddressRule::Pinned),
        &FloorProtection::Key(csk(1).id()),
    );
    let (_, octets) = leg
        .send(&message(1, SERVER_SSRC), &mut scene.keys, &mut scene.random)
        .unwrap();
    assert!(seen.insert((SERVER_SSRC, scene.client.unprotect(&octets).unwrap().index)));
}

#[test]
fn a_message_longer_than_any_is_not_sent() {
    let mut scene = Scene::new(AddressRule::Pinned);
    let leg = scene.relay.floor_mut(Side::Client);
    let long = [message(1, SERVER_SSRC), vec![0; 5000]].concat();
    assert!(leg.send(&long, &mut scene.keys, &mut scene.random).is_err());
    assert_eq!(leg.counters().malformed, 1);
}

#[test]
fn a_new_offer_moves_every_flow() {
    let mut scene = Scene::new(AddressRule::Pinned);
    scene
        .relay
        .remote_mut(Side::Client, Flow::Floor)
        .renegotiate(address(30));
    scene
        .relay
        .remote_mut(Side::Client, Flow::Rtp)
        .renegotiate(address(31));
    assert_eq!(scene.down(1, SERVER_SSRC).unwrap().0, address(30));
    assert_eq!(
        scene
            .handle(Side::Server, Flow::Rtp, SERVER_RTP, &rtp(1))
            .unwrap()
            .to,
        address(31)
    );
    assert!(
        scene
            .handle(Side::Client, Flow::Rtp, CLIENT_RTP, &rtp(1))
            .is_err()
    );
}

proptest! {
    #[test]
    fn noise_on_any_flow_is_dropped_and_counted(
        noise in prop::collection::vec(any::<u8>(), 0..100), server: bool, floor: bool,
    ) {
        let mut scene = Scene::new(AddressRule::LearnOnce);
        let side = if server { Side::Server } else { Side::Client };
        let flow = if floor { Flow::Floor } else { Flow::Rtp };
        let source = match (side, flow) {
            (Side::Server, Flow::Rtp) => SERVER_RTP,
            (Side::Server, Flow::Floor) => SERVER_FLOOR,
            _ => BEHIND_NAT,
        };
        let input = RelayInput { from: side, flow, source: address(source), octets: &noise };
        let verdict = scene.relay.handle(&input, &mut scene.keys, &mut scene.random);
        let counters = scene.relay.counters(side, flow);
        prop_assert_eq!(counters.taken + counters.dropped(), 1);
        prop_assert!(verdict.is_err() || flow == Flow::Rtp);
    }
}
