//! Whoever gave something for tokens hears when their grants are revoked, and of no other grants.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_base::McpttId;
use roger_idm::{Confirmation, RevocationListener};
use roger_oidc::client::Tokens;
use roger_oidc::{GrantId, Revocations as _, form};
use std::sync::{Arc, Mutex};
use support::*;

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        core::mem::take(&mut self.0.lock().unwrap())
    }
}

impl RevocationListener for Heard {
    fn grant_revoked(&self, grant: &GrantId) {
        self.0.lock().unwrap().push(grant.as_str().to_owned());
    }

    fn grants_revoked_of(&self, user: &McpttId) {
        self.0.lock().unwrap().push(user.as_str().to_owned());
    }
}

fn listening() -> (Bench, Arc<Heard>) {
    let mut bench = Bench::new();
    let heard = Arc::new(Heard::default());
    bench.idm = bench.idm.with_revocation_listener(heard.clone());
    (bench, heard)
}

fn logged_in(bench: &mut Bench) -> Tokens {
    let (_, attempt, location) = bench.logged_in("alice");
    bench.tokens(attempt, &location)
}

/// The grant of an access token.
fn grant_of(tokens: &Tokens) -> GrantId {
    let claims = claims(tokens.access_token.expose());
    let (grant, _) = claims["jti"].as_str().unwrap().rsplit_once('.').unwrap();
    GrantId::new(grant).unwrap()
}

const ALICE: &str = "sip:alice@mcptt.example.org";

#[test]
fn a_token_that_is_given_back_is_told_with_its_grant_after_it_is_revoked() {
    let (mut bench, heard) = listening();
    let tokens = logged_in(&mut bench);
    let grant = grant_of(&tokens);
    assert_eq!(bench.refresh(&tokens), Ok(()));
    assert_eq!(heard.take(), Vec::<String>::new(), "nothing was revoked");
    let token = tokens.access_token.expose();
    let body = form::encode(&[("client_id", "stranger"), ("token", token)]);
    assert!(bench.idm.revoke(None, &body, NOW).is_err());
    assert_eq!(heard.take(), Vec::<String>::new(), "it was refused");
    let body = form::encode(&[("client_id", "app"), ("token", token)]);
    bench.idm.revoke(None, &body, NOW).unwrap();
    assert_eq!(heard.take(), [grant.as_str()]);
    assert!(bench.idm.is_revoked(&grant));
}

#[test]
fn a_refresh_token_that_comes_twice_is_told() {
    let (mut bench, heard) = listening();
    let tokens = logged_in(&mut bench);
    assert_eq!(bench.refresh(&tokens), Ok(()));
    assert!(bench.refresh(&tokens).is_err());
    assert_eq!(heard.take(), [grant_of(&tokens).as_str()]);
}

#[test]
fn a_changed_password_is_told_with_the_user() {
    let (mut bench, heard) = listening();
    let tokens = logged_in(&mut bench);
    let change = |bench: &mut Bench, old: &str| {
        let new = "a long new password";
        let fields = [("username", "alice"), ("password", old)];
        let again = [("new", new), ("again", new)];
        let body = form::encode(&[fields, again].concat());
        let changed = bench
            .idm
            .change_password(&body, None, NOW, &mut bench.random);
        changed.unwrap()
    };
    assert!(change(&mut bench, "wrong").is_err());
    assert_eq!(heard.take(), Vec::<String>::new());
    assert_eq!(change(&mut bench, "secret"), Ok(()));
    assert_eq!(heard.take(), [ALICE]);
    assert!(bench.idm.is_revoked(&grant_of(&tokens)));
}

#[test]
fn a_log_out_is_told_also_of_an_application_without_a_browser() {
    let (mut bench, heard) = listening();
    let tokens = logged_in(&mut bench);
    let hint = tokens.id_token.as_ref().unwrap().expose();
    let query = form::encode(&[("id_token_hint", hint)]);
    bench
        .idm
        .log_out(&query, None, Confirmation::None, NOW)
        .unwrap();
    assert_eq!(heard.take(), [ALICE]);
    assert!(bench.idm.is_revoked(&grant_of(&tokens)));
}
