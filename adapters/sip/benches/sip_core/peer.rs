//! Kamailio with the packaged configuration, to measure ours beside it in the same run.

use crate::clients::Crowd;
use crate::process::{pin, scheduled};
use crate::{DOMAIN, PASSWORD};
use roger_adapter_kamailio::{Kamailio, KamailioSettings};
use roger_base::{Impu, SecretBytes, ServerUri};
use roger_sip::endpoint::Target;
use roger_sipcore::{ApplicationServer, Subscriber};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// Not the address of its clients: no Contact may be its own.
const ADDRESS: &str = "127.0.0.2";

pub struct Peer {
    kamailio: Kamailio,
    pub address: SocketAddr,
}

impl Peer {
    /// On the first processor, as our core is; `None` when it is not installed.
    pub fn start(users: usize) -> Option<Self> {
        let free = UdpSocket::bind((ADDRESS, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        // It hears nothing: no Contact has the feature.
        let told = ApplicationServer {
            identity: ServerUri::new("sip:mcptt.example.org").unwrap(),
            target: Target::udp("127.0.0.3:5060".parse().unwrap()),
            feature_tag: "+g.3gpp.mcptt".into(),
        };
        let mut settings = KamailioSettings::new(DOMAIN, address, told);
        settings.subscribers = (0..users).map(subscriber).collect();
        let kamailio = Kamailio::start(&settings).ok()?;
        let peer = Self { kamailio, address };
        peer.processes()
            .iter()
            .for_each(|process| pin(process, "0"));
        Some(peer)
    }

    /// CPU time of all its processes so far.
    pub fn cpu(&self) -> Duration {
        self.processes().iter().map(|one| scheduled(one, 0)).sum()
    }

    fn processes(&self) -> Vec<String> {
        let group = self.kamailio.process_group().to_string();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let is_of_group = |path: &Path| {
            let text = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
            // After the name, which may hold anything: state, parent, group.
            let rest = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
            rest.split(' ').nth(2) == Some(&*group)
        };
        let own = entries.filter(|entry| is_of_group(&entry.path()));
        own.map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

fn subscriber(number: usize) -> Subscriber {
    let username = format!("u{number}");
    Subscriber {
        identities: vec![Impu::new(format!("sip:{username}@{DOMAIN}")).unwrap()],
        password: SecretBytes::new(PASSWORD.as_bytes().to_vec()),
        username,
    }
}

/// CPU time of a REGISTER, in microseconds, and how many of a thousand got no 200.
pub fn register(users: usize, rate: u32, time: Duration) -> Option<(f64, f64)> {
    let peer = Peer::start(users)?;
    let mut crowd = Crowd::new(users, 16, peer.address);
    crowd.learn();
    let before = peer.cpu();
    let outcome = crowd.run(rate, time);
    let each = (peer.cpu() - before).as_secs_f64() * 1e6 / outcome.sent as f64;
    let gone = outcome.sent - outcome.times.len() as u64;
    Some((each, gone as f64 * 1_000.0 / outcome.sent as f64))
}
