//! [`Fe`], an element of the field, and [`Arithmetic`], what a backend does with elements.

use crate::limbs::{self, LIMBS, Limbs, OCTETS, P};
use crate::portable;
use core::hint::black_box;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::DefaultIsZeroes;

/// An element of F_p: four limbs in Montgomery form, always below p, so that equal elements have equal limbs.
///
/// `==` is for public elements, [`ConstantTimeEq`] for secret ones.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Fe(pub(crate) Limbs);

/// 2^512 mod p, the factor that brings a number into Montgomery form.
const R_SQUARED: Limbs = limbs::power_of_two(512, &P);

impl DefaultIsZeroes for Fe {}

impl Fe {
    pub(crate) const ZERO: Self = Self([0; LIMBS]);
    pub(crate) const ONE: Self = Self(limbs::power_of_two(256, &P));

    /// The element of four reduced limbs.
    pub(crate) const fn from_limbs(number: &Limbs) -> Self {
        Self(portable::mul(number, &R_SQUARED))
    }

    /// The element of 32 octets, big endian; `None` for p and more.
    pub(crate) fn from_octets(octets: &[u8; OCTETS]) -> Option<Self> {
        let number = limbs::from_octets(octets);
        (limbs::is_reduced(&number, &P) == 1).then(|| Self::from_limbs(&number))
    }

    pub(crate) fn to_octets(self) -> [u8; OCTETS] {
        limbs::to_octets(&portable::mul(&self.0, &[1, 0, 0, 0]))
    }

    /// For public elements.
    #[inline(always)]
    pub(crate) fn is_zero_vartime(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }
}

impl ConstantTimeEq for Fe {
    #[inline]
    fn ct_eq(&self, other: &Self) -> Choice {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |seen, (a, b)| seen | (a ^ b)).ct_eq(&0)
    }
}

impl ConditionallySelectable for Fe {
    #[inline]
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        // `subtle` hides the choice from the optimiser; one mask serves all limbs.
        let mask = u64::conditional_select(&0, &u64::MAX, choice);
        let mut result = *a;
        for (to, from) in result.0.iter_mut().zip(&b.0) {
            *to ^= mask & (*to ^ from);
        }
        result
    }
}

/// A point that is not infinity, x and y one cache line together.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Affine {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
}

impl DefaultIsZeroes for Affine {}

/// What a backend does. Every operation takes the same time and touches the same memory whatever the values are.
///
/// Point arithmetic is generic over it, so that the products are compiled into the formulas.
pub(crate) trait Arithmetic {
    fn mul(a: &Fe, b: &Fe) -> Fe;
    fn square(a: &Fe) -> Fe;
    fn add(a: &Fe, b: &Fe) -> Fe;
    fn sub(a: &Fe, b: &Fe) -> Fe;
    /// `table[index]` for an index below 2^63, reading the whole table; zeros for an index outside.
    fn look_up(table: &[Affine], index: u64) -> Affine;

    /// a / 2: an odd number becomes even by adding p.
    #[inline(always)]
    fn half(a: &Fe) -> Fe {
        let [a0, a1, a2, a3] = a.0;
        let odd = black_box((a0 & 1).wrapping_neg());
        let [p0, p1, _, p3] = P;
        let (a0, carry) = limbs::carrying_add(a0, p0 & odd, 0);
        let (a1, carry) = limbs::carrying_add(a1, p1 & odd, carry);
        let (a2, carry) = limbs::carrying_add(a2, 0, carry);
        let (a3, carry) = limbs::carrying_add(a3, p3 & odd, carry);
        Fe([
            a0 >> 1 | a1 << 63,
            a1 >> 1 | a2 << 63,
            a2 >> 1 | a3 << 63,
            a3 >> 1 | carry << 63,
        ])
    }

    #[inline(always)]
    fn double(a: &Fe) -> Fe {
        Self::add(a, a)
    }

    #[inline(always)]
    fn negate(a: &Fe) -> Fe {
        Self::sub(&Fe::ZERO, a)
    }
}
