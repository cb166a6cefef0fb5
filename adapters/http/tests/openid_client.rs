//! Another implementation's OpenID Connect client against our IdM server over real TLS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreRequestTokenError,
};
use openidconnect::{
    AccessTokenHash, AuthenticationContextClass, AuthorizationCode, ClientId, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpClientError, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, Scope, TokenResponse as _,
};
use roger_adapter_http::{HttpsClient, LoginBrowser};
use roger_base::SecretBytes;
use roger_oidc::{RedirectUri, Resource, TokenRefusal};
use std::error::Error;
use std::fmt::Display;
use std::pin::Pin;
use support::{Bench, REDIRECT};

type Foreign = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Carries the foreign client's requests over our HTTPS client.
struct Carrier(HttpsClient);

impl<'c> openidconnect::AsyncHttpClient<'c> for Carrier {
    type Error = HttpClientError<std::io::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Self::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let url = request.uri().to_string();
            let answer = if request.method() == "GET" {
                self.0.get(&url, None, &[]).await
            } else {
                let content_type = request.headers()["content-type"]
                    .to_str()
                    .unwrap()
                    .to_owned();
                self.0
                    .post(&url, None, &content_type, request.into_body())
                    .await
            };
            let answer = answer.map_err(|error| HttpClientError::Other(error.to_string()))?;
            let mut response = HttpResponse::new(answer.body.expose().to_vec());
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

struct Login {
    client: Foreign,
    carrier: Carrier,
    nonce: Nonce,
    code: AuthorizationCode,
    verifier: PkceCodeVerifier,
}

async fn discovered(bench: &Bench, client_id: &str) -> (Foreign, Carrier) {
    let carrier = Carrier(bench.http.clone());
    let issuer = IssuerUrl::new(bench.issuer.to_string()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &carrier)
        .await
        .unwrap();
    let client =
        CoreClient::from_provider_metadata(metadata, ClientId::new(client_id.to_owned()), None)
            .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned()).unwrap())
            .set_auth_type(openidconnect::AuthType::RequestBody);
    (client, carrier)
}

/// A log-in up to the code. Some clients send no `acr_values`; ours and this one do.
async fn log_in(bench: &Bench, name: &str) -> Login {
    let (client, carrier) = discovered(bench, "app").await;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, state, nonce) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("3gpp:mc:ptt_service".to_owned()))
        .add_scope(Scope::new("3gpp:mcptt:key_management_server".to_owned()))
        .add_auth_context_value(AuthenticationContextClass::new(
            "3gpp:acr:password".to_owned(),
        ))
        .set_pkce_challenge(challenge)
        .url();
    let browser = LoginBrowser::new(&bench.http);
    let redirect_uri = RedirectUri::new(REDIRECT).unwrap();
    let password = SecretBytes::new(b"secret".to_vec());
    let redirect = browser
        .log_in(url.as_str(), name, &password, &redirect_uri)
        .await
        .unwrap();
    let redirect = url::Url::parse(&redirect).unwrap();
    let parameter = |wanted: &str| {
        redirect
            .query_pairs()
            .find(|(name, _)| name == wanted)
            .unwrap()
            .1
            .into_owned()
    };
    assert_eq!(parameter("state"), *state.secret());
    Login {
        client,
        carrier,
        nonce,
        code: AuthorizationCode::new(parameter("code")),
        verifier,
    }
}

