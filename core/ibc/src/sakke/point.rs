//! The curve y² = x³ - 3x over F_p: its points and their addition, for one point or eight side by side.

use super::scalar::{Q_BITS, Scalar};
use crate::error::PointError;
use core::ops::{Add, Mul, Neg, Sub};
use roger_fp1024::{Fp, Fp8, LANES, OCTETS as COORDINATE_OCTETS};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// What coordinates can be: an element of F_p, or eight of them.
pub(super) trait Field:
    Copy
    + Default
    + Zeroize
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
{
    fn one() -> Self;
    /// The product, without copies of the factors: eight elements are 1,280 octets.
    fn times(&self, other: &Self) -> Self;
    /// The sum, without copies.
    fn plus(&self, other: &Self) -> Self;
    /// The difference, without copies.
    fn minus(&self, other: &Self) -> Self;
    fn square(&self) -> Self;
    fn double(&self) -> Self;
    /// A sum of products with one reduction.
    fn sum_of_products<const N: usize>(terms: [(&Self, &Self); N]) -> Self;
    /// (a + ib)(c + id) with i² = -1.
    fn complex_product(x: [&Self; 2], y: [&Self; 2]) -> [Self; 2];
    /// Replaces every number by its inverse, zeros by zero.
    fn invert_all(numbers: &mut [Self]);
}

macro_rules! field {
    ($type:ty, $one:expr) => {
        impl Field for $type {
            #[inline]
            fn one() -> Self {
                $one
            }
            #[inline]
            fn times(&self, other: &Self) -> Self {
                self * other
            }
            #[inline]
            fn plus(&self, other: &Self) -> Self {
                self + other
            }
            #[inline]
            fn minus(&self, other: &Self) -> Self {
                self - other
            }
            fn square(&self) -> Self {
                self.square()
            }
            fn double(&self) -> Self {
                self.double()
            }
            fn sum_of_products<const N: usize>(terms: [(&Self, &Self); N]) -> Self {
                Self::sum_of_products(terms)
            }
            fn complex_product(x: [&Self; 2], y: [&Self; 2]) -> [Self; 2] {
                Self::complex_product(x, y)
            }
            fn invert_all(numbers: &mut [Self]) {
                Self::invert_all(numbers);
            }
        }
    };
}

field!(Fp, Self::ONE);
field!(Fp8, Self::one());

/// Octets of an encoded point, `04 ∥ x ∥ y` (RFC 6508 cl. 4).
pub const POINT_OCTETS: usize = 1 + 2 * COORDINATE_OCTETS;

/// A point that is not infinity.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Affine<F = Fp> {
    pub(super) x: F,
    pub(super) y: F,
}

impl<F: Field> Zeroize for Affine<F> {
    fn zeroize(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
    }
}

impl Affine {
    /// Decodes `04 ∥ x ∥ y` and checks the curve's equation, not the order (RFC 6508 cl. 4).
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
        let (halves, _) = coordinates.as_chunks::<COORDINATE_OCTETS>();
        let [x, y] = halves else {
            return Err(wrong_length);
        };
        let x = Fp::from_octets(x).map_err(|_| PointError::NotReduced)?;
        let y = Fp::from_octets(y).map_err(|_| PointError::NotReduced)?;
        let point = Self { x, y };
        if point.is_on_curve() {
            return Ok(point);
        }
        Err(PointError::NotOnCurve)
    }

    fn is_on_curve(&self) -> bool {
        let three = Fp::ONE.double() + Fp::ONE;
        self.y.square() == self.x * (self.x.square() - three)
    }

    pub(super) fn to_octets(self) -> [u8; POINT_OCTETS] {
        let mut octets = [0x04; POINT_OCTETS];
        let coordinates = self.x.to_octets().into_iter().chain(self.y.to_octets());
        for (to, from) in octets.iter_mut().skip(1).zip(coordinates) {
            *to = from;
        }
        octets
    }

    /// Whether [q]self is infinity, for public points of any order.
    pub(super) fn has_order_q_vartime(&self) -> bool {
        let q_minus_one = Scalar::minus_one();
        let mut multiple = Jacobian::from(self);
        for bit in (0..Q_BITS - 1).rev() {
            multiple = multiple.double();
            if q_minus_one.bit_vartime(bit) {
                multiple = multiple.add_affine_complete(self);
            }
        }
        multiple.is_negation_of(self).into()
    }
}

impl<F: Field> Affine<F> {
    pub(super) fn negate(&self) -> Self {
        Self {
            x: self.x,
            y: -self.y,
        }
    }
}

impl Affine<Fp8> {
    /// The eight points.
    pub(super) fn to_lanes(self) -> [Affine; LANES] {
        let (x, y) = (self.x.to_lanes(), self.y.to_lanes());
        let mut points = [Affine::default(); LANES];
        for ((point, x), y) in points.iter_mut().zip(x).zip(y) {
            *point = Affine { x, y };
        }
        points
    }
}

/// A point as (X/Z², Y/Z³); infinity has Z = 0.
#[derive(Clone, Copy, Default)]
pub(super) struct Jacobian<F = Fp> {
    pub(super) x: F,
    pub(super) y: F,
    pub(super) z: F,
}

impl<F: Field> Zeroize for Jacobian<F> {
    fn zeroize(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
        self.z.zeroize();
    }
}

impl<F: Field> From<&Affine<F>> for Jacobian<F> {
    fn from(point: &Affine<F>) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: F::one(),
        }
    }
}

impl ConditionallySelectable for Jacobian {
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self {
            x: Fp::conditional_select(&a.x, &b.x, choice),
            y: Fp::conditional_select(&a.y, &b.y, choice),
            z: Fp::conditional_select(&a.z, &b.z, choice),
        }
    }
}

