//! WebSocket by a plain client: the subprotocol, origins, bounds, keep-alives, peers that never finish.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    unreachable_pub,
    missing_docs
)]

mod common;

use common::secure::soon;
use common::{Node, answer_next, final_response, loopback, next, request, send, user_agent_with};
use futures_util::{SinkExt, StreamExt};
use roger_adapter_sip::{Origins, TransportSettings};
use roger_sip::endpoint::{Failure, Output, Target, Transport};
use roger_sip::message::{Limits, Method, StatusCode};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

type Socket = WebSocketStream<TcpStream>;

fn listening() -> TransportSettings {
    let mut settings = TransportSettings::silent();
    settings.ws = Some(loopback());
    settings
}

async fn connect(node: &Node, headers: &[(&'static str, &'static str)]) -> Result<Socket, Error> {
    let to = node.0.address(Transport::Ws).unwrap();
    let mut request = format!("ws://{to}/any/path").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(to).await.unwrap();
    Ok(tokio_tungstenite::client_async(request, stream).await?.0)
}

const SIP: (&str, &str) = ("sec-websocket-protocol", "sip");

fn options(call: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "MESSAGE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK{call}\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {call}\r\nCSeq: 1 MESSAGE\r\n\
         Content-Type: a/b\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn receive(socket: &mut Socket) -> Option<Result<Message, Error>> {
    tokio::time::timeout(Duration::from_secs(20), socket.next())
        .await
        .expect("something comes")
}

