//! The account page without passkeys: who sees it, what its forms change, and whose sessions end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_base::UnixTime;
use roger_idm::LoginName;
use roger_idm::ports::SecondFactorRepository as _;
use roger_idm::{AccountFault, AccountPage, AuditAct, LoginStep, UserState};
use roger_oidc::provider::TokenErrorCode;
use roger_oidc::{BrowserKey, Issuer, KeySource as _, Subject, form};
use support::*;

fn page(bench: &Bench, browser: &BrowserKey, now: UnixTime) -> Option<AccountPage> {
    bench.idm.account_page(Some(browser), now).unwrap()
}

/// A log-in to the account pages by password.
fn browser(bench: &mut Bench, name: &str) -> BrowserKey {
    let begun = bench.idm.log_in_to_account(NOW, &mut bench.random).unwrap();
    let answer = bench.password(&form_key(begun.step), name);
    assert!(matches!(answer.step, LoginStep::Account));
    answer.signed_on.unwrap().key
}

#[test]
fn the_page_is_for_who_logged_in_a_moment_ago() {
    let mut bench = Bench::new();
    let alice = browser(&mut bench, "alice");
    let shown = page(&bench, &alice, after(599)).unwrap();
    assert_eq!(shown.login.as_str(), "alice");
    assert!(shown.registration.is_none() && shown.passkeys.is_empty());
    assert!(page(&bench, &alice, after(600)).is_none());
    let foreign = BrowserKey::new("b".repeat(43)).unwrap();
    assert!(page(&bench, &foreign, NOW).is_none());
    assert!(bench.idm.account_page(None, NOW).unwrap().is_none());
    // A log-in to an application is as good.
    let (other, ..) = bench.logged_in("alice");
    assert!(page(&bench, &other, NOW).is_some());
    let disable = |user: &mut roger_idm::User| user.state = UserState::Disabled;
    let name = LoginName::new("alice").unwrap();
    bench.users.change(&name, disable).unwrap();
    assert!(page(&bench, &alice, NOW).is_none());
}

#[test]
fn who_has_a_second_factor_shows_it_first_and_may_then_remove_it() {
    let mut bench = Bench::new();
    let early = browser(&mut bench, "alice");
    let code = text(&bench.enrol("alice").code_at(NOW));
    assert!(page(&bench, &early, NOW).is_none());
    let begun = bench.idm.log_in_to_account(NOW, &mut bench.random).unwrap();
    let answer = bench.password(&form_key(begun.step), "alice");
    let answer = bench.submit(&form_key(answer.step), &[("code", &code)], NOW);
    let key = answer.signed_on.unwrap().key;
    let shown = page(&bench, &key, NOW).unwrap();
    assert!(shown.has_app);

    // The password is changed without another code, by this browser alone.
    let change = |browser: Option<&BrowserKey>, bench: &mut Bench| {
        let body = form::encode(&[
            ("username", "alice"),
            ("password", "secret"),
            ("new", "a new long one"),
            ("again", "another long one"),
        ]);
        let body = body.replace("another", "a+new");
        let changed = bench
            .idm
            .change_password(&body, browser, NOW, &mut bench.random);
        changed.unwrap()
    };
    assert_eq!(change(None, &mut bench), Err(AccountFault::Credentials));
    let bobs = browser(&mut bench, "bob");
    assert_eq!(
        change(Some(&bobs), &mut bench),
        Err(AccountFault::Credentials)
    );

    let body = form::encode(&[("form", shown.form.as_str())]);
    let late = bench.idm.remove_app(&body, Some(&key), after(600));
    assert_eq!(late.unwrap(), Err(AccountFault::NotFresh));
    let forged = bench.idm.remove_app("form=", Some(&key), NOW);
    assert_eq!(forged.unwrap(), Err(AccountFault::NotFresh));
    bench.audit.take();
    let removed = bench.idm.remove_app(&body, Some(&key), NOW);
    assert_eq!(removed.unwrap(), Ok(()));
    let entries = bench.audit.take();
    assert_eq!(entries[0].act, AuditAct::AppRemoved);
    let alice = Subject::new("subject-of-alice").unwrap();
    assert!(bench.users.second_factor(&alice).unwrap().is_none());
}

#[test]
fn a_fresh_browser_with_the_second_factor_changes_the_password_without_a_code() {
    let mut bench = Bench::new();
    let code = text(&bench.enrol("alice").code_at(NOW));
    let begun = bench.idm.log_in_to_account(NOW, &mut bench.random).unwrap();
    let answer = bench.password(&form_key(begun.step), "alice");
    let answer = bench.submit(&form_key(answer.step), &[("code", &code)], NOW);
    let key = answer.signed_on.unwrap().key;
    let body = form::encode(&[
        ("username", "alice"),
        ("password", "secret"),
        ("new", "a new long one"),
        ("again", "a new long one"),
    ]);
    let changed = bench
        .idm
        .change_password(&body, Some(&key), NOW, &mut bench.random);
    assert_eq!(changed.unwrap(), Ok(()));
}

#[test]
fn a_user_ends_his_own_sessions_with_their_tokens_and_nobody_elses() {
    let mut bench = Bench::new();
    let (lost, attempt, location) = bench.logged_in("alice");
    let tokens = bench.tokens(attempt, &location);
    let bobs = browser(&mut bench, "bob");
    let own = browser(&mut bench, "alice");
    let shown = page(&bench, &own, NOW).unwrap();
    assert_eq!(shown.sessions.len(), 2);
    let other = shown
        .sessions
        .iter()
        .find(|session| session.id != shown.own);
    let other = other.unwrap().id.as_str().to_owned();
    let end = |bench: &Bench, browser: &BrowserKey, id: &str| {
        let token = page(bench, browser, NOW).unwrap().form;
        let body = form::encode(&[("form", token.as_str()), ("end", id)]);
        let ended = bench.idm.end_session(&body, Some(browser), NOW).unwrap();
        ended.unwrap()
    };
    assert!(!end(&bench, &bobs, &other));
    assert!(page(&bench, &lost, NOW).is_some());
    bench.audit.take();
    assert!(!end(&bench, &own, &other));
    let [entry] = bench.audit.take().try_into().unwrap();
    assert_eq!(entry.act, AuditAct::SessionEnded);
    assert_eq!(entry.about, Some(other));
    assert!(page(&bench, &lost, NOW).is_none());
    assert_eq!(bench.refresh(&tokens), Err(TokenErrorCode::InvalidGrant));
    assert!(end(&bench, &own, shown.own.as_str()));
    assert!(page(&bench, &own, NOW).is_none());
}

#[test]
fn verifiers_in_the_same_process_learn_of_a_new_key() {
    let bench = Bench::new();
    let issuer = Issuer::new(ISSUER).unwrap();
    let known = |bench: &Bench| bench.idm.keys(&issuer, None, NOW).unwrap().iter().count();
    assert_eq!(known(&bench), 1);
    bench.idm.maintain_keys(after(100)).unwrap();
    assert_eq!(known(&bench), 1);
    let life = bench.idm.config().key_life.as_secs();
    bench.idm.maintain_keys(after(life)).unwrap();
    assert_eq!(known(&bench), 2);
    let other = Issuer::new("https://idm.example.net").unwrap();
    assert!(bench.idm.keys(&other, None, NOW).is_none());
}
