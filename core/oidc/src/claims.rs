//! The claims of ID and access tokens (TS 33.180 B.2, OpenID Connect Core 2).

use crate::{
    Acr, Amr, GrantId, Issuer, JwsError, Nonce, OauthClientId, OtherServiceIds, ScopeSet,
    SessionId, Subject,
};
use roger_base::{McpttId, UnixTime};
use serde::{Deserialize, Serialize};

/// Claims of an ID token that our IdM signs (TS 33.180 B.2.1).
#[derive(Debug, Clone)]
pub struct IdTokenClaims {
    /// `iss`.
    pub issuer: Issuer,
    /// `sub`.
    pub subject: Subject,
    /// `aud`: the client.
    pub client_id: OauthClientId,
    /// `iat`.
    pub issued_at: UnixTime,
    /// `exp`.
    pub expires_at: UnixTime,
    /// `auth_time`.
    pub authenticated_at: UnixTime,
    /// `acr`.
    pub acr: Acr,
    /// `amr`.
    pub amr: Amr,
    /// `sid`: the browser's session, when there was one.
    pub session: Option<SessionId>,
    /// `nonce`, echoed when the request had one.
    pub nonce: Option<Nonce>,
    /// `mcptt_id`.
    pub mcptt_id: McpttId,
    /// `mcvideo_id` and `mcdata_id`.
    pub others: OtherServiceIds,
}

/// Claims of an access token that our IdM signs (TS 33.180 B.2.2).
#[derive(Debug, Clone)]
pub struct AccessTokenClaims {
    /// `iss`.
    pub issuer: Issuer,
    /// `sub`.
    pub subject: Subject,
    /// `aud`: the MC domain whose servers take the token.
    pub audience: String,
    /// `client_id`.
    pub client_id: OauthClientId,
    /// `iat`.
    pub issued_at: UnixTime,
    /// `exp`.
    pub expires_at: UnixTime,
    /// `scope`, one string.
    pub scopes: ScopeSet,
    /// `mcptt_id`.
    pub mcptt_id: McpttId,
    /// `mcvideo_id` and `mcdata_id`.
    pub others: OtherServiceIds,
    /// `jti`: begins with the id of the grant, so that a revoked grant takes its tokens along.
    pub token_id: TokenId,
}

/// Claims of a security token for a partner's IdM server (TS 33.180 B.8).
#[derive(Debug, Clone)]
pub struct SecurityTokenClaims {
    /// `iss`: the primary IdM server.
    pub issuer: Issuer,
    /// `sub`.
    pub subject: Subject,
    /// First value of `aud`: the client at the primary IdM server.
    pub client_id: OauthClientId,
    /// Second value of `aud`: the partner's IdM server.
    pub target: Issuer,
    /// `iat`.
    pub issued_at: UnixTime,
    /// `exp`.
    pub expires_at: UnixTime,
    /// `mcptt_id`; inferred, B.8 names no service identity.
    pub mcptt_id: McpttId,
    /// `mcvideo_id` and `mcdata_id`; inferred as well.
    pub others: OtherServiceIds,
    /// `jti`.
    pub token_id: TokenId,
}

#[derive(Serialize)]
struct WrittenSecurityToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: [&'a str; 2],
    iat: u64,
    exp: u64,
    mcptt_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcvideo_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcdata_id: Option<&'a str>,
    jti: &'a str,
}

impl SecurityTokenClaims {
    pub(crate) fn written(&self) -> impl Serialize + '_ {
        WrittenSecurityToken {
            iss: self.issuer.as_str(),
            sub: self.subject.as_str(),
            aud: [self.client_id.as_str(), self.target.as_str()],
            iat: self.issued_at.0,
            exp: self.expires_at.0,
            mcptt_id: self.mcptt_id.as_str(),
            mcvideo_id: self.others.mcvideo.as_ref().map(crate::McVideoId::as_str),
            mcdata_id: self.others.mcdata.as_ref().map(crate::McDataId::as_str),
            jti: self.token_id.as_str(),
        }
    }
}

/// `jti`: the id of the grant, a dot, and what makes the token unique within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenId(String);

impl TokenId {
    /// Joins a grant and a serial text without dots.
    pub(crate) fn new(grant: &GrantId, serial: &str) -> Self {
        Self(format!("{}.{serial}", grant.as_str()))
    }

    /// The grant that a `jti` of ours belongs to.
    pub(crate) fn grant(jti: &str) -> Option<GrantId> {
        let (grant, _) = jti.rsplit_once('.')?;
        GrantId::new(grant).ok()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Serialize)]
struct WrittenIdToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    auth_time: u64,
    acr: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    amr: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    mcptt_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcvideo_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcdata_id: Option<&'a str>,
}

#[derive(Serialize)]
struct WrittenAccessToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    iat: u64,
    exp: u64,
    scope: String,
    mcptt_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcvideo_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcdata_id: Option<&'a str>,
    jti: &'a str,
}

impl IdTokenClaims {
    pub(crate) fn written(&self) -> impl Serialize + '_ {
        WrittenIdToken {
            iss: self.issuer.as_str(),
            sub: self.subject.as_str(),
            aud: self.client_id.as_str(),
            iat: self.issued_at.0,
            exp: self.expires_at.0,
            auth_time: self.authenticated_at.0,
            acr: self.acr.as_str(),
            amr: self.amr.values(),
            sid: self.session.as_ref().map(SessionId::as_str),
            nonce: self.nonce.as_ref().map(Nonce::as_str),
            mcptt_id: self.mcptt_id.as_str(),
            mcvideo_id: self.others.mcvideo.as_ref().map(crate::McVideoId::as_str),
            mcdata_id: self.others.mcdata.as_ref().map(crate::McDataId::as_str),
        }
    }
}

