//! The public names of the flow, one type each.

use core::fmt;
use roger_base::{Random, RandomError};
use thiserror::Error;

/// Why a text is not the name it was given as.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing there.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// Longer than the limit.
    #[error("{what} has at most {limit} octets, this one has {given}")]
    TooLong {
        /// What it was to be.
        what: &'static str,
        /// The limit in octets.
        limit: usize,
        /// The length given.
        given: usize,
    },
    /// An octet outside printable ASCII (RFC 6749 Appendix A).
    #[error("{0} must be printable ASCII")]
    ForbiddenCharacter(&'static str),
    /// Not an absolute URI without a fragment (RFC 6749 3.1.2).
    #[error("{0} must be an absolute URI without a fragment")]
    NotAnAbsoluteUri(&'static str),
}

fn check(text: &str, what: &'static str, limit: usize) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty(what));
    }
    if text.len() > limit {
        return Err(TextError::TooLong {
            what,
            limit,
            given: text.len(),
        });
    }
    if !text.bytes().all(|octet| (0x20..=0x7E).contains(&octet)) {
        return Err(TextError::ForbiddenCharacter(what));
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes the text unchanged after checking it: printable ASCII, not empty, bounded.
            ///
            /// # Errors
            /// [`TextError`] when it is empty, too long or not printable ASCII.
            pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
                let text = text.into();
                check(&text, $what, $limit)?;
                Ok(Self(text))
            }

            /// The octets as given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// OAuth `client_id`: names the application, not the MCPTT client (TS 33.180 B.3).
    OauthClientId, "a client_id", 255
);
name!(
    /// `sub`: never reassigned, unique in the MC provider's domain, at most 255 octets (TS 33.180 B.2.1.2).
    Subject, "a subject", 255
);
name!(
    /// `state`: opaque to the server, echoed in the redirect (TS 33.180 B.4.2.2).
    State, "a state", 512
);
name!(
    /// `nonce`: opaque to the server, echoed in the ID token (OpenID Connect Core 3.1.2.1).
    Nonce, "a nonce", 255
);
name!(
    /// Authentication context class reference, such as `3gpp:acr:password` (TS 33.180 B.4.2.2).
    Acr, "an acr", 255
);
name!(
    /// Names one grant: everything issued after one log-in is revoked together.
    GrantId, "a grant id", 64
);

name!(
    /// Names one session of a browser at the IdM server, `sid` in its ID tokens
    /// (OpenID Connect Front-Channel Logout 3).
    SessionId, "a session id", 64
);

impl SessionId {
    /// A fresh id of 128 bits.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        random_text::<16>(random).map(Self)
    }
}

impl Acr {
    /// The value every implementation offers (TS 33.180 B.4.2.2).
    #[must_use]
    pub fn password() -> Self {
        Self("3gpp:acr:password".to_owned())
    }

    /// Phishing-resistant: what passkeys are (OpenID Connect EAP ACR Values 3).
    #[must_use]
    pub fn phishing_resistant() -> Self {
        Self("phr".to_owned())
    }
}

impl State {
    /// A fresh state of 128 bits.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        random_text::<16>(random).map(Self)
    }
}

impl Nonce {
    /// A fresh nonce of 128 bits.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        random_text::<16>(random).map(Self)
    }
}

impl GrantId {
    /// A fresh id of 128 bits.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        random_text::<16>(random).map(Self)
    }
}

impl Subject {
    /// A fresh subject of 128 bits; nothing of the person is in it.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        random_text::<16>(random).map(Self)
    }
}

/// `N` random octets as base64url without padding.
fn random_text<const N: usize>(random: &mut dyn Random) -> Result<String, RandomError> {
    use base64::Engine as _;
    let mut octets = [0; N];
    random.fill(&mut octets)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets))
}

/// Longest redirect URI and issuer accepted, in octets.
const MAX_URI_OCTETS: usize = 1024;

fn check_absolute(text: &str, what: &'static str) -> Result<(), TextError> {
    check(text, what, MAX_URI_OCTETS)?;
    let absolute = url::Url::parse(text).is_ok();
    if !absolute || text.contains(['#', ' ', '"', '<', '>', '\\']) {
        return Err(TextError::NotAnAbsoluteUri(what));
    }
    Ok(())
}

