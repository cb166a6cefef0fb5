//! Which multiple of a point of order 4 a point R of the curve has in it: what decides, beside the pairing with the
//! RSK, whether R is the point of the TEST (RFC 6508 cl. 6.2.2 step 5).
//!
//! The curve has p + 1 = 4q points and one subgroup of each order, so R = R_q + T with R_q of order q and [4]T = O.
//! With S = [b]P + Z_T and g = <S, K>, which was checked when the RSK came, R_q = [t]S for one t below q. The TEST asks
//! whether R = [r]S, which is: T = O and t = r, which is: T = O and g^t = g^r.
//!
//! Let U be a point of order 4 over F_p² and u = f(R), f the function with zero U and pole O, each four times. u^q in
//! PF_p is the reduced Tate pairing of order 4 of U and R; it is 1 for T = O and of order 2 or 4 for the three other
//! T, as the tests find for this U. The receiver works with V = v⁴·u^q, where v is the value of the Miller loop.
//!
//! - PF_p has order 4q, so the order of v⁴ divides q, whatever v is but zero: for T other than O the order of V is
//!   even, V is no power of g, and R is refused, as the TEST does.
//! - For T = O, V = v⁴ is the pairing <R, K> = g^t, from which the mask and r come as in the RFC, and V = g^r says
//!   t = r.
//!
//! So V = g^r accepts exactly what the TEST accepts, and costs a power with a fixed base instead of a point.
//! v is zero only for some R whose own order divides 4; zero is not an element of PF_p and is refused by its real part.
//!
//! The loop squares v anyway, so u^q costs only products: with q = 4h - 1, V = (v·u^h)⁴ / u.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::point::Affine;
use super::quotient::Quotient;
use super::scalar::Q;
use crypto_bigint::U1024;
use roger_fp1024::{Fp, Fp8, LANES, LaneMask};

/// Bits of the words of h.
const BITS: usize = 1024;

/// Bits of a sliding digit with its sign.
const WIDTH: usize = 6;

/// Odd powers of u in a table: u, u³ … u³¹.
const ODD_POWERS: usize = 1 << (WIDTH - 2);

/// Powers of u in a table for eight lanes: 1, u … u⁸.
const LANE_POWERS: usize = 9;

/// Sixteen to that power is above h.
const HEX_DIGITS: usize = BITS / 4;

/// h = (q + 1) / 4.
const EXPONENT: [u64; 16] = {
    let next = Q.wrapping_add(&U1024::ONE);
    assert!(next.to_words()[0].is_multiple_of(4));
    next.shr_vartime(2).to_words()
};

/// Digits of h with the weights 2^position: zero or odd, between -31 and 31, five zeros at least after each.
const SLIDING: [i8; BITS] = {
    let mut digits = [0; BITS];
    let (mut carry, mut i) = (0, 0);
    while i < BITS {
        let odd = (bits(i, 1) + carry) % 2 == 1;
        if odd {
            let window = bits(i, WIDTH) + carry;
            carry = window >> (WIDTH - 1);
            digits[i] = window - (carry << WIDTH);
            i += WIDTH;
        } else {
            carry &= bits(i, 1);
            i += 1;
        }
    }
    assert!(carry == 0);
    digits
};

/// Digits of h with the weights 16^position, between -7 and 8.
const HEX: [i8; HEX_DIGITS] = {
    let mut digits = [0; HEX_DIGITS];
    let (mut carry, mut i) = (0, 0);
    while i < HEX_DIGITS {
        let here = bits(4 * i, 4) + carry;
        carry = (here > 8) as i8;
        digits[i] = here - 16 * carry;
        i += 1;
    }
    assert!(carry == 0);
    digits
};

/// So many bits of h from a position on.
const fn bits(first: usize, count: usize) -> i8 {
    let (mut value, mut k) = (0, count);
    while k > 0 {
        k -= 1;
        let at = first + k;
        let bit = if at < BITS {
            (EXPONENT[at / 64] >> (at % 64)) & 1
        } else {
            0
        };
        value = value << 1 | bit as i8;
    }
    value
}

/// s, a square root of -3. 2U = (is, 0).
const ROOT: Fp = Fp::from_hex(concat!(
    "6EC2065E3B96C6C3FA90E5A4A5B625F1CEC40E7F736F516E33E23042D0B9F81D",
    "AC1140B6EBE07DA54DBB23DE919EB5D4B9D589B0B2A0120A6F530C25466A22A8",
    "D62E1D53E4958B3E07C2581F698B6F23435F3B69A1602E31991C277DD463A215",
    "3C83F9B4D34A34F5C394033673619D3F4D5228F190710176AB0564F63CB03931",
));

