//! An endpoint fed with octets, and the memory of its process.

#![allow(dead_code)]

use core::time::Duration;
use roger_base::Instant;
use roger_sip::endpoint::{
    Capacity, ConnectionId, Endpoint, Flow, Input, Output, Role, Settings, Transport,
};
use roger_sip::message::{HeaderName, Response, StatusCode};
use roger_testkit::SeededRandom;

pub const CALLS: usize = 10_000;

pub fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<usize>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

pub struct Bench {
    pub endpoint: Endpoint,
    random: SeededRandom,
    now: Instant,
}

impl Bench {
    pub fn new(role: Role) -> Self {
        let address = "10.0.0.1:5060".parse().unwrap();
        let mut settings = Settings::new(role).with_sent_by(Transport::Udp, address);
        settings.capacity = Capacity {
            reserved: 0,
            dialogs: CALLS,
            ..Capacity::default()
        };
        Self {
            endpoint: Endpoint::new(settings),
            random: SeededRandom::new(3),
            now: Instant::ORIGIN,
        }
    }

    pub fn receive(&mut self, text: &str) {
        let flow = Flow {
            transport: Transport::Udp,
            connection: ConnectionId(0),
            local: "10.0.0.1:5060".parse().unwrap(),
            peer: "10.0.0.2:5060".parse().unwrap(),
        };
        let input = Input::Datagram {
            flow,
            octets: text.as_bytes(),
        };
        self.endpoint
            .handle(self.now, &mut self.random, input)
            .unwrap();
        while let Some(output) = self.endpoint.poll() {
            let Output::Incoming(incoming) = output else {
                continue;
            };
            let mut response = Response::to(&incoming.request, StatusCode::OK);
            response
                .headers_mut()
                .push(HeaderName::CONTACT, "<sip:u@10.0.0.2:5060>;expires=600")
                .unwrap();
            response.add_to_tag("0123456789abcdef").unwrap();
            self.endpoint
                .respond(self.now, &mut self.random, incoming.transaction, response)
                .unwrap();
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.endpoint.handle_timeout(self.now, &mut self.random);
        while self.endpoint.poll().is_some() {}
    }
}

pub fn message(method: &str, number: usize, cseq: u32, to_tag: &str) -> String {
    format!(
        "{method} sip:ims.example.org SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{method}{number:016x};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:user-{number}@ims.example.org>;tag=f{number}\r\nTo: <sip:user-{number}@ims.example.org>{to_tag}\r\n\
         Call-ID: {number:032x}\r\nCSeq: {cseq} {method}\r\nContact: <sip:user-{number}@10.0.0.2:5060>\r\n\
         Expires: 600\r\nContent-Length: 0\r\n\r\n"
    )
}
