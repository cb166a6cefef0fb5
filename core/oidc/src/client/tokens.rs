//! Token request, refresh request and their answers (TS 33.180 B.4.2.4, B.4.2.5, B.5).

use super::RelyingParty;
use super::id_token::{self, IdTokenError};
use super::login::printable;
use crate::claims::NumericDate;
use crate::verifier::ClockSkew;
use crate::{
    AccessToken, AuthorizationCode, CodeVerifier, IdToken, JwkSet, Nonce, RefreshToken, ScopeSet,
    Subject,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use core::time::Duration;
use roger_base::{McpttId, SecretBytes, UnixTime};
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

/// Largest answer of a token endpoint read, in octets.
const MAX_ANSWER_OCTETS: usize = 64 * 1024;
/// Life of an access token when the server does not say; TS 33.180 B.4.2.5 demands that it does.
const SHORTEST_LIFE: u64 = 60;

/// Why an answer of the token endpoint gave no tokens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenResponseError {
    /// Not the JSON of RFC 6749 5.1 or 5.2, too large, or a token is malformed.
    #[error("the answer of the token endpoint is malformed")]
    PeerMalformed,
    /// Another token type than Bearer.
    #[error("the token endpoint issued another token type than Bearer")]
    PeerTokenType,
    /// The server refused with this error code.
    #[error("the token endpoint refused: {0}")]
    DeniedByServer(String),
    /// The ID token failed a check.
    #[error(transparent)]
    PeerIdToken(#[from] IdTokenError),
}

/// Tokens of a finished log-in.
pub struct Tokens {
    /// For `Authorization: Bearer` and `<mcptt-access-token>`.
    pub access_token: AccessToken,
    /// When the access token must no longer be sent.
    pub expires_at: UnixTime,
    /// The ID token, already checked.
    pub id_token: Option<IdToken>,
    /// For the next refresh.
    pub refresh_token: Option<RefreshToken>,
    /// What was granted, when the server said so.
    pub scopes: Option<ScopeSet>,
    /// The user's subject.
    pub subject: Subject,
    /// The user's MCPTT ID.
    pub mcptt_id: McpttId,
}

/// A token request ready to be sent by POST.
pub struct TokenRequest {
    party: RelyingParty,
    nonce: Nonce,
    body: SecretBytes,
}

impl TokenRequest {
    pub(super) fn new(
        party: RelyingParty,
        code: AuthorizationCode,
        verifier: CodeVerifier,
        nonce: Nonce,
    ) -> Self {
        let body = crate::form::encode(&[
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("client_id", party.client_id.as_str()),
            ("redirect_uri", party.redirect_uri.as_str()),
            ("code_verifier", verifier.expose()),
        ]);
        Self {
            party,
            nonce,
            body: SecretBytes::new(body.into_bytes()),
        }
    }

    /// The URL to POST to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.party.token_endpoint
    }

    /// The form body.
    #[must_use]
    pub const fn body(&self) -> &SecretBytes {
        &self.body
    }

    /// The `Authorization` header of a confidential client.
    #[must_use]
    pub fn authorization(&self) -> Option<SecretBytes> {
        authorization(&self.party)
    }

    /// Takes the answer. `keys` are the issuer's.
    ///
    /// # Errors
    /// [`TokenResponseError`]; no tokens exist then.
    pub fn on_answer(
        self,
        body: &[u8],
        keys: &JwkSet,
        now: UnixTime,
    ) -> Result<Tokens, TokenResponseError> {
        let answer = Answer::parse(body)?;
        let id_token = answer
            .id_token()?
            .ok_or(TokenResponseError::PeerMalformed)?;
        let expectation = id_token::Expectation {
            issuer: &self.party.issuer,
            client_id: &self.party.client_id,
            nonce: Some(&self.nonce),
            skew: ClockSkew::MAX,
        };
        let user = expectation.check(&id_token, keys, now)?;
        Ok(Tokens {
            access_token: answer.access_token()?,
            expires_at: answer.expires_at(now),
            refresh_token: answer.refresh_token()?,
            scopes: answer.scopes()?,
            id_token: Some(id_token),
            subject: user.subject,
            mcptt_id: user.mcptt_id,
        })
    }
}

/// A refresh ready to be sent by POST.
pub struct RefreshRequest {
    party: RelyingParty,
    old: Tokens,
    body: SecretBytes,
}

