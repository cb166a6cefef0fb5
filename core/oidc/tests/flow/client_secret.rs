//! Confidential clients show their secret in the header, public ones none.

use crate::bench::{Bench, NOW, client, code};
use roger_oidc::client::RelyingParty;
use roger_oidc::provider::{ClientKind, TokenErrorCode};
use roger_oidc::{ClientSecret, ScopeSet};

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
