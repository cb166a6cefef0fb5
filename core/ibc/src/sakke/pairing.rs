//! The pairing <R, Q> (RFC 6508 cl. 3.2): a Miller loop in Jacobian coordinates, without inversions.
//!
//! Factors of F_p vanish in PF_p, so every line is scaled freely and vertical lines are left out. For the same
//! reason the loop may run over the signed digits of q - 1 instead of its bits, which has a third fewer additions.

// The digits are an array of fixed length filled at compile time.
#![allow(clippy::indexing_slicing)]

use super::point::{Affine, Jacobian};
use super::quotient::Quotient;
use super::scalar::{Q, Q_BITS};
use super::torsion::Torsion;
use crypto_bigint::U1024;
use roger_fp1024::Fp;
use subtle::Choice;

/// The non-adjacent form of q - 1, least significant digit first: digits -1, 0, 1, never two in a row not zero.
const DIGITS: [i8; Q_BITS + 1] = {
    let words = Q.wrapping_sub(&U1024::ONE).to_words();
    let mut digits = [0; Q_BITS + 1];
    let mut carry = 0;
    let mut i = 0;
    while i < digits.len() {
        let here = bit(&words, i) + carry;
        let next = bit(&words, i + 1);
        // An odd rest becomes -1 when the next bit is set, else 1; what it took too much is carried.
        let digit = if here == 1 { 1 - 2 * next } else { 0 };
        carry = (here - digit) / 2;
        digits[i] = digit;
        i += 1;
    }
    digits
};

/// The place of the first digit, where the loop starts with R.
const TOP: usize = {
    let mut top = Q_BITS;
    while DIGITS[top] == 0 {
        top -= 1;
    }
    assert!(DIGITS[top] == 1);
    top
};

const fn bit(words: &[crypto_bigint::Word; 16], position: usize) -> i8 {
    if position >= 1024 {
        return 0;
    }
    ((words[position / 64] >> (position % 64)) & 1) as i8
}

/// The value of a pairing and whether its first point has order q, which the loop finds out on its way.
pub(super) struct Pairing {
    /// <R, Q>.
    pub(super) value: Quotient,
    /// Whether [q]R is infinity.
    pub(super) order_of_first: Choice,
}

/// <R, Q> for two points of the curve, in constant time.
///
/// When R does not have order q the value is of no use and `order_of_first` is zero: the addition formulas turn
/// every case they do not cover into Z = 0, which stays.
pub(super) fn pairing(r: &Affine, q: &Affine) -> Pairing {
    let (v, c) = miller(r, q, |v, _| v);
    // c is now [q - 1]R, the final power is the cofactor (p + 1) / q = 4.
    Pairing {
        value: v.square().square(),
        order_of_first: c.is_negation_of(r),
    }
}

/// <R, Q> for a point R of order q, an element of even order of PF_p or zero for all others, in constant time.
pub(super) fn pairing_with_torsion(r: &Affine, q: &Affine) -> Quotient {
    let torsion = Torsion::of(r);
    let (v, _) = miller(r, q, |v, bit| torsion.multiply(&v, bit));
    torsion.finish(&v)
}

/// The Miller loop of R at Q and [q - 1]R, in constant time; what is to be done with the value at each bit besides is
/// done before it is squared for the next.
fn miller(
    r: &Affine,
    q: &Affine,
    at_bit: impl Fn(Quotient, usize) -> Quotient,
) -> (Quotient, Jacobian) {
    let negated = r.negate();
    let x_sum = q.x + r.x;
    let mut c = Jacobian::from(r);
    let mut v = at_bit(Quotient::one(), TOP);
    for (bit, digit) in DIGITS[..TOP].iter().enumerate().rev() {
        let (tangent, double) = tangent(&c, q);
        v = v.square().multiply(&tangent);
        c = double;
        if *digit != 0 {
            let other = if *digit == 1 { r } else { &negated };
            let (chord, sum) = chord(&c, other, &x_sum, q);
            v = v.multiply(&chord);
            c = sum;
        }
        v = at_bit(v, bit);
    }
    (v, c)
}

