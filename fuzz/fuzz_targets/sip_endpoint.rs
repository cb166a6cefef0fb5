//! Datagrams, cut at NUL, into an endpoint that answers every request and lets time pass.
#![no_main]

use core::time::Duration;
use libfuzzer_sys::fuzz_target;
use roger_base::Instant;
use roger_sip::endpoint::{ConnectionId, Endpoint, Flow, Input, Output, Role, Settings, Transport};
use roger_sip::message::{Response, StatusCode};
use roger_testkit::SeededRandom;

fuzz_target!(|data: &[u8]| {
    let Ok(local) = "10.0.0.1:5060".parse() else { return };
    let Ok(peer) = "10.0.0.2:5060".parse() else { return };
    let settings = Settings::new(Role::UserAgent).with_sent_by(Transport::Udp, local);
    let mut endpoint = Endpoint::new(settings);
    let mut random = SeededRandom::new(1);
    let mut now = Instant::ORIGIN;
    let flow = Flow { transport: Transport::Udp, connection: ConnectionId(0), local, peer };
    for octets in data.split(|octet| *octet == 0) {
        let _ = endpoint.handle(now, &mut random, Input::Datagram { flow, octets });
        while let Some(output) = endpoint.poll() {
            if let Output::Incoming(incoming) = output {
                let response = Response::to(&incoming.request, StatusCode::OK);
                let _ = endpoint.respond(now, &mut random, incoming.transaction, response);
            }
        }
        now = now + Duration::from_millis(700);
        endpoint.handle_timeout(now, &mut random);
    }
    now = now + Duration::from_secs(700);
    endpoint.handle_timeout(now, &mut random);
    assert_eq!(endpoint.load().server_transactions, 0);
});
