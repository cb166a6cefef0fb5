//! The core as a process: its address on the first line, its state for every line it reads.

use crate::{DOMAIN, PASSWORD};
use core::time::Duration;
use roger_adapter_sip::{SipNode, TransportSettings};
use roger_base::{Impu, SecretBytes};
use roger_sip::endpoint::Capacity;
use roger_sipcore::{Authentication, CoreSettings, SipCore, Subscriber, SubscriberRepository};
use roger_testkit::SeededRandom;
use std::io::{BufRead, Write};
use std::time::Instant;

/// Any user `u…` with one password; looking one up takes a while, as on a slower machine.
struct Users {
    cost: Duration,
}

impl SubscriberRepository for Users {
    fn by_username(&self, username: &str) -> Option<Subscriber> {
        let start = Instant::now();
        while start.elapsed() < self.cost {
            std::hint::spin_loop();
        }
        username.starts_with('u').then(|| Subscriber {
            username: username.to_owned(),
            identities: vec![Impu::new(format!("sip:{username}@{DOMAIN}")).unwrap()],
            password: SecretBytes::new(PASSWORD.as_bytes().to_vec()),
        })
    }

    fn by_identity(&self, identity: &str) -> Option<Subscriber> {
        let user = identity
            .strip_prefix("sip:")?
            .strip_suffix(&format!("@{DOMAIN}"))?;
        self.by_username(user)
    }
}

/// `digest|none`, microseconds of a look-up, room for transactions.
pub fn run(words: Vec<&str>) {
    let mut settings = CoreSettings::new(DOMAIN);
    if words[0] == "none" {
        settings.authentication = Authentication::None;
    }
    let cost = Duration::from_micros(words[1].parse().unwrap());
    settings.capacity = Capacity {
        server_transactions: words[2].parse().unwrap(),
        ..Capacity::default()
    };
    settings.max_registrations = 1_000_000;
    let mut random = SeededRandom::new(u64::from(std::process::id()));
    let core = SipCore::new(settings, Users { cost }, &mut random).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let sockets = TransportSettings::at("127.0.0.1:0".parse().unwrap());
        let (node, mut events) = SipNode::start(core, sockets, Box::new(random))
            .await
            .unwrap();
        println!("{}", node.udp_address().unwrap());
        std::io::stdout().flush().unwrap();
        let told = node.clone();
        std::thread::spawn(move || {
            for _ in std::io::stdin().lock().lines() {
                let (load, counters, registrations) =
                    told.with(|core, _, _| (core.load(), core.counters(), core.registrations()));
                let sockets = told.counters();
                println!(
                    "{} {registrations} {} {} {} {}",
                    load.server_transactions,
                    counters.overloaded,
                    counters.unanswered,
                    sockets.shed,
                    sockets.panics
                );
                std::io::stdout().flush().unwrap();
            }
            std::process::exit(0);
        });
        while events.recv().await.is_some() {}
    });
}
