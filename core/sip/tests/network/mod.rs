//! Two or more endpoints joined by a network in virtual time that delays and loses what it is told to.

#![allow(dead_code)]

use core::time::Duration;
use roger_base::Instant;
use roger_sip::endpoint::{
    ConnectionId, Endpoint, Flow, Input, Output, Role, Settings, Target, Transmit, Transport,
};
use roger_sip::header::NameAddr;
use roger_sip::message::{HeaderName, Message, Method, Request, RequestBuilder};
use roger_sip::uri::Uri;
use roger_testkit::SeededRandom;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the network does to a message: `None` loses it, else the delay.
pub type Fate = Box<dyn FnMut(&Wire) -> Option<Duration>>;

/// A message on the wire.
#[derive(Debug, Clone)]
pub struct Wire {
    pub at: Instant,
    pub from: usize,
    pub to: usize,
    pub transport: Transport,
    pub octets: Arc<[u8]>,
}

impl Wire {
    /// `INVITE`, or `200 INVITE`.
    pub fn label(&self) -> String {
        match Message::parse_datagram(&self.octets, &roger_sip::message::Limits::default()) {
            Ok(Message::Request(request)) => request.method().to_string(),
            Ok(Message::Response(response)) => {
                let method = response.headers().cseq().unwrap().method;
                format!("{} {method}", response.status())
            }
            Err(error) => error.to_string(),
        }
    }
}

/// One endpoint and what it told its user.
pub struct Peer {
    pub endpoint: Endpoint,
    pub address: SocketAddr,
    pub events: VecDeque<(Instant, Output)>,
}

/// All endpoints and the wire between them.
pub struct Network {
    pub now: Instant,
    pub random: SeededRandom,
    pub peers: Vec<Peer>,
    pub fate: Fate,
    /// Everything sent, lost or not.
    pub log: Vec<Wire>,
    flying: Vec<(Instant, usize, Wire)>,
    sequence: usize,
}

pub fn address(index: usize) -> SocketAddr {
    format!("10.0.0.{}:5060", index + 1).parse().unwrap()
}

pub fn at(milliseconds: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(milliseconds))
}

pub fn milliseconds(instant: Instant) -> u64 {
    instant.since_origin().as_millis() as u64
}

impl Network {
    /// User agents `0..count` with a delay of 10 ms and no loss.
    pub fn new(count: usize) -> Self {
        Self::with(&vec![Settings::new(Role::UserAgent); count])
    }

    pub fn with(settings: &[Settings]) -> Self {
        let peers = settings.iter().enumerate().map(|(index, settings)| {
            let settings = settings
                .clone()
                .with_sent_by(Transport::Udp, address(index))
                .with_sent_by(Transport::Tcp, address(index));
            Peer {
                endpoint: Endpoint::new(settings),
                address: address(index),
                events: VecDeque::new(),
            }
        });
        Self {
            now: Instant::ORIGIN,
            random: SeededRandom::new(1),
            peers: peers.collect(),
            fate: Box::new(|_| Some(Duration::from_millis(10))),
            log: Vec::new(),
            flying: Vec::new(),
            sequence: 0,
        }
    }

