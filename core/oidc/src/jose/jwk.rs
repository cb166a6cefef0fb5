//! JSON Web Keys: the public halves of signing keys (RFC 7517, RFC 7518 6).

use super::Algorithm;
use crate::secret_text::sha256;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Largest key set document read, in octets.
pub const MAX_JWKS_OCTETS: usize = 64 * 1024;
/// Most keys read from one set.
const MAX_KEYS: usize = 64;
/// Longest key id.
const MAX_KID_OCTETS: usize = 128;
/// RSA modulus bounds in octets: 2048 to 8192 bits.
const RSA_MODULUS: core::ops::RangeInclusive<usize> = 256..=1024;
/// Longest RSA exponent in octets.
const MAX_RSA_EXPONENT: usize = 8;

/// Why a key or key set was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The document is larger than [`MAX_JWKS_OCTETS`].
    #[error("the key set is larger than {MAX_JWKS_OCTETS} octets")]
    PeerTooLong,
    /// Not the JSON of a key set.
    #[error("the key set is not the JSON of RFC 7517")]
    PeerMalformed,
    /// More keys than are ever published.
    #[error("the key set has more than {MAX_KEYS} keys")]
    PeerTooManyKeys,
    /// A private or symmetric key lies in a set that must be public.
    #[error("the key set holds a private or symmetric key")]
    PeerNotPublic,
    /// A key of our own that cannot be read.
    #[error("a signing key of our own cannot be read or used")]
    LocalKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    /// Uncompressed point, 65 octets.
    P256([u8; 65]),
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// One public key with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    kid: Option<String>,
    only: Option<Algorithm>,
    material: Material,
}

#[derive(Deserialize)]
struct RawJwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize)]
struct WrittenJwk<'a> {
    kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(rename = "use")]
    usage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
}

impl Jwk {
    /// A P-256 key from its uncompressed point (04, x, y); its id is the thumbprint of RFC 7638.
    ///
    /// # Errors
    /// [`KeyError::LocalKey`] when it is not 65 octets beginning with 04.
    pub fn from_p256_point(point: &[u8]) -> Result<Self, KeyError> {
        let point: [u8; 65] = point.try_into().map_err(|_| KeyError::LocalKey)?;
        if point.first() != Some(&4) {
            return Err(KeyError::LocalKey);
        }
        let mut key = Self {
            kid: None,
            only: Some(Algorithm::Es256),
            material: Material::P256(point),
        };
        key.kid = Some(key.thumbprint());
        Ok(key)
    }

    /// An RSA key from modulus and exponent, big-endian without leading zeros; its id is the thumbprint.
    ///
    /// # Errors
    /// [`KeyError::LocalKey`] when the modulus is not 2048 to 8192 bits long.
    pub fn from_rsa(n: &[u8], e: &[u8], only: Algorithm) -> Result<Self, KeyError> {
        let material = rsa_material(n.to_vec(), e.to_vec()).ok_or(KeyError::LocalKey)?;
        let mut key = Self {
            kid: None,
            only: Some(only),
            material,
        };
        key.kid = Some(key.thumbprint());
        Ok(key)
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The key id, when the key has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether a signature of this algorithm can be checked with the key.
    #[must_use]
    pub fn suits(&self, algorithm: Algorithm) -> bool {
        let family = match self.material {
            Material::P256(_) => algorithm == Algorithm::Es256,
            Material::Rsa { .. } => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
        };
        family && self.only.is_none_or(|only| only == algorithm)
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.suits(algorithm) {
            return false;
        }
        match (&self.material, algorithm) {
            (Material::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
                    .is_ok()
            }
            (Material::Rsa { n, e }, Algorithm::Rs256) => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                    .is_ok()
            }
            (Material::Rsa { n, e }, Algorithm::Ps256) => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PSS_2048_8192_SHA256, message, signature)
                    .is_ok()
            }
            _ => false,
        }
    }

    /// The thumbprint: base64url of the SHA-256 over the required members in order (RFC 7638 3).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let canonical = match &self.material {
            Material::P256(point) => {
                let (x, y) = coordinates(point);
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Material::Rsa { n, e } => {
                let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
        };
        URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes()))
    }

    fn written(&self) -> WrittenJwk<'_> {
        let mut out = WrittenJwk {
            kty: "EC",
            kid: self.kid(),
            usage: "sig",
            alg: self.only.map(Algorithm::name),
            crv: None,
            x: None,
            y: None,
            n: None,
            e: None,
        };
        match &self.material {
            Material::P256(point) => {
                let (x, y) = coordinates(point);
                (out.crv, out.x, out.y) = (Some("P-256"), Some(x), Some(y));
            }
            Material::Rsa { n, e } => {
                out.kty = "RSA";
                (out.n, out.e) = (
                    Some(URL_SAFE_NO_PAD.encode(n)),
                    Some(URL_SAFE_NO_PAD.encode(e)),
                );
            }
        }
        out
    }

    /// Reads one member of a key set; `None` for a key this crate has no use for (RFC 7517 5).
    fn read(raw: RawJwk) -> Result<Option<Self>, KeyError> {
        if raw.d.is_some() || raw.k.is_some() || raw.kty == "oct" {
            return Err(KeyError::PeerNotPublic);
        }
        let for_signatures = raw.usage.as_deref().is_none_or(|usage| usage == "sig");
        let known_kid = raw
            .kid
            .as_deref()
            .is_none_or(|kid| kid.len() <= MAX_KID_OCTETS);
        if !for_signatures || !known_kid {
            return Ok(None);
        }
        let only = match raw.alg.as_deref().map(Algorithm::from_name) {
            None => None,
            Some(Ok(algorithm)) => Some(algorithm),
            Some(Err(_)) => return Ok(None),
        };
        let material = match raw.kty.as_str() {
            "EC" if raw.crv.as_deref() == Some("P-256") => {
                p256_material(raw.x.as_deref(), raw.y.as_deref())
            }
            "RSA" => member(raw.n.as_deref())
                .zip(member(raw.e.as_deref()))
                .and_then(|(n, e)| rsa_material(n, e)),
            _ => return Ok(None),
        };
        let material = material.ok_or(KeyError::PeerMalformed)?;
        Ok(Some(Self {
            kid: raw.kid,
            only,
            material,
        }))
    }
}

