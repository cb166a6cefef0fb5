//! Who changes her password has lost a radio, perhaps: it is off the air at once, and its token opens nothing any more.

use crate::processes::{Dev, Process};
use roger_adapter_http::{ClientTls, HttpsClient, tls};
use roger_oidc::form;
use serde_json::Value;

/// What the state file says of the servers and of a user.
fn profile_of(dev: &Dev, user: &str) -> Value {
    let text = std::fs::read(dev.state_file()).unwrap();
    let state: Value = serde_json::from_slice(&text).unwrap();
    let accounts = state["users"].as_array().unwrap().iter();
    let mut profiles = accounts.map(|account| &account["profile"]);
    let found = profiles.find(|profile| profile["login"] == user);
    found.unwrap().clone()
}

/// Changes the password on the IdM server's page, as a browser does.
fn change_password(profile: &Value) {
    let text = |name: &str| profile[name].as_str().unwrap();
    let authority = tls::certificates(text("authority").as_bytes()).unwrap();
    let hosts = profile["hosts"].as_array().unwrap().iter();
    let hosts = hosts.map(|host| {
        let at = host["at"].as_str().unwrap().parse().unwrap();
        (host["name"].as_str().unwrap(), at)
    });
    let hosts: Vec<_> = hosts.collect();
    let new = "another long password";
    let body = form::encode(&[
        ("username", text("login")),
        ("password", text("password")),
        ("new", new),
        ("again", new),
    ]);
    let url = format!("{}/account/password", text("idm_url").trim_end_matches('/'));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = runtime.block_on(async {
        let http = HttpsClient::new(ClientTls::new(&authority).unwrap(), &hosts).unwrap();
        let answer = http.post_form(&url, &[], body.as_bytes()).await.unwrap();
        answer.status
    });
    assert!(status.is_success(), "{status}");
}

#[test]
fn a_changed_password_takes_the_users_radio_off_the_air_and_nobody_elses() {
    let dev = Dev::start(2);
    let mut alice = Process::start(&mut dev.member("alice"));
    let mut bob = Process::start(&mut dev.member("bob"));
    alice.expect_event("on-air", None);
    bob.expect_event("on-air", None);
    change_password(&profile_of(&dev, "alice"));
    dev.process.expect("the withdrawal", |line| {
        line.contains("authorisation withdrawn")
    });
    // Her UE asks again with the token it has, which opens nothing any more.
    alice.expect("the refusal", |line| {
        line.contains("\"refused\"") && line.contains("the user, by the MCPTT server: 403 (101")
    });
    assert_eq!(bob.interrupt().code(), Some(0));
    assert!(!bob.lines().iter().any(|line| line.contains("\"refused\"")));
    assert_eq!(alice.interrupt().code(), Some(0));
    let withdrawn = dev.process.lines();
    let withdrawn = withdrawn.iter().filter(|line| line.contains("withdrawn"));
    assert_eq!(withdrawn.count(), 1);
}
