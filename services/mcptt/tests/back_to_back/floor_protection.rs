//! Floor control is SRTCP on both hops, or refused (TS 33.180 cl. 9.4).

use crate::bench::{ALICE, BOB, Bench, CAROL, group_of, impu};
use crate::ue::{floor_release, floor_request, outcome};
use roger_call::body::Body;
use roger_call::feature::{EXPIRES_FOREVER, media_type};
use roger_call::protection::Protection;
use roger_documents::poc_settings::AnswerMode;
use roger_floor::{FloorMessage, Profile};
use roger_mcptt::controlling::FloorControlProtection;
use roger_media::{AddressRule, Counters, Flow, Side};
use roger_testkit_domain::user;

/// Alice and Bob in a call, the floor idle.
fn idle(mut bench: Bench) -> Bench {
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench.group_call(ALICE, &[BOB]);
    bench.send_floor(ALICE, floor_release());
    for index in [ALICE, BOB] {
        bench.ues[index].floor_messages();
    }
    bench
}

fn counters(bench: &Bench, index: usize, side: Side) -> Counters {
    bench
        .pf
        .application()
        .media_counters(&impu(index), side, Flow::Floor)[0]
}

/// Sends what Bob's server must drop, and counts.
fn drops(bench: &mut Bench, packet: &[u8]) {
    let before = counters(bench, BOB, Side::Client);
    bench.send_floor_octets(BOB, packet);
    let after = counters(bench, BOB, Side::Client);
    assert_eq!(after.protection, before.protection + 1);
    assert_eq!(after.taken, before.taken);
    assert!(bench.ues[BOB].floor_heard.is_empty(), "nothing comes back");
    assert!(bench.ues[ALICE].floor_heard.is_empty());
}

#[test]
fn a_floor_packet_in_clear_is_dropped_and_counted() {
    let mut bench = idle(Bench::new());
    let packet = bench.ues[BOB].plain(floor_request());
    drops(&mut bench, &packet);
}

#[test]
fn a_floor_packet_under_another_clients_csk_is_dropped_and_counted() {
    let mut bench = idle(Bench::new());
    bench.log_in(CAROL);
    for other in [ALICE, CAROL] {
        let packet = bench.ues[other].protected(floor_request());
        drops(&mut bench, &packet);
    }
}

#[test]
fn an_altered_floor_packet_is_dropped_and_counted() {
    let mut bench = idle(Bench::new());
    let packet = bench.ues[BOB].protected(floor_request());
    for position in [
        0,
        4,
        9,
        14,
        packet.len() - 22,
        packet.len() - 6,
        packet.len() - 1,
    ] {
        let mut altered = packet.clone();
        altered[position] ^= 1;
        drops(&mut bench, &altered);
    }
}

#[test]
fn a_replayed_floor_packet_is_dropped_and_counted() {
    let mut bench = idle(Bench::new());
    let packet = bench.ues[BOB].protected(floor_request());
    bench.send_floor_octets(BOB, &packet);
    assert_eq!(bench.ues[BOB].floor_names(), ["Floor Granted"]);
    bench.ues[ALICE].floor_messages();
    bench.send_floor(BOB, floor_release());
    bench.ues[BOB].floor_messages();
    bench.ues[ALICE].floor_messages();
    drops(&mut bench, &packet);
}

#[test]
fn floor_packets_between_servers_are_protected_too() {
    let mut bench = idle(Bench::new());
    let plain = bench.ues[BOB].plain(floor_request());
    // In clear from the participating function's address to the controlling function.
    let wires = bench.log.iter().filter(|wire| !wire.is_sip());
    let (from, to) = wires
        .filter(|wire| wire.to.ip() == bench.cf_address().ip())
        .map(|wire| (wire.from, wire.to))
        .next_back()
        .unwrap();
    bench.send_media(from, to, &plain);
    bench.settle();
    for index in [ALICE, BOB] {
        assert!(bench.ues[index].floor_heard.is_empty());
    }
    // And the other way.
    let before = counters(&bench, ALICE, Side::Server).protection
        + counters(&bench, BOB, Side::Server).protection;
    bench.send_media(to, from, &plain);
    bench.settle();
    let after = counters(&bench, ALICE, Side::Server).protection
        + counters(&bench, BOB, Side::Server).protection;
    assert_eq!(after, before + 1);
}

#[test]
fn each_hop_has_its_own_mki() {
    let mut bench = idle(Bench::new());
    bench.send_floor(BOB, floor_request());
    let spk = bench.hop.key_id().octets();
    let csks = [ALICE, BOB].map(|index| {
        let csk = bench.ues[index].csk.as_ref().unwrap();
        csk.csk.id().octets()
    });
    let servers = [bench.pf_address().ip(), bench.cf_address().ip()];
    let mut seen = 0;
    for wire in bench.log.iter().filter(|wire| !wire.is_sip()) {
        let mki: [u8; 4] = wire.octets[wire.octets.len() - 4..].try_into().unwrap();
        let between_servers = servers.contains(&wire.from.ip()) && servers.contains(&wire.to.ip());
        if between_servers {
            assert_eq!(mki, spk);
            seen += 1;
        } else {
            assert!(csks.contains(&mki));
        }
    }
    assert!(seen > 4);
}