fn coordinates(point: &[u8; 65]) -> (String, String) {
    let (x, y) = point.split_at(33);
    let x = x.get(1..).unwrap_or_default();
    (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
}

fn member(text: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

fn p256_material(x: Option<&str>, y: Option<&str>) -> Option<Material> {
    let (x, y) = (member(x)?, member(y)?);
    if x.len() != 32 || y.len() != 32 {
        return None;
    }
    let point: Vec<u8> = [4].into_iter().chain(x).chain(y).collect();
    Some(Material::P256(point.try_into().ok()?))
}

fn rsa_material(n: Vec<u8>, e: Vec<u8>) -> Option<Material> {
    let bounded = RSA_MODULUS.contains(&n.len()) && (1..=MAX_RSA_EXPONENT).contains(&e.len());
    let minimal = n.first() != Some(&0) && e.first() != Some(&0);
    (bounded && minimal).then_some(Material::Rsa { n, e })
}

/// The public keys of one issuer; during a rollover there are two or more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JwkSet(Vec<Jwk>);

impl JwkSet {
    /// A set of keys.
    #[must_use]
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self(keys)
    }

    /// Reads a JWKS document; keys of kinds or uses we have no use for are skipped.
    ///
    /// # Errors
    /// [`KeyError`] when it is too large, not a key set, or holds a private or symmetric key.
    pub fn from_json(text: &str) -> Result<Self, KeyError> {
        #[derive(Deserialize)]
        struct Raw {
            keys: Vec<RawJwk>,
        }
        if text.len() > MAX_JWKS_OCTETS {
            return Err(KeyError::PeerTooLong);
        }
        let raw: Raw = serde_json::from_str(text).map_err(|_| KeyError::PeerMalformed)?;
        if raw.keys.len() > MAX_KEYS {
            return Err(KeyError::PeerTooManyKeys);
        }
        let keys: Result<Vec<_>, _> = raw.keys.into_iter().map(Jwk::read).collect();
        Ok(Self(keys?.into_iter().flatten().collect()))
    }

    /// Whether there is no key.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the JWKS document.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Written<'a> {
            keys: Vec<WrittenJwk<'a>>,
        }
        let written = Written {
            keys: self.0.iter().map(Jwk::written).collect(),
        };
        // Strings and options of strings always serialise.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &Jwk> {
        self.0.iter()
    }

    /// The key a token names; without a name only the one key that suits the algorithm will do.
    #[must_use]
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Jwk> {
        let mut suitable = self.0.iter().filter(|key| key.suits(algorithm));
        match kid {
            Some(kid) => suitable.find(|key| key.kid() == Some(kid)),
            None => suitable.next().filter(|_| suitable.next().is_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The RSA key of RFC 7638 3.1, whose thumbprint the RFC prints.
    const RFC_7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    #[test]
    fn the_thumbprint_example_of_rfc_7638() {
        let text = format!(
            r#"{{"keys":[{{"kty":"RSA","n":"{RFC_7638_N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}]}}"#
        );
        let set = JwkSet::from_json(&text).unwrap();
        let key = set.find(Some("2011-04-29"), Algorithm::Rs256).unwrap();
        assert_eq!(
            key.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
        assert!(set.find(Some("2011-04-29"), Algorithm::Ps256).is_none());
        assert_eq!(JwkSet::from_json(&set.to_json()), Ok(set));
    }

    #[test]
    fn foreign_kinds_are_skipped_and_secrets_refused() {
        let skipped = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"},{"kty":"EC","crv":"P-256","use":"enc","x":"AA","y":"AA"}]}"#;
        assert_eq!(JwkSet::from_json(skipped), Ok(JwkSet::default()));
        assert_eq!(
            JwkSet::from_json(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#),
            Err(KeyError::PeerNotPublic)
        );
        let private = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}"#;
        assert_eq!(JwkSet::from_json(private), Err(KeyError::PeerNotPublic));
    }

    #[test]
    fn short_keys_are_refused() {
        let short = format!(
            r#"{{"keys":[{{"kty":"RSA","n":"{}","e":"AQAB"}}]}}"#,
            URL_SAFE_NO_PAD.encode([0x81; 128])
        );
        assert_eq!(JwkSet::from_json(&short), Err(KeyError::PeerMalformed));
        assert_eq!(
            JwkSet::from_json(r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#),
            Err(KeyError::PeerMalformed)
        );
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(
            JwkSet::from_json(&" ".repeat(MAX_JWKS_OCTETS + 1)),
            Err(KeyError::PeerTooLong)
        );
        let keys = vec![r#"{"kty":"x"}"#; MAX_KEYS + 1].join(",");
        assert_eq!(
            JwkSet::from_json(&format!(r#"{{"keys":[{keys}]}}"#)),
            Err(KeyError::PeerTooManyKeys)
        );
        assert_eq!(JwkSet::from_json("[]"), Err(KeyError::PeerMalformed));
    }
}
