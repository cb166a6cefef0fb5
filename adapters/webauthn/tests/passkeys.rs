//! Passkeys from registration to log-in on a whole IdM server, and everything that must not let anybody in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_adapter_webauthn::Passkeys;
use roger_base::UnixTime;
use roger_idm::ports::PasskeyRepository as _;
use roger_idm::{
    AccountFault, Asked, AuditAct, LogInFault, LoginName, LoginRefusal, LoginStep, UserState,
};
use roger_oidc::provider::TokenAct;
use roger_oidc::{Amr, Issuer, form};
use rstest::rstest;
use serde_json::Value;
use support::authenticator::{Scene, SoftKey};
use support::{Bench, HOST, ISSUER, NOW, form_of, scene, subject};

const REFUSED: AuditAct = AuditAct::LogInRefused(LogInFault::Passkey);

/// Claims of the ID token that a redirect leads to.
fn claims(bench: &mut Bench, attempt: roger_oidc::client::LoginAttempt, step: LoginStep) -> Value {
    use base64::Engine as _;
    let LoginStep::Redirect(location) = step else {
        panic!("no redirect");
    };
    let request = attempt.on_redirect(&location).unwrap();
    let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
    let answer = bench
        .idm
        .token(None, &body, NOW, &mut bench.random)
        .unwrap();
    let token = answer.id_token.unwrap();
    let payload = token.expose().split('.').nth(1).unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    serde_json::from_slice(&engine.decode(payload).unwrap()).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_passkey_lets_its_user_in_without_a_name_or_password() {
    let mut bench = Bench::new();
    let mut key = bench.passkey("alice", &scene(), false);
    for _ in 0..2 {
        let (attempt, form) = bench.begin("");
        let options = form.passkey.clone().unwrap();
        let asked = json(&options);
        assert_eq!(asked["publicKey"]["rpId"], HOST);
        assert_eq!(asked["publicKey"]["userVerification"], "required");
        assert_eq!(
            asked["publicKey"]["allowCredentials"],
            serde_json::json!([])
        );
        let answer = bench.submit(&form, &[("passkey", &key.sign(&options, &scene()))]);
        assert!(answer.signed_on.is_some());
        let claims = claims(&mut bench, attempt, answer.step);
        assert_eq!(claims["sub"], "subject-of-alice");
        assert_eq!(claims["amr"], serde_json::json!(["pop", "user", "mfa"]));
        // The class that the client asked for; a passkey is worth more.
        assert_eq!(claims["acr"], "3gpp:acr:password");
    }
    let acts = [
        AuditAct::LogIn(Amr::Passkey),
        AuditAct::Token(TokenAct::Issued),
    ];
    assert_eq!(bench.acts(), [acts, acts].concat());
    let kept = bench.users.passkeys_of(&subject("alice")).unwrap();
    assert_eq!(kept[0].used_at, Some(NOW));
    // The password alone goes on working: the passkey was not made a second factor.
    let (_, form) = bench.begin("");
    let answer = bench.password(&form, "alice");
    assert!(matches!(answer.step, LoginStep::Redirect(_)));
}

#[test]
fn a_passkey_after_the_password_needs_presence_only_where_it_can_do_no_more() {
    let mut bench = Bench::new();
    let presence = Scene {
        verifies: false,
        names_user: false,
        ..scene()
    };
    let mut key = bench.passkey("alice", &presence, true);
    let (attempt, form) = bench.begin("");
    let answer = bench.password(&form, "alice");
    assert!(answer.signed_on.is_none());
    let form = form_of(answer.step);
    assert_eq!(form.asked, Asked::Passkey);
    let options = form.passkey.clone().unwrap();
    let listed = json(&options)["publicKey"]["allowCredentials"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let answer = bench.submit(&form, &[("passkey", &key.sign(&options, &presence))]);
    let claims = claims(&mut bench, attempt, answer.step);
    assert_eq!(
        claims["amr"],
        serde_json::json!(["pwd", "pop", "user", "mfa"])
    );

    // Alone it opens nothing.
    let (_, form) = bench.begin("");
    let alone = Scene {
        names_user: true,
        ..presence
    };
    let answer = key.sign(form.passkey.as_ref().unwrap(), &alone);
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
}

#[test]
fn a_passkey_that_verified_its_user_once_has_to_do_it_always() {
    let mut bench = Bench::new();
    let mut key = bench.passkey("alice", &scene(), true);
    let (_, form) = bench.begin("");
    let form = form_of(bench.password(&form, "alice").step);
    let lazy = Scene {
        verifies: false,
        ..scene()
    };
    let answer = key.sign(form.passkey.as_ref().unwrap(), &lazy);
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    let form = form_of(answer.step);
    assert_eq!(form.asked, Asked::Passkey);
    let answer = key.sign(form.passkey.as_ref().unwrap(), &scene());
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::Redirect(_)));
}

