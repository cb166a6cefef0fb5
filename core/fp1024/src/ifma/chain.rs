//! The same quotient squared many times over: two products at once, each with its limbs side by side in three
//! registers.
//!
//! Numbers are taken modulo N = c·p with N = -1 modulo 2^52. Then the multiple of N that makes the lowest limb vanish
//! is the limb itself: (t + t_0·N) / 2^52 = (t - t_0) / 2^52 + t_0·(N + 1) / 2^52, and nothing has to be multiplied to
//! find it. Twenty-one limbs leave sixteen bits above N, so sums and differences need no reduction.

#![allow(unsafe_code)]
// calls of functions that need the instructions of which `Ifma` is the proof
// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::Ifma;
use super::radix::{BITS, DIGITS, FACTOR, MASK, PRIME, digits};
use crate::limbs::{LIMBS, Limbs, R_SQUARED, add, reduce_once};
use crate::portable;
use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask,
    _mm512_cmpgt_epu64_mask, _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_add_epi64, _mm512_maskz_srli_epi64, _mm512_permutexvar_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64,
};

/// Limbs of a number: 21 * 52 = 1092 bits.
const LENGTH: usize = DIGITS + 1;

/// Limbs that three registers hold.
const LANES: usize = 24;

/// The limbs of a number, those from [`LENGTH`] on zero.
type Row = [u64; LANES];

/// A [`Row`] in registers.
type Wide = [__m512i; 3];

/// (N + 1) / 2^52.
const FOLD: Row = shifted(0);

/// The same one limb higher.
const FOLD_HIGH: Row = shifted(1);

/// 8N, with 2^59 added to every limb but the top and taken off the next, so that no limb of a sum less one of a
/// difference becomes negative.
const POSITIVE: Row = positive();

/// N = p·FACTOR: its lowest limb is 2^52 - 1.
const fn modulus() -> Row {
    times(FACTOR)
}

const fn times(factor: u64) -> Row {
    let mut row = [0; LANES];
    let (mut carry, mut j) = (0u128, 0);
    while j < LENGTH {
        let limb = if j < DIGITS { PRIME[j] } else { 0 };
        let sum = limb as u128 * factor as u128 + carry;
        row[j] = sum as u64 & MASK;
        carry = sum >> BITS;
        j += 1;
    }
    row
}

const fn shifted(by: usize) -> Row {
    let n = modulus();
    assert!(n[0] == MASK);
    let mut row = [0; LANES];
    let (mut carry, mut j) = (1, 1);
    while j < LENGTH {
        let sum = n[j] + carry;
        row[j - 1 + by] = sum & MASK;
        carry = sum >> BITS;
        j += 1;
    }
    row
}

const fn positive() -> Row {
    const LIFT: u64 = 1 << 59;
    let n = modulus();
    let mut row = [0; LANES];
    let (mut carry, mut j) = (0, 0);
    while j < LENGTH {
        let sum = n[j] * 8 + carry;
        let top = j == LENGTH - 1;
        row[j] = if top { sum } else { (sum & MASK) + LIFT };
        if j > 0 {
            row[j] -= LIFT >> BITS;
        }
        carry = sum >> BITS;
        j += 1;
    }
    row
}