#[test]
fn a_group_without_floor_protection_is_clear_on_the_client_hop_only() {
    let mut bench = Bench::new();
    let mut document = group_of(&[ALICE, BOB]);
    document.protect_floor_control = Some(false);
    bench.groups.put(document);
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench.group_call(ALICE, &[BOB]);
    let taken = bench.ues[BOB].floor_heard.clone();
    let names: Vec<_> = taken
        .iter()
        .map(|octets| FloorMessage::decode(octets, &Profile::default()).unwrap())
        .map(|message| message.body.name())
        .collect();
    assert!(names.contains(&"Floor Taken"), "{names:?}");
    // A protected packet is not one of this flow.
    let before = counters(&bench, BOB, Side::Client);
    let packet = bench.ues[BOB].protected(floor_request());
    bench.send_floor_octets(BOB, &packet);
    assert_eq!(counters(&bench, BOB, Side::Client).taken, before.taken);
    let servers = [bench.pf_address().ip(), bench.cf_address().ip()];
    let spk = bench.hop.key_id().octets();
    for wire in bench.log.iter().filter(|wire| !wire.is_sip()) {
        if servers.contains(&wire.from.ip()) && servers.contains(&wire.to.ip()) {
            assert_eq!(wire.octets[wire.octets.len() - 4..], spk);
        }
    }
}

/// Signalling without protection, so that no CSK is there.
fn without_csk(
    change: impl FnOnce(&mut roger_mcptt::participating::ParticipatingSettings),
) -> Bench {
    let mut bench = Bench::with(
        |settings| {
            settings.protection = Protection::Off;
            change(settings);
        },
        |_| {},
    );
    for index in [ALICE, BOB] {
        bench.register(index);
        let token = bench.token(index);
        let ue = &bench.ues[index];
        let body = Body::new()
            .with_document(&ue.token_info(&token))
            .with_document(&ue.settings(AnswerMode::Automatic));
        let response = bench.publish_settings(index, EXPIRES_FOREVER, None, &body);
        assert_eq!(outcome(&response), (200, None));
        let ue = &bench.ues[index];
        let body = Body::new()
            .with_document(&ue.own_info())
            .with_document(&ue.affiliations(&[&crate::bench::fire()]));
        bench.publish_presence(index, EXPIRES_FOREVER, &body);
    }
    bench
}

#[test]
fn protected_floor_control_without_csk_488() {
    let mut bench = without_csk(|_| {});
    let body = bench.group_invite_body(ALICE, Default::default());
    let handle = bench.invite(ALICE, &[], &body);
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&response), (488, None));
    let body = bench.private_invite_body(ALICE, &[&user("bob")], None);
    let handle = bench.invite(ALICE, &[], &body);
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&response), (488, None));
    bench.assert_no_media_ports();
}

#[test]
fn a_private_call_may_have_clear_floor_control_by_configuration() {
    let mut bench = without_csk(|settings| {
        settings.private_floor_protection = FloorControlProtection::Off;
    });
    let body = bench.private_invite_body(ALICE, &[&user("bob")], None);
    let handle = bench.invite(ALICE, &[], &body);
    let incoming = bench.invited(BOB);
    let body = Body::of(incoming.request.headers(), incoming.request.body()).unwrap();
    assert!(body.part(media_type::MCPTT_SIGNED).is_none());
    bench.accept(BOB, &incoming);
    bench.connect(ALICE, handle);
    let packet = bench.ues[ALICE].plain(floor_request());
    bench.send_floor_octets(ALICE, &packet);
    let heard = bench.ues[ALICE].floor_heard.pop().unwrap();
    let message = FloorMessage::decode(&heard, &Profile::default()).unwrap();
    assert_eq!(message.body.name(), "Floor Granted");
}

// Addresses --------------------------------------------------------------------------------------------------

#[test]
fn a_client_behind_a_nat_is_followed_by_its_authenticated_packets() {
    let mut bench = idle(Bench::new());
    bench.ues[BOB].floor_address = "10.0.0.2:51000".parse().unwrap();
    bench.send_floor(BOB, floor_request());
    assert_eq!(bench.ues[BOB].floor_names(), ["Floor Granted"]);
    // An attacker's packets move nothing.
    let to = bench.ues[BOB].server_floor.unwrap();
    let plain = bench.ues[BOB].plain(floor_release());
    bench.send_media("10.9.9.9:1".parse().unwrap(), to, &plain);
    bench.send_floor(BOB, floor_release());
    assert!(bench.ues[BOB].floor_names().contains(&"Floor Idle"));
}

#[test]
fn a_pinned_client_is_only_where_its_description_says() {
    let pinned = Bench::with(
        |settings| settings.client_addresses = AddressRule::Pinned,
        |_| {},
    );
    let mut bench = idle(pinned);
    bench.ues[BOB].floor_address = "10.0.0.2:51000".parse().unwrap();
    bench.send_floor(BOB, floor_request());
    assert!(bench.ues[BOB].floor_heard.is_empty());
    assert_eq!(counters(&bench, BOB, Side::Client).foreign_source, 1);
}
