//! Nodes on loopback.

#![allow(dead_code)]

pub mod secure;

use roger_adapter_sip::{SipHandle, SipNode, TransportSettings};
use roger_base::Impu;
use roger_base::{Random, RandomError, SecretBytes};
use roger_sip::endpoint::{Endpoint, Output, Role, Settings, Target};
use roger_sip::header::NameAddr;
use roger_sip::message::{HeaderName, Method, Request, RequestBuilder, Response, StatusCode};
use roger_sip::uri::Uri;
use roger_sipcore::{Subscriber, SubscriberRepository};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;

pub type Node = (SipHandle<Endpoint>, Receiver<Output>);

/// Unlike every other of the process; what a test needs, never a key.
pub struct TestRandom(roger_testkit::SeededRandom);

impl TestRandom {
    pub fn boxed() -> Box<dyn Random> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let seed = u64::from(std::process::id()) << 32 | number;
        Box::new(Self(roger_testkit::SeededRandom::new(seed)))
    }
}

impl Random for TestRandom {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(buffer)
    }
}

pub fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub async fn user_agent() -> Node {
    user_agent_with(TransportSettings::at(loopback())).await
}

pub async fn user_agent_with(settings: TransportSettings) -> Node {
    let endpoint = Endpoint::new(Settings::new(Role::UserAgent));
    SipNode::start(endpoint, settings, TestRandom::boxed())
        .await
        .unwrap()
}

/// The next event, which must come.
pub async fn next<E>(events: &mut Receiver<E>) -> E {
    let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await;
    event.expect("an event comes").expect("the node runs")
}

pub fn request(from: &SipHandle<Endpoint>, to: SocketAddr, method: Method) -> RequestBuilder {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let own = from.udp_address().or(from.tcp_address());
    let local = Uri::sip_address(own.unwrap_or(loopback()));
    let remote = Uri::sip_address(to);
    let builder = Request::builder(method.clone(), remote.clone())
        .header(
            HeaderName::FROM,
            NameAddr::new(local.clone()).with_tag("t").to_string(),
        )
        .header(HeaderName::TO, NameAddr::new(remote).to_string())
        .header(HeaderName::CALL_ID, format!("call-{number}"))
        .header(HeaderName::CSEQ, "1");
    match method {
        Method::Invite | Method::Subscribe => {
            builder.header(HeaderName::CONTACT, NameAddr::new(local).to_string())
        }
        _ => builder,
    }
}

pub fn send(node: &SipHandle<Endpoint>, request: Request, target: Target) {
    node.with(|endpoint, clocks, random| {
        endpoint.send_request(clocks.now, random, request, target)
    })
    .unwrap();
}

/// Answers the next request of a node, which must come.
pub async fn answer_next(node: &mut Node, status: StatusCode) -> Request {
    loop {
        if let Output::Incoming(incoming) = next(&mut node.1).await {
            let response = Response::to(&incoming.request, status);
            node.0
                .with(|endpoint, clocks, random| {
                    endpoint.respond(clocks.now, random, incoming.transaction, response)
                })
                .unwrap();
            return incoming.request;
        }
    }
}

/// The next final response a node hears.
pub async fn final_response(node: &mut Node) -> Response {
    loop {
        match next(&mut node.1).await {
            Output::Response(answer) if answer.response.status().is_final() => {
                return answer.response;
            }
            Output::Failed { failure, .. } => panic!("{failure:?}"),
            _ => {}
        }
    }
}

/// Any user `u…` with one password.
pub struct AnyUser {
    pub domain: &'static str,
}

pub const PASSWORD: &str = "password-for-tests";
pub const DOMAIN: &str = "ims.example.org";

impl SubscriberRepository for AnyUser {
    fn by_username(&self, username: &str) -> Option<Subscriber> {
        username.starts_with('u').then(|| Subscriber {
            username: username.to_owned(),
            identities: vec![Impu::new(format!("sip:{username}@{}", self.domain)).unwrap()],
            password: SecretBytes::new(PASSWORD.as_bytes().to_vec()),
        })
    }

    fn by_identity(&self, identity: &str) -> Option<Subscriber> {
        let user = identity
            .strip_prefix("sip:")?
            .strip_suffix(&format!("@{}", self.domain))?;
        self.by_username(user)
    }
}

/// The node closes the connection, whatever it says before.
pub async fn assert_closed(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    let closing = async {
        while stream
            .read(&mut buffer)
            .await
            .is_ok_and(|length| length > 0)
        {}
    };
    tokio::time::timeout(Duration::from_secs(20), closing)
        .await
        .expect("the node closes");
}
