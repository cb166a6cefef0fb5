//! TLS between nodes and against OpenSSL: certificates good and bad, handshakes that never end, whose connection
//! may be used for what.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod common;

use common::secure::{
    authority, demanding, listening, named, now, self_signed, silent, soon, target, trusting,
    with_identity,
};
use common::{
    Node, TestRandom, answer_next, final_response, loopback, next, request, send, user_agent_with,
};
use rcgen::SanType;
use roger_adapter_sip::{SipNode, StartError, TransportSettings};
use roger_adapter_tls::{ClientTls, DevelopmentCa};
use roger_base::{Packet, Transport as Seen, WireTap};
use roger_sip::endpoint::{Endpoint, Failure, Output, Role, Settings, Target, Transport};
use roger_sip::message::{Method, StatusCode};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const SECURED: [Transport; 3] = [Transport::Tls, Transport::Ws, Transport::Wss];

async fn ask(from: &mut Node, to: &mut Node, target: Target) -> String {
    let message = request(&from.0, target.peer(), Method::Options);
    send(&from.0, message.build().unwrap(), target);
    let got = answer_next(to, StatusCode::OK).await;
    assert_eq!(final_response(from).await.status(), StatusCode::OK);
    got.headers().top_via().unwrap().transport
}

async fn assert_fails(from: &mut Node, target: Target, what: &str) {
    let message = request(&from.0, target.peer(), Method::Options);
    send(&from.0, message.build().unwrap(), target);
    loop {
        match next(&mut from.1).await {
            Output::Failed { failure, .. } => {
                return assert_eq!(failure, Failure::Transport, "{what}");
            }
            Output::Response(answer) => panic!("{what}: answered {}", answer.response.status()),
            _ => {}
        }
    }
}

async fn node_trusting(trusted: ClientTls) -> Node {
    let mut settings = TransportSettings::silent();
    settings.client_tls = Some(trusted);
    user_agent_with(settings).await
}

#[derive(Default)]
struct Tap(Mutex<Vec<(Seen, Vec<u8>)>>);

impl WireTap for Tap {
    fn packet(&self, packet: &Packet<'_>) {
        let seen = (packet.transport, packet.octets.to_vec());
        self.0.lock().unwrap().push(seen);
    }
}

#[tokio::test]
async fn requests_go_both_ways_on_every_transport_and_the_tap_reads_them() {
    let ca = authority();
    let tap = Arc::new(Tap::default());
    let mut settings = listening(&ca, &["127.0.0.1"]);
    settings.tap = Some(tap.clone());
    let mut one = user_agent_with(settings).await;
    let mut two = user_agent_with(listening(&ca, &["127.0.0.1"])).await;
    for transport in SECURED {
        let there = target(&two, transport);
        assert_eq!(ask(&mut one, &mut two, there).await, transport.as_str());
        assert_eq!(ask(&mut one, &mut two, there).await, transport.as_str());
        let back = target(&one, transport);
        assert_eq!(ask(&mut two, &mut one, back).await, transport.as_str());
    }
    assert_eq!(one.0.connections(), 6, "one for each transport and opener");
    let seen = tap.0.lock().unwrap();
    for transport in [Seen::Tls, Seen::Ws, Seen::Wss] {
        let messages: Vec<_> = seen.iter().filter(|(seen, _)| *seen == transport).collect();
        let asked = messages
            .iter()
            .filter(|(_, octets)| octets.starts_with(b"OPTIONS"));
        let answered = messages
            .iter()
            .filter(|(_, octets)| octets.starts_with(b"SIP/2.0 200"));
        assert_eq!((asked.count(), answered.count()), (2, 1), "{transport:?}");
    }
}

