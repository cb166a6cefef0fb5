//! Inversion with AVX-512 IFMA: limbs of 51 bits, a number in three registers, batches of 51 steps.
//!
//! `VPMADD52` multiplies limbs below 2^52. Those of a number stay a little above 2^51 at most, as carries move up one
//! limb only, all at once; no carry has to run through the whole number before the end. The topmost limb has the sign.

#![allow(unsafe_code)]
// calls of functions that need the instructions of which `Ifma` is the proof
// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::packed::Batch;
use super::steps::{FIRST_ZETA, Matrix};
use super::words::{finish, from_limbs, to_limbs};
use super::{OddModulus, STEPS};
use crate::ifma::Ifma;
use crate::limbs::Limbs;
use core::arch::asm;
use core::arch::x86_64::{
    __m512i, __mmask8, _mm_cvtsi128_si64, _mm_extract_epi64, _mm512_add_epi64, _mm512_alignr_epi64,
    _mm512_and_si512, _mm512_castsi512_si128, _mm512_cmplt_epi64_mask, _mm512_loadu_si512,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_add_epi64, _mm512_mask_sub_epi64,
    _mm512_maskz_srli_epi64, _mm512_permutexvar_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_srli_epi64, _mm512_storeu_si512,
};
use core::hint::black_box;
use zeroize::Zeroize;

/// Bits of a limb, and steps of a batch.
const BITS: usize = 51;

/// Limbs of a number: 21 * 51 = 1071 bits.
const LENGTH: usize = 21;

/// Limbs that three registers hold; those from [`LENGTH`] on are zero.
const LANES: usize = 24;

const MASK: i64 = (1 << BITS) - 1;

/// Steps beyond g = 0 change nothing.
const BATCHES: usize = STEPS.div_ceil(BITS);

/// The limbs of a number in memory.
pub(super) type Row = [i64; LANES];

/// A [`Row`] in registers.
type Long = [__m512i; 3];

/// Zero, but every limb below the top with 2^53 more, which is taken off the next: with it no limb of a sum is
/// negative before its carry is taken.
const LIFT: Row = lift();

/// What stays of a limb when its carry is taken: of the topmost all.
const KEEP: Row = keep();

/// The limbs of the third register that get a carry.
const CARRY_INTO: __mmask8 = 0b1_1111;

const fn lift() -> Row {
    let mut row = [0; LANES];
    let mut i = 0;
    while i < LENGTH - 1 {
        row[i] += 4 << BITS;
        row[i + 1] -= 4;
        i += 1;
    }
    row
}

const fn keep() -> Row {
    let mut row = [0; LANES];
    let mut i = 0;
    while i < LENGTH - 1 {
        row[i] = MASK;
        i += 1;
    }
    row[LENGTH - 1] = -1;
    row
}

pub(super) const fn row(number: &Limbs) -> Row {
    to_limbs(number, BITS)
}

impl Ifma {
    /// The dividend of the modulus divided by the number; zero for zero.
    pub(super) fn invert(self, number: &Limbs, modulus: &OddModulus) -> Limbs {
        // SAFETY: `self` proves that the machine has AVX-512 F and IFMA.
        unsafe { invert(number, modulus) }
    }
}

/// An entry of a matrix in every lane: twice its lowest 51 bits, so that a product's limbs end where `VPMADD52` cuts
/// it, and whether 2^51 is to be taken off.
struct Entry {
    low: __m512i,
    negative: __mmask8,
}

impl Entry {
    /// An entry from -2^51 up to, without, 2^51.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(entry: i64) -> Self {
        Self {
            low: _mm512_set1_epi64((entry & MASK) << 1),
            // Hidden from the optimiser, which might make a branch of it.
            negative: black_box((entry >> 63) as __mmask8),
        }
    }
}