fn refused_with<E: Error + Display + 'static>(error: CoreRequestTokenError<E>, code: &str) {
    match error {
        CoreRequestTokenError::ServerResponse(response) => {
            assert_eq!(response.error().to_string(), code)
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_in_verifies_the_id_token_and_gets_a_token_our_servers_take() {
    let bench = Bench::start().await;
    let login = log_in(&bench, "alice").await;
    let request = login
        .client
        .exchange_code(login.code)
        .unwrap()
        .set_pkce_verifier(login.verifier);
    let tokens = request.request_async(&login.carrier).await.unwrap();
    let claims = tokens
        .id_token()
        .unwrap()
        .claims(&login.client.id_token_verifier(), &login.nonce)
        .unwrap();
    assert_eq!(claims.subject().as_str(), "subject-of-alice");
    assert_eq!(
        claims.auth_context_ref().unwrap().as_str(),
        "3gpp:acr:password"
    );
    assert!(
        claims
            .access_token_hash()
            .is_none_or(|hash: &AccessTokenHash| !hash.as_str().is_empty())
    );

    let access = tokens.access_token().secret();
    let verifier = bench.verifier();
    let now = roger_adapter_http::Clock::now(&*bench.clock);
    for resource in [Resource::McpttServer, Resource::KeyManagement] {
        let verified = verifier.verify(access, resource, now).unwrap();
        assert_eq!(verified.mcptt_id.as_str(), "sip:alice@mcptt.example.org");
    }
    let refused = verifier.verify(access, Resource::GroupManagement, now);
    assert!(matches!(refused, Err(TokenRefusal::DeniedScope { .. })));
    bench.server.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_and_is_refused_when_a_refresh_token_is_used_twice() {
    let bench = Bench::start().await;
    let login = log_in(&bench, "alice").await;
    let request = login
        .client
        .exchange_code(login.code)
        .unwrap()
        .set_pkce_verifier(login.verifier);
    let first = request.request_async(&login.carrier).await.unwrap();
    let old = RefreshToken::new(first.refresh_token().unwrap().secret().clone());
    let second = login
        .client
        .exchange_refresh_token(&old)
        .unwrap()
        .request_async(&login.carrier)
        .await
        .unwrap();
    assert_ne!(second.refresh_token().unwrap().secret(), old.secret());
    let reused = login
        .client
        .exchange_refresh_token(&old)
        .unwrap()
        .request_async(&login.carrier)
        .await;
    refused_with(reused.unwrap_err(), "invalid_grant");
    let newest = RefreshToken::new(second.refresh_token().unwrap().secret().clone());
    let dead = login
        .client
        .exchange_refresh_token(&newest)
        .unwrap()
        .request_async(&login.carrier)
        .await;
    refused_with(dead.unwrap_err(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_with_a_wrong_verifier() {
    let bench = Bench::start().await;
    let login = log_in(&bench, "alice").await;
    let wrong = PkceCodeVerifier::new("w".repeat(43));
    let refused = login
        .client
        .exchange_code(login.code)
        .unwrap()
        .set_pkce_verifier(wrong);
    refused_with(
        refused.request_async(&login.carrier).await.unwrap_err(),
        "invalid_grant",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_with_a_replayed_code_and_loses_the_first_tokens() {
    let bench = Bench::start().await;
    let login = log_in(&bench, "alice").await;
    let verifier = login.verifier.secret().clone();
    let exchange = |code: &AuthorizationCode| {
        let request = login.client.exchange_code(code.clone()).unwrap();
        request.set_pkce_verifier(PkceCodeVerifier::new(verifier.clone()))
    };
    let tokens = exchange(&login.code)
        .request_async(&login.carrier)
        .await
        .unwrap();
    let now = roger_adapter_http::Clock::now(&*bench.clock);
    let access = tokens.access_token().secret();
    assert!(
        bench
            .verifier()
            .verify(access, Resource::McpttServer, now)
            .is_ok()
    );
    let replayed = exchange(&login.code).request_async(&login.carrier).await;
    refused_with(replayed.unwrap_err(), "invalid_grant");
    let refused = bench.verifier().verify(access, Resource::McpttServer, now);
    assert_eq!(refused, Err(TokenRefusal::DeniedRevoked));
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_with_another_redirect_uri_in_the_exchange() {
    let bench = Bench::start().await;
    let login = log_in(&bench, "alice").await;
    let client = login
        .client
        .set_redirect_uri(RedirectUrl::new("org.example.mcptt:/other".to_owned()).unwrap());
    let request = client
        .exchange_code(login.code)
        .unwrap()
        .set_pkce_verifier(login.verifier);
    refused_with(
        request.request_async(&login.carrier).await.unwrap_err(),
        "invalid_grant",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_when_the_code_or_the_token_has_expired() {
    let bench = Bench::start().await;
    let login = log_in(&bench, "alice").await;
    bench.clock.advance(60);
    let request = login
        .client
        .exchange_code(login.code)
        .unwrap()
        .set_pkce_verifier(login.verifier);
    refused_with(
        request.request_async(&login.carrier).await.unwrap_err(),
        "invalid_grant",
    );

    let login = log_in(&bench, "alice").await;
    let request = login
        .client
        .exchange_code(login.code)
        .unwrap()
        .set_pkce_verifier(login.verifier);
    let tokens = request.request_async(&login.carrier).await.unwrap();
    bench.clock.advance(1830);
    let now = roger_adapter_http::Clock::now(&*bench.clock);
    let refused =
        bench
            .verifier()
            .verify(tokens.access_token().secret(), Resource::McpttServer, now);
    assert!(matches!(refused, Err(TokenRefusal::DeniedExpired { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unregistered_client_is_refused_at_both_endpoints() {
    let bench = Bench::start().await;
    let (client, carrier) = discovered(&bench, "nobody").await;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, ..) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .set_pkce_challenge(challenge)
        .url();
    let page = bench.http.get(url.as_str(), None, &[]).await.unwrap();
    assert_eq!(page.status, 400);
    assert!(page.headers.get("location").is_none());
    let request = client
        .exchange_code(AuthorizationCode::new("x".to_owned()))
        .unwrap()
        .set_pkce_verifier(verifier);
    refused_with(
        request.request_async(&carrier).await.unwrap_err(),
        "invalid_client",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_pkce_is_refused_by_redirect() {
    let bench = Bench::start().await;
    let (client, _) = discovered(&bench, "app").await;
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, state, _) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_extra_param("code_challenge", "p".repeat(43))
        .add_extra_param("code_challenge_method", "plain")
        .url();
    let answer = bench.http.get(url.as_str(), None, &[]).await.unwrap();
    assert_eq!(answer.status, 302);
    let location = answer.headers["location"].to_str().unwrap();
    assert!(
        location.starts_with(&format!("{REDIRECT}?error=invalid_request&")),
        "{location}"
    );
    assert!(
        location.ends_with(&format!("state={}", state.secret())),
        "{location}"
    );
}
