//! Token exchange: a security token for a partner's servers, and what is refused there.

use crate::bench::{Bench, NOW, account, code, with};
use roger_oidc::form;
use roger_oidc::provider::{TokenAct, TokenErrorCode};
use roger_oidc::{Issuer, Resource, Subject, TokenRefusal, TrustedIssuer};
use rstest::rstest;
use std::time::Duration;

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
