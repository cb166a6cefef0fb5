//! Digest authentication with MD5 and SHA-256, server and client (RFC 3261 22, RFC 7616, RFC 8760).

mod client;
mod server;

pub use client::{ClientError, DigestClient};
pub use server::{ChallengeError, Denied, DigestServer, Freshness, Identity};

use crate::message::{HeaderName, StatusCode};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use md5::{Digest, Md5};
use roger_base::SecretBytes;

/// Hash of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SHA-256 (RFC 8760).
    Sha256,
    /// MD5, for old clients only.
    Md5,
}

impl Algorithm {
    /// The token in the `algorithm` parameter; `None` for one not served here. An absent parameter is MD5.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        [Self::Sha256, Self::Md5]
            .into_iter()
            .find(|known| token.eq_ignore_ascii_case(known.as_str()))
    }

    /// The token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// Hash of the parts joined by colons, in lower-case hex.
    fn hash(self, parts: &[&[u8]]) -> SecretBytes {
        let joined = SecretBytes::new(parts.join(&b':'));
        SecretBytes::new(match self {
            Self::Sha256 => {
                hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, joined.expose()).as_ref())
            }
            Self::Md5 => hex(&Md5::digest(joined.expose())),
        })
    }
}

/// Who asks for credentials: it decides the status and the names of the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// A user agent server or registrar: 401, WWW-Authenticate, Authorization.
    UserAgent,
    /// A proxy: 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

impl Place {
    /// Status of the challenge.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::UserAgent => StatusCode::UNAUTHORIZED,
            Self::Proxy => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        }
    }

    /// Header of the challenge.
    #[must_use]
    pub const fn challenge_header(self) -> HeaderName<'static> {
        match self {
            Self::UserAgent => HeaderName::WWW_AUTHENTICATE,
            Self::Proxy => HeaderName::PROXY_AUTHENTICATE,
        }
    }

    /// Header of the credentials.
    #[must_use]
    pub const fn credentials_header(self) -> HeaderName<'static> {
        match self {
            Self::UserAgent => HeaderName::AUTHORIZATION,
            Self::Proxy => HeaderName::PROXY_AUTHORIZATION,
        }
    }
}

/// What the response of a digest covers (RFC 7616 3.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// `auth`: method and URI.
    Authentication,
    /// `auth-int`: the body too.
    Integrity,
}

impl Protection {
    /// The token in `qop`; `None` for one that is unknown.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        [Self::Authentication, Self::Integrity]
            .into_iter()
            .find(|known| token.eq_ignore_ascii_case(known.as_str()))
    }

    /// The token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "auth",
            Self::Integrity => "auth-int",
        }
    }
}

/// What a response is computed over besides H(A1).
struct Covered<'a> {
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
    /// Nonce count, client nonce and what is covered; `None` for the form of RFC 2069.
    count: Option<(&'a str, &'a str, Protection)>,
    body: &'a [u8],
}

/// H(A1): hash of user, realm and password. It is as good as the password within its realm.
#[derive(Clone)]
pub struct Ha1 {
    algorithm: Algorithm,
    hex: SecretBytes,
}

impl Ha1 {
    /// From a password.
    #[must_use]
    pub fn from_password(
        algorithm: Algorithm,
        user: &str,
        realm: &str,
        password: &SecretBytes,
    ) -> Self {
        let hex = algorithm.hash(&[user.as_bytes(), realm.as_bytes(), password.expose()]);
        Self { algorithm, hex }
    }

    /// From the lower-case hex text that a user store keeps.
    #[must_use]
    pub const fn from_hex(algorithm: Algorithm, hex: SecretBytes) -> Self {
        Self { algorithm, hex }
    }

    /// The lower-case hex text, for the user store of another registrar.
    #[must_use]
    pub const fn hex(&self) -> &SecretBytes {
        &self.hex
    }

