//! Proof key for code exchange, S256 only (RFC 7636, TS 33.180 B.4.2.2).

use crate::CodeVerifier;
use crate::secret_text::sha256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use thiserror::Error;

/// The one method of the profile.
pub(crate) const METHOD: &str = "S256";

/// Why a challenge was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PkceError {
    /// The request carries no challenge.
    #[error("code_challenge is missing; PKCE is mandatory (TS 33.180 B.4.2.2)")]
    PeerMissingChallenge,
    /// `plain`, absent (which means `plain`) or unknown.
    #[error("code_challenge_method must be S256")]
    PeerMethod,
    /// Not 43 characters of base64url.
    #[error("code_challenge is not the base64url of a SHA-256")]
    PeerMalformedChallenge,
}

/// BASE64URL(SHA-256(verifier)) without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// The challenge of a verifier.
    #[must_use]
    pub fn of(verifier: &CodeVerifier) -> Self {
        Self(sha256(verifier.expose().as_bytes()))
    }

    /// Reads the two request parameters.
    ///
    /// # Errors
    /// [`PkceError`] when the challenge is absent or malformed, or the method is not `S256`.
    pub fn from_parameters(
        challenge: Option<&str>,
        method: Option<&str>,
    ) -> Result<Self, PkceError> {
        let challenge = challenge.ok_or(PkceError::PeerMissingChallenge)?;
        if method != Some(METHOD) {
            return Err(PkceError::PeerMethod);
        }
        let octets = URL_SAFE_NO_PAD
            .decode(challenge)
            .map_err(|_| PkceError::PeerMalformedChallenge)?;
        Ok(Self(
            octets
                .try_into()
                .map_err(|_| PkceError::PeerMalformedChallenge)?,
        ))
    }

    /// A challenge read back from a store.
    #[must_use]
    pub const fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The 32 octets of the digest.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text form of 43 characters.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Whether the verifier belongs to this challenge, compared in constant time.
    #[must_use]
    pub fn matches(&self, verifier: &CodeVerifier) -> bool {
        self.0.ct_eq(&Self::of(verifier).0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge = CodeChallenge::of(&verifier);
        assert_eq!(
            challenge.to_text(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert!(challenge.matches(&verifier));
        let other = CodeVerifier::new("eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert!(!challenge.matches(&other));
    }

    #[test]
    fn plain_and_silence_are_refused() {
        let challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(
            CodeChallenge::from_parameters(challenge, Some("plain")),
            Err(PkceError::PeerMethod)
        );
        assert_eq!(
            CodeChallenge::from_parameters(challenge, None),
            Err(PkceError::PeerMethod)
        );
        assert_eq!(
            CodeChallenge::from_parameters(None, Some("S256")),
            Err(PkceError::PeerMissingChallenge)
        );
    }

    #[test]
    fn a_malformed_challenge_is_refused() {
        for text in [
            "E9Mel",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        ] {
            let read = CodeChallenge::from_parameters(Some(text), Some("S256"));
            assert_eq!(read, Err(PkceError::PeerMalformedChallenge), "{text}");
        }
    }
}
