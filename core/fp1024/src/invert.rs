//! Inversion as a^(p-2) with a fixed window: the exponent is public, the base never decides anything.

// The table is indexed by the public exponent and the batch by its own length.
#![allow(clippy::indexing_slicing)]

use crate::element::Fp;
use crate::limbs::{Limbs, MODULUS};
use subtle::ConditionallySelectable;

const WINDOW: usize = 4;

/// p - 2.
const EXPONENT: Limbs = {
    let mut e = MODULUS;
    e[0] -= 2; // no borrow: the lowest limb of p is large
    e
};

pub(crate) fn invert(a: &Fp) -> Fp {
    let mut powers = [Fp::ONE; 1 << WINDOW];
    for i in 1..powers.len() {
        powers[i] = powers[i - 1] * a;
    }
    let mut result = Fp::ONE;
    for limb in EXPONENT.iter().rev() {
        for nibble in (0..64 / WINDOW).rev() {
            for _ in 0..WINDOW {
                result = result.square();
            }
            let digit = (limb >> (nibble * WINDOW)) & 0xF;
            result *= &powers[digit as usize];
        }
    }
    zeroize::Zeroize::zeroize(&mut powers);
    result
}

/// Montgomery's trick. A zero is replaced by one while the products are made, so that it spoils no other element.
pub(crate) fn invert_all(elements: &mut [Fp]) {
    let mut products = Vec::with_capacity(elements.len());
    let mut product = Fp::ONE;
    for element in elements.iter() {
        products.push(product);
        product *= &Fp::conditional_select(element, &Fp::ONE, element.is_zero());
    }
    let mut inverse = product.invert();
    for (element, before) in elements.iter_mut().zip(&products).rev() {
        let zero = element.is_zero();
        let own = Fp::conditional_select(element, &Fp::ONE, zero);
        *element = Fp::conditional_select(&(inverse * before), &Fp::ZERO, zero);
        inverse *= &own;
    }
    zeroize::Zeroize::zeroize(products.as_mut_slice());
}
