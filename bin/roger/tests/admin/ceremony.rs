//! From an empty folder to keys on a device; master secrets lost and found.

use crate::site::{self, PASSPHRASE, PASSWORD, Site};
use roger_documents::kms_client::{KmsAnswer, Resource};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_goes_from_an_empty_folder_to_keys_on_a_device() {
    let site = Site::ready();
    let keys = site.alice_keys();
    for name in ["alice.json", "store.key", "roger.sqlite"] {
        let mode = fs::metadata(site.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }

    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    let first = servers.key_sets(&tokens, &keys).await;
    let log = servers.end();
    // After a restart the same sets, and they are the ones that a nightly run would have made.
    let made = site.admin_json(&["kms", "pre-issue", "--period", "current"]);
    assert_eq!(made[0]["made"], 1);
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    assert!(servers.key_sets(&tokens, &keys).await == first);
    drop(servers);

    let written: Value =
        serde_json::from_str(&fs::read_to_string(site.path("alice.json")).unwrap()).unwrap();
    let disk = site.octets_but(&["alice.json", "passphrase", "password"]);
    let on_disk = |wanted: &[u8]| disk.windows(wanted.len()).any(|window| window == wanted);
    assert!(on_disk(site::ALICE.as_bytes()), "the search itself works");
    let mut secrets: Vec<Vec<u8>> = vec![PASSWORD.into(), PASSPHRASE.into()];
    for which in ["trk", "ink"] {
        let octets = site::octets(&written, which);
        let text = written[which]["key"].as_str().unwrap();
        secrets.extend([text.into(), hex::encode(&octets).into(), octets]);
    }
    for set in &first {
        secrets.extend([set.rsk.expose().to_vec(), set.ssk.expose().to_vec()]);
    }
    for (index, secret) in secrets.iter().enumerate() {
        assert!(!on_disk(secret), "secret {index} rests in clear");
        let text = String::from_utf8_lossy(secret);
        assert!(!log.contains(&*text), "secret {index} is in the log");
    }
}

#[test]
fn what_is_there_is_never_made_again() {
    let site = Site::ready();
    site.admin(&["init"]).refused("are there already");
    site.admin(&["kms", "create-master"])
        .refused("roger admin kms rotate");
    let who = [
        "user",
        "add",
        "alice",
        "--mcptt-id",
        "sip:other@mcptt.example.org",
    ];
    let password = ["--password-file", &site.text("password")];
    let again = site.admin(&[&who[..], &password[..]].concat());
    again.refused("an entry with this name exists already");
}

#[test]
fn an_init_that_was_broken_off_goes_on() {
    let site = Site::new();
    site.admin(&["init"]).good();
    let key = fs::read(site.path("store.key")).unwrap();
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(site.path(&format!("roger.sqlite{end}")));
    }
    site.admin(&["init"]).good();
    assert_eq!(fs::read(site.path("store.key")).unwrap(), key);
}

#[test]
fn another_passphrase_opens_nothing() {
    let site = Site::ready();
    site.secret("passphrase", "something else");
    for said in [site.admin(&["user", "list"]), site.serve_in_vain()] {
        said.refused("passphrase is wrong");
    }
    site.secret("passphrase", PASSPHRASE);
    let new = site.secret("new", "the passphrase after that");
    site.admin(&["keeper", "renew", "--new-passphrase-file", &new])
        .good();
    site.admin(&["user", "list"]).refused("passphrase is wrong");
    site.secret("passphrase", "the passphrase after that");
    site.admin(&["user", "list"]).good();
}

