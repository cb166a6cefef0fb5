//! What an idle connection costs: resident memory of the process for each of 2,000 that have registered once and
//! then say nothing. The other ends keep their sockets only, so that all of it is the node's. Memory of the kernel is
//! not counted. Each transport has a process of its own, so that none uses what another has freed.

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

use common::secure::{authority, listening, soon, trusting};
use common::{Node, user_agent_with};
use roger_sip::endpoint::{Output, Transport};
use roger_sip::message::{Response, StatusCode};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const CONNECTIONS: usize = 2_000;

/// Octets of each connection: the bar for plain streams, and what TLS and WebSocket may add.
const BARS: [(Transport, usize); 4] = [
    (Transport::Tcp, 16 * 1024),
    (Transport::Ws, 16 * 1024),
    (Transport::Tls, 24 * 1024),
    (Transport::Wss, 32 * 1024),
];

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

async fn until(stream: &mut (impl AsyncRead + Unpin), end: &[u8]) {
    let mut read = Vec::new();
    let mut buffer = [0; 1_024];
    while !read.windows(end.len()).any(|window| window == end) {
        let length = stream.read(&mut buffer).await.unwrap();
        assert!(length > 0, "closed");
        read.extend_from_slice(&buffer[..length]);
    }
}

/// The opening of a WebSocket, and a frame with one message.
async fn upgrade(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: sip\r\n\r\n";
    stream.write_all(request).await.unwrap();
    until(stream, b"\r\n\r\n").await;
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    // A mask of zeros leaves the octets as they are.
    [&[0x82, 0xFE][..], &length.to_be_bytes(), &[0; 4], message].concat()
}

async fn speak(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    transport: Transport,
    number: usize,
) {
    let message = format!(
        "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} h.invalid;branch=z9hG4bK{transport}{number}\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {transport}{number}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
    if transport.is_websocket() {
        upgrade(stream).await;
        stream.write_all(&framed(message.as_bytes())).await.unwrap();
    } else {
        stream.write_all(message.as_bytes()).await.unwrap();
    }
    until(stream, b"SIP/2.0 200").await;
}

async fn open(
    to: SocketAddr,
    transport: Transport,
    tls: &TlsConnector,
    number: usize,
) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    if !transport.is_secure() {
        speak(&mut stream, transport, number).await;
        return stream;
    }
    let name = "127.0.0.1".try_into().unwrap();
    let mut secured = tls.connect(name, stream).await.unwrap();
    speak(&mut secured, transport, number).await;
    // The state of TLS at this end is not what is measured.
    secured.into_inner().0
}

fn answer_everything(node: Node) -> roger_adapter_sip::SipHandle<roger_sip::endpoint::Endpoint> {
    let (handle, mut events) = node;
    let answering = handle.clone();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let Output::Incoming(incoming) = event {
                let response = Response::to(&incoming.request, StatusCode::OK);
                let _ = answering.with(|endpoint, clocks, random| {
                    endpoint.respond(clocks.now, random, incoming.transaction, response)
                });
            }
        }
    });
    handle
}

/// Files that this process may open: two for each connection, and some.
fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

async fn measure(transport: Transport) -> usize {
    let ca = authority();
    let mut config = trusting(&ca).config();
    config.alpn_protocols.clear();
    let tls = TlsConnector::from(Arc::new(config));
    let node = user_agent_with(listening(&ca, &["127.0.0.1"])).await;
    let node = answer_everything(node);
    let to = node.address(transport).unwrap();
    let mut streams = Vec::with_capacity(CONNECTIONS);
    // What the first ones make everything else allocate is not theirs.
    let first = CONNECTIONS / 10;
    for number in 0..first {
        streams.push(open(to, transport, &tls, number).await);
    }
    let before = resident();
    for number in first..CONNECTIONS {
        streams.push(open(to, transport, &tls, number).await);
    }
    assert_eq!(node.connections(), CONNECTIONS);
    let each = resident().saturating_sub(before) / (CONNECTIONS - first);
    drop(streams);
    soon("all are gone", || node.connections() == 0).await;
    each
}

const CHOICE: &str = "ROGER_IDLE_TRANSPORT";
const MARK: &str = "octets resident for each idle connection over ";

#[test]
fn an_idle_connection_costs_little() {
    allow_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Ok(name) = std::env::var(CHOICE) {
        let transport = Transport::parse(name.as_bytes()).unwrap();
        let each = runtime.block_on(measure(transport));
        eprintln!("{each} {MARK}{transport}");
        return;
    }
    for (transport, bar) in BARS {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "an_idle_connection_costs_little", "--nocapture"])
            .env(CHOICE, transport.as_str())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let line = text.lines().find(|line| line.contains(MARK));
        let line = line.unwrap_or_else(|| panic!("{transport}: {text}"));
        eprintln!("{line}");
        let each: usize = line.split(' ').next().unwrap().parse().unwrap();
        assert!((1..=bar).contains(&each), "{line}");
    }
}
