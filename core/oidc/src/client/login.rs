//! From the URL in the browser to the code in the redirect (TS 33.180 B.4.2.3).

use super::{RelyingParty, TokenRequest};
use crate::form::{FormError, FormParameters};
use crate::{AuthorizationCode, CodeVerifier, Nonce, State};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Why a redirect did not bring a code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// It leads somewhere else than our redirect URI.
    #[error("the redirect does not lead to this application")]
    PeerForeignUri,
    /// The state is missing or another one: forged or stale, the code must not be used.
    #[error("the redirect carries another state; it is ignored")]
    PeerState,
    /// The query is malformed or has neither code nor error.
    #[error("the redirect is malformed")]
    PeerMalformed,
    /// The IdM server refused.
    #[error("the IdM server refused the log-in: {0}")]
    DeniedByServer(String),
}

impl From<FormError> for RedirectError {
    fn from(_: FormError) -> Self {
        Self::PeerMalformed
    }
}

/// A log-in waiting for its redirect.
pub struct LoginAttempt {
    party: RelyingParty,
    state: State,
    nonce: Nonce,
    verifier: CodeVerifier,
}

impl LoginAttempt {
    pub(super) const fn new(
        party: RelyingParty,
        state: State,
        nonce: Nonce,
        verifier: CodeVerifier,
    ) -> Self {
        Self {
            party,
            state,
            nonce,
            verifier,
        }
    }

    /// Whether a redirect is this attempt's: our URI and our state. A foreign one is dropped silently
    /// and the attempt goes on waiting (TS 33.180 B.4.2.3).
    #[must_use]
    pub fn recognises(&self, redirect: &str) -> bool {
        self.query(redirect)
            .is_ok_and(|form| self.check_state(&form).is_ok())
    }

    /// Takes the redirect and makes the token request.
    ///
    /// # Errors
    /// [`RedirectError`]; no code has been used then.
    pub fn on_redirect(self, redirect: &str) -> Result<TokenRequest, RedirectError> {
        let form = self.query(redirect)?;
        self.check_state(&form)?;
        if let Some(error) = form.optional("error")? {
            return Err(RedirectError::DeniedByServer(printable(error)));
        }
        let code = AuthorizationCode::new(form.required("code")?)
            .map_err(|_| RedirectError::PeerMalformed)?;
        Ok(TokenRequest::new(
            self.party,
            code,
            self.verifier,
            self.nonce,
        ))
    }

    /// The parameters of a redirect to our own URI.
    fn query(&self, redirect: &str) -> Result<FormParameters, RedirectError> {
        let own = self.party.redirect_uri.as_str();
        let separator = if own.contains('?') { '&' } else { '?' };
        let rest = redirect
            .strip_prefix(own)
            .and_then(|rest| rest.strip_prefix(separator));
        let rest = rest.ok_or(RedirectError::PeerForeignUri)?;
        let query = rest.split_once('#').map_or(rest, |(query, _)| query);
        Ok(FormParameters::parse(query)?)
    }

    fn check_state(&self, form: &FormParameters) -> Result<(), RedirectError> {
        let given = form.optional("state")?.ok_or(RedirectError::PeerState)?;
        if !bool::from(given.as_bytes().ct_eq(self.state.as_str().as_bytes())) {
            return Err(RedirectError::PeerState);
        }
        Ok(())
    }
}

/// An error code of a server in a form that is safe to show.
pub(super) fn printable(code: &str) -> String {
    code.chars()
        .take(64)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '?'
            }
        })
        .collect()
}
