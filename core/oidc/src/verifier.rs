//! The resource server's side: is this access token good for this resource, and whose is it?
//! (TS 33.179 B.6, TS 33.180 B.11, B.12)
//!
//! The order of checks is fixed and part of the contract: size, compact form, algorithm, key by issuer and id,
//! signature, `exp`, `nbf` and `iat`, required scope, service identity, revocation.

use crate::claims::{ReceivedClaims, TokenId};
use crate::jose::CompactJws;
use crate::{GrantId, Issuer, JwkSet, JwsError, OauthClientId, Resource, ScopeSet, Subject};
use core::time::Duration;
use roger_base::{McpttId, UnixTime};
use std::sync::Arc;
use thiserror::Error;

/// Allowed difference of clocks; TS 33.180 B.2.1.2 permits at most 30 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew(Duration);

impl ClockSkew {
    /// The most that the standard permits.
    pub const MAX: Self = Self(Duration::from_secs(30));

    /// A skew of some whole seconds; `None` beyond 30.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Option<Self> {
        if seconds > Self::MAX.0.as_secs() {
            return None;
        }
        Some(Self(Duration::from_secs(seconds)))
    }

    /// Whether a token that expires then is expired now.
    pub(crate) fn expired(self, expires_at: UnixTime, now: UnixTime) -> bool {
        now >= expires_at + self.0
    }

    /// Whether a time lies in the future beyond the skew.
    pub(crate) fn in_the_future(self, time: UnixTime, now: UnixTime) -> bool {
        time > now + self.0
    }
}

/// An IdM server whose tokens are taken, with its public keys.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// `iss` of its tokens.
    pub issuer: Issuer,
    /// Its keys, two or more during a rollover.
    pub keys: JwkSet,
}

/// Grants that were revoked before their tokens expired (a replayed code, a stolen refresh token).
///
/// Expiry is *the* revocation of the standard (TS 33.180 B.12); a resource server beside the IdM may know more.
pub trait Revocations: Send + Sync {
    /// Whether the grant was revoked. A store that cannot answer says `true`: fail closed.
    fn is_revoked(&self, grant: &GrantId) -> bool;
}

/// Finds keys that the configuration does not list, such as those behind a URL.
pub trait KeySource: Send + Sync {
    /// The keys of a trusted issuer at this time, looked up again when the id is not among those known.
    /// `None` when they cannot be had; then the token is refused.
    fn keys(&self, issuer: &Issuer, kid: Option<&str>, now: UnixTime) -> Option<JwkSet>;
}

/// A token whose signature and times are good; what it opens was not looked at.
pub(crate) struct CheckedToken<'a> {
    pub(crate) claims: ReceivedClaims,
    pub(crate) issuer: &'a Issuer,
    pub(crate) expires_at: UnixTime,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The MC service identity to act for; the only claim that names the user (never `sub`).
    pub mcptt_id: McpttId,
    /// The application that holds the token.
    pub client_id: OauthClientId,
    /// Every granted scope.
    pub scopes: ScopeSet,
    /// When the token ends.
    pub expires_at: UnixTime,
    /// When it was issued, when it says so.
    pub issued_at: Option<UnixTime>,
    /// The issuer whose key verified it.
    pub issuer: Issuer,
    /// The user's subject at that issuer, when it says so.
    pub subject: Option<Subject>,
    /// The grant that the token is of, when its `jti` is one of ours.
    pub grant: Option<GrantId>,
}

/// Why an access token was refused. The token is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// Not a signature we accept.
    #[error(transparent)]
    PeerJws(#[from] JwsError),
    /// `iss` is nobody we know, or absent where there are several.
    #[error("the token's issuer is not in the configuration of this server")]
    DeniedIssuer,
    /// Past `exp`.
    #[error("the token expired at Unix time {time}; log in again", time = expires_at.0)]
    DeniedExpired {
        /// `exp`.
        expires_at: UnixTime,
    },
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet; one of the two clocks is wrong")]
    DeniedNotYetValid,
    /// A claim that every access token has is absent or malformed (TS 33.180 B.2.2).
    #[error("the token's claim {0} is absent or malformed")]
    PeerClaim(&'static str),
    /// The scope that opens this resource is not there.
    #[error("the token lacks the scope {needed}")]
    DeniedScope {
        /// The scope name of Rel-14 on.
        needed: &'static str,
    },
    /// No key of the issuer can be had just now: nothing is known of the token, the sender may come again.
    #[error("the keys of the token's issuer cannot be had now")]
    LocalNoKeys,
    /// The grant was revoked.
    #[error("the token was revoked; log in again")]
    DeniedRevoked,
}

impl TokenRefusal {
    /// The error code of RFC 6750 3.1: `insufficient_scope` (403) or `invalid_token` (401).
    #[must_use]
    pub const fn oauth_error(&self) -> &'static str {
        match self {
            Self::DeniedScope { .. } => "insufficient_scope",
            _ => "invalid_token",
        }
    }
}

/// Checks access tokens for one resource server.
#[derive(Clone)]
pub struct AccessTokenVerifier {
    issuers: Vec<TrustedIssuer>,
    skew: ClockSkew,
    revocations: Option<Arc<dyn Revocations>>,
    source: Option<Arc<dyn KeySource>>,
}

