//! Every operation of both backends against `crypto-bigint`.

use super::{Numbers, big, edges, product};
use crate::arithmetic::{Affine, Arithmetic, Fe};
use crate::limbs::{Limbs, P, power_of_two};
use crate::portable::Portable;
use crypto_bigint::NonZero;

const OPERATIONS: usize = 100_000;

/// Montgomery form is compared as it is: mul is a·b/2^256, so 2^256·mul is a·b.
fn check<A: Arithmetic>(a: &Limbs, b: &Limbs) {
    let p = NonZero::new(big(&P)).unwrap();
    let r = power_of_two(256, &P);
    let (x, y) = (Fe(*a), Fe(*b));
    assert_eq!(product(&A::mul(&x, &y).0, &r, &P), product(a, b, &P));
    assert_eq!(product(&A::square(&x).0, &r, &P), product(a, a, &P));
    assert_eq!(big(&A::add(&x, &y).0), big(a).add_mod(&big(b), &p));
    assert_eq!(big(&A::sub(&x, &y).0), big(a).sub_mod(&big(b), &p));
    assert_eq!(A::double(&A::half(&x)).0, *a);
    assert_eq!(A::add(&A::negate(&x), &x).0, Fe::ZERO.0);
    for result in [A::mul(&x, &y), A::square(&x), A::half(&x), A::negate(&x)] {
        assert!(big(&result.0) < *p);
    }
}

fn check_many<A: Arithmetic>() {
    let edges = edges(&P);
    for a in &edges {
        edges.iter().for_each(|b| check::<A>(a, b));
    }
    let mut numbers = Numbers(1);
    for _ in 0..OPERATIONS {
        check::<A>(&numbers.below(&P), &numbers.below(&P));
    }
}

#[test]
fn portable_arithmetic_is_that_of_the_field() {
    check_many::<Portable>();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn adx_arithmetic_is_that_of_the_field() {
    if crate::adx::is_available() {
        check_many::<crate::adx::Adx>();
    }
}

fn check_look_up<A: Arithmetic>() {
    for length in [0, 1, 2, 8, 16, 32, 64, 128] {
        let table: Vec<Affine> = (1..=length).map(numbered).collect();
        for index in 0..length {
            assert!(A::look_up(&table, index) == numbered(index + 1));
        }
        for outside in [length, length + 1, 1 << 32, u64::MAX >> 1] {
            assert!(A::look_up(&table, outside) == Affine::default());
        }
    }
}

fn numbered(n: u64) -> Affine {
    Affine {
        x: Fe([n, n << 8, n << 16, n << 24]),
        y: Fe([n << 32, n << 40, n << 48, !n]),
    }
}

#[test]
fn a_look_up_finds_the_entry_and_nothing_outside() {
    check_look_up::<Portable>();
    #[cfg(target_arch = "x86_64")]
    if crate::adx::is_available() {
        check_look_up::<crate::adx::Adx>();
    }
}

#[test]
fn numbers_from_p_on_are_not_elements() {
    let p = big(&P);
    let octets = |number: crypto_bigint::U256| number.to_be_bytes().into();
    assert!(Fe::from_octets(&octets(p)).is_none());
    assert!(Fe::from_octets(&octets(p.wrapping_add(&1u8.into()))).is_none());
    assert!(Fe::from_octets(&[0xFF; 32]).is_none());
    let largest = octets(p.wrapping_sub(&1u8.into()));
    assert_eq!(Fe::from_octets(&largest).unwrap().to_octets(), largest);
    assert_eq!(Fe::from_octets(&[0; 32]).unwrap().to_octets(), [0; 32]);
}
