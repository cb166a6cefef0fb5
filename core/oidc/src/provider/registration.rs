//! Registered clients (TS 33.180 B.3); here pre-provisioned by the operator, which is the normal case.

use crate::secret_text::TokenDigest;
use crate::{ClientSecret, OauthClientId, RedirectUri, ScopeSet};
use subtle::ConstantTimeEq;

/// How a client proves itself at the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientKind {
    /// A native app; PKCE alone binds the exchange (RFC 8252 8.4).
    Public,
    /// Has a secret, sent by HTTP Basic (RFC 6749 2.3.1); only its digest is kept, since the secret is random.
    Confidential {
        /// SHA-256 of the secret.
        secret: TokenDigest,
    },
}

/// A registered application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: OauthClientId,
    /// Name shown on the log-in page.
    pub name: String,
    /// How it proves itself.
    pub kind: ClientKind,
    /// Every redirect URI it may use, compared octet by octet.
    pub redirect_uris: Vec<RedirectUri>,
    /// The scopes it may ask for.
    pub scopes: ScopeSet,
}

impl Client {
    /// Whether a redirect URI is registered, by its exact octets.
    #[must_use]
    pub fn redirect_uri(&self, text: &str) -> Option<&RedirectUri> {
        self.redirect_uris
            .iter()
            .find(|registered| registered.as_str() == text)
    }

    /// Whether the credential is what this kind of client shows: nothing, or its own secret.
    #[must_use]
    pub(crate) fn accepts(&self, shown: Option<&ClientSecret>) -> bool {
        match (&self.kind, shown) {
            (ClientKind::Public, None) => true,
            (ClientKind::Confidential { secret }, Some(shown)) => {
                secret.octets().ct_eq(shown.digest().octets()).into()
            }
            _ => false,
        }
    }
}
