//! The IdM server on the store: a log-in that outlives restarts between its steps.

use crate::bench::{Bench, NOW, on_both};
use roger_base::McpttId;
use roger_idm::memory::{MemoryAudit, MemorySessions};
use roger_idm::ports::UserRepository as _;
use roger_idm::{
    Failures, Idm, IdmConfig, LoginName, LoginStep, Password, PasswordHash, Ports, User, UserState,
};
use roger_oidc::client::RelyingParty;
use roger_oidc::provider::{Client, ClientDetails, ClientKind, TokenErrorCode};
use roger_oidc::{
    AccessTokenVerifier, ClockSkew, Issuer, OauthClientId, OtherServiceIds, RedirectUri, Resource,
    ScopeSet, Subject, TokenRefusal, TrustedIssuer, form,
};
use roger_testkit::SeededRandom;
use std::sync::Arc;

const ISSUER: &str = "https://idm.mcptt.example.org";

fn idm(bench: &Bench) -> Idm {
    let store = Arc::new(bench.open());
    let ports = Ports {
        users: store.clone(),
        clients: store.clone(),
        grants: store.clone(),
        sessions: Arc::new(MemorySessions::default()),
        browsers: store.clone(),
        consents: store.clone(),
        factors: store.clone(),
        passkeys: None,
        keys: store,
        audit: Arc::new(MemoryAudit::default()),
    };
    Idm::start(
        IdmConfig::new(Issuer::new(ISSUER).unwrap(), "https://mcptt.example.org"),
        ports,
        NOW,
    )
    .unwrap()
}

fn fill(bench: &Bench, random: &mut SeededRandom) {
    let store = bench.open();
    store
        .add(&User {
            subject: Subject::random(random).unwrap(),
            login: LoginName::new("alice").unwrap(),
            password: PasswordHash::of(&Password::new("secret").unwrap(), random).unwrap(),
            mcptt_id: McpttId::new("sip:alice@mcptt.example.org").unwrap(),
            others: OtherServiceIds::default(),
            entitlement: ScopeSet::every_mcptt_scope(),
            state: UserState::Enabled,
            failures: Failures::default(),
        })
        .unwrap();
    store
        .put_client(&Client {
            id: OauthClientId::new("app").unwrap(),
            name: "Roger".to_owned(),
            kind: ClientKind::Public,
            redirect_uris: vec![RedirectUri::new("org.example.mcptt:/cb").unwrap()],
            scopes: ScopeSet::every_mcptt_scope(),
            details: ClientDetails::default(),
        })
        .unwrap();
}

fn party() -> RelyingParty {
    RelyingParty {
        issuer: Issuer::new(ISSUER).unwrap(),
        authorization_endpoint: format!("{ISSUER}/oauth2/authorize"),
        token_endpoint: format!("{ISSUER}/oauth2/token"),
        client_id: OauthClientId::new("app").unwrap(),
        redirect_uri: RedirectUri::new("org.example.mcptt:/cb").unwrap(),
        secret: None,
    }
}

/// Logs in and gives the redirect with the code.
fn redirect(idm: &Idm, query: &str, password: &str, random: &mut SeededRandom) -> Option<String> {
    let LoginStep::Form(page) = idm.authorize(query, None, NOW, random).unwrap().step else {
        panic!("no form");
    };
    let fields = [
        ("session", page.session.expose()),
        ("username", "alice"),
        ("password", password),
    ];
    match idm
        .submit_login(&form::encode(&fields), Some(&page.session), NOW, random)
        .unwrap()
        .step
    {
        LoginStep::Redirect(location) => Some(location),
        _ => None,
    }
}

fn code_tokens_and_key_outlive_restarts_and_a_replay_is_still_noticed(bench: &mut Bench) {
    let mut random = SeededRandom::new(1);
    fill(bench, &mut random);

    let (attempt, url) = party()
        .log_in(&ScopeSet::every_mcptt_scope(), &mut random)
        .unwrap();
    let query = url.split_once('?').unwrap().1;
    let location = redirect(&idm(bench), query, "secret", &mut random).unwrap();
    let request = attempt.on_redirect(&location).unwrap();
    let body = String::from_utf8(request.body().expose().to_vec()).unwrap();

    let restarted = idm(bench);
    let answer = restarted.token(None, &body, NOW, &mut random).unwrap();
    let tokens = request
        .on_answer(answer.to_json().expose(), &restarted.public_keys(), NOW)
        .unwrap();
    drop(restarted);

    let restarted = Arc::new(idm(bench));
    let trusted = TrustedIssuer {
        issuer: Issuer::new(ISSUER).unwrap(),
        keys: restarted.public_keys(),
    };
    let verifier =
        AccessTokenVerifier::new(vec![trusted], ClockSkew::MAX).with_revocations(restarted.clone());
    let verified = verifier
        .verify(tokens.access_token.expose(), Resource::McpttServer, NOW)
        .unwrap();
    assert_eq!(verified.mcptt_id.as_str(), "sip:alice@mcptt.example.org");

    let replayed = restarted
        .token(None, &body, NOW, &mut random)
        .err()
        .unwrap();
    assert_eq!(replayed.code, TokenErrorCode::InvalidGrant);
    let refused = verifier.verify(tokens.access_token.expose(), Resource::McpttServer, NOW);
    assert_eq!(refused, Err(TokenRefusal::DeniedRevoked));
    let refresh = party().refresh(tokens).unwrap();
    let refresh = String::from_utf8(refresh.body().expose().to_vec()).unwrap();
    let refused = restarted
        .token(None, &refresh, NOW, &mut random)
        .err()
        .unwrap();
    assert_eq!(refused.code, TokenErrorCode::InvalidGrant);
}

fn wrong_passwords_are_counted_across_restarts(bench: &mut Bench) {
    let mut random = SeededRandom::new(2);
    fill(bench, &mut random);
    let (_, url) = party()
        .log_in(&ScopeSet::every_mcptt_scope(), &mut random)
        .unwrap();
    let query = url.split_once('?').unwrap().1;
    for _ in 0..5 {
        assert!(redirect(&idm(bench), query, "guess", &mut random).is_none());
    }
    assert!(redirect(&idm(bench), query, "secret", &mut random).is_none());
}

on_both!(
    code_tokens_and_key_outlive_restarts_and_a_replay_is_still_noticed,
    wrong_passwords_are_counted_across_restarts,
);
