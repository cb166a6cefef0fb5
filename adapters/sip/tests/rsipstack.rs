//! rsipstack as an independent peer, over UDP, TCP, TLS and WebSocket (its WSS takes no authority of ours): it registers, sends requests and calls us; we send
//! requests and call it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod common;

use common::secure::{authority, listening, now};
use common::{
    AnyUser, Node, PASSWORD, TestRandom, answer_next, final_response, loopback, next, request,
    send, user_agent_with,
};
use roger_adapter_sip::{SipNode, TransportSettings};
use roger_adapter_tls::DevelopmentCa;
use roger_sip::digest::Algorithm;
use roger_sip::endpoint::{Output, Target, Transport};
use roger_sip::message::{Method, Response, StatusCode};
use roger_sip::uri::Uri;
use roger_sipcore::{CoreSettings, SipCore};
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::dialog::Dialog;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::registration::Registration;
use rsipstack::transaction::endpoint::Endpoint;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{
    SipConnection, TcpListenerConnection, TlsConfig, TlsListenerConnection, TransportLayer,
    WebSocketListenerConnection,
};
use rsipstack::{EndpointBuilder, sip};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";

/// An rsipstack element that answers 200 to everything and lives until it is dropped.
struct Peer {
    endpoint: Endpoint,
    dialogs: Arc<DialogLayer>,
    address: SocketAddr,
    transport: Transport,
    _stop: DropGuard,
}

impl Peer {
    async fn start(transport: Transport) -> Self {
        let cancel = CancellationToken::new();
        let layer = TransportLayer::new(cancel.clone());
        let address = match transport {
            Transport::Udp => {
                let udp =
                    UdpConnection::create_connection(loopback(), None, Some(cancel.child_token()));
                let udp = udp.await.unwrap();
                let address = udp.get_addr().get_socketaddr().unwrap();
                layer.add_transport(udp.into());
                address
            }
            _ => {
                // It wants to know its port before it listens.
                let address = TcpListener::bind(loopback()).unwrap().local_addr().unwrap();
                layer.set_tls_config(its_tls());
                layer.add_transport(stream_listener(transport, address).await);
                address
            }
        };
        let endpoint = EndpointBuilder::new()
            .with_transport_layer(layer)
            .with_cancel_token(cancel.clone())
            .build();
        let inner = endpoint.inner.clone();
        tokio::spawn(async move { inner.serve().await });
        let dialogs = Arc::new(DialogLayer::new(endpoint.inner.clone()));
        let contact = uri(&format!(
            "sip:peer@{address};transport={}",
            transport.parameter()
        ));
        let mut incoming = endpoint.incoming_transactions().unwrap();
        let serving = Arc::clone(&dialogs);
        tokio::spawn(async move {
            while let Some(transaction) = incoming.recv().await {
                tokio::spawn(serve(Arc::clone(&serving), transaction, contact.clone()));
            }
        });
        let peer = Self {
            endpoint,
            dialogs,
            address,
            transport,
            _stop: cancel.drop_guard(),
        };
        peer.wait_until_it_listens().await;
        peer
    }

