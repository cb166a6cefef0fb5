//! Each event has its record, none has more than it needs, and a log that cannot be written stops what it should hear of.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_idm::{AuditAct, AuditEntry, Confirmation, LogInFault, LoginRefusal, LoginStep};
use roger_oidc::form;
use roger_oidc::provider::{ClientAct, ClientRegistry as _, RegistrationPermit, TokenAct};
use roger_oidc::{Amr, InitialAccessToken, TokenDigest};
use support::*;

fn acts(bench: &Bench) -> Vec<AuditAct> {
    let entries = bench.audit.take();
    entries.into_iter().map(|entry| entry.act).collect()
}

fn only(bench: &Bench) -> AuditEntry {
    let [entry] = bench.audit.take().try_into().unwrap();
    entry
}

const ALICE: &str = "subject-of-alice";

#[test]
fn a_log_in_names_account_application_and_session_and_tokens_their_grant() {
    let mut bench = Bench::new();
    let (_, attempt, location) = bench.logged_in("alice");
    let entry = only(&bench);
    assert_eq!(entry.act, AuditAct::LogIn(Amr::Password));
    assert_eq!(entry.subject.unwrap().as_str(), ALICE);
    assert_eq!(entry.client.unwrap().as_str(), "app");
    let session = entry.about.unwrap();
    let tokens = bench.tokens(attempt, &location);
    let issued = only(&bench);
    assert_eq!(issued.act, AuditAct::Token(TokenAct::Issued));
    let claims = claims(tokens.id_token.as_ref().unwrap().expose());
    assert_eq!(claims["sid"], session.as_str());

    let first = bench.refresh(&tokens);
    assert_eq!(first, Ok(()));
    let refreshed = only(&bench);
    assert_eq!(refreshed.act, AuditAct::Token(TokenAct::Refreshed));
    assert_eq!(refreshed.about, issued.about);
    assert!(bench.refresh(&tokens).is_err());
    let reused = only(&bench);
    assert_eq!(reused.act, AuditAct::Token(TokenAct::RefreshReused));
    assert_eq!(reused.subject.unwrap().as_str(), ALICE);
    assert!(reused.act.refusal().is_some());
}

#[test]
fn wrong_passwords_codes_and_waiting_are_told_apart_and_no_typed_name_is_kept() {
    let mut bench = Bench::new();
    bench.enrol("bob");
    let guess = |bench: &mut Bench, name: &str| {
        let (_, step) = bench.authorize("app", "", None, NOW);
        let fields = [("username", name), ("password", "guess")];
        bench.submit(&form_key(step), &fields, NOW);
    };
    guess(&mut bench, "alice");
    let entry = only(&bench);
    assert_eq!(entry.act, AuditAct::LogInRefused(LogInFault::Password));
    assert_eq!(entry.subject.unwrap().as_str(), ALICE);
    guess(&mut bench, "my password by mistake");
    let entry = only(&bench);
    assert_eq!(entry.subject, None);
    assert!(!format!("{entry:?}").contains("mistake"));

    let (_, step) = bench.authorize("app", "", None, NOW);
    let answer = bench.password(&form_key(step), "bob");
    bench.submit(&form_key(answer.step), &[("code", "000")], NOW);
    assert_eq!(acts(&bench), [AuditAct::LogInRefused(LogInFault::Code)]);
    for _ in 0..4 {
        guess(&mut bench, "alice");
    }
    bench.audit.take();
    guess(&mut bench, "alice");
    assert_eq!(
        acts(&bench),
        [AuditAct::LogInRefused(LogInFault::LockedOut)]
    );
}

#[test]
fn what_users_change_and_end_is_recorded() {
    let mut bench = Bench::new();
    let (browser, attempt, location) = bench.logged_in("alice");
    let tokens = bench.tokens(attempt, &location);
    bench.audit.take();
    let body = form::encode(&[
        ("token", tokens.refresh_token.as_ref().unwrap().expose()),
        ("client_id", "app"),
    ]);
    bench.idm.revoke(None, &body, NOW).unwrap();
    assert_eq!(acts(&bench), [AuditAct::Token(TokenAct::Revoked)]);

    let proof = form::encode(&[("username", "alice"), ("password", "secret")]);
    let begun = bench
        .idm
        .begin_enrolment(&proof, None, NOW, &mut bench.random);
    let enrolment = begun.unwrap().ok().unwrap();
    assert_eq!(acts(&bench), []);
    let code = text(&app_secret(&text(&enrolment.typed)).code_at(NOW));
    let body = form::encode(&[("enrolment", enrolment.key.expose()), ("code", &code)]);
    let finished = bench.idm.finish_enrolment(&body, NOW, &mut bench.random);
    let recovery = finished.unwrap().ok().unwrap();
    let recovery = recovery.expose().next().unwrap().to_owned();
    assert_eq!(acts(&bench), [AuditAct::AppAdded]);

    let done = bench
        .idm
        .log_out("", Some(&browser), Confirmation::ByUser, NOW);
    assert!(done.is_ok());
    assert_eq!(acts(&bench), [AuditAct::SessionEnded]);

    let body = form::encode(&[
        ("username", "alice"),
        ("password", "secret"),
        ("code", &recovery),
        ("new", "a new long one"),
        ("again", "a new long one"),
    ]);
    let changed = bench
        .idm
        .change_password(&body, None, NOW, &mut bench.random);
    assert_eq!(changed.unwrap().err(), None);
    assert_eq!(acts(&bench), [AuditAct::PasswordChanged]);
}

