//! The curve y² = x³ - 3x over F_p and multiplication of its points.

use super::scalar::{Q_BITS, Scalar};
use crate::error::PointError;
use roger_fp1024::{Fp, OCTETS as COORDINATE_OCTETS};
use std::sync::LazyLock;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// Octets of an encoded point, `04 ∥ x ∥ y` (RFC 6508 cl. 4).
pub const POINT_OCTETS: usize = 1 + 2 * COORDINATE_OCTETS;

/// P, generator of the group of order q (RFC 6509 Appendix A).
pub(super) const GENERATOR: Affine = Affine {
    x: Fp::from_hex(concat!(
        "53FC09EE332C29AD0A7990053ED9B52A2B1A2FD60AEC69C698B2F204B6FF7CBF",
        "B5EDB6C0F6CE2308AB10DB9030B09E1043D5F22CDB9DFA55718BD9E7406CE890",
        "9760AF765DD5BCCB337C86548B72F2E1A702C3397A60DE74A7C1514DBA66910D",
        "D5CFB4CC80728D87EE9163A5B63F73EC80EC46C4967E0979880DC8ABEAE63895",
    )),
    y: Fp::from_hex(concat!(
        "0A8249063F6009F1F9F1F0533634A135D3E82016029906963D778D821E141178",
        "F5EA69F4654EC2B9E7F7F5E5F0DE55F66B598CCF9A140B2E416CFF0CA9E032B9",
        "70DAE117AD547C6CCAD696B5B7652FE0AC6F1E80164AA989492D979FC5A4D5F2",
        "13515AD7E9CB99A980BDAD5AD5BB4636ADB9B5706A67DCDE75573FD71BEF16D7",
    )),
};

/// Odd multiples of P, made once.
pub(super) static GENERATOR_MULTIPLES: LazyLock<OddMultiples> =
    LazyLock::new(|| OddMultiples::new(&GENERATOR));

/// A point that is not infinity.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Affine {
    pub(super) x: Fp,
    pub(super) y: Fp,
}

impl Zeroize for Affine {
    fn zeroize(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
    }
}

impl Affine {
    /// Decodes `04 ∥ x ∥ y` and checks the curve's equation, not the order (RFC 6508 cl. 4).
    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, PointError> {
        let wrong_length = PointError::Length {
            wanted: POINT_OCTETS,
            given: octets.len(),
        };
        let octets: &[u8; POINT_OCTETS] = octets.try_into().map_err(|_| wrong_length)?;
        let (prefix, coordinates) = octets.split_first().ok_or(wrong_length)?;
        if *prefix != 0x04 {
            return Err(PointError::Prefix(*prefix));
        }
        let (halves, _) = coordinates.as_chunks::<COORDINATE_OCTETS>();
        let [x, y] = halves else {
            return Err(wrong_length);
        };
        let x = Fp::from_octets(x).map_err(|_| PointError::NotReduced)?;
        let y = Fp::from_octets(y).map_err(|_| PointError::NotReduced)?;
        let point = Self { x, y };
        if point.is_on_curve() {
            return Ok(point);
        }
        Err(PointError::NotOnCurve)
    }

    fn is_on_curve(&self) -> bool {
        let three = Fp::ONE.double() + Fp::ONE;
        self.y.square() == self.x * (self.x.square() - three)
    }

    pub(super) fn to_octets(self) -> [u8; POINT_OCTETS] {
        let mut octets = [0x04; POINT_OCTETS];
        let coordinates = self.x.to_octets().into_iter().chain(self.y.to_octets());
        for (to, from) in octets.iter_mut().skip(1).zip(coordinates) {
            *to = from;
        }
        octets
    }

    pub(super) fn negate(&self) -> Self {
        Self {
            x: self.x,
            y: -self.y,
        }
    }

    fn conditional_negate(&mut self, choice: Choice) {
        self.y.conditional_assign(&-self.y, choice);
    }

    /// Whether [q]self is infinity, for public points of any order.
    pub(super) fn has_order_q_vartime(&self) -> bool {
        let q_minus_one = Scalar::minus_one();
        let mut multiple = Jacobian::from(self);
        for bit in (0..Q_BITS - 1).rev() {
            multiple = multiple.double();
            if q_minus_one.bits(bit, 1) == 1 {
                multiple = multiple.add_affine_complete(self);
            }
        }
        multiple.is_negation_of(self).into()
    }
}

