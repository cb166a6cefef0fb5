//! Endpoints back to back in virtual time: transactions, calls, loss, overload.

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
use network::{Network, address, at, tcp, udp};
use roger_sip::dialog::DialogState;
use roger_sip::endpoint::{
    Capacity, DialogId, EndpointError, Failure, Incoming, Output, RequestHandle, Role,
    ServerFailure, Settings, Target, TransactionId, Transport,
};
use roger_sip::message::{HeaderName, Method, Response, StatusCode};

const TEN_MS: Option<Duration> = Some(Duration::from_millis(10));

fn send(
    network: &mut Network,
    method: Method,
    target: roger_sip::endpoint::Target,
) -> RequestHandle {
    let request = network.request(0, 1, method).build().unwrap();
    network
        .with_peer(0, |endpoint, now, random| {
            endpoint.send_request(now, random, request, target)
        })
        .unwrap()
}

fn incoming(network: &mut Network, index: usize) -> Incoming {
    match network.event(index) {
        Some(Output::Incoming(incoming)) => *incoming,
        other => panic!("no request but {other:?}"),
    }
}

fn answer(network: &mut Network, incoming: &Incoming, status: StatusCode) -> Option<DialogId> {
    let response = Response::to(&incoming.request, status);
    let transaction = incoming.transaction;
    network
        .with_peer(1, |endpoint, now, random| {
            endpoint.respond(now, random, transaction, response)
        })
        .unwrap()
}

fn status(network: &mut Network, index: usize) -> (u16, Option<DialogId>) {
    match network.event(index) {
        Some(Output::Response(answer)) => (answer.response.status().as_u16(), answer.dialog),
        other => panic!("no response but {other:?}"),
    }
}

fn labels(list: &[(u64, &str)]) -> Vec<(u64, String)> {
    list.iter()
        .map(|(time, label)| (*time, (*label).to_owned()))
        .collect()
}

fn ack(network: &mut Network, dialog: DialogId) {
    network
        .with_peer(0, |endpoint, now, random| {
            endpoint.ack(now, random, dialog, None)
        })
        .unwrap();
}

/// INVITE, 200, ACK; the dialogs of both sides.
fn call(network: &mut Network) -> (DialogId, DialogId) {
    send(network, Method::Invite, udp(1));
    network.run_for(Duration::from_millis(10));
    let invite = incoming(network, 1);
    let callee = answer(network, &invite, StatusCode::OK).unwrap();
    network.run_for(Duration::from_millis(10));
    let (200, Some(caller)) = status(network, 0) else {
        panic!()
    };
    ack(network, caller);
    network.run_for(Duration::from_millis(10));
    assert!(matches!(network.event(1), Some(Output::Ack(ack)) if ack.dialog == Some(callee)));
    (caller, callee)
}

#[test]
fn a_request_and_its_answer() {
    let mut network = Network::new(2);
    let handle = send(&mut network, Method::Message, udp(1));
    network.run_until(at(10));
    let message = incoming(&mut network, 1);
    let via = message.request.headers().top_via().unwrap();
    assert_eq!(
        via.received(),
        Some(address(0).ip()),
        "rport demands received"
    );
    assert_eq!(via.rport(), Some(5060));
    answer(&mut network, &message, StatusCode::OK);
    network.run_until(at(20));
    match network.event(0) {
        Some(Output::Response(answer)) => {
            assert_eq!(answer.handle, handle);
            assert!(!answer.response.headers().contains(HeaderName::VIA));
            assert!(answer.response.headers().to().unwrap().tag().is_some());
        }
        other => panic!("{other:?}"),
    }
    network.run_until(at(100_000));
    let load = network.peers[0].endpoint.load();
    assert_eq!((load.client_transactions, load.server_transactions), (0, 0));
    assert_eq!(network.peers[1].endpoint.load().server_transactions, 0);
    assert_eq!(network.peers[1].endpoint.deadline(), None);
}

