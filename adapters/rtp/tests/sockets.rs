//! Media sockets on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use roger_adapter_rtp::{
    MAX_DATAGRAM_OCTETS, MediaPair, MediaPorts, MediaSocket, PortRange, PortsError, Received,
    Receiver, SendError, Tap, TapScope,
};
use roger_base::{Packet, WireTap};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn any_port() -> SocketAddr {
    SocketAddr::new(LOOPBACK, 0)
}

/// A range of `pairs` pairs where nothing is bound. It lies below the ports that the system gives to others, and
/// every test process looks in another place, so that tests running beside it do not come between.
fn free_range(pairs: u16) -> PortRange {
    let start = u16::try_from(std::process::id() % 500).unwrap() * 40 + 10_000;
    for first in (start..32_000).step_by(40) {
        let last = first + 4 * pairs - 1;
        let free = |port| std::net::UdpSocket::bind(SocketAddr::new(LOOPBACK, port)).is_ok();
        if (first..=last).all(free) {
            return PortRange::new(first, last).unwrap();
        }
    }
    panic!("no free ports");
}

/// Starts a receiver whose datagrams go to a channel.
fn listen(socket: &Arc<MediaSocket>) -> (Receiver, UnboundedReceiver<(SocketAddr, Vec<u8>)>) {
    let (sender, datagrams) = unbounded_channel();
    let handler = move |received: Received<'_>| {
        let _ = sender.send((received.source, received.octets.to_vec()));
    };
    (
        Receiver::start(Arc::clone(socket), Arc::new(handler)),
        datagrams,
    )
}

async fn next(datagrams: &mut UnboundedReceiver<(SocketAddr, Vec<u8>)>) -> (SocketAddr, Vec<u8>) {
    tokio::time::timeout(Duration::from_secs(20), datagrams.recv())
        .await
        .expect("a datagram")
        .unwrap()
}

#[tokio::test]
async fn datagrams_arrive_unchanged_with_their_source() {
    let one = Arc::new(MediaSocket::bind(any_port(), Tap::default()).unwrap());
    let other = MediaSocket::bind(any_port(), Tap::default()).unwrap();
    let (receiver, mut datagrams) = listen(&one);
    for length in [0, 1, 12, 1400, MAX_DATAGRAM_OCTETS] {
        let octets: Vec<u8> = (0..length).map(|n| n as u8).collect();
        other.send(one.local(), &octets).unwrap();
        assert_eq!(next(&mut datagrams).await, (other.local(), octets));
    }
    assert_eq!(receiver.statistics().taken, 5);
}

#[tokio::test]
async fn what_is_too_long_for_media_is_neither_sent_nor_taken() {
    let one = Arc::new(MediaSocket::bind(any_port(), Tap::default()).unwrap());
    let other = MediaSocket::bind(any_port(), Tap::default()).unwrap();
    let (receiver, mut datagrams) = listen(&one);
    let long = vec![0; MAX_DATAGRAM_OCTETS + 1];
    assert!(matches!(
        other.send(one.local(), &long),
        Err(SendError::LocalTooLong(4097))
    ));
    let stranger = std::net::UdpSocket::bind(any_port()).unwrap();
    stranger.send_to(&long, one.local()).unwrap();
    stranger.send_to(&vec![0; 60_000], one.local()).unwrap();
    other.send(one.local(), b"short").unwrap();
    assert_eq!(next(&mut datagrams).await.1, b"short");
    let statistics = receiver.statistics();
    assert_eq!((statistics.taken, statistics.too_long), (1, 2));
}

#[tokio::test]
async fn an_unreachable_peer_does_not_end_the_loop() {
    let one = Arc::new(MediaSocket::bind(any_port(), Tap::default()).unwrap());
    let (_receiver, mut datagrams) = listen(&one);
    let gone = std::net::UdpSocket::bind(any_port())
        .unwrap()
        .local_addr()
        .unwrap();
    for _ in 0..5 {
        let _ = one.send(gone, b"anybody?");
    }
    let other = MediaSocket::bind(any_port(), Tap::default()).unwrap();
    other.send(one.local(), b"still here").unwrap();
    assert_eq!(next(&mut datagrams).await.1, b"still here");
}

