//! A core, application servers and UEs on one network in virtual time.

#![allow(dead_code)]

use core::time::Duration;
use roger_base::{Impu, Instant, SecretBytes, ServerUri, UnixTime};
use roger_sip::application::Clocks;
use roger_sip::digest::DigestClient;
use roger_sip::endpoint::{
    ConnectionId, Element, Endpoint, Flow, Incoming, Input, Output, Polled, Role, Settings, Target,
    Transport,
};
use roger_sip::header::NameAddr;
use roger_sip::message::{
    HeaderName, Limits, Message, Method, Request, RequestBuilder, Response, StatusCode,
};
use roger_sip::uri::Uri;
use roger_sipcore::{
    ApplicationServer, CoreEvent, CoreSettings, MemorySubscribers, Service, SipCore, Subscriber,
    TrustedPeer,
};
use roger_testkit::SeededRandom;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

pub const DOMAIN: &str = "ims.example.org";
pub const PSI: &str = "sip:mcptt-pf@mcptt.example.org";
/// Peers by number: the application server, then UEs.
pub const SERVER: usize = 0;
pub const ALICE: usize = 1;
pub const BOB: usize = 2;
pub const MALLORY: usize = 3;

pub struct Wire {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub octets: Arc<[u8]>,
}

impl Wire {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.octets).into_owned()
    }

    pub fn message(&self) -> Message {
        Message::parse_datagram(&self.octets, &Limits::default()).unwrap()
    }
}

pub struct Peer {
    pub endpoint: Endpoint,
    pub address: SocketAddr,
    pub events: VecDeque<Output>,
    pub digest: DigestClient,
    pub cseq: u32,
}

pub struct Bench {
    pub now: Instant,
    pub random: SeededRandom,
    pub core: SipCore<MemorySubscribers>,
    pub core_events: Vec<CoreEvent>,
    pub peers: Vec<Peer>,
    pub log: Vec<Wire>,
    /// Connections of each peer that were closed.
    closed: [u64; 4],
    flying: VecDeque<(Instant, Wire, Transport)>,
}

pub fn core_address() -> SocketAddr {
    "10.0.0.100:5060".parse().unwrap()
}

pub fn address(index: usize) -> SocketAddr {
    format!("10.0.0.{}:5060", index + 1).parse().unwrap()
}

pub fn name(index: usize) -> &'static str {
    ["server", "alice", "bob", "mallory"][index]
}

pub fn identity(index: usize) -> String {
    format!("sip:{}@{DOMAIN}", name(index))
}

pub fn subscriber(index: usize) -> Subscriber {
    Subscriber {
        username: format!("{}@private.example.org", name(index)),
        identities: vec![
            Impu::new(identity(index)).unwrap(),
            Impu::new(format!("sip:{}-2@{DOMAIN}", name(index))).unwrap(),
        ],
        password: SecretBytes::new(format!("secret of {}", name(index)).into_bytes()),
    }
}

pub fn settings() -> CoreSettings {
    let target = Target::tcp(address(SERVER));
    let mut settings = CoreSettings::new(DOMAIN);
    settings.trusted = vec![TrustedPeer::Address(address(SERVER).ip())];
    settings.services = vec![Service {
        identity: ServerUri::new(PSI).unwrap(),
        target,
    }];
    settings.application_servers = vec![ApplicationServer {
        identity: ServerUri::new(PSI).unwrap(),
        target,
        feature_tag: "+g.3gpp.mcptt".into(),
    }];
    settings
}

impl Bench {
    pub fn new(settings: CoreSettings) -> Self {
        let mut random = SeededRandom::new(7);
        let subscribers: MemorySubscribers = (1..4).map(subscriber).collect();
        let mut core = SipCore::new(settings, subscribers, &mut random).unwrap();
        core.bound(Transport::Udp, core_address());
        core.bound(Transport::Tcp, core_address());
        let peers = (0..4).map(|index| {
            let mut settings = Settings::new(Role::UserAgent);
            settings.sent_by.insert(Transport::Udp, address(index));
            settings.sent_by.insert(Transport::Tcp, address(index));
            Peer {
                endpoint: Endpoint::new(settings),
                address: address(index),
                events: VecDeque::new(),
                digest: DigestClient::new(
                    &format!("{}@private.example.org", name(index)),
                    SecretBytes::new(format!("secret of {}", name(index)).into_bytes()),
                ),
                cseq: 0,
            }
        });
        Self {
            now: Instant::ORIGIN,
            random,
            core,
            core_events: Vec::new(),
            peers: peers.collect(),
            log: Vec::new(),
            closed: [0; 4],
            flying: VecDeque::new(),
        }
    }