#[test]
fn a_silent_peer_is_asked_eleven_times_and_given_up_after_32_s() {
    let mut network = Network::new(2);
    network.fate = Box::new(|_| None);
    let handle = send(&mut network, Method::Options, udp(1));
    network.run_until(at(100_000));
    let times: Vec<u64> = network.sent(0).iter().map(|(time, _)| *time).collect();
    assert_eq!(
        times,
        [
            0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
        ]
    );
    let (when, event) = network.peers[0].events.pop_front().unwrap();
    assert_eq!(when, at(32_000));
    assert!(
        matches!(event, Output::Failed { handle: failed, failure: Failure::Timeout } if failed == handle)
    );
}

#[test]
fn nothing_is_repeated_on_a_stream() {
    let mut network = Network::new(2);
    network.fate = Box::new(|_| None);
    send(&mut network, Method::Options, tcp(1));
    send(&mut network, Method::Invite, tcp(1));
    network.run_until(at(100_000));
    assert_eq!(network.sent(0), labels(&[(0, "OPTIONS"), (0, "INVITE")]));
    for _ in 0..2 {
        assert!(matches!(
            network.event(0),
            Some(Output::Failed {
                failure: Failure::Timeout,
                ..
            })
        ));
    }
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_reaches_the_user_once() {
    let mut network = Network::new(2);
    // The first answer is lost.
    let mut lost = false;
    network.fate = Box::new(move |wire| {
        if wire.from == 1 && !lost {
            lost = true;
            return None;
        }
        TEN_MS
    });
    send(&mut network, Method::Message, udp(1));
    network.run_until(at(10));
    let message = incoming(&mut network, 1);
    answer(&mut network, &message, StatusCode::OK);
    network.run_until(at(5_000));
    assert_eq!(network.sent(0), labels(&[(0, "MESSAGE"), (500, "MESSAGE")]));
    assert_eq!(
        network.sent(1),
        labels(&[(10, "200 MESSAGE"), (510, "200 MESSAGE")])
    );
    let answers: Vec<_> = network.log.iter().filter(|wire| wire.from == 1).collect();
    assert_eq!(answers[0].octets, answers[1].octets);
    assert!(network.event(1).is_none());
    assert_eq!(status(&mut network, 0).0, 200);
    assert!(network.event(0).is_none());
}

#[test]
fn every_loss_rate_ends_in_a_call_or_a_failure() {
    for seed in 1..40 {
        let mut network = Network::new(2);
        let mut dice = roger_testkit::SeededRandom::new(seed);
        let rate = seed % 4;
        network.fate = Box::new(move |_| {
            if dice.next_u64() % 10 < rate {
                None
            } else {
                TEN_MS
            }
        });
        send(&mut network, Method::Invite, udp(1));
        let (mut answered, mut acknowledged, mut up, mut down) = (false, false, false, false);
        let mut guard = 0;
        while network.now < at(200_000) {
            network.run_for(Duration::from_millis(50));
            while let Some(event) = network.event(1) {
                match event {
                    Output::Incoming(incoming) if *incoming.request.method() == Method::Invite => {
                        assert!(!answered, "the INVITE reached the user twice");
                        answered = true;
                        answer(&mut network, &incoming, StatusCode::OK);
                    }
                    Output::Incoming(incoming) => {
                        assert_eq!(*incoming.request.method(), Method::Bye);
                        answer(&mut network, &incoming, StatusCode::OK);
                    }
                    Output::Ack(_) => {
                        assert!(!acknowledged, "the ACK reached the user twice");
                        acknowledged = true;
                    }
                    Output::DialogEnded { .. } | Output::NoAck { .. } => down = true,
                    other => panic!("{other:?}"),
                }
            }
            while let Some(event) = network.event(0) {
                match event {
                    Output::Response(answer)
                        if answer.response.headers().cseq().unwrap().method == Method::Invite =>
                    {
                        if answer.response.status() == StatusCode::TRYING {
                            continue;
                        }
                        assert!(!up, "the 200 reached the user twice");
                        up = true;
                        ack(&mut network, answer.dialog.unwrap());
                    }
                    Output::Failed { .. } | Output::Response(_) | Output::DialogEnded { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            guard += 1;
            assert!(guard < 10_000);
        }
        assert!(
            !answered || acknowledged || down,
            "seed {seed}: the callee hangs"
        );
        for peer in &network.peers {
            let load = peer.endpoint.load();
            assert_eq!(
                (load.client_transactions, load.server_transactions),
                (0, 0),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn a_call_is_set_up_and_ended() {
    let mut network = Network::new(2);
    let (caller, callee) = call(&mut network);
    for (index, dialog) in [(0, caller), (1, callee)] {
        let dialog = network.peers[index].endpoint.dialog(dialog).unwrap();
        assert_eq!(dialog.state(), DialogState::Confirmed);
    }
    assert_eq!(
        network.sent(0),
        labels(&[(0, "INVITE"), (20, "ACK")]),
        "no retransmission, no second ACK"
    );
    network
        .with_peer(0, |endpoint, now, random| endpoint.bye(now, random, caller))
        .unwrap();
    network.run_for(Duration::from_millis(10));
    let bye = incoming(&mut network, 1);
    assert_eq!(
        (bye.request.method(), bye.dialog),
        (&Method::Bye, Some(callee))
    );
    answer(&mut network, &bye, StatusCode::OK);
    assert!(matches!(network.event(1), Some(Output::DialogEnded { dialog }) if dialog == callee));
    network.run_for(Duration::from_millis(10));
    assert_eq!(status(&mut network, 0).0, 200);
    assert!(matches!(network.event(0), Some(Output::DialogEnded { dialog }) if dialog == caller));
    network.run_until(at(100_000));
    for peer in &network.peers {
        assert_eq!(peer.endpoint.load().dialogs, 0);
        assert_eq!(peer.endpoint.deadline(), None);
    }
}

#[test]
fn without_an_ack_the_200_is_repeated_and_given_up() {
    let mut network = Network::new(2);
    network.fate = Box::new(|wire| (wire.from == 0).then_some(Duration::from_millis(10)));
    send(&mut network, Method::Invite, udp(1));
    network.run_until(at(10));
    let invite = incoming(&mut network, 1);
    let dialog = answer(&mut network, &invite, StatusCode::OK).unwrap();
    let outcome = network.with_peer(1, |endpoint, now, random| endpoint.bye(now, random, dialog));
    assert_eq!(
        outcome.unwrap(),
        None,
        "the callee does not hang up before the ACK"
    );
    network.run_until(at(50_000));
    let sent = network.sent(1);
    let repeated: Vec<u64> = sent
        .iter()
        .filter(|(_, label)| label == "200 INVITE")
        .map(|(time, _)| time - 10)
        .collect();
    let expected = [
        0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500,
    ];
    assert_eq!(repeated, expected);
    assert!(matches!(network.event(1), Some(Output::NoAck { dialog: gone }) if gone == dialog));
    assert_eq!(
        sent.iter().find(|(_, label)| label == "BYE").unwrap().0,
        32_010
    );
}

#[test]
fn a_repeated_200_gets_the_same_ack_again() {
    let mut network = Network::new(2);
    let mut lost = false;
    network.fate = Box::new(move |wire| {
        if wire.label() == "ACK" && !lost {
            lost = true;
            return None;
        }
        TEN_MS
    });
    send(&mut network, Method::Invite, udp(1));
    network.run_until(at(10));
    let invite = incoming(&mut network, 1);
    answer(&mut network, &invite, StatusCode::OK);
    network.run_until(at(20));
    let (_, dialog) = status(&mut network, 0);
    ack(&mut network, dialog.unwrap());
    network.run_until(at(5_000));
    assert_eq!(
        network.sent(0),
        labels(&[(0, "INVITE"), (20, "ACK"), (520, "ACK")])
    );
    let acks: Vec<_> = network
        .log
        .iter()
        .filter(|wire| wire.label() == "ACK")
        .collect();
    assert_eq!(acks[0].octets, acks[1].octets);
    assert!(network.event(0).is_none(), "the second 200 is not told");
    assert!(matches!(network.event(1), Some(Output::Ack(_))));
    assert_eq!(network.sent(1).len(), 2);
}

#[test]
fn a_refused_invite_is_acknowledged_by_the_transaction() {
    let mut network = Network::new(2);
    send(&mut network, Method::Invite, udp(1));
    network.run_until(at(10));
    let invite = incoming(&mut network, 1);
    answer(&mut network, &invite, StatusCode::BUSY_HERE);
    network.run_until(at(100_000));
    assert_eq!(network.sent(0), labels(&[(0, "INVITE"), (20, "ACK")]));
    assert_eq!(network.sent(1), labels(&[(10, "486 INVITE")]));
    assert_eq!(status(&mut network, 0), (486, None));
    let invite = network.log[0].octets.clone();
    let ack = network.log[2].octets.clone();
    let branch = |octets: &[u8]| {
        let text = String::from_utf8_lossy(octets).into_owned();
        text.split("branch=")
            .nth(1)
            .unwrap()
            .split([';', '\r'])
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(branch(&invite), branch(&ack), "17.1.1.3");
    for peer in &network.peers {
        assert_eq!(peer.endpoint.load().dialogs, 0);
    }
}

#[test]
fn a_refusal_without_ack_is_repeated_until_timer_h() {
    let mut network = Network::new(2);
    network.fate = Box::new(|wire| (wire.label() != "ACK").then_some(Duration::from_millis(10)));
    send(&mut network, Method::Invite, udp(1));
    network.run_until(at(10));
    let invite = incoming(&mut network, 1);
    answer(&mut network, &invite, StatusCode::DECLINE);
    network.run_until(at(100_000));
    assert_eq!(network.sent(1).len(), 11);
    assert_eq!(network.sent(0).len(), 12, "each one is acknowledged");
    let failed = network.event(1);
    assert!(
        matches!(
            failed,
            Some(Output::ServerFailed {
                failure: ServerFailure::NoAck,
                ..
            })
        ),
        "{failed:?}"
    );
}

#[test]
fn a_slow_user_makes_the_transaction_answer_100() {
    let mut network = Network::new(2);
    send(&mut network, Method::Invite, udp(1));
    network.run_until(at(1_000));
    assert_eq!(network.sent(1), labels(&[(210, "100 INVITE")]));
    assert_eq!(network.sent(0), labels(&[(0, "INVITE")]));
    let invite = incoming(&mut network, 1);
    assert_eq!(status(&mut network, 0).0, 100);
    answer(&mut network, &invite, StatusCode::RINGING);
    network.run_for(Duration::from_millis(10));
    let (180, Some(early)) = status(&mut network, 0) else {
        panic!()
    };
    assert_eq!(
        network.peers[0].endpoint.dialog(early).unwrap().state(),
        DialogState::Early
    );
    let callee = answer(&mut network, &invite, StatusCode::OK).unwrap();
    network.run_for(Duration::from_millis(10));
    assert_eq!(
        status(&mut network, 0),
        (200, Some(early)),
        "the early dialog is confirmed"
    );
    assert_eq!(
        network.peers[1].endpoint.dialog(callee).unwrap().state(),
        DialogState::Confirmed
    );
    assert_eq!(network.peers[1].endpoint.load().dialogs, 1);
}

#[test]
fn a_cancel_waits_for_a_provisional_response_and_brings_487() {
    let mut network = Network::new(2);
    let handle = send(&mut network, Method::Invite, udp(1));
    network
        .with_peer(0, |endpoint, now, _| endpoint.cancel(now, handle))
        .unwrap();
    network.run_until(at(10));
    assert_eq!(network.sent(0), labels(&[(0, "INVITE")]));
    let invite = incoming(&mut network, 1);
    answer(&mut network, &invite, StatusCode::RINGING);
    network.run_until(at(1_000));
    assert_eq!(
        network.sent(0),
        labels(&[(0, "INVITE"), (20, "CANCEL"), (40, "ACK")])
    );
    assert_eq!(
        network.sent(1),
        labels(&[(10, "180 INVITE"), (30, "200 CANCEL"), (30, "487 INVITE")])
    );
    assert!(matches!(network.event(1), Some(Output::DialogEnded { .. })));
    assert!(
        matches!(network.event(1), Some(Output::Cancelled { transaction, .. }) if transaction == invite.transaction)
    );
    assert_eq!(status(&mut network, 0).0, 180);
    assert!(matches!(network.event(0), Some(Output::DialogEnded { .. })));
    assert_eq!(status(&mut network, 0).0, 487);
    let late = Response::to(&invite.request, StatusCode::OK);
    let error = network.with_peer(1, |endpoint, now, random| {
        endpoint.respond(now, random, invite.transaction, late)
    });
    assert!(matches!(error, Err(EndpointError::LocalState(_))));
    network.run_until(at(100_000));
    assert_eq!(network.peers[1].endpoint.load().dialogs, 0);
}

#[test]
fn a_cancel_of_nothing_gets_481() {
    let mut network = Network::new(2);
    network.inject(
        0,
        1,
        "CANCEL sip:10.0.0.2:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKnone\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 CANCEL\r\n\r\n",
    );
    assert_eq!(network.sent(1), labels(&[(0, "481 CANCEL")]));
}

#[test]
fn an_unanswered_call_ends_after_timer_c_by_a_cancel() {
    let mut network = Network::new(2);
    send(&mut network, Method::Invite, udp(1));
    network.run_until(at(10));
    let invite = incoming(&mut network, 1);
    answer(&mut network, &invite, StatusCode::RINGING);
    network.run_until(at(300_000));
    let sent = network.sent(0);
    assert_eq!(sent[1], (185_020, "CANCEL".to_owned()));
    assert_eq!(network.sent(1).last().unwrap().1, "487 INVITE");
}

#[test]
fn forked_answers_make_a_dialog_each() {
    let mut network = Network::new(2);
    send(&mut network, Method::Invite, udp(1));
    network.run_until(at(10));
    let invite = incoming(&mut network, 1);
    for tag in ["one", "two"] {
        let mut response = Response::to(&invite.request, StatusCode::OK);
        response.add_to_tag(tag).unwrap();
        response
            .headers_mut()
            .push(HeaderName::CONTACT, "<sip:10.0.0.2:5060>")
            .unwrap();
        let octets = String::from_utf8(response.to_octets()).unwrap();
        network.inject(1, 0, &octets);
        network.inject(1, 0, &octets);
    }
    let (_, one) = status(&mut network, 0);
    let (_, two) = status(&mut network, 0);
    assert!(one.is_some() && two.is_some() && one != two);
    assert!(network.event(0).is_none());
}

#[test]
fn sequence_numbers_may_jump_but_not_go_back() {
    let mut network = Network::new(2);
    let (caller, callee) = call(&mut network);
    for (cseq, expected) in [(50, None), (7, Some("500 INFO"))] {
        let mut info = network
            .with_peer(0, |endpoint, _, _| {
                endpoint.request_in_dialog(caller, Method::Info)
            })
            .unwrap()
            .build()
            .unwrap();
        info.headers_mut()
            .set(HeaderName::CSEQ, format!("{cseq} INFO"))
            .unwrap();
        let before = network.sent(1).len();
        network
            .with_peer(0, |endpoint, now, random| {
                endpoint.send_in_dialog(now, random, caller, info)
            })
            .unwrap();
        network.run_for(Duration::from_millis(10));
        match expected {
            None => {
                let info = incoming(&mut network, 1);
                assert_eq!(info.dialog, Some(callee));
                answer(&mut network, &info, StatusCode::OK);
            }
            Some(label) => assert_eq!(network.sent(1)[before].1, label),
        }
    }
}

/// How the ACK goes when the call came over `way` and the Contact of the callee names `named`.
fn way_of_the_ack(way: Transport, named: &str) -> Option<Transport> {
    let settings =
        [0, 1].map(|index| Settings::new(Role::UserAgent).with_sent_by(way, address(index)));
    let mut network = Network::with(&settings);
    let target = Target::Address {
        transport: way,
        peer: address(1),
    };
    send(&mut network, Method::Invite, target);
    network.run_for(Duration::from_millis(10));
    let invite = incoming(&mut network, 1);
    let mut response = Response::to(&invite.request, StatusCode::OK);
    let contact = format!("<sip:{};transport={named}>", address(1));
    let headers = response.headers_mut();
    headers.push(HeaderName::CONTACT, contact).unwrap();
    let transaction = invite.transaction;
    network
        .with_peer(1, |endpoint, now, random| {
            endpoint.respond(now, random, transaction, response)
        })
        .unwrap();
    network.run_for(Duration::from_millis(10));
    let (200, Some(caller)) = status(&mut network, 0) else {
        panic!()
    };
    network
        .with_peer(0, |endpoint, now, random| {
            endpoint.ack(now, random, caller, None)
        })
        .ok()?;
    network.log.last().map(|wire| wire.transport)
}

#[test]
fn websocket_in_a_uri_means_the_connection_inside_tls_too() {
    use Transport::{Tcp, Ws, Wss};
    for (way, named, expected) in [
        (Ws, "ws", Ws),
        (Wss, "wss", Wss),
        (Wss, "ws", Wss),
        (Tcp, "tcp", Tcp),
    ] {
        assert_eq!(way_of_the_ack(way, named), Some(expected), "{way} {named}");
    }
    // Who asks for TLS does not get a connection without, not even to refuse it by.
    assert_ne!(way_of_the_ack(Ws, "wss"), Some(Ws));
}

#[test]
fn a_request_in_an_unknown_dialog_gets_481() {
    let mut network = Network::new(2);
    for method in ["BYE", "INFO", "NOTIFY", "INVITE", "SUBSCRIBE"] {
        let before = network.sent(1).len();
        network.inject(
            0,
            1,
            &format!(
                "{method} sip:10.0.0.2:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{method}\r\n\
                 From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=unknown\r\nCall-ID: x\r\nCSeq: 1 {method}\r\n\
                 Contact: <sip:10.0.0.1>\r\nEvent: presence\r\nSubscription-State: active\r\n\r\n"
            ),
        );
        assert_eq!(network.sent(1)[before].1, format!("481 {method}"));
        assert!(network.event(1).is_none());
    }
    assert_eq!(network.peers[1].endpoint.load().server_transactions, 0);
}

#[test]
fn a_re_invite_refreshes_the_target_and_leaves_the_dialog_when_refused() {
    let mut network = Network::new(2);
    let (caller, callee) = call(&mut network);
    for status_code in [StatusCode::NOT_ACCEPTABLE_HERE, StatusCode::OK] {
        let mut invite = network
            .with_peer(0, |endpoint, _, _| {
                endpoint.request_in_dialog(caller, Method::Invite)
            })
            .unwrap()
            .build()
            .unwrap();
        invite
            .headers_mut()
            .push(HeaderName::CONTACT, "<sip:moved@10.0.0.1:5060>")
            .unwrap();
        network
            .with_peer(0, |endpoint, now, random| {
                endpoint.send_in_dialog(now, random, caller, invite)
            })
            .unwrap();
        network.run_for(Duration::from_millis(10));
        let invite = incoming(&mut network, 1);
        assert_eq!(invite.dialog, Some(callee));
        answer(&mut network, &invite, status_code);
        network.run_for(Duration::from_millis(10));
        assert_eq!(status(&mut network, 0).1, Some(caller));
    }
    ack(&mut network, caller);
    network.run_for(Duration::from_millis(10));
    assert!(matches!(network.event(1), Some(Output::Ack(_))));
    let dialog = network.peers[1].endpoint.dialog(callee).unwrap();
    assert_eq!(dialog.remote_target().as_str(), "sip:moved@10.0.0.1:5060");
    network.run_until(at(200_000));
    assert_eq!(network.peers[1].endpoint.load().dialogs, 1);
}

#[test]
fn a_long_request_leaves_by_tcp() {
    let mut network = Network::new(2);
    let request = network
        .request(0, 1, Method::Message)
        .body("text/plain", vec![b'x'; 1300]);
    let request = request.build().unwrap();
    network
        .with_peer(0, |endpoint, now, random| {
            endpoint.send_request(now, random, request, udp(1))
        })
        .unwrap();
    let wire = &network.log[0];
    assert_eq!(wire.transport, roger_sip::endpoint::Transport::Tcp);
    assert!(String::from_utf8_lossy(&wire.octets).contains("Via: SIP/2.0/TCP 10.0.0.1:5060"));
}

#[test]
fn a_notify_may_overtake_the_answer_to_its_subscribe() {
    for notify_first in [true, false] {
        let mut network = Network::new(2);
        send(&mut network, Method::Subscribe, udp(1));
        network.run_until(at(10));
        let subscribe = incoming(&mut network, 1);
        // The 200 is slow when the NOTIFY is to come first.
        let slow = notify_first;
        network.fate = Box::new(move |wire| {
            let late = slow && wire.label() == "200 SUBSCRIBE";
            Some(Duration::from_millis(if late { 100 } else { 10 }))
        });
        let notifier = answer(&mut network, &subscribe, StatusCode::OK).unwrap();
        let notify = network
            .with_peer(1, |endpoint, _, _| {
                endpoint.request_in_dialog(notifier, Method::Notify)
            })
            .unwrap()
            .header(HeaderName::EVENT, "presence")
            .header(HeaderName::SUBSCRIPTION_STATE, "active;expires=60")
            .build()
            .unwrap();
        network
            .with_peer(1, |endpoint, now, random| {
                endpoint.send_in_dialog(now, random, notifier, notify)
            })
            .unwrap();
        network.run_until(at(300));
        let mut dialogs = Vec::new();
        while let Some(event) = network.event(0) {
            match event {
                Output::Incoming(incoming) => dialogs.push(("NOTIFY", incoming.dialog)),
                Output::Response(answer) => dialogs.push(("200", answer.dialog)),
                other => panic!("{other:?}"),
            }
        }
        let order = if notify_first {
            ["NOTIFY", "200"]
        } else {
            ["200", "NOTIFY"]
        };
        assert_eq!([dialogs[0].0, dialogs[1].0], order);
        assert!(dialogs[0].1.is_some() && dialogs[0].1 == dialogs[1].1);
    }
}

#[test]
fn a_full_table_answers_503_with_retry_after_but_serves_emergencies() {
    let mut settings = Settings::new(Role::UserAgent);
    settings.capacity = Capacity {
        server_transactions: 10,
        reserved: 3,
        ..Capacity::default()
    };
    let mut network = Network::with(&[Settings::new(Role::UserAgent), settings]);
    for _ in 0..8 {
        send(&mut network, Method::Options, udp(1));
    }
    network.run_until(at(10));
    assert_eq!(network.sent(1), labels(&[(10, "503 OPTIONS")]));
    let refused = String::from_utf8_lossy(&network.log.last().unwrap().octets).into_owned();
    let seconds: u64 = refused
        .split_once("Retry-After: ")
        .and_then(|(_, rest)| rest.split_once("\r\n"))
        .map(|(seconds, _)| seconds.parse().unwrap())
        .unwrap();
    assert!((5..=10).contains(&seconds), "spread out: {seconds}");
    assert_eq!(network.peers[1].endpoint.counters().overloaded, 1);
    let urgent = network.request(0, 1, Method::Options);
    let urgent = urgent
        .header(HeaderName::RESOURCE_PRIORITY, "mcpttp.15")
        .build()
        .unwrap();
    network
        .with_peer(0, |endpoint, now, random| {
            endpoint.send_request(now, random, urgent, udp(1))
        })
        .unwrap();
    network.run_until(at(20));
    assert_eq!(network.peers[1].endpoint.load().server_transactions, 8);
    assert_eq!(network.peers[1].events.len(), 8);
    for _ in 0..20 {
        send(&mut network, Method::Options, udp(1));
    }
    network.run_until(at(400));
    assert_eq!(network.peers[1].endpoint.load().server_transactions, 8);
    // Once the lingering ends there is room again.
    let waiting: Vec<TransactionId> = network.peers[1]
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Output::Incoming(incoming) => Some(incoming.transaction),
            _ => None,
        })
        .collect();
    assert_eq!(waiting.len(), 8);
    network.run_until(at(100_000));
    assert_eq!(network.peers[1].endpoint.load().server_transactions, 0);
}

#[test]
fn a_full_client_table_is_an_error_and_nothing_is_sent() {
    let mut settings = Settings::new(Role::UserAgent);
    settings.capacity.client_transactions = 1;
    let mut network = Network::with(&[settings, Settings::new(Role::UserAgent)]);
    send(&mut network, Method::Options, udp(1));
    let request = network.request(0, 1, Method::Options).build().unwrap();
    let error = network.with_peer(0, |endpoint, now, random| {
        endpoint.send_request(now, random, request, udp(1))
    });
    assert_eq!(error, Err(EndpointError::LocalFull("client transactions")));
    assert_eq!(network.sent(0).len(), 1);
}

#[test]
fn stray_responses_and_junk_are_dropped_and_counted() {
    let mut network = Network::new(2);
    network.inject(
        0,
        1,
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@h>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
    );
    network.inject(0, 1, "junk");
    network.inject(0, 1, "\r\n\r\n");
    let counters = network.peers[1].endpoint.counters();
    assert_eq!((counters.stray_responses, counters.unreadable), (1, 1));
    assert!(network.log.is_empty() && network.event(1).is_none());
}

#[test]
fn an_invalid_request_is_answered_without_a_transaction() {
    let mut network = Network::new(2);
    network.inject(
        0,
        1,
        "OPTIONS sip:b@h SIP/7.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
    );
    assert_eq!(network.sent(1), labels(&[(0, "505 OPTIONS")]));
    assert_eq!(network.peers[1].endpoint.load().server_transactions, 0);
    assert!(network.event(1).is_none());
}

#[test]
fn a_closed_connection_fails_what_waits_on_it() {
    let mut network = Network::new(2);
    let handle = send(&mut network, Method::Options, tcp(1));
    let invite = send(&mut network, Method::Invite, tcp(1));
    network.run_until(at(250));
    assert_eq!(status(&mut network, 0).0, 100);
    let wire = network::Wire {
        at: network.now,
        from: 1,
        to: 0,
        transport: roger_sip::endpoint::Transport::Tcp,
        octets: b""[..].into(),
    };
    let flow = network.flow(&wire);
    network
        .with_peer(0, |endpoint, now, random| {
            endpoint.handle(now, random, roger_sip::endpoint::Input::Closed { flow })
        })
        .unwrap();
    let mut failed = Vec::new();
    while let Some(event) = network.event(0) {
        match event {
            Output::Failed {
                handle,
                failure: Failure::Transport,
            } => failed.push(handle),
            Output::FlowClosed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    failed.sort();
    assert_eq!(failed, [handle, invite]);
    assert_eq!(network.peers[0].endpoint.load().client_transactions, 0);
}

#[test]
fn without_room_for_a_dialog_no_invite_is_sent_or_accepted() {
    let mut small = Settings::new(Role::UserAgent);
    small.capacity.dialogs = 0;
    let mut network = Network::with(&[small.clone(), Settings::new(Role::UserAgent)]);
    let invite = network.request(0, 1, Method::Invite).build().unwrap();
    let error = network.with_peer(0, |endpoint, now, random| {
        endpoint.send_request(now, random, invite, udp(1))
    });
    assert_eq!(error, Err(EndpointError::LocalFull("dialogs")));
    let mut network = Network::with(&[Settings::new(Role::UserAgent), small]);
    send(&mut network, Method::Invite, udp(1));
    network.run_until(at(10));
    let invite = incoming(&mut network, 1);
    let response = Response::to(&invite.request, StatusCode::OK);
    let error = network.with_peer(1, |endpoint, now, random| {
        endpoint.respond(now, random, invite.transaction, response)
    });
    assert_eq!(error, Err(EndpointError::LocalFull("dialogs")));
    answer(&mut network, &invite, StatusCode::SERVICE_UNAVAILABLE);
    network.run_until(at(30));
    assert_eq!(status(&mut network, 0).0, 503);
}

#[test]
fn a_late_200_of_an_earlier_invite_is_not_told_again() {
    let mut network = Network::new(2);
    let (caller, _) = call(&mut network);
    let first = network
        .log
        .iter()
        .find(|wire| wire.label() == "200 INVITE")
        .unwrap()
        .clone();
    let invite = network
        .with_peer(0, |endpoint, _, _| {
            endpoint.request_in_dialog(caller, Method::Invite)
        })
        .unwrap()
        .build()
        .unwrap();
    network
        .with_peer(0, |endpoint, now, random| {
            endpoint.send_in_dialog(now, random, caller, invite)
        })
        .unwrap();
    network.run_for(Duration::from_millis(10));
    let invite = incoming(&mut network, 1);
    answer(&mut network, &invite, StatusCode::OK);
    network.run_for(Duration::from_millis(10));
    status(&mut network, 0);
    ack(&mut network, caller);
    network.deliver(&first);
    assert!(network.event(0).is_none());
    let again = network.with_peer(0, |endpoint, now, random| {
        endpoint.ack(now, random, caller, None)
    });
    assert!(matches!(again, Err(EndpointError::LocalState(_))));
}