fn status(error: Error) -> u16 {
    match error {
        Error::Http(response) => response.status().as_u16(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn text_and_binary_messages_are_taken_and_answered() {
    let mut node = user_agent_with(listening()).await;
    let mut socket = connect(&node, &[SIP]).await.unwrap();
    let text = String::from_utf8(options("text", b"plain")).unwrap();
    let binary = options("binary", &[0xFF, 0, 0xFE]);
    for message in [Message::text(text), Message::binary(binary.clone())] {
        socket.send(message).await.unwrap();
        let got = answer_next(&mut node, StatusCode::OK).await;
        assert_eq!(got.headers().top_via().unwrap().transport, "WS");
        let answer = receive(&mut socket).await.unwrap().unwrap();
        assert!(answer.is_text() && answer.to_text().unwrap().starts_with("SIP/2.0 200"));
    }
    // A message in three frames is one message.
    let third = options("third", b"whole");
    let (head, tail) = third.split_at(30);
    let head = String::from_utf8_lossy(head).into_owned();
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    let first = Frame::message(head, OpCode::Data(Data::Text), false);
    let last = Frame::message(tail.to_vec(), OpCode::Data(Data::Continue), true);
    socket.send(Message::Frame(first)).await.unwrap();
    socket.send(Message::Frame(last)).await.unwrap();
    assert_eq!(
        answer_next(&mut node, StatusCode::OK).await.body(),
        b"whole"
    );
}

#[tokio::test]
async fn a_binary_body_reaches_the_client_unchanged() {
    let mut node = user_agent_with(listening()).await;
    let mut socket = connect(&node, &[SIP]).await.unwrap();
    socket
        .send(Message::binary(options("x", b"")))
        .await
        .unwrap();
    let Output::Incoming(incoming) = next(&mut node.1).await else {
        panic!()
    };
    let body: Vec<u8> = (0..=255).collect();
    let back = request(&node.0, incoming.flow.peer, Method::Message).body("a/b", body.clone());
    send(&node.0, back.build().unwrap(), Target::Flow(incoming.flow));
    let message = receive(&mut socket).await.unwrap().unwrap();
    assert!(message.is_binary() && message.into_data().ends_with(&body));
}

#[tokio::test]
async fn without_the_subprotocol_there_is_no_socket() {
    let node = user_agent_with(listening()).await;
    for headers in [&[][..], &[("sec-websocket-protocol", "chat, xmpp")]] {
        assert_eq!(status(connect(&node, headers).await.unwrap_err()), 400);
    }
    soon("they are counted", || {
        node.0.counters().handshakes_failed == 2
    })
    .await;
    connect(&node, &[("sec-websocket-protocol", "chat, sip")])
        .await
        .unwrap();
    assert_eq!(node.0.connections(), 1);
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let mut settings = listening();
    settings.websocket.origins = Origins::Only(vec!["https://dispatch.example.org".to_owned()]);
    let node = user_agent_with(settings).await;
    let evil = connect(&node, &[SIP, ("origin", "https://evil.example")]).await;
    assert_eq!(status(evil.unwrap_err()), 403);
    connect(&node, &[SIP, ("origin", "https://dispatch.example.org")])
        .await
        .unwrap();
    connect(&node, &[SIP]).await.unwrap();
}

#[tokio::test]
async fn a_message_beyond_the_bounds_is_refused_with_1009_and_costs_nothing() {
    let mut settings = listening();
    settings.limits = Limits {
        body: 1_000,
        ..Limits::default()
    };
    let bound = settings.limits.head + settings.limits.body;
    let node = user_agent_with(settings).await;
    let mut socket = connect(&node, &[SIP]).await.unwrap();
    socket
        .send(Message::binary(vec![b'x'; bound + 1]))
        .await
        .unwrap();
    let goodbye = receive(&mut socket).await;
    match goodbye {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, CloseCode::Size),
        // The rest of the message was still on its way when the node closed.
        Some(Err(_)) | None => {}
        other => panic!("{other:?}"),
    }
    // A length that is only claimed is refused at once.
    let mut socket = connect(&node, &[SIP]).await.unwrap();
    let claimed = [
        &[0x82, 0xFF][..],
        &(1_u64 << 40).to_be_bytes(),
        &[1, 2, 3, 4],
    ]
    .concat();
    socket.get_mut().write_all(&claimed).await.unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = receive(&mut socket).await else {
        panic!()
    };
    assert_eq!(frame.code, CloseCode::Size);
    soon("both are gone", || node.0.connections() == 0).await;
}

#[tokio::test]
async fn frames_and_handshakes_that_never_end_are_given_up() {
    let mut settings = listening();
    settings.message_deadline = Duration::from_millis(300);
    settings.handshake_deadline = Duration::from_millis(300);
    let node = user_agent_with(settings).await;
    let mut socket = connect(&node, &[SIP]).await.unwrap();
    let mut idle = connect(&node, &[SIP]).await.unwrap();
    // A frame of 100 octets, one octet at a time.
    socket
        .get_mut()
        .write_all(&[0x82, 0x80 | 100, 1, 2, 3, 4])
        .await
        .unwrap();
    let dripping = async {
        while socket.get_mut().write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(30)).await;
            if node.0.connections() == 1 {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), dripping)
        .await
        .expect("it is closed");
    soon("only the slow one is gone", || node.0.connections() == 1).await;
    idle.send(Message::Ping(Bytes::new())).await.unwrap();
    assert!(receive(&mut idle).await.unwrap().unwrap().is_pong());

    let mut half = TcpStream::connect(node.0.address(Transport::Ws).unwrap())
        .await
        .unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let _ = half.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{rest:?}");
    soon("it is counted", || node.0.counters().handshakes_failed == 1).await;
}

#[tokio::test]
async fn junk_is_no_handshake_and_no_message_and_stops_nothing() {
    let mut node = user_agent_with(listening()).await;
    let to = node.0.address(Transport::Ws).unwrap();
    for junk in [
        &b"OPTIONS sip:x SIP/2.0\r\n\r\n"[..],
        b"\0\0\0\0\r\n\r\n",
        &[0xFF; 9_000],
    ] {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let _ = stream.write_all(junk).await;
    }
    let mut socket = connect(&node, &[SIP]).await.unwrap();
    for junk in [&b"junk"[..], b"", b"\r\n", &[0xFF; 500]] {
        socket.send(Message::binary(junk.to_vec())).await.unwrap();
    }
    // As on streams, some clients keep alive by line breaks.
    socket.send(Message::text("\r\n\r\n")).await.unwrap();
    assert_eq!(
        receive(&mut socket)
            .await
            .unwrap()
            .unwrap()
            .to_text()
            .unwrap(),
        "\r\n"
    );
    socket
        .send(Message::binary(options("good", b"")))
        .await
        .unwrap();
    answer_next(&mut node, StatusCode::OK).await;
    assert_eq!(node.0.counters().panics, 0);
}

/// A server that takes one client and then does with it what it likes.
async fn serve(listener: &TcpListener, protocol: Option<&'static str>) -> Result<Socket, Error> {
    let (stream, _) = listener.accept().await.unwrap();
    let answer = |request: &Request, mut response: Response| {
        assert_eq!(request.headers()["sec-websocket-protocol"], "sip");
        assert_eq!(request.uri().path(), "/sip");
        if let Some(protocol) = protocol {
            let headers = response.headers_mut();
            headers.insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        Ok(response)
    };
    tokio_tungstenite::accept_hdr_async(stream, answer).await
}

async fn asking_node(listener: &TcpListener, change: impl Fn(&mut TransportSettings)) -> Node {
    let mut settings = TransportSettings::silent();
    settings.websocket.path = "/sip".to_owned();
    change(&mut settings);
    let node = user_agent_with(settings).await;
    let (transport, peer) = (Transport::Ws, listener.local_addr().unwrap());
    let message = request(&node.0, peer, Method::Options).build().unwrap();
    send(&node.0, message, Target::Address { transport, peer });
    node
}

#[tokio::test]
async fn our_client_asks_for_the_subprotocol_and_leaves_a_server_that_does_not_choose_it() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    for (protocol, good) in [(Some("sip"), true), (Some("chat"), false), (None, false)] {
        let mut node = asking_node(&listener, |_| {}).await;
        let mut socket = serve(&listener, protocol).await.unwrap();
        if !good {
            let failed = next(&mut node.1).await;
            let transport = Failure::Transport;
            assert!(matches!(failed, Output::Failed { failure, .. } if failure == transport));
            continue;
        }
        let text = receive(&mut socket).await.unwrap().unwrap();
        let text = text.to_text().unwrap();
        assert!(
            text.contains("SIP/2.0/WS h") && text.contains(".invalid;"),
            "{text}"
        );
        let answer = text.replacen("OPTIONS sip:", "SIP/2.0 200 OK\r\nX: sip:", 1);
        socket.send(Message::text(answer)).await.unwrap();
        assert_eq!(final_response(&mut node).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_server_that_answers_no_ping_is_given_up_and_one_that_does_is_kept() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    for answers in [false, true] {
        let mut node = asking_node(&listener, |settings| {
            settings.keep_alive = Some(Duration::from_millis(100));
            settings.pong_deadline = Some(Duration::from_millis(400));
        })
        .await;
        let mut socket = serve(&listener, Some("sip")).await.unwrap();
        if answers {
            let mut pings = 0;
            while pings < 10 {
                pings += usize::from(receive(&mut socket).await.unwrap().unwrap().is_ping());
                socket.flush().await.unwrap();
            }
            assert_eq!(node.0.connections(), 1);
        } else {
            while !matches!(next(&mut node.1).await, Output::FlowClosed { .. }) {}
            assert_eq!(node.0.connections(), 0);
        }
    }
}
