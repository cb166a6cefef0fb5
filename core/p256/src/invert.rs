//! Inversion by division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion",
//! with the start value δ = 1/2): a fixed number of steps, each without a branch or an index that depends on the value.
//!
//! f and g start as the modulus m and the number and end as ±1 and 0; d and e follow them so that d·number = f and
//! e·number = g modulo m. Sixty steps look only at the lowest 60 bits of f and g; they become one 2x2 matrix that is
//! then applied to the long numbers.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::limbs::{LIMBS, Limbs, negated_inverse};
use core::hint::black_box;
use zeroize::Zeroize;

/// Steps whose matrix has entries of 32 bits with sign, so that a row of it fits one register.
const HALF_BATCH: usize = 30;

/// Bits of a limb here, and steps of a batch: signed limbs need room for carries.
const BITS: usize = 2 * HALF_BATCH;

/// Limbs of a signed number: 5 * 60 = 300 bits.
const SIGNED_LIMBS: usize = 5;

const MASK: i64 = (1 << BITS) - 1;

/// Steps after which g = 0 for every input below 2^256: (45907 * 256 + 26313) / 19929.
const STEPS: usize = 591;

/// Batches of [`BITS`] steps; steps beyond g = 0 change nothing.
const BATCHES: usize = (STEPS + 1).div_ceil(BITS);

/// Little-endian limbs of 60 bits, all but the last in [0, 2^60), the last with the sign.
type Signed = [i64; SIGNED_LIMBS];

/// An odd modulus and its inverse modulo 2^60.
pub(crate) struct Modulus {
    limbs: Signed,
    inverse: u64,
}

impl Modulus {
    pub(crate) const fn new(modulus: &Limbs) -> Self {
        Self {
            limbs: to_signed(modulus),
            inverse: negated_inverse(modulus[0]).wrapping_neg() & (MASK as u64),
        }
    }
}

/// What a batch of steps does to (f, g), times 2^60.
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// The inverse of a number modulo m; zero for zero.
pub(crate) fn invert(number: &Limbs, modulus: &Modulus) -> Limbs {
    let mut f = modulus.limbs;
    let mut g = to_signed(number);
    let mut d = [0; SIGNED_LIMBS];
    let mut e = [1, 0, 0, 0, 0];
    let mut zeta = -1;
    for _ in 0..BATCHES {
        let matrix;
        (zeta, matrix) = division_steps(zeta, f[0], g[0]);
        apply_modulo(&mut d, &mut e, &matrix, modulus);
        apply(&mut f, &mut g, &matrix);
    }
    let inverse = from_signed(&normalize(&d, f[SIGNED_LIMBS - 1], modulus));
    for state in [&mut f, &mut g, &mut d, &mut e] {
        state.zeroize();
    }
    inverse
}

/// [`BITS`] steps on the lowest bits of f and g; zeta is -(δ + 1/2).
#[inline(always)]
fn division_steps(zeta: i64, f: i64, g: i64) -> (i64, Matrix) {
    let first = DivisionSteps::start(zeta, f as u64, g as u64).run();
    let second = DivisionSteps::start(first.zeta, first.f, first.g).run();
    let (a, b) = (first.matrix(), second.matrix());
    // Entries are at most 2^30 in magnitude: the products of the two matrices fit.
    let matrix = Matrix {
        u: b.u * a.u + b.v * a.q,
        v: b.u * a.v + b.v * a.r,
        q: b.q * a.u + b.r * a.q,
        r: b.q * a.v + b.r * a.r,
    };
    (second.zeta, matrix)
}

/// zeta, the lowest bits of f and g, and the matrix of the steps so far. A row (u, v) of the matrix is one number
/// u + v·2^32: sums, differences and doubles of rows are those of the numbers.
struct DivisionSteps {
    zeta: i64,
    f: u64,
    g: u64,
    uv: u64,
    qr: u64,
}

impl DivisionSteps {
    #[inline(always)]
    fn start(zeta: i64, f: u64, g: u64) -> Self {
        let (uv, qr) = (1, 1 << 32);
        Self { zeta, f, g, uv, qr }
    }

    /// [`HALF_BATCH`] steps.
    #[inline(always)]
    fn run(mut self) -> Self {
        for _ in 0..HALF_BATCH {
            // Hidden from the optimiser, which would make branches of the masks.
            let swap = black_box(self.zeta >> 63) as u64;
            let odd = black_box((self.g & 1).wrapping_neg());
            let both = swap & odd;
            let (g, qr) = (self.g, self.qr);
            // g + f, or g - f and the old g as f when the two swap; nothing when g is even.
            self.g = g.wrapping_add((self.f ^ swap).wrapping_sub(swap) & odd) >> 1;
            self.qr = qr.wrapping_add((self.uv ^ swap).wrapping_sub(swap) & odd);
            self.f ^= (self.f ^ g) & both;
            self.uv = (self.uv ^ ((self.uv ^ qr) & both)) << 1;
            self.zeta = (self.zeta ^ both as i64).wrapping_sub(1);
        }
        self
    }

    #[inline(always)]
    fn matrix(&self) -> Matrix {
        let ((u, v), (q, r)) = (unpack(self.uv), unpack(self.qr));
        Matrix { u, v, q, r }
    }
}

/// The two numbers of a row; both are at most 2^30 in magnitude.
#[inline(always)]
fn unpack(row: u64) -> (i64, i64) {
    let low = i64::from(row as i32);
    let high = row.wrapping_sub(low as u64) as i64 >> 32;
    (low, high)
}

