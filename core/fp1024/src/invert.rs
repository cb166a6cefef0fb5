//! Inversion by division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion",
//! with the start value δ = 1/2): a fixed number of steps, each without a branch or an index that depends on the value.
//!
//! f and g start as p and the element and end as ±1 and 0; d and e follow them so that d·element = f and
//! e·element = g modulo p. Sixty-two steps look only at the lowest 62 bits of f and g; they become one 2x2 matrix
//! that is then applied to the long numbers.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::element::Fp;
use crate::limbs::{LIMBS, Limbs, MODULUS, NEGATED_INVERSE};
use core::hint::black_box;
use subtle::ConditionallySelectable;
use zeroize::Zeroize;

/// Bits of a limb here: signed limbs need room for carries.
const BITS: usize = 62;

/// Limbs of a signed number of 1024 bits: 17 * 62 = 1054.
const SIGNED_LIMBS: usize = 17;

const MASK: i64 = (1 << BITS) - 1;

/// Steps after which g = 0 for every input below 2^1024: (45907 * 1024 + 26313) / 19929.
const STEPS: usize = 2360;

/// Batches of [`BITS`] steps; steps beyond g = 0 change nothing.
const BATCHES: usize = (STEPS + 1).div_ceil(BITS);

/// Little-endian limbs of 62 bits, all but the last in [0, 2^62), the last with the sign.
type Signed = [i64; SIGNED_LIMBS];

const SIGNED_MODULUS: Signed = to_signed(&MODULUS);

/// p^-1 mod 2^62.
const INVERSE_OF_MODULUS: u64 = NEGATED_INVERSE.wrapping_neg() & (MASK as u64);

/// What a batch of steps does to (f, g), times 2^62.
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// The inverse of the number as an integer modulo p; zero for zero.
pub(crate) fn invert_number(number: &Limbs) -> Limbs {
    let mut f = SIGNED_MODULUS;
    let mut g = to_signed(number);
    let mut d = [0; SIGNED_LIMBS];
    let mut e = [0; SIGNED_LIMBS];
    e[0] = 1;
    let mut zeta = -1;
    for _ in 0..BATCHES {
        let matrix;
        (zeta, matrix) = division_steps(zeta, f[0], g[0]);
        apply_modulo(&mut d, &mut e, &matrix);
        apply(&mut f, &mut g, &matrix);
    }
    let inverse = from_signed(&normalize(&d, f[SIGNED_LIMBS - 1]));
    for state in [&mut f, &mut g, &mut d, &mut e] {
        state.zeroize();
    }
    inverse
}

/// 62 steps on the lowest bits of f and g; zeta is -(δ + 1/2).
fn division_steps(mut zeta: i64, f: i64, g: i64) -> (i64, Matrix) {
    let (mut f, mut g) = (f as u64, g as u64);
    let (mut u, mut v, mut q, mut r) = (1u64, 0u64, 0u64, 1u64);
    for _ in 0..BITS {
        let swap = (zeta >> 63) as u64;
        let odd = (g & 1).wrapping_neg();
        // g + f or g - f when g is odd, with the row of f negated when the two are about to swap.
        g = g.wrapping_add((f ^ swap).wrapping_sub(swap) & odd);
        q = q.wrapping_add((u ^ swap).wrapping_sub(swap) & odd);
        r = r.wrapping_add((v ^ swap).wrapping_sub(swap) & odd);
        let swap = swap & odd;
        zeta = (zeta ^ swap as i64).wrapping_sub(1);
        f = f.wrapping_add(g & swap);
        u = u.wrapping_add(q & swap) << 1;
        v = v.wrapping_add(r & swap) << 1;
        g >>= 1;
    }
    let matrix = Matrix {
        u: u as i64,
        v: v as i64,
        q: q as i64,
        r: r as i64,
    };
    (zeta, matrix)
}

