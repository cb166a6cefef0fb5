//! A request that has several servers (RFC 3263 4.3): on to the next after 503, silence or a dead transport, and
//! never after an answer, a CANCEL or a ringing phone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unreachable_pub,
    missing_docs
)]

mod network;

use core::time::Duration;
use network::{Network, milliseconds, tcp, udp};
use roger_sip::endpoint::{EndpointError, Failure, Input, Output, RequestHandle, Target};
use roger_sip::message::{Method, Response, StatusCode};

const A_MOMENT: Duration = Duration::from_millis(10);

fn send(network: &mut Network, method: Method, targets: &[Target]) -> RequestHandle {
    let request = network.request(0, 1, method).build().unwrap();
    network
        .with_peer(0, |endpoint, now, random| {
            endpoint.send_request_to(now, random, request, targets)
        })
        .unwrap()
}

/// Answers the request that has reached a server.
fn answer(network: &mut Network, index: usize, status: StatusCode) {
    network.run_for(A_MOMENT);
    let Some(Output::Incoming(incoming)) = network.event(index) else {
        panic!("no request at {index}");
    };
    let response = Response::to(&incoming.request, status);
    network
        .with_peer(index, |endpoint, now, random| {
            endpoint.respond(now, random, incoming.transaction, response)
        })
        .unwrap();
    network.run_for(A_MOMENT);
}

fn response(network: &mut Network) -> (RequestHandle, u16) {
    loop {
        match network.event(0) {
            Some(Output::Response(answer)) => {
                return (answer.handle, answer.response.status().as_u16());
            }
            // That of a phone that rang.
            Some(Output::DialogEnded { .. }) => {}
            other => panic!("no response but {other:?}"),
        }
    }
}

#[test]
fn a_503_is_not_told_while_there_is_another_server() {
    for method in [Method::Options, Method::Invite] {
        let mut network = Network::new(4);
        let handle = send(&mut network, method.clone(), &[udp(1), tcp(2), udp(3)]);
        answer(&mut network, 1, StatusCode::SERVICE_UNAVAILABLE);
        answer(&mut network, 2, StatusCode::SERVICE_UNAVAILABLE);
        assert!(network.event(0).is_none());
        answer(&mut network, 3, StatusCode::OK);
        assert_eq!(response(&mut network), (handle, 200), "{method}");
        let sent = network
            .log
            .iter()
            .filter(|wire| wire.label() == method.to_string());
        let sent: Vec<_> = sent.map(|wire| wire.octets.clone()).collect();
        assert_eq!(sent.len(), 3);
        let branch = |octets: &[u8]| {
            let text = String::from_utf8_lossy(octets).into_owned();
            let from = text.find("branch=").unwrap();
            text[from..]
                .chars()
                .take_while(|c| !";\r".contains(*c))
                .collect::<String>()
        };
        assert_ne!(
            branch(&sent[0]),
            branch(&sent[1]),
            "each server has its transaction"
        );
    }
}

#[test]
fn the_last_503_and_every_other_refusal_are_told() {
    let mut network = Network::new(3);
    let handle = send(&mut network, Method::Options, &[udp(1), udp(2)]);
    answer(&mut network, 1, StatusCode::SERVICE_UNAVAILABLE);
    answer(&mut network, 2, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response(&mut network), (handle, 503));
    for status in [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::OK] {
        let handle = send(&mut network, Method::Options, &[udp(1), udp(2)]);
        answer(&mut network, 1, status);
        assert_eq!(response(&mut network), (handle, status.as_u16()));
        assert!(network.event(2).is_none(), "{status}");
    }
}

#[test]
fn a_silent_server_has_its_32_seconds() {
    let mut network = Network::new(3);
    network.fate = Box::new(|wire| (wire.to != 1).then_some(A_MOMENT));
    let handle = send(&mut network, Method::Options, &[udp(1), udp(2)]);
    network.run_for(Duration::from_secs(32));
    answer(&mut network, 2, StatusCode::OK);
    assert_eq!(response(&mut network), (handle, 200));
    let second = network.log.iter().find(|wire| wire.to == 2).unwrap();
    assert_eq!(milliseconds(second.at), 32_000);
    // And when nobody answers, one failure is told.
    network.fate = Box::new(|_| None);
    let handle = send(&mut network, Method::Options, &[udp(1), udp(2)]);
    network.run_for(Duration::from_secs(70));
    let failed = network.event(0);
    let timeout = Failure::Timeout;
    assert!(
        matches!(failed, Some(Output::Failed { handle: of, failure }) if of == handle && failure == timeout)
    );
    assert!(network.event(0).is_none());
}

