//! Numbers as limbs of 52 bits, and the constants of Montgomery products with factor 2^1040.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::eight::LANES;
use crate::limbs::{LIMBS, Limbs, MODULUS, NEGATED_INVERSE, R, double_times};

/// Bits of a limb here: what `VPMADD52` multiplies.
pub(crate) const BITS: usize = 52;

/// Limbs of a number here: 20 * 52 = 1040.
pub(crate) const DIGITS: usize = 20;

/// The largest limb.
pub(crate) const MASK: u64 = (1 << BITS) - 1;

/// Row j holds limb j of the eight numbers.
pub(crate) type Rows = [[u64; LANES]; DIGITS];

/// -p^-1 mod 2^52.
pub(super) const FACTOR: u64 = NEGATED_INVERSE & MASK;

/// p.
pub(super) const PRIME: [u64; DIGITS] = digits(&MODULUS);

/// 2^1056 mod p: a product with it brings a number times 2^1024 into the form of this backend.
pub(super) const ENTER: [u64; DIGITS] = digits(&double_times(R, 32));

/// 2^1024 mod p: a product with it brings a number back.
pub(super) const LEAVE: [u64; DIGITS] = digits(&R);

/// 2^1040 mod p: one.
pub(super) const ONE: [u64; DIGITS] = digits(&double_times(R, 16));

/// The limbs of k·p in column k, for k = 0 to 7.
pub(super) const MULTIPLES: Rows = multiples(0);

/// The limbs of k·p minus those of 2p in column k; they may be negative.
pub(super) const MULTIPLES_LESS_TWO: Rows = multiples(2);

/// What the top limb of a number, known up to one too little or too much, must reach to be sure that the number is
/// p, 2p or 3p at least.
pub(super) const THRESHOLDS: [u64; 3] = [
    MULTIPLES[DIGITS - 1][1] + 2,
    MULTIPLES[DIGITS - 1][2] + 2,
    MULTIPLES[DIGITS - 1][3] + 2,
];

pub(super) const fn digits(number: &Limbs) -> [u64; DIGITS] {
    let mut digits = [0; DIGITS];
    let mut j = 0;
    while j < DIGITS {
        digits[j] = (word(number, j * BITS / 64) >> (j * BITS % 64)
            | above(number, j * BITS / 64 + 1, j * BITS % 64))
            & MASK;
        j += 1;
    }
    digits
}

const fn word(number: &Limbs, index: usize) -> u64 {
    if index < LIMBS { number[index] } else { 0 }
}

/// What a shift to the right by `shift` brings down from the limb `index`.
const fn above(number: &Limbs, index: usize, shift: usize) -> u64 {
    if shift == 0 {
        return 0;
    }
    word(number, index) << (64 - shift)
}

const fn multiples(less: u64) -> Rows {
    let mut rows = [[0; LANES]; DIGITS];
    let mut k = 0;
    while k < LANES {
        let (mut carry, mut j) = (0, 0);
        while j < DIGITS {
            let sum = PRIME[j] * k as u64 + carry;
            let top = j + 1 == DIGITS;
            rows[j][k] = if top { sum } else { sum & MASK };
            carry = sum >> BITS;
            j += 1;
        }
        k += 1;
    }
    if less == 0 {
        return rows;
    }
    let mut j = 0;
    while j < DIGITS {
        let subtrahend = rows[j][less as usize];
        k = 0;
        while k < LANES {
            rows[j][k] = rows[j][k].wrapping_sub(subtrahend);
            k += 1;
        }
        j += 1;
    }
    rows
}