impl AccessTokenClaims {
    pub(crate) fn written(&self) -> impl Serialize + '_ {
        WrittenAccessToken {
            iss: self.issuer.as_str(),
            sub: self.subject.as_str(),
            aud: &self.audience,
            client_id: self.client_id.as_str(),
            iat: self.issued_at.0,
            exp: self.expires_at.0,
            scope: self.scopes.to_string(),
            mcptt_id: self.mcptt_id.as_str(),
            mcvideo_id: self.others.mcvideo.as_ref().map(crate::McVideoId::as_str),
            mcdata_id: self.others.mcdata.as_ref().map(crate::McDataId::as_str),
            jti: self.token_id.as_str(),
        }
    }
}

/// One string or a list of strings: `aud` by RFC 7519 4.1.3, `scope` by habit of some servers.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    /// One string.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl OneOrMany {
    /// Whether a text is the one string or in the list.
    pub(crate) fn contains(&self, text: &str) -> bool {
        match self {
            Self::One(one) => one == text,
            Self::Many(many) => many.iter().any(|one| one == text),
        }
    }

    /// The one string, when there is exactly one.
    pub(crate) fn only(self) -> Option<String> {
        match self {
            Self::One(one) => Some(one),
            Self::Many(many) => <[String; 1]>::try_from(many).ok().map(|[one]| one),
        }
    }

    /// Whether there is more than one.
    pub(crate) fn is_plural(&self) -> bool {
        matches!(self, Self::Many(many) if many.len() > 1)
    }
}

/// Claims as received, every one optional; what is demanded is said by the one who checks.
/// A claim that comes twice is an error.
#[derive(Deserialize)]
pub(crate) struct ReceivedClaims {
    pub(crate) iss: Option<String>,
    pub(crate) sub: Option<String>,
    pub(crate) aud: Option<OneOrMany>,
    pub(crate) azp: Option<String>,
    pub(crate) exp: Option<NumericDate>,
    pub(crate) nbf: Option<NumericDate>,
    pub(crate) iat: Option<NumericDate>,
    pub(crate) nonce: Option<String>,
    pub(crate) jti: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) scope: Option<OneOrMany>,
    pub(crate) mcptt_id: Option<String>,
    pub(crate) mcvideo_id: Option<String>,
    pub(crate) mcdata_id: Option<String>,
    pub(crate) sid: Option<String>,
}

impl ReceivedClaims {
    /// Reads the JSON object.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, JwsError> {
        serde_json::from_slice(payload).map_err(|_| JwsError::PeerClaims)
    }

    /// The scopes of a string or, for servers that write it so, of a list.
    pub(crate) fn scopes(&self) -> Option<Result<ScopeSet, JwsError>> {
        let set = match self.scope.as_ref()? {
            OneOrMany::One(text) => ScopeSet::parse(text),
            OneOrMany::Many(list) => ScopeSet::from_tokens(list.iter().map(String::as_str)),
        };
        Some(set.map_err(|_| JwsError::PeerClaims))
    }
}

/// `NumericDate`: seconds since 1970, which may have a fraction (RFC 7519 2); the fraction is cut off.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "serde_json::Number")]
pub(crate) struct NumericDate(pub(crate) UnixTime);

impl TryFrom<serde_json::Number> for NumericDate {
    type Error = &'static str;
    fn try_from(number: serde_json::Number) -> Result<Self, Self::Error> {
        /// Beyond the year 9999 nothing is a date.
        const LAST: u64 = 253_402_300_799;
        let whole = match (number.as_u64(), number.as_f64()) {
            (Some(whole), _) => whole,
            (None, Some(real)) if (0.0..=LAST as f64).contains(&real) => real as u64,
            _ => return Err("not a date"),
        };
        if whole > LAST {
            return Err("not a date");
        }
        Ok(Self(UnixTime(whole)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_whole_or_with_a_fraction_and_never_absurd() {
        let exp = |text: &str| {
            let claims = ReceivedClaims::parse(format!(r#"{{"exp":{text}}}"#).as_bytes());
            claims.map(|claims| claims.exp.map(|date| date.0.0))
        };
        assert_eq!(exp("1760000000"), Ok(Some(1_760_000_000)));
        assert_eq!(exp("1760000000.9"), Ok(Some(1_760_000_000)));
        for text in [
            "-1",
            "1e30",
            "\"1760000000\"",
            "18446744073709551615",
            "true",
            "{}",
        ] {
            assert_eq!(exp(text), Err(JwsError::PeerClaims), "{text}");
        }
    }

    #[test]
    fn a_claim_that_comes_twice_is_refused() {
        assert!(ReceivedClaims::parse(br#"{"exp":1,"exp":2}"#).is_err());
        assert!(ReceivedClaims::parse(b"[1]").is_err());
    }

    #[test]
    fn scopes_come_as_a_string_or_a_list() {
        for text in [r#"{"scope":"openid a:b"}"#, r#"{"scope":["openid","a:b"]}"#] {
            let scopes = ReceivedClaims::parse(text.as_bytes()).unwrap().scopes();
            assert_eq!(scopes, Some(Ok(ScopeSet::parse("openid a:b").unwrap())));
        }
        let two_in_one = ReceivedClaims::parse(br#"{"scope":["openid a:b"]}"#)
            .unwrap()
            .scopes();
        assert_eq!(two_in_one, Some(Err(JwsError::PeerClaims)));
    }

    #[test]
    fn a_token_id_names_its_grant() {
        let grant = GrantId::new("g-1_x").unwrap();
        assert_eq!(
            TokenId::grant(TokenId::new(&grant, "s").as_str()),
            Some(grant)
        );
        assert_eq!(TokenId::grant("foreign"), None);
    }
}
