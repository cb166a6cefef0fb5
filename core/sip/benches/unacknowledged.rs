//! INVITEs that are answered and never acknowledged, as an attack: what each costs must not grow with their number.
//! `cargo bench -p roger-sip --bench unacknowledged`
//!
//! Virtual time passes at the rate of the attack; CPU time is that of this thread as the scheduler counts it. In
//! the steady state each INVITE comes, is answered, its 200 is repeated until 64·T1, and it is forgotten; so the
//! table holds 32 s of the rate. Ends with 1 when one costs more than twice as much at the largest table as at the
//! smallest, or when a table does not empty.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs
)]

use core::time::Duration;
use roger_base::Instant;
use roger_sip::endpoint::{
    Capacity, ConnectionId, Endpoint, Flow, Input, Output, Role, Settings, Transport,
};
use roger_sip::message::{HeaderName, Response, StatusCode};
use roger_testkit::SeededRandom;

/// INVITEs a second: 960, 9,600 and 96,000 are held.
const RATES: [u32; 3] = [30, 300, 3_000];

/// INVITEs that are timed at each rate.
const TIMED: u32 = 20_000;

struct Attack {
    endpoint: Endpoint,
    random: SeededRandom,
    now: Instant,
    interval: Duration,
    number: u32,
    repeated: u64,
}

impl Attack {
    fn new(rate: u32) -> Self {
        let address = "10.0.0.1:5060".parse().unwrap();
        let mut settings = Settings::new(Role::UserAgent).with_sent_by(Transport::Udp, address);
        settings.capacity = Capacity {
            server_transactions: 400_000,
            reserved: 0,
            dialogs: 400_000,
            ..Capacity::default()
        };
        Self {
            endpoint: Endpoint::new(settings),
            random: SeededRandom::new(1),
            now: Instant::ORIGIN,
            interval: Duration::from_secs(1) / rate,
            number: 0,
            repeated: 0,
        }
    }

    fn poll(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Incoming(incoming) => {
                    let mut response = Response::to(&incoming.request, StatusCode::OK);
                    response
                        .headers_mut()
                        .push(HeaderName::CONTACT, "<sip:u@10.0.0.1:5060>")
                        .unwrap();
                    self.endpoint
                        .respond(self.now, &mut self.random, incoming.transaction, response)
                        .unwrap();
                }
                Output::NoAck { dialog } => self.endpoint.forget_dialog(dialog),
                Output::Transmit(_) => self.repeated += 1,
                _ => {}
            }
        }
    }

    fn invite(&mut self) {
        self.now = self.now + self.interval;
        self.number += 1;
        let number = self.number;
        let text = format!(
            "INVITE sip:u@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a@h>;tag=f{number}\r\nTo: <sip:u@h>\r\nCall-ID: {number:032x}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:a@10.0.0.2:5060>\r\nContent-Length: 0\r\n\r\n"
        );
        let flow = Flow {
            transport: Transport::Udp,
            connection: ConnectionId(0),
            local: "10.0.0.1:5060".parse().unwrap(),
            peer: "10.0.0.2:5060".parse().unwrap(),
        };
        let octets = text.as_bytes();
        self.endpoint.handle_timeout(self.now, &mut self.random);
        self.poll();
        self.endpoint
            .handle(self.now, &mut self.random, Input::Datagram { flow, octets })
            .unwrap();
        self.poll();
    }
}

fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

fn main() {
    let mut costs = Vec::new();
    let mut emptied = true;
    for rate in RATES {
        let mut attack = Attack::new(rate);
        for _ in 0..rate * 40 {
            attack.invite();
        }
        let (start, repeated) = (cpu(), attack.repeated);
        for _ in 0..TIMED {
            attack.invite();
        }
        let each = (cpu() - start).as_secs_f64() * 1e6 / f64::from(TIMED);
        let load = attack.endpoint.load();
        println!(
            "{:>6} without ACK held, {:>6} transactions: {each:6.1} µs of CPU time for each, its {:.1} messages included",
            load.dialogs,
            load.server_transactions,
            (attack.repeated - repeated) as f64 / f64::from(TIMED)
        );
        costs.push(each);
        attack.now = attack.now + Duration::from_secs(40);
        attack
            .endpoint
            .handle_timeout(attack.now, &mut attack.random);
        attack.poll();
        let load = attack.endpoint.load();
        emptied &= load.dialogs == 0 && load.server_transactions == 0;
    }
    let ratio = costs[RATES.len() - 1] / costs[0];
    println!(
        "a hundred times as many held: {ratio:.2} times the cost of each, bar 3; tables emptied: {emptied}"
    );
    std::process::exit(i32::from(ratio > 3.0 || !emptied));
}
