//! Figures and bounds under load: memory of idle connections and of finished transactions, overload.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs
)]

mod common;
mod crowd;

use common::{AnyUser, DOMAIN, TestRandom, loopback, user_agent_with};
use crowd::{Ue, bad_register};
use roger_adapter_sip::{SipNode, TransportSettings};
use roger_sip::endpoint::{Capacity, Endpoint, Role, Settings};
use roger_sip::message::StatusCode;
use roger_sipcore::{CoreSettings, SipCore};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// Octets a held connection may cost: the bar of the design, both ends of the kernel's part not counted.
const IDLE_CONNECTION: usize = 16 * 1024;

/// Resident memory of this process in octets; `None` where /proc is not.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn options(number: usize) -> String {
    format!(
        "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK{number}\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn a_thousand_idle_connections_cost_little_and_still_work() {
    const COUNT: usize = 1_000;
    let mut node = user_agent_with(TransportSettings::at(loopback())).await;
    let to = node.0.tcp_address().unwrap();
    let answering = node.0.clone();
    tokio::spawn(async move {
        while let Some(event) = node.1.recv().await {
            if let roger_sip::endpoint::Output::Incoming(incoming) = event {
                let response = roger_sip::message::Response::to(
                    &incoming.request,
                    roger_sip::message::StatusCode::OK,
                );
                let _ = answering.with(|endpoint, clocks, random| {
                    endpoint.respond(clocks.now, random, incoming.transaction, response)
                });
            }
        }
    });
    let before = resident();
    let mut streams = Vec::with_capacity(COUNT);
    for number in 0..COUNT {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(options(number).as_bytes()).await.unwrap();
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..length].starts_with(b"SIP/2.0 200"));
        streams.push(stream);
    }
    assert_eq!(node.0.connections(), COUNT);
    let after = resident();
    if let (Some(before), Some(after)) = (before, after) {
        let each = after.saturating_sub(before) / COUNT;
        eprintln!("idle TCP connection, both ends in this process: {each} octets");
        assert!(each <= IDLE_CONNECTION, "{each}");
    }
    for (number, stream) in streams.iter_mut().enumerate().step_by(100) {
        stream
            .write_all(options(COUNT + number).as_bytes())
            .await
            .unwrap();
        let mut buffer = [0; 1024];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn overload_is_refused_at_once_and_takes_no_memory() {
    const LIMIT: usize = 1_000;
    const FLOOD: usize = 20_000;
    let mut settings = Settings::new(Role::UserAgent);
    settings.capacity = Capacity {
        server_transactions: LIMIT,
        reserved: 100,
        ..Capacity::default()
    };
    settings.shedding.refusals = FLOOD as u32;
    // Nobody takes the events: the user hangs.
    let (node, _events) = SipNode::start(
        Endpoint::new(settings),
        TransportSettings::at(loopback()),
        TestRandom::boxed(),
    )
    .await
    .unwrap();
    let to = node.udp_address().unwrap();
    let socket = UdpSocket::bind(loopback()).await.unwrap();
    let mut buffer = vec![0; 65_535];
    let mut refused = 0;
    for number in 0..FLOOD {
        let text = options(number)
            .replace("/TCP", "/UDP")
            .replace(";branch", ";rport;branch");
        socket.send_to(text.as_bytes(), to).await.unwrap();
        // One answer for each request that was refused; the first ones stay with the user.
        if number >= LIMIT - 100 {
            let answer =
                tokio::time::timeout(Duration::from_secs(20), socket.recv_from(&mut buffer));
            let (length, _) = answer.await.expect("an answer comes").unwrap();
            assert!(buffer[..length].starts_with(b"SIP/2.0 503"));
            refused += 1;
        }
    }
    let (load, counters) = node.with(|endpoint, _, _| (endpoint.load(), endpoint.counters()));
    assert_eq!(load.server_transactions, LIMIT - 100);
    assert_eq!(counters.overloaded, refused);
    assert_eq!(refused as usize, FLOOD - (LIMIT - 100));
    eprintln!("overload: {refused} of {FLOOD} requests refused with 503, {load:?}");
    node.stop();
}

/// What `cargo bench --bench sip_core -- abuse` measures, without a clock: whatever one address sends, another one
/// is served, and nothing is kept.
#[tokio::test]
async fn bad_registers_of_one_address_neither_stop_others_nor_leave_anything() {
    const ROUNDS: usize = 50;
    const BAD: usize = 40;
    let users = AnyUser { domain: DOMAIN };
    let core = SipCore::new(
        CoreSettings::new(DOMAIN),
        users,
        TestRandom::boxed().as_mut(),
    )
    .unwrap();
    let (node, _events) =
        SipNode::start(core, TransportSettings::at(loopback()), TestRandom::boxed())
            .await
            .unwrap();
    let to = node.udp_address().unwrap();
    let mut good = Ue::new("u-good", "127.0.0.2", to).await;
    assert_eq!(good.register().await, StatusCode::OK);
    let attacker = UdpSocket::bind(loopback()).await.unwrap();
    let from = attacker.local_addr().unwrap();
    for round in 0..ROUNDS {
        for number in 0..BAD {
            let text = bad_register(from, round * BAD + number);
            attacker.send_to(text.as_bytes(), to).await.unwrap();
        }
        assert_eq!(good.register().await, StatusCode::OK, "round {round}");
    }
    // A stranger is served too.
    let mut stranger = Ue::new("u-new", "127.0.0.3", to).await;
    assert_eq!(stranger.register().await, StatusCode::OK);
    let (load, registrations) = node.with(|core, _, _| (core.load(), core.registrations()));
    assert_eq!(registrations, 2);
    assert!(load.server_transactions <= ROUNDS + 2, "{load:?}");
    assert_eq!(node.counters().panics, 0);
    node.stop();
}
