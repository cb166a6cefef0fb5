//! A passkey as the server knows it (WebAuthn level 3): a public key, and where it belongs.

use core::fmt;
use roger_base::UnixTime;
use roger_oidc::{Subject, TokenDigest};
use thiserror::Error;

/// Most passkeys of one user.
pub const MAX_PASSKEYS: usize = 10;
/// Longest answer of an authenticator that is read, in octets: with room for attestation certificates.
pub const MAX_ANSWER: usize = 32 * 1024;

/// Name that the authenticator gave to a passkey: at most 1023 octets (WebAuthn 4, credential ID).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PasskeyId(Vec<u8>);

impl PasskeyId {
    /// Takes the octets unless there are none or too many.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Option<Self> {
        (1..=1023).contains(&octets.len()).then_some(Self(octets))
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// What pages and records call the passkey: 16 hex digits of its digest.
    #[must_use]
    pub fn label(&self) -> String {
        let digest = TokenDigest::of(&self.0);
        let short = digest.octets().iter().take(8);
        short.map(|octet| format!("{octet:02x}")).collect()
    }
}

/// What a user calls a passkey: 1 to 40 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyName(String);

impl PasskeyName {
    /// Takes the text without the white space around it.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let good = (1..=40).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        good.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PasskeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What authenticators know a user by: 16 octets that say nothing of him (WebAuthn 14.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserHandle([u8; 16]);

impl UserHandle {
    /// The one of a user.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        let digest = TokenDigest::of(format!("passkey user {}", subject.as_str()).as_bytes());
        let (short, _) = digest
            .octets()
            .split_first_chunk()
            .unwrap_or((&[0; 16], &[]));
        Self(*short)
    }

    /// Reads one back.
    #[must_use]
    pub const fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// The octets.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a passkey may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyUse {
    /// Instead of the password.
    Alone,
    /// Also demanded after the password, as a second factor.
    AfterPassword,
}

/// A registered passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its name.
    pub id: PasskeyId,
    /// Whose it is.
    pub subject: Subject,
    /// What the user calls it.
    pub name: PasskeyName,
    /// What it may be used for.
    pub usage: PasskeyUse,
    /// Public key, counter and flags in the form of the adapter that verifies; nothing in it is secret.
    pub credential: String,
    /// When it was registered.
    pub created_at: UnixTime,
    /// When it was used last.
    pub used_at: Option<UnixTime>,
}

/// What is kept of a question until it is answered; only the adapter reads it. It stays in the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyState(pub String);

/// A question to an authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// JSON for the page's script: what `navigator.credentials` takes, octets in base64url.
    pub options: String,
    /// What checks the answer.
    pub state: CeremonyState,
}

/// Whom an answer claims to be of; nothing of it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The passkey.
    pub id: PasskeyId,
    /// The user, where the authenticator says so.
    pub user: Option<UserHandle>,
}

/// Whether the authenticator verified its user by PIN, finger or face, or only noticed that somebody was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Verified.
    Verified,
    /// Somebody was present.
    PresenceOnly,
}

/// A good answer to a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The new passkey's name.
    pub id: PasskeyId,
    /// For [`Passkey::credential`].
    pub credential: String,
    /// Whether it verified its user.
    pub verification: Verification,
}

/// Why an authenticator's answer is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasskeyFault {
    /// Malformed, to another question, for another site, or signed by another key; the text is for the log.
    #[error("not a good answer: {0}")]
    PeerAnswer(String),
    /// The user was not verified although that was demanded.
    #[error("the authenticator did not verify its user")]
    DeniedUnverified,
    /// The counter did not go up: the passkey was copied.
    #[error("the counter of the passkey did not go up")]
    DeniedClone,
    /// The adapter cannot work.
    #[error("passkeys do not work: {0}")]
    Local(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold() {
        assert!(PasskeyId::new(Vec::new()).is_none());
        assert!(PasskeyId::new(vec![0; 1024]).is_none());
        assert_eq!(PasskeyId::new(vec![0; 1023]).unwrap().label().len(), 16);
        assert!(PasskeyName::new(" \t").is_none());
        assert!(PasskeyName::new("a\nb").is_none());
        assert!(PasskeyName::new(&"é".repeat(41)).is_none());
        assert_eq!(PasskeyName::new(" my phone ").unwrap().as_str(), "my phone");
    }

    #[test]
    fn a_handle_is_the_users_own() {
        let handle = |name: &str| UserHandle::of(&Subject::new(name).unwrap());
        assert_eq!(handle("a"), handle("a"));
        assert_ne!(handle("a"), handle("b"));
    }
}
