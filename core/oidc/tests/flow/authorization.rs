//! Authorization requests: what is granted, what gets a page, what goes back by redirect.

use crate::bench::{Bench, NOW, account, with};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roger_base::UnixTime;
use roger_oidc::client::{RedirectError, Tokens};
use roger_oidc::provider::{
    Authentication, AuthorizationError, AuthorizationRefusal, AuthorizationRequest,
};
use roger_oidc::{Amr, Resource, TokenRefusal};
use rstest::rstest;

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
