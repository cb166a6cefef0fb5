//! Registered clients (TS 33.180 B.3); here pre-provisioned by the operator, which is the normal case.

use crate::secret_text::TokenDigest;
use crate::{ClientSecret, OauthClientId, RedirectUri, ScopeSet};
use subtle::ConstantTimeEq;

/// How a client proves itself at the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientKind {
    /// A native app; PKCE alone binds the exchange (RFC 8252 8.4).
    Public,
    /// A resource server that asks about tokens (RFC 7662); it logs nobody in.
    ResourceServer {
        /// SHA-256 of the secret.
        secret: TokenDigest,
    },
    /// Has a secret, sent by HTTP Basic (RFC 6749 2.3.1); only its digest is kept, since the secret is random.
    Confidential {
        /// SHA-256 of the secret.
        secret: TokenDigest,
    },
}

/// Whether users are asked before a client gets something of theirs (TS 33.180 C.1 step 3c).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConsentPolicy {
    /// The operator registered the client and speaks for its users.
    #[default]
    Implied,
    /// Asked once for each user and scope.
    Ask,
}

/// What kind of application a client is (OpenID Connect Dynamic Client Registration 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApplicationType {
    /// An app on a device.
    #[default]
    Native,
    /// A site on a web server.
    Web,
}

/// What few clients have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientDetails {
    /// Whether users are asked.
    pub consent: ConsentPolicy,
    /// App or site.
    pub application: ApplicationType,
    /// Where the browser may go after a log-out, compared octet by octet.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// SHA-256 of the token that reads and changes the registration, when the client registered itself.
    pub registration_token: Option<TokenDigest>,
}

/// Whether an application that registered itself may be sent there: a site over https only; an app by https, by a
/// scheme that it owns because a domain is in it, or on a numeric loopback address (RFC 8252 7.1 to 7.3, 8.3).
pub(super) fn is_safe_redirect(uri: &RedirectUri, application: ApplicationType) -> bool {
    let Ok(url) = url::Url::parse(uri.as_str()) else {
        return false;
    };
    let plain = url.username().is_empty() && url.password().is_none();
    let loopback = matches!(
        url.host(),
        Some(url::Host::Ipv4(core::net::Ipv4Addr::LOCALHOST))
            | Some(url::Host::Ipv6(core::net::Ipv6Addr::LOCALHOST))
    );
    let named = matches!(url.host(), Some(url::Host::Domain(name)) if name != "localhost");
    match (url.scheme(), application) {
        ("https", _) => plain && named,
        ("http", ApplicationType::Native) => plain && loopback,
        (scheme, ApplicationType::Native) => scheme.contains('.'),
        (_, ApplicationType::Web) => false,
    }
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
    /// The rest.
    pub details: ClientDetails,
}

impl Client {
    /// The redirect URI asked for, when it is registered by its exact octets. On a loopback address an app
    /// takes whatever port it gets, so there the port does not count (RFC 8252 7.3).
    #[must_use]
    pub fn redirect_uri(&self, text: &str) -> Option<RedirectUri> {
        let asked = RedirectUri::new(text).ok()?;
        let mut registered = self.redirect_uris.iter();
        registered
            .any(|own| *own == asked || own.differs_only_in_loopback_port(&asked))
            .then_some(asked)
    }

    /// Whether the credential is what this kind of client shows: nothing, or its own secret.
    #[must_use]
    pub(crate) fn accepts(&self, shown: Option<&ClientSecret>) -> bool {
        match (&self.kind, shown) {
            (ClientKind::Public, None) => true,
            (
                ClientKind::Confidential { secret } | ClientKind::ResourceServer { secret },
                Some(shown),
            ) => secret.octets().ct_eq(shown.digest().octets()).into(),
            _ => false,
        }
    }
}
