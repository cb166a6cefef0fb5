//! The functions of the Miller loop of a point that is known before: everything that depends on it, made once.
//!
//! The loop runs over q - 1 in base 4. A step from m to 4m + d multiplies v⁴ by a function of the curve with zeros
//! at mK (four times), K (d times) and -(4m + d)K and poles at infinity only: a polynomial A(x) + y·B(x). Two
//! doublings and an addition so cost one product, and the product of the lines is worked out here. The steps lie in
//! eight lanes of 64: lane l has the steps 64l to 64l + 63, in the order of the loop.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::point::{Affine, Doubling, Field, Jacobian};
use super::scalar::{Q, Q_BITS};
use crypto_bigint::U1024;
use roger_fp1024::{Fp, Fp8, LANES, LaneMask};
use zeroize::{Zeroize, Zeroizing};

/// Digits of q - 1 in base 4.
const DIGIT_COUNT: usize = Q_BITS.div_ceil(2);

/// Steps of a lane.
pub(super) const ROWS: usize = 64;

/// The digits of q - 1, most significant first: -1, 0, 1 or 2.
pub(super) const DIGITS: [i8; DIGIT_COUNT] = {
    let words = Q.wrapping_sub(&U1024::ONE).to_words();
    let mut digits = [0; DIGIT_COUNT];
    let mut carry = 0;
    let mut i = 0;
    while i < DIGIT_COUNT {
        let here = ((words[i / 32] >> (i % 32 * 2)) & 3) as i8 + carry;
        carry = (here > 2) as i8;
        digits[DIGIT_COUNT - 1 - i] = here - 4 * carry;
        i += 1;
    }
    assert!(carry == 0 && digits[0] == FIRST);
    digits
};

/// The first digit: the loop starts at 2K, with the tangent at K for a function.
const FIRST: i8 = 2;

/// Steps in front that do nothing, so that the lanes are full.
pub(super) const PADDING: usize = LANES * ROWS - DIGIT_COUNT;

/// (x + a2)(x² + a1) + a0 + y·B(x) with B of degree 2, in each lane another one. A function may have any factor of F_p,
/// so it is divided by the leading coefficient of A, and A costs one product.
#[derive(Clone, Copy, Default)]
pub(super) struct Function<F> {
    pub(super) a: [F; 3],
    pub(super) b: [F; 3],
}

impl<F: Field> Zeroize for Function<F> {
    fn zeroize(&mut self) {
        self.a.zeroize();
        self.b.zeroize();
    }
}

/// What a step is made of: points on the way from C = mK to (4m + d)K, and the slopes of the lines between them times
/// the Z that comes after.
#[derive(Clone, Copy, Default)]
struct Step<F = Fp> {
    c: Jacobian<F>,
    twice: Jacobian<F>,
    tangent: F,
    four_times: Jacobian<F>,
    second_tangent: F,
    sum_z: F,
    chord: F,
}

impl<F: Field> Zeroize for Step<F> {
    fn zeroize(&mut self) {
        self.c.zeroize();
        self.twice.zeroize();
        self.four_times.zeroize();
        let rest = [&mut self.tangent, &mut self.second_tangent];
        let rest = rest.into_iter().chain([&mut self.sum_z, &mut self.chord]);
        rest.for_each(Zeroize::zeroize);
    }
}

/// The small multiples that are added: K, -K, 2K, and the slope of the tangent at K.
struct Multiples {
    once: Affine,
    twice: Affine,
    tangent: Fp,
}

impl Drop for Multiples {
    fn drop(&mut self) {
        self.once.zeroize();
        self.twice.zeroize();
        self.tangent.zeroize();
    }
}

impl Multiples {
    fn of(point: &Affine) -> Self {
        let Doubling { double, slope, .. } = Jacobian::from(point).double_with_slope();
        let inverse = double.z.invert();
        Self {
            once: *point,
            twice: double.to_affine_with(&inverse),
            tangent: slope * inverse,
        }
    }

    fn of_digit(&self, digit: i8) -> Affine {
        match digit {
            -1 => self.once.negate(),
            2 => self.twice,
            _ => self.once,
        }
    }
}

