//! Provider and relying party joined back to back: the whole flow and every refusal on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::cell::{Cell, RefCell};
use roger_base::{McpttId, UnixTime};
use roger_oidc::client::{
    IdTokenError, LoginAttempt, RedirectError, RelyingParty, TokenResponseError, Tokens,
};
use roger_oidc::form;
use roger_oidc::provider::memory::MemoryStore;
use roger_oidc::provider::{
    Account, AccountDirectory, Authentication, AuthorizationError, AuthorizationRefusal,
    AuthorizationRequest, Client, ClientDetails, ClientKind, Federation, StoreError, TokenAct,
    TokenEndpoint, TokenError, TokenErrorCode, TokenEvent, TokenLog, TokenPolicy, TokenResponse,
};
use roger_oidc::{
    AccessTokenVerifier, Algorithm, Amr, ClientSecret, ClockSkew, Issuer, JwkSet, OauthClientId,
    OtherServiceIds, RedirectUri, Resource, ScopeSet, SigningKey, Subject, TokenRefusal,
    TrustedIssuer,
};
use roger_testkit::SeededRandom;
use rstest::rstest;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NOW: UnixTime = UnixTime(1_760_000_000);
const ISSUER: &str = "https://idm.mcptt.example.org";
const REDIRECT: &str = "org.example.mcptt:/cb";

#[derive(Default)]
struct Accounts(Mutex<HashMap<Subject, Account>>);

impl AccountDirectory for Accounts {
    fn account(&self, subject: &Subject) -> Result<Option<Account>, StoreError> {
        Ok(self.0.lock().unwrap().get(subject).cloned())
    }
}

/// Remembers every act; keeps nothing while it is broken.
#[derive(Default)]
struct Log {
    acts: RefCell<Vec<(TokenAct, Option<String>)>>,
    broken: Cell<bool>,
}

impl Log {
    fn heard(&self) -> Vec<TokenAct> {
        self.acts.take().into_iter().map(|(act, _)| act).collect()
    }
}

impl TokenLog for Log {
    fn ready(&self) -> Result<(), StoreError> {
        match self.broken.get() {
            true => Err(StoreError::LocalUnavailable("no log".to_owned())),
            false => Ok(()),
        }
    }

    fn keep(&self, event: &TokenEvent<'_>) -> Result<(), StoreError> {
        self.ready()?;
        let subject = event.subject.map(|subject| subject.as_str().to_owned());
        self.acts.borrow_mut().push((event.act, subject));
        Ok(())
    }
}

struct Bench {
    store: Arc<MemoryStore>,
    log: Log,
    accounts: Accounts,
    key: SigningKey,
    issuer: Issuer,
    policy: TokenPolicy,
    federation: Federation,
    partner_users: HashMap<(Issuer, Subject), Subject>,
    random: SeededRandom,
}

