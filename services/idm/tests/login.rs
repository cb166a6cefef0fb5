//! The IdM server in the simulator: logging in and every refusal on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_base::{McpttId, UnixTime};
use roger_idm::memory::{MemoryAudit, MemoryBrowsers, MemorySessions, MemoryStore, MemoryUsers};
use roger_idm::ports::{StoreError, UserRepository};
use roger_idm::{
    Failures, Idm, IdmConfig, LoginForm, LoginName, LoginRefusal, LoginStep, Password,
    PasswordHash, Ports, User, UserState,
};
use roger_oidc::client::{LoginAttempt, RelyingParty, Tokens};
use roger_oidc::form;
use roger_oidc::provider::{
    AuthorizationRefusal, Client, ClientDetails, ClientKind, TokenErrorCode,
};
use roger_oidc::{
    AccessTokenVerifier, ClockSkew, Issuer, LoginSessionKey, OauthClientId, OtherServiceIds,
    RedirectUri, Resource, ScopeSet, Subject, TrustedIssuer,
};
use roger_testkit::SeededRandom;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const NOW: UnixTime = UnixTime(1_760_000_000);
const ISSUER: &str = "https://idm.mcptt.example.org";

/// One hash for every user of every test; hashing is slow on purpose.
static HASH: LazyLock<PasswordHash> = LazyLock::new(|| {
    PasswordHash::of(&Password::new("secret").unwrap(), &mut SeededRandom::new(3)).unwrap()
});

struct Bench {
    idm: Idm,
    users: Arc<MemoryUsers>,
    random: SeededRandom,
}

