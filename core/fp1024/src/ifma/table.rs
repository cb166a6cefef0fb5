//! Picking from a table whose row j holds limb j of all elements: permutations within registers, whose indices may be
//! secret.

#![allow(unsafe_code)]
// calls of functions that need the instructions of which `Ifma` is the proof
// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::Ifma;
use super::lanes::{Vectors, all_lanes, load, store};
use super::radix::{DIGITS, Rows};
use crate::eight::LANES;
use crate::table::ENTRIES;
use core::arch::x86_64::{
    __m512i, _mm512_mask_blend_epi64, _mm512_mask_mov_epi64, _mm512_permutex2var_epi64,
    _mm512_setzero_si512, _mm512_test_epi64_mask,
};

/// Limb j of all elements.
type Row = [u64; ENTRIES];

impl Ifma {
    /// In each lane the element that the lane's index names.
    pub(crate) fn pick_in_lanes(self, table: &[Row; DIGITS], index: &[u8; LANES]) -> Rows {
        // SAFETY: `self` proves that the machine has AVX-512 F.
        unsafe { pick_in_lanes(table, index) }
    }

    /// In each lane the element of its own table that the lane's index names.
    pub(crate) fn pick_from_each(
        self,
        tables: [&[Row; DIGITS]; LANES],
        index: &[u8; LANES],
    ) -> Rows {
        // SAFETY: `self` proves that the machine has AVX-512 F.
        unsafe { pick_from_each(tables, index) }
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f")]
fn pick_in_lanes(table: &[Row; DIGITS], index: &[u8; LANES]) -> Rows {
    let index = load(&index.map(u64::from));
    let mut picked = [_mm512_setzero_si512(); DIGITS];
    for j in 0..DIGITS {
        picked[j] = pick_limb(&table[j], index);
    }
    store(picked)
}

#[inline(never)]
#[target_feature(enable = "avx512f")]
fn pick_from_each(tables: [&[Row; DIGITS]; LANES], index: &[u8; LANES]) -> Rows {
    let mut picked: Vectors = [_mm512_setzero_si512(); DIGITS];
    for (lane, table) in tables.iter().enumerate() {
        let index = all_lanes(u64::from(index[lane]));
        for j in 0..DIGITS {
            let limb = pick_limb(&table[j], index);
            picked[j] = _mm512_mask_mov_epi64(picked[j], 1 << lane, limb);
        }
    }
    store(picked)
}

/// A permutation looks at four bits of an index, the fifth chooses between two of them.
#[inline]
#[target_feature(enable = "avx512f")]
fn pick_limb(row: &Row, index: __m512i) -> __m512i {
    let ([first, second, third, fourth], _) = row.as_chunks::<LANES>() else {
        return _mm512_setzero_si512();
    };
    let lower = _mm512_permutex2var_epi64(load(first), index, load(second));
    let upper = _mm512_permutex2var_epi64(load(third), index, load(fourth));
    let is_upper = _mm512_test_epi64_mask(index, all_lanes(16));
    _mm512_mask_blend_epi64(is_upper, lower, upper)
}