impl Jacobian<Fp8> {
    /// Eight points side by side; missing ones are infinity.
    pub(super) fn side_by_side(points: &[Jacobian]) -> Self {
        let point = |lane: usize| points.get(lane).copied().unwrap_or_default();
        Self {
            x: Fp8::from_lanes(&core::array::from_fn(|lane| point(lane).x)),
            y: Fp8::from_lanes(&core::array::from_fn(|lane| point(lane).y)),
            z: Fp8::from_lanes(&core::array::from_fn(|lane| point(lane).z)),
        }
    }

    /// The eight points.
    pub(super) fn to_lanes(self) -> [Jacobian; LANES] {
        let (x, y, z) = (self.x.to_lanes(), self.y.to_lanes(), self.z.to_lanes());
        let mut points = [Jacobian::default(); LANES];
        for (point, ((x, y), z)) in points.iter_mut().zip(x.into_iter().zip(y).zip(z)) {
            *point = Jacobian { x, y, z };
        }
        points
    }
}

/// What a doubling computes besides the double, for the tangent of the Miller loop.
pub(super) struct Doubling<F> {
    pub(super) double: Jacobian<F>,
    /// Z².
    pub(super) z_squared: F,
    /// Y².
    pub(super) y_squared: F,
    /// 3(X² - Z⁴), the slope of the tangent times 2YZ.
    pub(super) slope: F,
}

/// What an addition computes besides the sum, for the chord of the Miller loop and for exceptional cases.
pub(super) struct Addition<F> {
    pub(super) sum: Jacobian<F>,
    /// Twice the difference of the y coordinates, brought to Z³: the slope of the chord times the Z of the sum.
    pub(super) slope: F,
    /// The difference of the x coordinates, brought to Z²: zero when the points are equal or opposite.
    x_difference: F,
}

impl<F: Field> Jacobian<F> {
    /// [2]self for any point, infinity and points of order 2 included. 3 products, 5 squares.
    pub(super) fn double(&self) -> Self {
        self.double_with_slope().double
    }

    pub(super) fn double_with_slope(&self) -> Doubling<F> {
        let z_squared = self.z.square();
        let y_squared = self.y.square();
        let beta = self.x * y_squared;
        let difference = (self.x - z_squared) * (self.x + z_squared);
        let slope = difference.double() + difference;
        let beta4 = beta.double().double();
        let x = slope.square() - beta4.double();
        let z = (self.y + self.z).square() - y_squared - z_squared;
        let y = slope * (beta4 - x) - y_squared.square().double().double().double();
        Doubling {
            double: Self { x, y, z },
            z_squared,
            y_squared,
            slope,
        }
    }

    /// self + other where neither is infinity and they are not equal; opposite points give infinity.
    /// 7 products, 4 squares.
    pub(super) fn add_affine(&self, other: &Affine<F>) -> Self {
        self.add_affine_with_slope(other).sum
    }

    pub(super) fn add_affine_with_slope(&self, other: &Affine<F>) -> Addition<F> {
        let z_squared = self.z.square();
        let h = other.x * z_squared - self.x;
        let h_squared = h.square();
        let i = h_squared.double().double();
        let j = h * i;
        let slope = (other.y * self.z * z_squared - self.y).double();
        let v = self.x * i;
        let x = slope.square() - j - v.double();
        let y = slope * (v - x) - (self.y * j).double();
        let z = (self.z + h).square() - z_squared - h_squared;
        Addition {
            sum: Self { x, y, z },
            slope,
            x_difference: h,
        }
    }

    /// self + other where neither is infinity and they are not equal. 11 products, 5 squares.
    pub(super) fn add(&self, other: &Self) -> Self {
        let z1 = self.z.square();
        let z2 = other.z.square();
        let u1 = self.x * z2;
        let s1 = self.y * other.z * z2;
        let h = other.x * z1 - u1;
        let i = h.double().square();
        let j = h * i;
        let slope = (other.y * self.z * z1 - s1).double();
        let v = u1 * i;
        let x = slope.square() - j - v.double();
        let y = slope * (v - x) - (s1 * j).double();
        let z = ((self.z + other.z).square() - z1 - z2) * h;
        Self { x, y, z }
    }

    /// The affine point, given 1/Z; infinity, with 0 for it, becomes (0, 0).
    pub(super) fn to_affine_with(self, inverse_of_z: &F) -> Affine<F> {
        let square = inverse_of_z.square();
        Affine {
            x: self.x * square,
            y: self.y * square * *inverse_of_z,
        }
    }
}

impl Jacobian {
    /// self + other for any self, in constant time.
    pub(super) fn add_affine_complete(&self, other: &Affine) -> Self {
        let addition = self.add_affine_with_slope(other);
        let other = Self::from(other);
        let equal = addition.x_difference.is_zero() & addition.slope.is_zero();
        let sum = Self::conditional_select(&addition.sum, &other.double(), equal);
        Self::conditional_select(&sum, &other, self.z.is_zero())
    }

    pub(super) fn to_affine(self) -> Affine {
        self.to_affine_with(&self.z.invert())
    }

    pub(super) fn is_infinity(&self) -> Choice {
        self.z.is_zero()
    }

    /// Whether it is that point, in constant time and without inversion.
    pub(super) fn is(&self, point: &Affine) -> Choice {
        let z_squared = self.z.square();
        let x = self.x.ct_eq(&(point.x * z_squared));
        let y = self.y.ct_eq(&(point.y * z_squared * self.z));
        x & y & !self.is_infinity()
    }

    pub(super) fn is_negation_of(&self, point: &Affine) -> Choice {
        self.is(&point.negate())
    }
}
