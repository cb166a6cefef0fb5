//! Single sign-on, consent, second factor, log-out and the endpoints around tokens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_idm::ports::SecondFactorRepository as _;
use roger_idm::{AccountFault, Confirmation, LoginName, LoginStep, LogoutOutcome, UserState};
use roger_oidc::form;
use roger_oidc::provider::{Introspection, LogoutRefusal, TokenErrorCode, UserInfoRefusal};
use roger_oidc::{BrowserKey, Subject};
use rstest::rstest;

use support::*;

#[test]
fn a_browser_that_is_logged_in_gets_a_code_without_a_page_and_the_token_says_when() {
    let mut bench = Bench::new();
    let (browser, ..) = bench.logged_in("alice");
    for prompt in ["", "&prompt=none"] {
        let (attempt, step) = bench.authorize("app", prompt, Some(&browser), after(50));
        let tokens = bench.tokens(attempt, &redirect(step));
        let claims = claims(tokens.id_token.as_ref().unwrap().expose());
        assert_eq!(claims["auth_time"], NOW.0);
        assert_eq!(claims["acr"], "3gpp:acr:password");
        assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
        assert_eq!(claims["mcptt_id"], "sip:alice@mcptt.example.org");
    }
}

#[rstest]
#[case("&prompt=none", "login_required")]
#[case("&prompt=none&max_age=0", "login_required")]
fn nobody_logged_in_and_no_page_allowed_is_an_error(#[case] extra: &str, #[case] error: &str) {
    let mut bench = Bench::new();
    let (_, step) = bench.authorize("app", extra, None, NOW);
    assert!(redirect(step).contains(&format!("error={error}&")));
    let foreign = BrowserKey::new("b".repeat(43)).unwrap();
    let (_, step) = bench.authorize("app", extra, Some(&foreign), NOW);
    assert!(redirect(step).contains(&format!("error={error}&")));
}

#[rstest]
#[case("&prompt=login", 0)]
#[case("&prompt=select_account", 0)]
#[case("&max_age=100", 101)]
#[case("&max_age=0", 1)]
#[case("", 8 * 3600)]
fn the_user_logs_in_again_when_the_request_or_the_time_wants_it(
    #[case] extra: &str,
    #[case] later: u64,
) {
    let mut bench = Bench::new();
    let (browser, ..) = bench.logged_in("alice");
    let (_, step) = bench.authorize("app", extra, Some(&browser), after(later));
    assert!(matches!(step, LoginStep::Form(_)));
}

#[test]
fn a_recent_log_in_satisfies_max_age() {
    let mut bench = Bench::new();
    let (browser, ..) = bench.logged_in("alice");
    let (_, step) = bench.authorize("app", "&max_age=100", Some(&browser), after(100));
    assert!(redirect(step).contains("code="));
    let (_, step) = bench.authorize(
        "app",
        "&max_age=100&prompt=none",
        Some(&browser),
        after(101),
    );
    assert!(redirect(step).contains("error=login_required"));
}

#[test]
fn a_disabled_user_is_logged_in_nowhere() {
    let mut bench = Bench::new();
    let (browser, ..) = bench.logged_in("alice");
    let alice = LoginName::new("alice").unwrap();
    bench
        .users
        .change(&alice, |user| user.state = UserState::Disabled)
        .unwrap();
    let (_, step) = bench.authorize("app", "", Some(&browser), NOW);
    assert!(matches!(step, LoginStep::Form(_)));
}

