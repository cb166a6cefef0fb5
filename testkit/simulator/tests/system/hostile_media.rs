//! Media and floor control against replayed, altered, foreign and unprotected packets.

use crate::common::*;
use roger_base::KeyId;
use roger_floor::field::RevokeCause;
use roger_floor::{FloorBody, FloorMessage, Profile as FloorProfile};
use roger_media::{Counters, Flow, Side};
use roger_srtp::{FloorContext, GroupMki, Mki, Profile, RtpFields, SenderContext};
use roger_testkit_simulator::{
    Datagram, DatagramFate, HostId, System, group, group_document, user,
};
use roger_ue::client::{GroupKeyState, UeEvent};
use std::collections::BTreeSet;

/// Alice calls and holds the floor; everybody is in the call.
fn talking(seed: u64) -> System {
    let mut system = ready(seed, &["alice", "bob", "carol"]);
    system.call_group("alice", &fire());
    assert!(may_talk(&system, "alice"));
    system
}

/// The last datagram of a flow that went from one host to another.
fn last(system: &System, from: HostId, to: HostId, flow: Flow) -> Datagram {
    let (from, to) = (System::ip(from), System::ip(to));
    let datagrams = system.wire().datagrams.iter();
    let mut of_way = datagrams.filter(|datagram| {
        datagram.from.ip() == from && datagram.to.ip() == to && datagram.flow == flow
    });
    of_way.next_back().unwrap().clone()
}

fn again(system: &mut System, datagram: &Datagram, octets: Vec<u8>) {
    system.inject(datagram.from, datagram.to, datagram.flow, octets);
    system.run(Duration::from_millis(20));
}

fn floor_counters(system: &System, name: &str) -> Counters {
    let impu = system.impu(name);
    system
        .participating_function()
        .media_counters(&impu, Side::Client, Flow::Floor)[0]
}

fn csk_context(system: &System, name: &str) -> FloorContext {
    let csk = &system.client(name).client_server_key().unwrap().csk;
    FloorContext::new(csk.id(), &csk.control_key().into()).unwrap()
}

/// Floor messages that a server sent to a client since a number of datagrams.
fn told(system: &System, name: &str, since: usize) -> Vec<FloorMessage> {
    let mut context = csk_context(system, name);
    let ip = System::ip(system.host(name));
    let sent = system.wire().datagrams[since..].iter();
    let to_client = sent.filter(|datagram| datagram.to.ip() == ip && datagram.flow == Flow::Floor);
    to_client
        .map(|datagram| context.unprotect(&datagram.octets).unwrap().packet)
        .map(|plain| FloorMessage::decode(&plain, &FloorProfile::default()).unwrap())
        .collect()
}

// Floor control -------------------------------------------------------------------------------------------------

#[test]
fn a_floor_packet_replayed_to_the_server_is_dropped_and_counted() {
    let mut system = talking(301);
    system.release("alice");
    system.press("bob");
    assert!(may_talk(&system, "bob"));
    system.release("bob");
    let request = last(
        &system,
        system.host("bob"),
        System::participating(),
        Flow::Floor,
    );
    let before = floor_counters(&system, "bob");
    let talkers = system.talkers().len();
    again(&mut system, &request, request.octets.clone());
    let after = floor_counters(&system, "bob");
    assert_eq!(
        (after.taken, after.protection),
        (before.taken, before.protection + 1)
    );
    assert_eq!(system.talkers().len(), talkers, "the floor has not moved");
}

#[test]
fn a_floor_packet_in_clear_is_dropped_at_both_ends() {
    let mut system = talking(302);
    let release = last(
        &system,
        System::participating(),
        system.host("bob"),
        Flow::Floor,
    );
    let plain = csk_context(&system, "bob")
        .unprotect(&release.octets)
        .unwrap()
        .packet;
    let drops = dropped(&system, "bob").len();
    again(&mut system, &release, plain.clone());
    assert_eq!(dropped(&system, "bob").len(), drops + 1);
    system.press("bob");
    let up = last(
        &system,
        system.host("bob"),
        System::participating(),
        Flow::Floor,
    );
    let plain = csk_context(&system, "bob")
        .unprotect(&up.octets)
        .unwrap()
        .packet;
    let before = floor_counters(&system, "bob");
    again(&mut system, &up, plain);
    let after = floor_counters(&system, "bob");
    assert_eq!(
        (after.taken, after.protection),
        (before.taken, before.protection + 1)
    );
}

