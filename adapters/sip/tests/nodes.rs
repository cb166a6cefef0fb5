//! Nodes on real sockets: both transports, framing, deadlines, bounds, the tap.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod common;

use common::{
    TestRandom, answer_next, assert_closed, final_response, loopback, next, request, send,
    user_agent, user_agent_with,
};
use roger_adapter_sip::{SipNode, TapScope, TransportSettings};
use roger_base::{Packet, WireTap};
use roger_sip::endpoint::{Endpoint, Failure, Output, Role, Settings, Target, Transport};
use roger_sip::message::{HeaderName, Method, Response, StatusCode};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

fn options(branch: &str) -> String {
    format!(
        "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK{branch}\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let reading = async {
        while !text.contains(end) {
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "closed after {text:?}");
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("an answer comes");
    text
}

#[tokio::test]
async fn a_request_and_its_answer_over_both_transports() {
    let (mut one, mut two) = (user_agent().await, user_agent().await);
    let udp = Target::udp(two.0.udp_address().unwrap());
    let tcp = Target::tcp(two.0.tcp_address().unwrap());
    assert_eq!(
        two.0.udp_address(),
        two.0.tcp_address(),
        "one port for both"
    );
    for (target, via) in [(udp, "UDP"), (tcp, "TCP"), (tcp, "TCP")] {
        let body = vec![0xAA; 500];
        let message = request(&one.0, target.peer(), Method::Message).body("a/b", body.clone());
        send(&one.0, message.build().unwrap(), target);
        let got = answer_next(&mut two, StatusCode::OK).await;
        assert_eq!(got.body(), body);
        assert_eq!(got.headers().top_via().unwrap().transport, via);
        assert_eq!(final_response(&mut one).await.status(), StatusCode::OK);
    }
    assert_eq!(
        (one.0.connections(), two.0.connections()),
        (1, 1),
        "one connection for both requests"
    );
}

#[tokio::test]
async fn a_long_request_goes_by_tcp_by_itself() {
    let (mut one, mut two) = (user_agent().await, user_agent().await);
    let target = Target::udp(two.0.udp_address().unwrap());
    let body = vec![b'x'; 20_000];
    let message = request(&one.0, target.peer(), Method::Message).body("a/b", body.clone());
    send(&one.0, message.build().unwrap(), target);
    let got = answer_next(&mut two, StatusCode::OK).await;
    assert_eq!(got.body(), body);
    assert_eq!(got.headers().top_via().unwrap().transport, "TCP");
    assert_eq!(final_response(&mut one).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_accepted_connection_serves_the_other_direction() {
    let mut caller = user_agent().await;
    let mut settings = TransportSettings::at(loopback());
    settings.udp = None;
    let mut callee = user_agent_with(settings).await;
    let to = callee.0.tcp_address().unwrap();
    send(
        &caller.0,
        request(&caller.0, to, Method::Options).build().unwrap(),
        Target::tcp(to),
    );
    let Output::Incoming(incoming) = next(&mut callee.1).await else {
        panic!()
    };
    let back = request(&callee.0, incoming.flow.peer, Method::Message)
        .build()
        .unwrap();
    send(&callee.0, back, Target::Flow(incoming.flow));
    let got = answer_next(&mut caller, StatusCode::OK).await;
    assert_eq!(*got.method(), Method::Message);
    assert_eq!(final_response(&mut callee).await.status(), StatusCode::OK);
    assert_eq!((caller.0.connections(), callee.0.connections()), (1, 1));
}

#[tokio::test]
async fn a_call_over_sockets() {
    let (mut one, mut two) = (user_agent().await, user_agent().await);
    let target = Target::tcp(two.0.tcp_address().unwrap());
    send(
        &one.0,
        request(&one.0, target.peer(), Method::Invite)
            .build()
            .unwrap(),
        target,
    );
    let Output::Incoming(invite) = next(&mut two.1).await else {
        panic!()
    };
    let response = Response::to(&invite.request, StatusCode::OK);
    let callee = two
        .0
        .with(|endpoint, clocks, random| {
            endpoint.respond(clocks.now, random, invite.transaction, response)
        })
        .unwrap();
    let dialog = loop {
        if let Output::Response(answer) = next(&mut one.1).await
            && answer.response.status() == StatusCode::OK
        {
            break answer.dialog.unwrap();
        }
    };
    one.0
        .with(|endpoint, clocks, random| endpoint.ack(clocks.now, random, dialog, None))
        .unwrap();
    let Output::Ack(ack) = next(&mut two.1).await else {
        panic!()
    };
    assert_eq!(ack.dialog, callee);
    two.0
        .with(|endpoint, clocks, random| endpoint.bye(clocks.now, random, callee.unwrap()))
        .unwrap();
    let bye = answer_next(&mut one, StatusCode::OK).await;
    assert_eq!(*bye.method(), Method::Bye);
    assert_eq!(final_response(&mut two).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn retransmissions_run_on_the_clock_of_the_node() {
    let mut node = user_agent().await;
    let silent = UdpSocket::bind(loopback()).await.unwrap();
    let to = silent.local_addr().unwrap();
    send(
        &node.0,
        request(&node.0, to, Method::Options).build().unwrap(),
        Target::udp(to),
    );
    let mut buffer = [0; 4096];
    let (first, peer) = silent.recv_from(&mut buffer).await.unwrap();
    let first = buffer[..first].to_vec();
    let (second, _) = silent.recv_from(&mut buffer).await.unwrap();
    assert_eq!(first, &buffer[..second]);
    // The answer by hand.
    let text = String::from_utf8(first).unwrap();
    let answer = text.replacen("OPTIONS sip:", "SIP/2.0 200 OK\r\nX: sip:", 1);
    silent.send_to(answer.as_bytes(), peer).await.unwrap();
    assert_eq!(final_response(&mut node).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refused_connection_fails_the_request_at_once() {
    let mut node = user_agent().await;
    let gone = TcpListener::bind(loopback()).await.unwrap();
    let to = gone.local_addr().unwrap();
    drop(gone);
    send(
        &node.0,
        request(&node.0, to, Method::Options).build().unwrap(),
        Target::tcp(to),
    );
    let failed = next(&mut node.1).await;
    assert!(
        matches!(
            failed,
            Output::Failed {
                failure: Failure::Transport,
                ..
            }
        ),
        "{failed:?}"
    );
    assert_eq!(node.0.connections(), 0);
}

#[tokio::test]
async fn a_connection_that_died_is_opened_again() {
    let mut node = user_agent().await;
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let to = listener.local_addr().unwrap();
    for round in 0..2 {
        send(
            &node.0,
            request(&node.0, to, Method::Options).build().unwrap(),
            Target::tcp(to),
        );
        let (mut stream, _) = listener.accept().await.unwrap();
        let text = read_until(&mut stream, "\r\n\r\n").await;
        let answer = text.replacen("OPTIONS sip:", "SIP/2.0 200 OK\r\nX: sip:", 1);
        stream.write_all(answer.as_bytes()).await.unwrap();
        assert_eq!(
            final_response(&mut node).await.status(),
            StatusCode::OK,
            "round {round}"
        );
        drop(stream);
        while !matches!(next(&mut node.1).await, Output::FlowClosed { .. }) {}
    }
}

#[tokio::test]
async fn bad_messages_stop_no_listener() {
    let mut node = user_agent().await;
    let to = node.0.udp_address().unwrap();
    let socket = UdpSocket::bind(loopback()).await.unwrap();
    for junk in [&b"junk"[..], b"", b"\r\n\r\n", b"\0\0\0\0", &[0xFF; 60_000]] {
        socket.send_to(junk, to).await.unwrap();
        let mut stream = TcpStream::connect(to).await.unwrap();
        let _ = stream.write_all(junk).await;
        let _ = stream.write_all(b"\r\n\r\n").await;
        drop(stream);
    }
    for target in [Target::udp(to), Target::tcp(to)] {
        let mut other = user_agent().await;
        send(
            &other.0,
            request(&other.0, to, Method::Options).build().unwrap(),
            target,
        );
        answer_next(&mut node, StatusCode::OK).await;
        assert_eq!(final_response(&mut other).await.status(), StatusCode::OK);
    }
    assert_eq!(node.0.counters().panics, 0);
    assert!(node.0.counters().refused > 0);
}

#[tokio::test]
async fn a_stream_is_cut_into_messages_and_pings_are_answered() {
    let mut node = user_agent().await;
    let mut stream = TcpStream::connect(node.0.tcp_address().unwrap())
        .await
        .unwrap();
    stream.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\r\n");
    // Two messages in pieces of 97 octets.
    let both = options("one") + &options("two");
    for piece in both.as_bytes().chunks(97) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    for call in ["one", "two"] {
        let got = answer_next(&mut node, StatusCode::OK).await;
        assert_eq!(got.headers().call_id().unwrap(), call);
        let answer = read_until(&mut stream, &format!("Call-ID: {call}")).await;
        assert!(answer.contains("SIP/2.0 200"));
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_framed_is_answered_and_the_stream_closed() {
    let node = user_agent().await;
    let mut stream = TcpStream::connect(node.0.tcp_address().unwrap())
        .await
        .unwrap();
    let bad = options("x").replace("Content-Length: 0", "Content-Length: 99999999");
    stream.write_all(bad.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("SIP/2.0 513"), "{answer}");
    assert_closed(&mut stream).await;
}

#[tokio::test]
async fn slow_senders_and_idle_connections_are_closed() {
    let mut settings = TransportSettings::at(loopback());
    settings.message_deadline = Duration::from_millis(200);
    settings.idle_deadline = Duration::from_millis(800);
    let node = user_agent_with(settings).await;
    let to = node.0.tcp_address().unwrap();
    let mut slow = TcpStream::connect(to).await.unwrap();
    slow.write_all(b"OPTIONS sip:x").await.unwrap();
    let mut idle = TcpStream::connect(to).await.unwrap();
    assert_closed(&mut slow).await;
    assert_closed(&mut idle).await;
    while node.0.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A line break first, and a message that never ends.
#[tokio::test]
async fn a_slow_sender_hides_behind_no_line_break() {
    let mut settings = TransportSettings::at(loopback());
    settings.message_deadline = Duration::from_millis(200);
    let node = user_agent_with(settings).await;
    let to = node.0.tcp_address().unwrap();
    let mut slow = TcpStream::connect(to).await.unwrap();
    let head = options("x").replace("Content-Length: 0", "Content-Length: 1000000");
    slow.write_all(format!("\n{head}").as_bytes())
        .await
        .unwrap();
    assert_closed(&mut slow).await;
}

/// The deadline is that of one message: a busy peer whose octets never end with one is not slow.
#[tokio::test]
async fn a_busy_stream_is_not_taken_for_a_slow_sender() {
    let mut settings = TransportSettings::at(loopback());
    settings.message_deadline = Duration::from_millis(400);
    let mut node = user_agent_with(settings).await;
    let to = node.0.tcp_address().unwrap();
    let mut stream = TcpStream::connect(to).await.unwrap();
    for round in 0..12 {
        // The end of one and the beginning of the next.
        let (this, next) = (
            options(&format!("b{round}")),
            options(&format!("b{}", round + 1)),
        );
        let begun = if round == 0 { 0 } else { 20 };
        let octets = format!("{}{}", &this[begun..], &next[..20]);
        stream.write_all(octets.as_bytes()).await.unwrap();
        answer_next(&mut node, StatusCode::OK).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(node.0.connections(), 1);
}

/// A peer that reads nothing is cut off in both directions; otherwise its socket would stay, counted nowhere.
#[tokio::test]
async fn a_peer_that_reads_nothing_is_heard_no_more() {
    let mut settings = TransportSettings::at(loopback());
    settings.write_deadline = Duration::from_millis(200);
    let mut node = user_agent_with(settings).await;
    let to = node.0.tcp_address().unwrap();
    let mut deaf = TcpStream::connect(to).await.unwrap();
    deaf.write_all(options("d").as_bytes()).await.unwrap();
    let flow = loop {
        if let Output::Incoming(incoming) = next(&mut node.1).await {
            break incoming.flow;
        }
    };
    // More than both sockets buffer.
    for _ in 0..40 {
        let message = request(&node.0, to, Method::Message).body("a/b", vec![b'x'; 900_000]);
        send(&node.0, message.build().unwrap(), Target::Flow(flow));
    }
    let closed = async {
        while !matches!(next(&mut node.1).await, Output::FlowClosed { connection } if connection == flow.connection)
        {
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed)
        .await
        .expect("the flow is reported as closed");
    assert_eq!(node.0.connections(), 0);
}

#[tokio::test]
async fn connections_are_bounded() {
    let mut settings = TransportSettings::at(loopback());
    settings.max_connections = 2;
    let node = user_agent_with(settings).await;
    let to = node.0.tcp_address().unwrap();
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(TcpStream::connect(to).await.unwrap());
    }
    while node.0.counters().connections_refused < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(node.0.connections(), 2);
    for stream in &mut streams[2..] {
        assert_closed(stream).await;
    }
}

#[tokio::test]
async fn connections_leave_from_the_address_that_was_set_or_else_listened_on() {
    let (set, listening) = ("127.0.0.77", "127.0.0.78:0");
    for (listens, source, expected) in [
        (false, Some(set), set),
        (true, Some(set), set),
        (true, None, "127.0.0.78"),
        // An address of another family is none to leave from; the system chooses.
        (false, Some("::1"), "127.0.0.1"),
    ] {
        let mut settings = TransportSettings::silent();
        settings.udp = Some(loopback());
        settings.tcp = listens.then(|| listening.parse().unwrap());
        settings.source = source.map(|address| address.parse().unwrap());
        let node = user_agent_with(settings).await;
        let listener = TcpListener::bind(loopback()).await.unwrap();
        let to = listener.local_addr().unwrap();
        let request = request(&node.0, to, Method::Options).build().unwrap();
        // A node that listens for no TCP opens none, but WebSocket.
        let (transport, peer) = (Transport::Ws, to);
        send(&node.0, request, Target::Address { transport, peer });
        let (_, from) = listener.accept().await.unwrap();
        assert_eq!(from.ip().to_string(), expected);
    }
}

#[tokio::test]
async fn we_keep_connections_alive_that_we_opened() {
    let mut settings = TransportSettings::at(loopback());
    settings.keep_alive = Some(Duration::from_millis(50));
    let node = user_agent_with(settings).await;
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let to = listener.local_addr().unwrap();
    send(
        &node.0,
        request(&node.0, to, Method::Options).build().unwrap(),
        Target::tcp(to),
    );
    let (mut stream, _) = listener.accept().await.unwrap();
    read_until(&mut stream, "\r\n\r\n\r\n\r\n").await;
}

#[tokio::test]
async fn a_stream_whose_pings_are_not_answered_is_given_up_and_one_with_pongs_is_kept() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let to = listener.local_addr().unwrap();
    for answers in [false, true] {
        let mut settings = TransportSettings::at(loopback());
        settings.keep_alive = Some(Duration::from_millis(100));
        settings.pong_deadline = Some(Duration::from_millis(400));
        let mut node = user_agent_with(settings).await;
        let asked = request(&node.0, to, Method::Options).build().unwrap();
        send(&node.0, asked, Target::tcp(to));
        let (mut stream, _) = listener.accept().await.unwrap();
        if answers {
            read_until(&mut stream, "Content-Length: 0\r\n\r\n").await;
            for _ in 0..10 {
                read_until(&mut stream, "\r\n\r\n").await;
                stream.write_all(b"\r\n").await.unwrap();
            }
            assert_eq!(node.0.connections(), 1);
        } else {
            // The request is lost with its flow.
            let failed = next(&mut node.1).await;
            assert!(matches!(failed, Output::Failed { .. }), "{failed:?}");
            assert_eq!(node.0.connections(), 0);
            assert_closed(&mut stream).await;
        }
    }
}

#[tokio::test]
async fn the_way_by_udp_is_kept_open_until_it_is_dropped() {
    let node = user_agent().await;
    let proxy = UdpSocket::bind(loopback()).await.unwrap();
    let peer = proxy.local_addr().unwrap();
    let kept = node.0.keep_datagrams_alive(peer, Duration::from_millis(20));
    let mut buffer = [0; 64];
    for _ in 0..3 {
        let (length, from) = proxy.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], b"\r\n\r\n");
        assert_eq!(Some(from), node.0.udp_address());
    }
    drop(kept);
    while proxy.try_recv_from(&mut buffer).is_ok() {}
    tokio::time::sleep(Duration::from_millis(100)).await;
    let late = proxy.try_recv_from(&mut buffer).is_ok() && proxy.try_recv_from(&mut buffer).is_ok();
    assert!(!late, "it goes on");
}

#[tokio::test]
async fn a_user_that_does_not_listen_gets_its_callers_503_and_no_memory_is_eaten() {
    let mut settings = TransportSettings::at(loopback());
    settings.event_queue = 4;
    let mut busy = user_agent_with(settings).await;
    let mut caller = user_agent().await;
    let to = busy.0.udp_address().unwrap();
    for _ in 0..40 {
        send(
            &caller.0,
            request(&caller.0, to, Method::Options).build().unwrap(),
            Target::udp(to),
        );
    }
    for _ in 0..36 {
        let response = final_response(&mut caller).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains(HeaderName::RETRY_AFTER));
    }
    for _ in 0..4 {
        answer_next(&mut busy, StatusCode::OK).await;
        assert_eq!(final_response(&mut caller).await.status(), StatusCode::OK);
    }
    assert_eq!(busy.0.counters().overflows, 36);
}

#[derive(Default)]
struct Tap(Mutex<Vec<(std::net::SocketAddr, std::net::SocketAddr, Vec<u8>)>>);

impl WireTap for Tap {
    fn packet(&self, packet: &Packet<'_>) {
        let seen = (packet.source, packet.destination, packet.octets.to_vec());
        self.0.lock().unwrap().push(seen);
    }
}

#[tokio::test]
async fn the_tap_sees_every_message_once_with_both_addresses() {
    for scope in [TapScope::Sent, TapScope::SentAndReceived] {
        let tap = Arc::new(Tap::default());
        let mut settings = TransportSettings::at(loopback());
        settings.tap = Some(tap.clone());
        settings.tap_scope = scope;
        let mut tapped = user_agent_with(settings).await;
        let mut other = user_agent().await;
        let own = tapped.0.udp_address().unwrap();
        let to = other.0.udp_address().unwrap();
        for target in [Target::udp(to), Target::tcp(to)] {
            send(
                &tapped.0,
                request(&tapped.0, to, Method::Options).build().unwrap(),
                target,
            );
            answer_next(&mut other, StatusCode::OK).await;
            final_response(&mut tapped).await;
        }
        let seen = tap.0.lock().unwrap();
        let sent = seen.iter().filter(|(source, ..)| *source != to);
        assert!(sent.clone().all(|(source, destination, octets)| {
            source.ip() == own.ip() && *destination == to && octets.starts_with(b"OPTIONS")
        }));
        assert_eq!(sent.count(), 2);
        let received = seen.iter().filter(|(source, ..)| *source == to).count();
        assert_eq!(received, if scope == TapScope::Sent { 0 } else { 2 });
    }
}

#[tokio::test]
async fn a_node_stops_and_an_address_in_use_is_named() {
    let node = user_agent().await;
    let address = node.0.tcp_address().unwrap();
    let endpoint = Endpoint::new(Settings::new(Role::UserAgent));
    let error = SipNode::start(
        endpoint,
        TransportSettings::at(address),
        TestRandom::boxed(),
    )
    .await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains(&address.to_string())
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    node.0.stop();
    assert_closed(&mut stream).await;
}
