//! [`Scalar`], a number modulo the order q of the group.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::invert::{self, Modulus};
use crate::limbs::{
    self, LIMBS, Limbs, OCTETS, Q, carrying_add, mul_wide, multiply_add, negated_inverse,
    reduce_once,
};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

const NEGATED_INVERSE: u64 = negated_inverse(Q[0]);

/// 2^512 mod q, the factor that brings a number into Montgomery form.
const R_SQUARED: Limbs = limbs::power_of_two(512, &Q);

/// 2^768 mod q, the factor that brings the inverse of a number in Montgomery form back into it.
const R_CUBED: Limbs = limbs::power_of_two(768, &Q);

const MODULUS: Modulus = Modulus::new(&Q);

/// A number modulo q, erased on drop and without `Debug`: j, v, SSK and KSAK are such numbers.
///
/// Montgomery form, always below q. There is one backend only: a signature or a verification needs less than
/// ten of these products beside hundreds in the field.
#[derive(Clone)]
pub struct Scalar(Limbs);

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Scalar {
    /// The number of 32 octets, big endian; `None` for q and more. Zero is a number.
    #[must_use]
    pub fn from_octets(octets: &[u8; OCTETS]) -> Option<Self> {
        let number = Zeroizing::new(limbs::from_octets(octets));
        let reduced = limbs::is_reduced(&number, &Q) == 1;
        reduced.then(|| Self(mul(&number, &R_SQUARED)))
    }

    /// Any 256-bit number modulo q.
    #[must_use]
    pub fn reduce(octets: &[u8; OCTETS]) -> Self {
        // q has its top bit set: every 256-bit number is below 2q.
        let number = Zeroizing::new(limbs::from_octets(octets));
        Self(mul(&reduce_once(&number, 0, &Q), &R_SQUARED))
    }

    /// 32 octets, big endian, leading zeros kept.
    #[must_use]
    pub fn to_octets(&self) -> [u8; OCTETS] {
        limbs::to_octets(&self.number())
    }

    /// The number itself, out of Montgomery form.
    pub(crate) fn number(&self) -> Zeroizing<Limbs> {
        Zeroizing::new(mul(&self.0, &[1, 0, 0, 0]))
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> Choice {
        self.0.iter().fold(0, |seen, limb| seen | limb).ct_eq(&0)
    }

    /// a + b.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        Self(limbs::add(&self.0, &other.0, &Q))
    }

    /// a · b.
    #[must_use]
    pub fn multiply(&self, other: &Self) -> Self {
        Self(mul(&self.0, &other.0))
    }

    /// 1/a, zero for zero.
    #[must_use]
    pub fn invert(&self) -> Self {
        // The number is a·R; its inverse times R³ / R is a^-1·R.
        let inverse = Zeroizing::new(invert::invert(&self.0, &MODULUS));
        Self(mul(&inverse, &R_CUBED))
    }
}

/// a * b / 2^256 mod q.
#[inline]
fn mul(a: &Limbs, b: &Limbs) -> Limbs {
    let mut t = mul_wide(a, b);
    let mut top = 0;
    for i in 0..LIMBS {
        let m = t[i].wrapping_mul(NEGATED_INVERSE);
        let mut carry = 0;
        for j in 0..LIMBS {
            (t[i + j], carry) = multiply_add(t[i + j], m, Q[j], carry);
        }
        (t[i + LIMBS], top) = carrying_add(t[i + LIMBS], carry, top);
    }
    reduce_once(&[t[4], t[5], t[6], t[7]], top, &Q)
}
