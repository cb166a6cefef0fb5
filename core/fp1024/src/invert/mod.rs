//! Inversion by division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion",
//! with the start value δ = 1/2): a fixed number of steps, each without a branch or an index that depends on the value.
//!
//! f and g start as the modulus m and the number and end as ±1 and 0; d and e follow them so that d·number = f and
//! e·number = g modulo m. A batch of steps looks only at the lowest bits of f and g; it becomes one 2x2 matrix
//! that is then applied to the long numbers. The backends differ in how long a batch is and how the long numbers lie.

#[cfg(target_arch = "x86_64")]
mod adx;
#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod packed;
mod portable;
mod steps;
mod words;

use crate::backend::Engine;
use crate::element::Fp;
use crate::limbs::{Limbs, MODULUS, R_SQUARED};
use subtle::ConditionallySelectable;
use zeroize::Zeroize;

/// Steps after which g = 0 for all f and g below 2^1024: (45907 * 1024 + 26313) / 19929.
const STEPS: usize = 2360;

/// An odd modulus of at most 1024 bits, with what inversion needs of it. Made at compile time.
pub struct OddModulus {
    words: Limbs,
    /// m^-1 mod 2^64.
    inverse: u64,
    /// What is divided by a number, times 2^64 modulo m: the last step divides by 2^64.
    dividend: Limbs,
    /// m in limbs of the portable code.
    signed: portable::Signed,
    /// m in limbs of the vector code.
    #[cfg(target_arch = "x86_64")]
    row: ifma::Row,
}

/// p, so set up that the inverse of a number in Montgomery form has that form too: R² / (a·R) = a^-1·R.
static FIELD: OddModulus = OddModulus::with_dividend(&MODULUS, &R_SQUARED);

impl OddModulus {
    /// The modulus of sixteen words, least significant first.
    ///
    /// # Panics
    /// At compile time, when it is even or one.
    #[must_use]
    pub const fn new(modulus: &[u64; crate::LIMBS]) -> Self {
        Self::with_dividend(modulus, &words::ONE)
    }

    #[allow(clippy::panic)] // only for constants; a wrong one must not compile
    const fn with_dividend(modulus: &Limbs, dividend: &Limbs) -> Self {
        if words::is_even_or_one(modulus) {
            panic!("the modulus is even or one");
        }
        Self {
            words: *modulus,
            inverse: words::inverse(modulus),
            dividend: words::times_word(dividend, modulus),
            signed: portable::signed(modulus),
            #[cfg(target_arch = "x86_64")]
            row: ifma::row(modulus),
        }
    }

    /// The inverse of a number below the modulus, both sixteen words, least significant first; zero for zero. In
    /// constant time: the same instructions and addresses for all numbers. Of a number that shares a factor with the
    /// modulus there is no inverse, and what comes back means nothing.
    #[must_use]
    pub fn invert(&self, number: &[u64; crate::LIMBS]) -> [u64; crate::LIMBS] {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => ifma.invert(number, self),
            #[cfg(target_arch = "x86_64")]
            Engine::Adx(adx) => adx.invert(number, self),
            Engine::Portable => portable::invert(number, self),
        }
    }
}

/// R² / number modulo p, for a number in Montgomery form its inverse in that form; zero for zero.
pub(crate) fn invert_montgomery(number: &Limbs) -> Limbs {
    FIELD.invert(number)
}

/// Montgomery's trick. A zero would spoil all; nobody meets one but by design, so it is looked for in the product.
pub(crate) fn invert_all(elements: &mut [Fp]) {
    let mut products = Vec::with_capacity(elements.len());
    let mut product = Fp::ONE;
    for element in elements.iter() {
        products.push(product);
        product *= element;
    }
    if product.is_zero().into() {
        return invert_all_but_zeros(elements);
    }
    let mut inverse = product.invert();
    for (element, before) in elements.iter_mut().zip(&products).rev() {
        let own = *element;
        *element = inverse * before;
        inverse *= &own;
    }
    products.as_mut_slice().zeroize();
}

/// The same with ones in the places of zeros, which become zero again.
#[cold]
fn invert_all_but_zeros(elements: &mut [Fp]) {
    let zeros: Vec<_> = elements.iter().map(Fp::is_zero).collect();
    for (element, zero) in elements.iter_mut().zip(&zeros) {
        element.conditional_assign(&Fp::ONE, *zero);
    }
    invert_all(elements);
    for (element, zero) in elements.iter_mut().zip(&zeros) {
        element.conditional_assign(&Fp::ZERO, *zero);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_steps_is_the_proven_one() {
        assert_eq!(STEPS, (45907 * 1024 + 26313) / 19929);
    }
}