#[test]
fn consent_is_asked_once_for_a_client_and_its_scopes() {
    let mut bench = Bench::new();
    let (browser, ..) = bench.logged_in("alice");
    let (_, step) = bench.authorize("stranger", "&prompt=none", Some(&browser), NOW);
    assert!(redirect(step).contains("error=consent_required"));

    let (_, step) = bench.authorize("stranger", "", Some(&browser), NOW);
    let LoginStep::AskConsent(form, purposes) = step else {
        panic!("no question");
    };
    assert_eq!(purposes, ["Your user identity", "Push-to-talk calls"]);
    let answer = bench.submit(&form.session, &[("decision", "deny")], NOW);
    assert!(redirect(answer.step).contains("error=access_denied"));

    let (_, step) = bench.authorize("stranger", "", Some(&browser), NOW);
    let key = form_key(step);
    let answer = bench.submit(&key, &[], NOW);
    assert!(matches!(answer.step, LoginStep::AskConsent(..)));
    let answer = bench.submit(&key, &[("decision", "allow")], NOW);
    assert!(redirect(answer.step).contains("code="));

    let (_, step) = bench.authorize("stranger", "&prompt=none", Some(&browser), NOW);
    assert!(redirect(step).contains("code="));
    let (_, step) = bench.authorize("stranger", "&prompt=consent", Some(&browser), NOW);
    assert!(matches!(step, LoginStep::AskConsent(..)));
    let more = "openid 3gpp:mc:ptt_service 3gpp:mc:ptt_group_management_service";
    let (_, query) = bench.query("stranger", more, "");
    let answer = bench
        .idm
        .authorize(&query, Some(&browser), NOW, &mut bench.random);
    assert!(matches!(answer.unwrap().step, LoginStep::AskConsent(..)));
}

#[test]
fn a_second_factor_is_asked_for_and_no_code_works_twice() {
    let mut bench = Bench::new();
    let secret = bench.enrol("alice");
    let code = text(&secret.code_at(NOW));
    let (attempt, step) = bench.authorize("app", "", None, NOW);
    let answer = bench.password(&form_key(step), "alice");
    assert!(answer.signed_on.is_none());
    let key = form_key(answer.step);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for typed in ["", wrong, "secret"] {
        let answer = bench.submit(&key, &[("code", typed)], NOW);
        assert!(matches!(answer.step, LoginStep::WrongCode(_)), "{typed}");
    }
    let answer = bench.submit(&key, &[("code", &code)], NOW);
    let tokens = bench.tokens(attempt, &redirect(answer.step));
    let claims = claims(tokens.id_token.as_ref().unwrap().expose());
    assert_eq!(claims["amr"], serde_json::json!(["pwd", "otp", "mfa"]));

    let (_, step) = bench.authorize("app", "", None, NOW);
    let answer = bench.password(&form_key(step), "alice");
    let key = form_key(answer.step);
    let replayed = bench.submit(&key, &[("code", &code)], NOW);
    assert!(matches!(replayed.step, LoginStep::WrongCode(_)));
    let answer = bench.submit(&key, &[("code", "aaaa-bbbb-cccc-dddd")], NOW);
    assert!(redirect(answer.step).contains("code="));
    let (_, step) = bench.authorize("app", "", None, NOW);
    let answer = bench.password(&form_key(step), "alice");
    let again = bench.submit(&form_key(answer.step), &[("code", "aaaabbbbccccdddd")], NOW);
    assert!(matches!(again.step, LoginStep::WrongCode(_)));
}

#[test]
fn guessing_codes_locks_out_even_with_the_right_password_between() {
    let mut bench = Bench::new();
    bench.enrol("alice");
    for _ in 0..5 {
        let (_, step) = bench.authorize("app", "", None, NOW);
        let answer = bench.password(&form_key(step), "alice");
        let answer = bench.submit(&form_key(answer.step), &[("code", "x")], NOW);
        assert!(matches!(answer.step, LoginStep::WrongCode(_)));
    }
    let (_, step) = bench.authorize("app", "", None, NOW);
    let answer = bench.password(&form_key(step), "alice");
    assert!(matches!(answer.step, LoginStep::Wait(..)));
}

#[test]
fn a_session_made_without_the_second_factor_has_to_show_it() {
    let mut bench = Bench::new();
    let (browser, ..) = bench.logged_in("alice");
    bench.enrol("alice");
    let (_, step) = bench.authorize("app", "&prompt=none", Some(&browser), NOW);
    assert!(redirect(step).contains("error=interaction_required"));
    let (_, step) = bench.authorize("app", "", Some(&browser), NOW);
    assert!(matches!(step, LoginStep::Form(_)));
}