/// The tangent at U is y + x·SLOPE + START, its slope turned round.
const SLOPE: Quotient = Quotient {
    real: Fp::from_hex(concat!(
        "1CA5D7873C3D00509666625CACA97ECD380414A660C8AAD0C468A9F36521D667",
        "0993DDA9923DBB254680746B6B9396B6076B9A11DAD93D95E24EFAA9C3A9313A",
        "CB65785667010E31A8922C838ACDAC9917361F2F7DBD22419CF8B28F636B91D9",
        "DE31FA535E951BCC858B22F33540D796498BA430C187EEAD52936D21E6557A5B",
    )),
    imaginary: Fp::from_hex(concat!(
        "69EDA11DF7AC5AF0CBEEAF3535E8AFBF11589AA05BCB1C3B581AD055FE58F919",
        "A7FAC4ECD0CAEB80DE48DA01170BB452B178CE68FCDC5A1263ADE7F5EF805814",
        "B60946B5EA9AAD0F503FD779AFB458D2818D3EBC74C81DB959A63909F5834A7F",
        "C63E24CB7E501C1A77EB8086E91BCB4A1595EE2BCA3A52AFE7858E3F76D7D048",
    )),
};

/// What the tangent at U is at (0, 0).
const START: Quotient = Quotient {
    real: Fp::from_hex(concat!(
        "1535F8D4AE65C4D19CA1966AC93061546A0CF2B7189D17FE8F137C5296475935",
        "85BD97E03C43C715990BAE8387DEFA4804CFC941FE35F492FA7031BC5DE0506C",
        "C7D42BA2DA1654F04F6A6CA082523508E445AED9B5C6EB460CDB2D014CC04F08",
        "3FF5D12A951DE4A2D1E04B42EEB162A50E513A1FDF9A3D017CA137D0A3645BDE",
    )),
    imaginary: Fp::from_hex(concat!(
        "91AEFAE4799924EBC304C41E13BFE77E107ED50739B5957CC6FC7C88883ACDF6",
        "440A9EFDA10159418F5614FF62E31CDA2B310676AA3AAB1CEC4B5EBE2D18E864",
        "404B4FD49F1E10ADFC683AAEFAB2E30F874C12CACD21C6B77CF4D8817DCA082D",
        "C2127EB7594638918ABC65DD094340A7A2EB8E311C125D96E1A634C086EB25B2",
    )),
};

/// u of a point: the tangent at U squared, times the conjugate of x - is instead of its inverse, the same in PF_p.
fn of_point(r: &Affine) -> Quotient {
    let tangent = Quotient {
        real: SLOPE.real * r.x + START.real + r.y,
        imaginary: SLOPE.imaginary * r.x + START.imaginary,
    };
    let vertical = Quotient {
        real: r.x,
        imaginary: ROOT,
    };
    tangent.square().multiply(&vertical)
}

/// V, given v·u^h and u.
fn finish(v: &Quotient, u: &Quotient) -> Quotient {
    v.square().square().multiply(&u.conjugate())
}

/// u of a point R and its odd powers, to be multiplied in bit by bit.
pub(super) struct Torsion([Quotient; ODD_POWERS]);

impl Torsion {
    pub(super) fn of(r: &Affine) -> Self {
        let mut power = of_point(r);
        let square = power.square();
        let mut powers = [power; ODD_POWERS];
        for entry in powers.iter_mut().skip(1) {
            power = power.multiply(&square);
            *entry = power;
        }
        Self(powers)
    }

    /// v times what u^h has at a bit, where v is yet to be squared as often as the bit says. h is public.
    pub(super) fn multiply(&self, v: &Quotient, bit: usize) -> Quotient {
        let digit = SLIDING[bit];
        if digit == 0 {
            return *v;
        }
        let power = &self.0[usize::from(digit.unsigned_abs() / 2)];
        if digit < 0 {
            return v.multiply(&power.conjugate());
        }
        v.multiply(power)
    }

    /// V, given v·u^h.
    pub(super) fn finish(&self, v: &Quotient) -> Quotient {
        finish(v, &self.0[0])
    }
}

/// u of a point R and its powers, to be multiplied in at eight places at once.
pub(super) struct TorsionInLanes {
    u: Quotient,
    /// 1, u, u² …
    powers: [Quotient<Fp8>; LANE_POWERS],
}

impl TorsionInLanes {
    pub(super) fn of(r: &Affine) -> Self {
        let u = of_point(r);
        let mut powers = [Quotient::one(); LANE_POWERS];
        powers[1] = Quotient {
            real: Fp8::splat(&u.real),
            imaginary: Fp8::splat(&u.imaginary),
        };
        for k in 2..LANE_POWERS {
            powers[k] = powers[k - 1].multiply(&powers[1]);
        }
        Self { u, powers }
    }

    /// What u^h has in each lane at a place, counted from the lowest: the power of a hexadecimal digit. h is public.
    pub(super) fn power(&self, places: &[usize; LANES]) -> Quotient<Fp8> {
        let digits = places.map(|place| HEX[place]);
        let index = digits.map(i8::unsigned_abs);
        let bits = (0..)
            .zip(digits)
            .map(|(lane, digit)| u8::from(digit < 0) << lane);
        let negative = LaneMask(bits.fold(0, |mask, bit| mask | bit));
        let imaginary = Fp8::select(self.powers.iter().map(|power| &power.imaginary), &index);
        Quotient {
            real: Fp8::select(self.powers.iter().map(|power| &power.real), &index),
            imaginary: imaginary.negate_lanes(negative),
        }
    }

