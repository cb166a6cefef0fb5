//! The prime and the numbers that Montgomery arithmetic needs, computed from it at compile time.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use core::hint::black_box;

/// Number of 64-bit limbs of an element.
pub const LIMBS: usize = 16;

/// Number of octets of an encoded element.
pub const OCTETS: usize = 128;

/// Sixteen limbs, least significant first.
pub(crate) type Limbs = [u64; LIMBS];

/// A product before its reduction, least significant limb first.
pub(crate) type Wide = [u64; 2 * LIMBS];

/// The SAKKE prime p of parameter set 1, least significant limb first (RFC 6509 Appendix A).
pub const MODULUS: [u64; LIMBS] = [
    0x666D_807A_FEA8_5FEB,
    0x80C5_DF10_AC7A_CE87,
    0xFCE3_E823_8985_7DB0,
    0x9F94_D6AF_5697_1F1F,
    0xA7CF_3C52_1C3C_09AA,
    0xB6AF_F4A8_3185_2A82,
    0x512A_C5CD_6568_1CE1,
    0xE26C_6487_326B_4CD4,
    0x356D_27F4_A666_A6D0,
    0xE791_B39F_F7C8_8A19,
    0x2287_30D5_31A5_9CB0,
    0xF40A_AB27_E2FC_0F1B,
    0xBE9A_E358_B3E0_1A2E,
    0x416C_0CE1_9CB4_8261,
    0x65C6_1198_DAD0_657A,
    0x997A_BB1F_0A56_3FDA,
];

/// -p^-1 mod 2^64.
pub(crate) const NEGATED_INVERSE: u64 = negated_inverse(MODULUS[0]);

/// 2^1024 mod p: the element one in Montgomery form. p has its top bit set, so one subtraction reduces 2^1024.
pub(crate) const R: Limbs = negate(&MODULUS);

/// 2^2048 mod p, the factor that brings a number into Montgomery form.
pub(crate) const R_SQUARED: Limbs = double_times(R, 1024);

pub(crate) const fn negated_inverse(odd: u64) -> u64 {
    // Newton: each step doubles the number of right bits; six steps from one bit give 64.
    let mut inverse = 1u64;
    let mut step = 0;
    while step < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse.wrapping_neg()
}

/// 2^1024 - a for a > 0.
const fn negate(a: &Limbs) -> Limbs {
    let mut result = [0; LIMBS];
    let mut carry = 1u64;
    let mut i = 0;
    while i < LIMBS {
        let (sum, over) = (!a[i]).overflowing_add(carry);
        result[i] = sum;
        carry = over as u64;
        i += 1;
    }
    result
}

pub(crate) const fn double_times(mut a: Limbs, times: usize) -> Limbs {
    let mut done = 0;
    while done < times {
        a = add(&a, &a);
        done += 1;
    }
    a
}

/// a + b + carry and the carry out, both carries 0 or 1. Compilers make chains of ADC and SBB of this and the next, but
/// not of sums of 128 bits.
#[inline(always)]
pub(crate) const fn carrying_add(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry);
    (sum, (first | second) as u64)
}

/// a - b - borrow and the borrow out, both borrows 0 or 1.
#[inline(always)]
pub(crate) const fn borrowing_sub(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(borrow);
    (difference, (first | second) as u64)
}