type Spoil = fn(&mut Scene);

#[rstest]
#[case::wrong_origin(|scene: &mut Scene| scene.origin = "https://idm.mcptt.example.net:8443".to_owned())]
#[case::wrong_port(|scene: &mut Scene| scene.origin = "https://idm.mcptt.example.org".to_owned())]
#[case::plain_http(|scene: &mut Scene| scene.origin = "http://idm.mcptt.example.org:8443".to_owned())]
#[case::subdomain(|scene: &mut Scene| scene.origin = "https://evil.idm.mcptt.example.org:8443".to_owned())]
#[case::wrong_rp_id(|scene: &mut Scene| scene.rp_id = "mcptt.example.org".to_owned())]
#[case::foreign_challenge(|scene: &mut Scene| scene.challenge = Some("A".repeat(43)))]
#[case::no_verification(|scene: &mut Scene| scene.verifies = false)]
#[case::names_nobody(|scene: &mut Scene| scene.names_user = false)]
fn a_wrong_answer_lets_nobody_in_and_the_right_one_still_does(#[case] spoil: Spoil) {
    let mut bench = Bench::new();
    let mut key = bench.passkey("alice", &scene(), false);
    let mut wrong = scene();
    spoil(&mut wrong);
    let (_, form) = bench.begin("");
    let answer = key.sign(form.passkey.as_ref().unwrap(), &wrong);
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    assert!(answer.signed_on.is_none());
    assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
    assert_eq!(bench.acts(), [REFUSED]);
    let form = form_of(answer.step);
    let answer = key.sign(form.passkey.as_ref().unwrap(), &scene());
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::Redirect(_)));
}

#[test]
fn a_registration_for_another_site_or_challenge_is_refused() {
    let spoils: [Spoil; 3] = [
        |scene| scene.origin = "https://idm.mcptt.example.net:8443".to_owned(),
        |scene| scene.rp_id = "example.net".to_owned(),
        |scene| scene.challenge = Some("A".repeat(43)),
    ];
    for spoil in spoils {
        let mut bench = Bench::new();
        let mut wrong = scene();
        spoil(&mut wrong);
        let browser = bench.browser("alice");
        let page = bench.page(&browser);
        let (_, answer) = SoftKey::create(&page.registration.unwrap(), &wrong, vec![1]);
        let added = bench.post(&browser, &page.form, &answer, false, NOW);
        assert_eq!(added, Err(AccountFault::Passkey));
        assert!(bench.page(&browser).passkeys.is_empty());
    }
}