fn client(id: &str, kind: ClientKind) -> Client {
    Client {
        id: OauthClientId::new(id).unwrap(),
        name: "Roger".to_owned(),
        kind,
        redirect_uris: vec![
            RedirectUri::new(REDIRECT).unwrap(),
            RedirectUri::new("http://127.0.0.1:4711/cb").unwrap(),
        ],
        scopes: ScopeSet::every_mcptt_scope(),
        details: ClientDetails::default(),
    }
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            store: Arc::new(MemoryStore::default()),
            log: Log::default(),
            accounts: Accounts::default(),
            key: SigningKey::generate(Algorithm::Es256).unwrap(),
            issuer: Issuer::new(ISSUER).unwrap(),
            policy: TokenPolicy::default(),
            federation: Federation::default(),
            partner_users: HashMap::new(),
            random: SeededRandom::new(7),
        };
        bench
            .store
            .add_client(client("app", ClientKind::Public))
            .unwrap();
        bench
            .store
            .add_client(client("other-app", ClientKind::Public))
            .unwrap();
        for name in ["alice", "bob"] {
            let account = account(name);
            bench
                .accounts
                .0
                .lock()
                .unwrap()
                .insert(account.subject.clone(), account);
        }
        bench
    }

    fn party(&self) -> RelyingParty {
        RelyingParty {
            issuer: self.issuer.clone(),
            authorization_endpoint: format!("{ISSUER}/oauth2/authorize"),
            token_endpoint: format!("{ISSUER}/oauth2/token"),
            client_id: OauthClientId::new("app").unwrap(),
            redirect_uri: RedirectUri::new(REDIRECT).unwrap(),
            secret: None,
        }
    }

    fn log_in(&mut self) -> (LoginAttempt, String) {
        let scopes = ScopeSet::parse(
            "openid 3gpp:mc:ptt_service 3gpp:mc:ptt_key_management_service foreign:x",
        )
        .unwrap();
        let (attempt, url) = self.party().log_in(&scopes, &mut self.random).unwrap();
        (attempt, url.split_once('?').unwrap().1.to_owned())
    }

    /// The redirect that ends a good log-in of `name`.
    fn redirect(&mut self, query: &str, name: &str) -> String {
        let request = AuthorizationRequest::check(query, &*self.store).unwrap();
        let user = Authentication {
            account: account(name),
            at: NOW,
            amr: Amr::Password,
            session: None,
        };
        request
            .grant(&user, &self.policy, NOW, &*self.store, &mut self.random)
            .unwrap()
    }

    fn token_at(
        &mut self,
        authorization: Option<&str>,
        body: &str,
        now: UnixTime,
    ) -> Result<TokenResponse, TokenError> {
        let endpoint = TokenEndpoint {
            issuer: &self.issuer,
            audience: "https://mcptt.example.org",
            clients: &*self.store,
            accounts: &self.accounts,
            grants: &*self.store,
            key: &self.key,
            keys: &JwkSet::new(vec![self.key.public().clone()]),
            policy: &self.policy,
            federation: &self.federation,
            partner_users: &self.partner_users,
            log: &self.log,
        };
        endpoint.handle(authorization, body, now, &mut self.random)
    }

    fn token(&mut self, body: &str) -> Result<TokenResponse, TokenError> {
        self.token_at(None, body, NOW)
    }

    fn keys(&self) -> JwkSet {
        JwkSet::new(vec![self.key.public().clone()])
    }

    fn verifier(&self) -> AccessTokenVerifier {
        let trusted = TrustedIssuer {
            issuer: self.issuer.clone(),
            keys: self.keys(),
        };
        AccessTokenVerifier::new(vec![trusted], ClockSkew::MAX).with_revocations(self.store.clone())
    }

    /// A whole log-in; gives the tokens and the form that redeemed the code.
    fn logged_in(&mut self, name: &str) -> (Tokens, String) {
        let (attempt, query) = self.log_in();
        let redirect = self.redirect(&query, name);
        let request = attempt.on_redirect(&redirect).unwrap();
        let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
        let response = self.token(&body).unwrap();
        (
            request
                .on_answer(response.to_json().expose(), &self.keys(), NOW)
                .unwrap(),
            body,
        )
    }
}

fn account(name: &str) -> Account {
    Account {
        subject: Subject::new(format!("subject-of-{name}")).unwrap(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
    }
}

/// The form with one parameter changed, or taken out when the value is `None`.
fn with(text: &str, name: &str, value: Option<&str>) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    pairs.retain(|(given, _)| given != name);
    pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    let borrowed: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    form::encode(&borrowed)
}

fn code<T>(result: Result<T, TokenError>) -> TokenErrorCode {
    result.err().expect("a refusal").code
}

#[test]
fn a_log_in_gives_tokens_that_every_server_takes_for_the_right_user() {
    let mut bench = Bench::new();
    let (tokens, _) = bench.logged_in("alice");
    assert_eq!(tokens.mcptt_id.as_str(), "sip:alice@mcptt.example.org");
    assert_eq!(tokens.expires_at, UnixTime(NOW.0 + 1800));
    let granted = tokens.scopes.as_ref().unwrap().to_string();
    assert_eq!(
        granted,
        "3gpp:mc:ptt_key_management_service 3gpp:mc:ptt_service openid"
    );
    let verified = bench
        .verifier()
        .verify(tokens.access_token.expose(), Resource::McpttServer, NOW)
        .unwrap();
    assert_eq!(verified.mcptt_id, tokens.mcptt_id);
    assert_eq!(verified.subject, Some(tokens.subject));
    let refused =
        bench
            .verifier()
            .verify(tokens.access_token.expose(), Resource::GroupManagement, NOW);
    assert!(matches!(refused, Err(TokenRefusal::DeniedScope { .. })));
}

#[test]
fn the_token_of_alice_is_never_bobs() {
    let mut bench = Bench::new();
    let (alice, _) = bench.logged_in("alice");
    let (bob, _) = bench.logged_in("bob");
    let verifier = bench.verifier();
    let id = |tokens: &Tokens| {
        verifier
            .verify(tokens.access_token.expose(), Resource::McpttServer, NOW)
            .unwrap()
            .mcptt_id
    };
    assert_eq!(id(&alice).as_str(), "sip:alice@mcptt.example.org");
    assert_eq!(id(&bob).as_str(), "sip:bob@mcptt.example.org");
}

#[rstest]
#[case("client_id", Some("nobody"))]
#[case("client_id", None)]
#[case("redirect_uri", Some("org.example.mcptt:/cb/"))]
#[case("redirect_uri", Some("ORG.example.mcptt:/cb"))]
#[case("redirect_uri", Some("https://attacker.example.org/cb"))]
#[case("redirect_uri", Some("org.example.mcptt:/cb?x=1"))]
#[case("redirect_uri", None)]
fn a_wrong_client_or_redirect_uri_gets_a_page_and_no_redirect(
    #[case] name: &str,
    #[case] value: Option<&str>,
) {
    let mut bench = Bench::new();
    let (_, query) = bench.log_in();
    let refused = AuthorizationRequest::check(&with(&query, name, value), &*bench.store);
    assert!(
        matches!(refused, Err(AuthorizationRefusal::PeerPage(_))),
        "{refused:?}"
    );
}

