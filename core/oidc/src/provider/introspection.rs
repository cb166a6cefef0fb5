//! Introspection: a resource server asks whether an access token is good (RFC 7662).
//!
//! Expiry is the revocation of the standard (TS 33.180 B.12); this is for servers that want to know more.

use super::{ClientKind, TokenEndpoint, TokenError, TokenErrorCode};
use crate::claims::{ReceivedClaims, TokenId};
use crate::form::FormParameters;
use crate::verifier::CheckedToken;
use crate::{AccessTokenVerifier, ClockSkew, Subject, TrustedIssuer};
use roger_base::UnixTime;
use serde::Serialize;

/// What the server says about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// Not good, for whatever reason (RFC 7662 2.2).
    Inactive,
    /// Good; this is the whole answer.
    Active(String),
}

impl Introspection {
    /// The JSON body.
    #[must_use]
    pub fn to_json(&self) -> &str {
        match self {
            Self::Inactive => r#"{"active":false}"#,
            Self::Active(json) => json,
        }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    active: bool,
    token_type: &'static str,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    iss: &'a str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcptt_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcvideo_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcdata_id: Option<&'a str>,
}

impl TokenEndpoint<'_> {
    /// Answers a POST of an authenticated resource server: `token` is the access token it was shown.
    ///
    /// # Errors
    /// [`TokenError`] when the caller is no resource server; a bad token is an answer.
    pub fn introspect(
        &self,
        authorization: Option<&str>,
        body: &str,
        now: UnixTime,
    ) -> Result<Introspection, TokenError> {
        let form = FormParameters::parse(body)?;
        let client = self.authenticated_client(authorization, &form)?;
        if !matches!(client.kind, ClientKind::ResourceServer { .. }) {
            return Err(TokenError::new(
                TokenErrorCode::UnauthorizedClient,
                "only resource servers ask about tokens",
            ));
        }
        let token = form.required("token")?;
        let Some((claims, expires_at)) = self.good_access_token(token, now)? else {
            return Ok(Introspection::Inactive);
        };
        let Some(Ok(scopes)) = claims.scopes() else {
            return Ok(Introspection::Inactive);
        };
        let written = Written {
            active: true,
            token_type: "Bearer",
            scope: scopes.to_string(),
            client_id: claims.client_id.as_deref(),
            sub: claims.sub.as_deref(),
            iss: self.issuer.as_str(),
            exp: expires_at.0,
            iat: claims.iat.map(|date| date.0.0),
            jti: claims.jti.as_deref(),
            mcptt_id: claims.mcptt_id.as_deref(),
            mcvideo_id: claims.mcvideo_id.as_deref(),
            mcdata_id: claims.mcdata_id.as_deref(),
        };
        // Strings, numbers and options of both always serialise.
        let json = serde_json::to_string(&written).unwrap_or_default();
        Ok(Introspection::Active(json))
    }

    /// The claims of an access token of our own that is neither expired nor revoked and whose user may have tokens.
    pub(super) fn good_access_token(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<Option<(ReceivedClaims, UnixTime)>, TokenError> {
        let own = TrustedIssuer {
            issuer: self.issuer.clone(),
            keys: self.keys.clone(),
        };
        // Our own clock signed it: no skew.
        let skew = ClockSkew::seconds(0).unwrap_or(ClockSkew::MAX);
        let verifier = AccessTokenVerifier::new(vec![own], skew);
        let Ok(CheckedToken {
            claims, expires_at, ..
        }) = verifier.check(token, now)
        else {
            return Ok(None);
        };
        // An ID token has no `jti` of ours and no scope: it is no access token.
        let Some(grant) = claims.jti.as_deref().and_then(TokenId::grant) else {
            return Ok(None);
        };
        let subject = claims.sub.as_deref().and_then(|sub| Subject::new(sub).ok());
        let Some(subject) = subject.filter(|_| claims.scope.is_some()) else {
            return Ok(None);
        };
        if self.grants.is_revoked(&grant)? || self.accounts.account(&subject)?.is_none() {
            return Ok(None);
        }
        Ok(Some((claims, expires_at)))
    }
}
