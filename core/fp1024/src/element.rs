//! [`Fp`]: an element of the field, always reduced, in Montgomery form.

use crate::backend::Engine;
use crate::limbs::{self, LIMBS, Limbs, OCTETS};
use crate::{invert, portable};
use core::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::DefaultIsZeroes;

/// An encoded number is p or more (RFC 6508 cl. 4: coordinates are elements of F_p).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotReduced;

/// An element of F_p: sixteen limbs in Montgomery form, always below p, so that equal elements have equal limbs.
#[derive(Clone, Copy)]
pub struct Fp(Limbs);

impl Fp {
    /// Zero.
    pub const ZERO: Self = Self([0; LIMBS]);
    /// One.
    pub const ONE: Self = Self(limbs::R);

    /// The element of sixteen reduced limbs, least significant first, for constants.
    ///
    /// # Panics
    /// At compile time, or when called with a number not below p.
    #[must_use]
    #[allow(clippy::panic)] // only for constants; a wrong one must not compile
    pub const fn from_limbs(number: [u64; LIMBS]) -> Self {
        if limbs::is_reduced(&number) == 0 {
            panic!("the constant is not below p");
        }
        Self(portable::mul(&number, &limbs::R_SQUARED))
    }

    /// The element of a hexadecimal number of 256 digits, for constants.
    ///
    /// # Panics
    /// At compile time, when the text is not 256 digits or the number not below p.
    #[must_use]
    #[allow(clippy::panic, clippy::indexing_slicing)] // only for constants; a wrong one must not compile
    pub const fn from_hex(text: &str) -> Self {
        let digits = text.as_bytes();
        if digits.len() != 2 * OCTETS {
            panic!("the constant does not have 256 digits");
        }
        let mut number = [0u64; LIMBS];
        let mut i = 0;
        while i < digits.len() {
            let digit = match digits[i] {
                d @ b'0'..=b'9' => d - b'0',
                d @ b'A'..=b'F' => d - b'A' + 10,
                _ => panic!("the constant has a digit that is not 0-9 or A-F"),
            };
            let limb = LIMBS - 1 - i / 16;
            number[limb] = (number[limb] << 4) | digit as u64;
            i += 1;
        }
        Self::from_limbs(number)
    }

    /// The limbs in Montgomery form with factor 2^1024.
    #[inline]
    pub(crate) const fn limbs(&self) -> &Limbs {
        &self.0
    }

    /// The element of limbs in that form, below p.
    #[inline]
    pub(crate) const fn from_reduced_limbs(limbs: Limbs) -> Self {
        Self(limbs)
    }

    /// Decodes 128 octets, big endian (RFC 6508 cl. 4).
    ///
    /// # Errors
    /// [`NotReduced`] for p and more: there is one encoding for each element.
    pub fn from_octets(octets: &[u8; OCTETS]) -> Result<Self, NotReduced> {
        let mut number = [0; LIMBS];
        for (limb, chunk) in number.iter_mut().rev().zip(octets.as_chunks::<8>().0) {
            *limb = u64::from_be_bytes(*chunk);
        }
        if limbs::is_reduced(&number) == 0 {
            return Err(NotReduced);
        }
        Ok(Self(portable::mul(&number, &limbs::R_SQUARED)))
    }

    /// Encodes as 128 octets, big endian, leading zeros kept (RFC 6508 cl. 4).
    #[must_use]
    pub fn to_octets(&self) -> [u8; OCTETS] {
        let mut octets = [0; OCTETS];
        let number = portable::leave_montgomery(&self.0);
        for (limb, chunk) in number
            .iter()
            .rev()
            .zip(octets.as_chunks_mut::<8>().0.iter_mut())
        {
            *chunk = limb.to_be_bytes();
        }
        octets
    }

    /// a².
    #[must_use]
    #[inline]
    pub fn square(&self) -> Self {
        Self(multiply::square(&self.0))
    }

