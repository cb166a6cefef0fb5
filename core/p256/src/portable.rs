//! The backend of any machine: Montgomery products of 64-bit limbs in safe Rust.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::arithmetic::{Affine, Arithmetic, Fe};
use crate::limbs::{self, LIMBS, Limbs, P, carrying_add, mul_wide, multiply_add, reduce_once};
use core::hint::black_box;

/// Safe Rust only.
pub(crate) struct Portable;

impl Arithmetic for Portable {
    #[inline(always)]
    fn mul(a: &Fe, b: &Fe) -> Fe {
        Fe(mul(&a.0, &b.0))
    }

    #[inline(always)]
    fn square(a: &Fe) -> Fe {
        Fe(square(&a.0))
    }

    #[inline(always)]
    fn add(a: &Fe, b: &Fe) -> Fe {
        Fe(limbs::add(&a.0, &b.0, &P))
    }

    #[inline(always)]
    fn sub(a: &Fe, b: &Fe) -> Fe {
        Fe(limbs::sub(&a.0, &b.0, &P))
    }

    #[inline]
    fn look_up(table: &[Affine], index: u64) -> Affine {
        let mut found = Affine::default();
        for (entry, number) in table.iter().zip(0u64..) {
            // All ones for the wanted entry, hidden from the optimiser so that it cannot make a branch of it.
            let mask = black_box((number ^ index).wrapping_sub(1) >> 63).wrapping_neg();
            for (to, from) in found.x.0.iter_mut().zip(&entry.x.0) {
                *to |= from & mask;
            }
            for (to, from) in found.y.0.iter_mut().zip(&entry.y.0) {
                *to |= from & mask;
            }
        }
        found
    }
}

/// a * b / 2^256 mod p.
#[inline(always)]
pub(crate) const fn mul(a: &Limbs, b: &Limbs) -> Limbs {
    reduce_wide(&mul_wide(a, b))
}

/// a * a / 2^256 mod p.
#[inline(always)]
pub(crate) const fn square(a: &Limbs) -> Limbs {
    reduce_wide(&square_wide(a))
}

/// a * a without reduction: the products of two different limbs once, doubled, then the squares.
#[inline(always)]
const fn square_wide(a: &Limbs) -> [u64; 2 * LIMBS] {
    let mut t = [0u64; 2 * LIMBS];
    let mut i = 0;
    while i < LIMBS {
        let mut carry = 0;
        let mut j = i + 1;
        while j < LIMBS {
            (t[i + j], carry) = multiply_add(t[i + j], a[i], a[j], carry);
            j += 1;
        }
        t[i + LIMBS] = carry;
        i += 1;
    }
    let mut carry = 0;
    let mut shifted_out = 0;
    i = 0;
    while i < LIMBS {
        let (low, high) = multiply_add(0, a[i], a[i], 0);
        let doubled = (t[2 * i] << 1) | shifted_out;
        shifted_out = t[2 * i] >> 63;
        (t[2 * i], carry) = carrying_add(doubled, low, carry);
        let doubled = (t[2 * i + 1] << 1) | shifted_out;
        shifted_out = t[2 * i + 1] >> 63;
        (t[2 * i + 1], carry) = carrying_add(doubled, high, carry);
        i += 1;
    }
    t
}

/// t / 2^256 mod p for t < p * 2^256.
///
/// p = -1 modulo 2^64, so the factor that clears a limb is the limb m itself:
/// t + m·p = t - m + m·2^96 + m·(2^64 - 2^32 + 1)·2^192.
#[inline(always)]
const fn reduce_wide(wide: &[u64; 2 * LIMBS]) -> Limbs {
    let mut t = *wide;
    let mut top = 0;
    let mut i = 0;
    while i < LIMBS {
        let m = t[i];
        let mut carry;
        (t[i + 1], carry) = carrying_add(t[i + 1], m << 32, 0);
        (t[i + 2], carry) = carrying_add(t[i + 2], m >> 32, carry);
        (t[i + 3], carry) = multiply_add(t[i + 3], m, P[3], carry);
        (t[i + 4], top) = carrying_add(t[i + 4], carry, top);
        i += 1;
    }
    reduce_once(&[t[4], t[5], t[6], t[7]], top, &P)
}
