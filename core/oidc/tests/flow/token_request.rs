//! Codes are redeemed: once, in time, by whoever asked for them.

use crate::bench::{Bench, NOW, code, with};
use roger_oidc::provider::{TokenAct, TokenErrorCode};
use roger_oidc::{Resource, TokenRefusal};
use rstest::rstest;
use std::time::Duration;

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
