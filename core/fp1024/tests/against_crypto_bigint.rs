//! Every operation against `crypto-bigint`, on random numbers and on the edges.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use crypto_bigint::{NonZero, Odd, U1024, U2048};
use proptest::prelude::*;
use roger_fp1024::{Fp, MODULUS, NotReduced};
use subtle::{Choice, ConditionallySelectable};

fn p() -> NonZero<U1024> {
    NonZero::new(U1024::from_words(MODULUS)).unwrap()
}

fn octets(number: &U1024) -> [u8; 128] {
    number.to_be_bytes().as_ref().try_into().unwrap()
}

fn fp(number: &U1024) -> Fp {
    Fp::from_octets(&octets(number)).ok().unwrap()
}

fn number(element: &Fp) -> U1024 {
    U1024::from_be_slice(&element.to_octets())
}

fn product(a: &U1024, b: &U1024) -> U1024 {
    let (low, high) = a.widening_mul(b);
    let wide: U2048 = low.concat(&high);
    let modulus: U2048 = p().get().concat(&U1024::ZERO);
    let rest = wide.rem_vartime(&NonZero::new(modulus).unwrap());
    U1024::from_be_slice(&rest.to_be_bytes().as_ref()[128..])
}

fn edges() -> Vec<U1024> {
    let p = p().get();
    let one = U1024::ONE;
    let two = U1024::from_u8(2);
    let half = p.shr_vartime(1);
    let r = U1024::ZERO.wrapping_sub(&p);
    let mut list = vec![
        U1024::ZERO,
        one,
        two,
        p.wrapping_sub(&one),
        p.wrapping_sub(&two),
    ];
    list.extend([
        half,
        half.wrapping_add(&one),
        r,
        r.wrapping_sub(&one),
        p.wrapping_sub(&r),
    ]);
    list.extend((0..16).map(|limb| one.shl_vartime(64 * limb)));
    list.extend((1..16).map(|limb| one.shl_vartime(64 * limb).wrapping_sub(&one)));
    list
}

fn check_pair(a: &U1024, b: &U1024) {
    let (x, y) = (fp(a), fp(b));
    assert_eq!(number(&(x + y)), a.add_mod(b, &p()));
    assert_eq!(number(&(x - y)), a.sub_mod(b, &p()));
    assert_eq!(number(&(x * y)), product(a, b));
    assert_eq!(x == y, a == b);
    assert!(Fp::conditional_select(&x, &y, Choice::from(0)) == x);
    assert!(Fp::conditional_select(&x, &y, Choice::from(1)) == y);
}

fn check_single(a: &U1024) {
    let x = fp(a);
    assert_eq!(number(&x), *a, "decode, encode");
    assert_eq!(number(&x.square()), product(a, a));
    assert_eq!(number(&x.double()), a.double_mod(&p()));
    assert_eq!(number(&-x), a.neg_mod(&p()));
    assert_eq!(bool::from(x.is_zero()), *a == U1024::ZERO);
    let odd = Odd::new(p().get()).unwrap();
    let inverse = a.invert_odd_mod(&odd);
    let expected = if *a == U1024::ZERO {
        U1024::ZERO
    } else {
        inverse.unwrap()
    };
    assert_eq!(number(&x.invert()), expected);
}

#[test]
fn edge_values_agree() {
    let edges = edges();
    for a in &edges {
        check_single(a);
        for b in &edges {
            check_pair(a, b);
        }
    }
}

#[test]
fn unreduced_numbers_are_refused() {
    let p = p().get();
    for above in [0u8, 1, 2, 255] {
        let number = p.wrapping_add(&U1024::from_u8(above));
        assert_eq!(Fp::from_octets(&octets(&number)).err(), Some(NotReduced));
    }
    assert_eq!(Fp::from_octets(&[0xFF; 128]).err(), Some(NotReduced));
    let mut top_only = [0; 128];
    top_only[0] = 0x9A;
    assert_eq!(Fp::from_octets(&top_only).err(), Some(NotReduced));
}

#[test]
fn constants_are_what_they_say() {
    assert_eq!(number(&Fp::ZERO), U1024::ZERO);
    assert_eq!(number(&Fp::ONE), U1024::ONE);
    let mut seven = [0; 16];
    seven[0] = 7;
    assert_eq!(number(&Fp::from_limbs(seven)), U1024::from_u8(7));
}

#[test]
fn a_batch_with_zeros_is_inverted_one_by_one() {
    let edges = edges();
    let mut batch: Vec<Fp> = edges.iter().map(fp).collect();
    batch.push(Fp::ZERO);
    let singles: Vec<Fp> = batch.iter().map(Fp::invert).collect();
    Fp::invert_all(&mut batch);
    assert!(batch == singles);
    Fp::invert_all(&mut []);
}

fn element() -> impl Strategy<Value = U1024> {
    prop_oneof![
        4 => prop::array::uniform16(any::<u64>()).prop_map(|words| U1024::from_words(words).rem_vartime(&p())),
        // limbs of all zeros and all ones find carries that random limbs never make
        1 => prop::array::uniform16(prop_oneof![Just(0u64), Just(u64::MAX), any::<u64>()])
            .prop_map(|words| U1024::from_words(words).rem_vartime(&p())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_pairs_agree(a in element(), b in element()) {
        check_pair(&a, &b);
    }

    #[test]
    fn random_distributive_law(a in element(), b in element(), c in element()) {
        let (a, b, c) = (fp(&a), fp(&b), fp(&c));
        prop_assert!((a + b) * c == a * c + b * c);
        prop_assert!((a - b) * (a + b) == a.square() - b.square());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_singles_agree(a in element()) {
        check_single(&a);
    }
}
