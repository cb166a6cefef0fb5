//! Validation of the ID token (OpenID Connect Core 3.1.3.7, TS 33.180 B.2.1).

use crate::claims::ReceivedClaims;
use crate::jose::CompactJws;
use crate::verifier::ClockSkew;
use crate::{IdToken, Issuer, JwkSet, JwsError, Nonce, OauthClientId, Subject};
use roger_base::{McpttId, UnixTime};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Why an ID token was refused. The token is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdTokenError {
    /// Not a signature we accept.
    #[error("ID token: {0}")]
    PeerJws(#[from] JwsError),
    /// `iss` is not the configured IdM server.
    #[error("the ID token comes from another issuer")]
    PeerIssuer,
    /// `aud` lacks our client, or `azp` names another.
    #[error("the ID token was made for another application")]
    PeerAudience,
    /// Past `exp`.
    #[error("the ID token has expired; compare the clocks of this device and the IdM server")]
    PeerExpired,
    /// `iat` lies in the future.
    #[error(
        "the ID token was issued in the future; compare the clocks of this device and the IdM server"
    )]
    PeerNotYetValid,
    /// `nonce` is absent or another one: the token belongs to another log-in.
    #[error("the ID token belongs to another log-in")]
    PeerNonce,
    /// A mandatory claim is absent or malformed.
    #[error("the ID token's claim {0} is absent or malformed")]
    PeerClaim(&'static str),
    /// A refresh brought another user's ID token.
    #[error("the refresh answered with another user's ID token")]
    PeerOtherUser,
}

/// Who the ID token says has logged in.
pub(super) struct User {
    pub(super) subject: Subject,
    pub(super) mcptt_id: McpttId,
}

/// What an ID token must fit.
pub(super) struct Expectation<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) client_id: &'a OauthClientId,
    /// The nonce sent; `None` at a refresh.
    pub(super) nonce: Option<&'a Nonce>,
    pub(super) skew: ClockSkew,
}

impl Expectation<'_> {
    /// Checks signature, issuer, audience, times and nonce, and reads the user.
    pub(super) fn check(
        &self,
        token: &IdToken,
        keys: &JwkSet,
        now: UnixTime,
    ) -> Result<User, IdTokenError> {
        let jws = CompactJws::parse(token.expose())?;
        let claims = ReceivedClaims::parse(jws.verify(keys)?)?;
        if claims.iss.as_deref() != Some(self.issuer.as_str()) {
            return Err(IdTokenError::PeerIssuer);
        }
        self.check_audience(&claims)?;
        self.check_times(&claims, now)?;
        self.check_nonce(&claims)?;
        let subject = claims
            .sub
            .and_then(|text| Subject::new(text).ok())
            .ok_or(IdTokenError::PeerClaim("sub"))?;
        let mcptt_id = claims.mcptt_id.and_then(|text| McpttId::new(text).ok());
        Ok(User {
            subject,
            mcptt_id: mcptt_id.ok_or(IdTokenError::PeerClaim("mcptt_id"))?,
        })
    }

    fn check_audience(&self, claims: &ReceivedClaims) -> Result<(), IdTokenError> {
        let audience = claims.aud.as_ref().ok_or(IdTokenError::PeerClaim("aud"))?;
        let party = claims.azp.as_deref();
        let ours = audience.contains(self.client_id.as_str());
        let party_missing = audience.is_plural() && party.is_none();
        let party_foreign = party.is_some_and(|party| party != self.client_id.as_str());
        if !ours || party_missing || party_foreign {
            return Err(IdTokenError::PeerAudience);
        }
        Ok(())
    }

    fn check_times(&self, claims: &ReceivedClaims, now: UnixTime) -> Result<(), IdTokenError> {
        let expires_at = claims.exp.ok_or(IdTokenError::PeerClaim("exp"))?.0;
        let issued_at = claims.iat.ok_or(IdTokenError::PeerClaim("iat"))?.0;
        if self.skew.expired(expires_at, now) {
            return Err(IdTokenError::PeerExpired);
        }
        if self.skew.in_the_future(issued_at, now) {
            return Err(IdTokenError::PeerNotYetValid);
        }
        Ok(())
    }

    fn check_nonce(&self, claims: &ReceivedClaims) -> Result<(), IdTokenError> {
        let Some(sent) = self.nonce else {
            return Ok(());
        };
        let given = claims.nonce.as_deref().ok_or(IdTokenError::PeerNonce)?;
        if !bool::from(given.as_bytes().ct_eq(sent.as_str().as_bytes())) {
            return Err(IdTokenError::PeerNonce);
        }
        Ok(())
    }
}
