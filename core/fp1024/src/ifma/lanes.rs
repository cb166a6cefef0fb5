//! Arithmetic of eight elements at once.
//!
//! Limbs that come in or go out are below 2^52 and numbers below 2p. Inside, limbs of 64 bits leave room for the
//! forty partial products of a column, and for more.

#![allow(unsafe_code)]
// calls of functions that need the instructions of which `Ifma` is the proof
// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::Ifma;
use super::product::{multiply, square, sum_of_three, sum_of_two};
use super::radix::{
    BITS, DIGITS, ENTER, LEAVE, MASK, MULTIPLES, MULTIPLES_LESS_TWO, ONE, PRIME, Rows, THRESHOLDS,
};
use crate::eight::{LANES, LaneMask};
use crate::limbs::{LIMBS, Limbs, reduce_once};
use core::arch::x86_64::{
    __m512i, __mmask8, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask,
    _mm512_cmpge_epi64_mask, _mm512_loadu_si512, _mm512_mask_add_epi64, _mm512_mask_blend_epi64,
    _mm512_mask_mov_epi64, _mm512_or_si512, _mm512_permutexvar_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_srai_epi64, _mm512_sub_epi64,
};

/// Row j of the eight numbers in a register.
pub(super) type Vectors = [__m512i; DIGITS];

macro_rules! with_instructions {
    ($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(self, $($argument: $type),*) -> $result {
            // SAFETY: `self` proves that the machine has AVX-512 F and IFMA.
            unsafe { $name($($argument),*) }
        }
    };
}

impl Ifma {
    with_instructions!(
        /// a·b.
        multiply(a: &Rows, b: &Rows) -> Rows
    );
    with_instructions!(
        /// ab + cd.
        sum_of_two(a: &Rows, b: &Rows, c: &Rows, d: &Rows) -> Rows
    );
    with_instructions!(
        /// ab + cd + ef.
        sum_of_three(a: &Rows, b: &Rows, c: &Rows, d: &Rows, e: &Rows, f: &Rows) -> Rows
    );
    with_instructions!(
        /// a².
        square(a: &Rows) -> Rows
    );
    with_instructions!(
        /// a + b.
        add(a: &Rows, b: &Rows) -> Rows
    );
    with_instructions!(
        /// a - b.
        subtract(a: &Rows, b: &Rows) -> Rows
    );
    with_instructions!(
        /// b in the lanes of the mask, a in the others.
        blend(a: &Rows, b: &Rows, mask: LaneMask) -> Rows
    );
    with_instructions!(
        /// The lanes that are zero.
        zero_lanes(a: &Rows) -> LaneMask
    );
    with_instructions!(
        /// Eight reduced numbers times 2^1024 become elements.
        enter(numbers: &[Limbs; LANES]) -> Rows
    );
    with_instructions!(
        /// The elements become reduced numbers times 2^1024.
        leave(a: &Rows) -> [Limbs; LANES]
    );

    /// The sum of products of pairs.
    pub(crate) fn sum_of_products<const N: usize>(self, terms: [(&Rows, &Rows); N]) -> Rows {
        const { assert!(0 < N) };
        let (sums, rest) = terms.as_chunks::<3>();
        let mut sums = sums
            .iter()
            .map(|[(a, b), (c, d), (e, f)]| self.sum_of_three(a, b, c, d, e, f));
        let rest = match rest {
            [(a, b), (c, d)] => Some(self.sum_of_two(a, b, c, d)),
            [(a, b)] => Some(self.multiply(a, b)),
            _ => sums.next(),
        };
        let first = rest.unwrap_or([[0; LANES]; DIGITS]);
        sums.fold(first, |sum, next| self.add(&sum, &next))
    }

    /// In each lane the element of the table that the lane's index names, else zero; every entry is read.
    pub(crate) fn select<'a>(
        self,
        table: impl Iterator<Item = &'a Rows>,
        index: &[u8; LANES],
    ) -> Rows {
        // SAFETY: `self` proves that the machine has AVX-512 F.
        unsafe { select(table, index) }
    }

    /// One in all lanes.
    pub(crate) fn one(self) -> Rows {
        ONE.map(|digit| [digit; LANES])
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(row: &[u64; LANES]) -> __m512i {
    // SAFETY: a row has the 64 octets that are read.
    unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }
}

