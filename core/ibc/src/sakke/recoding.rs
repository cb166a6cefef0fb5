//! Signed odd digits of a secret number: every digit is one of ±1, ±3 … ±31, so that every step of a multiplication
//! with a fixed base does the same.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::scalar::Scalar;
use roger_fp1024::{LANES, LaneMask};
use zeroize::Zeroize;

/// Bits of a digit.
pub(super) const WINDOW: usize = 5;

/// Odd multiples in a table.
pub(super) const TABLE: usize = 1 << (WINDOW - 1);

/// Groups of windows, each with one window in each lane.
pub(super) const GROUPS: usize = 13;

/// The windows are gone through in so many passes, over the same tables: one pass for the windows at even places and
/// one for those at odd places. It halves the tables for five doublings.
pub(super) const PASSES: usize = 2;

/// Windows of a number: 208, of which the highest are beyond its 1022 bits.
const WINDOWS: usize = GROUPS * LANES * PASSES;

/// The digits of a group of windows: in each lane which of the odd multiples, and whether its negative.
#[derive(Clone, Copy, Default)]
pub(super) struct GroupDigits {
    /// d stands for 2d + 1.
    pub(super) index: [u8; LANES],
    pub(super) negative: LaneMask,
}

impl Zeroize for GroupDigits {
    fn zeroize(&mut self) {
        self.index.zeroize();
        self.negative.0.zeroize();
    }
}

/// All digits of a number modulo q, pass by pass.
pub(super) struct OddDigits([[GroupDigits; GROUPS]; PASSES]);

impl Drop for OddDigits {
    fn drop(&mut self) {
        self.0.as_flattened_mut().iter_mut().zeroize();
    }
}

impl OddDigits {
    /// The digits of k, not zero: of q - k with all signs turned when k is even, since q is odd.
    pub(super) fn of(k: &Scalar) -> Self {
        let (odd, negated) = k.to_odd();
        let words = odd.to_words();
        let turn = negated.unwrap_u8();
        let mut digits = Self([[GroupDigits::default(); GROUPS]; PASSES]);
        for window in 0..WINDOWS {
            let (index, negative) = digit(&words, window);
            let place = window / PASSES;
            let group = &mut digits.0[window % PASSES][place / LANES];
            group.index[place % LANES] = index;
            group.negative.0 |= (negative ^ turn) << (place % LANES);
        }
        digits
    }

    /// The digits of the windows 2n + `pass`, group by group.
    pub(super) fn pass(&self, pass: usize) -> &[GroupDigits; GROUPS] {
        &self.0[pass]
    }
}

/// The digit of a window of an odd number: 2m - 31 for the five bits m above the window's lowest one, and 2m + 1 in
/// the highest window.
fn digit(words: &[u64; 16], window: usize) -> (u8, u8) {
    let m = bits(words, window * WINDOW + 1);
    let highest = u8::from(window == WINDOWS - 1);
    let positive = (m >> (WINDOW - 1)) & 1 | highest;
    let flip = positive.wrapping_sub(1) & (TABLE as u8 - 1);
    ((m & (TABLE as u8 - 1)) ^ flip, positive ^ 1)
}

/// Five bits from a public position on.
fn bits(words: &[u64; 16], first: usize) -> u8 {
    let word = |index: usize| words.get(index).copied().unwrap_or(0);
    let (index, shift) = (first / 64, first % 64);
    let low = word(index) >> shift;
    let high = word(index + 1).checked_shl(64 - shift as u32).unwrap_or(0);
    ((low | high) & ((1 << WINDOW) - 1)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Σ digit·32^window modulo q.
    fn value(digits: &OddDigits) -> Scalar {
        let mut sum = Scalar::from_identifier(&[]);
        for window in (0..WINDOWS).rev() {
            sum = sum.multiply(&Scalar::from_identifier(&[32]));
            let place = window / PASSES;
            let group = &digits.0[window % PASSES][place / LANES];
            let digit = Scalar::from_identifier(&[2 * group.index[place % LANES] + 1]);
            let negative = group.negative.0 >> (place % LANES) & 1 == 1;
            sum = sum.add(&if negative { digit.negate() } else { digit });
        }
        sum
    }

    #[test]
    fn the_digits_are_the_number() {
        let mut numbers: Vec<_> = (1..9u8).map(|n| Scalar::from_identifier(&[n])).collect();
        numbers.extend((0..40u8).map(|n| Scalar::from_hash(&[&[n]])));
        numbers.push(Scalar::minus_one());
        for number in numbers {
            let same = value(&OddDigits::of(&number)).to_octets() == number.to_octets();
            assert!(same);
        }
    }
}
