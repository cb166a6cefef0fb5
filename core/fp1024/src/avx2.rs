//! Picking from a table with AVX2: four limbs at once.

#![allow(unsafe_code)] // what needs the instructions of which `Adx` is the proof

use crate::adx::Adx;
use crate::limbs::{LIMBS, Limbs};
use core::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_cmpeq_epi64, _mm256_loadu_si256,
    _mm256_or_si256, _mm256_set1_epi64x, _mm256_setzero_si256,
};
use core::hint::black_box;

/// Limbs of a register.
const WIDTH: usize = 4;

impl Adx {
    /// The number that the index names, or zero when there is none; all are read.
    pub(crate) fn pick(self, table: &[Limbs], index: u8) -> Limbs {
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe { pick(table, index) }
    }
}

#[inline(never)]
#[target_feature(enable = "avx2")]
fn pick(table: &[Limbs], index: u8) -> Limbs {
    // Hidden from the optimiser, which would compare single numbers and spread what comes out.
    let wanted = black_box(_mm256_set1_epi64x(i64::from(index)));
    let mut place = black_box(_mm256_setzero_si256());
    let one = _mm256_set1_epi64x(1);
    let mut picked = [_mm256_setzero_si256(); LIMBS / WIDTH];
    for number in table {
        let mask = _mm256_cmpeq_epi64(wanted, place);
        place = _mm256_add_epi64(place, one);
        for (to, from) in picked.iter_mut().zip(number.as_chunks().0) {
            *to = _mm256_or_si256(*to, _mm256_and_si256(mask, load(from)));
        }
    }
    // SAFETY: both are sixteen integers of 64 bits, of which any value is good.
    unsafe { core::mem::transmute::<[__m256i; LIMBS / WIDTH], Limbs>(picked) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(limbs: &[u64; WIDTH]) -> __m256i {
    // SAFETY: four limbs are the 32 octets that are read.
    unsafe { _mm256_loadu_si256(limbs.as_ptr().cast()) }
}