    /// Calls an endpoint, then sends what it wants sent.
    pub fn with_peer<R>(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut Endpoint, Instant, &mut SeededRandom) -> R,
    ) -> R {
        let result = call(&mut self.peers[index].endpoint, self.now, &mut self.random);
        self.pump(index);
        result
    }

    fn pump(&mut self, index: usize) {
        while let Some(output) = self.peers[index].endpoint.poll() {
            match output {
                Output::Transmit(transmit) => self.send(index, transmit),
                event => self.peers[index].events.push_back((self.now, event)),
            }
        }
    }

    fn send(&mut self, from: usize, transmit: Transmit) {
        let peer = transmit.target.peer();
        // What goes to nobody is lost.
        let Some(to) = self
            .peers
            .iter()
            .position(|candidate| candidate.address == peer)
        else {
            return;
        };
        let wire = Wire {
            at: self.now,
            from,
            to,
            transport: transmit.target.transport(),
            octets: transmit.octets,
        };
        self.log.push(wire.clone());
        if let Some(delay) = (self.fate)(&wire) {
            self.sequence += 1;
            self.flying.push((self.now + delay, self.sequence, wire));
        }
    }

    /// Lets time pass until `end`.
    pub fn run_until(&mut self, end: Instant) {
        loop {
            let arrival = self
                .flying
                .iter()
                .map(|(at, sequence, _)| (*at, *sequence))
                .min();
            let timers = self
                .peers
                .iter()
                .filter_map(|peer| peer.endpoint.deadline());
            let timer = timers.map(|(at, _)| at).min();
            let arrives = arrival.map(|(at, _)| at);
            let Some(next) = [arrives, timer].into_iter().flatten().min() else {
                break;
            };
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if arrives == Some(next) {
                let wanted = arrival.unwrap().1;
                let position = self
                    .flying
                    .iter()
                    .position(|(_, sequence, _)| *sequence == wanted);
                let (_, _, wire) = self.flying.swap_remove(position.unwrap());
                self.deliver(&wire);
            } else {
                for index in 0..self.peers.len() {
                    self.with_peer(index, |endpoint, now, random| {
                        endpoint.handle_timeout(now, random)
                    });
                }
            }
        }
        self.now = self.now.max(end);
    }

    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    /// Hands one message to its receiver.
    pub fn deliver(&mut self, wire: &Wire) {
        let flow = self.flow(wire);
        let octets = Arc::clone(&wire.octets);
        let _ = self.with_peer(wire.to, |endpoint, now, random| {
            endpoint.handle(
                now,
                random,
                Input::Datagram {
                    flow,
                    octets: &octets,
                },
            )
        });
    }

    pub fn flow(&self, wire: &Wire) -> Flow {
        Flow {
            transport: wire.transport,
            connection: ConnectionId(wire.from as u64 + 1),
            local: self.peers[wire.to].address,
            peer: self.peers[wire.from].address,
        }
    }

    /// Octets from nowhere in particular.
    pub fn inject(&mut self, from: usize, to: usize, text: &str) {
        let wire = Wire {
            at: self.now,
            from,
            to,
            transport: Transport::Udp,
            octets: text.as_bytes().into(),
        };
        self.deliver(&wire);
    }

    pub fn event(&mut self, index: usize) -> Option<Output> {
        self.peers[index].events.pop_front().map(|(_, event)| event)
    }

    /// Messages sent by one peer: milliseconds and label.
    pub fn sent(&self, from: usize) -> Vec<(u64, String)> {
        let own = self.log.iter().filter(|wire| wire.from == from);
        own.map(|wire| (milliseconds(wire.at), wire.label()))
            .collect()
    }

    pub fn request(&mut self, from: usize, to: usize, method: Method) -> RequestBuilder {
        let mut octets = [0; 8];
        roger_base::Random::fill(&mut self.random, &mut octets).unwrap();
        let id = u64::from_be_bytes(octets);
        let local = Uri::sip_address(address(from));
        let remote = Uri::sip_address(address(to));
        let builder = Request::builder(method.clone(), remote.clone())
            .header(
                HeaderName::FROM,
                NameAddr::new(local.clone()).with_tag("here").to_string(),
            )
            .header(HeaderName::TO, NameAddr::new(remote).to_string())
            .header(HeaderName::CALL_ID, format!("{id:x}"))
            .header(HeaderName::CSEQ, "1");
        match method {
            Method::Invite | Method::Subscribe => {
                builder.header(HeaderName::CONTACT, NameAddr::new(local).to_string())
            }
            _ => builder,
        }
    }
}

pub fn udp(to: usize) -> Target {
    Target::udp(address(to))
}

pub fn tcp(to: usize) -> Target {
    Target::tcp(address(to))
}
