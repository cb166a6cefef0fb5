//! What a proxy admits under load, in virtual time: by rank, without state, with bounded answers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

use core::time::Duration;
use proptest::prelude::*;
use roger_base::Instant;
use roger_sip::endpoint::{
    Capacity, ConnectionId, Endpoint, Flow, Input, Output, Role, Settings, Transport,
};
use roger_sip::message::{Response, StatusCode};
use roger_sip::overload::{Glance, Inbox, InboxLimits, Rank, Sender, Standing};
use roger_testkit::SeededRandom;
use std::net::SocketAddr;

struct Bench {
    endpoint: Endpoint,
    random: SeededRandom,
    now: Instant,
    number: usize,
}

fn peer(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 5060))
}

fn flow(peer: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Udp,
        connection: ConnectionId(0),
        local: "10.0.0.100:5060".parse().unwrap(),
        peer,
    }
}

fn message(method: &str, number: usize, to_tag: &str, more: &str) -> String {
    format!(
        "{method} sip:ims.example.org SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{number};rport\r\n\
         From: <sip:u@h>;tag=f\r\nTo: <sip:u@h>{to_tag}\r\nCall-ID: {number}\r\nCSeq: 1 {method}\r\n{more}\
         Content-Length: 0\r\n\r\n"
    )
}

const EMERGENCY: &str = "Resource-Priority: mcpttp.15\r\n";
const NORMAL: &str = "Resource-Priority: mcpttq.3\r\n";

