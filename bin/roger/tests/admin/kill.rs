//! `kill -9` while users are provisioned: every answer that was given stays true, and nobody gets two key sets.

use crate::site::{self, PASSWORD, Servers, Site};
use core::time::Duration;
use roger_documents::kms_client::{ClientKeys, KmsAnswer, RawKeySet, Resource};
use roger_oidc::client::Tokens;
use roger_testkit::SeededRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

const USERS: usize = 16;
/// How often the servers are killed.
const ROUNDS: usize = 25;
/// Longest time between the start and the kill, in milliseconds.
const LONGEST_MS: u64 = 400;

/// How long a device waits that was told to come again later.
const PAUSE: Duration = Duration::from_millis(50);

/// A device: what it has, whatever happens to the server.
struct Device {
    login: String,
    uri: String,
    tokens: Tokens,
    keys: ClientKeys,
    /// What it was given, by key period and certificate.
    sets: BTreeMap<(u64, Option<String>), RawKeySet>,
}

impl Device {
    /// Takes what an answer gives; a set that it has already must come back octet by octet.
    fn take(&mut self, answer: KmsAnswer) {
        let KmsAnswer::KeyProv { key_sets, new_keys } = answer else {
            panic!("{answer:?}");
        };
        self.keys.adopt(new_keys);
        for set in key_sets {
            assert_eq!(set.user_uri, self.uri);
            let place = (set.key_period_no, set.cert_uri.clone());
            let known = self.sets.entry(place).or_insert_with(|| set.clone());
            let same = known.user_id == set.user_id && known.rsk == set.rsk;
            assert!(
                same && known.ssk == set.ssk && known.pvt == set.pvt,
                "{} has two sets",
                self.uri
            );
        }
    }
}

/// Asks again and again until the server is gone; how many answers came.
async fn provision(device: &mut Device, servers: &Servers<'_>) -> usize {
    let (http, resource) = (servers.http(), Resource::KeyProv(device.uri.clone()));
    let mut answers = 0;
    loop {
        let asked = servers.ask(&http, &device.uri, &device.tokens, &device.keys, &resource);
        match asked.await {
            Some((200, Some(answer))) => {
                device.take(answer);
                answers += 1;
            }
            // The same request in the same second is a replay, and all devices here have one address.
            Some((400, Some(KmsAnswer::Refused(error)))) if error.message.contains("before") => {
                tokio::time::sleep(PAUSE).await;
            }
            Some((429, _)) => tokio::time::sleep(PAUSE).await,
            // Keys that were renewed in an answer that got lost are no reason: the ones before are still good.
            Some((status, answer)) => panic!("{} got {status}: {answer:?}", device.uri),
            None => return answers,
        }
    }
}

fn import(site: &Site) {
    let mut text = "login,mcptt_id,password\n".to_owned();
    for number in 0..USERS {
        let _ = writeln!(text, "u{number},sip:u{number}@mcptt.example.org,{PASSWORD}");
    }
    fs::write(site.path("users.csv"), text).unwrap();
    site.admin(&["user", "import", &site.text("users.csv")])
        .good();
}

async fn devices(site: &Site) -> Vec<Device> {
    let logins: Vec<String> = (0..USERS).map(|number| format!("u{number}")).collect();
    let mut order = vec!["user", "keys", "--out"];
    let file = site.text("keys.jsonl");
    order.push(&file);
    order.extend(logins.iter().map(String::as_str));
    site.admin(&order).good();
    let written = fs::read_to_string(site.path("keys.jsonl")).unwrap();
    let servers = site.serve();
    let mut devices = Vec::new();
    for (login, line) in logins.iter().zip(written.lines()) {
        devices.push(Device {
            login: login.clone(),
            uri: format!("sip:{login}@mcptt.example.org"),
            tokens: servers.log_in(login).await.unwrap(),
            keys: site::read_keys(&serde_json::from_str(line).unwrap()),
            sets: BTreeMap::new(),
        });
    }
    servers.kill();
    devices
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_again_and_again_keeps_its_word() {
    let site = Site::new();
    site.set_up();
    import(&site);
    let mut devices = devices(&site).await;
    let mut random = SeededRandom::new(9);
    let mut answers = 0;
    for round in 0..ROUNDS {
        let renewed = &devices[round % USERS].login;
        site.admin(&["kms", "offer-keys", renewed]).good();
        let servers = site.serve();
        let lives = Duration::from_millis(random.next_u64() % LONGEST_MS);
        let asking = devices.iter_mut().map(|device| provision(device, &servers));
        let (counts, ()) = tokio::join!(futures_util::future::join_all(asking), async {
            tokio::time::sleep(lives).await;
            servers.signal("-KILL");
        });
        answers += counts.into_iter().sum::<usize>();
        servers.kill();
    }
    // Whatever was asked last is no replay any more.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let servers = site.serve();
    for device in &mut devices {
        let (http, resource) = (servers.http(), Resource::KeyProv(device.uri.clone()));
        let asked = servers.ask(&http, &device.uri, &device.tokens, &device.keys, &resource);
        let Some((200, Some(answer))) = asked.await else {
            panic!("{} is not served any more", device.uri);
        };
        device.take(answer);
        let periods: BTreeSet<u64> = device.sets.keys().map(|(period, _)| *period).collect();
        assert_eq!(periods.len(), device.sets.len(), "one set a period");
    }
    servers.end();
    println!("{answers} answers between {ROUNDS} kills");
    assert!(answers > ROUNDS, "only {answers} answers before the kills");
    // Half lines that a kill left are set aside; everything that was given is in the log.
    site.admin(&["audit", "verify"]).good();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pre_issue_killed_again_and_again_ends_with_one_set_for_everybody() {
    const MANY: usize = 3000;
    let site = Site::new();
    site.set_up();
    let mut text = "login,mcptt_id,password_hash\n".to_owned();
    for number in 0..MANY {
        let _ = writeln!(
            text,
            "m{number},sip:m{number}@mcptt.example.org,\"{}\"",
            site::HASH
        );
    }
    fs::write(site.path("many.csv"), text).unwrap();
    site.admin(&["user", "import", &site.text("many.csv")])
        .good();
    let mut random = SeededRandom::new(11);
    let order = ["kms", "pre-issue", "--period", "current"];
    for _ in 0..5 {
        let mut run = site.begin(&order);
        tokio::time::sleep(Duration::from_millis(700 + random.next_u64() % 1000)).await;
        run.kill().unwrap();
        run.wait().unwrap();
    }
    let done = site.admin_json(&order);
    let count = |what: &str| done[0][what].as_u64().unwrap();
    println!(
        "{} sets were there, {} were made",
        count("there"),
        count("made")
    );
    assert_eq!(count("accounts"), MANY as u64 + 1);
    assert_eq!(count("there") + count("made"), MANY as u64 + 1);
    assert_eq!(site.admin_json(&order)[0]["made"], 0);
    site.admin(&["audit", "verify"]).good();
}