#[test]
fn an_app_is_enrolled_by_its_first_code_and_recovery_codes_are_given_once() {
    let mut bench = Bench::new();
    let proof = form::encode(&[("username", "alice"), ("password", "secret")]);
    let wrong = form::encode(&[("username", "alice"), ("password", "guess")]);
    let refused = bench
        .idm
        .begin_enrolment(&wrong, None, NOW, &mut bench.random);
    assert_eq!(refused.unwrap().err(), Some(AccountFault::Credentials));

    let begun = bench
        .idm
        .begin_enrolment(&proof, None, NOW, &mut bench.random);
    let enrolment = begun.unwrap().ok().unwrap();
    let uri = text(&enrolment.uri);
    let typed = text(&enrolment.typed);
    assert_eq!(
        uri,
        format!(
            "otpauth://totp/idm.mcptt.example.org:alice?secret={typed}&issuer=idm.mcptt.example.org"
        )
    );
    let finish = |bench: &mut Bench, code: &str| {
        let fields = [("enrolment", enrolment.key.expose()), ("code", code)];
        let body = form::encode(&fields);
        let finished = bench.idm.finish_enrolment(&body, NOW, &mut bench.random);
        finished.unwrap().map(|codes| codes.expose().count())
    };
    assert_eq!(finish(&mut bench, "12345").err(), Some(AccountFault::Code));
    // A wrong first code means beginning again.
    assert_eq!(
        finish(&mut bench, "12345").err(),
        Some(AccountFault::NoEnrolment)
    );
    let alice = Subject::new("subject-of-alice").unwrap();
    assert!(bench.users.second_factor(&alice).unwrap().is_none());
}

#[test]
fn after_the_first_code_of_the_app_the_password_alone_opens_nothing() {
    let mut bench = Bench::new();
    let proof = form::encode(&[("username", "alice"), ("password", "secret")]);
    let begun = bench
        .idm
        .begin_enrolment(&proof, None, NOW, &mut bench.random);
    let enrolment = begun.unwrap().ok().unwrap();
    let app = app_secret(&text(&enrolment.typed));
    let code = text(&app.code_at(NOW));
    let body = form::encode(&[("enrolment", enrolment.key.expose()), ("code", &code)]);
    let finished = bench.idm.finish_enrolment(&body, NOW, &mut bench.random);
    let recovery = finished.unwrap().ok().unwrap();
    let recovery: Vec<String> = recovery.expose().map(str::to_owned).collect();
    assert_eq!(recovery.len(), 10);

    // Replacing the app needs the second factor as well.
    let refused = bench
        .idm
        .begin_enrolment(&proof, None, NOW, &mut bench.random);
    assert_eq!(refused.unwrap().err(), Some(AccountFault::Credentials));
    let with_recovery = format!("{proof}&code={}", recovery[1]);
    let again = bench
        .idm
        .begin_enrolment(&with_recovery, None, NOW, &mut bench.random);
    assert!(again.unwrap().is_ok());

    let (_, step) = bench.authorize("app", "", None, NOW);
    let answer = bench.password(&form_key(step), "alice");
    assert!(matches!(answer.step, LoginStep::AskCode(_)));
    let key = form_key(answer.step);
    // The code that enrolled the app is used up.
    let replayed = bench.submit(&key, &[("code", &code)], NOW);
    assert!(matches!(replayed.step, LoginStep::WrongCode(_)));
    let answer = bench.submit(&key, &[("code", &recovery[0])], NOW);
    assert!(redirect(answer.step).contains("code="));
}

#[rstest]
#[case("secret", "a new long one", "a new long one", None)]
#[case(
    "guess",
    "a new long one",
    "a new long one",
    Some(AccountFault::Credentials)
)]
#[case(
    "secret",
    "a new long one",
    "another long one",
    Some(AccountFault::Different)
)]
#[case("secret", "short", "short", Some(AccountFault::Rules))]
#[case("secret", "secret", "secret", Some(AccountFault::Rules))]
#[case("secret", "it is alice's", "it is alice's", Some(AccountFault::Rules))]
fn a_password_is_changed_by_its_owner_within_the_rules(
    #[case] old: &str,
    #[case] new: &str,
    #[case] again: &str,
    #[case] fault: Option<AccountFault>,
) {
    let mut bench = Bench::new();
    let (browser, attempt, location) = bench.logged_in("alice");
    let tokens = bench.tokens(attempt, &location);
    let fields = [
        ("username", "alice"),
        ("password", old),
        ("new", new),
        ("again", again),
    ];
    let body = form::encode(&fields);
    let changed = bench
        .idm
        .change_password(&body, None, NOW, &mut bench.random);
    assert_eq!(changed.unwrap().err(), fault);
    // Whoever stole a session or token under the old password has lost it.
    let (_, step) = bench.authorize("app", "", Some(&browser), NOW);
    assert_eq!(matches!(step, LoginStep::Form(_)), fault.is_none());
    assert_eq!(bench.refresh(&tokens).is_err(), fault.is_none());
}