impl Ifma {
    /// (a + ib)^(2^times), but for a factor of F_p that both parts have.
    pub(crate) fn square_times(self, a: &Limbs, b: &Limbs, times: usize) -> (Limbs, Limbs) {
        // SAFETY: `self` proves that the machine has AVX-512 F and IFMA.
        unsafe { square_times(a, b, times) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(row: &Row) -> Wide {
    let mut wide = [_mm512_setzero_si512(); 3];
    for (vector, eight) in wide.iter_mut().zip(row.as_chunks::<8>().0) {
        // SAFETY: eight limbs are the 64 octets that are read.
        *vector = unsafe { _mm512_loadu_si512(eight.as_ptr().cast()) };
    }
    wide
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(wide: &Wide) -> Row {
    let mut row = [0; LANES];
    for (vector, eight) in wide.iter().zip(row.as_chunks_mut::<8>().0) {
        // SAFETY: eight limbs are the 64 octets that are written.
        unsafe { _mm512_storeu_si512(eight.as_mut_ptr().cast(), *vector) };
    }
    row
}

/// a and b stay sums of partial products between two steps; what is multiplied are (a + b), (a - b), 2a and b with
/// their carries done.
#[target_feature(enable = "avx512f,avx512ifma")]
fn square_times(a: &Limbs, b: &Limbs, times: usize) -> (Limbs, Limbs) {
    let (mut a, mut b) = (load(&row(a)), load(&row(b)));
    for _ in 0..times {
        let sum = carried(&plus(&a, &b));
        let difference = carried(&minus(&plus(&a, &load(&POSITIVE)), &b));
        let twice = carried(&plus(&a, &a));
        let single = carried(&b);
        [a, b] = products([&sum, &twice], [&store(&difference), &store(&single)]);
    }
    (limbs(&store(&carried(&a))), limbs(&store(&carried(&b))))
}

/// Two products divided by 2^1092 modulo N, their carries not done.
///
/// Each row waits for the lowest limb of the one before. So a row's own partial products, which wait for nothing, are
/// summed apart: the upper halves of this row and the lower halves of the next.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn products(a: [&Wide; 2], b: [&Row; 2]) -> [Wide; 2] {
    let zero = _mm512_setzero_si512();
    let (fold, fold_high) = (load(&FOLD), load(&FOLD_HIGH));
    let limbs = |i: usize| b.map(|b| _mm512_set1_epi64(b[i] as i64));
    let mut here = limbs(0);
    let mut sums = [[zero; 3]; 2];
    for ((sum, a), limb) in sums.iter_mut().zip(a).zip(here) {
        *sum = lower_halves([zero; 3], a, limb);
    }
    for i in 0..LENGTH {
        // Beyond the last limb comes a zero limb, whose products are zero.
        let next = limbs(i + 1);
        for k in 0..2 {
            let own = lower_halves(upper_halves([zero; 3], a[k], here[k]), a[k], next[k]);
            let lowest = _mm512_permutexvar_epi64(zero, sums[k][0]);
            let moved = plus(&move_down(&sums[k]), &own);
            sums[k] = upper_halves(lower_halves(moved, &fold, lowest), &fold_high, lowest);
        }
        here = next;
    }
    sums
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn lower_halves(mut sum: Wide, a: &Wide, limb: __m512i) -> Wide {
    for (sum, a) in sum.iter_mut().zip(a) {
        *sum = _mm512_madd52lo_epu64(*sum, *a, limb);
    }
    sum
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn upper_halves(mut sum: Wide, a: &Wide, limb: __m512i) -> Wide {
    for (sum, a) in sum.iter_mut().zip(a) {
        *sum = _mm512_madd52hi_epu64(*sum, *a, limb);
    }
    sum
}

/// Drops the lowest limb and adds what it carries to the next.
#[inline]
#[target_feature(enable = "avx512f")]
fn move_down(sum: &Wide) -> Wide {
    let carry = _mm512_maskz_srli_epi64::<{ BITS as u32 }>(1, sum[0]);
    [
        _mm512_add_epi64(_mm512_alignr_epi64::<1>(sum[1], sum[0]), carry),
        _mm512_alignr_epi64::<1>(sum[2], sum[1]),
        _mm512_alignr_epi64::<1>(_mm512_setzero_si512(), sum[2]),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn plus(a: &Wide, b: &Wide) -> Wide {
    let mut sum = *a;
    for (to, from) in sum.iter_mut().zip(b) {
        *to = _mm512_add_epi64(*to, *from);
    }
    sum
}

#[inline]
#[target_feature(enable = "avx512f")]
fn minus(a: &Wide, b: &Wide) -> Wide {
    let mut difference = *a;
    for (to, from) in difference.iter_mut().zip(b) {
        *to = _mm512_sub_epi64(*to, *from);
    }
    difference
}

/// Brings every limb below 2^52. What is above goes up one limb; what then still carries, carries one, and where such
/// a one runs to is found by an addition of bits: a limb that carries starts it, limbs of all ones pass it on.
#[inline]
#[target_feature(enable = "avx512f")]
fn carried(number: &Wide) -> Wide {
    let (zero, mask) = (_mm512_setzero_si512(), _mm512_set1_epi64(MASK as i64));
    let above = number.map(|vector| _mm512_srli_epi64::<{ BITS as u32 }>(vector));
    let raised = [
        _mm512_alignr_epi64::<7>(above[0], zero),
        _mm512_alignr_epi64::<7>(above[1], above[0]),
        _mm512_alignr_epi64::<7>(above[2], above[1]),
    ];
    let mut limbs = number.map(|vector| _mm512_and_si512(vector, mask));
    let (mut carries, mut passes) = (0u32, 0u32);
    for k in 0..3 {
        limbs[k] = _mm512_add_epi64(limbs[k], raised[k]);
        carries |= u32::from(_mm512_cmpgt_epu64_mask(limbs[k], mask)) << (8 * k);
        passes |= u32::from(_mm512_cmpeq_epi64_mask(limbs[k], mask)) << (8 * k);
    }
    let receivers = ((carries << 1) + passes) ^ passes;
    let one = _mm512_set1_epi64(1);
    for (vector, here) in limbs.iter_mut().zip(receivers.to_le_bytes()) {
        let sum = _mm512_mask_add_epi64(*vector, here, *vector, one);
        *vector = _mm512_and_si512(sum, mask);
    }
    limbs
}

fn row(number: &Limbs) -> Row {
    let mut row = [0; LANES];
    for (to, from) in row.iter_mut().zip(digits(number)) {
        *to = from;
    }
    row
}

/// The number modulo p.
fn limbs(row: &Row) -> Limbs {
    let mut words = [0; LIMBS + 1];
    for (j, digit) in row.iter().enumerate().take(LENGTH) {
        let (word, shift) = (j * BITS / 64, j * BITS % 64);
        words[word] |= digit << shift;
        if shift + BITS > 64 && word < LIMBS {
            words[word + 1] |= digit >> (64 - shift);
        }
    }
    let [low @ .., high] = words;
    let mut factor = [0; LIMBS];
    factor[0] = high;
    add(&reduce_once(&low, 0), &portable::mul(&factor, &R_SQUARED))
}