    /// The sum of products of pairs, at least one, with one reduction.
    #[must_use]
    #[inline]
    pub fn sum_of_products<const N: usize>(terms: [(&Self, &Self); N]) -> Self {
        Self(multiply::sum_of_products(terms.map(|(a, b)| (&a.0, &b.0))))
    }

    /// (a + ib)(c + id) with i² = -1: ac - bd and ad + bc, of three products.
    #[must_use]
    #[inline]
    pub fn complex_product([a, b]: [&Self; 2], [c, d]: [&Self; 2]) -> [Self; 2] {
        multiply::complex_product([&a.0, &b.0], [&c.0, &d.0]).map(Self)
    }

    /// 2a.
    #[must_use]
    #[inline]
    pub fn double(&self) -> Self {
        Self(limbs::add(&self.0, &self.0))
    }

    /// (a + ib)^(2^times) with i² = -1, but for a factor of F_p that both parts of the result have.
    #[must_use]
    pub fn square_quotient(a: &Self, b: &Self, times: usize) -> (Self, Self) {
        #[cfg(target_arch = "x86_64")]
        if let Engine::Ifma(ifma) = Engine::selected() {
            let (a, b) = ifma.square_times(&a.0, &b.0, times);
            return (Self(a), Self(b));
        }
        (0..times).fold((*a, *b), |(a, b), _| ((a + b) * (a - b), (a * b).double()))
    }

    /// 1/a; zero for zero.
    #[must_use]
    pub fn invert(&self) -> Self {
        Self(invert::invert_montgomery(&self.0))
    }

    /// Replaces every element by its inverse with one inversion and three products an element; zeros stay zero.
    pub fn invert_all(elements: &mut [Self]) {
        invert::invert_all(elements);
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> Choice {
        self.ct_eq(&Self::ZERO)
    }
}

impl Default for Fp {
    fn default() -> Self {
        Self::ZERO
    }
}

impl DefaultIsZeroes for Fp {}

impl ConstantTimeEq for Fp {
    #[inline]
    fn ct_eq(&self, other: &Self) -> Choice {
        let difference = self
            .0
            .iter()
            .zip(&other.0)
            .fold(0, |seen, (a, b)| seen | (a ^ b));
        difference.ct_eq(&0)
    }
}

impl PartialEq for Fp {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Fp {}

impl ConditionallySelectable for Fp {
    #[inline]
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        let mut result = *a;
        result.conditional_assign(b, choice);
        result
    }

    #[inline]
    fn conditional_assign(&mut self, other: &Self, choice: Choice) {
        // `subtle` hides the choice from the optimiser; one mask serves all limbs.
        let mask = u64::conditional_select(&0, &u64::MAX, choice);
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            *to ^= mask & (*to ^ from);
        }
    }
}

impl Neg for &Fp {
    type Output = Fp;
    #[inline]
    fn neg(self) -> Fp {
        Fp(limbs::sub(&[0; LIMBS], &self.0))
    }
}

impl Neg for Fp {
    type Output = Fp;
    #[inline]
    fn neg(self) -> Fp {
        -&self
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $assign_trait:ident, $assign:ident, $function:path) => {
        impl $trait<&Fp> for &Fp {
            type Output = Fp;
            #[inline]
            fn $method(self, other: &Fp) -> Fp {
                Fp($function(&self.0, &other.0))
            }
        }
        impl $trait<&Fp> for Fp {
            type Output = Fp;
            #[inline]
            fn $method(self, other: &Fp) -> Fp {
                Fp($function(&self.0, &other.0))
            }
        }
        impl $trait<Fp> for &Fp {
            type Output = Fp;
            #[inline]
            fn $method(self, other: Fp) -> Fp {
                Fp($function(&self.0, &other.0))
            }
        }
        impl $trait<Fp> for Fp {
            type Output = Fp;
            #[inline]
            fn $method(self, other: Fp) -> Fp {
                Fp($function(&self.0, &other.0))
            }
        }
        impl $assign_trait<&Fp> for Fp {
            #[inline]
            fn $assign(&mut self, other: &Fp) {
                self.0 = $function(&self.0, &other.0);
            }
        }
    };
}