/// A point as (X/Z², Y/Z³); infinity has Z = 0.
#[derive(Clone, Copy, Default)]
pub(super) struct Jacobian {
    pub(super) x: Fp,
    pub(super) y: Fp,
    pub(super) z: Fp,
}

impl Zeroize for Jacobian {
    fn zeroize(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
        self.z.zeroize();
    }
}

impl From<&Affine> for Jacobian {
    fn from(point: &Affine) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: Fp::ONE,
        }
    }
}

impl ConditionallySelectable for Jacobian {
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self {
            x: Fp::conditional_select(&a.x, &b.x, choice),
            y: Fp::conditional_select(&a.y, &b.y, choice),
            z: Fp::conditional_select(&a.z, &b.z, choice),
        }
    }
}

/// What a doubling computes besides the double, for the tangent of the Miller loop.
pub(super) struct Doubling {
    pub(super) double: Jacobian,
    /// Z².
    pub(super) z_squared: Fp,
    /// Y².
    pub(super) y_squared: Fp,
    /// 3(X² - Z⁴), the slope of the tangent times 2YZ.
    pub(super) slope: Fp,
}

/// What an addition computes besides the sum, for the chord of the Miller loop and for exceptional cases.
pub(super) struct Addition {
    pub(super) sum: Jacobian,
    /// Twice the difference of the y coordinates, brought to Z³: the slope of the chord times the Z of the sum.
    pub(super) slope: Fp,
    /// The difference of the x coordinates, brought to Z²: zero when the points are equal or opposite.
    x_difference: Fp,
}

impl Jacobian {
    /// [2]self for any point, infinity and points of order 2 included. 3 products, 5 squares.
    pub(super) fn double(&self) -> Self {
        self.double_with_slope().double
    }

    pub(super) fn double_with_slope(&self) -> Doubling {
        let z_squared = self.z.square();
        let y_squared = self.y.square();
        let beta = self.x * y_squared;
        let difference = (self.x - z_squared) * (self.x + z_squared);
        let slope = difference.double() + difference;
        let beta4 = beta.double().double();
        let x = slope.square() - beta4.double();
        let z = (self.y + self.z).square() - y_squared - z_squared;
        let y = slope * (beta4 - x) - y_squared.square().double().double().double();
        Doubling {
            double: Self { x, y, z },
            z_squared,
            y_squared,
            slope,
        }
    }

    /// self + other where neither is infinity and they are not equal; opposite points give infinity.
    /// 7 products, 4 squares.
    pub(super) fn add_affine(&self, other: &Affine) -> Self {
        self.add_affine_with_slope(other).sum
    }

    pub(super) fn add_affine_with_slope(&self, other: &Affine) -> Addition {
        let z_squared = self.z.square();
        let h = other.x * z_squared - self.x;
        let h_squared = h.square();
        let i = h_squared.double().double();
        let j = h * i;
        let slope = (other.y * self.z * z_squared - self.y).double();
        let v = self.x * i;
        let x = slope.square() - j - v.double();
        let y = slope * (v - x) - (self.y * j).double();
        let z = (self.z + h).square() - z_squared - h_squared;
        Addition {
            sum: Self { x, y, z },
            slope,
            x_difference: h,
        }
    }

    /// self + other for any self, in constant time.
    pub(super) fn add_affine_complete(&self, other: &Affine) -> Self {
        let addition = self.add_affine_with_slope(other);
        let other = Self::from(other);
        let equal = addition.x_difference.is_zero() & addition.slope.is_zero();
        let sum = Self::conditional_select(&addition.sum, &other.double(), equal);
        Self::conditional_select(&sum, &other, self.z.is_zero())
    }

    /// self + other where neither is infinity and they are not equal. 11 products, 5 squares.
    fn add(&self, other: &Self) -> Self {
        let z1 = self.z.square();
        let z2 = other.z.square();
        let u1 = self.x * z2;
        let s1 = self.y * other.z * z2;
        let h = other.x * z1 - u1;
        let i = h.double().square();
        let j = h * i;
        let slope = (other.y * self.z * z1 - s1).double();
        let v = u1 * i;
        let x = slope.square() - j - v.double();
        let y = slope * (v - x) - (s1 * j).double();
        let z = ((self.z + other.z).square() - z1 - z2) * h;
        Self { x, y, z }
    }

    /// The affine point, given 1/Z; infinity, with 0 for it, becomes (0, 0).
    pub(super) fn to_affine_with(self, inverse_of_z: &Fp) -> Affine {
        let square = inverse_of_z.square();
        Affine {
            x: self.x * square,
            y: self.y * square * inverse_of_z,
        }
    }