#[tokio::test]
async fn a_ue_that_listens_for_nothing_is_called_on_its_flow() {
    let ca = authority();
    let mut core = user_agent_with(listening(&ca, &["127.0.0.1"])).await;
    for transport in SECURED {
        let mut ue = silent(&ca).await;
        let to = target(&core, transport);
        let invite = request(&ue.0, to.peer(), Method::Message).build().unwrap();
        send(&ue.0, invite, to);
        let Output::Incoming(incoming) = next(&mut core.1).await else {
            panic!()
        };
        let via = incoming.request.headers().top_via().unwrap();
        assert!(
            via.host.ends_with(".invalid") && via.port.is_none(),
            "{via}"
        );
        assert_eq!(incoming.flow.transport, transport);
        let back = request(&core.0, incoming.flow.peer, Method::Message)
            .build()
            .unwrap();
        send(&core.0, back, Target::Flow(incoming.flow));
        let got = answer_next(&mut ue, StatusCode::OK).await;
        assert_eq!(*got.method(), Method::Message);
        assert_eq!(final_response(&mut core).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn names_are_checked_as_sip_domains() {
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let dns = |text: &str| SanType::DnsName(text.try_into().unwrap());
    let good = [
        vec![uri("sip:Example.org")],
        vec![dns("other.example"), dns("example.org")],
        vec![uri("sip:other.example"), dns("example.org")],
    ];
    let bad = [
        vec![dns("*.org")],
        vec![dns("sub.example.org")],
        vec![uri("sip:alice@example.org")],
        vec![uri("https://example.org")],
        vec![uri("sips:example.org")],
        vec![SanType::IpAddress("127.0.0.1".parse().unwrap())],
    ];
    for (names, is_good) in good
        .map(|names| (names, true))
        .into_iter()
        .chain(bad.map(|names| (names, false)))
    {
        let shown = format!("{names:?}");
        let (identity, trusted) = self_signed(names);
        let ca = authority();
        let mut server = user_agent_with(with_identity(&ca, identity)).await;
        let mut client = node_trusting(trusted).await;
        for transport in [Transport::Tls, Transport::Wss] {
            let target = named(&client, &server, transport, "example.org");
            if is_good {
                ask(&mut client, &mut server, target).await;
            } else {
                assert_fails(&mut client, target, &shown).await;
            }
        }
    }
}

#[tokio::test]
async fn certificates_of_nobody_known_expired_or_of_another_address_are_refused() {
    let (ca, other) = (authority(), authority());
    let old = now() - Duration::from_secs(60 * 86_400);
    let servers = [
        ("another authority", other.issue(&["127.0.0.1"], now())),
        ("expired", ca.issue(&["127.0.0.1"], old)),
        ("another address", ca.issue(&["127.0.0.2"], now())),
    ];
    for (what, identity) in servers {
        let server = user_agent_with(with_identity(&ca, identity.unwrap())).await;
        let mut client = silent(&ca).await;
        for transport in [Transport::Tls, Transport::Wss] {
            assert_fails(&mut client, target(&server, transport), what).await;
        }
        soon("the server counts", || {
            server.0.counters().handshakes_failed == 2
        })
        .await;
        assert_eq!((client.0.connections(), server.0.connections()), (0, 0));
    }
}

#[tokio::test]
async fn a_configured_name_is_asked_for_at_its_address() {
    let ca = authority();
    let mut server = user_agent_with(listening(&ca, &["proxy.example.org"])).await;
    let to = target(&server, Transport::Tls);
    assert_fails(
        &mut silent(&ca).await,
        to,
        "the address is not in the certificate",
    )
    .await;
    for (name, good) in [("proxy.example.org", true), ("other.example.org", false)] {
        let mut settings = TransportSettings::silent();
        settings.client_tls = Some(trusting(&ca));
        settings.peer_names.insert(to.peer(), name.to_owned());
        let mut client = user_agent_with(settings).await;
        if good {
            ask(&mut client, &mut server, to).await;
        } else {
            assert_fails(&mut client, to, name).await;
        }
    }
}

#[tokio::test]
async fn a_connection_made_for_one_name_carries_nothing_for_another() {
    let ca = authority();
    let mut server = user_agent_with(listening(&ca, &["one.example", "two.example"])).await;
    let mut client = silent(&ca).await;
    for (name, connections) in [("one.example", 1), ("one.example", 1), ("two.example", 2)] {
        let target = named(&client, &server, Transport::Tls, name);
        ask(&mut client, &mut server, target).await;
        assert_eq!(client.0.connections(), connections, "{name}");
    }
    let target = named(&client, &server, Transport::Tls, "three.example");
    assert_fails(&mut client, target, "a name not shown").await;
}

#[tokio::test]
async fn an_accepted_connection_is_used_by_its_flow_only_unless_a_certificate_names_its_owner() {
    let ca = authority();
    let mut settings = listening(&ca, &["127.0.0.1"]);
    settings.server_tls = Some(demanding(&ca, ca.issue(&["127.0.0.1"], now()).unwrap()));
    let mut server = user_agent_with(settings).await;
    let mut settings = TransportSettings::silent();
    let own = ca.issue(&["peer.example.org"], now()).unwrap();
    settings.client_tls = Some(ClientTls::with_identity(&[ca.certificate().clone()], own).unwrap());
    let mut client = user_agent_with(settings).await;
    let to = target(&server, Transport::Tls);
    send(
        &client.0,
        request(&client.0, to.peer(), Method::Options)
            .build()
            .unwrap(),
        to,
    );
    let Output::Incoming(incoming) = next(&mut server.1).await else {
        panic!()
    };
    let flow = incoming.flow;
    assert_eq!(
        &*server.0.certificate_names(flow.connection),
        ["peer.example.org"]
    );
    // To the address where the connection comes from: by its name it goes there, without one it must not.
    let (transport, peer) = (Transport::Tls, flow.peer);
    let nameless = Target::Address { transport, peer };
    assert_fails(&mut server, nameless, "no name").await;
    let other = server.0.server_name("other.example.org").unwrap();
    assert_fails(
        &mut server,
        Target::Server {
            transport,
            peer,
            name: other,
        },
        "another name",
    )
    .await;
    let name = server.0.server_name("peer.example.org").unwrap();
    ask(
        &mut server,
        &mut client,
        Target::Server {
            transport,
            peer,
            name,
        },
    )
    .await;

    let mut anonymous = silent(&ca).await;
    assert_fails(&mut anonymous, to, "no client certificate").await;
}

#[tokio::test]
async fn stalled_handshakes_hold_nobody_up_are_bounded_and_end() {
    let ca = authority();
    let mut settings = listening(&ca, &["127.0.0.1"]);
    settings.handshake_deadline = Duration::from_secs(2);
    settings.max_handshakes = 4;
    let mut server = user_agent_with(settings).await;
    for transport in SECURED {
        let to = server.0.address(transport).unwrap();
        let before = server.0.counters();
        let mut stalled = Vec::new();
        for _ in 0..3 {
            stalled.push(TcpStream::connect(to).await.unwrap());
        }
        let beginning = if transport.is_secure() {
            &b"\x16\x03\x01"[..]
        } else {
            b"GET / HT"
        };
        stalled[0].write_all(beginning).await.unwrap();
        let mut client = silent(&ca).await;
        let there = target(&server, transport);
        ask(&mut client, &mut server, there).await;
        for _ in 0..3 {
            stalled.push(TcpStream::connect(to).await.unwrap());
        }
        soon("those beyond the bound are closed", || {
            server.0.counters().connections_refused >= before.connections_refused + 2
        })
        .await;
        soon("those that stall are closed", || {
            server.0.counters().handshakes_failed == before.handshakes_failed + 4
        })
        .await;
        for mut stream in stalled {
            // Closed, with an alert or without.
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    }
}

#[tokio::test]
async fn clear_text_on_a_tls_port_is_refused() {
    let ca = authority();
    let server = user_agent_with(listening(&ca, &["127.0.0.1"])).await;
    for transport in [Transport::Tls, Transport::Wss] {
        let mut stream = TcpStream::connect(server.0.address(transport).unwrap())
            .await
            .unwrap();
        let clear =
            b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n\r\n";
        stream.write_all(clear).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"SIP"), "{rest:?}");
    }
    soon("both are counted", || {
        server.0.counters().handshakes_failed == 2
    })
    .await;
}

#[tokio::test]
async fn tls_needs_a_certificate_to_listen_and_authorities_to_connect() {
    let mut settings = TransportSettings::at(loopback());
    settings.tls = Some(loopback());
    let endpoint = Endpoint::new(Settings::new(Role::UserAgent));
    let error = SipNode::start(endpoint, settings, TestRandom::boxed())
        .await
        .unwrap_err();
    assert!(
        matches!(error, StartError::LocalNoCertificate(Transport::Tls)),
        "{error}"
    );
    let ca = authority();
    let server = user_agent_with(listening(&ca, &["127.0.0.1"])).await;
    let client = user_agent_with(TransportSettings::at(loopback())).await;
    let to = target(&server, Transport::Tls);
    let message = request(&client.0, to.peer(), Method::Options)
        .build()
        .unwrap();
    let refused = client
        .0
        .with(|endpoint, clocks, random| endpoint.send_request(clocks.now, random, message, to));
    assert!(refused.unwrap_err().to_string().contains("TLS"));
}

/// Runs `openssl s_client` with one OPTIONS as its input; what it printed.
async fn openssl(ca: &DevelopmentCa, to: SocketAddr, options: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, ca.certificate_pem()).unwrap();
    let mut openssl = Command::new("openssl");
    openssl
        .args([
            "s_client",
            "-connect",
            &to.to_string(),
            "-verify_return_error",
            "-CAfile",
        ])
        .arg(&authority)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = openssl.spawn().expect("openssl is installed");
    let request = "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS client.invalid;branch=z9hG4bKo\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: openssl\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let mut input = child.stdin.take().unwrap();
    let _ = input.write_all(request.as_bytes()).await;
    let mut output = child.stdout.take().unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let reading = async {
        while !text.contains("SIP/2.0 200") {
            match output.read(&mut buffer).await {
                Ok(length) if length > 0 => {
                    text.push_str(&String::from_utf8_lossy(&buffer[..length]));
                }
                _ => break,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("openssl ends or hears");
    text
}

#[tokio::test]
async fn openssl_shakes_hands_with_both_versions_and_with_no_older_one() {
    let ca = authority();
    let mut node = user_agent_with(listening(&ca, &["127.0.0.1"])).await;
    let to = node.0.address(Transport::Tls).unwrap();
    for options in [&["-tls1_3"][..], &["-tls1_2"], &["-alpn", "sip/2"]] {
        let asking = openssl(&ca, to, options);
        let (text, _) = tokio::join!(asking, answer_next(&mut node, StatusCode::OK));
        assert!(text.contains("SIP/2.0 200"), "{options:?}: {text}");
    }
    for options in [&["-tls1_1"][..], &["-alpn", "http/1.1"]] {
        let text = openssl(&ca, to, options).await;
        assert!(!text.contains("SIP/2.0"), "{options:?}: {text}");
    }
}
