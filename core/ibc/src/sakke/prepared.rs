//! The Miller loop of a point that is known before: the functions of its steps, which were made once, are evaluated at
//! another point and multiplied up.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::miller::{DIGITS, Function, PADDING, ROWS, functions, place};
use super::point::{Affine, Field};
use super::quotient::Quotient;
use super::torsion::{Torsion, TorsionInLanes};
use roger_fp1024::{Backend, Fp, Fp8, LANES};
use zeroize::{Zeroize, Zeroizing};

/// The functions of all steps, as the backend goes through them. Secret when the point is.
pub(super) struct PreparedPoint(Functions);

enum Functions {
    /// Row by row.
    InLanes(Box<[Function<Fp8>]>),
    /// Step by step, without those in front that do nothing.
    InOrder(Box<[Function<Fp>]>),
}

impl Drop for PreparedPoint {
    fn drop(&mut self) {
        match &mut self.0 {
            Functions::InLanes(rows) => rows.iter_mut().zeroize(),
            Functions::InOrder(steps) => steps.iter_mut().zeroize(),
        }
    }
}

impl PreparedPoint {
    /// Octets of a prepared point at most.
    pub(super) const OCTETS: usize = ROWS * size_of::<Function<Fp8>>();

    /// Works out the functions of a point of order q.
    pub(super) fn new(point: &Affine) -> Self {
        if Backend::selected().is_wide() {
            return Self::in_lanes(point);
        }
        Self::in_order(point)
    }

    fn in_lanes(point: &Affine) -> Self {
        Self(Functions::InLanes(functions(point)))
    }

    fn in_order(point: &Affine) -> Self {
        let rows = Zeroizing::new(functions(point));
        let lanes: Vec<_> = rows.iter().map(|row| row.to_lanes()).collect();
        let lanes = Zeroizing::new(lanes);
        let steps = PADDING..LANES * ROWS;
        let steps = steps.map(|step| lanes[step % ROWS][step / ROWS]);
        Self(Functions::InOrder(steps.collect()))
    }

    /// <point, R> for a point R of order q, an element of even order of PF_p for all others: the functions at the
    /// distorted R = (-x, iy), multiplied up (RFC 6508 cl. 3.2), and the torsion of R.
    pub(super) fn pairing_with_torsion(&self, r: &Affine) -> Quotient {
        let at = Place::of(r);
        match &self.0 {
            Functions::InLanes(rows) => {
                let torsion = TorsionInLanes::of(r);
                torsion.finish(&multiply_in_lanes(rows, &at.in_all_lanes(), &torsion))
            }
            Functions::InOrder(steps) => {
                let torsion = Torsion::of(r);
                torsion.finish(&multiply_in_order(steps, &at, &torsion))
            }
        }
    }
}

/// The lanes side by side, each as if it came first; then the lanes one after the other.
fn multiply_in_lanes(
    rows: &[Function<Fp8>],
    at: &Place<Fp8>,
    torsion: &TorsionInLanes,
) -> Quotient {
    let mut v = Zeroizing::new(Quotient::<Fp8>::one());
    for (row, function) in rows.iter().enumerate() {
        *v = v.square().square().multiply(&at.evaluate(function));
        // The last of two steps has the weight of a hexadecimal digit.
        if row % 2 == 1 {
            let places = core::array::from_fn(|lane| (LANES * ROWS - 1 - place(lane, row)) / 2);
            *v = v.multiply(&torsion.power(&places));
        }
    }
    let lanes = Zeroizing::new(v.to_lanes());
    let [first, others @ ..] = &*lanes;
    let others = others.iter();
    others.fold(*first, |v, lane| v.square_times(2 * ROWS).multiply(lane))
}

