//! The core under altered traffic: no panic, no state left, and no identity but the sender's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod bench;

use bench::{ALICE, BOB, Bench, MALLORY, PSI, SERVER, core_address, identity, settings};
use core::time::Duration;
use proptest::prelude::*;
use roger_sip::endpoint::Output;
use roger_sip::message::{HeaderName, Message, Method, StatusCode};
use roger_sipcore::Authentication;

fn junk() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\r\nP-Asserted-Identity: <sip:bob@ims.example.org>".to_vec()),
        Just(b"\r\nRoute: <sip:10.0.0.3;lr>".to_vec()),
        Just(b";lr".to_vec()),
        Just(b"<sip:".to_vec()),
        Just(b"*".to_vec()),
        Just(b"4294967296".to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

/// Everything the core received while Alice and Bob registered, sent a message and made a call.
fn conversation() -> Vec<(usize, Vec<u8>)> {
    let mut settings = settings();
    settings.authentication = Authentication::None;
    let mut bench = Bench::new(settings);
    for index in [ALICE, BOB] {
        bench.register(index);
        bench.third_party(StatusCode::OK);
    }
    let message = bench.request(ALICE, Method::Message, PSI).build().unwrap();
    bench.send(ALICE, message);
    bench.settle();
    let got = bench.incoming(SERVER);
    bench.answer(SERVER, &got, StatusCode::OK);
    let invite = bench
        .request(ALICE, Method::Invite, &identity(BOB))
        .build()
        .unwrap();
    bench.send(ALICE, invite);
    bench.settle();
    let got = bench.incoming(BOB);
    bench.answer(BOB, &got, StatusCode::OK);
    let dialog =
        std::iter::from_fn(|| bench.peers[ALICE].events.pop_front()).find_map(
            |event| match event {
                Output::Response(answer) => answer.dialog,
                _ => None,
            },
        );
    let dialog = dialog.unwrap();
    bench
        .with(ALICE, |endpoint, now, random| {
            endpoint.ack(now, random, dialog, None)
        })
        .unwrap();
    bench
        .with(ALICE, |endpoint, now, random| {
            endpoint.bye(now, random, dialog)
        })
        .unwrap();
    bench.settle();
    let received = bench.log.iter().filter(|wire| wire.to == core_address());
    received
        .map(|wire| {
            let from = (0..4)
                .find(|index| bench::address(*index) == wire.from)
                .unwrap();
            (from, wire.octets.to_vec())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn altered_traffic_never_breaks_the_core(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6_usize, junk()), 1..12),
    ) {
        let mut messages = conversation();
        for (which, place, removed, inserted) in edits {
            let count = messages.len();
            let (_, octets) = &mut messages[which.index(count)];
            let place = place.index(octets.len() + 1);
            let end = (place + removed).min(octets.len());
            octets.splice(place..end, inserted);
        }
        let mut settings = settings();
        settings.authentication = Authentication::None;
        let mut bench = Bench::new(settings);
        for (from, octets) in &messages {
            bench.inject(*from, octets);
            bench.settle();
        }
        for event in &bench.peers[SERVER].events {
            let Output::Incoming(incoming) = event else { continue };
            if *incoming.request.method() == Method::Register {
                continue;
            }
            let asserted: Vec<_> = incoming.request.headers().elements(HeaderName::P_ASSERTED_IDENTITY).collect();
            let alice = format!("<{}>", identity(ALICE));
            prop_assert_eq!(asserted, vec![alice.as_bytes()], "only Alice writes to the service");
        }
        bench.run_until(bench.now + Duration::from_secs(5_000));
        let load = bench.core.load();
        prop_assert_eq!((load.client_transactions, load.server_transactions), (0, 0));
        prop_assert_eq!(bench.core.registrations(), 0);
    }
}

#[test]
fn the_conversation_is_what_the_test_thinks() {
    let conversation = conversation();
    let methods: Vec<String> = conversation
        .iter()
        .filter_map(|(_, octets)| {
            let message = Message::parse_datagram(octets, &roger_sip::message::Limits::default());
            match message.unwrap() {
                Message::Request(request) => Some(request.method().to_string()),
                Message::Response(_) => None,
            }
        })
        .collect();
    assert_eq!(
        methods,
        ["REGISTER", "REGISTER", "MESSAGE", "INVITE", "ACK", "BYE"]
    );
}

/// Each Route that means the core costs as much as all that follow it: a stranger's thousand cost 20 ms.
#[test]
fn routes_to_the_core_itself_have_an_end() {
    let mut bench = Bench::new(settings());
    for (routes, expected) in [(2, 403), (8, 403), (9, 400), (700, 400)] {
        let route = vec![format!("<sip:{};lr>", core_address()); routes].join(",");
        let from = bench::address(MALLORY);
        let text = format!(
            "MESSAGE {PSI} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKr{routes}\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <{PSI}>\r\nCall-ID: r{routes}\r\nCSeq: 1 MESSAGE\r\nRoute: {route}\r\nContent-Length: 0\r\n\r\n"
        );
        bench.log.clear();
        bench.inject(MALLORY, text.as_bytes());
        bench.settle();
        let answer = bench.log.last().unwrap().text();
        let status = format!("SIP/2.0 {expected} ");
        assert!(answer.starts_with(&status), "{routes}: {answer}");
    }
}
