//! Refresh tokens: rotation, reuse, and users who may less than before.

use crate::bench::{Bench, NOW, account, code, with};
use roger_base::UnixTime;
use roger_oidc::provider::{Authentication, AuthorizationRequest, TokenAct, TokenErrorCode};
use roger_oidc::{Amr, Resource, ScopeSet, TokenRefusal};

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