#[test]
fn clients_that_register_themselves_are_recorded() {
    let mut bench = Bench::new();
    let permit = InitialAccessToken::random(&mut bench.random).unwrap();
    let uses = RegistrationPermit {
        uses: 1,
        expires_at: after(600),
    };
    bench.store.put_permit(&permit.digest(), &uses).unwrap();
    let bearer = format!("Bearer {}", permit.expose());
    let body = br#"{"application_type":"native","redirect_uris":["org.example.new:/cb"]}"#;
    bench.audit.set_broken(true);
    let endpoint = bench.idm.registration(NOW);
    let refused = endpoint.register(Some(&bearer), body, NOW, &mut bench.random);
    assert_eq!(refused.err().unwrap().http_status(), 503);
    bench.audit.set_broken(false);
    bench.store.put_permit(&permit.digest(), &uses).unwrap();
    let endpoint = bench.idm.registration(NOW);
    let registered = endpoint.register(Some(&bearer), body, NOW, &mut bench.random);
    let json: serde_json::Value = serde_json::from_slice(registered.unwrap().expose()).unwrap();
    let id = json["client_id"].as_str().unwrap();
    let entry = only(&bench);
    assert_eq!(entry.act, AuditAct::Client(ClientAct::Registered));
    assert_eq!(entry.client.unwrap().as_str(), id);
    let bearer = format!(
        "Bearer {}",
        json["registration_access_token"].as_str().unwrap()
    );
    let endpoint = bench.idm.registration(NOW);
    endpoint.delete(id, Some(&bearer)).unwrap();
    assert_eq!(acts(&bench), [AuditAct::Client(ClientAct::Removed)]);
}

#[test]
fn a_log_that_cannot_be_written_lets_nobody_in_and_gives_no_token() {
    let mut bench = Bench::new();
    let (_, attempt, location) = bench.logged_in("alice");
    let (attempt2, step) = bench.authorize("app", "", None, NOW);
    bench.audit.set_broken(true);

    // The right password.
    let key = form_key(step);
    let fields = [
        ("session", key.expose()),
        ("username", "alice"),
        ("password", "secret"),
    ];
    let body = form::encode(&fields);
    let refused = bench
        .idm
        .submit_login(&body, Some(&key), NOW, &mut bench.random);
    assert!(matches!(refused, Err(LoginRefusal::LocalStore(_))));
    drop(attempt2);

    // A code from before.
    let request = attempt.on_redirect(&location).unwrap();
    let body = text(request.body());
    let refused = bench.idm.token(None, &body, NOW, &mut bench.random);
    assert_eq!(refused.err().unwrap().code.http_status(), 503);

    // Password and session stay as they are.
    let body = form::encode(&[
        ("username", "alice"),
        ("password", "secret"),
        ("new", "a new long one"),
        ("again", "a new long one"),
    ]);
    let refused = bench
        .idm
        .change_password(&body, None, NOW, &mut bench.random);
    assert!(refused.is_err());
    bench.audit.set_broken(false);

    // Nothing was used up: the same code gives tokens.
    let body = text(request.body());
    let answer = bench
        .idm
        .token(None, &body, NOW, &mut bench.random)
        .unwrap();
    let tokens = request.on_answer(answer.to_json().expose(), &bench.idm.public_keys(), NOW);
    let tokens = tokens.unwrap();
    bench.audit.set_broken(true);
    assert!(bench.refresh(&tokens).is_err());
    bench.audit.set_broken(false);
    assert_eq!(bench.refresh(&tokens), Ok(()));
}

#[test]
fn no_record_holds_a_secret() {
    let mut bench = Bench::new();
    let (browser, attempt, location) = bench.logged_in("alice");
    let tokens = bench.tokens(attempt, &location);
    bench.refresh(&tokens).unwrap();
    let shown = format!("{:?}", bench.audit.take());
    let refresh = tokens.refresh_token.as_ref().unwrap();
    let secrets = [
        "\"secret\"",
        "alice@",
        browser.expose(),
        tokens.access_token.expose(),
        refresh.expose(),
    ];
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret}");
    }
    let digest = TokenDigest::of(refresh.expose().as_bytes());
    assert!(!shown.contains(&format!("{digest:?}")));
    assert!(matches!(
        bench.authorize("app", "", None, NOW).1,
        LoginStep::Form(_)
    ));
}
