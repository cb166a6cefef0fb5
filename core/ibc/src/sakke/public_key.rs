//! Z_T, the public key of a KMS.

use super::fixed_base::{self, FixedBase, Terms};
use super::generator::MULTIPLES;
use super::point::{Affine, Jacobian, POINT_OCTETS};
use super::recoding::OddDigits;
use super::scalar::Scalar;
use crate::error::PointError;
use core::fmt;
use std::sync::{Arc, OnceLock};

/// Z_T = [z_T]P, checked: on the curve and of order q (RFC 6508 cl. 6.1; `PubEncKey` of a KMS certificate).
///
/// Multiples of it come from a table that is made when it is first needed and shared by all copies.
#[derive(Clone)]
pub struct KmsPublicEncKey {
    point: Affine,
    octets: [u8; POINT_OCTETS],
    multiples: Arc<OnceLock<FixedBase>>,
}

impl PartialEq for KmsPublicEncKey {
    fn eq(&self, other: &Self) -> bool {
        self.octets == other.octets
    }
}

impl Eq for KmsPublicEncKey {}

impl KmsPublicEncKey {
    /// A point known to have order q.
    pub(super) fn new(point: Affine) -> Self {
        Self {
            octets: point.to_octets(),
            point,
            multiples: Arc::default(),
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

    /// Makes the table of multiples now, so that the first encapsulation need not wait for it.
    pub fn prepare(&self) {
        self.multiples();
    }

    /// Octets of the table of multiples of one KMS.
    #[must_use]
    pub const fn prepared_octets() -> usize {
        FixedBase::OCTETS
    }

    pub(super) fn multiples(&self) -> &FixedBase {
        self.multiples.get_or_init(|| FixedBase::new(&self.point))
    }

    /// [b]P + Z_T, the point that everything for identifier b is built on. All public.
    ///
    /// It is infinity only when b = -z_T, which the KMS excludes at issue; the (0, 0) that then results opens nothing.
    pub(super) fn point_of_identifier(&self, id: &[u8]) -> Affine {
        let b = Scalar::from_identifier(id);
        if b.is_zero().into() {
            return self.point;
        }
        fixed_base::multiply(&vec![(&MULTIPLES, &OddDigits::of(&b))])
            .add_affine_complete(&self.point)
            .to_affine()
    }
}

/// The numbers that make [r]([b]P + Z_T) = [rb]P + [r]Z_T out of tables for P and Z_T.
pub(super) struct Multiplier {
    /// r·b, unless the identifier is the number zero.
    of_generator: Option<OddDigits>,
    /// r.
    pub(super) r: OddDigits,
}

impl Multiplier {
    /// For a multiplication on its own.
    pub(super) fn new(r: &Scalar, id: &[u8]) -> Self {
        Self::with(r, id, OddDigits::of)
    }

    /// For one of many multiplications at once.
    pub(super) fn of_member(r: &Scalar, id: &[u8]) -> Self {
        Self::with(r, id, OddDigits::of_member)
    }

    fn with(r: &Scalar, id: &[u8], digits: fn(&Scalar) -> OddDigits) -> Self {
        let b = Scalar::from_identifier(id);
        let of_generator = (!bool::from(b.is_zero())).then(|| digits(&r.multiply(&b)));
        Self {
            of_generator,
            r: digits(r),
        }
    }

    /// Whether it has two terms, as all have but those for the identifier zero.
    pub(super) const fn is_usual(&self) -> bool {
        self.of_generator.is_some()
    }

    /// The terms of the sum.
    pub(super) fn terms<'a>(&'a self, kms: &'a KmsPublicEncKey) -> Terms<'a> {
        let mut terms = vec![(kms.multiples(), &self.r)];
        terms.extend(self.of_generator.iter().map(|digits| (&*MULTIPLES, digits)));
        terms
    }

    /// The point, in constant time.
    pub(super) fn point(&self, kms: &KmsPublicEncKey) -> Jacobian {
        fixed_base::multiply(&self.terms(kms))
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
