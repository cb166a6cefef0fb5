//! The private keys of the IdM server.

use super::{Algorithm, Jwk, KeyError};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roger_base::SecretBytes;
use serde::Serialize;

enum Private {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// A key that signs tokens, with its algorithm and the public half under its id.
pub struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    private: Private,
    public: Jwk,
    pkcs8: SecretBytes,
}

impl SigningKey {
    /// A fresh key; its id is the thumbprint of the public half.
    ///
    /// # Errors
    /// [`KeyError::LocalKey`] when the cryptographic library fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let pkcs8 = match algorithm {
            Algorithm::Es256 => {
                let document = EcdsaKeyPair::generate_pkcs8(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &SystemRandom::new(),
                )
                .map_err(|_| KeyError::LocalKey)?;
                document.as_ref().to_vec()
            }
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let key = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| KeyError::LocalKey)?;
                key.as_der()
                    .map_err(|_| KeyError::LocalKey)?
                    .as_ref()
                    .to_vec()
            }
        };
        Self::from_pkcs8(algorithm, SecretBytes::new(pkcs8))
    }

    /// A key read back from a store; its id is the thumbprint of the public half.
    ///
    /// # Errors
    /// [`KeyError::LocalKey`] when the octets are no key for the algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: SecretBytes) -> Result<Self, KeyError> {
        let (private, public) = match algorithm {
            Algorithm::Es256 => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.expose())
                        .map_err(|_| KeyError::LocalKey)?;
                let public = Jwk::from_p256_point(pair.public_key().as_ref())?;
                (Private::P256(pair), public)
            }
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let pair =
                    RsaKeyPair::from_pkcs8(pkcs8.expose()).map_err(|_| KeyError::LocalKey)?;
                let (n, e) =
                    rsa_components(pair.public_key().as_ref()).ok_or(KeyError::LocalKey)?;
                let public = Jwk::from_rsa(n, e, algorithm)?;
                (Private::Rsa(pair), public)
            }
        };
        Ok(Self {
            algorithm,
            kid: public.thumbprint(),
            private,
            public,
            pkcs8,
        })
    }

    /// The private key for a store; it must be wrapped before it rests anywhere.
    #[must_use]
    pub const fn pkcs8(&self) -> &SecretBytes {
        &self.pkcs8
    }

    /// The algorithm the key signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The id that tokens name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &Jwk {
        &self.public
    }

    /// Signs claims: header `alg`, `typ` JWT and `kid`, then the compact form (RFC 7515 7.1).
    ///
    /// # Errors
    /// [`KeyError::LocalKey`] when claims cannot be written or the library fails.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: &'static str,
            typ: &'static str,
            kid: &'a str,
        }
        let header = Header {
            alg: self.algorithm.name(),
            typ: "JWT",
            kid: &self.kid,
        };
        let header = serde_json::to_vec(&header).map_err(|_| KeyError::LocalKey)?;
        let claims = serde_json::to_vec(claims).map_err(|_| KeyError::LocalKey)?;
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.signature(input.as_bytes())?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match &self.private {
            Private::P256(pair) => {
                let signature = pair
                    .sign(&random, message)
                    .map_err(|_| KeyError::LocalKey)?;
                Ok(signature.as_ref().to_vec())
            }
            Private::Rsa(pair) => {
                let padding = match self.algorithm {
                    Algorithm::Ps256 => &RSA_PSS_SHA256,
                    Algorithm::Rs256 | Algorithm::Es256 => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature)
                    .map_err(|_| KeyError::LocalKey)?;
                Ok(signature)
            }
        }
    }
}

/// Modulus and exponent of a DER `RSAPublicKey` (RFC 8017 A.1.1), without leading zeros.
fn rsa_components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = der_element(der, 0x30)?;
    let (modulus, rest) = der_element(sequence, 0x02)?;
    let (exponent, _) = der_element(rest, 0x02)?;
    Some((
        without_leading_zero(modulus),
        without_leading_zero(exponent),
    ))
}

fn without_leading_zero(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

/// The content of the first DER element, which must have this tag, and what follows it.
fn der_element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x82 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x0F))?;
            (
                octets
                    .iter()
                    .fold(0, |length, octet| length << 8 | usize::from(*octet)),
                rest,
            )
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{CompactJws, JwkSet, JwsError};
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(Algorithm::Es256)]
    #[case(Algorithm::Rs256)]
    #[case(Algorithm::Ps256)]
    fn what_a_key_signs_its_public_half_verifies(#[case] algorithm: Algorithm) {
        let key = SigningKey::generate(algorithm).unwrap();
        let again = SigningKey::from_pkcs8(algorithm, key.pkcs8().clone()).unwrap();
        assert_eq!(again.kid(), key.kid());
        let token = again.sign(&json!({"sub": "x"})).unwrap();
        let keys = JwkSet::from_json(&JwkSet::new(vec![key.public().clone()]).to_json()).unwrap();
        let jws = CompactJws::parse(&token).unwrap();
        assert_eq!(jws.kid(), Some(key.kid()));
        assert_eq!(jws.verify(&keys), Ok(br#"{"sub":"x"}"#.as_slice()));

        let other = JwkSet::new(vec![
            SigningKey::generate(algorithm)
                .unwrap()
                .public()
                .clone()
                .with_kid(key.kid()),
        ]);
        assert_eq!(jws.verify(&other), Err(JwsError::PeerSignature));
        assert_eq!(
            jws.verify(&JwkSet::default()),
            Err(JwsError::PeerUnknownKey)
        );
    }

    #[test]
    fn octets_that_are_no_key_are_refused() {
        for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
            let key = SigningKey::from_pkcs8(algorithm, SecretBytes::new(vec![0x30, 3, 2, 1, 0]));
            assert_eq!(key.err(), Some(KeyError::LocalKey));
        }
    }
}
