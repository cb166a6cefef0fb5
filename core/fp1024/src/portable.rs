//! The backend of any machine: Montgomery products of 64-bit limbs in safe Rust.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::limbs::{
    LIMBS, Limbs, MODULUS, NEGATED_INVERSE, Wide, carrying_add, multiply_add, reduce_once,
};

/// a * b / 2^1024 mod p: the whole product, then the reduction.
#[inline]
pub(crate) const fn mul(a: &Limbs, b: &Limbs) -> Limbs {
    reduce_wide(&mul_wide(a, b))
}

/// a * b without reduction.
#[inline(always)]
pub(crate) const fn mul_wide(a: &Limbs, b: &Limbs) -> Wide {
    let mut t = [0u64; 2 * LIMBS];
    let mut i = 0;
    while i < LIMBS {
        let mut carry = 0;
        let mut j = 0;
        while j < LIMBS {
            (t[i + j], carry) = multiply_add(t[i + j], a[j], b[i], carry);
            j += 1;
        }
        t[i + LIMBS] = carry;
        i += 1;
    }
    t
}

/// a * a / 2^1024 mod p.
#[inline]
pub(crate) const fn square(a: &Limbs) -> Limbs {
    reduce_wide(&square_wide(a))
}

/// a * a without reduction: the products of two different limbs once, doubled, then the squares.
#[inline(always)]
const fn square_wide(a: &Limbs) -> Wide {
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

/// t / 2^1024 mod p for t < p * 2^1024.
#[inline(always)]
pub(crate) const fn reduce_wide(wide: &Wide) -> Limbs {
    let mut t = *wide;
    let mut top = 0;
    let mut i = 0;
    while i < LIMBS {
        let m = t[i].wrapping_mul(NEGATED_INVERSE);
        let mut carry = 0;
        let mut j = 0;
        while j < LIMBS {
            (t[i + j], carry) = multiply_add(t[i + j], m, MODULUS[j], carry);
            j += 1;
        }
        (t[i + LIMBS], top) = carrying_add(t[i + LIMBS], carry, top);
        i += 1;
    }
    let mut high = [0; LIMBS];
    i = 0;
    while i < LIMBS {
        high[i] = t[i + LIMBS];
        i += 1;
    }
    reduce_once(&high, top)
}

/// a / 2^1024 mod p: out of Montgomery form.
pub(crate) const fn leave_montgomery(a: &Limbs) -> Limbs {
    let mut wide = [0; 2 * LIMBS];
    let mut i = 0;
    while i < LIMBS {
        wide[i] = a[i];
        i += 1;
    }
    reduce_wide(&wide)
}