impl RefreshRequest {
    pub(super) fn new(party: RelyingParty, old: Tokens) -> Option<Self> {
        let refresh_token = old.refresh_token.as_ref()?;
        let body = crate::form::encode(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
            ("client_id", party.client_id.as_str()),
        ]);
        Some(Self {
            party,
            old,
            body: SecretBytes::new(body.into_bytes()),
        })
    }

    /// The URL to POST to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.party.token_endpoint
    }

    /// The form body.
    #[must_use]
    pub const fn body(&self) -> &SecretBytes {
        &self.body
    }

    /// The `Authorization` header of a confidential client.
    #[must_use]
    pub fn authorization(&self) -> Option<SecretBytes> {
        authorization(&self.party)
    }

    /// Takes the answer. An ID token in it must name the same user (OpenID Connect Core 12.2).
    ///
    /// # Errors
    /// [`TokenResponseError`]; the old tokens are gone, since the server may have rotated them.
    pub fn on_answer(
        self,
        body: &[u8],
        keys: &JwkSet,
        now: UnixTime,
    ) -> Result<Tokens, TokenResponseError> {
        let answer = Answer::parse(body)?;
        let id_token = answer.id_token()?;
        if let Some(id_token) = &id_token {
            let expectation = id_token::Expectation {
                issuer: &self.party.issuer,
                client_id: &self.party.client_id,
                nonce: None,
                skew: ClockSkew::MAX,
            };
            let user = expectation.check(id_token, keys, now)?;
            if user.subject != self.old.subject || user.mcptt_id != self.old.mcptt_id {
                return Err(IdTokenError::PeerOtherUser.into());
            }
        }
        Ok(Tokens {
            access_token: answer.access_token()?,
            expires_at: answer.expires_at(now),
            refresh_token: answer.refresh_token()?.or(self.old.refresh_token),
            scopes: answer.scopes()?.or(self.old.scopes),
            id_token: id_token.or(self.old.id_token),
            subject: self.old.subject,
            mcptt_id: self.old.mcptt_id,
        })
    }
}

/// HTTP Basic with form-encoded parts (RFC 6749 2.3.1).
fn authorization(party: &RelyingParty) -> Option<SecretBytes> {
    let secret = party.secret.as_ref()?;
    let encode = |text: &str| {
        Zeroizing::new(url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>())
    };
    let (id, secret) = (encode(party.client_id.as_str()), encode(secret.expose()));
    let pair = Zeroizing::new(format!("{}:{}", id.as_str(), secret.as_str()));
    Some(SecretBytes::new(
        format!("Basic {}", STANDARD.encode(pair.as_bytes())).into_bytes(),
    ))
}

/// A token between the JSON and its own type.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Erased(Zeroizing<String>);

impl From<String> for Erased {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<Erased>,
    token_type: Option<String>,
    expires_in: Option<NumericDate>,
    id_token: Option<Erased>,
    refresh_token: Option<Erased>,
    scope: Option<String>,
    error: Option<String>,
}

impl Answer {
    fn parse(body: &[u8]) -> Result<Self, TokenResponseError> {
        if body.len() > MAX_ANSWER_OCTETS {
            return Err(TokenResponseError::PeerMalformed);
        }
        let answer: Self =
            serde_json::from_slice(body).map_err(|_| TokenResponseError::PeerMalformed)?;
        if let Some(error) = &answer.error {
            return Err(TokenResponseError::DeniedByServer(printable(error)));
        }
        let bearer = answer
            .token_type
            .as_deref()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        if !bearer {
            return Err(TokenResponseError::PeerTokenType);
        }
        Ok(answer)
    }

    fn access_token(&self) -> Result<AccessToken, TokenResponseError> {
        let text = self
            .access_token
            .as_ref()
            .ok_or(TokenResponseError::PeerMalformed)?;
        AccessToken::new(text.0.as_str()).map_err(|_| TokenResponseError::PeerMalformed)
    }

    fn id_token(&self) -> Result<Option<IdToken>, TokenResponseError> {
        let text = self.id_token.as_ref();
        text.map(|text| IdToken::new(text.0.as_str()))
            .transpose()
            .map_err(|_| TokenResponseError::PeerMalformed)
    }

    fn refresh_token(&self) -> Result<Option<RefreshToken>, TokenResponseError> {
        let text = self.refresh_token.as_ref();
        text.map(|text| RefreshToken::new(text.0.as_str()))
            .transpose()
            .map_err(|_| TokenResponseError::PeerMalformed)
    }

    fn scopes(&self) -> Result<Option<ScopeSet>, TokenResponseError> {
        self.scope
            .as_deref()
            .map(ScopeSet::parse)
            .transpose()
            .map_err(|_| TokenResponseError::PeerMalformed)
    }

    /// `expires_in` decides at the client (TS 33.180 B.12).
    fn expires_at(&self, now: UnixTime) -> UnixTime {
        now + Duration::from_secs(self.expires_in.map_or(SHORTEST_LIFE, |seconds| seconds.0.0))
    }
}