#[test]
fn a_transport_that_cannot_send_costs_no_time() {
    let mut network = Network::new(3);
    let request = network.request(0, 1, Method::Options).build().unwrap();
    let (now, targets) = (network.now, [tcp(1), tcp(2)]);
    let endpoint = &mut network.peers[0].endpoint;
    let random = &mut network.random;
    let handle = endpoint
        .send_request_to(now, random, request, &targets)
        .unwrap();
    let Some(Output::Transmit(first)) = endpoint.poll() else {
        panic!()
    };
    assert_eq!(first.target, tcp(1));
    endpoint
        .handle(
            now,
            random,
            Input::TransmitFailed {
                ticket: first.ticket,
            },
        )
        .unwrap();
    let Some(Output::Transmit(second)) = endpoint.poll() else {
        panic!()
    };
    assert_eq!(second.target, tcp(2));
    endpoint
        .handle(
            now,
            random,
            Input::TransmitFailed {
                ticket: second.ticket,
            },
        )
        .unwrap();
    let failed = endpoint.poll();
    let transport = Failure::Transport;
    assert!(
        matches!(failed, Some(Output::Failed { handle: of, failure }) if of == handle && failure == transport)
    );
    assert_eq!(endpoint.load().client_transactions, 0);
}

#[test]
fn a_cancelled_request_goes_nowhere_else_and_a_moved_one_can_be_cancelled() {
    let mut network = Network::new(3);
    let handle = send(&mut network, Method::Invite, &[udp(1), udp(2)]);
    answer(&mut network, 1, StatusCode::SERVICE_UNAVAILABLE);
    answer(&mut network, 2, StatusCode::RINGING);
    assert_eq!(response(&mut network), (handle, 180));
    network
        .with_peer(0, |endpoint, now, _| endpoint.cancel(now, handle))
        .unwrap();
    network.run_for(Duration::from_millis(50));
    assert_eq!(response(&mut network), (handle, 487));

    let handle = send(&mut network, Method::Invite, &[udp(1), udp(2)]);
    network
        .with_peer(0, |endpoint, now, _| endpoint.cancel(now, handle))
        .unwrap();
    answer(&mut network, 1, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response(&mut network), (handle, 503));
}

#[test]
fn servers_that_cannot_be_used_are_left_out_and_none_is_an_error() {
    let mut network = Network::new(3);
    let tls = Target::Address {
        transport: roger_sip::endpoint::Transport::Tls,
        peer: network::address(1),
    };
    let handle = send(&mut network, Method::Options, &[tls, udp(2)]);
    answer(&mut network, 2, StatusCode::OK);
    assert_eq!(response(&mut network), (handle, 200));
    for targets in [&[][..], &[tls]] {
        let request = network.request(0, 1, Method::Options).build().unwrap();
        let refused = network.with_peer(0, |endpoint, now, random| {
            endpoint.send_request_to(now, random, request, targets)
        });
        assert!(matches!(refused, Err(EndpointError::LocalNoRoute(_))));
    }
}

#[test]
fn nothing_is_left_of_requests_that_have_moved() {
    let mut network = Network::new(3);
    for _ in 0..100 {
        send(&mut network, Method::Invite, &[udp(1), udp(2)]);
        answer(&mut network, 1, StatusCode::SERVICE_UNAVAILABLE);
        answer(&mut network, 2, StatusCode::NOT_FOUND);
        assert_eq!(response(&mut network).1, 404);
    }
    network.run_for(Duration::from_secs(40));
    assert_eq!(network.peers[0].endpoint.load().client_transactions, 0);
    let text = format!("{:?}", network.peers[0].endpoint);
    assert!(
        text.contains("moved: {}"),
        "every move is forgotten with its transaction"
    );
}
