//! Octets that must not be printed, compared in variable time or left in memory.

use crate::{Random, RandomError};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A slice did not have the length of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a secret of {wanted} octets was given {given}")]
pub struct SecretLengthError {
    /// Length of the type.
    pub wanted: usize,
    /// Length of the slice.
    pub given: usize,
}

/// `N` secret octets: erased on drop, compared in constant time, without `Debug`, `Display` or serialisation.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes the octets over.
    #[must_use]
    pub const fn new(octets: [u8; N]) -> Self {
        Self(octets)
    }

    /// Draws the octets.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut secret = Self([0; N]);
        random.fill(&mut secret.0)?;
        Ok(secret)
    }

    /// The octets, for the operation that needs them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> TryFrom<&[u8]> for Secret<N> {
    type Error = SecretLengthError;
    fn try_from(slice: &[u8]) -> Result<Self, SecretLengthError> {
        let error = SecretLengthError {
            wanted: N,
            given: slice.len(),
        };
        Ok(Self(slice.try_into().map_err(|_| error)?))
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

/// A secret of any length, with the same rules as [`Secret`].
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the octets over.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets, for the operation that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for SecretBytes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_octets_are_equal() {
        assert!(Secret::new([1, 2, 3]) == Secret::new([1, 2, 3]));
        assert!(Secret::new([1, 2, 3]) != Secret::new([1, 2, 4]));
    }

    #[test]
    fn a_wrong_length_is_refused() {
        assert!(Secret::<16>::try_from(&[0u8; 15][..]).is_err());
        assert!(Secret::<16>::try_from(&[0u8; 16][..]).is_ok());
    }
}
