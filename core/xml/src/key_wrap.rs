//! AES-256 key wrap for KMS documents (TS 33.180 cl. 9.3.4.2, Annex D; RFC 3394, RFC 5649).

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap, KeyWrapPadded};
use roger_base::{Secret, SecretBytes};
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest value that is wrapped or unwrapped; an RSK has 257 octets.
const MAX_PLAIN_OCTETS: usize = 1024;
/// RFC 3394 adds a block of 8; RFC 5649 up to 7 octets of padding more.
const MAX_WRAPPED_OCTETS: usize = MAX_PLAIN_OCTETS + 15;

/// Why a key could not be wrapped or unwrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyWrapError {
    /// The wrapped value is altered, truncated, or under another key.
    #[error("the wrapped key does not open under this transport key")]
    PeerIntegrity,
    /// The algorithm is not one of the two key wraps.
    #[error("the key is wrapped with an algorithm that is not allowed")]
    PeerAlgorithm,
    /// The value to wrap is empty or too long.
    #[error("a key of this length cannot be wrapped")]
    LocalLength,
}

/// The label that goes with a wrapped key; the octets are the same (TS 33.180 Annex D, `wrap_profile`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WrapProfile {
    /// The URI printed in every example of TS 33.180 D.3.4, `kw-aes256`, over RFC 5649 content. For every client.
    #[default]
    ThreeGpp,
    /// The URI that XML encryption 1.1 has for RFC 5649, `kw-aes-256-pad`. By configuration of a client.
    W3c,
}

impl WrapProfile {
    const LABELS: [(Self, &'static str); 2] = [
        (Self::ThreeGpp, "http://www.w3.org/2001/04/xmlenc#kw-aes256"),
        (Self::W3c, "http://www.w3.org/2009/xmlenc11#kw-aes-256-pad"),
    ];

    /// `EncryptionMethod/@Algorithm`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::ThreeGpp => Self::LABELS[0].1,
            Self::W3c => Self::LABELS[1].1,
        }
    }

    /// Reads `EncryptionMethod/@Algorithm`.
    ///
    /// # Errors
    /// [`KeyWrapError::PeerAlgorithm`] for any other algorithm.
    pub fn from_uri(uri: &str) -> Result<Self, KeyWrapError> {
        let known = Self::LABELS.iter().find(|(_, label)| *label == uri);
        known
            .map(|(profile, _)| *profile)
            .ok_or(KeyWrapError::PeerAlgorithm)
    }
}

/// Wraps a key of 1 to 1024 octets (RFC 5649).
///
/// # Errors
/// [`KeyWrapError::LocalLength`] for any other length.
pub fn wrap(transport_key: &Secret<32>, key: &[u8]) -> Result<Vec<u8>, KeyWrapError> {
    if key.is_empty() || key.len() > MAX_PLAIN_OCTETS {
        return Err(KeyWrapError::LocalLength);
    }
    let kek =
        AesKek::new(&AES_256, transport_key.expose()).map_err(|_| KeyWrapError::LocalLength)?;
    let mut output = vec![0; key.len() + 15];
    let wrapped = kek
        .wrap_with_padding(key, &mut output)
        .map_err(|_| KeyWrapError::LocalLength)?;
    Ok(wrapped.to_vec())
}

/// Opens a wrapped key, whatever its label says: RFC 3394 content when its check value is right, else RFC 5649.
///
/// # Errors
/// [`KeyWrapError::PeerIntegrity`] when neither check value comes out.
pub fn unwrap(transport_key: &Secret<32>, wrapped: &[u8]) -> Result<SecretBytes, KeyWrapError> {
    if wrapped.len() > MAX_WRAPPED_OCTETS || wrapped.len() < 16 || !wrapped.len().is_multiple_of(8)
    {
        return Err(KeyWrapError::PeerIntegrity);
    }
    // The two check values A6A6A6A6A6A6A6A6 and A65959A6||length cannot both come out, so the order does not matter.
    let mut output = Zeroizing::new(vec![0; wrapped.len()]);
    let exact = kek(transport_key)?
        .unwrap(wrapped, &mut output)
        .map(|key| key.to_vec());
    let opened = match exact {
        Ok(key) => key,
        Err(_) => {
            let padded = kek(transport_key)?.unwrap_with_padding(wrapped, &mut output);
            padded.map_err(|_| KeyWrapError::PeerIntegrity)?.to_vec()
        }
    };
    Ok(SecretBytes::new(opened))
}

fn kek(transport_key: &Secret<32>) -> Result<AesKek, KeyWrapError> {
    AesKek::new(&AES_256, transport_key.expose()).map_err(|_| KeyWrapError::PeerIntegrity)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEK: Secret<32> = Secret::new([0x42; 32]);

    #[test]
    fn every_length_survives() {
        for length in (1..=300_usize).chain([1024]) {
            let key: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let wrapped = wrap(&KEK, &key).unwrap();
            assert_eq!(wrapped.len(), length.div_ceil(8) * 8 + 8);
            assert_eq!(unwrap(&KEK, &wrapped).unwrap().expose(), key, "{length}");
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        assert_eq!(wrap(&KEK, &[]), Err(KeyWrapError::LocalLength));
        assert_eq!(wrap(&KEK, &[0; 1025]), Err(KeyWrapError::LocalLength));
        for length in [0, 8, 15, 17, 2000] {
            assert!(unwrap(&KEK, &vec![0; length]) == Err(KeyWrapError::PeerIntegrity));
        }
    }

    #[test]
    fn an_altered_value_or_another_key_is_refused() {
        let wrapped = wrap(&KEK, &[7; 32]).unwrap();
        for position in 0..wrapped.len() {
            let mut altered = wrapped.clone();
            altered[position] ^= 1;
            assert!(unwrap(&KEK, &altered) == Err(KeyWrapError::PeerIntegrity));
        }
        assert!(unwrap(&Secret::new([0x43; 32]), &wrapped) == Err(KeyWrapError::PeerIntegrity));
    }

    #[test]
    fn other_algorithms_are_refused() {
        let kw128 = "http://www.w3.org/2001/04/xmlenc#kw-aes128";
        assert_eq!(
            WrapProfile::from_uri(kw128),
            Err(KeyWrapError::PeerAlgorithm)
        );
        for profile in [WrapProfile::ThreeGpp, WrapProfile::W3c] {
            assert_eq!(WrapProfile::from_uri(profile.uri()), Ok(profile));
        }
    }
}