    fn clocks(&self) -> Clocks {
        Clocks {
            now: self.now,
            utc: UnixTime(1_800_000_000),
        }
    }

    pub fn with<R>(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut Endpoint, Instant, &mut SeededRandom) -> R,
    ) -> R {
        let peer = &mut self.peers[index];
        let result = call(&mut peer.endpoint, self.now, &mut self.random);
        while let Some(output) = peer.endpoint.poll() {
            match output {
                Output::Transmit(transmit) => {
                    let wire = Wire {
                        from: peer.address,
                        to: transmit.target.peer(),
                        octets: transmit.octets,
                    };
                    let at = self.now + Duration::from_millis(1);
                    self.flying
                        .push_back((at, wire, transmit.target.transport()));
                }
                event => peer.events.push_back(event),
            }
        }
        result
    }

    fn with_core(
        &mut self,
        call: impl FnOnce(&mut SipCore<MemorySubscribers>, Clocks, &mut SeededRandom),
    ) {
        let clocks = self.clocks();
        call(&mut self.core, clocks, &mut self.random);
        while let Some(polled) = self.core.poll() {
            match polled {
                Polled::Transmit(transmit) => {
                    let wire = Wire {
                        from: core_address(),
                        to: transmit.target.peer(),
                        octets: transmit.octets,
                    };
                    let at = self.now + Duration::from_millis(1);
                    self.flying
                        .push_back((at, wire, transmit.target.transport()));
                }
                Polled::Event(event) => self.core_events.push(event),
            }
        }
    }

    pub fn run_until(&mut self, end: Instant) {
        loop {
            let arrival = self.flying.front().map(|(at, ..)| *at);
            let timers = self
                .peers
                .iter()
                .filter_map(|peer| peer.endpoint.deadline());
            let timer = timers.map(|(at, _)| at).chain(self.core.deadline()).min();
            let Some(next) = [arrival, timer].into_iter().flatten().min() else {
                break;
            };
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let (_, wire, transport) = self.flying.pop_front().unwrap();
                self.deliver(wire, transport);
                continue;
            }
            for index in 0..self.peers.len() {
                self.with(index, |endpoint, now, random| {
                    endpoint.handle_timeout(now, random)
                });
            }
            self.with_core(|core, clocks, random| core.handle_timeout(clocks, random));
        }
        self.now = self.now.max(end);
    }

    pub fn settle(&mut self) {
        self.run_until(self.now + Duration::from_millis(20));
    }

    fn deliver(&mut self, wire: Wire, transport: Transport) {
        let flow = Flow {
            transport,
            connection: self.connection(wire.from),
            local: wire.to,
            peer: wire.from,
        };
        let octets = Arc::clone(&wire.octets);
        let to = wire.to;
        self.log.push(wire);
        let input = Input::Datagram {
            flow,
            octets: &octets,
        };
        if to == core_address() {
            self.with_core(|core, clocks, random| {
                let _ = core.handle(clocks, random, input);
            });
            return;
        }
        // What goes to nobody is lost.
        let Some(index) = self.peers.iter().position(|peer| peer.address == to) else {
            return;
        };
        let _ = self.with(index, |endpoint, now, random| {
            endpoint.handle(now, random, input)
        });
    }

    /// Octets from a peer to the core.
    pub fn inject(&mut self, from: usize, octets: &[u8]) {
        let wire = Wire {
            from: address(from),
            to: core_address(),
            octets: octets.into(),
        };
        self.deliver(wire, Transport::Udp);
    }

    /// The connection a peer has now.
    fn connection(&self, peer: SocketAddr) -> ConnectionId {
        let index = self.peers.iter().position(|known| known.address == peer);
        ConnectionId(index.map_or(0, |index| index as u64 + 1 + 100 * self.closed[index]))
    }

    /// Closes the stream between a peer and the core.
    pub fn close(&mut self, index: usize) {
        let flow = Flow {
            transport: Transport::Tcp,
            connection: self.connection(address(index)),
            local: core_address(),
            peer: address(index),
        };
        self.with_core(|core, clocks, random| {
            core.handle(clocks, random, Input::Closed { flow }).unwrap();
        });
        self.closed[index] += 1;
    }

    pub fn request(&mut self, from: usize, method: Method, uri: &str) -> RequestBuilder {
        let peer = &mut self.peers[from];
        peer.cseq += 1;
        let call_id = format!("{}-{}", name(from), peer.cseq);
        let contact = Uri::sip_address(address(from)).with_param("transport", Some("tcp"));
        let builder = Request::builder(method.clone(), Uri::parse(uri.as_bytes()).unwrap())
            .header(
                HeaderName::FROM,
                format!("<{}>;tag=f{}", identity(from), peer.cseq),
            )
            .header(HeaderName::TO, format!("<{uri}>"))
            .header(HeaderName::CALL_ID, call_id)
            .header(HeaderName::CSEQ, "1");
        match method {
            Method::Invite | Method::Subscribe => {
                builder.header(HeaderName::CONTACT, NameAddr::new(contact).to_string())
            }
            _ => builder,
        }
    }

    pub fn send(&mut self, from: usize, request: Request) {
        self.with(from, |endpoint, now, random| {
            endpoint.send_request(now, random, request, Target::tcp(core_address()))
        })
        .unwrap();
    }

    pub fn register_request(&mut self, index: usize, expires: u32) -> Request {
        let peer = &mut self.peers[index];
        peer.cseq += 1;
        let contact = format!(
            "<sip:{}@{};transport=tcp>;+sip.instance=\"<urn:uuid:0000000{index}>\";+g.3gpp.mcptt;\
             +g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\"",
            name(index),
            address(index)
        );
        let (cseq, identity) = (peer.cseq, identity(index));
        Request::builder(
            Method::Register,
            Uri::parse(format!("sip:{DOMAIN}").as_bytes()).unwrap(),
        )
        .header(HeaderName::FROM, format!("<{identity}>;tag=r"))
        .header(HeaderName::TO, format!("<{identity}>"))
        .header(HeaderName::CALL_ID, format!("register-{index}"))
        .header(HeaderName::CSEQ, cseq.to_string())
        .header(HeaderName::CONTACT, contact)
        .header(HeaderName::EXPIRES, expires.to_string())
        .build()
        .unwrap()
    }

    /// REGISTER with the answer to the challenge; the final response.
    pub fn register_with(&mut self, index: usize, request: Request) -> Response {
        self.send(index, request.clone());
        self.settle();
        let response = self.response(index);
        if response.status() != StatusCode::UNAUTHORIZED {
            return response;
        }
        let mut request = request;
        let peer = &mut self.peers[index];
        peer.digest.learn(&response, &request).unwrap();
        peer.cseq += 1;
        let cseq = format!("{} REGISTER", peer.cseq);
        request.headers_mut().set(HeaderName::CSEQ, cseq).unwrap();
        peer.digest
            .authorise(&mut request, &mut self.random)
            .unwrap();
        self.send(index, request);
        self.settle();
        self.response(index)
    }

    pub fn register(&mut self, index: usize) -> Response {
        let request = self.register_request(index, 3600);
        self.register_with(index, request)
    }

    pub fn response(&mut self, index: usize) -> Response {
        while let Some(event) = self.peers[index].events.pop_front() {
            if let Output::Response(answer) = event {
                return answer.response;
            }
        }
        panic!("{} has no response", name(index));
    }

    pub fn incoming(&mut self, index: usize) -> Incoming {
        while let Some(event) = self.peers[index].events.pop_front() {
            if let Output::Incoming(incoming) = event {
                return *incoming;
            }
        }
        panic!("{} has no request", name(index));
    }

    pub fn answer(&mut self, index: usize, incoming: &Incoming, status: StatusCode) {
        let response = Response::to(&incoming.request, status);
        let transaction = incoming.transaction;
        self.with(index, |endpoint, now, random| {
            endpoint.respond(now, random, transaction, response)
        })
        .unwrap();
        self.settle();
    }

    /// Answers the third-party REGISTER that waits at the server, and hands it out.
    pub fn third_party(&mut self, status: StatusCode) -> Request {
        let incoming = self.incoming(SERVER);
        assert_eq!(*incoming.request.method(), Method::Register);
        self.answer(SERVER, &incoming, status);
        incoming.request
    }
}

pub fn text(request: &Request, name: HeaderName<'static>) -> String {
    request
        .headers()
        .text(name)
        .map(|text| text.into_owned())
        .unwrap_or_default()
}