#[rstest]
#[case("client_id=app")]
#[case("redirect_uri=org.example.mcptt%3A%2Fcb")]
fn a_repeated_client_or_redirect_uri_gets_a_page(#[case] extra: &str) {
    let mut bench = Bench::new();
    let (_, query) = bench.log_in();
    let refused = AuthorizationRequest::check(&format!("{query}&{extra}"), &*bench.store);
    assert!(
        matches!(refused, Err(AuthorizationRefusal::PeerPage(_))),
        "{refused:?}"
    );
}

#[rstest]
#[case(
    "response_type",
    Some("token"),
    AuthorizationError::UnsupportedResponseType
)]
#[case(
    "response_type",
    Some("code id_token"),
    AuthorizationError::UnsupportedResponseType
)]
#[case("response_type", None, AuthorizationError::InvalidRequest)]
#[case("state", None, AuthorizationError::InvalidRequest)]
#[case("code_challenge", None, AuthorizationError::InvalidRequest)]
#[case("code_challenge", Some("short"), AuthorizationError::InvalidRequest)]
#[case(
    "code_challenge_method",
    Some("plain"),
    AuthorizationError::InvalidRequest
)]
#[case("code_challenge_method", None, AuthorizationError::InvalidRequest)]
#[case("scope", None, AuthorizationError::InvalidRequest)]
#[case("scope", Some("3gpp:mc:ptt_service"), AuthorizationError::InvalidScope)]
#[case("scope", Some("openid \"x\""), AuthorizationError::InvalidScope)]
#[case("prompt", Some("none login"), AuthorizationError::InvalidRequest)]
#[case("max_age", Some("soon"), AuthorizationError::InvalidRequest)]
#[case("request", Some("eyJ"), AuthorizationError::RequestNotSupported)]
#[case(
    "request_uri",
    Some("https://x.example"),
    AuthorizationError::RequestNotSupported
)]
#[case("response_mode", Some("fragment"), AuthorizationError::InvalidRequest)]
fn other_faults_go_back_by_redirect(
    #[case] name: &str,
    #[case] value: Option<&str>,
    #[case] expected: AuthorizationError,
) {
    let mut bench = Bench::new();
    let (attempt, query) = bench.log_in();
    match AuthorizationRequest::check(&with(&query, name, value), &*bench.store) {
        Err(AuthorizationRefusal::PeerRedirect { error, location }) => {
            assert_eq!(error, expected);
            assert!(
                location.starts_with("org.example.mcptt:/cb?error="),
                "{location}"
            );
            let told = attempt.on_redirect(&location).err().unwrap();
            let without_state = name == "state";
            let expected = RedirectError::DeniedByServer(expected.code().to_owned());
            assert_eq!(
                told,
                if without_state {
                    RedirectError::PeerState
                } else {
                    expected
                }
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_without_acr_values_means_the_password() {
    let mut bench = Bench::new();
    let (_, query) = bench.log_in();
    let request =
        AuthorizationRequest::check(&with(&query, "acr_values", None), &*bench.store).unwrap();
    assert_eq!(request.parts().acr.as_str(), "3gpp:acr:password");
}

#[rstest]
#[case("3gpp:acr:password", Amr::Passkey, "3gpp:acr:password")]
#[case("3gpp:acr:password phr", Amr::Passkey, "3gpp:acr:password")]
#[case("phr 3gpp:acr:password", Amr::Passkey, "phr")]
#[case("other phr", Amr::PasswordAndPasskey, "phr")]
#[case("phr", Amr::PasswordAndCode, "3gpp:acr:password")]
#[case("phr", Amr::Password, "3gpp:acr:password")]
#[case("phrh", Amr::Passkey, "3gpp:acr:password")]
fn the_class_is_the_one_asked_for_that_the_log_in_reached(
    #[case] asked: &str,
    #[case] amr: Amr,
    #[case] told: &str,
) {
    let mut bench = Bench::new();
    let (attempt, query) = bench.log_in();
    let query = with(&query, "acr_values", Some(asked));
    let request = AuthorizationRequest::check(&query, &*bench.store).unwrap();
    let user = Authentication {
        account: account("alice"),
        at: NOW,
        amr,
        session: None,
    };
    let (policy, store) = (bench.policy, bench.store.clone());
    let location = request.grant(&user, &policy, NOW, &*store, &mut bench.random);
    let tokens = attempt.on_redirect(&location.unwrap()).unwrap();
    let body = String::from_utf8(tokens.body().expose().to_vec()).unwrap();
    let answer = bench.token(&body).unwrap();
    let claims = answer
        .id_token
        .unwrap()
        .expose()
        .split('.')
        .nth(1)
        .unwrap()
        .to_owned();
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["acr"], told);
    assert_eq!(claims["amr"], serde_json::json!(amr.values()));
}

#[test]
fn a_wrong_verifier_is_refused_and_the_code_is_gone() {
    let mut bench = Bench::new();
    let (attempt, query) = bench.log_in();
    let redirect = bench.redirect(&query, "alice");
    let request = attempt.on_redirect(&redirect).unwrap();
    let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
    let wrong = with(&body, "code_verifier", Some(&"a".repeat(43)));
    assert_eq!(code(bench.token(&wrong)), TokenErrorCode::InvalidGrant);
    assert_eq!(code(bench.token(&body)), TokenErrorCode::InvalidGrant);
}

#[rstest]
#[case(
    "redirect_uri",
    Some("http://127.0.0.1:4711/cb"),
    TokenErrorCode::InvalidGrant
)]
#[case("redirect_uri", None, TokenErrorCode::InvalidRequest)]
#[case("client_id", Some("other-app"), TokenErrorCode::InvalidGrant)]
#[case("client_id", Some("nobody"), TokenErrorCode::InvalidClient)]
#[case("client_id", None, TokenErrorCode::InvalidClient)]
#[case("code", Some("made-up"), TokenErrorCode::InvalidGrant)]
#[case("code", None, TokenErrorCode::InvalidRequest)]
#[case("code_verifier", None, TokenErrorCode::InvalidRequest)]
#[case("code_verifier", Some("short"), TokenErrorCode::InvalidRequest)]
#[case("grant_type", Some("password"), TokenErrorCode::UnsupportedGrantType)]
#[case("grant_type", Some("implicit"), TokenErrorCode::UnsupportedGrantType)]
#[case("grant_type", None, TokenErrorCode::InvalidRequest)]
#[case("client_secret", Some("in-the-body"), TokenErrorCode::InvalidRequest)]
fn a_wrong_token_request_is_refused(
    #[case] name: &str,
    #[case] value: Option<&str>,
    #[case] expected: TokenErrorCode,
) {
    let mut bench = Bench::new();
    let (attempt, query) = bench.log_in();
    let redirect = bench.redirect(&query, "alice");
    let request = attempt.on_redirect(&redirect).unwrap();
    let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
    assert_eq!(code(bench.token(&with(&body, name, value))), expected);
}

#[test]
fn a_code_lives_sixty_seconds() {
    for (age, good) in [(59, true), (60, false)] {
        let mut bench = Bench::new();
        let (attempt, query) = bench.log_in();
        let redirect = bench.redirect(&query, "alice");
        let request = attempt.on_redirect(&redirect).unwrap();
        let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
        let answer = bench.token_at(None, &body, NOW + Duration::from_secs(age));
        assert_eq!(answer.is_ok(), good, "{age}");
    }
}

#[test]
fn a_replayed_code_is_refused_and_takes_the_first_tokens_along() {
    let mut bench = Bench::new();
    let (tokens, body) = bench.logged_in("alice");
    let verifier = bench.verifier();
    assert!(
        verifier
            .verify(tokens.access_token.expose(), Resource::McpttServer, NOW)
            .is_ok()
    );
    assert_eq!(code(bench.token(&body)), TokenErrorCode::InvalidGrant);
    let refused = verifier.verify(tokens.access_token.expose(), Resource::McpttServer, NOW);
    assert_eq!(refused, Err(TokenRefusal::DeniedRevoked));
    let refresh = bench.party().refresh(tokens).unwrap();
    let refresh = String::from_utf8(refresh.body().expose().to_vec()).unwrap();
    assert_eq!(code(bench.token(&refresh)), TokenErrorCode::InvalidGrant);
    assert_eq!(
        bench.log.heard(),
        [TokenAct::Issued, TokenAct::CodeReplayed]
    );
}

#[test]
fn a_refresh_rotates_and_keeps_the_user() {
    let mut bench = Bench::new();
    let (tokens, _) = bench.logged_in("alice");
    let refresh = bench.party().refresh(tokens).unwrap();
    let body = String::from_utf8(refresh.body().expose().to_vec()).unwrap();
    let later = UnixTime(NOW.0 + 1000);
    let answer = bench.token_at(None, &body, later).unwrap();
    let tokens = refresh
        .on_answer(answer.to_json().expose(), &bench.keys(), later)
        .unwrap();
    assert_eq!(tokens.mcptt_id.as_str(), "sip:alice@mcptt.example.org");
    assert_eq!(tokens.expires_at, UnixTime(NOW.0 + 2800));
    let narrower = with(
        &body,
        "refresh_token",
        Some(tokens.refresh_token.as_ref().unwrap().expose()),
    );
    let narrower = with(&narrower, "scope", Some("openid 3gpp:mc:ptt_service"));
    assert_eq!(
        bench.token(&narrower).unwrap().scopes.to_string(),
        "3gpp:mc:ptt_service openid"
    );
}

#[test]
fn a_refresh_token_used_twice_kills_its_family() {
    let mut bench = Bench::new();
    let (tokens, _) = bench.logged_in("alice");
    let refresh = bench.party().refresh(tokens).unwrap();
    let stolen = String::from_utf8(refresh.body().expose().to_vec()).unwrap();
    let answer = bench.token(&stolen).unwrap();
    let tokens = refresh
        .on_answer(answer.to_json().expose(), &bench.keys(), NOW)
        .unwrap();
    assert_eq!(code(bench.token(&stolen)), TokenErrorCode::InvalidGrant);
    let refused = bench
        .verifier()
        .verify(tokens.access_token.expose(), Resource::McpttServer, NOW);
    assert_eq!(refused, Err(TokenRefusal::DeniedRevoked));
    let next = bench.party().refresh(tokens).unwrap();
    let next = String::from_utf8(next.body().expose().to_vec()).unwrap();
    assert_eq!(code(bench.token(&next)), TokenErrorCode::InvalidGrant);
    let heard = bench.log.heard();
    use TokenAct::{Issued, RefreshReused, Refreshed};
    assert_eq!(heard, [Issued, Refreshed, RefreshReused]);
}

#[test]
fn without_its_log_the_endpoint_gives_nothing_and_uses_nothing_up() {
    let mut bench = Bench::new();
    let (attempt, query) = bench.log_in();
    let redirect = bench.redirect(&query, "alice");
    let request = attempt.on_redirect(&redirect).unwrap();
    let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
    bench.log.broken.set(true);
    assert_eq!(code(bench.token(&body)), TokenErrorCode::ServerError);
    bench.log.broken.set(false);
    let answer = bench.token(&body).unwrap();
    let tokens = request
        .on_answer(answer.to_json().expose(), &bench.keys(), NOW)
        .unwrap();
    let refresh = bench.party().refresh(tokens).unwrap();
    let refresh = String::from_utf8(refresh.body().expose().to_vec()).unwrap();
    bench.log.broken.set(true);
    assert_eq!(code(bench.token(&refresh)), TokenErrorCode::ServerError);
    bench.log.broken.set(false);
    assert!(bench.token(&refresh).is_ok());
    let heard = bench.log.acts.take();
    let alice = Some(account("alice").subject.as_str().to_owned());
    assert_eq!(
        heard,
        [
            (TokenAct::Issued, alice.clone()),
            (TokenAct::Refreshed, alice)
        ]
    );
}

#[test]
fn a_refresh_by_another_client_too_late_or_for_more_is_refused() {
    let mut bench = Bench::new();
    let (tokens, _) = bench.logged_in("alice");
    let refresh = bench.party().refresh(tokens).unwrap();
    let body = String::from_utf8(refresh.body().expose().to_vec()).unwrap();
    assert_eq!(
        code(bench.token(&with(&body, "client_id", Some("other-app")))),
        TokenErrorCode::InvalidGrant
    );
    let day_after = UnixTime(NOW.0 + 24 * 3600);
    assert_eq!(
        code(bench.token_at(None, &body, day_after)),
        TokenErrorCode::InvalidGrant
    );
    let more = with(
        &body,
        "scope",
        Some("openid 3gpp:mc:ptt_group_management_service"),
    );
    assert_eq!(code(bench.token(&more)), TokenErrorCode::InvalidScope);
    assert_eq!(
        code(bench.token(&with(&body, "refresh_token", Some("made-up")))),
        TokenErrorCode::InvalidGrant
    );
    assert!(bench.token(&body).is_ok());
}

#[test]
fn a_disabled_user_gets_no_more_tokens() {
    let mut bench = Bench::new();
    let (tokens, _) = bench.logged_in("alice");
    let access = tokens.access_token.clone();
    let refresh = bench.party().refresh(tokens).unwrap();
    let body = String::from_utf8(refresh.body().expose().to_vec()).unwrap();
    let (attempt, query) = bench.log_in();
    let redirect = bench.redirect(&query, "alice");
    let redeem = attempt.on_redirect(&redirect).unwrap();
    let redeem = String::from_utf8(redeem.body().expose().to_vec()).unwrap();

    bench.accounts.0.lock().unwrap().clear();
    assert_eq!(code(bench.token(&redeem)), TokenErrorCode::InvalidGrant);
    assert_eq!(code(bench.token(&body)), TokenErrorCode::InvalidGrant);
    let refused = bench
        .verifier()
        .verify(access.expose(), Resource::McpttServer, NOW);
    assert_eq!(refused, Err(TokenRefusal::DeniedRevoked));
    assert!(bench.log.heard().contains(&TokenAct::AccountDisabled));
}

#[test]
fn a_user_gets_no_more_scope_than_his_own() {
    let mut bench = Bench::new();
    let mut account = account("alice");
    account.entitlement = ScopeSet::parse("openid 3gpp:mc:ptt_service").unwrap();
    let (attempt, query) = bench.log_in();
    let request = AuthorizationRequest::check(&query, &*bench.store).unwrap();
    let user = Authentication {
        account,
        at: NOW,
        amr: Amr::Password,
        session: None,
    };
    let redirect = request
        .grant(&user, &bench.policy, NOW, &*bench.store, &mut bench.random)
        .unwrap();
    let redeem = attempt.on_redirect(&redirect).unwrap();
    let body = String::from_utf8(redeem.body().expose().to_vec()).unwrap();
    assert_eq!(
        bench.token(&body).unwrap().scopes.to_string(),
        "3gpp:mc:ptt_service openid"
    );
}

#[test]
fn a_confidential_client_must_show_its_secret_in_the_header() {
    let mut bench = Bench::new();
    let secret = ClientSecret::random(&mut bench.random).unwrap();
    let other = ClientSecret::random(&mut bench.random).unwrap();
    bench
        .store
        .add_client(client(
            "app",
            ClientKind::Confidential {
                secret: secret.digest(),
            },
        ))
        .unwrap();
    for (shown, good) in [(Some(secret), true), (Some(other), false), (None, false)] {
        let party = RelyingParty {
            secret: shown,
            ..bench.party()
        };
        let scopes = ScopeSet::parse("openid").unwrap();
        let (attempt, url) = party.log_in(&scopes, &mut bench.random).unwrap();
        let redirect = bench.redirect(url.split_once('?').unwrap().1, "alice");
        let request = attempt.on_redirect(&redirect).unwrap();
        let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
        let header = request
            .authorization()
            .map(|header| String::from_utf8(header.expose().to_vec()).unwrap());
        let answer = bench.token_at(header.as_deref(), &body, NOW);
        assert_eq!(answer.is_ok(), good);
        assert!(good || code(answer) == TokenErrorCode::InvalidClient);
    }
}

#[test]
fn a_public_client_that_shows_a_secret_is_refused() {
    let mut bench = Bench::new();
    let (attempt, query) = bench.log_in();
    let redirect = bench.redirect(&query, "alice");
    let request = attempt.on_redirect(&redirect).unwrap();
    let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
    for header in [
        "Basic YXBwOmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh",
        "Basic !",
        "Bearer x",
        "",
    ] {
        assert_eq!(
            code(bench.token_at(Some(header), &body, NOW)),
            TokenErrorCode::InvalidClient,
            "{header}"
        );
    }
}

#[test]
fn the_client_ignores_a_forged_redirect() {
    let mut bench = Bench::new();
    let (attempt, query) = bench.log_in();
    let good = bench.redirect(&query, "alice");
    let (_, foreign_query) = bench.log_in();
    let foreign = bench.redirect(&foreign_query, "bob");
    assert!(!attempt.recognises(&foreign));
    assert!(!attempt.recognises("org.example.mcptt:/cb?code=x"));
    assert!(!attempt.recognises("org.example.other:/cb?code=x&state=y"));
    assert!(attempt.recognises(&good));
    assert_eq!(
        attempt.on_redirect(&foreign).err(),
        Some(RedirectError::PeerState)
    );
}

#[test]
fn the_client_refuses_an_id_token_of_another_login_issuer_audience_key_or_time() {
    let mut bench = Bench::new();
    let (first, first_query) = bench.log_in();
    let first_redirect = bench.redirect(&first_query, "alice");
    let first = first.on_redirect(&first_redirect).unwrap();
    let body = String::from_utf8(first.body().expose().to_vec()).unwrap();
    let answer = bench.token(&body).unwrap().to_json();

    let (second, second_query) = bench.log_in();
    let second_redirect = bench.redirect(&second_query, "alice");
    let second = second.on_redirect(&second_redirect).unwrap();
    let refused = second.on_answer(answer.expose(), &bench.keys(), NOW).err();
    assert_eq!(
        refused,
        Some(TokenResponseError::PeerIdToken(IdTokenError::PeerNonce))
    );

    let attempt_of = |bench: &mut Bench, party: RelyingParty| {
        let (attempt, url) = party
            .log_in(&ScopeSet::parse("openid").unwrap(), &mut bench.random)
            .unwrap();
        let redirect = bench.redirect(url.split_once('?').unwrap().1, "alice");
        let request = attempt.on_redirect(&redirect).unwrap();
        let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
        let answer = bench.token(&body).unwrap().to_json();
        (request, answer)
    };
    let other_issuer = RelyingParty {
        issuer: Issuer::new("https://other.example.org").unwrap(),
        ..bench.party()
    };
    let (request, answer) = attempt_of(&mut bench, other_issuer);
    let refused = request.on_answer(answer.expose(), &bench.keys(), NOW).err();
    assert_eq!(
        refused,
        Some(TokenResponseError::PeerIdToken(IdTokenError::PeerIssuer))
    );

    let party = bench.party();
    for (now, expected) in [
        (UnixTime(NOW.0 + 1830), IdTokenError::PeerExpired),
        (UnixTime(NOW.0 - 31), IdTokenError::PeerNotYetValid),
    ] {
        let (request, answer) = attempt_of(&mut bench, party.clone());
        let refused = request.on_answer(answer.expose(), &bench.keys(), now).err();
        assert_eq!(refused, Some(TokenResponseError::PeerIdToken(expected)));
    }

    let (request, answer) = attempt_of(&mut bench, party.clone());
    let foreign = SigningKey::generate(Algorithm::Es256)
        .unwrap()
        .public()
        .clone()
        .with_kid(bench.key.kid());
    let refused = request
        .on_answer(answer.expose(), &JwkSet::new(vec![foreign]), NOW)
        .err();
    assert!(matches!(
        refused,
        Some(TokenResponseError::PeerIdToken(IdTokenError::PeerJws(_)))
    ));

    // The answer to another application's log-in.
    let other_app = RelyingParty {
        client_id: OauthClientId::new("other-app").unwrap(),
        ..party.clone()
    };
    let (_, foreign_answer) = attempt_of(&mut bench, other_app);
    let (request, _) = attempt_of(&mut bench, party);
    let refused = request
        .on_answer(foreign_answer.expose(), &bench.keys(), NOW)
        .err();
    assert_eq!(
        refused,
        Some(TokenResponseError::PeerIdToken(IdTokenError::PeerAudience))
    );
}

#[test]
fn the_client_refuses_malformed_answers() {
    let mut bench = Bench::new();
    let cases: [(&str, TokenResponseError); 6] = [
        ("", TokenResponseError::PeerMalformed),
        ("<html>", TokenResponseError::PeerMalformed),
        (r#"{"access_token":"x"}"#, TokenResponseError::PeerTokenType),
        (
            r#"{"access_token":"x","token_type":"mac","expires_in":60}"#,
            TokenResponseError::PeerTokenType,
        ),
        (
            r#"{"access_token":"x","token_type":"bearer","expires_in":60}"#,
            TokenResponseError::PeerMalformed,
        ),
        (
            r#"{"error":"invalid_grant"}"#,
            TokenResponseError::DeniedByServer("invalid_grant".to_owned()),
        ),
    ];
    for (body, expected) in cases {
        let (attempt, query) = bench.log_in();
        let redirect = bench.redirect(&query, "alice");
        let request = attempt.on_redirect(&redirect).unwrap();
        assert_eq!(
            request.on_answer(body.as_bytes(), &bench.keys(), NOW).err(),
            Some(expected),
            "{body}"
        );
    }
}

#[test]
fn two_keys_serve_during_a_rollover() {
    let mut bench = Bench::new();
    let (before, _) = bench.logged_in("alice");
    let old = bench.keys();
    bench.key = SigningKey::generate(Algorithm::Es256).unwrap();
    let both = JwkSet::new(old.iter().chain(bench.keys().iter()).cloned().collect());
    let (after, _) = bench.logged_in("alice");
    let mut verifier = bench.verifier();
    verifier.replace_keys(&bench.issuer, both);
    for tokens in [before, after] {
        assert!(
            verifier
                .verify(tokens.access_token.expose(), Resource::McpttServer, NOW)
                .is_ok()
        );
    }
}

const PARTNER: &str = "https://idm.partner.example.net";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A home domain and a partner that trusts it and serves its alice as `visitor`.
fn two_domains() -> (Bench, Bench) {
    let (mut home, mut partner) = (Bench::new(), Bench::new());
    partner.issuer = Issuer::new(PARTNER).unwrap();
    home.federation.targets = vec![partner.issuer.clone()];
    partner.federation.trusted = vec![TrustedIssuer {
        issuer: home.issuer.clone(),
        keys: home.keys(),
    }];
    let visitor = account("visitor");
    let foreign = Subject::new("subject-of-alice").unwrap();
    partner
        .partner_users
        .insert((home.issuer.clone(), foreign), visitor.subject.clone());
    let mut accounts = partner.accounts.0.lock().unwrap();
    accounts.insert(visitor.subject.clone(), visitor);
    drop(accounts);
    (home, partner)
}

fn exchange_form(token: &str) -> String {
    form::encode(&[
        ("grant_type", EXCHANGE),
        ("client_id", "app"),
        ("resource", PARTNER),
        ("subject_token", token),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
    ])
}

fn assertion_form(token: &str) -> String {
    form::encode(&[
        ("grant_type", BEARER),
        ("client_id", "app"),
        ("assertion", token),
        ("scope", "openid 3gpp:mc:ptt_group_management_service"),
    ])
}

#[test]
fn a_security_token_of_home_opens_the_partners_servers_and_only_those() {
    let (mut home, mut partner) = two_domains();
    let (tokens, _) = home.logged_in("alice");
    let given = home
        .token(&exchange_form(tokens.access_token.expose()))
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(given.to_json().expose()).unwrap();
    assert_eq!(
        json["issued_token_type"],
        "urn:ietf:params:oauth:token-type:jwt"
    );
    assert_eq!(json["token_type"], "N_A");
    let security = given.access_token.expose();
    let opened = home.verifier().verify(security, Resource::McpttServer, NOW);
    assert_eq!(opened, Err(TokenRefusal::PeerClaim("scope")));

    let in_either_form = form::encode(&[
        ("grant_type", EXCHANGE),
        ("client_id", "app"),
        ("subject_token", security),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ]);
    assert_eq!(home.log.heard(), [TokenAct::Issued, TokenAct::Exchanged]);
    for body in [assertion_form(security), in_either_form] {
        let answer = partner.token(&body).unwrap();
        assert!(answer.refresh_token.is_none() && answer.id_token.is_none());
        assert_eq!(partner.log.heard(), [TokenAct::Admitted]);
        let access = answer.access_token.expose();
        let verified = partner
            .verifier()
            .verify(access, Resource::GroupManagement, NOW);
        let verified = verified.unwrap();
        assert_eq!(verified.mcptt_id.as_str(), "sip:visitor@mcptt.example.org");
        assert_eq!(verified.issuer.as_str(), PARTNER);
        let at_home = home
            .verifier()
            .verify(access, Resource::GroupManagement, NOW);
        assert_eq!(at_home, Err(TokenRefusal::DeniedIssuer));
    }
}

#[rstest]
#[case(
    "resource",
    Some("https://idm.other.example.net"),
    TokenErrorCode::InvalidTarget
)]
#[case("resource", None, TokenErrorCode::InvalidRequest)]
#[case("client_id", Some("other-app"), TokenErrorCode::InvalidGrant)]
#[case("subject_token", Some("x"), TokenErrorCode::InvalidGrant)]
#[case(
    "subject_token_type",
    Some("urn:ietf:params:oauth:token-type:saml2"),
    TokenErrorCode::InvalidRequest
)]
#[case(
    "requested_token_type",
    Some("urn:ietf:params:oauth:token-type:refresh_token"),
    TokenErrorCode::InvalidRequest
)]
fn a_wrong_exchange_is_refused(
    #[case] name: &str,
    #[case] value: Option<&str>,
    #[case] expected: TokenErrorCode,
) {
    let (mut home, _) = two_domains();
    let (tokens, _) = home.logged_in("alice");
    let body = exchange_form(tokens.access_token.expose());
    assert_eq!(code(home.token(&with(&body, name, value))), expected);
}