#[inline]
pub(super) fn store(vectors: Vectors) -> Rows {
    // SAFETY: both are 160 integers of 64 bits one after the other, of which any value is good.
    unsafe { core::mem::transmute::<Vectors, Rows>(vectors) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn all_lanes(number: u64) -> __m512i {
    _mm512_set1_epi64(number as i64)
}

/// Brings every limb below 2^52; limbs may be negative as long as the number is not.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn carried(mut number: Vectors) -> Vectors {
    let mask = all_lanes(MASK);
    for j in 0..DIGITS - 1 {
        let carry = _mm512_srai_epi64::<{ BITS as u32 }>(number[j]);
        number[j] = _mm512_and_si512(number[j], mask);
        number[j + 1] = _mm512_add_epi64(number[j + 1], carry);
    }
    number
}

#[inline(never)]
#[target_feature(enable = "avx512f")]
fn add(a: &Rows, b: &Rows) -> Rows {
    let mut sum = [_mm512_setzero_si512(); DIGITS];
    for j in 0..DIGITS {
        sum[j] = _mm512_add_epi64(load(&a[j]), load(&b[j]));
    }
    let top = approximate_top(&sum);
    store(reduced(sum, times_prime(top), &MULTIPLES))
}

#[inline(never)]
#[target_feature(enable = "avx512f")]
fn subtract(a: &Rows, b: &Rows) -> Rows {
    let mut difference = [_mm512_setzero_si512(); DIGITS];
    for j in 0..DIGITS {
        difference[j] = _mm512_sub_epi64(load(&a[j]), load(&b[j]));
    }
    // Plus 2p, which the table below takes off again.
    let double_top = all_lanes(MULTIPLES[DIGITS - 1][2]);
    let top = _mm512_add_epi64(approximate_top(&difference), double_top);
    store(reduced(difference, times_prime(top), &MULTIPLES_LESS_TWO))
}

/// The top limb as it will be after carrying, up to one too little or too much.
#[inline]
#[target_feature(enable = "avx512f")]
fn approximate_top(number: &Vectors) -> __m512i {
    let carry = _mm512_srai_epi64::<{ BITS as u32 }>(number[DIGITS - 2]);
    _mm512_add_epi64(number[DIGITS - 1], carry)
}

/// How many times p, at most three, may be taken off a number with this top limb.
#[inline]
#[target_feature(enable = "avx512f")]
fn times_prime(top: __m512i) -> __m512i {
    let one = all_lanes(1);
    let mut times = _mm512_setzero_si512();
    for threshold in THRESHOLDS {
        let reached = _mm512_cmpge_epi64_mask(top, all_lanes(threshold));
        times = _mm512_mask_add_epi64(times, reached, times, one);
    }
    times
}

/// The number less the multiple of p in the column `times` of the table.
#[inline]
#[target_feature(enable = "avx512f")]
fn reduced(mut number: Vectors, times: __m512i, table: &Rows) -> Vectors {
    for j in 0..DIGITS {
        let multiple = _mm512_permutexvar_epi64(times, load(&table[j]));
        number[j] = _mm512_sub_epi64(number[j], multiple);
    }
    carried(number)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn select<'a>(table: impl Iterator<Item = &'a Rows>, index: &[u8; LANES]) -> Rows {
    let index = load(&index.map(u64::from));
    let mut selected = [_mm512_setzero_si512(); DIGITS];
    for (entry, number) in table.zip(0..) {
        let wanted = _mm512_cmpeq_epi64_mask(index, all_lanes(number));
        for j in 0..DIGITS {
            selected[j] = _mm512_mask_mov_epi64(selected[j], wanted, load(&entry[j]));
        }
    }
    store(selected)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn blend(a: &Rows, b: &Rows, LaneMask(mask): LaneMask) -> Rows {
    let mut blended = [_mm512_setzero_si512(); DIGITS];
    for j in 0..DIGITS {
        blended[j] = _mm512_mask_blend_epi64(mask, load(&a[j]), load(&b[j]));
    }
    store(blended)
}

/// Zero is 0 or p, since a number is below 2p.
#[inline]
#[target_feature(enable = "avx512f")]
fn zero_lanes(a: &Rows) -> LaneMask {
    let mut seen = _mm512_setzero_si512();
    let mut is_prime: __mmask8 = 0xFF;
    for j in 0..DIGITS {
        let row = load(&a[j]);
        seen = _mm512_or_si512(seen, row);
        is_prime &= _mm512_cmpeq_epi64_mask(row, all_lanes(PRIME[j]));
    }
    LaneMask(is_prime | _mm512_cmpeq_epi64_mask(seen, _mm512_setzero_si512()))
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
fn enter(numbers: &[Limbs; LANES]) -> Rows {
    let mut words = [[0; LANES]; LIMBS];
    for (lane, number) in numbers.iter().enumerate() {
        for (row, limb) in words.iter_mut().zip(number) {
            row[lane] = *limb;
        }
    }
    multiply(&to_digits(&words), &ENTER.map(|digit| [digit; LANES]))
}

/// Limbs of 64 bits to limbs of 52 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn to_digits(words: &[[u64; LANES]; LIMBS]) -> Rows {
    let mut rows = [[0; LANES]; DIGITS];
    for (j, row) in rows.iter_mut().enumerate() {
        let (word, shift) = (j * BITS / 64, j * BITS % 64);
        for lane in 0..LANES {
            let mut limb = words[word][lane] >> shift;
            if 64 - shift < BITS && word + 1 < LIMBS {
                limb |= words[word + 1][lane] << (64 - shift);
            }
            row[lane] = limb & MASK;
        }
    }
    rows
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
fn leave(a: &Rows) -> [Limbs; LANES] {
    let words = to_words(&multiply(a, &LEAVE.map(|digit| [digit; LANES])));
    let mut numbers = [[0; LIMBS]; LANES];
    for (lane, number) in numbers.iter_mut().enumerate() {
        for (limb, row) in number.iter_mut().zip(&words) {
            *limb = row[lane];
        }
        *number = reduce_once(number, 0);
    }
    numbers
}

/// Limbs of 52 bits to limbs of 64 bits, for numbers below 2^1024.
#[inline]
#[target_feature(enable = "avx512f")]
fn to_words(rows: &Rows) -> [[u64; LANES]; LIMBS] {
    let mut words = [[0; LANES]; LIMBS];
    for (k, word) in words.iter_mut().enumerate() {
        let (first, shift) = (k * 64 / BITS, k * 64 % BITS);
        for lane in 0..LANES {
            word[lane] = rows[first][lane] >> shift | rows[first + 1][lane] << (BITS - shift);
            if 2 * BITS - shift < 64 && first + 2 < DIGITS {
                word[lane] |= rows[first + 2][lane] << (2 * BITS - shift);
            }
        }
    }
    words
}