/// A redirect URI; two are equal only when every octet is (TS 33.180 B.4.2.2, RFC 8252 8.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Takes an absolute URI without a fragment; custom schemes and loopback addresses are allowed.
    ///
    /// # Errors
    /// [`TextError`] when the text is no such URI.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        check_absolute(&text, "a redirect URI")?;
        Ok(Self(text))
    }

    /// The octets as registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are on the same numeric loopback address and equal in everything but the port.
    pub(crate) fn differs_only_in_loopback_port(&self, other: &Self) -> bool {
        match (loopback_parts(&self.0), loopback_parts(&other.0)) {
            (Some(own), Some(others)) => own == others,
            _ => false,
        }
    }

    /// The URI with parameters added to its query; an existing query is kept (RFC 6749 3.1.2).
    #[must_use]
    pub fn with_parameters(&self, parameters: &[(&str, &str)]) -> String {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", self.0, crate::form::encode(parameters))
    }
}

/// What stands before and behind the port of a URI on a numeric loopback address.
fn loopback_parts(text: &str) -> Option<(&'static str, &str)> {
    let hosts = ["http://127.0.0.1", "http://[::1]"];
    let (host, rest) = hosts
        .into_iter()
        .find_map(|host| Some((host, text.strip_prefix(host)?)))?;
    let Some(port_and_rest) = rest.strip_prefix(':') else {
        return rest.starts_with('/').then_some((host, rest));
    };
    let (port, rest) = port_and_rest.split_once('/')?;
    port.parse::<u16>().ok()?;
    let rest = port_and_rest.get(port.len()..).unwrap_or(rest);
    Some((host, rest))
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `iss`: the URL of an IdM server, compared octet by octet (OpenID Connect Core 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Issuer(String);

impl Issuer {
    /// Takes an absolute URL without a fragment.
    ///
    /// # Errors
    /// [`TextError`] when the text is no such URL.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        check_absolute(&text, "an issuer")?;
        Ok(Self(text))
    }

    /// The octets as configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_of_native_apps_are_kept_as_they_are() {
        for text in [
            "org.example.mcptt:/cb",
            "http://127.0.0.1:4711/cb",
            "https://App.example.org/CB?x=1",
        ] {
            assert_eq!(RedirectUri::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn redirect_uris_with_a_fragment_or_without_a_scheme_are_refused() {
        for text in [
            "https://a.example/#x",
            "/cb",
            "",
            "a b:/c",
            "https://a.example/\r\nX: y",
        ] {
            assert!(RedirectUri::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_the_port_of_a_numeric_loopback_address_is_open() {
        let registered = RedirectUri::new("http://127.0.0.1/cb").unwrap();
        let same =
            |text: &str| registered.differs_only_in_loopback_port(&RedirectUri::new(text).unwrap());
        assert!(same("http://127.0.0.1:4711/cb"));
        assert!(same("http://127.0.0.1:1/cb"));
        for text in [
            "http://127.0.0.1:4711/cb/",
            "http://127.0.0.1:4711/other",
            "http://127.0.0.1:4711@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://[::1]:4711/cb",
            "https://127.0.0.1:4711/cb",
            "http://localhost:4711/cb",
        ] {
            assert!(!same(text), "{text}");
        }
    }

    #[test]
    fn parameters_join_an_existing_query() {
        let plain = RedirectUri::new("app:/cb").unwrap();
        assert_eq!(
            plain.with_parameters(&[("code", "a b")]),
            "app:/cb?code=a+b"
        );
        let with_query = RedirectUri::new("app:/cb?t=1").unwrap();
        assert_eq!(
            with_query.with_parameters(&[("code", "x")]),
            "app:/cb?t=1&code=x"
        );
    }

    #[test]
    fn names_are_bounded_and_printable() {
        assert!(Subject::new("a".repeat(255)).is_ok());
        assert!(Subject::new("a".repeat(256)).is_err());
        assert!(State::new("a\nb").is_err());
        assert!(OauthClientId::new("").is_err());
    }
}