impl Function<Fp8> {
    /// The eight functions.
    pub(super) fn to_lanes(self) -> [Function<Fp>; LANES] {
        let (a, b) = (self.a.map(|a| a.to_lanes()), self.b.map(|b| b.to_lanes()));
        core::array::from_fn(|lane| Function {
            a: a.map(|a| a[lane]),
            b: b.map(|b| b[lane]),
        })
    }
}

/// The functions of all steps, row by row.
pub(super) fn functions(point: &Affine) -> Box<[Function<Fp8>]> {
    let multiples = Multiples::of(point);
    let steps = Zeroizing::new(walk(&multiples));
    let rows = (0..ROWS).map(|row| row_of_polynomials(&steps, &multiples, row));
    let mut rows = Zeroizing::new(rows.collect::<Vec<_>>());
    start(&mut rows, &multiples);
    let leading = rows.iter().map(|row| row.a[3]).collect::<Vec<_>>();
    let mut leading = Zeroizing::new(leading);
    Fp8::invert_all(&mut leading);
    let functions = rows.iter().zip(leading.iter());
    functions
        .map(|(row, inverse)| row.divided(inverse))
        .collect()
}

/// The points of all steps; those in front of the second digit stay empty.
fn walk(multiples: &Multiples) -> Vec<Step> {
    let mut steps = vec![Step::default(); LANES * ROWS];
    let mut c = Jacobian::from(&multiples.twice);
    let (_, walked) = steps.split_at_mut(PADDING + 1);
    for (step, digit) in walked.iter_mut().zip(&DIGITS[1..]) {
        let first = c.double_with_slope();
        let second = first.double.double_with_slope();
        *step = Step {
            c,
            twice: first.double,
            tangent: first.slope,
            four_times: second.double,
            second_tangent: second.slope,
            sum_z: Fp::ONE,
            chord: Fp::ZERO,
        };
        c = second.double;
        if *digit != 0 {
            let addition = c.add_affine_with_slope(&multiples.of_digit(*digit));
            step.sum_z = addition.sum.z;
            step.chord = addition.slope;
            c = addition.sum;
        }
    }
    steps
}

/// The index of a step in the loop.
pub(super) const fn place(lane: usize, row: usize) -> usize {
    lane * ROWS + row
}

/// The digit of a step; steps in front count as zero.
fn digit_of(lane: usize, row: usize) -> i8 {
    let index = place(lane, row).checked_sub(PADDING);
    index
        .and_then(|index| DIGITS.get(index))
        .copied()
        .unwrap_or(0)
}

fn side_by_side(steps: &[Step], row: usize) -> Step<Fp8> {
    let lanes = |of: fn(&Step) -> Fp| {
        Fp8::from_lanes(&core::array::from_fn(|lane| of(&steps[place(lane, row)])))
    };
    let points = |of: fn(&Step) -> &Jacobian| {
        let lane = |lane| *of(&steps[place(lane, row)]);
        Jacobian::side_by_side(&core::array::from_fn::<_, LANES, _>(lane))
    };
    Step {
        c: points(|step| &step.c),
        twice: points(|step| &step.twice),
        tangent: lanes(|step| step.tangent),
        four_times: points(|step| &step.four_times),
        second_tangent: lanes(|step| step.second_tangent),
        sum_z: lanes(|step| step.sum_z),
        chord: lanes(|step| step.chord),
    }
}

/// The function of a step: its tangents and chord multiplied, the vertical lines they have too much divided out.
///
/// For digit 0 it has A of degree 2 and B of degree 1, and is multiplied by x, which is another factor of F_p. It is
/// zero where x is, at (0, 0), which opens nothing anyway.
fn row_of_polynomials(steps: &[Step], multiples: &Multiples, row: usize) -> Polynomials<Fp8> {
    let step = Zeroizing::new(side_by_side(steps, row));
    let mut inverses = Zeroizing::new([step.c.z, step.twice.z, step.four_times.z, step.sum_z]);
    Fp8::invert_all(inverses.as_mut_slice());
    let [of_c, of_twice, of_four_times, of_sum] = &*inverses;
    let c = Zeroizing::new(step.c.to_affine_with(of_c));
    let twice = Zeroizing::new(step.twice.to_affine_with(of_twice));
    let four_times = Zeroizing::new(step.four_times.to_affine_with(of_four_times));
    let addition = Addition::of(multiples, row, &(step.chord * *of_sum), &four_times.x);

    let tangent = Line::through(&c, &(step.tangent * *of_twice));
    let second = Line::through(&twice, &(step.second_tangent * *of_four_times));
    Product::of(&tangent)
        .times(&tangent)
        .times(&second)
        .without_vertical(&twice.x)
        .without_vertical(&twice.x)
        .times(&addition.chord)
        .without_vertical(&four_times.x)
        .times(&addition.tangent)
        .without_vertical(&addition.x_twice)
        .times_x(lanes_with(row, |digit| digit == 0))
        .polynomials()
}

