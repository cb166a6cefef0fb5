//! Every operation modulo q against `crypto-bigint`, and inversion modulo p and q.

use super::{Numbers, big, edges, product};
use crate::invert::{Modulus, invert};
use crate::limbs::{LIMBS, Limbs, P, Q, to_octets};
use crate::scalar::Scalar;
use crypto_bigint::NonZero;

const OPERATIONS: usize = 100_000;

fn scalar(number: &Limbs) -> Scalar {
    Scalar::from_octets(&to_octets(number)).unwrap()
}

fn check(a: &Limbs, b: &Limbs) {
    let q = NonZero::new(big(&Q)).unwrap();
    let (x, y) = (scalar(a), scalar(b));
    assert_eq!(x.to_octets(), to_octets(a));
    assert_eq!(*x.multiply(&y).number(), product(a, b, &Q));
    assert_eq!(big(&x.add(&y).number()), big(a).add_mod(&big(b), &q));
    assert_eq!(bool::from(x.is_zero()), *a == [0; LIMBS]);
}

#[test]
fn scalars_are_numbers_modulo_q() {
    let edges = edges(&Q);
    for a in &edges {
        edges.iter().for_each(|b| check(a, b));
    }
    let mut numbers = Numbers(2);
    for _ in 0..OPERATIONS {
        check(&numbers.below(&Q), &numbers.below(&Q));
    }
}

#[test]
fn an_inverse_times_its_number_is_one() {
    let mut numbers = Numbers(3);
    for modulus in [P, Q] {
        let prepared = Modulus::new(&modulus);
        let random = (0..20_000).map(|_| numbers.below(&modulus));
        for number in edges(&modulus).into_iter().chain(random) {
            let inverse = invert(&number, &prepared);
            let one = u64::from(number != [0; LIMBS]);
            assert_eq!(product(&inverse, &number, &modulus), [one, 0, 0, 0]);
            assert!(big(&inverse) < big(&modulus));
        }
    }
    for number in edges(&Q).iter().skip(1) {
        let a = scalar(number);
        assert_eq!(*a.multiply(&a.invert()).number(), [1, 0, 0, 0]);
    }
    assert!(bool::from(Scalar::reduce(&[0; 32]).invert().is_zero()));
}

#[test]
fn octets_from_q_on_are_refused_or_reduced() {
    let q = big(&Q);
    for excess in [0u8, 1, 200] {
        let octets = q.wrapping_add(&excess.into()).to_be_bytes().into();
        assert!(Scalar::from_octets(&octets).is_none());
        assert_eq!(*Scalar::reduce(&octets).number(), [excess.into(), 0, 0, 0]);
    }
    assert!(Scalar::from_octets(&[0xFF; 32]).is_none());
    let largest = crypto_bigint::U256::MAX.wrapping_sub(&q);
    assert_eq!(big(&Scalar::reduce(&[0xFF; 32]).number()), largest);
    assert!(bool::from(Scalar::from_octets(&[0; 32]).unwrap().is_zero()));
}

// A number may be a secret: it cannot be printed.
static_assertions::assert_not_impl_any!(Scalar: core::fmt::Debug, core::fmt::Display, Copy);
