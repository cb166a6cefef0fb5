//! RAND of a key.

use core::fmt;
use roger_base::{Random, RandomError};
use thiserror::Error;

/// Octets of a RAND that Roger draws (RFC 3830 6.11).
const DRAWN: usize = 16;

/// A RAND has 1 to 255 octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a RAND has 1 to 255 octets, this one has {0}")]
pub struct RandLengthError(pub usize);

/// RAND: public octets drawn together with a key and sent with it to every holder (RFC 3830 6.11).
///
/// It belongs to the key, not to the message: every message that carries this key under its key id carries
/// the same RAND. Roger draws 16 octets; others may send up to 255.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rand(Vec<u8>);

impl Rand {
    /// Draws 16 octets.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut octets = vec![0; DRAWN];
        random.fill(&mut octets)?;
        Ok(Self(octets))
    }

    /// Takes octets as received.
    ///
    /// # Errors
    /// [`RandLengthError`] unless there are 1 to 255; that a sender must use at least 16 is the decoder's rule.
    pub fn new(octets: &[u8]) -> Result<Self, RandLengthError> {
        if octets.is_empty() || octets.len() > usize::from(u8::MAX) {
            return Err(RandLengthError(octets.len()));
        }
        Ok(Self(octets.to_vec()))
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; DRAWN]> for Rand {
    fn from(octets: [u8; DRAWN]) -> Self {
        Self(octets.to_vec())
    }
}

impl AsRef<[u8]> for Rand {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Rand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rand(")?;
        for octet in &self.0 {
            write!(f, "{octet:02x}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_outside_one_octet_are_refused() {
        assert_eq!(Rand::new(&[]), Err(RandLengthError(0)));
        assert_eq!(Rand::new(&[0; 256]), Err(RandLengthError(256)));
        assert!(Rand::new(&[0; 255]).is_ok());
    }
}