/// A sum of products, both halves of it, lower halves twice as great.
struct Sum {
    low: Long,
    high: Long,
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn invert(number: &Limbs, modulus: &OddModulus) -> Limbs {
    let prime = load(&modulus.row);
    let factor = _mm512_set1_epi64(modulus.inverse.wrapping_neg() as i64);
    let (mut f, mut g) = (prime, load(&row(number)));
    let (mut d, mut e) = ([_mm512_setzero_si512(); 3], load(&row(&modulus.dividend)));
    let mut done = Batch::start(FIRST_ZETA, lowest(&f).0 as u64, lowest(&g).0 as u64)
        .steps::<12>()
        .negated_steps::<13>()
        .negated_steps::<13>()
        .negated_steps::<13>();
    for _ in 1..BATCHES {
        // The steps of the next batch and what the last one does to the long numbers wait for nothing of each other.
        let [u, v, q, r] = entries(&done.matrix);
        let (next_f, next_g) = next_lowest(&done.matrix, lowest(&f), lowest(&g));
        let batch = Batch::start(done.zeta, next_f, next_g).steps::<12>();
        let first = here(sum(&f, &u, &g, &v).quotient());
        let batch = batch.negated_steps::<13>();
        (f, g) = (first, here(sum(&f, &q, &g, &r).quotient()));
        let batch = batch.negated_steps::<13>();
        let first = here(sum(&d, &u, &e, &v).cleared(&prime, factor).quotient());
        done = batch.negated_steps::<13>();
        let last = sum(&here(d), &q, &here(e), &r);
        (d, e) = (first, last.cleared(&prime, factor).quotient());
    }
    let [u, v, ..] = entries(&done.matrix);
    f = sum(&f, &u, &g, &v).quotient();
    d = sum(&d, &u, &e, &v).cleared(&prime, factor).quotient();
    let (mut f, mut d) = (carried(&f), carried(&d));
    let inverse = finish(&from_limbs(&d, BITS), f[LENGTH - 1], modulus);
    f.zeroize();
    d.zeroize();
    inverse
}

#[inline]
#[target_feature(enable = "avx512f")]
fn entries(m: &Matrix) -> [Entry; 4] {
    [
        Entry::new(m.u),
        Entry::new(m.v),
        Entry::new(m.q),
        Entry::new(m.r),
    ]
}

/// The lowest bits of f and g after the steps of the matrix, from the two lowest limbs before.
#[inline(always)]
fn next_lowest(m: &Matrix, f: (i64, i64), g: (i64, i64)) -> (u64, u64) {
    let next = |x: i64, y: i64| {
        let lower = i128::from(x) * i128::from(f.0) + i128::from(y) * i128::from(g.0);
        let upper = x.wrapping_mul(f.1).wrapping_add(y.wrapping_mul(g.1));
        upper.wrapping_add((lower >> BITS) as i64) as u64
    };
    (next(m.u, m.v), next(m.q, m.r))
}

/// The number, computed before the steps that follow in the source. The processor overlaps the two only where they
/// lie side by side, and the compiler would put all long numbers together.
#[inline]
#[target_feature(enable = "avx512f")]
fn here(mut number: Long) -> Long {
    let [a, b, c] = &mut number;
    // SAFETY: there is no instruction.
    unsafe {
        asm!(
            "/* {0} {1} {2} */",
            inout(zmm_reg) * a,
            inout(zmm_reg) * b,
            inout(zmm_reg) * c,
            options(nomem, nostack, preserves_flags)
        );
    }
    number
}

/// The two lowest limbs.
#[inline]
#[target_feature(enable = "avx512f")]
fn lowest(number: &Long) -> (i64, i64) {
    let limbs = _mm512_castsi512_si128(number[0]);
    (_mm_cvtsi128_si64(limbs), _mm_extract_epi64::<1>(limbs))
}

/// x·a + y·b.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn sum(a: &Long, x: &Entry, b: &Long, y: &Entry) -> Sum {
    let mut sum = Sum {
        low: [_mm512_setzero_si512(); 3],
        high: load(&LIFT),
    };
    for (number, entry) in [(a, x), (b, y)] {
        sum.add(number, entry.low);
        for (high, limbs) in sum.high.iter_mut().zip(number) {
            *high = _mm512_mask_sub_epi64(*high, entry.negative, *high, *limbs);
        }
        // The topmost limb was multiplied without its sign.
        let negative = _mm512_cmplt_epi64_mask(number[2], _mm512_setzero_si512());
        sum.high[2] = _mm512_mask_sub_epi64(sum.high[2], negative, sum.high[2], entry.low);
    }
    sum
}

