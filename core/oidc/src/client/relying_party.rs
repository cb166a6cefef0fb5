//! How a UE is configured to reach its IdM server (TS 24.483, TS 24.484).

use super::{LoginAttempt, RefreshRequest, Tokens};
use crate::{
    ClientSecret, CodeChallenge, CodeVerifier, Issuer, Nonce, OauthClientId, RedirectUri, ScopeSet,
    State,
};
use roger_base::{Random, RandomError};

/// The configuration of one application at one IdM server.
#[derive(Clone)]
pub struct RelyingParty {
    /// `iss` that ID tokens must carry.
    pub issuer: Issuer,
    /// Authorization endpoint, `IDMSAuthEndpoint`.
    pub authorization_endpoint: String,
    /// Token endpoint, `IDMSTokenEndpoint`.
    pub token_endpoint: String,
    /// The registered `client_id`.
    pub client_id: OauthClientId,
    /// The registered redirect URI.
    pub redirect_uri: RedirectUri,
    /// Secret of a confidential client; native apps have none.
    pub secret: Option<ClientSecret>,
}

impl RelyingParty {
    /// Begins a log-in: draws state, nonce and PKCE verifier and gives the URL to open in the browser.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness fails.
    pub fn log_in(
        &self,
        scopes: &ScopeSet,
        random: &mut dyn Random,
    ) -> Result<(LoginAttempt, String), RandomError> {
        let state = State::random(random)?;
        let nonce = Nonce::random(random)?;
        let verifier = CodeVerifier::random(random)?;
        let url =
            self.authentication_request(scopes, &state, &nonce, &CodeChallenge::of(&verifier));
        Ok((LoginAttempt::new(self.clone(), state, nonce, verifier), url))
    }

    fn authentication_request(
        &self,
        scopes: &ScopeSet,
        state: &State,
        nonce: &Nonce,
        challenge: &CodeChallenge,
    ) -> String {
        let query = crate::form::encode(&[
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("scope", &scopes.to_string()),
            ("state", state.as_str()),
            ("nonce", nonce.as_str()),
            ("acr_values", "3gpp:acr:password"),
            ("code_challenge", &challenge.to_text()),
            ("code_challenge_method", crate::pkce::METHOD),
        ]);
        let separator = if self.authorization_endpoint.contains('?') {
            '&'
        } else {
            '?'
        };
        format!("{}{separator}{query}", self.authorization_endpoint)
    }

    /// Begins a refresh of tokens that are about to expire.
    #[must_use]
    pub fn refresh(&self, tokens: Tokens) -> Option<RefreshRequest> {
        RefreshRequest::new(self.clone(), tokens)
    }
}
