//! [`Point`], a point that is not infinity, decoded with every check.

use crate::arithmetic::{Affine, Arithmetic, Fe};
use crate::coordinates::Sum;
use crate::invert::{self, Modulus};
use crate::limbs::{self, Limbs, OCTETS, P};
use crate::portable::Portable;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

const MODULUS: Modulus = Modulus::new(&P);

/// 2^768 mod p, the factor that brings the inverse of an element in Montgomery form back into it.
const R_CUBED: Fe = Fe(limbs::power_of_two(768, &P));

/// b of y² = x³ - 3x + b (FIPS 186-5, P-256).
const B: Fe = Fe::from_limbs(&[
    0x3BCE_3C3E_27D2_604B,
    0x651D_06B0_CC53_B0F6,
    0xB3EB_BD55_7698_86BC,
    0x5AC6_35D8_AA3A_93E7,
]);

const GENERATOR_X: Limbs = [
    0xF4A1_3945_D898_C296,
    0x7703_7D81_2DEB_33A0,
    0xF8BC_E6E5_63A4_40F2,
    0x6B17_D1F2_E12C_4247,
];

const GENERATOR_Y: Limbs = [
    0xCBB6_4068_37BF_51F5,
    0x2BCE_3357_6B31_5ECE,
    0x8EE7_EB4A_7C0F_9E16,
    0x4FE3_42E2_FE1A_7F9B,
];

/// Why coordinates are not a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// A coordinate is p or more: there is one encoding for each point.
    NotReduced,
    /// The coordinates do not satisfy the curve's equation.
    NotOnCurve,
}

/// A point of P-256 that is not infinity, in the open: compared in variable time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Point(pub(crate) Affine);

impl Point {
    /// G, the base point.
    pub const GENERATOR: Self = Self(Affine {
        x: Fe::from_limbs(&GENERATOR_X),
        y: Fe::from_limbs(&GENERATOR_Y),
    });

    /// The point of two coordinates, big endian. The curve has prime order, so every point on it has order q.
    ///
    /// # Errors
    /// [`DecodeError`] for coordinates not below p or not on the curve.
    pub fn from_coordinates(x: &[u8; OCTETS], y: &[u8; OCTETS]) -> Result<Self, DecodeError> {
        let x = Fe::from_octets(x).ok_or(DecodeError::NotReduced)?;
        let y = Fe::from_octets(y).ok_or(DecodeError::NotReduced)?;
        let three = Portable::add(&Fe::ONE, &Portable::double(&Fe::ONE));
        let x_squared_minus_3 = Portable::sub(&Portable::square(&x), &three);
        let right = Portable::add(&Portable::mul(&x_squared_minus_3, &x), &B);
        if Portable::square(&y) != right {
            return Err(DecodeError::NotOnCurve);
        }
        Ok(Self(Affine { x, y }))
    }

    /// x, 32 octets, big endian: an element of F_p, not reduced modulo q.
    #[must_use]
    pub fn x(&self) -> [u8; OCTETS] {
        self.0.x.to_octets()
    }

    /// y, 32 octets, big endian.
    #[must_use]
    pub fn y(&self) -> [u8; OCTETS] {
        self.0.y.to_octets()
    }
}

/// Whether 32 octets are a number below p; for public numbers.
#[must_use]
pub fn is_field_element(octets: &[u8; OCTETS]) -> bool {
    limbs::is_reduced(&limbs::from_octets(octets), &P) == 1
}

/// 1/a; zero for zero.
fn invert_element<A: Arithmetic>(a: &Fe) -> Fe {
    // The number is a·R; its inverse times R³ / R is a^-1·R.
    A::mul(&Fe(invert::invert(&a.0, &MODULUS)), &R_CUBED)
}

/// The points of sums with one inversion for all (Montgomery's trick), in constant time; infinity becomes (0, 0).
pub(crate) fn to_affine_all<A: Arithmetic>(sums: &[Sum]) -> Vec<Affine> {
    let mut points = Vec::with_capacity(sums.len());
    let mut product = Fe::ONE;
    // Until the second loop, x holds the product of all denominators before.
    for sum in sums {
        points.push(Affine {
            x: product,
            y: Fe::ZERO,
        });
        product = A::mul(&product, &denominator(sum));
    }
    let mut inverse = invert_element::<A>(&product);
    for (point, sum) in points.iter_mut().zip(sums).rev() {
        let own_inverse = A::mul(&inverse, &point.x);
        inverse = A::mul(&inverse, &denominator(sum));
        *point = sum.to_affine::<A>(&own_inverse);
    }
    product.zeroize();
    inverse.zeroize();
    points
}

/// ZZZ, or one for infinity, whose zero would spoil the product.
fn denominator(sum: &Sum) -> Fe {
    Fe::conditional_select(&sum.zzz, &Fe::ONE, sum.zzz.ct_eq(&Fe::ZERO))
}

/// The point of a sum; `None` for infinity.
pub(crate) fn to_point<A: Arithmetic>(sum: &Sum) -> Option<Point> {
    if sum.zz.is_zero_vartime() {
        return None;
    }
    let mut inverse = invert_element::<A>(&sum.zzz);
    let point = sum.to_affine::<A>(&inverse);
    // The Z of a secret multiple says something about the multiplier.
    inverse.zeroize();
    Some(Point(point))
}
