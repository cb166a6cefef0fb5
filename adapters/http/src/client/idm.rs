//! The UE's IdM client over HTTPS: log in, refresh, fetch the issuer's keys (TS 24.482 6.2).

use super::browser::{BrowserError, LoginBrowser};
use super::{HttpsClient, HttpsClientError};
use crate::system::Clock;
use axum::http::header::AUTHORIZATION;
use roger_base::{Random, RandomError, SecretBytes};
use roger_oidc::client::{LoginAttempt, RedirectError, RelyingParty, TokenResponseError, Tokens};
use roger_oidc::{JwkSet, KeyError, ScopeSet};
use std::sync::Arc;
use thiserror::Error;

/// Why a log-in or refresh gave no tokens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdmClientError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpsClientError),
    /// The log-in page gave no redirect.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// The redirect brought no code.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// The token endpoint gave no tokens.
    #[error(transparent)]
    Tokens(#[from] TokenResponseError),
    /// The issuer's key set cannot be read.
    #[error(transparent)]
    PeerKeys(#[from] KeyError),
    /// The issuer's key set cannot be had.
    #[error("the IdM server answered {0} to the request for its keys")]
    PeerNoKeys(u16),
    /// No randomness.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
    /// The tokens cannot be refreshed: there is no refresh token.
    #[error("there is no refresh token; log in again")]
    LocalNoRefreshToken,
}

/// The IdM client of one application.
#[derive(Clone)]
pub struct IdmClient {
    http: HttpsClient,
    party: RelyingParty,
    jwks_url: String,
    clock: Arc<dyn Clock>,
}

impl IdmClient {
    /// A client of the IdM server that `party` describes; its keys are at `jwks_url`.
    #[must_use]
    pub fn new(
        http: HttpsClient,
        party: RelyingParty,
        jwks_url: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            http,
            party,
            jwks_url: jwks_url.into(),
            clock,
        }
    }

    /// Logs in with name and password by way of the log-in page.
    ///
    /// # Errors
    /// [`IdmClientError`] naming the step that failed.
    pub async fn log_in(
        &self,
        scopes: &ScopeSet,
        username: &str,
        password: &SecretBytes,
        random: &mut dyn Random,
    ) -> Result<Tokens, IdmClientError> {
        let (attempt, url) = self.party.log_in(scopes, random)?;
        let browser = LoginBrowser::new(&self.http);
        let redirect = browser
            .log_in(&url, username, password, &self.party.redirect_uri)
            .await?;
        self.finish(attempt, &redirect).await
    }

    /// Ends a log-in whose redirect some other browser brought.
    ///
    /// # Errors
    /// [`IdmClientError`] naming the step that failed.
    pub async fn finish(
        &self,
        attempt: LoginAttempt,
        redirect: &str,
    ) -> Result<Tokens, IdmClientError> {
        let request = attempt.on_redirect(redirect)?;
        let body = self
            .post(request.url(), request.authorization(), request.body())
            .await?;
        let keys = self.keys().await?;
        Ok(request.on_answer(body.expose(), &keys, self.clock.now())?)
    }

    /// New tokens for old ones.
    ///
    /// # Errors
    /// [`IdmClientError`] naming the step that failed; log in again then.
    pub async fn refresh(&self, tokens: Tokens) -> Result<Tokens, IdmClientError> {
        let request = self
            .party
            .refresh(tokens)
            .ok_or(IdmClientError::LocalNoRefreshToken)?;
        let body = self
            .post(request.url(), request.authorization(), request.body())
            .await?;
        let keys = self.keys().await?;
        Ok(request.on_answer(body.expose(), &keys, self.clock.now())?)
    }

    /// The issuer's public keys.
    ///
    /// # Errors
    /// [`IdmClientError`] when they cannot be had or read.
    pub async fn keys(&self) -> Result<JwkSet, IdmClientError> {
        let answer = self.http.get(&self.jwks_url, None, &[]).await?;
        if !answer.status.is_success() {
            return Err(IdmClientError::PeerNoKeys(answer.status.as_u16()));
        }
        Ok(JwkSet::from_json(
            core::str::from_utf8(answer.body.expose()).unwrap_or_default(),
        )?)
    }

    async fn post(
        &self,
        url: &str,
        authorization: Option<SecretBytes>,
        body: &SecretBytes,
    ) -> Result<SecretBytes, IdmClientError> {
        let header = authorization
            .as_ref()
            .and_then(|header| core::str::from_utf8(header.expose()).ok());
        let headers: Vec<_> = header
            .map(|header| (AUTHORIZATION, header))
            .into_iter()
            .collect();
        Ok(self
            .http
            .post_form(url, &headers, body.expose())
            .await?
            .body)
    }
}