impl Sum {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn add(&mut self, number: &Long, factor: __m512i) {
        for (k, limbs) in number.iter().enumerate() {
            self.low[k] = _mm512_madd52lo_epu64(self.low[k], *limbs, factor);
            self.high[k] = _mm512_madd52hi_epu64(self.high[k], *limbs, factor);
        }
    }

    /// The sum with the multiple of the modulus that makes the lowest 51 bits zero, less than 2^51 times it.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn cleared(mut self, modulus: &Long, factor: __m512i) -> Self {
        let zero = _mm512_setzero_si512();
        let lowest = _mm512_permutexvar_epi64(zero, self.low[0]);
        self.add(modulus, _mm512_madd52lo_epu64(zero, lowest, factor));
        self
    }

    /// The sum divided by 2^51, its carries taken once.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quotient(self) -> Long {
        let zero = _mm512_setzero_si512();
        let out = _mm512_maskz_srli_epi64::<{ BITS as u32 + 1 }>(1, self.low[0]);
        let low = self.low.map(|limbs| _mm512_srli_epi64::<1>(limbs));
        let sum = [
            _mm512_add_epi64(
                _mm512_add_epi64(self.high[0], out),
                _mm512_alignr_epi64::<1>(low[1], low[0]),
            ),
            _mm512_add_epi64(self.high[1], _mm512_alignr_epi64::<1>(low[2], low[1])),
            _mm512_add_epi64(self.high[2], _mm512_alignr_epi64::<1>(zero, low[2])),
        ];
        let carry = sum.map(|limbs| _mm512_srli_epi64::<{ BITS as u32 }>(limbs));
        let keep = load(&KEEP);
        let kept: [_; 3] = core::array::from_fn(|k| _mm512_and_si512(sum[k], keep[k]));
        let last = _mm512_alignr_epi64::<7>(carry[2], carry[1]);
        [
            _mm512_add_epi64(kept[0], _mm512_alignr_epi64::<7>(carry[0], zero)),
            _mm512_add_epi64(kept[1], _mm512_alignr_epi64::<7>(carry[1], carry[0])),
            _mm512_mask_add_epi64(kept[2], CARRY_INTO, kept[2], last),
        ]
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(row: &Row) -> Long {
    let mut long = [_mm512_setzero_si512(); 3];
    for (vector, eight) in long.iter_mut().zip(row.as_chunks::<8>().0) {
        // SAFETY: eight limbs are the 64 octets that are read.
        *vector = unsafe { _mm512_loadu_si512(eight.as_ptr().cast()) };
    }
    long
}

/// The limbs with all carries done: all but the last below 2^51, the last with the sign.
#[inline]
#[target_feature(enable = "avx512f")]
fn carried(long: &Long) -> [i64; LENGTH] {
    let mut row = [0; LANES];
    for (vector, eight) in long.iter().zip(row.as_chunks_mut::<8>().0) {
        // SAFETY: eight limbs are the 64 octets that are written.
        unsafe { _mm512_storeu_si512(eight.as_mut_ptr().cast(), *vector) };
    }
    let (mut limbs, mut carry) = ([0; LENGTH], 0);
    for i in 0..LENGTH {
        let limb = row[i] + carry;
        limbs[i] = if i == LENGTH - 1 { limb } else { limb & MASK };
        carry = limb >> BITS;
    }
    row.zeroize();
    limbs
}
