//! Numbers of sixteen words and what is common to all backends: the constants of a modulus, limbs of other lengths,
//! and the last reduction.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::OddModulus;
use crate::limbs::{
    LIMBS, Limbs, add_masked, carrying_add, mask, multiply_add, negated_inverse, subtract_once,
};

/// A number with sign, in two's complement.
pub(super) type SignedWords = [u64; LIMBS + 1];

pub(super) const ONE: Limbs = {
    let mut one = [0; LIMBS];
    one[0] = 1;
    one
};

pub(super) const fn is_even_or_one(number: &Limbs) -> bool {
    let (mut above, mut i) = (0, 1);
    while i < LIMBS {
        above |= number[i];
        i += 1;
    }
    number[0] & 1 == 0 || (number[0] == 1 && above == 0)
}

/// m^-1 mod 2^64.
pub(super) const fn inverse(modulus: &Limbs) -> u64 {
    negated_inverse(modulus[0]).wrapping_neg()
}

/// a·2^64 mod m, for constants.
pub(super) const fn times_word(a: &Limbs, modulus: &Limbs) -> Limbs {
    let (mut result, mut bit) = (*a, 0);
    while bit < 64 {
        result = double(&result, modulus);
        bit += 1;
    }
    result
}

const fn double(a: &Limbs, modulus: &Limbs) -> Limbs {
    let (sum, carry) = add_masked(*a, a, u64::MAX);
    subtract_once(&sum, carry, modulus)
}

/// The number in N limbs of `bits` bits; together they have at most four words more than it.
pub(super) const fn to_limbs<const N: usize>(number: &Limbs, bits: usize) -> [i64; N] {
    let (mut words, mut i) = ([0; LIMBS + 4], 0);
    while i < LIMBS {
        words[i] = number[i];
        i += 1;
    }
    let mut limbs = [0; N];
    i = 0;
    while i < N {
        let (word, shift) = (i * bits / 64, i * bits % 64);
        let both = words[word] as u128 | (words[word + 1] as u128) << 64;
        limbs[i] = (both >> shift) as i64 & ((1 << bits) - 1);
        i += 1;
    }
    limbs
}

/// The other way, for limbs with their carries done, the last with the sign and ending in the last word.
pub(super) fn from_limbs<const N: usize>(limbs: &[i64; N], bits: usize) -> SignedWords {
    let mut number = [0; LIMBS + 1];
    for (i, limb) in limbs.iter().enumerate() {
        let (word, shift) = (i * bits / 64, i * bits % 64);
        let wide = i128::from(*limb) << shift;
        number[word] |= wide as u64;
        number[word + 1] |= (wide >> 64) as u64;
    }
    number
}

/// d, negated when `sign` is negative, divided by 2^64 modulo m; d is less than 2^60 times m in magnitude.
pub(super) fn finish(d: &SignedWords, sign: i64, modulus: &OddModulus) -> Limbs {
    let negate = mask((sign as u64) >> 63);
    let mut number = [0; LIMBS + 1];
    let mut carry = negate & 1;
    for (to, from) in number.iter_mut().zip(d) {
        (*to, carry) = carrying_add(from ^ negate, 0, carry);
    }
    // A multiple of m below 2^64 m that clears the lowest word: what is left is m at most, or a little more or less
    // than the range.
    let factor = number[0].wrapping_mul(modulus.inverse.wrapping_neg());
    let mut quotient = [0; LIMBS];
    (_, carry) = multiply_add(number[0], factor, modulus.words[0], 0);
    for i in 1..LIMBS {
        (quotient[i - 1], carry) = multiply_add(number[i], factor, modulus.words[i], carry);
    }
    let negative = number[LIMBS] >> 63;
    let top;
    (quotient[LIMBS - 1], top) = carrying_add(number[LIMBS], carry, 0);
    settle(&quotient, top.wrapping_sub(negative), &modulus.words)
}

/// A number from -m to 2m - 1, its sign in `top`, brought below m.
#[inline(always)]
fn settle(number: &Limbs, top: u64, modulus: &Limbs) -> Limbs {
    let (sum, carry) = add_masked(*number, modulus, mask(top >> 63));
    subtract_once(&sum, top.wrapping_add(carry), modulus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limbs::MODULUS;

    #[test]
    fn limbs_are_the_same_number() {
        for number in [MODULUS, [u64::MAX; LIMBS], [0; LIMBS]] {
            let [same @ .., sign] = from_limbs(&to_limbs::<17>(&number, 62), 62);
            assert_eq!((same, sign), (number, 0));
            let [same @ .., sign] = from_limbs(&to_limbs::<21>(&number, 51), 51);
            assert_eq!((same, sign), (number, 0));
        }
    }

    #[test]
    fn the_last_limb_has_the_sign() {
        let mut limbs = [0; 17];
        limbs[16] = -1;
        let words = from_limbs(&limbs, 62);
        assert_eq!((words[15], words[16]), (u64::MAX << 32, u64::MAX));
    }
}