#[test]
fn master_secrets_come_back_from_a_backup_and_only_the_noted_ones() {
    let site = Site::ready();
    let phrase = site.secret("backup-passphrase", "passphrase of the backup");
    let file = site.text("backup");
    let sealed = ["--backup-passphrase-file", phrase.as_str()];
    let made = site.admin_json(&[&["kms", "backup", "--out", &file], &sealed[..]].concat());
    let check = made["check_value"].as_str().unwrap().to_owned();

    let other = Site::new();
    other.admin(&["init"]).good();
    let phrase = other.secret("backup-passphrase", "passphrase of the backup");
    let sealed = ["--backup-passphrase-file", phrase.as_str()];
    let restore = |check: &str| {
        let order = [
            "kms",
            "restore",
            "--from",
            &file,
            "--cert-uri",
            "cert1.kms.example.org",
        ];
        other.admin(&[&order[..], &["--check", check], &sealed[..]].concat())
    };
    restore("0123456789abcdef").refused("this is another backup");
    other.secret("backup-passphrase", "another passphrase");
    restore(&check).refused("passphrase is wrong");
    other.secret("backup-passphrase", "passphrase of the backup");
    restore(&check).good();
    restore(&check).refused("an entry with this name exists already");
    let masters = other.admin_json(&["kms", "masters"]);
    assert_eq!(masters[0]["check_value"], check.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_master_keys_take_over_and_the_old_ones_serve_on() {
    let site = Site::ready();
    let keys = site.alice_keys();
    site.admin(&["kms", "rotate"]).good();
    let masters = site.admin_json(&["kms", "masters"]);
    assert_eq!(masters.as_array().unwrap().len(), 2);
    assert_ne!(masters[0]["valid_to"], "");

    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    let answer = servers.fetch(&tokens, &keys, &Resource::Init).await;
    let (200, Some(KmsAnswer::Init { certificate, .. })) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        certificate.cert_uri.as_deref(),
        Some("cert2.kms.example.org")
    );
    let sets = servers.key_sets(&tokens, &keys).await;
    let certificates: Vec<_> = sets
        .iter()
        .filter_map(|set| set.cert_uri.as_deref())
        .collect();
    assert!(
        certificates.contains(&"cert1.kms.example.org"),
        "{certificates:?}"
    );
    assert!(
        certificates.contains(&"cert2.kms.example.org"),
        "{certificates:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_are_taken_on_sighup_and_sigterm_ends_well() {
    let site = Site::ready();
    let servers = site.serve();
    assert!(servers.log_in("alice").await.is_some());
    site.certify();
    servers.signal("-HUP");
    assert!(servers.log_in("alice").await.is_some());
    let log = servers.end();
    assert!(log.contains("running requests finish"), "{log}");
}

#[test]
fn what_is_missing_is_said_with_the_command_that_makes_it() {
    let site = Site::new();
    site.admin(&["user", "list"]).refused("store.key");
    site.admin(&["init"]).good();
    site.serve_in_vain().refused("roger admin user add");
    site.add_alice();
    site.serve_in_vain()
        .refused("roger admin kms create-master");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_exchange_their_certificates() {
    let (site, partner) = (Site::ready(), Site::new());
    let config = fs::read_to_string(partner.path("roger.toml")).unwrap();
    let config = config.replace("uri = \"kms.example.org\"", "uri = \"kms.partner.example\"");
    fs::write(partner.path("roger.toml"), config).unwrap();
    partner.admin(&["init"]).good();
    partner.admin(&["kms", "create-master"]).good();
    let file = partner.text("certificate.xml");
    let made = partner.admin_json(&["kms", "certificate", "--out", &file]);
    let fingerprint = made["fingerprint"].as_str().unwrap();
    let add = |file: &str, fingerprint: &str, more: &[&str]| {
        let order = ["kms", "external", "add", file, "--fingerprint", fingerprint];
        site.admin(&[&order[..], more].concat())
    };
    add(&file, &"00".repeat(32), &[]).refused("not what the other operator has");
    let own = site.text("own.xml");
    let made = site.admin_json(&["kms", "certificate", "--out", &own]);
    add(&own, made["fingerprint"].as_str().unwrap(), &[]).refused("is the domain itself");
    add(&site.text("roger.toml"), fingerprint, &[]).refused("roger.toml");
    add(&file, fingerprint, &[]).good();
    assert_eq!(
        site.admin_json(&["kms", "external", "list"])[0]["fingerprint"],
        fingerprint
    );

    let keys = site.alice_keys();
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    let given = async || {
        let answer = servers
            .fetch(&tokens, &keys, &Resource::CertCache(None))
            .await;
        let (
            200,
            Some(KmsAnswer::Certificates {
                mut certificates, ..
            }),
        ) = answer
        else {
            panic!("{answer:?}");
        };
        certificates.pop().unwrap()
    };
    let certificate = given().await;
    assert_eq!(certificate.kms_uri.as_str(), "kms.partner.example");
    assert!(!certificate.revoked);
    add(&file, fingerprint, &["--revoked"]).good();
    // The same request in the same second would be a replay.
    tokio::time::sleep(core::time::Duration::from_millis(1100)).await;
    assert!(given().await.revoked);
}