#[tokio::test]
async fn the_loop_ends_with_its_receiver_and_frees_the_port() {
    let pair = MediaPorts::new(LOOPBACK, free_range(1), Tap::default())
        .allocate()
        .unwrap();
    let local = pair.rtp.local();
    let (receiver, mut datagrams) = listen(&pair.rtp);
    drop((receiver, pair));
    assert_eq!(
        datagrams.recv().await,
        None,
        "the handler is dropped with the loop"
    );
    MediaSocket::bind(local, Tap::default()).unwrap();
}

#[tokio::test]
async fn pairs_are_even_apart_and_all_different() {
    let ports = MediaPorts::new(LOOPBACK, free_range(5), Tap::default());
    let pairs: Vec<MediaPair> = (0..5).map(|_| ports.allocate().unwrap()).collect();
    let mut seen = std::collections::HashSet::new();
    for pair in &pairs {
        let (rtp, floor) = (pair.rtp.local().port(), pair.floor.local().port());
        assert_eq!(
            (rtp % 2, floor),
            (0, rtp + 2),
            "RTCP of the audio has its own port between them"
        );
        assert!(seen.insert(rtp) && seen.insert(floor));
    }
    assert!(matches!(
        ports.allocate(),
        Err(PortsError::LocalExhausted { pairs: 5, .. })
    ));
}

#[tokio::test]
async fn a_pair_given_back_can_be_had_again_but_not_at_once() {
    let ports = MediaPorts::new(LOOPBACK, free_range(3), Tap::default());
    let first = ports.allocate().unwrap().rtp.local();
    let second = ports.allocate().unwrap();
    assert_ne!(
        second.rtp.local(),
        first,
        "late packets of the old call must not reach the new one"
    );
    let _third = ports.allocate().unwrap();
    assert_eq!(ports.allocate().unwrap().rtp.local(), first);
}

#[tokio::test]
async fn a_port_of_somebody_else_is_passed_over() {
    let range = free_range(2);
    let probe = MediaPorts::new(LOOPBACK, range, Tap::default());
    let floor_of_first = probe.allocate().unwrap().floor.local();
    let _taken = std::net::UdpSocket::bind(floor_of_first).unwrap();
    let ports = MediaPorts::new(LOOPBACK, range, Tap::default());
    let second = ports.allocate().unwrap();
    assert_ne!(second.floor.local(), floor_of_first);
    assert!(matches!(
        ports.allocate(),
        Err(PortsError::LocalExhausted { pairs: 2, .. })
    ));
}

#[tokio::test]
async fn an_address_that_is_not_ours_is_an_error_at_once() {
    let documentation = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let ports = MediaPorts::new(
        documentation,
        PortRange::new(20_000, 30_000).unwrap(),
        Tap::default(),
    );
    assert!(matches!(
        ports.allocate(),
        Err(PortsError::LocalAddress { .. })
    ));
}

#[derive(Default)]
struct Seen(Mutex<Vec<(SocketAddr, SocketAddr, Vec<u8>)>>);

impl WireTap for Seen {
    fn packet(&self, packet: &Packet<'_>) {
        self.0
            .lock()
            .unwrap()
            .push((packet.source, packet.destination, packet.octets.to_vec()));
    }
}

#[tokio::test]
async fn a_tap_sees_what_is_sent_once_and_on_demand_what_is_received() {
    let seen = Arc::new(Seen::default());
    let inside = Tap::new(seen.clone(), TapScope::Sent);
    let one = Arc::new(MediaSocket::bind(any_port(), inside.clone()).unwrap());
    let other = MediaSocket::bind(any_port(), inside).unwrap();
    let (_receiver, mut datagrams) = listen(&one);
    other.send(one.local(), b"inside").unwrap();
    next(&mut datagrams).await;
    let expected = (other.local(), one.local(), b"inside".to_vec());
    assert_eq!(*seen.0.lock().unwrap(), [expected]);

    let seen = Arc::new(Seen::default());
    let both = Tap::new(seen.clone(), TapScope::SentAndReceived);
    let one = Arc::new(MediaSocket::bind(any_port(), both).unwrap());
    let stranger = std::net::UdpSocket::bind(any_port()).unwrap();
    let (_receiver, mut datagrams) = listen(&one);
    stranger.send_to(b"outside", one.local()).unwrap();
    next(&mut datagrams).await;
    let expected = (
        stranger.local_addr().unwrap(),
        one.local(),
        b"outside".to_vec(),
    );
    assert_eq!(*seen.0.lock().unwrap(), [expected]);
}
