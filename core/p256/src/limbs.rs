//! Numbers of 256 bits and what Montgomery arithmetic needs of a modulus, computed from it at compile time.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use core::hint::black_box;

/// Number of 64-bit limbs of a number.
pub(crate) const LIMBS: usize = 4;

/// Octets of an encoded number.
pub(crate) const OCTETS: usize = 32;

/// Four limbs, least significant first.
pub(crate) type Limbs = [u64; LIMBS];

/// p, the prime of the field (FIPS 186-5, P-256).
pub(crate) const P: Limbs = [
    0xFFFF_FFFF_FFFF_FFFF,
    0x0000_0000_FFFF_FFFF,
    0x0000_0000_0000_0000,
    0xFFFF_FFFF_0000_0001,
];

/// q, the prime order of the group.
pub(crate) const Q: Limbs = [
    0xF3B9_CAC2_FC63_2551,
    0xBCE6_FAAD_A717_9E84,
    0xFFFF_FFFF_FFFF_FFFF,
    0xFFFF_FFFF_0000_0000,
];

/// -m^-1 mod 2^64 of an odd number m.
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

/// 2^`exponent` mod m, for a modulus with its top bit set.
pub(crate) const fn power_of_two(exponent: usize, modulus: &Limbs) -> Limbs {
    let mut power = [1, 0, 0, 0];
    let mut done = 0;
    while done < exponent {
        power = add(&power, &power, modulus);
        done += 1;
    }
    power
}

/// a + b + carry and the carry out.
#[inline(always)]
pub(crate) const fn carrying_add(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 + b as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// a - b - borrow and the borrow out, both borrows 0 or 1.
#[inline(always)]
pub(crate) const fn borrowing_sub(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let difference = (a as u128).wrapping_sub(b as u128 + borrow as u128);
    (difference as u64, (difference >> 127) as u64)
}

/// accumulator + a * b + carry as low and high word; cannot overflow 128 bits.
#[inline(always)]
pub(crate) const fn multiply_add(accumulator: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 * b as u128 + accumulator as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// Subtracts m once from the 257-bit number (`top`, `a`) when it is m or more; the number must be below 2m.
#[inline(always)]
pub(crate) const fn reduce_once(a: &Limbs, top: u64, modulus: &Limbs) -> Limbs {
    let mut reduced = [0; LIMBS];
    let mut borrow = 0;
    let mut i = 0;
    while i < LIMBS {
        (reduced[i], borrow) = borrowing_sub(a[i], modulus[i], borrow);
        i += 1;
    }
    // The number stays as it is exactly when the subtraction borrowed beyond the top bit.
    // Hidden from the optimiser, which would make a branch of the mask.
    let keep = black_box(0u64.wrapping_sub(borrow & (top ^ 1)));
    let mut result = [0; LIMBS];
    i = 0;
    while i < LIMBS {
        result[i] = (a[i] & keep) | (reduced[i] & !keep);
        i += 1;
    }
    result
}

/// a + b mod m for reduced a and b.
#[inline(always)]
pub(crate) const fn add(a: &Limbs, b: &Limbs, modulus: &Limbs) -> Limbs {
    let mut sum = [0; LIMBS];
    let mut carry = 0;
    let mut i = 0;
    while i < LIMBS {
        (sum[i], carry) = carrying_add(a[i], b[i], carry);
        i += 1;
    }
    reduce_once(&sum, carry, modulus)
}

/// a - b mod m for reduced a and b.
#[inline(always)]
pub(crate) const fn sub(a: &Limbs, b: &Limbs, modulus: &Limbs) -> Limbs {
    let mut difference = [0; LIMBS];
    let mut borrow = 0;
    let mut i = 0;
    while i < LIMBS {
        (difference[i], borrow) = borrowing_sub(a[i], b[i], borrow);
        i += 1;
    }
    let mask = black_box(0u64.wrapping_sub(borrow));
    let mut carry = 0;
    i = 0;
    while i < LIMBS {
        (difference[i], carry) = carrying_add(difference[i], modulus[i] & mask, carry);
        i += 1;
    }
    difference
}

/// One when a < m, else zero.
#[inline]
pub(crate) const fn is_reduced(a: &Limbs, modulus: &Limbs) -> u64 {
    let mut borrow = 0;
    let mut i = 0;
    while i < LIMBS {
        (_, borrow) = borrowing_sub(a[i], modulus[i], borrow);
        i += 1;
    }
    borrow
}

/// a * b without reduction.
#[inline(always)]
pub(crate) const fn mul_wide(a: &Limbs, b: &Limbs) -> [u64; 2 * LIMBS] {
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

/// The bits of a number from `first` on, as many as the mask has; bits from 256 on are zero.
#[inline(always)]
pub(crate) fn bits(number: &Limbs, first: usize, mask: u64) -> u64 {
    let low = number.get(first / 64).copied().unwrap_or(0) >> (first % 64);
    let next = number.get(first / 64 + 1).copied().unwrap_or(0);
    // Two shifts, since one by 64 would be none.
    (low | (next << 1) << (63 - first % 64)) & mask
}

/// Decodes 32 octets, big endian.
pub(crate) const fn from_octets(octets: &[u8; OCTETS]) -> Limbs {
    let mut number = [0; LIMBS];
    let mut i = 0;
    while i < OCTETS {
        let limb = LIMBS - 1 - i / 8;
        number[limb] = (number[limb] << 8) | octets[i] as u64;
        i += 1;
    }
    number
}

/// Encodes as 32 octets, big endian, leading zeros kept.
pub(crate) fn to_octets(number: &Limbs) -> [u8; OCTETS] {
    let mut octets = [0; OCTETS];
    let chunks = octets.as_chunks_mut::<8>().0.iter_mut();
    for (limb, chunk) in number.iter().rev().zip(chunks) {
        *chunk = limb.to_be_bytes();
    }
    octets
}