fn user(name: &str) -> User {
    User {
        subject: Subject::new(format!("subject-of-{name}")).unwrap(),
        login: LoginName::new(name).unwrap(),
        password: HASH.clone(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
        state: UserState::Enabled,
        failures: Failures::default(),
    }
}

impl Bench {
    fn new() -> Self {
        let users = Arc::new(MemoryUsers::default());
        let store = Arc::new(MemoryStore::default());
        users.add(&user("alice")).unwrap();
        users.add(&user("bob")).unwrap();
        let client = Client {
            id: OauthClientId::new("app").unwrap(),
            name: "Roger".to_owned(),
            kind: ClientKind::Public,
            redirect_uris: vec![RedirectUri::new("org.example.mcptt:/cb").unwrap()],
            scopes: ScopeSet::every_mcptt_scope(),
            details: ClientDetails::default(),
        };
        store.add_client(client).unwrap();
        let ports = Ports {
            users: users.clone(),
            clients: store.clone(),
            grants: store,
            sessions: Arc::new(MemorySessions::default()),
            browsers: Arc::new(MemoryBrowsers::default()),
            consents: users.clone(),
            factors: users.clone(),
            passkeys: None,
            keys: users.clone(),
            audit: Arc::new(MemoryAudit::default()),
        };
        let config = IdmConfig::new(Issuer::new(ISSUER).unwrap(), "https://mcptt.example.org");
        let idm = Idm::start(config, ports, NOW).unwrap();
        Self {
            idm,
            users,
            random: SeededRandom::new(9),
        }
    }

    fn party(&self) -> RelyingParty {
        RelyingParty {
            issuer: Issuer::new(ISSUER).unwrap(),
            authorization_endpoint: format!("{ISSUER}/oauth2/authorize"),
            token_endpoint: format!("{ISSUER}/oauth2/token"),
            client_id: OauthClientId::new("app").unwrap(),
            redirect_uri: RedirectUri::new("org.example.mcptt:/cb").unwrap(),
            secret: None,
        }
    }

    fn query(&mut self) -> (LoginAttempt, String) {
        let party = self.party();
        let scopes = ScopeSet::every_mcptt_scope();
        let (attempt, url) = party.log_in(&scopes, &mut self.random).unwrap();
        (attempt, url.split_once('?').unwrap().1.to_owned())
    }

    fn begin(&mut self) -> (LoginAttempt, LoginForm) {
        let (attempt, query) = self.query();
        (
            attempt,
            begun_form(
                self.idm
                    .authorize(&query, None, NOW, &mut self.random)
                    .unwrap()
                    .step,
            ),
        )
    }

    fn submit(
        &mut self,
        session: &LoginSessionKey,
        name: &str,
        password: &str,
        now: UnixTime,
    ) -> LoginStep {
        self.try_submit(session, Some(session), name, password, now)
            .unwrap()
    }

    fn try_submit(
        &mut self,
        session: &LoginSessionKey,
        cookie: Option<&LoginSessionKey>,
        name: &str,
        password: &str,
        now: UnixTime,
    ) -> Result<LoginStep, LoginRefusal> {
        let body = form::encode(&[
            ("session", session.expose()),
            ("username", name),
            ("password", password),
        ]);
        let answer = self.idm.submit_login(&body, cookie, now, &mut self.random);
        answer.map(|answer| answer.step)
    }

    fn tokens(&mut self, attempt: LoginAttempt, redirect: &str, now: UnixTime) -> Tokens {
        let request = attempt.on_redirect(redirect).unwrap();
        let body = core::str::from_utf8(request.body().expose())
            .unwrap()
            .to_owned();
        let answer = self.idm.token(None, &body, now, &mut self.random).unwrap();
        request
            .on_answer(answer.to_json().expose(), &self.idm.public_keys(), now)
            .unwrap()
    }
}

fn begun_form(step: LoginStep) -> LoginForm {
    match step {
        LoginStep::Form(form) => form,
        _ => panic!("no form"),
    }
}

fn location(outcome: LoginStep) -> String {
    match outcome {
        LoginStep::Redirect(location) => location,
        LoginStep::TryAgain(_) => panic!("refused"),
        LoginStep::Wait(_, wait) => panic!("wait {wait:?}"),
        _ => panic!("another page"),
    }
}

#[test]
fn the_right_password_gives_the_users_own_tokens() {
    let mut bench = Bench::new();
    for name in ["alice", " bob "] {
        let (attempt, form) = bench.begin();
        assert_eq!(form.client_name, "Roger");
        let redirect = location(bench.submit(&form.session, name, "secret", NOW));
        let tokens = bench.tokens(attempt, &redirect, NOW);
        assert_eq!(
            tokens.mcptt_id.as_str(),
            format!("sip:{}@mcptt.example.org", name.trim())
        );
    }
}

#[test]
fn a_wrong_password_an_unknown_name_and_a_disabled_account_look_alike() {
    let mut bench = Bench::new();
    let bob = LoginName::new("bob").unwrap();
    bench
        .users
        .change(&bob, |user| user.state = UserState::Disabled)
        .unwrap();
    for (name, password) in [
        ("alice", "Secret"),
        ("nobody", "secret"),
        ("bob", "secret"),
        ("", ""),
        ("alice", ""),
    ] {
        let (_, form) = bench.begin();
        let outcome = bench.submit(&form.session, name, password, NOW);
        assert!(matches!(outcome, LoginStep::TryAgain(_)), "{name}");
    }
}

#[test]
fn wrong_passwords_make_the_user_wait_even_for_the_right_one() {
    let mut bench = Bench::new();
    let (attempt, form) = bench.begin();
    for _ in 0..5 {
        assert!(matches!(
            bench.submit(&form.session, "alice", "guess", NOW),
            LoginStep::TryAgain(_)
        ));
    }
    match bench.submit(&form.session, "alice", "secret", NOW) {
        LoginStep::Wait(_, wait) => assert_eq!(wait, Duration::from_secs(10)),
        _ => panic!("a locked account let somebody in"),
    }
    let later = NOW + Duration::from_secs(10);
    let redirect = location(bench.submit(&form.session, "alice", "secret", later));
    bench.tokens(attempt, &redirect, later);
    let (_, form) = bench.begin();
    assert!(matches!(
        bench.submit(&form.session, "alice", "guess", later),
        LoginStep::TryAgain(_)
    ));
}

#[test]
fn waiting_does_not_tell_which_names_exist() {
    let mut bench = Bench::new();
    let (_, form) = bench.begin();
    let mut outcomes = |name: &str| -> Vec<Option<Duration>> {
        let wait = |outcome| match outcome {
            LoginStep::Wait(_, wait) => Some(wait),
            _ => None,
        };
        (0..7)
            .map(|_| wait(bench.submit(&form.session, name, "guess", NOW)))
            .collect()
    };
    assert_eq!(outcomes("alice"), outcomes("nobody"));
}

#[test]
fn a_form_without_its_cookie_is_refused() {
    let mut bench = Bench::new();
    let (_, attackers) = bench.begin();
    let (_, victims) = bench.begin();
    for cookie in [None, Some(&victims.session)] {
        let refused = bench.try_submit(&attackers.session, cookie, "alice", "secret", NOW);
        assert_eq!(refused.err(), Some(LoginRefusal::PeerNoSession));
    }
}

#[test]
fn a_session_gives_one_code_and_ends_in_time() {
    let mut bench = Bench::new();
    let (_, form) = bench.begin();
    location(bench.submit(&form.session, "alice", "secret", NOW));
    let again = bench.try_submit(&form.session, Some(&form.session), "alice", "secret", NOW);
    assert_eq!(again.err(), Some(LoginRefusal::PeerNoSession));

    let (_, form) = bench.begin();
    let late = NOW + Duration::from_secs(600);
    let refused = bench.try_submit(&form.session, Some(&form.session), "alice", "secret", late);
    assert_eq!(refused.err(), Some(LoginRefusal::PeerNoSession));

    let made_up = LoginSessionKey::new("a".repeat(43)).unwrap();
    let refused = bench.try_submit(&made_up, Some(&made_up), "alice", "secret", NOW);
    assert_eq!(refused.err(), Some(LoginRefusal::PeerNoSession));
}

#[test]
fn a_session_takes_twenty_forms() {
    let mut bench = Bench::new();
    let (_, form) = bench.begin();
    for _ in 0..20 {
        assert!(matches!(
            bench.submit(&form.session, "", "", NOW),
            LoginStep::TryAgain(_)
        ));
    }
    let refused = bench.try_submit(&form.session, Some(&form.session), "alice", "secret", NOW);
    assert_eq!(refused.err(), Some(LoginRefusal::DeniedTooManyAttempts));
    let refused = bench.try_submit(&form.session, Some(&form.session), "alice", "secret", NOW);
    assert_eq!(refused.err(), Some(LoginRefusal::PeerNoSession));
}

#[test]
fn a_malformed_form_is_refused() {
    let mut bench = Bench::new();
    let (_, form) = bench.begin();
    let session = form.session.expose().to_owned();
    for body in [
        format!("session={session}&username=alice&username=bob&password=secret"),
        "%".to_owned(),
    ] {
        let refused = bench
            .idm
            .submit_login(&body, Some(&form.session), NOW, &mut bench.random);
        assert_eq!(refused.err(), Some(LoginRefusal::PeerForm));
    }
}

#[test]
fn an_unregistered_client_gets_a_page() {
    let mut bench = Bench::new();
    let refused = bench.idm.authorize(
        "client_id=x&redirect_uri=org.example.mcptt%3A%2Fcb",
        None,
        NOW,
        &mut bench.random,
    );
    assert!(matches!(
        refused.err(),
        Some(LoginRefusal::PeerRequest(AuthorizationRefusal::PeerPage(_)))
    ));
}

#[test]
fn a_user_disabled_between_code_and_token_gets_none() {
    let mut bench = Bench::new();
    let (attempt, form) = bench.begin();
    let redirect = location(bench.submit(&form.session, "alice", "secret", NOW));
    let alice = LoginName::new("alice").unwrap();
    bench
        .users
        .change(&alice, |user| user.state = UserState::Disabled)
        .unwrap();
    let request = attempt.on_redirect(&redirect).unwrap();
    let body = core::str::from_utf8(request.body().expose())
        .unwrap()
        .to_owned();
    let refused = bench.idm.token(None, &body, NOW, &mut bench.random);
    assert_eq!(refused.err().unwrap().code, TokenErrorCode::InvalidGrant);
}

#[test]
fn the_next_key_is_published_before_it_signs_and_old_keys_go() {
    let mut bench = Bench::new();
    let after = |seconds| NOW + Duration::from_secs(seconds);
    let token = |bench: &mut Bench, now: UnixTime| {
        let (attempt, form) = bench.begin();
        let redirect = location(bench.submit(&form.session, "alice", "secret", NOW));
        let request = attempt.on_redirect(&redirect).unwrap();
        let body = core::str::from_utf8(request.body().expose()).unwrap();
        let answer = bench.idm.token(None, body, now, &mut bench.random);
        answer.unwrap().access_token
    };
    let kid = |token: &roger_oidc::AccessToken| {
        let jws = roger_oidc::jose::CompactJws::parse(token.expose()).unwrap();
        jws.kid().unwrap().to_owned()
    };
    let verify = |keys: roger_oidc::JwkSet, token: &roger_oidc::AccessToken, now| {
        let trusted = TrustedIssuer {
            issuer: Issuer::new(ISSUER).unwrap(),
            keys,
        };
        let verifier = AccessTokenVerifier::new(vec![trusted], ClockSkew::MAX);
        verifier.verify(token.expose(), Resource::McpttServer, now)
    };
    bench.idm.rotate_key(NOW).unwrap();
    // A second rotation while one key waits makes no third.
    bench.idm.rotate_key(NOW).unwrap();
    let cached_by_a_verifier = bench.idm.public_keys();
    assert_eq!(cached_by_a_verifier.iter().count(), 2);
    let old = token(&mut bench, NOW);
    assert_eq!(kid(&old), kid(&token(&mut bench, after(40))));
    let moved = {
        // The lead is ten minutes; a code lives one, so the clock of the log-in moves as well.
        let (attempt, query) = bench.query();
        let begun = bench
            .idm
            .authorize(&query, None, after(600), &mut bench.random);
        let form = begun_form(begun.unwrap().step);
        let redirect = location(bench.submit(&form.session, "alice", "secret", after(600)));
        let request = attempt.on_redirect(&redirect).unwrap();
        let body = core::str::from_utf8(request.body().expose()).unwrap();
        let answer = bench.idm.token(None, body, after(600), &mut bench.random);
        answer.unwrap().access_token
    };
    assert_ne!(kid(&old), kid(&moved));
    assert!(verify(cached_by_a_verifier, &moved, after(600)).is_ok());
    // The last token of the old key, signed at 600 s, is good until 600 + 1800 + 30 s.
    bench.idm.maintain_keys(after(2429)).unwrap();
    assert_eq!(bench.idm.public_keys().iter().count(), 2);
    assert!(verify(bench.idm.public_keys(), &old, after(700)).is_ok());
    bench.idm.maintain_keys(after(2430)).unwrap();
    assert_eq!(bench.idm.public_keys().iter().count(), 1);
    assert!(verify(bench.idm.public_keys(), &old, after(700)).is_err());
}

#[test]
fn names_and_identities_are_taken_once() {
    let bench = Bench::new();
    assert_eq!(
        bench.users.add(&user("alice")),
        Err(StoreError::LocalDuplicate("user"))
    );
    let same_mcptt_id = User {
        login: LoginName::new("al").unwrap(),
        subject: Subject::new("x").unwrap(),
        ..user("alice")
    };
    assert_eq!(
        bench.users.add(&same_mcptt_id),
        Err(StoreError::LocalDuplicate("user"))
    );
}
