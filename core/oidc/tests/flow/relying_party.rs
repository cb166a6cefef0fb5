//! What the client refuses of a provider's answers.

use crate::bench::{Bench, NOW};
use roger_base::UnixTime;
use roger_oidc::client::{IdTokenError, RedirectError, RelyingParty, TokenResponseError};
use roger_oidc::{Algorithm, Issuer, JwkSet, OauthClientId, Resource, ScopeSet, SigningKey};

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
