//! Datagrams, cut at NUL, into the SIP core: from a UE, and from a trusted server when they begin with `!`.
#![no_main]

use core::time::Duration;
use libfuzzer_sys::fuzz_target;
use roger_base::{Impu, Instant, SecretBytes, ServerUri, UnixTime};
use roger_sip::application::Clocks;
use roger_sip::endpoint::{ConnectionId, Element, Flow, Input, Target, Transport};
use roger_sipcore::{
    ApplicationServer, Authentication, CoreSettings, MemorySubscribers, Service, SipCore, Subscriber, TrustedPeer,
};
use roger_testkit::SeededRandom;
use std::net::SocketAddr;

fn subscriber(name: &str) -> Option<Subscriber> {
    Some(Subscriber {
        username: name.to_owned(),
        identities: vec![Impu::new(format!("sip:{name}@ims.example.org")).ok()?],
        password: SecretBytes::new(b"password".to_vec()),
    })
}

fuzz_target!(|data: &[u8]| {
    let address = |last: u8| SocketAddr::from(([10, 0, 0, last], 5060));
    let mut settings = CoreSettings::new("ims.example.org");
    settings.authentication = Authentication::None;
    settings.trusted = vec![TrustedPeer::Address(address(9).ip())];
    let Ok(identity) = ServerUri::new("sip:pf@mcptt.example.org") else { return };
    let target = Target::tcp(address(9));
    settings.services = vec![Service { identity: identity.clone(), target }];
    settings.application_servers =
        vec![ApplicationServer { identity, target, feature_tag: "+g.3gpp.mcptt".into() }];
    let subscribers: MemorySubscribers = ["alice", "bob"].into_iter().filter_map(subscriber).collect();
    let mut random = SeededRandom::new(1);
    let Ok(mut core) = SipCore::new(settings, subscribers, &mut random) else { return };
    core.bound(Transport::Udp, address(1));
    core.bound(Transport::Tcp, address(1));
    let mut now = Instant::ORIGIN;
    for octets in data.split(|octet| *octet == 0) {
        let (peer, octets) = match octets.strip_prefix(b"!") {
            Some(rest) => (address(9), rest),
            None => (address(2), octets),
        };
        let flow = Flow { transport: Transport::Udp, connection: ConnectionId(0), local: address(1), peer };
        let clocks = Clocks { now, utc: UnixTime(1_800_000_000) };
        let _ = core.handle(clocks, &mut random, Input::Datagram { flow, octets });
        while core.poll().is_some() {}
        now = now + Duration::from_millis(700);
        core.handle_timeout(Clocks { now, ..clocks }, &mut random);
        while core.poll().is_some() {}
    }
});
