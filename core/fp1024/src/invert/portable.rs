//! Inversion in safe Rust, with limbs of 62 bits and batches of 62 steps.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::steps::{FIRST_ZETA, Matrix, division_steps};
use super::words::{finish, from_limbs, to_limbs};
use super::{OddModulus, STEPS};
use crate::limbs::Limbs;
use zeroize::Zeroize;

/// Bits of a limb, and steps of a batch: signed limbs need room for carries.
const BITS: usize = 62;

/// Limbs of a signed number: 17 * 62 = 1054 bits, thirty more than the modulus.
const LENGTH: usize = 17;

const MASK: i64 = (1 << BITS) - 1;

/// Steps beyond g = 0 change nothing.
const BATCHES: usize = STEPS.div_ceil(BITS);

/// Little-endian limbs of 62 bits, all but the last in [0, 2^62), the last with the sign.
pub(super) type Signed = [i64; LENGTH];

pub(super) const fn signed(number: &Limbs) -> Signed {
    to_limbs(number, BITS)
}

/// The dividend of the modulus divided by the number; zero for zero.
pub(super) fn invert(number: &Limbs, modulus: &OddModulus) -> Limbs {
    let mut f = modulus.signed;
    let mut g = signed(number);
    let mut d = [0; LENGTH];
    let mut e = signed(&modulus.dividend);
    let mut zeta = FIRST_ZETA;
    for _ in 0..BATCHES {
        let matrix;
        (zeta, matrix) = division_steps::<BITS>(zeta, f[0] as u64, g[0] as u64);
        apply_modulo(&mut d, &mut e, &matrix, modulus);
        apply(&mut f, &mut g, &matrix);
    }
    let inverse = finish(&from_limbs(&d, BITS), f[LENGTH - 1], modulus);
    for state in [&mut f, &mut g, &mut d, &mut e] {
        state.zeroize();
    }
    inverse
}

#[inline(always)]
fn product(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// (f, g) = matrix (f, g) / 2^62, an exact division. |u| + |v| and |q| + |r| are at most 2^62: sums fit 128 bits.
#[inline(always)]
fn apply(f: &mut Signed, g: &mut Signed, m: &Matrix) {
    let mut carry_f = (product(m.u, f[0]) + product(m.v, g[0])) >> BITS;
    let mut carry_g = (product(m.q, f[0]) + product(m.r, g[0])) >> BITS;
    for i in 1..LENGTH {
        carry_f += product(m.u, f[i]) + product(m.v, g[i]);
        carry_g += product(m.q, f[i]) + product(m.r, g[i]);
        f[i - 1] = carry_f as i64 & MASK;
        g[i - 1] = carry_g as i64 & MASK;
        carry_f >>= BITS;
        carry_g >>= BITS;
    }
    f[LENGTH - 1] = carry_f as i64;
    g[LENGTH - 1] = carry_g as i64;
}

/// (d, e) = matrix (d, e) / 2^62 modulo m. A batch adds less than m to the greater magnitude of the two: there is
/// room for all batches, and nothing but the end has to reduce.
#[inline(always)]
fn apply_modulo(d: &mut Signed, e: &mut Signed, m: &Matrix, modulus: &OddModulus) {
    let mut carry_d = product(m.u, d[0]) + product(m.v, e[0]);
    let mut carry_e = product(m.q, d[0]) + product(m.r, e[0]);
    let times_d = multiple(carry_d, modulus);
    let times_e = multiple(carry_e, modulus);
    carry_d = (carry_d + product(modulus.signed[0], times_d)) >> BITS;
    carry_e = (carry_e + product(modulus.signed[0], times_e)) >> BITS;
    for i in 1..LENGTH {
        carry_d += product(m.u, d[i]) + product(m.v, e[i]) + product(modulus.signed[i], times_d);
        carry_e += product(m.q, d[i]) + product(m.r, e[i]) + product(modulus.signed[i], times_e);
        d[i - 1] = carry_d as i64 & MASK;
        e[i - 1] = carry_e as i64 & MASK;
        carry_d >>= BITS;
        carry_e >>= BITS;
    }
    d[LENGTH - 1] = carry_d as i64;
    e[LENGTH - 1] = carry_e as i64;
}

/// How many times m has to be added to make the lowest 62 bits zero.
#[inline(always)]
fn multiple(lowest: i128, modulus: &OddModulus) -> i64 {
    (lowest as u64).wrapping_mul(modulus.inverse.wrapping_neg()) as i64 & MASK
}