#[test]
fn introspection_tells_resource_servers_only() {
    let mut bench = Bench::new();
    let (_, attempt, location) = bench.logged_in("alice");
    let tokens = bench.tokens(attempt, &location);
    let access = tokens.access_token.expose();
    let answer = bench.introspect(access);
    let json: serde_json::Value = serde_json::from_str(answer.to_json()).unwrap();
    assert_eq!(json["active"], true);
    assert_eq!(json["mcptt_id"], "sip:alice@mcptt.example.org");
    assert_eq!(json["scope"], "3gpp:mc:ptt_service openid");
    let body = form::encode(&[("token", access)]);
    for (authorization, client, code) in [
        (Some(basic("site")), "", TokenErrorCode::UnauthorizedClient),
        (None, "&client_id=app", TokenErrorCode::UnauthorizedClient),
        (None, "&client_id=gms", TokenErrorCode::InvalidClient),
        (None, "", TokenErrorCode::InvalidClient),
    ] {
        let body = format!("{body}{client}");
        let refused = bench.idm.introspect(authorization.as_deref(), &body, NOW);
        assert_eq!(refused.err().unwrap().code, code);
    }
    let id_token = tokens.id_token.as_ref().unwrap().expose();
    for other in [
        "x",
        id_token,
        tokens.refresh_token.as_ref().unwrap().expose(),
    ] {
        assert_eq!(bench.introspect(other), Introspection::Inactive);
    }
    let alice = LoginName::new("alice").unwrap();
    bench
        .users
        .change(&alice, |user| user.state = UserState::Disabled)
        .unwrap();
    assert_eq!(bench.introspect(access), Introspection::Inactive);
}

#[test]
fn a_token_given_back_ends_its_whole_grant_and_nobody_elses_token_does() {
    for by_access_token in [true, false] {
        let mut bench = Bench::new();
        let (_, attempt, location) = bench.logged_in("alice");
        let tokens = bench.tokens(attempt, &location);
        let access = tokens.access_token.expose().to_owned();
        let token = match by_access_token {
            true => access.as_str(),
            false => tokens.refresh_token.as_ref().unwrap().expose(),
        };
        let body = |client: &str| form::encode(&[("token", token), ("client_id", client)]);
        let refused = bench.idm.revoke(None, &body("stranger"), NOW);
        assert_eq!(refused.err().unwrap().code, TokenErrorCode::InvalidGrant);
        assert!(matches!(
            bench.introspect(&access),
            Introspection::Active(_)
        ));
        assert_eq!(bench.idm.revoke(None, &body("app"), NOW), Ok(()));
        assert_eq!(bench.introspect(&access), Introspection::Inactive);
        assert_eq!(bench.refresh(&tokens), Err(TokenErrorCode::InvalidGrant));
        let unknown = form::encode(&[("token", "unknown"), ("client_id", "app")]);
        assert_eq!(bench.idm.revoke(None, &unknown, NOW), Ok(()));
    }
}