    async fn wait_until_it_listens(&self) {
        if self.transport == Transport::Udp {
            return;
        }
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn target(&self) -> Target {
        Target::Address {
            transport: self.transport,
            peer: self.address,
        }
    }

    /// Sends a request and waits for its final response.
    async fn ask(&self, method: sip::Method, to: &str, body: Vec<u8>) -> sip::Response {
        let to = uri(to);
        let inner = &self.endpoint.inner;
        let own = inner.get_addrs().first().cloned();
        let from = uri(&format!("sip:peer@{}", self.address));
        let via = inner.get_via(own, None).unwrap();
        let from = sip::typed::From {
            display_name: None,
            uri: from,
            params: vec![],
        };
        let from = from.with_tag("rsipstack".into());
        let target = sip::typed::To {
            display_name: None,
            uri: to.clone(),
            params: vec![],
        };
        let mut request = inner.make_request(method, to, via, from, target, 1, None);
        request
            .headers
            .push(sip::Header::ContentType("text/plain".into()));
        request
            .headers
            .push(sip::Header::ContentLength((body.len() as u32).into()));
        request.body = body;
        let key = TransactionKey::from_request(&request, TransactionRole::Client).unwrap();
        let mut transaction = Transaction::new_client(key, request, inner.clone(), None);
        transaction.send().await.unwrap();
        loop {
            let message =
                tokio::time::timeout(Duration::from_secs(20), transaction.receive()).await;
            match message.unwrap() {
                Some(sip::SipMessage::Response(response))
                    if u16::from(response.status_code.clone()) >= 200 =>
                {
                    return response;
                }
                Some(_) => {}
                None => panic!("no final response"),
            }
        }
    }
}

async fn stream_listener(transport: Transport, address: SocketAddr) -> SipConnection {
    match transport {
        Transport::Tls => {
            let listener = TlsListenerConnection::new(address, None, its_tls()).await;
            listener.unwrap().into()
        }
        Transport::Ws => {
            let listener = WebSocketListenerConnection::new(address, None, false).await;
            listener.unwrap().into()
        }
        _ => TcpListenerConnection::new(address, None)
            .await
            .unwrap()
            .into(),
    }
}

fn uri(text: &str) -> sip::Uri {
    text.try_into().unwrap()
}

async fn serve(dialogs: Arc<DialogLayer>, mut transaction: Transaction, contact: sip::Uri) {
    if let Some(Dialog::Invite(mut dialog)) = dialogs.match_dialog(&transaction) {
        let _ = dialog.handle(&mut transaction).await;
        return;
    }
    if transaction.original.method != sip::Method::Invite {
        let _ = transaction.reply(sip::StatusCode::OK).await;
        while transaction.receive().await.is_some() {}
        return;
    }
    let (states, _kept) = dialogs.new_dialog_state_channel();
    let dialog = dialogs.get_or_create_server_invite(&transaction, states, None, Some(contact));
    let mut dialog = dialog.unwrap();
    dialog.ringing(None, None).unwrap();
    dialog.accept(None, Some(SDP.as_bytes().to_vec())).unwrap();
    let _ = dialog.handle(&mut transaction).await;
}

fn ours(address: SocketAddr, transport: Transport) -> String {
    format!("sip:us@{address};transport={}", transport.parameter())
}

const EACH: [Transport; 4] = [
    Transport::Udp,
    Transport::Tcp,
    Transport::Tls,
    Transport::Ws,
];

fn ca() -> &'static DevelopmentCa {
    static CA: OnceLock<DevelopmentCa> = OnceLock::new();
    CA.get_or_init(|| {
        // It takes the provider of the process.
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let _ = provider.install_default();
        authority()
    })
}

/// Certificate, key and authority for it.
fn its_tls() -> TlsConfig {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert"), folder.path().join("key"));
    let identity = ca().issue(&["127.0.0.1"], now()).unwrap();
    identity.write_pem(&cert, &key).unwrap();
    TlsConfig {
        cert: Some(std::fs::read(cert).unwrap()),
        key: Some(std::fs::read(key).unwrap()),
        ca_certs: Some(ca().certificate_pem().as_bytes().to_vec()),
        ..TlsConfig::default()
    }
}

fn our_sockets() -> TransportSettings {
    listening(ca(), &["127.0.0.1"])
}