#[test]
fn a_floor_packet_under_another_clients_csk_is_dropped_and_counted() {
    let mut system = talking(303);
    system.press("bob");
    let up = last(
        &system,
        system.host("bob"),
        System::participating(),
        Flow::Floor,
    );
    let plain = csk_context(&system, "bob")
        .unprotect(&up.octets)
        .unwrap()
        .packet;
    // Carol, a member like Bob, sends Bob's message under her own key to Bob's port and in Bob's place.
    let foreign = csk_context(&system, "carol").protect(&plain).unwrap();
    let before = floor_counters(&system, "bob");
    again(&mut system, &up, foreign);
    let after = floor_counters(&system, "bob");
    assert_eq!(
        (after.taken, after.protection),
        (before.taken, before.protection + 1)
    );
}

#[test]
fn a_floor_packet_from_elsewhere_is_dropped_and_counted() {
    let mut system = talking(304);
    system.press("bob");
    let up = last(
        &system,
        system.host("bob"),
        System::participating(),
        Flow::Floor,
    );
    let mut from = up.clone();
    from.from.set_port(9);
    let before = floor_counters(&system, "bob");
    again(&mut system, &from, up.octets);
    let after = floor_counters(&system, "bob");
    assert_eq!(
        (after.taken, after.foreign_source),
        (before.taken, before.foreign_source + 1)
    );
}

#[test]
fn a_floor_packet_replayed_or_altered_on_the_way_to_a_client_is_dropped() {
    let mut system = talking(305);
    let down = last(
        &system,
        System::participating(),
        system.host("bob"),
        Flow::Floor,
    );
    let drops = dropped(&system, "bob").len();
    again(&mut system, &down, down.octets.clone());
    let mut altered = down.octets.clone();
    altered[12] ^= 1;
    again(&mut system, &down, altered);
    assert_eq!(dropped(&system, "bob").len(), drops + 2);
}

#[test]
fn floor_packets_of_two_calls_under_one_key_never_share_ssrc_and_index() {
    let mut system = ready(306, &["alice", "bob", "carol"]);
    let water = group("water-2");
    system.put_group(&group_document(&water, &["alice", "bob"]));
    for name in ["alice", "bob"] {
        system.watch(name, &[&fire(), &water]);
        system.affiliate(name, &[&fire(), &water]);
    }
    system.call_group("alice", &fire());
    system.release("alice");
    system.call_group("alice", &water);
    system.release("alice");
    for _ in 0..3 {
        system.press("bob");
        system.release("bob");
    }
    let mut seen = BTreeSet::new();
    let mut flows = BTreeSet::new();
    let mut mkis = BTreeSet::new();
    let floor = |datagram: &&Datagram| datagram.flow == Flow::Floor;
    for datagram in system.wire().datagrams.iter().filter(floor) {
        let octets = &datagram.octets;
        let (index, mki) = octets[octets.len() - 8..].split_at(4);
        let sender = datagram.from.ip();
        let nonce = (sender, mki.to_vec(), octets[4..8].to_vec(), index.to_vec());
        assert!(seen.insert(nonce), "a nonce came twice");
        flows.insert((datagram.from, datagram.to));
        mkis.insert(mki.to_vec());
    }
    // CSKs of three clients and the SPK; more flows than keys, so that calls share a key.
    assert_eq!(mkis.len(), 4);
    assert!(flows.len() >= 12, "{}", flows.len());
}

#[test]
fn the_fcs_may_have_one_ssrc_in_two_calls_and_the_index_goes_on() {
    let system = talking(307);
    let csk = csk_context(&system, "bob");
    let id: KeyId = csk.key_id();
    let mut keys = roger_media::FloorKeyring::new();
    keys.add(csk);
    let remote = |port| {
        let address = std::net::SocketAddr::from(([10, 0, 0, 9], port));
        roger_media::RemoteAddress::new(address, roger_media::AddressRule::Pinned)
    };
    let protection = roger_media::FloorProtection::Key(id);
    let mut legs = [5000, 5004].map(|port| roger_media::FloorLeg::new(remote(port), &protection));
    let plain = told(&system, "bob", 0)[0].encode().unwrap();
    let mut random = roger_testkit::SeededRandom::new(1);
    let mut indices = Vec::new();
    for leg in [0, 1, 0, 1] {
        let (_, octets) = legs[leg].send(&plain, &mut keys, &mut random).unwrap();
        assert_eq!(octets[4..8], plain[4..8], "one SSRC in both calls");
        indices.push(octets[octets.len() - 8..octets.len() - 4].to_vec());
    }
    let different: BTreeSet<_> = indices.iter().collect();
    assert_eq!(different.len(), 4, "{indices:?}");
}

