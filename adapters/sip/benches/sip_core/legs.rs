//! Memory of a held call leg and of a transaction that lingers, at a user agent, without sockets.

use crate::process::{resident, spawn};
use crate::report::Report;
use core::time::Duration;
use roger_base::Instant;
use roger_sip::endpoint::{
    Capacity, ConnectionId, Endpoint, Flow, Input, Output, Role, Settings, Transport,
};
use roger_sip::message::{HeaderName, Response, StatusCode};
use roger_testkit::SeededRandom;
use std::io::Read;
use std::net::SocketAddr;

const LEGS: usize = 20_000;

pub fn run(report: &mut Report) {
    report.title(&format!(
        "{LEGS} calls held, then {LEGS} more, in a process of their own"
    ));
    let mut child = spawn("0", "0", &["hold".into()]);
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    child.wait().unwrap();
    let numbers: Vec<f64> = said
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    let [lingering, leg] = numbers[..] else {
        panic!("{said}")
    };
    report.bar(
        "a leg with its INVITE transaction that lingers",
        lingering,
        2.0 * 2_048.0,
        "B",
    );
    report.bar("a further held leg", leg, 2_048.0, "B");
}

fn message(method: &str, number: usize, to_tag: &str) -> String {
    format!(
        "{method} sip:u@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{method}{number:016x};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:user-{number}@ims.example.org>;tag=f{number}\r\nTo: <sip:u@ims.example.org>{to_tag}\r\n\
         Call-ID: {number:032x}\r\nCSeq: 1 {method}\r\nContact: <sip:user-{number}@10.0.0.2:5060>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Holds the calls; prints octets of a leg while its transaction lingers, and of a further leg in a program that runs
/// for a while: an allocator keeps what transactions leave behind for those that follow.
pub fn hold() {
    let address: SocketAddr = "10.0.0.1:5060".parse().unwrap();
    let mut settings = Settings::new(Role::UserAgent).with_sent_by(Transport::Udp, address);
    settings.capacity = Capacity {
        reserved: 0,
        dialogs: 2 * LEGS,
        ..Capacity::default()
    };
    let mut endpoint = Endpoint::new(settings);
    let mut random = SeededRandom::new(3);
    let mut now = Instant::ORIGIN;
    let mut sizes = vec![resident()];
    for first in [0, LEGS] {
        for number in first..first + LEGS {
            take_call(&mut endpoint, now, &mut random, number, address);
        }
        sizes.push(resident());
        now = now + Duration::from_secs(33);
        endpoint.handle_timeout(now, &mut random);
        while endpoint.poll().is_some() {}
        let load = endpoint.load();
        assert_eq!((load.dialogs, load.server_transactions), (first + LEGS, 0));
    }
    let [before, one, two] = sizes[..] else {
        panic!("{sizes:?}")
    };
    let lingering = one.saturating_sub(before) / LEGS;
    println!("{lingering} {}", two.saturating_sub(one) / LEGS);
}

/// An INVITE that is answered and acknowledged.
fn take_call(
    endpoint: &mut Endpoint,
    now: Instant,
    random: &mut SeededRandom,
    number: usize,
    local: SocketAddr,
) {
    for (method, tag) in [("INVITE", ""), ("ACK", ";tag=0123456789abcdef")] {
        let text = message(method, number, tag);
        let flow = Flow {
            transport: Transport::Udp,
            connection: ConnectionId(0),
            local,
            peer: "10.0.0.2:5060".parse().unwrap(),
        };
        let octets = text.as_bytes();
        endpoint
            .handle(now, random, Input::Datagram { flow, octets })
            .unwrap();
        while let Some(output) = endpoint.poll() {
            let Output::Incoming(incoming) = output else {
                continue;
            };
            let mut response = Response::to(&incoming.request, StatusCode::OK);
            response
                .headers_mut()
                .push(HeaderName::CONTACT, "<sip:u@10.0.0.1:5060>")
                .unwrap();
            response.add_to_tag("0123456789abcdef").unwrap();
            endpoint
                .respond(now, random, incoming.transaction, response)
                .unwrap();
        }
    }
}