async fn our_node() -> Node {
    user_agent_with(our_sockets()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_registers_at_our_core() {
    for transport in EACH {
        let peer = Peer::start(transport).await;
        let domain = "127.0.0.1";
        let mut random = TestRandom::boxed();
        // It stops at a challenge it does not know, so SHA-256 must not be offered.
        let mut settings = CoreSettings::new(domain);
        settings.algorithms = vec![Algorithm::Md5];
        let core = SipCore::new(settings, AnyUser { domain }, random.as_mut()).unwrap();
        let (core, _events) = SipNode::start(core, our_sockets(), random).await.unwrap();
        let registrar = core.address(transport).unwrap();
        let server = uri(&format!(
            "sip:{registrar};transport={}",
            transport.parameter()
        ));
        for (password, expected) in [(PASSWORD, 200), ("guess", 403)] {
            let credential = Credential {
                username: "u1".into(),
                password: password.into(),
                realm: None,
                auth_username: None,
            };
            let mut registration = Registration::new(peer.endpoint.inner.clone(), Some(credential));
            let response = registration
                .register(server.clone(), Some(600))
                .await
                .unwrap();
            assert_eq!(u16::from(response.status_code), expected, "{transport}");
            if expected == 200 {
                assert_eq!(core.with(|core, _, _| core.registrations()), 1);
                registration
                    .register(server.clone(), Some(0))
                    .await
                    .unwrap();
            }
            assert_eq!(core.with(|core, _, _| core.registrations()), 0);
        }
        core.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_sends_us_requests() {
    for transport in EACH {
        let peer = Peer::start(transport).await;
        let mut node = our_node().await;
        let to = ours(node.0.address(transport).unwrap(), transport);
        for (method, status) in [
            (sip::Method::Options, StatusCode::OK),
            (sip::Method::Message, StatusCode::FORBIDDEN),
        ] {
            // Over WebSocket it writes text only, and so damages octets that are none.
            let last = if transport == Transport::Ws { 127 } else { 255 };
            let body: Vec<u8> = (0..=last).collect();
            let asking = peer.ask(method, &to, body.clone());
            let (response, got) = tokio::join!(asking, answer_next(&mut node, status));
            assert_eq!(u16::from(response.status_code), status.as_u16());
            assert_eq!(got.body(), body);
            assert_eq!(
                got.headers().top_via().unwrap().transport,
                transport.as_str()
            );
        }
        node.0.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_answers_our_requests() {
    for transport in EACH {
        let peer = Peer::start(transport).await;
        let mut node = our_node().await;
        for method in [Method::Options, Method::Message] {
            let asked = request(&node.0, peer.address, method)
                .body("text/plain", "hello")
                .build();
            send(&node.0, asked.unwrap(), peer.target());
            assert_eq!(
                final_response(&mut node).await.status(),
                StatusCode::OK,
                "{transport}"
            );
        }
        node.0.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_calls_us_and_hangs_up() {
    for transport in EACH {
        let peer = Peer::start(transport).await;
        let mut node = our_node().await;
        let option = InviteOption {
            callee: uri(&ours(node.0.address(transport).unwrap(), transport)),
            caller: uri("sip:peer@example.org"),
            contact: uri(&format!(
                "sip:peer@{};transport={}",
                peer.address,
                transport.parameter()
            )),
            content_type: Some("application/sdp".into()),
            offer: Some(SDP.as_bytes().to_vec()),
            ..Default::default()
        };
        let (states, _kept) = peer.dialogs.new_dialog_state_channel();
        let dialogs = Arc::clone(&peer.dialogs);
        let calling = tokio::spawn(async move { dialogs.do_invite(option, states).await });
        let Output::Incoming(invite) = next(&mut node.1).await else {
            panic!()
        };
        assert_eq!(invite.request.body(), SDP.as_bytes());
        let mut response = Response::to(&invite.request, StatusCode::OK);
        response.set_body("application/sdp", SDP.into()).unwrap();
        let dialog = node
            .0
            .with(|endpoint, clocks, random| {
                endpoint.respond(clocks.now, random, invite.transaction, response)
            })
            .unwrap();
        let (call, response) = calling.await.unwrap().unwrap();
        assert_eq!(u16::from(response.unwrap().status_code), 200);
        let Output::Ack(ack) = next(&mut node.1).await else {
            panic!()
        };
        assert_eq!(ack.dialog, dialog);
        let (ended, bye) = tokio::join!(call.bye(), answer_next(&mut node, StatusCode::OK));
        ended.unwrap();
        assert_eq!(*bye.method(), Method::Bye);
        assert_eq!(node.0.with(|endpoint, _, _| endpoint.load().dialogs), 0);
        node.0.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_call_it_and_hang_up() {
    for transport in EACH {
        let peer = Peer::start(transport).await;
        let mut node = our_node().await;
        let own = ours(node.0.address(transport).unwrap(), transport);
        let mut invite = request(&node.0, peer.address, Method::Invite)
            .build()
            .unwrap();
        let contact = format!("<{}>", Uri::parse(own.as_bytes()).unwrap());
        invite
            .headers_mut()
            .set(roger_sip::message::HeaderName::CONTACT, contact)
            .unwrap();
        invite.set_body("application/sdp", SDP.into()).unwrap();
        send(&node.0, invite, peer.target());
        let mut early = None;
        let dialog = loop {
            match next(&mut node.1).await {
                Output::Response(answer) if answer.response.status() == StatusCode::OK => {
                    assert_eq!(answer.response.body(), SDP.as_bytes());
                    break answer.dialog;
                }
                Output::Response(answer) => early = answer.dialog.or(early),
                other => panic!("{other:?}"),
            }
        };
        assert!(
            dialog.is_some() && early == dialog,
            "the early dialog became the call"
        );
        let dialog = dialog.unwrap();
        node.0
            .with(|endpoint, clocks, random| endpoint.ack(clocks.now, random, dialog, None))
            .unwrap();
        node.0
            .with(|endpoint, clocks, random| endpoint.bye(clocks.now, random, dialog))
            .unwrap();
        assert_eq!(
            final_response(&mut node).await.status(),
            StatusCode::OK,
            "{transport}"
        );
        assert!(matches!(
            next(&mut node.1).await,
            Output::DialogEnded { .. }
        ));
        node.0.stop();
    }
}
