//! Codes, tokens, verifiers and secrets: never printed, compared in constant time, erased on drop.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roger_base::{Random, RandomError, SecretBytes};
use thiserror::Error;

/// Largest token accepted anywhere, in octets.
pub(crate) const MAX_TOKEN_OCTETS: usize = 8192;

/// Why a text is not a token, code or secret. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecretTextError {
    /// Nothing there, or shorter than the type demands.
    #[error("{0} is too short")]
    TooShort(&'static str),
    /// Longer than the type allows.
    #[error("{0} is too long")]
    TooLong(&'static str),
    /// An octet outside the type's alphabet.
    #[error("{0} contains a character it must not have")]
    ForbiddenCharacter(&'static str),
}

const fn printable(octet: u8) -> bool {
    matches!(octet, 0x20..=0x7E)
}

const fn unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $range:expr, $legal:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(SecretBytes);

        impl $name {
            /// Takes the text after checking its length and alphabet.
            ///
            /// # Errors
            /// [`SecretTextError`] naming what is wrong, never the text.
            pub fn new(text: impl Into<String>) -> Result<Self, SecretTextError> {
                let octets = SecretBytes::new(text.into().into_bytes());
                if octets.expose().len() < *$range.start() {
                    return Err(SecretTextError::TooShort($what));
                }
                if octets.expose().len() > *$range.end() {
                    return Err(SecretTextError::TooLong($what));
                }
                if !octets.expose().iter().copied().all($legal) {
                    return Err(SecretTextError::ForbiddenCharacter($what));
                }
                Ok(Self(octets))
            }

            /// The text, for the operation that needs it.
            #[must_use]
            pub fn expose(&self) -> &str {
                // Only ASCII passes `new`.
                core::str::from_utf8(self.0.expose()).unwrap_or_default()
            }

            /// SHA-256 of the text: what a repository keeps in its place.
            #[must_use]
            pub fn digest(&self) -> TokenDigest {
                TokenDigest::of(self.0.expose())
            }
        }
    };
}

macro_rules! random_secret_text {
    ($name:ident) => {
        impl $name {
            /// A fresh one of 256 bits, base64url without padding (43 characters).
            ///
            /// # Errors
            /// [`RandomError`] when the source of randomness fails.
            pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
                let secret = roger_base::Secret::<32>::random(random)?;
                let text = URL_SAFE_NO_PAD.encode(secret.expose());
                Ok(Self(SecretBytes::new(text.into_bytes())))
            }
        }
    };
}

secret_text!(
    /// Authorization code: single use, at most a minute old (RFC 6749 4.1.2).
    AuthorizationCode, "an authorization code", 1..=512, printable
);
secret_text!(
    /// Access token: opaque to the client, a signed JWT to the servers (TS 33.180 B.2.2).
    ///
    /// It cannot be printed:
    /// ```compile_fail
    /// let token = roger_oidc::AccessToken::new("secret").unwrap();
    /// println!("{token:?}");
    /// ```
    /// and comparing is in constant time:
    /// ```
    /// let token = roger_oidc::AccessToken::new("secret").unwrap();
    /// assert!(token == roger_oidc::AccessToken::new("secret").unwrap());
    /// ```
    AccessToken, "an access token", 1..=MAX_TOKEN_OCTETS, printable
);
secret_text!(
    /// ID token: a signed JWT for the client (TS 33.180 B.2.1).
    IdToken, "an ID token", 1..=MAX_TOKEN_OCTETS, printable
);
secret_text!(
    /// Refresh token: opaque to the client, rotated at every use (TS 33.180 B.5).
    RefreshToken, "a refresh token", 1..=2048, printable
);
secret_text!(
    /// PKCE code verifier: 43 to 128 unreserved characters (RFC 7636 4.1).
    CodeVerifier, "a code_verifier", 43..=128, unreserved
);
secret_text!(
    /// Secret of a confidential client; random, never chosen by a person (RFC 6749 2.3.1).
    ClientSecret, "a client secret", 32..=512, printable
);
secret_text!(
    /// Key of one log-in in progress, kept by the browser between the form and its answer.
    LoginSessionKey, "a login session key", 43..=43, unreserved
);

secret_text!(
    /// Key of a browser's session at the IdM server, kept in its cookie.
    BrowserKey, "a session cookie", 43..=43, unreserved
);
secret_text!(
    /// Lets its holder register clients (RFC 7591 3).
    InitialAccessToken, "an initial access token", 43..=512, printable
);
secret_text!(
    /// Lets a client read and change its own registration (RFC 7592).
    RegistrationAccessToken, "a registration access token", 43..=512, printable
);

random_secret_text!(BrowserKey);
random_secret_text!(InitialAccessToken);
random_secret_text!(RegistrationAccessToken);
random_secret_text!(AuthorizationCode);
random_secret_text!(RefreshToken);
random_secret_text!(CodeVerifier);
random_secret_text!(ClientSecret);
random_secret_text!(LoginSessionKey);

/// SHA-256 of a random token; safe to store and to compare as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of some octets.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        Self(sha256(octets))
    }

    /// A digest read back from a store.
    #[must_use]
    pub const fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The 32 octets.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

/// SHA-256.
pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
    let mut out = [0; 32];
    out.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_testkit::SeededRandom;

    #[test]
    fn fresh_secrets_differ_and_pass_their_own_check() {
        let mut random = SeededRandom::new(1);
        let one = CodeVerifier::random(&mut random).unwrap();
        let other = CodeVerifier::random(&mut random).unwrap();
        assert!(one != other);
        assert!(CodeVerifier::new(one.expose()).unwrap() == one);
    }

    #[test]
    fn a_verifier_outside_rfc_7636_is_refused() {
        assert!(CodeVerifier::new("a".repeat(42)).is_err());
        assert!(CodeVerifier::new("a".repeat(43)).is_ok());
        assert!(CodeVerifier::new("a".repeat(128)).is_ok());
        assert!(CodeVerifier::new("a".repeat(129)).is_err());
        assert!(CodeVerifier::new(format!("{}+", "a".repeat(43))).is_err());
    }

    #[test]
    fn an_endless_token_is_refused() {
        assert!(AccessToken::new("a".repeat(8192)).is_ok());
        assert!(AccessToken::new("a".repeat(8193)).is_err());
    }
}