#[test]
fn a_revoked_token_is_not_exchanged() {
    let (mut home, _) = two_domains();
    let (tokens, replay) = home.logged_in("alice");
    let _ = home.token(&replay);
    let body = exchange_form(tokens.access_token.expose());
    assert_eq!(code(home.token(&body)), TokenErrorCode::InvalidGrant);
}

#[test]
fn the_partner_takes_only_security_tokens_made_for_it_of_users_it_serves() {
    let (mut home, mut partner) = two_domains();
    let (tokens, _) = home.logged_in("alice");
    let (bob, _) = home.logged_in("bob");
    let mut security = |token: &str| {
        let given = home.token(&exchange_form(token)).unwrap();
        given.access_token.expose().to_owned()
    };
    let (alices, bobs) = (
        security(tokens.access_token.expose()),
        security(bob.access_token.expose()),
    );
    let id_token = tokens.id_token.as_ref().unwrap().expose();
    for token in [bobs.as_str(), tokens.access_token.expose(), id_token, "x"] {
        let refused = partner.token(&assertion_form(token));
        assert_eq!(code(refused), TokenErrorCode::InvalidGrant);
    }
    let late = partner.token_at(
        None,
        &assertion_form(&alices),
        NOW + Duration::from_secs(330),
    );
    assert_eq!(code(late), TokenErrorCode::InvalidGrant);
    // A token for another partner, and one of an issuer that nobody provisioned.
    partner.issuer = Issuer::new("https://idm.third.example.net").unwrap();
    let elsewhere = partner.token(&assertion_form(&alices));
    assert_eq!(code(elsewhere), TokenErrorCode::InvalidGrant);
    partner.issuer = Issuer::new(PARTNER).unwrap();
    partner.federation.trusted.clear();
    let unknown = partner.token(&assertion_form(&alices));
    assert_eq!(code(unknown), TokenErrorCode::InvalidGrant);
}
