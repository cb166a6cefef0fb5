//! Endpoints under hostile input: whatever comes, they do not panic, do not grow and go on working.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod network;

use core::time::Duration;
use network::{Network, Wire, address, at, udp};
use proptest::prelude::*;
use roger_sip::endpoint::{Endpoint, Input, Output, Role, Settings, Transport};
use roger_sip::message::{Method, Response, StatusCode};

/// Octets to put into a real message: what matters to the grammar.
fn junk() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b";tag=".to_vec()),
        Just(b"<sip:".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"z9hG4bK".to_vec()),
        Just(b"4294967296".to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

/// Messages of a whole call and a subscription, in order.
fn conversation() -> Vec<(usize, Vec<u8>)> {
    let mut network = Network::new(2);
    for method in [
        Method::Invite,
        Method::Message,
        Method::Subscribe,
        Method::Options,
    ] {
        let request = network.request(0, 1, method).build().unwrap();
        network
            .with_peer(0, |endpoint, now, random| {
                endpoint.send_request(now, random, request, udp(1))
            })
            .unwrap();
    }
    network.run_until(at(50));
    let mut dialog = None;
    while let Some(event) = network.event(1) {
        let Output::Incoming(incoming) = event else {
            continue;
        };
        let response = Response::to(&incoming.request, StatusCode::OK);
        let made = network.with_peer(1, |endpoint, now, random| {
            endpoint.respond(now, random, incoming.transaction, response)
        });
        dialog = made.unwrap().or(dialog);
    }
    let dialog = dialog.unwrap();
    network
        .with_peer(1, |endpoint, now, random| endpoint.bye(now, random, dialog))
        .unwrap();
    network.run_until(at(700));
    network
        .log
        .iter()
        .map(|wire| (wire.to, wire.octets.to_vec()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn altered_conversations_never_break_an_endpoint(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6_usize, junk()), 1..12),
        order in any::<bool>(),
        role in prop_oneof![Just(Role::UserAgent), Just(Role::Proxy)],
    ) {
        let mut messages = conversation();
        for (which, place, removed, inserted) in edits {
            let (_, octets) = &mut messages[which.index(conversation_len())];
            let place = place.index(octets.len() + 1);
            let end = (place + removed).min(octets.len());
            octets.splice(place..end, inserted);
        }
        if order {
            messages.reverse();
        }
        let mut network = Network::with(&[Settings::new(role), Settings::new(role)]);
        for (to, octets) in &messages {
            let wire = Wire {
                at: network.now,
                from: 1 - to,
                to: *to,
                transport: Transport::Udp,
                octets: octets.as_slice().into(),
            };
            network.deliver(&wire);
            let waiting: Vec<_> = std::iter::from_fn(|| network.event(*to)).collect();
            for event in waiting {
                let Output::Incoming(incoming) = event else { continue };
                let response = Response::to(&incoming.request, StatusCode::OK);
                let _ = network.with_peer(*to, |endpoint, now, random| {
                    endpoint.respond(now, random, incoming.transaction, response)
                });
            }
            network.run_for(Duration::from_millis(100));
        }
        network.run_for(Duration::from_secs(700));
        for peer in &network.peers {
            let load = peer.endpoint.load();
            prop_assert_eq!((load.client_transactions, load.server_transactions), (0, 0));
            prop_assert_eq!(peer.endpoint.deadline(), None);
        }
    }

    #[test]
    fn octets_of_any_kind_are_survived(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut endpoint = Endpoint::new(Settings::new(Role::UserAgent).with_sent_by(Transport::Udp, address(0)));
        let mut random = roger_testkit::SeededRandom::new(1);
        let flow = roger_sip::endpoint::Flow {
            transport: Transport::Udp,
            connection: roger_sip::endpoint::ConnectionId(0),
            local: address(0),
            peer: address(1),
        };
        let _ = endpoint.handle(at(0), &mut random, Input::Datagram { flow, octets: &octets });
    }
}

/// The conversation has the same length each time; it is long.
fn conversation_len() -> usize {
    static LENGTH: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *LENGTH.get_or_init(|| conversation().len())
}
