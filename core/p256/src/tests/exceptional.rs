//! Additions whose operands are equal, opposite or infinity, which hostile keys can reach.

use super::Numbers;
use super::curve::{our_point, scalar, their_point, their_scalar};
use crate::arithmetic::{Affine, Arithmetic, Fe};
use crate::coordinates::{Jacobian, Sum};
use crate::limbs::{Limbs, Q, add, is_reduced, sub};
use crate::point::{Point, to_point};
use crate::portable::Portable;
use crate::{KeyTable, PublicSum, generator};
use p256::ProjectivePoint;
use p256::elliptic_curve::group::Group;

fn multiple(k: u64) -> Point {
    Point::multiply_generator(&scalar(&[k, 0, 0, 0])).unwrap()
}

fn opposite(point: &Point) -> Point {
    Point(Affine {
        x: point.0.x,
        y: Portable::negate(&point.0.y),
    })
}

/// The same point with another Z.
fn scaled<A: Arithmetic>(point: &Point) -> Jacobian {
    let z = Fe::from_limbs(&[7, 5, 3, 1]);
    let zz = A::square(&z);
    Jacobian {
        x: A::mul(&point.0.x, &zz),
        y: A::mul(&point.0.y, &A::mul(&zz, &z)),
        z,
        zz,
    }
}

fn check_additions<A: Arithmetic>() {
    let (p, twice) = (multiple(5), multiple(10));
    let sum = scaled::<A>(&p).to_sum::<A>();
    let point = |sum: &Sum| to_point::<A>(sum);
    assert!(point(&sum) == Some(p));
    assert!(point(&sum.add_vartime::<A>(&p.0)) == Some(twice));
    assert!(point(&sum.add_vartime::<A>(&opposite(&p).0)).is_none());
    assert!(point(&Sum::INFINITY.add_vartime::<A>(&p.0)) == Some(p));
    assert!(point(&sum.add_vartime::<A>(&twice.0)) == Some(multiple(15)));
    // Infinity that came from an addition is infinity for the next one.
    let infinity = sum.add_vartime::<A>(&opposite(&p).0);
    assert!(point(&infinity.add_vartime::<A>(&twice.0)) == Some(twice));
    assert!(
        infinity
            .to_jacobian::<A>()
            .double::<A>()
            .z
            .is_zero_vartime()
    );

    let jacobian = scaled::<A>(&p);
    let point = |sum: Jacobian| to_point::<A>(&sum.to_sum::<A>());
    let cached = |p: &Point| scaled::<A>(p).cache::<A>();
    assert!(point(jacobian.add_vartime::<A>(&cached(&p))) == Some(twice));
    assert!(point(jacobian.add_vartime::<A>(&cached(&opposite(&p)))).is_none());
    assert!(point(jacobian.add_vartime::<A>(&Jacobian::INFINITY.cache::<A>())) == Some(p));
    assert!(point(Jacobian::INFINITY.add_vartime::<A>(&cached(&p))) == Some(p));
    assert!(point(jacobian.add_vartime::<A>(&cached(&twice))) == Some(multiple(15)));
    assert!(point(Jacobian::INFINITY.double::<A>()).is_none());
    let back = jacobian.to_sum::<A>().to_jacobian::<A>();
    assert!(point(back) == Some(p));
}

#[test]
fn equal_opposite_and_infinite_points_add_right() {
    check_additions::<Portable>();
    #[cfg(target_arch = "x86_64")]
    if crate::adx::is_available() {
        check_additions::<crate::adx::Adx>();
    }
}

/// The k for which the last digit's point equals the sum before: k = 2D modulo q with D = d·2^(W·(n-1)), and their
/// neighbours and opposites.
fn wrapping_multipliers() -> Vec<Limbs> {
    let mut list = Vec::new();
    for bit in 245..256 {
        for odd in (1..64).step_by(2) {
            let mut d = [odd, 0, 0, 0];
            for _ in 0..bit {
                d = add(&d, &d, &Q);
            }
            for k in [d, add(&d, &d, &Q)] {
                list.extend([k, sub(&[0; 4], &k, &Q), add(&k, &[1, 0, 0, 0], &Q)]);
            }
        }
    }
    list
}

#[test]
fn the_multiplier_whose_last_addition_is_a_doubling_is_right() {
    let list = wrapping_multipliers();
    assert!(list.iter().all(|k| is_reduced(k, &Q) == 1));
    for k in list {
        let theirs = ProjectivePoint::mul_by_generator(&their_scalar(&k));
        let ours = generator::multiply::<Portable>(&scalar(&k));
        assert!(to_point::<Portable>(&ours) == our_point(&theirs));
        assert!(Point::multiply_generator(&scalar(&k)) == our_point(&theirs));
    }
}

#[test]
fn terms_with_the_same_and_opposite_points_add_right() {
    let mut numbers = Numbers(11);
    let g = Point::GENERATOR;
    let [a, b] = core::array::from_fn(|_| numbers.below(&Q));
    let minus = |k: &Limbs| sub(&[0; 4], k, &Q);
    for point in [g, opposite(&g), multiple(2), opposite(&multiple(3))] {
        let table = KeyTable::new(&point);
        for (k, l, m) in [
            (a, b, a),
            (a, a, a),
            (a, minus(&a), a),
            (a, minus(&a), [0; 4]),
            ([0; 4], [0; 4], [0; 4]),
            ([1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]),
            ([2, 0, 0, 0], minus(&[1, 0, 0, 0]), minus(&[1, 0, 0, 0])),
        ] {
            let theirs = their_point(&point) * their_scalar(&k)
                + ProjectivePoint::GENERATOR * their_scalar(&l)
                + their_point(&point) * their_scalar(&m);
            let ours = PublicSum::multiple(&point, &scalar(&k))
                .add_generator(&scalar(&l))
                .add_multiple(&table, &scalar(&m));
            assert!(ours.to_point() == our_point(&theirs));
        }
        let sum = PublicSum::multiple(&point, &scalar(&[1, 0, 0, 0]));
        assert!(sum.add_point(&opposite(&point)).to_point().is_none());
        assert!(sum.add_point(&point).to_point() == our_point(&their_point(&point).double()));
    }
}
