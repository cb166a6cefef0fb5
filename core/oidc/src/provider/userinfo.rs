//! The userinfo endpoint (OpenID Connect Core 5.3): who an access token belongs to.

use super::{TokenEndpoint, TokenError};
use crate::Subject;
use crate::scope::OPENID;
use roger_base::UnixTime;
use serde::Serialize;
use thiserror::Error;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UserInfoRefusal {
    /// No bearer token.
    #[error("a bearer token is needed")]
    PeerNoToken,
    /// Not a good access token of this server.
    #[error("the token is not valid")]
    DeniedToken,
    /// The token lacks the scope `openid`.
    #[error("the token lacks the scope openid")]
    DeniedScope,
    /// The store failed.
    #[error(transparent)]
    Local(#[from] TokenError),
}

/// The claims about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo(String);

impl UserInfo {
    /// The JSON body.
    #[must_use]
    pub fn to_json(&self) -> &str {
        &self.0
    }
}

impl TokenEndpoint<'_> {
    /// Answers a GET or POST: `authorization` is the header of that name.
    ///
    /// # Errors
    /// [`UserInfoRefusal`] naming what is wrong with the token.
    pub fn userinfo(
        &self,
        authorization: Option<&str>,
        now: UnixTime,
    ) -> Result<UserInfo, UserInfoRefusal> {
        #[derive(Serialize)]
        struct Written<'a> {
            sub: &'a str,
            mcptt_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            mcvideo_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            mcdata_id: Option<&'a str>,
        }
        let token = authorization.and_then(bearer);
        let token = token.ok_or(UserInfoRefusal::PeerNoToken)?;
        let good = self.good_access_token(token, now)?;
        let (claims, _) = good.ok_or(UserInfoRefusal::DeniedToken)?;
        let Some(Ok(scopes)) = claims.scopes() else {
            return Err(UserInfoRefusal::DeniedToken);
        };
        if !scopes.contains(OPENID) {
            return Err(UserInfoRefusal::DeniedScope);
        }
        let subject = claims.sub.and_then(|sub| Subject::new(sub).ok());
        let subject = subject.ok_or(UserInfoRefusal::DeniedToken)?;
        let account = self.accounts.account(&subject).map_err(TokenError::from)?;
        let account = account.ok_or(UserInfoRefusal::DeniedToken)?;
        let others = super::token::claimed(&account.others, &scopes);
        let written = Written {
            sub: account.subject.as_str(),
            mcptt_id: account.mcptt_id.as_str(),
            mcvideo_id: others.mcvideo.as_ref().map(crate::McVideoId::as_str),
            mcdata_id: others.mcdata.as_ref().map(crate::McDataId::as_str),
        };
        // Strings always serialise.
        Ok(UserInfo(
            serde_json::to_string(&written).unwrap_or_default(),
        ))
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750 2.1).
pub(super) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}