#[inline(always)]
fn product(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// (f, g) = matrix (f, g) / 2^60, an exact division. |u| + |v| and |q| + |r| are at most 2^60: sums fit 128 bits.
#[inline(always)]
fn apply(f: &mut Signed, g: &mut Signed, m: &Matrix) {
    let mut carry_f = (product(m.u, f[0]) + product(m.v, g[0])) >> BITS;
    let mut carry_g = (product(m.q, f[0]) + product(m.r, g[0])) >> BITS;
    for i in 1..SIGNED_LIMBS {
        carry_f += product(m.u, f[i]) + product(m.v, g[i]);
        carry_g += product(m.q, f[i]) + product(m.r, g[i]);
        f[i - 1] = carry_f as i64 & MASK;
        g[i - 1] = carry_g as i64 & MASK;
        carry_f >>= BITS;
        carry_g >>= BITS;
    }
    f[SIGNED_LIMBS - 1] = carry_f as i64;
    g[SIGNED_LIMBS - 1] = carry_g as i64;
}

/// (d, e) = matrix (d, e) / 2^60 modulo m; both stay in (-2m, m).
#[inline(always)]
fn apply_modulo(d: &mut Signed, e: &mut Signed, m: &Matrix, modulus: &Modulus) {
    let sign_d = d[SIGNED_LIMBS - 1] >> 63;
    let sign_e = e[SIGNED_LIMBS - 1] >> 63;
    let mut carry_d = product(m.u, d[0]) + product(m.v, e[0]);
    let mut carry_e = product(m.q, d[0]) + product(m.r, e[0]);
    // Multiples of m that bring negative numbers back into range and make the lowest 60 bits zero.
    let start_d = (m.u & sign_d).wrapping_add(m.v & sign_e);
    let start_e = (m.q & sign_d).wrapping_add(m.r & sign_e);
    let times_d = multiple(start_d, carry_d, modulus);
    let times_e = multiple(start_e, carry_e, modulus);
    carry_d = (carry_d + product(modulus.limbs[0], times_d)) >> BITS;
    carry_e = (carry_e + product(modulus.limbs[0], times_e)) >> BITS;
    for i in 1..SIGNED_LIMBS {
        carry_d += product(m.u, d[i]) + product(m.v, e[i]) + product(modulus.limbs[i], times_d);
        carry_e += product(m.q, d[i]) + product(m.r, e[i]) + product(modulus.limbs[i], times_e);
        d[i - 1] = carry_d as i64 & MASK;
        e[i - 1] = carry_e as i64 & MASK;
        carry_d >>= BITS;
        carry_e >>= BITS;
    }
    d[SIGNED_LIMBS - 1] = carry_d as i64;
    e[SIGNED_LIMBS - 1] = carry_e as i64;
}

#[inline(always)]
fn multiple(start: i64, lowest: i128, modulus: &Modulus) -> i64 {
    let excess = modulus
        .inverse
        .wrapping_mul(lowest as u64)
        .wrapping_add(start as u64)
        & MASK as u64;
    start.wrapping_sub(excess as i64)
}

/// d in (-2m, m), negated when `sign` is negative, brought to [0, m).
fn normalize(d: &Signed, sign: i64, modulus: &Modulus) -> Signed {
    let negate = black_box(sign >> 63);
    let mut result = *d;
    add_modulus_if(&mut result, d[SIGNED_LIMBS - 1] >> 63, modulus);
    for limb in &mut result {
        *limb = (*limb ^ negate).wrapping_sub(negate);
    }
    carry(&mut result);
    let negative = result[SIGNED_LIMBS - 1] >> 63;
    add_modulus_if(&mut result, negative, modulus);
    carry(&mut result);
    result
}

fn add_modulus_if(number: &mut Signed, mask: i64, modulus: &Modulus) {
    let mask = black_box(mask);
    for (limb, modulus) in number.iter_mut().zip(&modulus.limbs) {
        *limb += modulus & mask;
    }
}

/// Brings all limbs but the last into [0, 2^60).
fn carry(number: &mut Signed) {
    for i in 0..SIGNED_LIMBS - 1 {
        number[i + 1] += number[i] >> BITS;
        number[i] &= MASK;
    }
}

const fn to_signed(number: &Limbs) -> Signed {
    let mut signed = [0; SIGNED_LIMBS];
    let mut i = 0;
    while i < SIGNED_LIMBS {
        let first = i * BITS;
        let word = first / 64;
        let high = if word + 1 < LIMBS {
            number[word + 1]
        } else {
            0
        };
        let both = number[word] as u128 | (high as u128) << 64;
        signed[i] = (both >> (first % 64)) as i64 & MASK;
        i += 1;
    }
    signed
}

/// The other way, for a number in [0, 2^256).
fn from_signed(signed: &Signed) -> Limbs {
    let mut number = [0; LIMBS];
    for (i, limb) in signed.iter().enumerate() {
        let first = i * BITS;
        let wide = u128::from(*limb as u64) << (first % 64);
        number[first / 64] |= wide as u64;
        if let Some(next) = number.get_mut(first / 64 + 1) {
            *next |= (wide >> 64) as u64;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limbs::{P, Q};

    #[test]
    fn signed_limbs_keep_the_number() {
        for number in [P, Q, [u64::MAX; LIMBS], [0; LIMBS]] {
            assert_eq!(from_signed(&to_signed(&number)), number);
        }
    }

    #[test]
    fn the_number_of_steps_is_the_proven_one() {
        assert_eq!(STEPS, (45907 * 256 + 26313) / 19929);
        const { assert!(BATCHES * BITS > STEPS) };
    }
}
