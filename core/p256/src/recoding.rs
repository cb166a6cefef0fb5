//! Public numbers as sums of signed digits.

// Digits are counted by constants that fit the arrays.
#![allow(clippy::indexing_slicing)]

use crate::limbs::{LIMBS, Limbs, Q, bits, borrowing_sub};

/// Windows of the narrowest table, of four bits.
pub(crate) const MAX_WINDOWS: usize = 64;

/// Digits of a non-adjacent form of a number below 2^255.
pub(crate) const NAF_DIGITS: usize = 256;

/// k or q - k, whichever is below 2^255, and whether it is the latter.
pub(crate) struct Magnitude {
    number: Limbs,
    negative: bool,
}

impl Magnitude {
    /// For k below q.
    pub(crate) fn new(k: &Limbs) -> Self {
        let negative = k[LIMBS - 1] >> 63 == 1;
        let mut number = *k;
        if negative {
            let mut borrow = 0;
            for (limb, q) in number.iter_mut().zip(Q) {
                (*limb, borrow) = borrowing_sub(q, *limb, borrow);
            }
        }
        Self { number, negative }
    }

    fn sign(&self) -> i16 {
        if self.negative { -1 } else { 1 }
    }
}

/// Digits dᵢ from -2^(W-1) to 2^(W-1) with k = Σ dᵢ·2^(W·i).
pub(crate) fn signed_windows<const W: usize>(k: &Magnitude) -> [i16; MAX_WINDOWS] {
    const { assert!(W >= 4 && W <= 14) };
    let mut digits = [0; MAX_WINDOWS];
    let mut carry = 0;
    for (i, digit) in digits.iter_mut().take(256usize.div_ceil(W)).enumerate() {
        // Bit 255 is zero, so the last window cannot carry.
        let window = bits(&k.number, W * i, (1 << W) - 1) as i16 + carry;
        carry = i16::from(window > 1 << (W - 1));
        *digit = (window - (carry << W)) * k.sign();
    }
    digits
}

/// Digits that are zero or odd from -2^(W-1) to 2^(W-1), with k = Σ dᵢ·2^i; W - 1 zeros at least after each other one.
pub(crate) fn non_adjacent_form<const W: usize>(k: &Magnitude) -> [i16; NAF_DIGITS] {
    let mut digits = [0; NAF_DIGITS];
    let mut carry = 0;
    let mut i = 0;
    while i < NAF_DIGITS {
        let window = bits(&k.number, i, (1 << W) - 1) as i16 + carry;
        if window & 1 == 0 {
            // The carry, if any, goes on to the next bit.
            i += 1;
            continue;
        }
        carry = i16::from(window > 1 << (W - 1));
        digits[i] = (window - (carry << W)) * k.sign();
        i += W;
    }
    digits
}