#[inline(always)]
fn product(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// (f, g) = matrix (f, g) / 2^62, an exact division. |u| + |v| and |q| + |r| are at most 2^62: sums fit 128 bits.
fn apply(f: &mut Signed, g: &mut Signed, m: &Matrix) {
    let mut carry_f = product(m.u, f[0]) + product(m.v, g[0]);
    let mut carry_g = product(m.q, f[0]) + product(m.r, g[0]);
    carry_f >>= BITS;
    carry_g >>= BITS;
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

/// (d, e) = matrix (d, e) / 2^62 modulo p; both stay in (-2p, p).
fn apply_modulo(d: &mut Signed, e: &mut Signed, m: &Matrix) {
    let sign_d = d[SIGNED_LIMBS - 1] >> 63;
    let sign_e = e[SIGNED_LIMBS - 1] >> 63;
    let mut carry_d = product(m.u, d[0]) + product(m.v, e[0]);
    let mut carry_e = product(m.q, d[0]) + product(m.r, e[0]);
    // Multiples of p that bring negative numbers back into range and make the lowest 62 bits zero.
    let times_d = multiple((m.u & sign_d).wrapping_add(m.v & sign_e), carry_d);
    let times_e = multiple((m.q & sign_d).wrapping_add(m.r & sign_e), carry_e);
    carry_d = (carry_d + product(SIGNED_MODULUS[0], times_d)) >> BITS;
    carry_e = (carry_e + product(SIGNED_MODULUS[0], times_e)) >> BITS;
    for i in 1..SIGNED_LIMBS {
        carry_d += product(m.u, d[i]) + product(m.v, e[i]) + product(SIGNED_MODULUS[i], times_d);
        carry_e += product(m.q, d[i]) + product(m.r, e[i]) + product(SIGNED_MODULUS[i], times_e);
        d[i - 1] = carry_d as i64 & MASK;
        e[i - 1] = carry_e as i64 & MASK;
        carry_d >>= BITS;
        carry_e >>= BITS;
    }
    d[SIGNED_LIMBS - 1] = carry_d as i64;
    e[SIGNED_LIMBS - 1] = carry_e as i64;
}

#[inline(always)]
fn multiple(start: i64, lowest: i128) -> i64 {
    let excess = INVERSE_OF_MODULUS
        .wrapping_mul(lowest as u64)
        .wrapping_add(start as u64)
        & MASK as u64;
    start.wrapping_sub(excess as i64)
}

/// d in (-2p, p), negated when `sign` is negative, brought to [0, p).
fn normalize(d: &Signed, sign: i64) -> Signed {
    let negate = black_box(sign >> 63);
    let mut result = *d;
    add_modulus_if(&mut result, d[SIGNED_LIMBS - 1] >> 63);
    for limb in &mut result {
        *limb = (*limb ^ negate).wrapping_sub(negate);
    }
    carry(&mut result);
    let negative = result[SIGNED_LIMBS - 1] >> 63;
    add_modulus_if(&mut result, negative);
    carry(&mut result);
    result
}

fn add_modulus_if(number: &mut Signed, mask: i64) {
    // Hidden from the optimiser, which would make a branch of it.
    let mask = black_box(mask);
    for (limb, modulus) in number.iter_mut().zip(&SIGNED_MODULUS) {
        *limb += modulus & mask;
    }
}

/// Brings all limbs but the last into [0, 2^62).
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

/// The other way, for a number in [0, 2^1024).
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

/// Montgomery's trick. A zero would spoil all; nobody meets one but by design, so it is looked for in the product.
pub(crate) fn invert_all(elements: &mut [Fp]) {
    let mut products = Vec::with_capacity(elements.len());
    let mut product = Fp::ONE;
    for element in elements.iter() {
        products.push(product);
        product *= element;
    }
    if product.is_zero().into() {
        return invert_all_but_zeros(elements);
    }
    let mut inverse = product.invert();
    for (element, before) in elements.iter_mut().zip(&products).rev() {
        let own = *element;
        *element = inverse * before;
        inverse *= &own;
    }
    products.as_mut_slice().zeroize();
}

/// The same with ones in the places of zeros, which become zero again.
#[cold]
fn invert_all_but_zeros(elements: &mut [Fp]) {
    let zeros: Vec<_> = elements.iter().map(Fp::is_zero).collect();
    for (element, zero) in elements.iter_mut().zip(&zeros) {
        element.conditional_assign(&Fp::ONE, *zero);
    }
    invert_all(elements);
    for (element, zero) in elements.iter_mut().zip(&zeros) {
        element.conditional_assign(&Fp::ZERO, *zero);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_limbs_are_the_same_number() {
        assert_eq!(from_signed(&SIGNED_MODULUS), MODULUS);
        let ones = [u64::MAX; LIMBS];
        assert_eq!(from_signed(&to_signed(&ones)), ones);
    }

    #[test]
    fn the_number_of_steps_is_the_proven_one() {
        assert_eq!(STEPS, (45907 * 1024 + 26313) / 19929);
        const { assert!(BATCHES * BITS > STEPS) };
    }
}