/// The tangent at C, evaluated at the distorted Q = (-x, iy), and [2]C.
///
/// The line 3(x_C² - 1)(x_Q + x_C) - 2y_C² + i·2·y_C·y_Q times Z⁶.
fn tangent(c: &Jacobian, q: &Affine) -> (Quotient, Jacobian) {
    let step = c.double_with_slope();
    let line = Quotient {
        real: step.slope * (q.x * step.z_squared + c.x) - step.y_squared.double(),
        imaginary: step.double.z * step.z_squared * q.y,
    };
    (line, step.double)
}

/// The chord through C and R, evaluated at the distorted Q, and C + R; `x_sum` is x_Q + x_R.
///
/// The line λ(x_Q + x_R) - y_R + i·y_Q times the Z of the sum, which is λ's denominator.
fn chord(c: &Jacobian, r: &Affine, x_sum: &Fp, q: &Affine) -> (Quotient, Jacobian) {
    let step = c.add_affine_with_slope(r);
    let line = Quotient {
        real: step.slope * x_sum - step.sum.z * r.y,
        imaginary: step.sum.z * q.y,
    };
    (line, step.sum)
}

#[cfg(test)]
mod tests {
    use super::super::fixed_base;
    use super::super::generator::{GENERATOR, MULTIPLES, PAIRING_OF_GENERATOR, POWERS};
    use super::super::recoding::OddDigits;
    use super::super::scalar::Scalar;
    use super::*;

    #[test]
    fn the_pairing_of_p_with_itself_is_the_published_g() {
        let result = pairing(&GENERATOR, &GENERATOR);
        assert!(result.value.ratio() == PAIRING_OF_GENERATOR);
        assert!(bool::from(result.order_of_first));
    }

    #[test]
    fn the_pairing_is_bilinear_and_symmetric() {
        let a = Scalar::from_hash(&[b"a"]);
        let multiple = |k| fixed_base::multiply(&vec![(&MULTIPLES, &OddDigits::of(k))]).to_affine();
        let [a_p, ab_p] = [&a, &Scalar::from_hash(&[b"b"])].map(multiple);
        let left = pairing(&a_p, &ab_p).value.ratio();
        assert!(left == pairing(&ab_p, &a_p).value.ratio());
        let with_p = pairing(&a_p, &GENERATOR).value.ratio();
        assert!(with_p == POWERS.power(&OddDigits::of(&a)).ratio());
    }

    #[test]
    fn the_signed_digits_are_q_minus_one() {
        let mut sum = U1024::ZERO;
        for digit in DIGITS.iter().rev() {
            sum = sum.shl_vartime(1);
            sum = match digit {
                1 => sum.wrapping_add(&U1024::ONE),
                -1 => sum.wrapping_sub(&U1024::ONE),
                _ => sum,
            };
        }
        assert_eq!(sum, Q.wrapping_sub(&U1024::ONE));
        assert_eq!(DIGITS.iter().filter(|digit| **digit != 0).count(), 353);
    }

    #[test]
    fn a_first_point_of_another_order_is_seen() {
        let two_torsion = Affine {
            x: Fp::ZERO,
            y: Fp::ZERO,
        };
        assert!(!bool::from(
            pairing(&two_torsion, &GENERATOR).order_of_first
        ));
        assert!(!two_torsion.has_order_q_vartime());
        // P plus the point of order 2 has order 2q.
        let mixed = Jacobian::from(&GENERATOR)
            .add_affine_complete(&two_torsion)
            .to_affine();
        assert!(!bool::from(pairing(&mixed, &GENERATOR).order_of_first));
        assert!(!mixed.has_order_q_vartime());
        assert!(GENERATOR.has_order_q_vartime());
    }
}