impl AccessTokenVerifier {
    /// A verifier that trusts these issuers.
    #[must_use]
    pub fn new(issuers: Vec<TrustedIssuer>, skew: ClockSkew) -> Self {
        Self {
            issuers,
            skew,
            revocations: None,
            source: None,
        }
    }

    /// The same verifier, asking for revoked grants too.
    #[must_use]
    pub fn with_revocations(mut self, revocations: Arc<dyn Revocations>) -> Self {
        self.revocations = Some(revocations);
        self
    }

    /// The same verifier, asking this source for keys that it does not have itself.
    #[must_use]
    pub fn with_key_source(mut self, source: Arc<dyn KeySource>) -> Self {
        self.source = Some(source);
        self
    }

    /// Replaces the keys of an issuer after a rollover; an unknown issuer stays unknown.
    pub fn replace_keys(&mut self, issuer: &Issuer, keys: JwkSet) {
        if let Some(known) = self
            .issuers
            .iter_mut()
            .find(|known| known.issuer == *issuer)
        {
            known.keys = keys;
        }
    }

    /// Whether a grant was revoked, as far as this verifier knows; one without revocations knows of none.
    #[must_use]
    pub fn is_revoked(&self, grant: &GrantId) -> bool {
        let revocations = self.revocations.as_ref();
        revocations.is_some_and(|revocations| revocations.is_revoked(grant))
    }

    /// Checks a token for a resource (TS 33.180 B.11).
    ///
    /// # Errors
    /// [`TokenRefusal`] naming the first check that failed.
    pub fn verify(
        &self,
        token: &str,
        resource: Resource,
        now: UnixTime,
    ) -> Result<VerifiedToken, TokenRefusal> {
        let CheckedToken {
            claims,
            issuer,
            expires_at,
        } = self.check(token, now)?;
        let scopes = claims.scopes().ok_or(TokenRefusal::PeerClaim("scope"))??;
        if !scopes.opens(resource) {
            return Err(TokenRefusal::DeniedScope {
                needed: resource.scope(),
            });
        }
        let (mcptt_id, client_id) = (mcptt_id(&claims)?, client_id(&claims)?);
        let grant = claims.jti.as_deref().and_then(TokenId::grant);
        if grant.as_ref().is_some_and(|grant| self.is_revoked(grant)) {
            return Err(TokenRefusal::DeniedRevoked);
        }
        Ok(VerifiedToken {
            mcptt_id,
            client_id,
            scopes,
            expires_at,
            issued_at: claims.iat.map(|date| date.0),
            issuer: issuer.clone(),
            subject: claims.sub.and_then(|subject| Subject::new(subject).ok()),
            grant,
        })
    }

    /// Size, form, algorithm, key, signature and times.
    pub(crate) fn check(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<CheckedToken<'_>, TokenRefusal> {
        let jws = CompactJws::parse(token)?;
        let claims = ReceivedClaims::parse(jws.unverified_payload())?;
        let issuer = self.issuer(&claims)?;
        match (jws.verify(&issuer.keys), &self.source) {
            (Err(JwsError::PeerUnknownKey), Some(source)) => {
                match source.keys(&issuer.issuer, jws.kid(), now) {
                    Some(keys) => jws.verify(&keys)?,
                    None if issuer.keys.is_empty() => return Err(TokenRefusal::LocalNoKeys),
                    None => return Err(JwsError::PeerUnknownKey.into()),
                }
            }
            (verified, _) => verified?,
        };
        let expires_at = self.check_times(&claims, now)?;
        Ok(CheckedToken {
            claims,
            issuer: &issuer.issuer,
            expires_at,
        })
    }

    /// The issuer named by `iss`; without one, the single configured issuer.
    fn issuer(&self, claims: &ReceivedClaims) -> Result<&TrustedIssuer, TokenRefusal> {
        let found = match (&claims.iss, self.issuers.as_slice()) {
            (Some(iss), known) => known.iter().find(|known| known.issuer.as_str() == iss),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        found.ok_or(TokenRefusal::DeniedIssuer)
    }

    fn check_times(
        &self,
        claims: &ReceivedClaims,
        now: UnixTime,
    ) -> Result<UnixTime, TokenRefusal> {
        let expires_at = claims.exp.ok_or(TokenRefusal::PeerClaim("exp"))?.0;
        if self.skew.expired(expires_at, now) {
            return Err(TokenRefusal::DeniedExpired { expires_at });
        }
        let starts = [claims.nbf, claims.iat].into_iter().flatten();
        if starts
            .into_iter()
            .any(|start| self.skew.in_the_future(start.0, now))
        {
            return Err(TokenRefusal::DeniedNotYetValid);
        }
        if claims.iat.is_some_and(|issued| issued.0 >= expires_at) {
            return Err(TokenRefusal::PeerClaim("iat"));
        }
        Ok(expires_at)
    }
}

fn mcptt_id(claims: &ReceivedClaims) -> Result<McpttId, TokenRefusal> {
    let text = claims
        .mcptt_id
        .as_deref()
        .ok_or(TokenRefusal::PeerClaim("mcptt_id"))?;
    McpttId::new(text).map_err(|_| TokenRefusal::PeerClaim("mcptt_id"))
}

fn client_id(claims: &ReceivedClaims) -> Result<OauthClientId, TokenRefusal> {
    let text = claims
        .client_id
        .as_deref()
        .ok_or(TokenRefusal::PeerClaim("client_id"))?;
    OauthClientId::new(text).map_err(|_| TokenRefusal::PeerClaim("client_id"))
}