/// The lanes whose digits in this row are wanted.
fn lanes_with(row: usize, wanted: fn(i8) -> bool) -> LaneMask {
    let bits = (0..LANES).map(|lane| u8::from(wanted(digit_of(lane, row))) << lane);
    LaneMask(bits.fold(0, |mask, bit| mask | bit))
}

/// s·y + e_1·x + e_0.
#[derive(Clone, Copy)]
struct Line<F> {
    s: F,
    e: [F; 2],
}

impl<F: Field> Line<F> {
    /// y - y_0 - slope·(x - x_0).
    fn through(point: &Affine<F>, slope: &F) -> Self {
        Self {
            s: F::one(),
            e: [*slope * point.x - point.y, -*slope],
        }
    }

    /// x - x_0.
    fn vertical(x: &F) -> Self {
        Self {
            s: F::default(),
            e: [-*x, F::one()],
        }
    }
}

impl Line<Fp8> {
    /// The other line in the lanes of the mask.
    fn blend(&self, other: &Self, mask: LaneMask) -> Self {
        let [e0, e1] = &self.e;
        let [f0, f1] = &other.e;
        Self {
            s: Fp8::blend(&self.s, &other.s, mask),
            e: [Fp8::blend(e0, f0, mask), Fp8::blend(e1, f1, mask)],
        }
    }
}

/// What the addition of dK contributes: the chord, and for d = 2 the tangent at K, which makes up for the double
/// zero. Where there is none, a vertical line that is divided out again. The digits are public.
struct Addition {
    chord: Line<Fp8>,
    tangent: Line<Fp8>,
    x_twice: Fp8,
}

impl Addition {
    fn of(multiples: &Multiples, row: usize, slope: &Fp8, x_four_times: &Fp8) -> Self {
        let points = core::array::from_fn(|lane| multiples.of_digit(digit_of(lane, row)));
        let point = Affine {
            x: Fp8::from_lanes(&points.map(|point| point.x)),
            y: Fp8::from_lanes(&points.map(|point| point.y)),
        };
        let x_twice = Fp8::splat(&multiples.twice.x);
        let once = Affine {
            x: Fp8::splat(&multiples.once.x),
            y: Fp8::splat(&multiples.once.y),
        };
        let tangent = Line::through(&once, &Fp8::splat(&multiples.tangent));
        let chord = Line::through(&point, slope);
        Self {
            chord: Line::vertical(x_four_times).blend(&chord, lanes_with(row, |digit| digit != 0)),
            tangent: Line::vertical(&x_twice).blend(&tangent, lanes_with(row, |digit| digit == 2)),
            x_twice,
        }
    }
}

/// A product of lines, A(x) + y·B(x) with A of degree 4 and B of degree 3 at most.
#[derive(Clone, Copy)]
struct Product<F> {
    a: [F; 5],
    b: [F; 4],
}

impl<F: Field> Product<F> {
    fn of(line: &Line<F>) -> Self {
        let (zero, [e0, e1]) = (F::default(), line.e);
        Self {
            a: [e0, e1, zero, zero, zero],
            b: [line.s, zero, zero, zero],
        }
    }