#[test]
fn rtp_of_a_non_holder_is_discarded_and_answered_with_revoke_3() {
    let mut system = talking(308);
    // Bob has talked before, so that he has an address and a packet to send.
    system.release("alice");
    system.press("bob");
    system.speak("bob", 3);
    let packet = last(
        &system,
        system.host("bob"),
        System::participating(),
        Flow::Rtp,
    );
    system.release("bob");
    system.press("alice");
    system.run(seconds(1));
    system.forget("carol");
    let since = system.wire().datagrams.len();
    again(&mut system, &packet, packet.octets.clone());
    system.run(seconds(1));
    assert!(system.words("carol").is_empty());
    let cf = System::ip(System::controlling());
    let forwarded = system.wire().datagrams[since..].iter();
    let mut forwarded = forwarded.filter(|one| one.from.ip() == cf && one.flow == Flow::Rtp);
    assert!(forwarded.next().is_none(), "not distributed");
    let revoked = told(&system, "bob", since)
        .into_iter()
        .any(|message| match message.body {
            FloorBody::FloorRevoke(revoke) => {
                revoke.reject_cause.cause == RevokeCause::NoPermissionToSendMediaBurst
            }
            _ => false,
        });
    assert!(revoked, "{:?}", told(&system, "bob", since));
    let said = system.speak("alice", 5);
    assert_eq!(system.words("carol"), said, "the holder goes on");
}

// Speech --------------------------------------------------------------------------------------------------------

/// Changes speech on its way from the participating function to Bob.
fn on_the_way_to_bob(system: &mut System, change: impl Fn(&[u8]) -> Vec<u8> + 'static) {
    let bob = System::ip(system.host("bob"));
    system.on_datagram(move |datagram| {
        if datagram.to.ip() == bob && datagram.flow == Flow::Rtp {
            return DatagramFate::Replace(change(&datagram.octets));
        }
        DatagramFate::Pass
    });
}

/// Nothing of ten packets is heard by Bob, all of it by Carol, and afterwards all is well.
fn nothing_is_heard(system: &mut System) -> Vec<String> {
    let said = system.speak("alice", 10);
    assert_eq!(system.words("carol"), said);
    assert!(system.words("bob").is_empty());
    let reasons = dropped(system, "bob");
    assert_eq!(reasons.len(), 10, "{reasons:?}");
    system.leave_alone();
    let said = system.speak("alice", 10);
    assert_eq!(system.words("bob"), said);
    reasons
}

#[test]
fn speech_with_a_changed_roc_is_not_heard() {
    let mut system = talking(310);
    on_the_way_to_bob(&mut system, |octets| {
        let mut octets = octets.to_vec();
        *octets.last_mut().unwrap() ^= 1;
        octets
    });
    nothing_is_heard(&mut system);
}

#[test]
fn speech_with_one_octet_changed_anywhere_is_not_heard() {
    for place in [1, 3, 7, 11, 20, 50, 63, 69] {
        let mut system = talking(311);
        on_the_way_to_bob(&mut system, move |octets| {
            let mut octets = octets.to_vec();
            octets[place] ^= 1;
            octets
        });
        nothing_is_heard(&mut system);
    }
}

#[test]
fn speech_in_clear_is_not_heard() {
    let mut system = talking(312);
    on_the_way_to_bob(&mut system, |octets| octets[..46].to_vec());
    nothing_is_heard(&mut system);
}

#[test]
fn speech_with_an_mki_of_4_is_not_heard_in_a_group() {
    let mut system = talking(313);
    on_the_way_to_bob(&mut system, |octets| {
        let mut short = octets[..62].to_vec();
        short.extend_from_slice(&octets[62..66]);
        short
    });
    nothing_is_heard(&mut system);
}

#[test]
fn speech_protected_by_a_member_under_an_mki_of_4_is_not_heard_in_a_group() {
    let mut system = talking(314);
    let store = system.client("carol").group_keys();
    let gmk = store.sending(&fire(), system.utc()).unwrap().gmk.clone();
    let master = gmk.media_key(gmk.guk_id(&user("alice"))).into();
    let mki = Mki::new(&gmk.id().octets()).unwrap();
    on_the_way_to_bob(&mut system, move |octets| {
        let header = roger_srtp::RtpHeader::parse(octets).unwrap();
        let plain = header.fields().packet(b"forged");
        SenderContext::new(Profile::PRIVATE, mki.clone(), &master)
            .unwrap()
            .protect_rtp(&plain)
            .unwrap()
    });
    nothing_is_heard(&mut system);
}

#[test]
fn replayed_speech_is_heard_once() {
    let mut system = talking(315);
    let said = system.speak("alice", 5);
    let packet = last(
        &system,
        System::participating(),
        system.host("bob"),
        Flow::Rtp,
    );
    let drops = dropped(&system, "bob").len();
    again(&mut system, &packet, packet.octets.clone());
    assert_eq!(system.words("bob"), said);
    assert_eq!(dropped(&system, "bob").len(), drops + 1);
}