#[test]
fn an_answer_is_good_once_and_for_its_own_log_in() {
    let mut bench = Bench::new();
    let mut key = bench.passkey("alice", &scene(), false);
    let (_, form) = bench.begin("");
    let (_, other) = bench.begin("");
    let answer = key.sign(form.passkey.as_ref().unwrap(), &scene());
    let elsewhere = bench.submit(&other, &[("passkey", &answer)]);
    assert!(matches!(elsewhere.step, LoginStep::WrongPasskey(_)));
    let here = bench.submit(&form, &[("passkey", &answer)]);
    assert!(matches!(here.step, LoginStep::Redirect(_)));
    // The log-in has ended with its question.
    assert!(
        bench
            .submit_at(&form, &[("passkey", &answer)], NOW)
            .is_err()
    );

    // A wrong answer uses the question up as well.
    let (_, form) = bench.begin("");
    let good = key.sign(form.passkey.as_ref().unwrap(), &scene());
    let wrong = bench.submit(&form, &[("passkey", "{}")]);
    assert!(matches!(wrong.step, LoginStep::WrongPasskey(_)));
    let late = bench.submit(&form, &[("passkey", &good)]);
    assert!(matches!(late.step, LoginStep::WrongPasskey(_)));
}

#[test]
fn a_question_ends_with_its_log_in() {
    let mut bench = Bench::new();
    let mut key = bench.passkey("alice", &scene(), false);
    let (_, form) = bench.begin("");
    let answer = key.sign(form.passkey.as_ref().unwrap(), &scene());
    let fields = [("passkey", answer.as_str())];
    let late = UnixTime(NOW.0 + 600);
    assert!(bench.submit_at(&form, &fields, late).is_err());

    let browser = bench.browser("alice");
    let page = bench.page(&browser);
    let (_, answer) = SoftKey::create(&page.registration.unwrap(), &scene(), vec![2]);
    let added = bench.post(&browser, &page.form, &answer, false, late);
    assert_eq!(added, Err(AccountFault::NotFresh));
}

#[test]
fn a_passkey_of_somebody_else_is_no_second_factor_and_no_other_name() {
    let mut bench = Bench::new();
    bench.passkey("alice", &scene(), true);
    let mut bobs = bench.passkey("bob", &scene(), false);
    let (_, form) = bench.begin("");
    let form = form_of(bench.password(&form, "alice").step);
    let answer = bobs.sign(form.passkey.as_ref().unwrap(), &scene());
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
    assert_eq!(bench.acts(), [REFUSED]);

    // Bob's passkey that says it is Alice.
    let alice = roger_idm::UserHandle::of(&subject("alice"));
    bobs.handle = support::authenticator::text(alice.octets());
    let (_, form) = bench.begin("");
    let answer = bobs.sign(form.passkey.as_ref().unwrap(), &scene());
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
}

#[test]
fn a_counter_that_does_not_go_up_is_a_copy_refused_and_recorded() {
    for back in [1, 2] {
        let mut bench = Bench::new();
        let mut key = bench.passkey("alice", &scene(), false);
        let (_, form) = bench.begin("");
        let answer = key.sign(form.passkey.as_ref().unwrap(), &scene());
        bench.submit(&form, &[("passkey", &answer)]);
        bench.acts();
        key.counter -= back;
        let (_, form) = bench.begin("");
        let answer = key.sign(form.passkey.as_ref().unwrap(), &scene());
        let answer = bench.submit(&form, &[("passkey", &answer)]);
        assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
        let [entry] = bench.audit.take().try_into().unwrap();
        assert_eq!(entry.act, AuditAct::LogInRefused(LogInFault::ClonedPasskey));
        assert_eq!(entry.subject, Some(subject("alice")));
    }
}

#[test]
fn a_copy_used_between_question_and_answer_of_a_second_factor_shows() {
    let mut bench = Bench::new();
    let mut key = bench.passkey("alice", &scene(), true);
    let (_, first) = bench.begin("");
    let first = form_of(bench.password(&first, "alice").step);
    let (_, second) = bench.begin("");
    let second = form_of(bench.password(&second, "alice").step);
    let answer = key.sign(second.passkey.as_ref().unwrap(), &scene());
    let answer = bench.submit(&second, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::Redirect(_)));
    key.counter -= 1;
    let answer = key.sign(first.passkey.as_ref().unwrap(), &scene());
    let answer = bench.submit(&first, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
    assert!(
        bench
            .acts()
            .contains(&AuditAct::LogInRefused(LogInFault::ClonedPasskey))
    );
}