    pub(super) fn to_affine(self) -> Affine {
        self.to_affine_with(&self.z.invert())
    }

    pub(super) fn is_infinity(&self) -> Choice {
        self.z.is_zero()
    }

    /// Whether it is that point, in constant time and without inversion.
    pub(super) fn is(&self, point: &Affine) -> Choice {
        let z_squared = self.z.square();
        let x = self.x.ct_eq(&(point.x * z_squared));
        let y = self.y.ct_eq(&(point.y * z_squared * self.z));
        x & y & !self.is_infinity()
    }

    pub(super) fn is_negation_of(&self, point: &Affine) -> Choice {
        self.is(&point.negate())
    }
}

/// Bits of a window of the recoded scalar.
pub(super) const WINDOW: usize = 5;

/// Entries of a table of odd multiples.
pub(super) const TABLE: usize = 1 << (WINDOW - 1);

/// 1, 3, 5, … 31 times a public point of order q, looked up in constant time.
#[derive(Clone)]
pub(super) struct OddMultiples([Affine; TABLE]);

impl OddMultiples {
    /// Makes the table with one inversion. The point must have order q.
    pub(super) fn new(point: &Affine) -> Self {
        let mut multiple = Jacobian::from(point);
        let double = multiple.double();
        let mut multiples = [multiple; TABLE];
        for entry in multiples.iter_mut().skip(1) {
            multiple = multiple.add(&double);
            *entry = multiple;
        }
        let mut inverses = multiples.map(|entry| entry.z);
        Fp::invert_all(&mut inverses);
        let mut table = [Affine::default(); TABLE];
        for ((entry, multiple), inverse) in table.iter_mut().zip(&multiples).zip(&inverses) {
            *entry = multiple.to_affine_with(inverse);
        }
        Self(table)
    }

    fn point(&self) -> &Affine {
        let [point, ..] = &self.0;
        point
    }

    /// The multiple of a digit: every entry is read.
    fn select(&self, digit: OddDigit) -> Affine {
        let mut selected = Affine::default();
        for (entry, index) in self.0.iter().zip(0u8..) {
            let wanted = index.ct_eq(&digit.index);
            selected.x.conditional_assign(&entry.x, wanted);
            selected.y.conditional_assign(&entry.y, wanted);
        }
        selected.conditional_negate(digit.negative);
        selected
    }

    /// [k]point in constant time, where k has at most `bits` bits; `bits` is public. k = 0 gives infinity.
    ///
    /// k made odd is written with digits ±1, ±3 … ±31, none of them zero, so that every step does the same.
    /// Before the last addition the multiple is 32·m with 1 <= m < q/32: never infinity, never ± a table entry.
    /// The last addition and the correction for even k can meet such cases and use the complete formula.
    pub(super) fn multiply(&self, k: &Scalar, bits: usize) -> Jacobian {
        let windows = bits.div_ceil(WINDOW);
        let mut result = Jacobian::from(&self.select(OddDigit::top(k, windows)));
        for window in (0..windows.saturating_sub(1)).rev() {
            for _ in 0..WINDOW {
                result = result.double();
            }
            let multiple = self.select(OddDigit::at(k, window));
            result = match window {
                0 => result.add_affine_complete(&multiple),
                _ => result.add_affine(&multiple),
            };
        }
        let less_one = result.add_affine_complete(&self.point().negate());
        Jacobian::conditional_select(&result, &less_one, k.is_even())
    }
}

/// A digit of the signed odd representation of k | 1: (2·index + 1), negated or not.
#[derive(Clone, Copy)]
pub(super) struct OddDigit {
    pub(super) index: u8,
    pub(super) negative: Choice,
}

impl OddDigit {
    /// The digit of a window but the topmost one: 2m - 31 for the five bits m above the window's lowest one.
    pub(super) fn at(k: &Scalar, window: usize) -> Self {
        let m = k.bits(window * WINDOW + 1, WINDOW) as u8;
        let positive = (m >> (WINDOW - 1)) & 1;
        let flip = positive.wrapping_sub(1) & (TABLE as u8 - 1);
        Self {
            index: (m & (TABLE as u8 - 1)) ^ flip,
            negative: !Choice::from(positive),
        }
    }

    /// The topmost digit, 2m + 1.
    pub(super) fn top(k: &Scalar, windows: usize) -> Self {
        let first = windows.saturating_sub(1) * WINDOW + 1;
        Self {
            index: k.bits(first, WINDOW) as u8,
            negative: Choice::from(0),
        }
    }
}