#[test]
fn speech_from_elsewhere_is_not_heard() {
    let mut system = talking(316);
    system.speak("alice", 2);
    let heard = system.words("bob").len();
    let mut packet = last(
        &system,
        System::participating(),
        system.host("bob"),
        Flow::Rtp,
    );
    packet.from.set_port(9);
    let octets = packet.octets.clone();
    again(&mut system, &packet, octets);
    assert_eq!(system.words("bob").len(), heard);
    assert!(
        dropped(&system, "bob")
            .iter()
            .any(|reason| reason.contains("not the address"))
    );
}

#[test]
fn who_holds_the_floor_cannot_talk_in_the_name_of_another() {
    let mut system = talking(317);
    system.release("alice");
    system.press("bob");
    assert!(may_talk(&system, "bob"));
    // Bob's UE sends under the key of Alice, which every member can derive.
    let store = system.client("bob").group_keys();
    let gmk = store.sending(&fire(), system.utc()).unwrap().gmk.clone();
    let guk_id = gmk.guk_id(&user("alice"));
    let mki = GroupMki::new(gmk.id(), guk_id).unwrap();
    let master = gmk.media_key(guk_id).into();
    let mut sender = SenderContext::new(Profile::GROUP, mki.into(), &master).unwrap();
    let bob = System::ip(system.host("bob"));
    system.on_datagram(move |datagram| {
        if datagram.from.ip() != bob || datagram.flow != Flow::Rtp {
            return DatagramFate::Pass;
        }
        let header = roger_srtp::RtpHeader::parse(&datagram.octets).unwrap();
        let fields = RtpFields {
            ssrc: 0x0BAD_0BAD,
            ..header.fields()
        };
        DatagramFate::Replace(sender.protect_rtp(&fields.packet(b"I am Alice")).unwrap())
    });
    system.forget("carol");
    system.speak("bob", 5);
    assert!(system.words("carol").is_empty());
    let reasons = dropped(&system, "carol");
    assert_eq!(reasons.len(), 5);
    assert!(
        reasons.iter().all(|reason| reason.contains("speaker")),
        "{reasons:?}"
    );
}

#[test]
fn a_removed_member_who_talks_under_the_old_key_after_its_revocation_is_not_heard() {
    let mut system = talking(318);
    let store = system.client("carol").group_keys();
    let old = store.sending(&fire(), system.utc()).unwrap().gmk.clone();
    system.put_group(&group_document(&fire(), &["alice", "bob"]));
    // Past activation and revocation; the call is a new one since nobody talked.
    system.run(seconds(45));
    assert_eq!(system.keys_told("bob", GroupKeyState::Revoked), [old.id()]);
    system.forget("bob");
    system.forget("alice");
    system.call_group("alice", &fire());
    system.speak("alice", 2);
    let packet = last(
        &system,
        System::participating(),
        system.host("bob"),
        Flow::Rtp,
    );
    let guk_id = old.guk_id(&user("carol"));
    let mki = GroupMki::new(old.id(), guk_id).unwrap();
    let mut sender =
        SenderContext::new(Profile::GROUP, mki.into(), &old.media_key(guk_id).into()).unwrap();
    let fields = RtpFields {
        marker: true,
        payload_type: 96,
        sequence: 1,
        timestamp: 1,
        ssrc: 0xCA_401,
    };
    let forged = sender
        .protect_rtp(&fields.packet(b"carol is back"))
        .unwrap();
    let heard = system.words("bob");
    // She even sends in the place of the server.
    again(&mut system, &packet, forged);
    assert_eq!(system.words("bob"), heard);
    let reasons = dropped(&system, "bob");
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].contains("no key"), "{reasons:?}");
    let said = system.speak("alice", 2);
    assert!(system.words("bob").ends_with(&said));
}

#[test]
fn the_sockets_of_a_removed_member_take_nothing_any_more() {
    let mut system = talking(319);
    system.release("alice");
    system.press("carol");
    system.speak("carol", 3);
    let packet = last(
        &system,
        system.host("carol"),
        System::participating(),
        Flow::Rtp,
    );
    system.put_group(&group_document(&fire(), &["alice", "bob"]));
    assert!(system.told("carol", |event| matches!(event, UeEvent::CallEnded(_))));
    let heard = system.words("bob").len();
    let since = system.wire().datagrams.len();
    again(&mut system, &packet, packet.octets.clone());
    assert_eq!(system.words("bob").len(), heard);
    let rtp = system.wire().datagrams[since..]
        .iter()
        .filter(|one| one.flow == Flow::Rtp);
    assert_eq!(rtp.count(), 0);
    system.press("bob");
    assert!(
        may_talk(&system, "bob"),
        "the floor was taken from the removed talker"
    );
}