#[test]
fn a_forged_signature_lets_nobody_in() {
    let mut bench = Bench::new();
    let mut own = bench.passkey("alice", &scene(), false);
    let mut forger = bench.passkey("bob", &scene(), false);
    let (_, form) = bench.begin("");
    let options = form.passkey.as_ref().unwrap();
    let mut answer = json(&own.sign(options, &scene()));
    let forged = json(&forger.sign(options, &scene()));
    answer["response"]["signature"] = forged["response"]["signature"].clone();
    let answer = bench.submit(&form, &[("passkey", &answer.to_string())]);
    assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
}

#[test]
fn malformed_answers_are_refused_alike() {
    let mut bench = Bench::new();
    for answer in ["{}", "x", "[]", "null", r#"{"id":"A","rawId":"="}"#] {
        let (_, form) = bench.begin("");
        let answer = bench.submit(&form, &[("passkey", answer)]);
        assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
    }
    let (_, form) = bench.begin("");
    let long = format!("{{\"id\":\"{}\"}}", "A".repeat(40_000));
    let refused = bench.submit_at(&form, &[("passkey", &long)], NOW);
    assert!(matches!(refused, Err(LoginRefusal::PeerForm)));
}

#[test]
fn the_same_question_is_put_whether_somebody_has_a_passkey_or_not() {
    let mut bench = Bench::new();
    bench.passkey("alice", &scene(), false);
    let ask = |bench: &mut Bench, hint: &str| {
        let (_, form) = bench.begin(&format!("&login_hint={hint}"));
        let mut options = json(form.passkey.as_ref().unwrap());
        options["publicKey"]["challenge"] = Value::Null;
        options
    };
    let (alice, nobody) = (ask(&mut bench, "alice"), ask(&mut bench, "nobody"));
    assert_eq!(alice, nobody);
}

#[test]
fn a_disabled_users_passkey_opens_nothing() {
    let mut bench = Bench::new();
    let mut key = bench.passkey("alice", &scene(), false);
    let alice = LoginName::new("alice").unwrap();
    let disable = |user: &mut roger_idm::User| user.state = UserState::Disabled;
    bench.users.change(&alice, disable).unwrap();
    let (_, form) = bench.begin("");
    let answer = key.sign(form.passkey.as_ref().unwrap(), &scene());
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
}

#[test]
fn a_registration_needs_a_fresh_log_in_the_right_form_and_a_name_of_its_own() {
    let mut bench = Bench::new();
    let (browser, other) = (bench.browser("alice"), bench.browser("bob"));
    let page = bench.page(&browser);
    let options = page.registration.clone().unwrap();
    let (_, answer) = SoftKey::create(&options, &scene(), vec![7]);
    let (theirs, stranger) = (bench.page(&other).form, "0".repeat(64));
    for token in [theirs.as_str(), stranger.as_str(), ""] {
        let added = bench.post(&browser, token, &answer, false, NOW);
        assert_eq!(added, Err(AccountFault::NotFresh));
    }
    // Bob does not get Alice's question answered.
    let added = bench.post(&other, &theirs, &answer, false, NOW);
    assert_eq!(added, Err(AccountFault::Passkey));
    bench.acts();
    assert_eq!(
        bench.post(&browser, &page.form, &answer, false, NOW),
        Ok(())
    );
    assert_eq!(bench.acts(), [AuditAct::PasskeyAdded]);
    let again = bench.post(&browser, &page.form, &answer, false, NOW);
    assert_eq!(again, Err(AccountFault::NoEnrolment));

    // The name of Alice's passkey in Bob's account.
    let page = bench.page(&other);
    let (_, answer) = SoftKey::create(&page.registration.unwrap(), &scene(), vec![7]);
    let added = bench.post(&other, &page.form, &answer, false, NOW);
    assert_eq!(added, Err(AccountFault::Passkey));
}

