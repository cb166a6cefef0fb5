//! A JSON Web Signature in compact form (RFC 7515 3.1, 7.1).

use super::{Algorithm, JwkSet};
use crate::secret_text::MAX_TOKEN_OCTETS;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a token is not a signature we accept. The token is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Longer than 8 KiB.
    #[error("the token is longer than {MAX_TOKEN_OCTETS} octets")]
    PeerTooLong,
    /// Not three base64url parts.
    #[error("the token is not in JWS compact form")]
    PeerNotCompact,
    /// The header is not the JSON object of RFC 7515 4.
    #[error("the token's header is malformed")]
    PeerHeader,
    /// The algorithm is not on the allow-list; `none` and HMAC never are.
    #[error("the token's algorithm {0} is not accepted; ES256, RS256 and PS256 are")]
    PeerAlgorithm(String),
    /// The header brings its own key or an extension we do not know.
    #[error("the token's header has the parameter {0}, which is never accepted")]
    PeerForbiddenParameter(&'static str),
    /// No key of the issuer has the id.
    #[error("no key of the issuer has the id that the token names")]
    PeerUnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    PeerSignature,
    /// The payload is not a JSON object with well-formed claims.
    #[error("the token's claims are malformed")]
    PeerClaims,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    jwk: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
}

impl Header {
    /// Refuses headers that point at or carry a key, and extensions (RFC 8725 3.10, TS 33.180 B.2).
    fn check(&self) -> Result<(), JwsError> {
        let forbidden = [
            ("crit", self.crit.is_some()),
            ("jku", self.jku.is_some()),
            ("jwk", self.jwk.is_some()),
            ("x5u", self.x5u.is_some()),
            ("x5c", self.x5c.is_some()),
        ];
        match forbidden.into_iter().find(|(_, present)| *present) {
            Some((name, _)) => Err(JwsError::PeerForbiddenParameter(name)),
            None => Ok(()),
        }
    }
}

/// A token taken apart: its form and algorithm are fine, its signature has not been looked at.
pub struct CompactJws<'a> {
    algorithm: Algorithm,
    kid: Option<String>,
    signing_input: &'a str,
    signature: Vec<u8>,
    payload: Zeroizing<Vec<u8>>,
}

impl<'a> CompactJws<'a> {
    /// Takes a token apart: size, compact form, header, algorithm, in this order (TS 33.180 Annex B).
    ///
    /// # Errors
    /// [`JwsError`] naming the first check that failed.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_OCTETS {
            return Err(JwsError::PeerTooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::PeerNotCompact)?;
        let (header, payload) = signing_input
            .split_once('.')
            .ok_or(JwsError::PeerNotCompact)?;
        let decode = |part: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|_| JwsError::PeerNotCompact)
        };
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::PeerHeader)?;
        let algorithm = Algorithm::from_name(&header.alg)?;
        header.check()?;
        Ok(Self {
            algorithm,
            kid: header.kid,
            signing_input,
            signature: decode(signature)?,
            payload: Zeroizing::new(decode(payload)?),
        })
    }

    /// The algorithm named by the header.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key id named by the header.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The payload before any check of the signature; good for choosing the key, for nothing else.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload once a key of the set has proved it.
    ///
    /// # Errors
    /// [`JwsError::PeerUnknownKey`] or [`JwsError::PeerSignature`].
    pub fn verify(&self, keys: &JwkSet) -> Result<&[u8], JwsError> {
        let key = keys
            .find(self.kid(), self.algorithm)
            .ok_or(JwsError::PeerUnknownKey)?;
        if !key.verifies(
            self.algorithm,
            self.signing_input.as_bytes(),
            &self.signature,
        ) {
            return Err(JwsError::PeerSignature);
        }
        Ok(&self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_header(header: &str) -> String {
        format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header))
    }

    fn refusal(token: &str) -> Option<JwsError> {
        CompactJws::parse(token).err()
    }

    #[test]
    fn algorithms_off_the_list_are_refused() {
        for name in [
            "none", "None", "HS256", "HS384", "HS512", "es256", "ES384", "EdDSA", "",
        ] {
            let token = with_header(&format!(r#"{{"alg":"{name}"}}"#));
            assert_eq!(
                refusal(&token),
                Some(JwsError::PeerAlgorithm(name.to_owned())),
                "{name}"
            );
        }
    }

    #[test]
    fn a_header_that_brings_its_own_key_is_refused() {
        for name in ["jku", "jwk", "x5u", "x5c", "crit"] {
            let token = with_header(&format!(r#"{{"alg":"ES256","{name}":["x"]}}"#));
            assert_eq!(
                refusal(&token),
                Some(JwsError::PeerForbiddenParameter(name)),
                "{name}"
            );
        }
    }

    #[test]
    fn other_forms_are_refused() {
        assert_eq!(refusal(""), Some(JwsError::PeerNotCompact));
        assert_eq!(refusal("a.b"), Some(JwsError::PeerNotCompact));
        assert_eq!(
            refusal(&format!("{}.x", with_header(r#"{"alg":"ES256"}"#))),
            Some(JwsError::PeerNotCompact)
        );
        assert_eq!(refusal(&with_header("[]")), Some(JwsError::PeerHeader));
        assert_eq!(
            refusal(&with_header(r#"{"alg":"ES256","alg":"none"}"#)),
            Some(JwsError::PeerHeader)
        );
        assert_eq!(refusal(&"a".repeat(8193)), Some(JwsError::PeerTooLong));
        let padded = with_header(r#"{"alg":"ES256"}"#).replace(".e30.", ".e30=.");
        assert_eq!(refusal(&padded), Some(JwsError::PeerNotCompact));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
            let _ = CompactJws::parse(&text);
        }

        #[test]
        fn any_header_is_read_or_refused(header in "\\PC{0,200}") {
            let _ = CompactJws::parse(&with_header(&header));
        }
    }
}
