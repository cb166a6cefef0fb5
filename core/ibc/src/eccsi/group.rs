//! P-256 in the encodings and with the checks of ECCSI. The one place that knows which crate computes it.

use crate::error::{PointError, SecretRangeError};
use roger_base::{Random, RandomError};
use roger_p256::{DecodeError, PublicSum};
use subtle::Choice;
use zeroize::Zeroizing;

pub(super) use roger_p256::is_field_element;

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
pub(super) struct Scalar(roger_p256::Scalar);

impl Scalar {
    /// A number in [1, q-1] from 32 octets.
    pub(super) fn from_octets(octets: &[u8; SCALAR_OCTETS]) -> Result<Self, SecretRangeError> {
        let scalar = roger_p256::Scalar::from_octets(octets).map(Self);
        let scalar = scalar.ok_or(SecretRangeError)?;
        if scalar.is_zero().into() {
            return Err(SecretRangeError);
        }
        Ok(scalar)
    }

    /// Any 256-bit number modulo q.
    pub(super) fn reduce(octets: &[u8; SCALAR_OCTETS]) -> Self {
        Self(roger_p256::Scalar::reduce(octets))
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
        self.0.to_octets()
    }

    pub(super) fn is_zero(&self) -> Choice {
        self.0.is_zero()
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        Self(self.0.add(&other.0))
    }

    pub(super) fn multiply(&self, other: &Self) -> Self {
        Self(self.0.multiply(&other.0))
    }

    /// 1/a, zero for zero.
    pub(super) fn invert(&self) -> Self {
        Self(self.0.invert())
    }
}

/// A point that is not infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Point(roger_p256::Point);

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
        let point = roger_p256::Point::from_coordinates(x, y).map_err(|error| match error {
            DecodeError::NotReduced => PointError::NotReduced,
            DecodeError::NotOnCurve => PointError::NotOnCurve,
        });
        point.map(Self)
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
        self.0.x()
    }

    /// [k]G in constant time; infinity, which only k = 0 gives, is `None`.
    pub(super) fn multiply_generator(k: &Scalar) -> Option<Self> {
        roger_p256::Point::multiply_generator(&k.0).map(Self)
    }

    /// [`Self::multiply_generator`] of several numbers with one inversion for all.
    pub(super) fn multiply_generator_batch(numbers: &[Scalar]) -> Vec<Option<Self>> {
        let numbers: Vec<_> = numbers.iter().map(|k| k.0.clone()).collect();
        let points = roger_p256::Point::multiply_generator_batch(&numbers);
        points.into_iter().map(|point| point.map(Self)).collect()
    }

    /// self + [k]other in variable time, for public numbers; infinity is `None`.
    pub(super) fn add_multiple_vartime(&self, k: &Scalar, other: &Self) -> Option<Self> {
        let sum = PublicSum::multiple(&other.0, &k.0).add_point(&self.0);
        sum.to_point().map(Self)
    }
}

/// The table of KPAK, for any number of verifications.
pub(super) struct KeyTable(roger_p256::KeyTable);

impl KeyTable {
    pub(super) const OCTETS: usize = roger_p256::KeyTable::OCTETS;

    pub(super) fn new(point: &Point) -> Self {
        Self(roger_p256::KeyTable::new(&point.0))
    }
}

/// The table of one sender's Y.
pub(super) struct SenderTable(roger_p256::SenderTable);

impl SenderTable {
    pub(super) const OCTETS: usize = roger_p256::SenderTable::OCTETS;

    pub(super) fn new(point: &Point) -> Self {
        Self(roger_p256::SenderTable::new(&point.0))
    }
}

/// A part of J, the point whose x a signature claims (RFC 6507 cl. 5.2.2); in variable time, since all is public.
pub(super) struct PartOfJ(PublicSum);

impl PartOfJ {
    /// [a]KPAK + [b]PVT.
    pub(super) fn of_new_sender(kpak: &KeyTable, a: &Scalar, pvt: &Point, b: &Scalar) -> Self {
        Self(PublicSum::multiple(&pvt.0, &b.0).add_multiple(&kpak.0, &a.0))
    }

    /// [a]Y.
    pub(super) fn of_prepared_sender(y: &SenderTable, a: &Scalar) -> Self {
        Self(PublicSum::multiple_of_sender(&y.0, &a.0))
    }

    /// Whether J = self + [k]G has this x; never when self is infinity, where the signature would prove nothing.
    pub(super) fn gives(&self, k: &Scalar, x: &[u8; SCALAR_OCTETS]) -> bool {
        !self.0.is_infinity() && self.0.add_generator(&k.0).x_is(x)
    }
}
