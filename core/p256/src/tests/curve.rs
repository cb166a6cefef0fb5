//! Points and their multiples against RustCrypto's `p256`, with both backends.

use super::{Numbers, edges};
use crate::arithmetic::Arithmetic;
use crate::coordinates::Sum;
use crate::limbs::{Limbs, Q, to_octets};
use crate::point::to_point;
use crate::portable::Portable;
use crate::recoding::{Magnitude, non_adjacent_form, signed_windows};
use crate::window_table::WindowTable;
use crate::{DecodeError, KeyTable, Point, PublicSum, Scalar, SenderTable, generator, public_sum};
use p256::elliptic_curve::ff::PrimeField;
use p256::elliptic_curve::group::Group;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::{AffinePoint, FieldBytes, ProjectivePoint};

pub(super) fn scalar(number: &Limbs) -> Scalar {
    Scalar::from_octets(&to_octets(number)).unwrap()
}

pub(super) fn their_scalar(number: &Limbs) -> p256::Scalar {
    p256::Scalar::from_repr(FieldBytes::from(to_octets(number))).unwrap()
}

pub(super) fn their_point(point: &Point) -> ProjectivePoint {
    let (x, y) = (FieldBytes::from(point.x()), FieldBytes::from(point.y()));
    AffinePoint::from_coordinates(&x, &y).unwrap().into()
}

pub(super) fn our_point(theirs: &ProjectivePoint) -> Option<Point> {
    let affine = theirs.to_affine();
    let infinity: bool = affine.is_identity().into();
    (!infinity).then(|| {
        Point::from_coordinates(&affine.x().into(), &affine.y().into())
            .ok()
            .unwrap()
    })
}

fn same(ours: &Option<Point>, theirs: &ProjectivePoint) {
    assert!(*ours == our_point(theirs));
}

/// The numbers that recodings get wrong first, then random ones.
fn multipliers(random: usize, seed: u64) -> Vec<Limbs> {
    let mut numbers = Numbers(seed);
    let small = (0..70).map(|n| [n, 0, 0, 0]);
    let mut list: Vec<Limbs> = edges(&Q).into_iter().chain(small).collect();
    list.extend((0..random).map(|_| numbers.below(&Q)));
    list
}

fn check_generator<A: Arithmetic>() {
    for k in multipliers(300, 4) {
        let theirs = ProjectivePoint::mul_by_generator(&their_scalar(&k));
        same(
            &to_point::<A>(&generator::multiply::<A>(&scalar(&k))),
            &theirs,
        );
    }
}

fn check_tables<A: Arithmetic, const W: usize, const S: usize>() {
    let point = Point::multiply_generator(&scalar(&Numbers(5).below(&Q))).unwrap();
    let table = WindowTable::<W, S>::new(&point);
    for k in multipliers(100, 6) {
        let theirs = their_point(&point) * their_scalar(&k);
        same(&to_point::<A>(&table.multiple::<A>(&k)), &theirs);
        same(
            &to_point::<A>(&public_sum::multiple::<A>(&point, &k)),
            &theirs,
        );
    }
}

fn check_backend<A: Arithmetic>() {
    check_generator::<A>();
    check_tables::<A, 8, 1>();
    check_tables::<A, 6, 2>();
    check_tables::<A, 5, 3>();
}

#[test]
fn portable_multiples_are_those_of_another_implementation() {
    check_backend::<Portable>();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn adx_multiples_are_those_of_another_implementation() {
    if crate::adx::is_available() {
        check_backend::<crate::adx::Adx>();
    }
}

#[test]
fn a_batch_gives_what_one_by_one_gives() {
    let numbers: Vec<Scalar> = multipliers(3, 7).iter().map(scalar).collect();
    let batch = Point::multiply_generator_batch(&numbers);
    assert_eq!(batch.len(), numbers.len());
    for (k, point) in numbers.iter().zip(&batch) {
        assert!(*point == Point::multiply_generator(k));
    }
    assert!(Point::multiply_generator_batch(&[]).is_empty());
}

#[test]
fn sums_are_those_of_another_implementation() {
    let mut numbers = Numbers(8);
    for _ in 0..200 {
        let [a, b, c, d, e] = core::array::from_fn(|_| numbers.below(&Q));
        let points = [d, e].map(|k| Point::multiply_generator(&scalar(&k)).unwrap());
        let theirs = their_point(&points[0]) * their_scalar(&a)
            + ProjectivePoint::GENERATOR * their_scalar(&b)
            + their_point(&points[1]) * their_scalar(&c)
            + their_point(&points[1]);
        let first = [
            PublicSum::multiple(&points[0], &scalar(&a)),
            PublicSum::multiple_of_sender(&SenderTable::new(&points[0]), &scalar(&a)),
        ];
        for sum in first {
            let sum = sum
                .add_generator(&scalar(&b))
                .add_multiple(&KeyTable::new(&points[1]), &scalar(&c))
                .add_point(&points[1]);
            let point = sum.to_point().unwrap();
            same(&Some(point), &theirs);
            assert!(sum.x_is(&point.x()));
            assert!(!sum.x_is(&point.y()));
        }
    }
}

#[test]
fn coordinates_are_checked() {
    let g = Point::GENERATOR;
    assert!(Point::from_coordinates(&g.x(), &g.y()) == Ok(g));
    assert!(Point::from_coordinates(&g.y(), &g.x()) == Err(DecodeError::NotOnCurve));
    assert!(Point::from_coordinates(&[0; 32], &[0; 32]) == Err(DecodeError::NotOnCurve));
    assert!(Point::from_coordinates(&[0xFF; 32], &g.y()) == Err(DecodeError::NotReduced));
    assert!(Point::from_coordinates(&g.x(), &[0xFF; 32]) == Err(DecodeError::NotReduced));
}

#[test]
fn x_of_infinity_is_nothing() {
    let zero = scalar(&[0; 4]);
    let infinity = PublicSum::multiple(&Point::GENERATOR, &zero);
    assert!(infinity.to_point().is_none());
    assert!(!infinity.x_is(&[0; 32]));
    assert!(!infinity.x_is(&Point::GENERATOR.x()));
    assert!(!PublicSum(Sum::INFINITY).x_is(&[0; 32]));
    // Not reduced: x + p would be the same element.
    assert!(!PublicSum(Sum::INFINITY).x_is(&[0xFF; 32]));
}

#[test]
fn digits_add_up_to_the_number() {
    let two = p256::Scalar::from(2u64);
    let value = |digits: &[i16], shift: usize| {
        digits.iter().rev().fold(p256::Scalar::ZERO, |sum, digit| {
            let shifted = (0..shift).fold(sum, |sum, _| sum * two);
            let magnitude = p256::Scalar::from(u64::from(digit.unsigned_abs()));
            if *digit < 0 {
                shifted - magnitude
            } else {
                shifted + magnitude
            }
        })
    };
    for k in multipliers(300, 9) {
        let magnitude = Magnitude::new(&k);
        let wanted = their_scalar(&k);
        assert_eq!(value(&signed_windows::<8>(&magnitude)[..32], 8), wanted);
        assert_eq!(value(&signed_windows::<6>(&magnitude)[..43], 6), wanted);
        assert_eq!(value(&signed_windows::<5>(&magnitude)[..52], 5), wanted);
        assert_eq!(value(&non_adjacent_form::<5>(&magnitude), 1), wanted);
        assert_eq!(value(&non_adjacent_form::<4>(&magnitude), 1), wanted);
    }
}
