//! P-256 as ECCSI needs it. The one place that knows which crate computes it.

use crate::error::{PointError, SecretRangeError};
use p256::elliptic_curve::ff::{Field, PrimeField};
use p256::elliptic_curve::group::Group;
use p256::elliptic_curve::ops::{LinearCombination, Reduce};
use p256::elliptic_curve::point::AffineCoordinates;
use p256::{AffinePoint, FieldBytes, ProjectivePoint};
use roger_base::{Random, RandomError};
use subtle::Choice;
use zeroize::{Zeroize, Zeroizing};

/// Octets of an encoded point, `04 ∥ x ∥ y`.
pub const POINT_OCTETS: usize = 65;

/// Octets of an encoded scalar or coordinate, N of RFC 6507.
pub const SCALAR_OCTETS: usize = 32;

/// Draws of a number below q that may fail one after the other; each fails with less than 2^-32 chance,
/// so a source that fails this often is broken.
const MAX_DRAWS: usize = 64;

/// G, uncompressed (FIPS 186, RFC 6507 cl. 4.1).
pub(super) const GENERATOR_OCTETS: [u8; POINT_OCTETS] = [
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40,
    0xF2, 0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2,
    0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E,
    0x16, 0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51,
    0xF5,
];

/// A number modulo the order q, erased on drop.
#[derive(Clone)]
pub(super) struct Scalar(p256::Scalar);

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Scalar {
    /// A number in [1, q-1] from 32 octets.
    pub(super) fn from_octets(octets: &[u8; SCALAR_OCTETS]) -> Result<Self, SecretRangeError> {
        let bytes = Zeroizing::new(FieldBytes::from(*octets));
        let scalar: Option<p256::Scalar> = p256::Scalar::from_repr(*bytes).into();
        let scalar = scalar.map(Self).ok_or(SecretRangeError)?;
        if scalar.is_zero().into() {
            return Err(SecretRangeError);
        }
        Ok(scalar)
    }

    /// Any 256-bit number modulo q.
    pub(super) fn reduce(octets: &[u8; SCALAR_OCTETS]) -> Self {
        Self(p256::Scalar::reduce(&FieldBytes::from(*octets)))
    }

    /// Uniform in [1, q-1], by drawing again what is out of range.
    pub(super) fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut octets = Zeroizing::new([0; SCALAR_OCTETS]);
        for _ in 0..MAX_DRAWS {
            random.fill(octets.as_mut_slice())?;
            if let Ok(scalar) = Self::from_octets(&octets) {
                return Ok(scalar);
            }
        }
        Err(RandomError)
    }

    pub(super) fn to_octets(&self) -> [u8; SCALAR_OCTETS] {
        self.0.to_bytes().into()
    }

    pub(super) fn is_zero(&self) -> Choice {
        Field::is_zero(&self.0)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        Self(self.0.add(&other.0))
    }

    pub(super) fn multiply(&self, other: &Self) -> Self {
        Self(self.0.multiply(&other.0))
    }

    /// 1/a, zero for zero.
    pub(super) fn invert(&self) -> Self {
        let inverse: Option<p256::Scalar> = self.0.invert().into();
        Self(inverse.unwrap_or(p256::Scalar::ZERO))
    }
}

/// A point that is not infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Point(AffinePoint);

impl Point {
    /// Decodes `04 ∥ x ∥ y` with every check (RFC 6507 cl. 3.3).
    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, PointError> {
        let wrong_length = PointError::Length {
            wanted: POINT_OCTETS,
            given: octets.len(),
        };
        let octets: &[u8; POINT_OCTETS] = octets.try_into().map_err(|_| wrong_length)?;
        let (prefix, coordinates) = octets.split_first().ok_or(wrong_length)?;
        if *prefix != 0x04 {
            return Err(PointError::Prefix(*prefix));
        }
        let (halves, _) = coordinates.as_chunks::<SCALAR_OCTETS>();
        let [x, y] = halves else {
            return Err(wrong_length);
        };
        if !is_field_element(x) || !is_field_element(y) {
            return Err(PointError::NotReduced);
        }
        let (x, y) = (FieldBytes::from(*x), FieldBytes::from(*y));
        let point: Option<AffinePoint> = AffinePoint::from_coordinates(&x, &y).into();
        point.map(Self).ok_or(PointError::NotOnCurve)
    }

    pub(super) fn to_octets(self) -> [u8; POINT_OCTETS] {
        let mut octets = [0x04; POINT_OCTETS];
        let coordinates = self.0.x().into_iter().chain(self.0.y());
        for (to, from) in octets.iter_mut().skip(1).zip(coordinates) {
            *to = from;
        }
        octets
    }

    /// The x coordinate, an element of F_p that is not reduced modulo q.
    pub(super) fn x(&self) -> [u8; SCALAR_OCTETS] {
        self.0.x().into()
    }

    fn from_projective(point: ProjectivePoint) -> Option<Self> {
        let affine = point.to_affine();
        let infinity: bool = affine.is_identity().into();
        (!infinity).then_some(Self(affine))
    }

    /// [k]G in constant time; infinity, which only k = 0 gives, is `None`.
    pub(super) fn multiply_generator(k: &Scalar) -> Option<Self> {
        Self::from_projective(ProjectivePoint::mul_by_generator(&k.0))
    }

    /// self + [k]other in variable time, for public numbers; infinity is `None`.
    pub(super) fn add_multiple_vartime(&self, k: &Scalar, other: &Self) -> Option<Self> {
        let terms = [
            (ProjectivePoint::from(self.0), p256::Scalar::ONE),
            (ProjectivePoint::from(other.0), k.0),
        ];
        Self::from_projective(ProjectivePoint::lincomb_vartime(&terms))
    }

    /// [a]G + [b]point in variable time, for public numbers; infinity is `None`.
    pub(super) fn combine_generator_vartime(a: &Scalar, b: &Scalar, point: &Self) -> Option<Self> {
        let terms = [
            (ProjectivePoint::GENERATOR, a.0),
            (ProjectivePoint::from(point.0), b.0),
        ];
        Self::from_projective(ProjectivePoint::lincomb_vartime(&terms))
    }
}

/// p of P-256, big endian.
const P: [u8; SCALAR_OCTETS] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
];

/// Whether 32 octets are a number below p; for public numbers.
pub(super) fn is_field_element(octets: &[u8; SCALAR_OCTETS]) -> bool {
    *octets < P
}
