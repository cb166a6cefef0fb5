//! The signature and its verification.

use super::group::{POINT_OCTETS, PartOfJ, SCALAR_OCTETS, Scalar, is_field_element};
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

    /// r and s in their ranges, 0 < r < p and 0 < s < q, and the octets of the PVT, which nobody has checked.
    pub(super) fn checked_parts(&self) -> Result<(Numbers, &[u8]), SignatureError> {
        let (r, s, pvt) = self
            .parts()
            .ok_or(SignatureError::Length(SIGNATURE_OCTETS))?;
        let s = Scalar::from_octets(s).map_err(|_| SignatureError::OutOfRange)?;
        if *r == [0; 32] || !is_field_element(r) {
            return Err(SignatureError::OutOfRange);
        }
        Ok((Numbers { r: *r, s }, pvt))
    }
}

/// r and s of a signature, in their ranges.
pub(super) struct Numbers {
    pub(super) r: [u8; SCALAR_OCTETS],
    s: Scalar,
}

impl Numbers {
    /// The multipliers of G and of Y in J = [s]([HE]G + [r]Y) = [s·HE]G + [s·r]Y (RFC 6507 cl. 5.2.2 step 4).
    pub(super) fn multipliers(&self, he: &[u8; 32]) -> (Scalar, Scalar) {
        // r is reduced modulo q as a factor and compared unreduced as a coordinate.
        let by_g = self.s.multiply(&Scalar::reduce(he));
        (by_g, self.s.multiply(&Scalar::reduce(&self.r)))
    }

    /// The last step: x of J is r.
    pub(super) fn verify(&self, part: &PartOfJ, by_g: &Scalar) -> Result<(), SignatureError> {
        if part.gives(by_g, &self.r) {
            Ok(())
        } else {
            Err(SignatureError::Mismatch)
        }
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
        let (numbers, pvt) = signature.checked_parts()?;
        let pvt = Pvt::from_octets(pvt).map_err(SignatureError::Pvt)?;
        let hs = hash_of_identity(self, id, &pvt);
        let he = hash_of_message(&hs, &numbers.r, message);
        let (by_g, by_y) = numbers.multipliers(&he);
        // [r·s]Y = [r·s]KPAK + [r·s·HS]PVT: a table for KPAK, and PVT is new.
        let by_pvt = by_y.multiply(&Scalar::reduce(&hs));
        let part = PartOfJ::of_new_sender(self.table(), &by_y, &pvt.point, &by_pvt);
        numbers.verify(&part, &by_g)
    }
}