    /// V, given v·u^h.
    pub(super) fn finish(&self, v: &Quotient) -> Quotient {
        finish(v, &self.u)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::generator::GENERATOR;
    use super::super::point::Jacobian;
    use super::super::scalar::Q_BITS;
    use super::*;

    const THREE: Fp = Fp::from_limbs([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

    /// The points whose order divides 4, but for infinity: (0, 0) and two with x² = -3.
    pub(in super::super) fn torsion_points() -> [Affine; 3] {
        let points = [ROOT, -ROOT].map(|x| Affine {
            x,
            y: square_root(&(x * (x.square() - THREE))),
        });
        let on_curve = |point: &&Affine| point.y.square() == point.x * (point.x.square() - THREE);
        let point = *points.iter().find(on_curve).unwrap();
        let double = Jacobian::from(&point).double().to_affine();
        assert!(double == Affine::default() && double.x == Fp::ZERO);
        [double, point, point.negate()]
    }

    /// a^q: a square root of a or of -a.
    fn square_root(a: &Fp) -> Fp {
        let bits = (0..Q_BITS).rev().map(|bit| Q.bit_vartime(bit as u32));
        bits.fold(Fp::ONE, |power, bit| {
            if bit {
                power.square() * a
            } else {
                power.square()
            }
        })
    }

    fn difference(a: &Quotient, b: &Quotient) -> Quotient {
        Quotient {
            real: a.real - b.real,
            imaginary: a.imaginary - b.imaginary,
        }
    }

    fn scaled(a: &Quotient, factor: &Fp) -> Quotient {
        Quotient {
            real: a.real * factor,
            imaginary: a.imaginary * factor,
        }
    }

    fn is_zero(a: &Quotient) -> bool {
        (a.real.is_zero() & a.imaginary.is_zero()).into()
    }

    /// In F_p² a product and a square of quotients are what they are before factors are left out.
    #[test]
    fn the_line_is_the_tangent_at_a_point_whose_double_has_order_two() {
        assert!(ROOT.square() == -THREE);
        let s = Quotient {
            real: Fp::ZERO,
            imaginary: ROOT,
        };
        // A line with slope λ meets the curve at three points, whose x coordinates sum up to λ².
        let half = Fp::ONE.double().invert();
        let x = scaled(&difference(&SLOPE.square(), &s), &half);
        let y = scaled(&SLOPE.multiply(&x), &-Fp::ONE);
        let y = difference(&y, &START);
        let cube = x.square().multiply(&x);
        let on_curve = difference(&cube, &scaled(&x, &THREE));
        assert!(is_zero(&difference(&y.square(), &on_curve)));
        let one = Quotient::one();
        let numerator = scaled(&difference(&x.square(), &one), &-THREE);
        let doubled = scaled(&y, &Fp::ONE.double());
        assert!(is_zero(&difference(&SLOPE.multiply(&doubled), &numerator)));
        assert!(!is_zero(&y));
    }

    /// u^q.
    fn value_of(point: &Affine) -> Quotient {
        let torsion = Torsion::of(point);
        let bits = (0..BITS).rev();
        let power = bits.fold(Quotient::one(), |v, bit| torsion.multiply(&v.square(), bit));
        torsion.finish(&power)
    }

    #[test]
    fn the_value_is_one_for_no_torsion_only() {
        let one = value_of(&GENERATOR);
        assert!(bool::from(one.imaginary.is_zero() & !one.real.is_zero()));
        let ratios = [None, Some(GENERATOR)].map(|point| {
            torsion_points().map(|torsion| {
                let sum = point.map(|p| Jacobian::from(&p).add_affine_complete(&torsion));
                value_of(&sum.map_or(torsion, Jacobian::to_affine))
            })
        });
        for [two, four, three_fours] in ratios {
            // i, and 1 + i and 1 - i in some order.
            assert!(bool::from(two.real.is_zero() & !two.imaginary.is_zero()));
            assert!(four.ratio().square() == Fp::ONE && four.ratio() == -three_fours.ratio());
        }
    }

    #[test]
    fn the_digits_are_the_exponent() {
        let add = |sum: U1024, digit: &i8| {
            let absolute = U1024::from_u8(digit.unsigned_abs());
            match digit {
                ..0 => sum.wrapping_sub(&absolute),
                _ => sum.wrapping_add(&absolute),
            }
        };
        let binary = SLIDING.iter().rev();
        let binary = binary.fold(U1024::ZERO, |sum, digit| add(sum.shl_vartime(1), digit));
        let hexadecimal = HEX.iter().rev();
        let hexadecimal = hexadecimal.fold(U1024::ZERO, |sum, d| add(sum.shl_vartime(4), d));
        for sum in [binary, hexadecimal] {
            assert_eq!(sum.shl_vartime(2).wrapping_sub(&U1024::ONE), Q);
        }
        assert!(SLIDING.iter().all(|digit| *digit == 0 || digit % 2 != 0));
        assert!(
            HEX.iter()
                .all(|digit| usize::from(digit.unsigned_abs()) < LANE_POWERS)
        );
    }
}