#[test]
fn userinfo_names_the_user_and_only_the_services_of_the_scope() {
    let mut bench = Bench::new();
    let (browser, attempt, location) = bench.logged_in("alice");
    let tokens = bench.tokens(attempt, &location);
    let bearer = |token: &str| format!("Bearer {token}");
    let access = bearer(tokens.access_token.expose());
    let user = bench.idm.userinfo(Some(&access), NOW).unwrap();
    let json: serde_json::Value = serde_json::from_str(user.to_json()).unwrap();
    assert_eq!(json["sub"], "subject-of-alice");
    assert_eq!(json["mcptt_id"], "sip:alice@mcptt.example.org");
    assert!(json.get("mcvideo_id").is_none());
    let (attempt, query) = bench.query("app", "openid 3gpp:mc:video_service", "");
    let answer = bench
        .idm
        .authorize(&query, Some(&browser), NOW, &mut bench.random);
    let video = bench.tokens(attempt, &redirect(answer.unwrap().step));
    let user = bench
        .idm
        .userinfo(Some(&bearer(video.access_token.expose())), NOW);
    let json: serde_json::Value = serde_json::from_str(user.unwrap().to_json()).unwrap();
    assert_eq!(json["mcvideo_id"], "sip:alice@video.example.org");
    assert_eq!(
        claims(video.access_token.expose())["mcvideo_id"],
        "sip:alice@video.example.org"
    );

    let refused = |header: Option<&str>, now| bench.idm.userinfo(header, now).err();
    assert_eq!(refused(None, NOW), Some(UserInfoRefusal::PeerNoToken));
    assert_eq!(
        refused(Some("Basic x"), NOW),
        Some(UserInfoRefusal::PeerNoToken)
    );
    assert_eq!(
        refused(Some("Bearer x"), NOW),
        Some(UserInfoRefusal::DeniedToken)
    );
    assert_eq!(
        refused(Some(&access), after(1800)),
        Some(UserInfoRefusal::DeniedToken)
    );
}

#[test]
fn a_log_out_with_the_id_token_ends_the_session_and_its_refresh_tokens() {
    let mut bench = Bench::new();
    let (browser, attempt, location) = bench.logged_in("alice");
    let tokens = bench.tokens(attempt, &location);
    let (other_browser, attempt, location) = bench.logged_in("alice");
    let other = bench.tokens(attempt, &location);
    let hint = tokens.id_token.as_ref().unwrap().expose();
    let query = |uri: &str| {
        let fields = [
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", uri),
            ("state", "s"),
        ];
        form::encode(&fields)
    };
    for uri in [
        "org.example.mcptt:/bye/",
        "https://evil.example",
        "org.example.mcptt:/cb",
    ] {
        let refused = bench
            .idm
            .log_out(&query(uri), Some(&browser), Confirmation::None, NOW);
        assert!(matches!(refused, Err(LogoutRefusal::PeerPage(_))), "{uri}");
    }
    // The hint of one session does not end another browser's session without its user.
    let good = query("org.example.mcptt:/bye");
    let asked = bench
        .idm
        .log_out(&good, Some(&other_browser), Confirmation::None, NOW);
    assert_eq!(asked, Ok(LogoutOutcome::AskUser));
    let (_, step) = bench.authorize("app", "", Some(&browser), NOW);
    assert!(redirect(step).contains("code="));

    let done = bench
        .idm
        .log_out(&good, Some(&browser), Confirmation::None, after(7200));
    let location = Some("org.example.mcptt:/bye?state=s".to_owned());
    assert_eq!(done, Ok(LogoutOutcome::LoggedOut { location }));
    let (_, step) = bench.authorize("app", "", Some(&browser), NOW);
    assert!(matches!(step, LoginStep::Form(_)));
    assert_eq!(bench.refresh(&tokens), Err(TokenErrorCode::InvalidGrant));
    assert_eq!(bench.refresh(&other), Ok(()));
}

#[test]
fn a_log_out_without_a_hint_asks_the_user() {
    let mut bench = Bench::new();
    let (browser, ..) = bench.logged_in("alice");
    let forged = "id_token_hint=eyJhbGciOiJFUzI1NiJ9.e30.AA";
    for query in ["", forged] {
        let asked = bench
            .idm
            .log_out(query, Some(&browser), Confirmation::None, NOW);
        assert_eq!(asked, Ok(LogoutOutcome::AskUser));
    }
    let unproved = "post_logout_redirect_uri=org.example.mcptt%3A%2Fbye";
    let refused = bench
        .idm
        .log_out(unproved, Some(&browser), Confirmation::None, NOW);
    assert!(matches!(refused, Err(LogoutRefusal::PeerPage(_))));
    let done = bench
        .idm
        .log_out("", Some(&browser), Confirmation::ByUser, NOW);
    assert_eq!(done, Ok(LogoutOutcome::LoggedOut { location: None }));
    let (_, step) = bench.authorize("app", "", Some(&browser), NOW);
    assert!(matches!(step, LoginStep::Form(_)));
}
