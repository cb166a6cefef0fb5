//! Z_T, the public key of a KMS.

use super::point::{Affine, GENERATOR_MULTIPLES, POINT_OCTETS};
use super::scalar::{Q_BITS, Scalar};
use crate::error::PointError;
use core::fmt;

/// Z_T = [z_T]P, checked: on the curve and of order q (RFC 6508 cl. 6.1; `PubEncKey` of a KMS certificate).
#[derive(Clone, PartialEq, Eq)]
pub struct KmsPublicEncKey {
    point: Affine,
    octets: [u8; POINT_OCTETS],
}

impl KmsPublicEncKey {
    /// A point known to have order q.
    pub(super) fn new(point: Affine) -> Self {
        Self {
            octets: point.to_octets(),
            point,
        }
    }

    /// Decodes `04 ∥ x ∥ y`, 257 octets, and checks the order, once per certificate.
    ///
    /// # Errors
    /// [`PointError`] for any other length or first octet, coordinates not below p, points off the curve or not
    /// of order q.
    pub fn from_octets(octets: &[u8]) -> Result<Self, PointError> {
        let point = Affine::from_octets(octets)?;
        if !point.has_order_q_vartime() {
            return Err(PointError::WrongOrder);
        }
        Ok(Self::new(point))
    }

    /// `04 ∥ x ∥ y`, 257 octets.
    #[must_use]
    pub const fn as_octets(&self) -> &[u8; POINT_OCTETS] {
        &self.octets
    }

    /// [b]P + Z_T, the point that everything for identifier b is built on. All public.
    ///
    /// It is infinity only when b = -z_T, which the KMS excludes at issue; the (0, 0) that then results opens nothing.
    pub(super) fn point_of_identifier(&self, id: &[u8]) -> Affine {
        let bits = (id.len() * 8).clamp(1, Q_BITS);
        GENERATOR_MULTIPLES
            .multiply(&Scalar::from_identifier(id), bits)
            .add_affine_complete(&self.point)
            .to_affine()
    }
}

impl fmt::Debug for KmsPublicEncKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KmsPublicEncKey(")?;
        self.octets
            .iter()
            .try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(")")
    }
}
