//! The same quotient squared many times over: two products at once, each with its limbs side by side in three
//! registers.
//!
//! Numbers are taken modulo N = c·p with N = -1 modulo 2^104. Then the multiple of N that makes the two lowest limbs
//! vanish is these limbs themselves: (t + t_0·N) / 2^104 = (t - t_0) / 2^104 + t_0·(N + 1) / 2^104, and nothing has to
//! be multiplied to find it. Twenty-two limbs leave sixteen bits above N, so sums and differences need no reduction:
//! with factors below 10N a product is below N·(1 + 100/2^16).

#![allow(unsafe_code)]
// calls of functions that need the instructions of which `Ifma` is the proof
// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::Ifma;
use super::radix::{BITS, DIGITS, MASK, PRIME, digits};
use crate::limbs::{LIMBS, Limbs, MODULUS, R_SQUARED, add, reduce_once};
use crate::portable;
use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask,
    _mm512_cmpgt_epu64_mask, _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_add_epi64, _mm512_maskz_srli_epi64, _mm512_permutexvar_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64,
};

/// Limbs of a number: 22 * 52 = 1144 bits.
const LENGTH: usize = DIGITS + 2;

/// Limbs that three registers hold.
const LANES: usize = 24;

/// The limbs of a number, those from [`LENGTH`] on zero.
type Row = [u64; LANES];

/// A [`Row`] in registers.
type Wide = [__m512i; 3];

/// (N + 1) / 2^104, and the same one and two limbs higher.
const FOLD: [Row; 3] = [shifted(0), shifted(1), shifted(2)];

/// 8N, with 2^59 added to every limb but the top and taken off the next, so that no limb of a sum less one of a
/// difference becomes negative.
const POSITIVE: Row = positive();

/// c = -p^-1 mod 2^104, as two limbs.
const FACTOR: [u64; 2] = {
    let odd = MODULUS[0] as u128 | (MODULUS[1] as u128) << 64;
    // Newton: each step doubles the number of right bits; seven steps from one bit give 128.
    let (mut inverse, mut step) = (1u128, 0);
    while step < 7 {
        inverse = inverse.wrapping_mul(2u128.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    let factor = inverse.wrapping_neg();
    [factor as u64 & MASK, (factor >> BITS) as u64 & MASK]
};

/// N = c·p: its two lowest limbs are all ones.
const fn modulus() -> Row {
    let mut row = [0; LANES];
    let (mut carry, mut j) = (0u128, 0);
    while j < LENGTH {
        let here = if j < DIGITS { PRIME[j] } else { 0 };
        let below = if j > 0 && j <= DIGITS {
            PRIME[j - 1]
        } else {
            0
        };
        let products = here as u128 * FACTOR[0] as u128 + below as u128 * FACTOR[1] as u128;
        let sum = products + carry;
        row[j] = sum as u64 & MASK;
        carry = sum >> BITS;
        j += 1;
    }
    // The top limb is wide enough for `POSITIVE` to stay above that of a number a little above N.
    assert!(carry == 0 && row[0] == MASK && row[1] == MASK && row[LENGTH - 1] > 1 << 20);
    row
}

const fn shifted(by: usize) -> Row {
    let n = modulus();
    let mut row = [0; LANES];
    let (mut carry, mut j) = (1, 2);
    while j < LENGTH {
        let sum = n[j] + carry;
        row[j - 2 + by] = sum & MASK;
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

/// Two products divided by 2^1144 modulo N, their carries not done.
///
/// Each step takes two limbs of b and drops two limbs of the sum. It waits for the two lowest limbs of the step before;
/// its own partial products wait for nothing, and are summed apart. A limb passes through twelve steps with eight
/// partial products at most, so it stays below 97·2^52.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn products(a: [&Wide; 2], b: [&Row; 2]) -> [Wide; 2] {
    let zero = [_mm512_setzero_si512(); 3];
    let fold = FOLD.each_ref().map(|row| load(row));
    let higher = [move_up(a[0]), move_up(a[1])];
    let limb = |k: usize, i: usize| _mm512_set1_epi64(b[k][i] as i64);
    let mut sums = [zero; 2];
    for k in 0..2 {
        sums[k] = lower_halves(zero, a[k], limb(k, 0));
        sums[k] = upper_halves(sums[k], &higher[k], limb(k, 0));
        sums[k] = lower_halves(sums[k], &higher[k], limb(k, 1));
    }
    for i in (2..LENGTH).step_by(2) {
        for k in 0..2 {
            let own = upper_halves(zero, a[k], limb(k, i - 1));
            let own = lower_halves(own, a[k], limb(k, i));
            let own = upper_halves(own, &higher[k], limb(k, i));
            let own = lower_halves(own, &higher[k], limb(k, i + 1));
            sums[k] = folded(&sums[k], own, &fold);
        }
    }
    for k in 0..2 {
        let own = upper_halves(zero, a[k], limb(k, LENGTH - 1));
        sums[k] = folded(&sums[k], own, &fold);
    }
    sums
}

/// The sum without its two lowest limbs, which come back times (N + 1) / 2^104, plus what is to be added besides.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn folded(sum: &Wide, own: Wide, fold: &[Wide; 3]) -> Wide {
    let lowest = _mm512_permutexvar_epi64(_mm512_setzero_si512(), sum[0]);
    let second = _mm512_permutexvar_epi64(_mm512_set1_epi64(1), sum[0]);
    // A product takes the lower 52 bits of a limb; what is above goes to the next limb.
    let second = _mm512_add_epi64(second, _mm512_srli_epi64::<{ BITS as u32 }>(lowest));
    let carry = _mm512_maskz_srli_epi64::<{ BITS as u32 }>(1, second);
    let lower = lower_halves(move_down(sum, carry), &fold[0], lowest);
    let lower = lower_halves(lower, &fold[1], second);
    let upper = upper_halves(own, &fold[1], lowest);
    let upper = upper_halves(upper, &fold[2], second);
    plus(&lower, &upper)
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

/// Drops the two lowest limbs and adds what they carry to the next.
#[inline]
#[target_feature(enable = "avx512f")]
fn move_down(sum: &Wide, carry: __m512i) -> Wide {
    [
        _mm512_add_epi64(_mm512_alignr_epi64::<2>(sum[1], sum[0]), carry),
        _mm512_alignr_epi64::<2>(sum[2], sum[1]),
        _mm512_alignr_epi64::<2>(_mm512_setzero_si512(), sum[2]),
    ]
}

/// One limb higher.
#[inline]
#[target_feature(enable = "avx512f")]
fn move_up(number: &Wide) -> Wide {
    [
        _mm512_alignr_epi64::<7>(number[0], _mm512_setzero_si512()),
        _mm512_alignr_epi64::<7>(number[1], number[0]),
        _mm512_alignr_epi64::<7>(number[2], number[1]),
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
    let mask = _mm512_set1_epi64(MASK as i64);
    let above = number.map(|vector| _mm512_srli_epi64::<{ BITS as u32 }>(vector));
    let raised = move_up(&above);
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
    let mut words = [0; LIMBS + 2];
    for (j, digit) in row.iter().enumerate().take(LENGTH) {
        let (word, shift) = (j * BITS / 64, j * BITS % 64);
        words[word] |= digit << shift;
        if shift + BITS > 64 {
            words[word + 1] |= digit >> (64 - shift);
        }
    }
    let [low @ .., above, top] = words;
    let mut factor = [0; LIMBS];
    (factor[0], factor[1]) = (above, top);
    add(&reduce_once(&low, 0), &portable::mul(&factor, &R_SQUARED))
}