/// accumulator + a * b + carry as low and high word; cannot overflow 128 bits.
#[inline(always)]
pub(crate) const fn multiply_add(accumulator: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 * b as u128 + accumulator as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// All ones for 1, zero for 0. Hidden from the optimiser, which would make a branch of a mask that selects.
#[inline(always)]
pub(crate) const fn mask(bit: u64) -> u64 {
    black_box(0u64.wrapping_sub(bit))
}

/// Subtracts p once from the 1025-bit number (`top`, `a`) when it is p or more; the number must be below 2p.
#[inline(always)]
pub(crate) const fn reduce_once(a: &Limbs, top: u64) -> Limbs {
    subtract_once(a, top, &MODULUS)
}

/// Subtracts m once from the number (`top`, `a`) below 2m when it is m or more.
///
/// It is subtracted in any case and added again where that was wrong: a selection of one of two results is made with
/// registers wider than a limb, whose loads wait for the stores of the limbs.
#[inline(always)]
pub(crate) const fn subtract_once(a: &Limbs, top: u64, modulus: &Limbs) -> Limbs {
    let mut less = [0; LIMBS];
    let mut borrow = 0;
    let mut i = 0;
    while i < LIMBS {
        (less[i], borrow) = borrowing_sub(a[i], modulus[i], borrow);
        i += 1;
    }
    // It was wrong exactly when the subtraction borrowed beyond the top bit.
    add_masked(less, modulus, mask(borrow & (top ^ 1))).0
}

/// a plus b where the mask is all ones, and the carry out.
#[inline(always)]
pub(crate) const fn add_masked(mut a: Limbs, b: &Limbs, mask: u64) -> (Limbs, u64) {
    let mut carry = 0;
    let mut i = 0;
    while i < LIMBS {
        (a[i], carry) = carrying_add(a[i], b[i] & mask, carry);
        i += 1;
    }
    (a, carry)
}

/// a + b mod p for reduced a and b: a - (p - b), which has no bit above the top limb to look after.
#[inline]
pub(crate) const fn add(a: &Limbs, b: &Limbs) -> Limbs {
    let mut negative = [0; LIMBS];
    let mut borrow = 0;
    let mut i = 0;
    while i < LIMBS {
        (negative[i], borrow) = borrowing_sub(MODULUS[i], b[i], borrow);
        i += 1;
    }
    sub(a, &negative)
}

/// a - b mod p for reduced a and b.
#[inline]
pub(crate) const fn sub(a: &Limbs, b: &Limbs) -> Limbs {
    let mut difference = [0; LIMBS];
    let mut borrow = 0;
    let mut i = 0;
    while i < LIMBS {
        (difference[i], borrow) = borrowing_sub(a[i], b[i], borrow);
        i += 1;
    }
    add_masked(difference, &MODULUS, mask(borrow)).0
}

/// One when a < p, else zero.
#[inline]
pub(crate) const fn is_reduced(a: &Limbs) -> u8 {
    let mut borrow = 0;
    let mut i = 0;
    while i < LIMBS {
        (_, borrow) = borrowing_sub(a[i], MODULUS[i], borrow);
        i += 1;
    }
    borrow as u8
}

/// sum + product, both below p * 2^1024, and again below it: what a sum of products needs before one reduction.
#[inline]
pub(crate) fn add_wide(sum: &mut Wide, product: &Wide) {
    let mut carry = 0;
    for (limb, other) in sum.iter_mut().zip(product) {
        (*limb, carry) = carrying_add(*limb, *other, carry);
    }
    let (_, high) = sum.split_at_mut(LIMBS);
    let mut upper = [0; LIMBS];
    upper.copy_from_slice(high);
    high.copy_from_slice(&reduce_once(&upper, carry));
}

/// difference - product, both below p * 2^1024, plus p * 2^1024 when that is negative.
#[inline]
pub(crate) fn sub_wide(difference: &mut Wide, product: &Wide) {
    // Two loops of sixteen, which become chains; one of thirty-two stays a loop.
    let (mut borrow, mut i) = (0, 0);
    while i < LIMBS {
        (difference[i], borrow) = borrowing_sub(difference[i], product[i], borrow);
        i += 1;
    }
    let mut high = [0; LIMBS];
    i = 0;
    while i < LIMBS {
        (high[i], borrow) = borrowing_sub(difference[LIMBS + i], product[LIMBS + i], borrow);
        i += 1;
    }
    let (_, to) = difference.split_at_mut(LIMBS);
    to.copy_from_slice(&add_masked(high, &MODULUS, mask(borrow)).0);
}