#[test]
fn a_key_that_only_notices_presence_is_registered_as_a_second_factor_only() {
    let mut bench = Bench::new();
    let browser = bench.browser("alice");
    let presence = Scene {
        verifies: false,
        ..scene()
    };
    let page = bench.page(&browser);
    let (_, answer) = SoftKey::create(&page.registration.unwrap(), &presence, vec![7]);
    let added = bench.post(&browser, &page.form, &answer, false, NOW);
    assert_eq!(added, Err(AccountFault::PresenceOnly));
}

#[test]
fn without_a_record_no_passkey_is_added_or_removed_and_none_lets_in() {
    let mut bench = Bench::new();
    let mut key = bench.passkey("alice", &scene(), false);
    let browser = bench.browser("alice");
    let page = bench.page(&browser);
    let label = page.passkeys[0].id.label();
    let (_, answer) = SoftKey::create(&page.registration.unwrap(), &scene(), vec![7]);
    let (_, form) = bench.begin("");
    bench.audit.set_broken(true);
    let body = form::encode(&[("form", &page.form), ("passkey", &answer), ("name", "n")]);
    assert!(bench.idm.add_passkey(&body, Some(&browser), NOW).is_err());
    let body = form::encode(&[("form", &page.form), ("remove", &label)]);
    assert!(
        bench
            .idm
            .remove_passkey(&body, Some(&browser), NOW)
            .is_err()
    );
    let signed = key.sign(form.passkey.as_ref().unwrap(), &scene());
    assert!(
        bench
            .submit_at(&form, &[("passkey", &signed)], NOW)
            .is_err()
    );
    bench.audit.set_broken(false);
    assert_eq!(bench.page(&browser).passkeys.len(), 1);
    bench.acts();

    let gone = bench.idm.remove_passkey(&body, Some(&browser), NOW);
    assert_eq!(gone.unwrap(), Ok(()));
    assert_eq!(bench.acts(), [AuditAct::PasskeyRemoved]);
    let (_, form) = bench.begin("");
    let answer = key.sign(form.passkey.as_ref().unwrap(), &scene());
    let answer = bench.submit(&form, &[("passkey", &answer)]);
    assert!(matches!(answer.step, LoginStep::WrongPasskey(_)));
}

#[test]
fn nobody_removes_the_passkey_of_somebody_else() {
    let mut bench = Bench::new();
    bench.passkey("alice", &scene(), false);
    let (alice, bob) = (bench.browser("alice"), bench.browser("bob"));
    let label = bench.page(&alice).passkeys[0].id.label();
    let token = bench.page(&bob).form;
    let body = form::encode(&[("form", &token), ("remove", &label)]);
    let gone = bench.idm.remove_passkey(&body, Some(&bob), NOW);
    assert_eq!(gone.unwrap(), Err(AccountFault::Passkey));
    assert_eq!(bench.page(&alice).passkeys.len(), 1);
}

#[test]
fn one_user_has_a_bounded_number_of_passkeys() {
    let mut bench = Bench::new();
    let browser = bench.browser("alice");
    for number in 0..10 {
        let page = bench.page(&browser);
        let (_, answer) = SoftKey::create(&page.registration.unwrap(), &scene(), vec![number; 4]);
        assert_eq!(
            bench.post(&browser, &page.form, &answer, false, NOW),
            Ok(())
        );
    }
    assert!(bench.page(&browser).registration.is_none());
}

#[test]
fn an_issuer_without_a_name_has_no_passkeys() {
    assert!(Passkeys::new(&Issuer::new("https://127.0.0.1:8443").unwrap()).is_err());
    assert!(Passkeys::new(&Issuer::new(ISSUER).unwrap()).is_ok());
}
