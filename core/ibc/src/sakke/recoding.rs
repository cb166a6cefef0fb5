//! Signed odd digits of a secret number: every digit is one of ±1, ±3 … ±63, so that every step of a multiplication
//! with a fixed base does the same.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::scalar::Scalar;
use roger_fp1024::{Backend, ENTRIES, LANES, LaneMask};
use zeroize::Zeroize;

/// Bits of a digit.
pub(super) const WINDOW: usize = 6;

const _: () = assert!(ENTRIES == 1 << (WINDOW - 1));

/// The windows are gone through in so many passes, over the same tables: one pass for the windows at even places and
/// one for those at odd places. It halves the tables for six doublings.
pub(super) const PASSES: usize = 2;

/// Windows of a pass over a number of 1022 bits.
pub(super) const PLACES: usize = 86;

/// Groups of eight windows of a pass where windows lie side by side.
pub(super) const GROUPS: usize = PLACES.div_ceil(LANES);

/// Windows of a pass where windows lie side by side: the highest are beyond the number's bits.
pub(super) const PLACES_IN_LANES: usize = GROUPS * LANES;

/// Which of the odd multiples (d stands for 2d + 1), and 1 for its negative.
#[derive(Clone, Copy, Default)]
pub(super) struct Digit {
    pub(super) index: u8,
    pub(super) negative: u8,
}

impl Zeroize for Digit {
    fn zeroize(&mut self) {
        self.index.zeroize();
        self.negative.zeroize();
    }
}

/// The digits of eight lanes.
#[derive(Clone, Copy, Default)]
pub(super) struct EightDigits {
    pub(super) index: [u8; LANES],
    pub(super) negative: LaneMask,
}

impl EightDigits {
    fn of(digits: [Digit; LANES]) -> Self {
        let signs = digits.iter().zip(0..);
        let mask = signs.fold(0, |mask, (digit, lane)| mask | digit.negative << lane);
        Self {
            index: digits.map(|digit| digit.index),
            negative: LaneMask(mask),
        }
    }

    /// The digits of eight numbers at the same place of a pass.
    pub(super) fn of_members(members: &[&OddDigits; LANES], pass: usize, place: usize) -> Self {
        Self::of(members.map(|digits| digits.digit(pass, place)))
    }
}

/// All digits of a number modulo q, pass by pass.
pub(super) struct OddDigits {
    digits: [[Digit; PLACES_IN_LANES]; PASSES],
    places: usize,
}

impl Drop for OddDigits {
    fn drop(&mut self) {
        self.digits.as_flattened_mut().iter_mut().zeroize();
    }
}

impl OddDigits {
    /// The digits of k, not zero, for a multiplication on its own.
    pub(super) fn of(k: &Scalar) -> Self {
        let in_lanes = Backend::selected().is_wide();
        Self::with_places(k, if in_lanes { PLACES_IN_LANES } else { PLACES })
    }

    /// The digits of k, not zero, for one of many multiplications at once.
    pub(super) fn of_member(k: &Scalar) -> Self {
        Self::with_places(k, PLACES)
    }

    /// The digits of q - k with all signs turned when k is even, since q is odd.
    fn with_places(k: &Scalar, places: usize) -> Self {
        let (odd, negated) = k.to_odd();
        let words = odd.to_words();
        let turn = negated.unwrap_u8();
        let mut digits = [[Digit::default(); PLACES_IN_LANES]; PASSES];
        for window in 0..PASSES * places {
            let highest = window == PASSES * places - 1;
            let mut digit = digit(&words, window, highest);
            digit.negative ^= turn;
            digits[window % PASSES][window / PASSES] = digit;
        }
        Self { digits, places }
    }

    /// Windows of a pass.
    pub(super) const fn places(&self) -> usize {
        self.places
    }

    /// The digit of the window `PASSES`·`place` + `pass`.
    pub(super) fn digit(&self, pass: usize, place: usize) -> Digit {
        self.digits[pass][place]
    }

    /// The digits of eight windows of a pass that lie side by side.
    pub(super) fn group(&self, pass: usize, group: usize) -> EightDigits {
        let (groups, _) = self.digits[pass].as_chunks();
        EightDigits::of(groups[group])
    }
}

/// The digit of a window of an odd number: 2m - 63 for the six bits m above the window's lowest one, and 2m + 1 in
/// the highest window.
fn digit(words: &[u64; 16], window: usize, highest: bool) -> Digit {
    let m = bits(words, window * WINDOW + 1);
    let positive = (m >> (WINDOW - 1)) & 1 | u8::from(highest);
    let flip = positive.wrapping_sub(1) & (ENTRIES as u8 - 1);
    Digit {
        index: (m & (ENTRIES as u8 - 1)) ^ flip,
        negative: positive ^ 1,
    }
}

/// Six bits from a public position on.
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

    /// Σ digit·64^window modulo q.
    fn value(digits: &OddDigits) -> Scalar {
        let mut sum = Scalar::from_identifier(&[]);
        for window in (0..PASSES * digits.places()).rev() {
            sum = sum.multiply(&Scalar::from_identifier(&[64]));
            let Digit { index, negative } = digits.digit(window % PASSES, window / PASSES);
            let digit = Scalar::from_identifier(&[2 * index + 1]);
            sum = sum.add(&if negative == 1 { digit.negate() } else { digit });
        }
        sum
    }

    #[test]
    fn the_digits_are_the_number() {
        let mut numbers: Vec<_> = (1..9u8).map(|n| Scalar::from_identifier(&[n])).collect();
        numbers.extend((0..40u8).map(|n| Scalar::from_hash(&[&[n]])));
        numbers.push(Scalar::minus_one());
        for number in numbers {
            for places in [PLACES, PLACES_IN_LANES] {
                let digits = OddDigits::with_places(&number, places);
                assert!(value(&digits).to_octets() == number.to_octets());
            }
        }
    }
}
