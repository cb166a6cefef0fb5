//! What a stranger may hold of the SIP core's connections.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod common;

use common::{AnyUser, DOMAIN, TestRandom, assert_closed, loopback};
use roger_adapter_sip::{SipHandle, SipNode, TransportSettings};
use roger_sipcore::{CoreSettings, SipCore, TrustedPeer};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const SERVER: &str = "127.0.0.2:0";

/// A core that knows one address.
async fn core(settings: TransportSettings) -> SipHandle<SipCore<AnyUser>> {
    let mut terms = CoreSettings::new(DOMAIN);
    let server: SocketAddr = SERVER.parse().unwrap();
    terms.trusted.push(TrustedPeer::Address(server.ip()));
    let mut random = TestRandom::boxed();
    let core = SipCore::new(terms, AnyUser { domain: DOMAIN }, random.as_mut()).unwrap();
    SipNode::start(core, settings, random).await.unwrap().0
}

async fn known(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SERVER.parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

async fn assert_served(stream: &mut TcpStream) {
    stream.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    let answer = tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut pong));
    answer.await.expect("an answer comes").unwrap();
}

#[tokio::test]
async fn a_stranger_that_registers_nothing_is_closed_whatever_it_says() {
    let mut settings = TransportSettings::at(loopback());
    settings.stranger_deadline = Duration::from_millis(300);
    let node = core(settings).await;
    let to = node.tcp_address().unwrap();
    let (mut known, mut stranger) = (known(to).await, TcpStream::connect(to).await.unwrap());
    assert_served(&mut stranger).await;
    // Keep-alives are life, and no proof.
    let talks = async {
        while stranger.write_all(b"\r\n\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), talks)
        .await
        .expect("the node closes");
    assert_served(&mut known).await;
    assert_eq!(node.connections(), 1);
    node.stop();
}

#[tokio::test]
async fn strangers_keep_nobody_out() {
    let mut settings = TransportSettings::at(loopback());
    settings.max_connections = 3;
    let node = core(settings).await;
    let to = node.tcp_address().unwrap();
    let mut first = known(to).await;
    assert_served(&mut first).await;
    let mut strangers = Vec::new();
    for _ in 0..6 {
        let mut stranger = TcpStream::connect(to).await.unwrap();
        assert_served(&mut stranger).await;
        strangers.push(stranger);
    }
    for stranger in &mut strangers[..4] {
        assert_closed(stranger).await;
    }
    let mut second = known(to).await;
    assert_served(&mut second).await;
    let mut third = known(to).await;
    assert_served(&mut third).await;
    // Whoever is known makes room for nobody.
    assert_closed(&mut TcpStream::connect(to).await.unwrap()).await;
    for known in [&mut first, &mut second, &mut third] {
        assert_served(known).await;
    }
    node.stop();
}