impl Bench {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(Role::Proxy);
        change(&mut settings);
        Self {
            endpoint: Endpoint::new(settings),
            random: SeededRandom::new(1),
            now: Instant::ORIGIN,
            number: 0,
        }
    }

    /// The status of the answer at once, `None` for a request that was handed to the user.
    fn send(
        &mut self,
        standing: Standing,
        method: &str,
        to_tag: &str,
        more: &str,
    ) -> Option<String> {
        self.number += 1;
        let text = message(method, self.number, to_tag, more);
        let input = Input::Datagram {
            flow: flow(peer(1)),
            octets: text.as_bytes(),
        };
        let _ = self
            .endpoint
            .handle_from(self.now, &mut self.random, input, standing);
        match self.endpoint.poll() {
            Some(Output::Transmit(transmit)) => {
                let text = String::from_utf8(transmit.octets.to_vec()).unwrap();
                Some(text[8..11].to_owned())
            }
            Some(Output::Incoming(_)) => None,
            None => Some("nothing".into()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_longer_the_wait_the_more_ranks_are_refused() {
    let mut bench = Bench::new(|_| {});
    let refused = || Some("503".to_owned());
    for (milliseconds, stranger, known, queueing) in [
        (0, None, None, None),
        (150, refused(), None, None),
        (250, refused(), refused(), None),
        (900, refused(), refused(), refused()),
    ] {
        bench
            .endpoint
            .set_queue_delay(Duration::from_millis(milliseconds));
        assert_eq!(bench.send(Standing::Stranger, "REGISTER", "", ""), stranger);
        assert_eq!(bench.send(Standing::Known, "REGISTER", "", ""), known);
        assert_eq!(bench.send(Standing::Known, "INVITE", "", NORMAL), queueing);
        assert_eq!(bench.send(Standing::Known, "INVITE", "", EMERGENCY), None);
        assert_eq!(bench.send(Standing::Known, "BYE", ";tag=t", ""), None);
        assert_eq!(bench.send(Standing::Trusted, "INVITE", "", ""), None);
    }
    // Nothing was kept of those that were refused.
    assert_eq!(bench.endpoint.load().server_transactions, 4 * 6 - 6);
}

#[test]
fn a_stranger_does_not_jump_the_queue_by_what_it_says_of_itself() {
    let mut bench = Bench::new(|_| {});
    bench.endpoint.set_queue_delay(Duration::from_millis(150));
    for (method, to_tag, more) in [
        ("INVITE", "", EMERGENCY),
        ("BYE", ";tag=t", EMERGENCY),
        ("CANCEL", "", ""),
    ] {
        let answer = bench.send(Standing::Stranger, method, to_tag, more);
        assert_eq!(answer.as_deref(), Some("503"), "{method}");
    }
    assert_eq!(bench.endpoint.load().server_transactions, 0);
}

#[test]
fn a_table_full_of_strangers_has_room_for_the_known() {
    let mut bench = Bench::new(|settings| {
        settings.capacity = Capacity {
            server_transactions: 100,
            reserved: 20,
            ..Capacity::default()
        };
    });
    let admitted = |bench: &mut Bench, standing, more| {
        (0..200)
            .filter(|_| bench.send(standing, "INVITE", "", more).is_none())
            .count()
    };
    assert_eq!(admitted(&mut bench, Standing::Stranger, EMERGENCY), 40);
    assert_eq!(admitted(&mut bench, Standing::Known, ""), 40);
    assert_eq!(admitted(&mut bench, Standing::Known, EMERGENCY), 20);
}

#[test]
fn answers_to_what_is_refused_are_bounded_in_number() {
    let mut bench = Bench::new(|settings| settings.shedding.refusals = 10);
    bench.endpoint.set_queue_delay(Duration::from_secs(1));
    let answered = |bench: &mut Bench| {
        (0..100)
            .filter(|_| {
                bench
                    .send(Standing::Stranger, "REGISTER", "", "")
                    .as_deref()
                    == Some("503")
            })
            .count()
    };
    assert_eq!(answered(&mut bench), 10);
    bench.now = bench.now + Duration::from_secs(3);
    assert_eq!(answered(&mut bench), 10);
    let counters = bench.endpoint.counters();
    assert_eq!((counters.overloaded, counters.unanswered), (200, 180));
}

#[test]
fn what_had_no_place_in_the_queue_is_refused_and_a_long_one_is_called_long() {
    let mut bench = Bench::new(|_| {});
    let long = format!("Padding: {}\r\n", "x".repeat(20_000));
    for (text, expected) in [
        (message("REGISTER", 1, "", ""), Some("SIP/2.0 503")),
        (message("REGISTER", 2, "", &long), Some("SIP/2.0 513")),
        (message("ACK", 3, "", ""), None),
        ("SIP/2.0 200 OK\r\n\r\n".to_owned(), None),
        ("junk".to_owned(), None),
    ] {
        bench
            .endpoint
            .shed(bench.now, flow(peer(1)), text.as_bytes());
        let sent = match bench.endpoint.poll() {
            Some(Output::Transmit(transmit)) => {
                Some(String::from_utf8(transmit.octets.to_vec()).unwrap()[..11].to_owned())
            }
            None => None,
            other => panic!("{other:?}"),
        };
        let start = text.get(..20);
        assert_eq!(sent.as_deref(), expected, "{start:?}");
    }
    assert_eq!(bench.endpoint.load().server_transactions, 0);
}

/// One millisecond of virtual time serves five messages; twenty come: fourfold overload for ten seconds.
#[test]
fn at_fourfold_overload_the_wait_is_bounded_and_emergencies_do_not_feel_it() {
    const SERVED: usize = 5;
    let mut bench = Bench::new(|settings| {
        settings.capacity.server_transactions = 1_000_000;
    });
    let mut inbox = Inbox::new(InboxLimits::default());
    let mut longest = [Duration::ZERO; 3];
    let mut admitted = [0_usize; 3];
    let mut most = 0;
    for millisecond in 0..10_000_usize {
        bench.now = Instant::from_origin(Duration::from_millis(millisecond as u64));
        let mut shed = Vec::new();
        for number in 0..20 {
            // One stranger floods, a known UE refreshes, another one has an emergency.
            let (kind, more) = match (millisecond % 50, number) {
                (0, 0) => (1, ""),
                (0, 1) => (2, EMERGENCY),
                _ => (0, EMERGENCY),
            };
            let standing = [Standing::Stranger, Standing::Known, Standing::Known][kind];
            let text = message("REGISTER", millisecond * 20 + number, "", more);
            let rank = Rank::of(standing, &Glance::at(text.as_bytes()));
            let sender = Sender::new(standing, peer(kind as u8 + 1));
            let length = text.len();
            inbox.push(
                bench.now,
                rank,
                sender,
                ((kind, standing, text), length),
                &mut shed,
            );
        }
        for (_, _, text) in shed {
            bench
                .endpoint
                .shed(bench.now, flow(peer(1)), text.as_bytes());
        }
        let mut served = 0;
        while served < SERVED
            && let Some(next) = inbox.pop(bench.now)
        {
            let (kind, standing, text) = next.message;
            bench.endpoint.set_queue_delay(next.waited);
            let input = Input::Datagram {
                flow: flow(peer(kind as u8 + 1)),
                octets: text.as_bytes(),
            };
            let _ = bench
                .endpoint
                .handle_from(bench.now, &mut bench.random, input, standing);
            while let Some(output) = bench.endpoint.poll() {
                let Output::Incoming(incoming) = output else {
                    continue;
                };
                served += 1;
                admitted[kind] += 1;
                longest[kind] = longest[kind].max(next.waited);
                let mut response = Response::to(&incoming.request, StatusCode::OK);
                response.add_to_tag("t").unwrap();
                bench
                    .endpoint
                    .respond_and_forget(incoming.transaction, &response)
                    .unwrap();
            }
        }
        most = most.max(inbox.len());
    }
    assert!(most <= InboxLimits::default().messages, "{most}");
    assert_eq!(admitted[1..], [200, 200], "none of the known is lost");
    assert!(longest[0] <= Duration::from_millis(100), "{longest:?}");
    assert!(
        longest[1..]
            .iter()
            .all(|wait| *wait <= Duration::from_millis(1))
    );
    // The processor was not idle, whatever was refused.
    assert!(admitted[0] > 10_000 * SERVED * 9 / 10, "{admitted:?}");
    assert_eq!(bench.endpoint.load().server_transactions, 0);
}

proptest! {
    #[test]
    fn a_glance_at_anything_is_harmless_and_worth_nothing_to_a_stranger(
        octets in prop::collection::vec(any::<u8>(), 0..400),
        place in any::<prop::sample::Index>(),
    ) {
        let mut text = message("INVITE", 1, ";tag=t", EMERGENCY).into_bytes();
        let place = place.index(text.len());
        text.splice(place..place, octets.iter().copied());
        for octets in [octets, text] {
            let rank = Rank::of(Standing::Stranger, &Glance::at(&octets));
            prop_assert_eq!(rank, Rank::Stranger);
        }
    }
}