    /// The response, in lower-case hex (RFC 7616 3.4.1).
    fn response(&self, covered: &Covered<'_>) -> SecretBytes {
        let hash = |parts: &[&[u8]]| self.algorithm.hash(parts);
        let (method, uri) = (covered.method.as_bytes(), covered.uri.as_bytes());
        let (ha1, nonce) = (self.hex.expose(), covered.nonce.as_bytes());
        let Some((nc, cnonce, protection)) = covered.count else {
            return hash(&[ha1, nonce, hash(&[method, uri]).expose()]);
        };
        let ha2 = match protection {
            Protection::Authentication => hash(&[method, uri]),
            Protection::Integrity => hash(&[method, uri, hash(&[covered.body]).expose()]),
        };
        hash(&[
            ha1,
            nonce,
            nc.as_bytes(),
            cnonce.as_bytes(),
            protection.as_str().as_bytes(),
            ha2.expose(),
        ])
    }
}

/// Whether two texts are equal, in constant time for equal lengths.
fn same(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

fn hex(octets: &[u8]) -> Vec<u8> {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |nibble: u8| {
        DIGITS
            .get(usize::from(nibble))
            .map_or(b'0', |digit| *digit as u8)
    };
    octets
        .iter()
        .flat_map(|octet| [digit(octet >> 4), digit(octet & 15)])
        .collect()
}

fn hex_text(octets: &[u8]) -> String {
    String::from_utf8_lossy(&hex(octets)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(
        algorithm: Algorithm,
        realm: &str,
        password: &str,
        uri: &str,
        nonce: &str,
        cnonce: &str,
    ) -> String {
        let password = SecretBytes::new(password.as_bytes().to_vec());
        let ha1 = Ha1::from_password(algorithm, "Mufasa", realm, &password);
        covered(&ha1, (uri, nonce, cnonce), Protection::Authentication)
    }

    fn covered(
        ha1: &Ha1,
        (uri, nonce, cnonce): (&str, &str, &str),
        protection: Protection,
    ) -> String {
        let response = ha1.response(&Covered {
            method: "GET",
            uri,
            nonce,
            count: Some(("00000001", cnonce, protection)),
            body: b"body",
        });
        String::from_utf8(response.expose().to_vec()).unwrap()
    }

    /// The user of RFC 7616 3.9.1 with a body, computed with Python's hashlib.
    #[test]
    fn integrity_covers_the_body() {
        let texts = (
            "/dir/index.html",
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        );
        let password = SecretBytes::new(b"Circle of Life".to_vec());
        for (algorithm, expected) in [
            (
                Algorithm::Sha256,
                "2fa9fd5a55eaefc542900085331c15a0d8dcebeb505811bdd82a5b1f49ae156e",
            ),
            (Algorithm::Md5, "9aaa3cbaec2406853a7cb784c6813d11"),
        ] {
            let ha1 = Ha1::from_password(algorithm, "Mufasa", "http-auth@example.org", &password);
            assert_eq!(covered(&ha1, texts, Protection::Integrity), expected);
        }
    }

    /// RFC 7616 3.9.1.
    #[test]
    fn the_examples_of_rfc_7616() {
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let of = |algorithm| {
            response(
                algorithm,
                "http-auth@example.org",
                "Circle of Life",
                "/dir/index.html",
                nonce,
                cnonce,
            )
        };
        assert_eq!(of(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            of(Algorithm::Sha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// RFC 2617 3.5.
    #[test]
    fn the_example_of_rfc_2617() {
        let of = response(
            Algorithm::Md5,
            "testrealm@host.com",
            "Circle Of Life",
            "/dir/index.html",
            "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            "0a4f113b",
        );
        assert_eq!(of, "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn algorithms_are_read_without_case() {
        assert_eq!(Algorithm::parse("sha-256"), Some(Algorithm::Sha256));
        assert_eq!(Algorithm::parse("md5"), Some(Algorithm::Md5));
        assert_eq!(Algorithm::parse("MD5-sess"), None);
        assert_eq!(Algorithm::parse("SHA-512-256"), None);
        assert_eq!(hex_text(&[0x00, 0x9a, 0xff]), "009aff");
    }
}
