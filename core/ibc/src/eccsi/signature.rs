//! The signature and its verification.

use super::group::{POINT_OCTETS, Point, SCALAR_OCTETS, Scalar, is_field_element};
use super::{KmsPublicAuthKey, Pvt, hash_of_identity, hash_of_message};
use crate::error::SignatureError;
use core::fmt;

/// Octets of a signature, 4N + 1 (RFC 6507 cl. 3.3).
pub const SIGNATURE_OCTETS: usize = 2 * SCALAR_OCTETS + POINT_OCTETS;

/// A signature as it travels; nothing in it has been checked but its length.
///
/// ```text
///  0        32       64                          129
/// | r       | s      | PVT = 04 ∥ x(32) ∥ y(32)  |
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Signature([u8; SIGNATURE_OCTETS]);

impl Signature {
    pub(super) fn new(r: &[u8; SCALAR_OCTETS], s: &[u8; SCALAR_OCTETS], pvt: &Pvt) -> Self {
        let mut octets = [0; SIGNATURE_OCTETS];
        let parts = r.iter().chain(s).chain(pvt.as_octets());
        for (to, from) in octets.iter_mut().zip(parts) {
            *to = *from;
        }
        Self(octets)
    }

    /// Takes 129 octets.
    ///
    /// # Errors
    /// [`SignatureError::Length`] for any other number of octets.
    pub fn from_octets(octets: &[u8]) -> Result<Self, SignatureError> {
        let given = octets.len();
        let octets = octets
            .try_into()
            .map_err(|_| SignatureError::Length(given))?;
        Ok(Self(octets))
    }

    /// The 129 octets.
    #[must_use]
    pub const fn as_octets(&self) -> &[u8; SIGNATURE_OCTETS] {
        &self.0
    }

    /// r, s and the octets of the PVT.
    fn parts(&self) -> Option<(&[u8; 32], &[u8; 32], &[u8])> {
        let (r, rest) = self.0.split_first_chunk()?;
        let (s, pvt) = rest.split_first_chunk()?;
        Some((r, s, pvt))
    }
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(")?;
        self.0
            .iter()
            .try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(")")
    }
}

impl KmsPublicAuthKey {
    /// Verifies the signature of the identifier over the message (RFC 6507 cl. 5.2.2). Everything here is public.
    ///
    /// # Errors
    /// [`SignatureError`] saying which check failed.
    pub fn verify(
        &self,
        id: &[u8],
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let (r, s, pvt) = signature
            .parts()
            .ok_or(SignatureError::Length(SIGNATURE_OCTETS))?;
        let pvt = Pvt::from_octets(pvt).map_err(SignatureError::Pvt)?;
        let s = Scalar::from_octets(s).map_err(|_| SignatureError::OutOfRange)?;
        if *r == [0; 32] || !is_field_element(r) {
            return Err(SignatureError::OutOfRange);
        }
        let hs = hash_of_identity(self, id, &pvt);
        let he = Scalar::reduce(&hash_of_message(&hs, r, message));
        let y = self
            .point
            .add_multiple_vartime(&Scalar::reduce(&hs), &pvt.point)
            .ok_or(SignatureError::Mismatch)?;
        // J = [s]([HE]G + [r]Y); r is reduced modulo q as a factor and compared unreduced as a coordinate.
        let by_y = s.multiply(&Scalar::reduce(r));
        let j = Point::combine_generator_vartime(&s.multiply(&he), &by_y, &y);
        if j.is_none_or(|j| j.x() != *r) {
            return Err(SignatureError::Mismatch);
        }
        Ok(())
    }
}