/// The loop as it is, where eight elements at once cost as much as eight; what a digit makes zero is left out.
fn multiply_in_order(steps: &[Function<Fp>], at: &Place<Fp>, torsion: &Torsion) -> Quotient {
    let Some((first, steps)) = steps.split_first() else {
        return Quotient::one();
    };
    let mut v = Zeroizing::new(at.evaluate(first));
    let mut bit = 2 * steps.len();
    *v = torsion.multiply(&v, bit);
    for (function, digit) in steps.iter().zip(&DIGITS[1..]) {
        *v = torsion.multiply(&v.square(), bit - 1);
        bit -= 2;
        *v = torsion.multiply(&v.square(), bit);
        *v = v.multiply(&at.evaluate_for(*digit, function));
    }
    *v
}

/// Where the functions are evaluated: X and X² for X = -x; and y, Xy and X²y.
struct Place<F> {
    x: [F; 2],
    y: [F; 3],
}

impl Place<Fp> {
    fn of(q: &Affine) -> Self {
        let x = -q.x;
        let square = x.square();
        Self {
            x: [x, square],
            y: [q.y, x * q.y, square * q.y],
        }
    }

    fn in_all_lanes(&self) -> Place<Fp8> {
        Place {
            x: self.x.map(|power| Fp8::splat(&power)),
            y: self.y.map(|power| Fp8::splat(&power)),
        }
    }

    /// The value of the function of a step with this digit: b0 is zero for digit 0, b2 for ±1.
    fn evaluate_for(&self, digit: i8, function: &Function<Fp>) -> Quotient {
        let [y, xy, x2y] = &self.y;
        let [b0, b1, b2] = &function.b;
        Quotient {
            real: self.real(function),
            imaginary: match digit {
                0 => Fp::sum_of_products([(b1, xy), (b2, x2y)]),
                2 => Fp::sum_of_products([(b0, y), (b1, xy), (b2, x2y)]),
                _ => Fp::sum_of_products([(b0, y), (b1, xy)]),
            },
        }
    }
}

impl<F: Field> Place<F> {
    /// A(X).
    fn real(&self, function: &Function<F>) -> F {
        let [x, x2] = &self.x;
        let [a0, a1, a2] = &function.a;
        a2.plus(x).times(&a1.plus(x2)).plus(a0)
    }

    /// A(X) + i·y·B(X).
    fn evaluate(&self, function: &Function<F>) -> Quotient<F> {
        let [y, xy, x2y] = &self.y;
        let [b0, b1, b2] = &function.b;
        Quotient {
            real: self.real(function),
            imaginary: F::sum_of_products([(b0, y), (b1, xy), (b2, x2y)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixed_base;
    use super::super::generator::{GENERATOR, MULTIPLES, PAIRING_OF_GENERATOR};
    use super::super::pairing::pairing;
    use super::super::recoding::OddDigits;
    use super::super::scalar::Scalar;
    use super::*;

    #[test]
    fn a_prepared_point_pairs_like_any_other() {
        let prepared = PreparedPoint::new(&GENERATOR);
        assert!(prepared.pairing_with_torsion(&GENERATOR).ratio() == PAIRING_OF_GENERATOR);
        for text in [b"a", b"b", b"c"] {
            let digits = OddDigits::of(&Scalar::from_hash(&[text]));
            let point = fixed_base::multiply(&vec![(&MULTIPLES, &digits)]).to_affine();
            let expected = pairing(&point, &GENERATOR).value.ratio();
            assert!(prepared.pairing_with_torsion(&point).ratio() == expected);
            for own in [
                PreparedPoint::in_lanes(&point),
                PreparedPoint::in_order(&point),
            ] {
                assert!(own.pairing_with_torsion(&GENERATOR).ratio() == expected);
            }
        }
    }

    #[test]
    fn coefficients_that_are_left_out_are_zero() {
        let PreparedPoint(Functions::InOrder(steps)) = &PreparedPoint::in_order(&GENERATOR) else {
            unreachable!()
        };
        for (Function { b, .. }, digit) in steps.iter().zip(DIGITS).skip(1) {
            let [zero, not_zero] = match digit {
                0 => [b[0], b[1]],
                1 | -1 => [b[2], b[0]],
                _ => continue,
            };
            assert!(zero == Fp::ZERO && not_zero != Fp::ZERO);
        }
    }
}
