//! The signature algorithms that may be used at all.

use super::JwsError;
use core::fmt;

/// Longest foreign algorithm name repeated in an error.
const MAX_NAME: usize = 16;

/// A digital signature algorithm (RFC 7518 3.1); TS 33.180 Annex B demands a digital signature, so no HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; what our IdM signs with by default, short enough for SIP.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits or more.
    Rs256,
    /// RSASSA-PSS with SHA-256, 2048 bits or more.
    Ps256,
}

impl Algorithm {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    /// Reads a name; it is case-sensitive.
    ///
    /// # Errors
    /// [`JwsError::PeerAlgorithm`] for every other name, `none` and `HS256` included.
    pub fn from_name(name: &str) -> Result<Self, JwsError> {
        match name {
            "ES256" => Ok(Self::Es256),
            "RS256" => Ok(Self::Rs256),
            "PS256" => Ok(Self::Ps256),
            other => Err(JwsError::PeerAlgorithm(printable(other))),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A short form of a foreign name that is safe in a log line.
fn printable(name: &str) -> String {
    name.chars()
        .take(MAX_NAME)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '?'
            }
        })
        .collect()
}