operator!(Add, add, AddAssign, add_assign, limbs::add);
operator!(Sub, sub, SubAssign, sub_assign, limbs::sub);
operator!(Mul, mul, MulAssign, mul_assign, multiply::mul);

/// Products by the backend of this process.
mod multiply {
    // The array of terms has one element at least, which is checked at compile time.
    #![allow(clippy::indexing_slicing)]

    use super::{Engine, Limbs, portable};
    use crate::limbs::{Wide, add, add_wide, sub_wide};

    #[inline]
    pub(super) fn mul(a: &Limbs, b: &Limbs) -> Limbs {
        match Engine::selected() {
            Engine::Portable => portable::mul(a, b),
            #[cfg(target_arch = "x86_64")]
            Engine::Adx(adx) => adx.mul(a, b),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => ifma.adx().mul(a, b),
        }
    }

    #[inline]
    pub(super) fn square(a: &Limbs) -> Limbs {
        match Engine::selected() {
            Engine::Portable => portable::square(a),
            #[cfg(target_arch = "x86_64")]
            Engine::Adx(adx) => adx.square(a),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => ifma.adx().square(a),
        }
    }

    #[inline]
    pub(super) fn sum_of_products<const N: usize>(terms: [(&Limbs, &Limbs); N]) -> Limbs {
        match Engine::selected() {
            Engine::Portable => sum(terms, portable::mul_wide, |wide| {
                portable::reduce_wide(wide)
            }),
            #[cfg(target_arch = "x86_64")]
            Engine::Adx(adx) => sum(terms, |a, b| adx.mul_wide(a, b), |wide| adx.reduce(wide)),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => {
                let adx = ifma.adx();
                sum(terms, |a, b| adx.mul_wide(a, b), |wide| adx.reduce(wide))
            }
        }
    }

    #[inline]
    pub(super) fn complex_product(x: [&Limbs; 2], y: [&Limbs; 2]) -> [Limbs; 2] {
        match Engine::selected() {
            Engine::Portable => three(x, y, portable::mul_wide, |wide| portable::reduce_wide(wide)),
            #[cfg(target_arch = "x86_64")]
            Engine::Adx(adx) => three(x, y, |a, b| adx.mul_wide(a, b), |wide| adx.reduce(wide)),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => {
                let adx = ifma.adx();
                three(x, y, |a, b| adx.mul_wide(a, b), |wide| adx.reduce(wide))
            }
        }
    }

    /// ac - bd, and ad + bc as (a + b)(c + d) - ac - bd (Karatsuba).
    #[inline]
    fn three(
        [a, b]: [&Limbs; 2],
        [c, d]: [&Limbs; 2],
        multiply: impl Fn(&Limbs, &Limbs) -> Wide,
        reduce: impl Fn(&mut Wide) -> Limbs,
    ) -> [Limbs; 2] {
        let (mut real, last) = (multiply(a, c), multiply(b, d));
        let mut imaginary = multiply(&add(a, b), &add(c, d));
        sub_wide(&mut imaginary, &real);
        sub_wide(&mut imaginary, &last);
        sub_wide(&mut real, &last);
        [reduce(&mut real), reduce(&mut imaginary)]
    }

    #[inline]
    fn sum<const N: usize>(
        terms: [(&Limbs, &Limbs); N],
        multiply: impl Fn(&Limbs, &Limbs) -> Wide,
        reduce: impl Fn(&mut Wide) -> Limbs,
    ) -> Limbs {
        const { assert!(N > 0) };
        let (first_a, first_b) = terms[0];
        let mut sum = multiply(first_a, first_b);
        for (a, b) in &terms[1..] {
            add_wide(&mut sum, &multiply(a, b));
        }
        reduce(&mut sum)
    }
}
