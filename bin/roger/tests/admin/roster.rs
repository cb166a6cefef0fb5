//! Users, clients, servers and agencies, beside running servers.

use crate::site::{HASH, PASSWORD, Site};
use std::fmt::Write as _;
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_is_out_at_once() {
    let site = Site::ready();
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    site.admin(&["user", "disable", "alice"]).good();
    assert!(servers.idm().refresh(tokens).await.is_err());
    assert!(servers.log_in("alice").await.is_none());
    site.admin(&["user", "enable", "alice"]).good();
    assert!(servers.log_in("alice").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_what_the_old_one_began() {
    let site = Site::ready();
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    let file = site.secret("new", "another password of hers");
    site.admin(&["user", "password", "alice", "--password-file", &file])
        .good();
    assert!(servers.idm().refresh(tokens).await.is_err());
    assert!(servers.log_in("alice").await.is_none());
    let short = site.secret("short", "short");
    let refused = site.admin(&["user", "password", "alice", "--password-file", &short]);
    refused.refused("at least 10 characters");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_agencies_is_kept_out_and_let_in() {
    let site = Site::ready();
    for (id, group) in [("fire1", "county"), ("fire2", "county"), ("police", "city")] {
        site.admin(&["agency", "add", id, "--name", id, "--group", group])
            .good();
    }
    let file = site.text("users.csv");
    let mut text = "login,mcptt_id,password,agency\n".to_owned();
    for (login, agency) in [("bob", "fire2"), ("carol", "police")] {
        let _ = writeln!(
            text,
            "{login},sip:{login}@mcptt.example.org,{PASSWORD},{agency}"
        );
    }
    fs::write(&file, text).unwrap();
    site.admin(&["user", "import", &file]).good();
    let servers = site.serve();
    let done = site.admin_json(&["agency", "disable", "--group", "county"]);
    assert_eq!(done["agencies"], 2);
    assert!(servers.log_in("bob").await.is_none());
    assert!(servers.log_in("carol").await.is_some());
    site.admin(&["agency", "enable", "fire2"]).good();
    assert!(servers.log_in("bob").await.is_some());
    site.admin(&["agency", "remove", "fire2"])
        .refused("the agency is in use");
    site.admin(&["user", "remove", "bob"]).good();
    site.admin(&["agency", "remove", "fire2"]).good();
    assert!(servers.log_in("bob").await.is_none());
}

#[test]
fn agencies_go_out_and_in_by_file() {
    let site = Site::ready();
    let order = [
        "agency",
        "add",
        "fd7",
        "--name",
        "Fire, 7th",
        "--kms-uri",
        "kms.fd7.example.org",
    ];
    site.admin(
        &[
            &order[..],
            &["--domains", "fd7.example.org", "--group", "county"],
        ]
        .concat(),
    )
    .good();
    site.admin(&["kms", "create-master", "--domain", "kms.fd7.example.org"])
        .good();
    let unknown = site.admin(&["kms", "create-master", "--domain", "kms.fd8.example.org"]);
    unknown.refused("roger admin agency add");
    let (before, file) = (
        site.admin_json(&["agency", "list"]),
        site.text("agencies.csv"),
    );
    site.admin(&["agency", "export", "--out", &file]).good();
    site.admin(&["agency", "remove", "fd7"]).good();
    site.admin(&["agency", "import", &file]).good();
    assert_eq!(site.admin_json(&["agency", "list"]), before);
}

#[test]
fn an_import_says_the_line_keeps_nothing_of_its_batch_and_goes_on() {
    let site = Site::ready();
    let table = |count: usize, broken: Option<usize>| {
        let mut text = "login,mcptt_id,password_hash,mcdata_id\n".to_owned();
        for number in 0..count {
            let login = if broken == Some(number) {
                "alice".to_owned()
            } else {
                format!("u{number:04}")
            };
            let _ = writeln!(text, "{login},sip:u{number}@mcptt.example.org,\"{HASH}\",");
        }
        text
    };
    let file = site.text("users.csv");
    fs::write(&file, table(250, Some(170))).unwrap();
    site.admin(&["user", "import", &file])
        .refused("users.csv, line 102");
    let listed = |site: &Site| {
        let users = site.admin_json(&["user", "list", "--limit", "1000"]);
        users.as_array().unwrap().len()
    };
    assert_eq!(listed(&site), 101, "alice and the first batch");
    fs::write(&file, table(250, None)).unwrap();
    let done = site.admin_json(&["user", "import", "--skip-known", &file]);
    assert_eq!((&done["added"], &done["there"]), (&150.into(), &100.into()));
    assert_eq!(listed(&site), 251);
    let out = site.text("out.csv");
    site.admin(&["user", "export", "--out", &out]).good();
    let written = fs::read_to_string(&out).unwrap();
    assert_eq!(written.lines().count(), 252);
    assert!(!written.contains("argon2id"));
    site.admin(&["user", "export", "--out", &out])
        .refused("out.csv");
}

#[test]
fn a_file_with_a_mistake_adds_nobody() {
    let site = Site::ready();
    let file = site.text("users.csv");
    let line = |text: &str, said: &str| {
        fs::write(&file, text).unwrap();
        let refused = site.admin(&["user", "import", &file]);
        assert!(!refused.err.contains("geheim"), "{}", refused.err);
        refused.refused(said);
    };
    line(
        "login,mcptt_id,pasword\nbob,sip:bob@x.example,geheimgeheim\n",
        "pasword",
    );
    line(
        "login,mcptt_id\nbob,sip:bob@x.example\n",
        "line 2: password or password_hash",
    );
    line(
        "login,mcptt_id,password\nbob,no uri,geheimgeheim\n",
        "line 2",
    );
    line(
        "login,mcptt_id,password\nbob,sip:bob@x.example,geheim\n",
        "at least 10 characters",
    );
    line(
        "login,mcptt_id,password,agency\nbob,sip:b@x.example,geheimgeheim,fd9\n",
        "no agency fd9",
    );
    line(
        "login,mcptt_id,password\nbob,sip:bob@x.example\n",
        "line 2: has 2 columns",
    );
    assert_eq!(
        site.admin_json(&["user", "list"]).as_array().unwrap().len(),
        1
    );
}

#[test]
fn clients_and_servers_come_and_go() {
    let site = Site::ready();
    let order = [
        "client",
        "add",
        "console",
        "--name",
        "Console",
        "--kind",
        "confidential",
        "--web",
    ];
    site.admin(&order).refused("--redirect-uri is missing");
    let uri = ["--redirect-uri", "https://console.example.org/back"];
    let made = site.admin_json(&[&order[..], &uri].concat());
    let secret = made["client_secret"].as_str().unwrap();
    assert!(secret.len() >= 43);
    site.admin(&[&order[..], &uri].concat())
        .refused("console is there already");
    let disk = site.octets_but(&[]);
    assert!(
        !disk
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
    );
    assert_eq!(
        site.admin_json(&["client", "list"])[0]["client_id"],
        "console"
    );
    site.admin(&["client", "remove", "console"]).good();
    site.admin(&["client", "remove", "console"])
        .refused("there is no client console");
    site.admin(&["client", "remove", "ue"])
        .refused("there is no client ue");

    let pf = "sip:pf@mcptt.example.org";
    let order = ["server", "add", pf, "--certificate", "pf.mcptt.example.org"];
    let keys = site.text("pf.json");
    site.admin(&[&order[..], &["--keys", &keys]].concat())
        .good();
    let written = fs::read_to_string(&keys).unwrap();
    assert!(written.contains("tk.1.pf@mcptt.example.org"), "{written}");
    site.admin(&order).refused("is there already");
    assert_eq!(site.admin_json(&["server", "list"])[0]["uri"], pf);
    site.admin(&["server", "remove", crate::site::ALICE])
        .refused("there is no server");
    site.admin(&["server", "remove", pf]).good();
    assert_eq!(
        site.admin_json(&["server", "list"])
            .as_array()
            .unwrap()
            .len(),
        0
    );
}