    /// Times a line, with y² = x³ - 3x.
    fn times(&self, Line { s, e: [e0, e1] }: &Line<F>) -> Self {
        let zero = F::default();
        let a = |k: usize| self.a.get(k).copied().unwrap_or(zero);
        let b = |k: usize| self.b.get(k).copied().unwrap_or(zero);
        let below =
            |of: &dyn Fn(usize) -> F, k: usize, by: usize| k.checked_sub(by).map_or(zero, of);
        let square = |k: usize| {
            let minus_one = below(&b, k, 1);
            below(&b, k, 3) - minus_one - minus_one.double()
        };
        Self {
            a: core::array::from_fn(|k| {
                F::sum_of_products([(&a(k), e0), (&below(&a, k, 1), e1), (&square(k), s)])
            }),
            b: core::array::from_fn(|k| {
                F::sum_of_products([(&b(k), e0), (&below(&b, k, 1), e1), (&a(k), s)])
            }),
        }
    }

    /// Divided by x - x_0, which divides it: from the highest coefficient down.
    fn without_vertical(&self, x: &F) -> Self {
        Self {
            a: divided(&self.a, x),
            b: divided(&self.b, x),
        }
    }

    fn polynomials(&self) -> Polynomials<F> {
        let [a0, a1, a2, a3, _] = self.a;
        let [b0, b1, b2, _] = self.b;
        Polynomials {
            a: [a0, a1, a2, a3],
            b: [b0, b1, b2],
        }
    }
}

impl Product<Fp8> {
    /// Times x in the lanes of the mask; what is of the highest degree must be zero there.
    fn times_x(&self, mask: LaneMask) -> Self {
        let Self { mut a, mut b } = *self;
        a.rotate_right(1);
        b.rotate_right(1);
        let blend = |from: &Fp8, to: &Fp8| Fp8::blend(from, to, mask);
        Self {
            a: core::array::from_fn(|k| blend(&self.a[k], &a[k])),
            b: core::array::from_fn(|k| blend(&self.b[k], &b[k])),
        }
    }
}

/// A(x) + y·B(x) with A of degree 3 and B of degree 2.
#[derive(Clone, Copy)]
struct Polynomials<F> {
    a: [F; 4],
    b: [F; 3],
}

impl<F: Field> Zeroize for Polynomials<F> {
    fn zeroize(&mut self) {
        self.a.zeroize();
        self.b.zeroize();
    }
}

impl<F: Field> Polynomials<F> {
    /// The function, given the inverse of the leading coefficient of A.
    fn divided(&self, inverse: &F) -> Function<F> {
        let [a0, a1, a2, _] = self.a.map(|a| a * *inverse);
        Function {
            a: [a0 - a1 * a2, a1, a2],
            b: self.b.map(|b| b * *inverse),
        }
    }
}

fn divided<F: Field, const N: usize>(dividend: &[F; N], x: &F) -> [F; N] {
    let mut quotient = [F::default(); N];
    let mut carried = F::default();
    for (to, from) in quotient.iter_mut().rev().skip(1).zip(dividend.iter().rev()) {
        carried = *from + carried * *x;
        *to = carried;
    }
    quotient
}

/// The steps in front of the second digit: nothing, as x³ of F_p, and the tangent at K, times x².
fn start(rows: &mut [Polynomials<Fp8>], multiples: &Multiples) {
    const FIRST_LANE: LaneMask = LaneMask(1);
    let (zero, one) = (Fp8::ZERO, Fp8::one());
    let once = Affine {
        x: Fp8::splat(&multiples.once.x),
        y: Fp8::splat(&multiples.once.y),
    };
    let Line { s, e: [e0, e1] } = Line::through(&once, &Fp8::splat(&multiples.tangent));
    for (row, polynomials) in rows.iter_mut().enumerate().take(PADDING + 1) {
        let (a, b) = if row == PADDING {
            ([zero, zero, e0, e1], [zero, zero, s])
        } else {
            ([zero, zero, zero, one], [zero; 3])
        };
        for (to, from) in polynomials.a.iter_mut().zip(&a) {
            *to = Fp8::blend(to, from, FIRST_LANE);
        }
        for (to, from) in polynomials.b.iter_mut().zip(&b) {
            *to = Fp8::blend(to, from, FIRST_LANE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_q_minus_one() {
        let mut sum = U1024::ZERO;
        for digit in DIGITS {
            sum = sum.shl_vartime(2);
            sum = match digit {
                -1 => sum.wrapping_sub(&U1024::ONE),
                digit => sum.wrapping_add(&U1024::from_u8(digit as u8)),
            };
        }
        assert_eq!(sum, Q.wrapping_sub(&U1024::ONE));
    }
}
