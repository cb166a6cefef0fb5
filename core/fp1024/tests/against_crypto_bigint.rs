//! Every operation against `crypto-bigint`, on random numbers and on the edges.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use crypto_bigint::{NonZero, Odd, U1024, U2048};
use proptest::prelude::*;
use roger_fp1024::{
    BACKEND_VARIABLE, Backend, ENTRIES, Fp, Fp8, LaneMask, MODULUS, NotReduced, OddModulus, Table,
};
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
    let sum = product(a, b).add_mod(&product(b, b), &p());
    assert_eq!(number(&Fp::sum_of_products([(&x, &y), (&y, &y)])), sum);
    let [real, imaginary] = Fp::complex_product([&x, &y], [&y, &x]);
    assert_eq!(number(&real), U1024::ZERO);
    assert_eq!(
        number(&imaginary),
        product(a, a).add_mod(&product(b, b), &p())
    );
    let [real, imaginary] = Fp::complex_product([&x, &y], [&x, &y]);
    assert_eq!(number(&real), product(a, a).sub_mod(&product(b, b), &p()));
    assert_eq!(number(&imaginary), product(a, b).double_mod(&p()));
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

/// (a + ib)² as often as it says, and whether the ratio of the parts is the same.
fn check_chain(a: &U1024, b: &U1024, times: usize) {
    let (mut x, mut y) = (*a, *b);
    for _ in 0..times {
        let real = product(&x.add_mod(&y, &p()), &x.sub_mod(&y, &p()));
        y = product(&x, &y).double_mod(&p());
        x = real;
    }
    let (real, imaginary) = Fp::square_quotient(&fp(a), &fp(b), times);
    assert!(real * fp(&y) == imaginary * fp(&x), "{times} times");
    let both_zero = x == U1024::ZERO && y == U1024::ZERO;
    assert_eq!(bool::from(real.is_zero() & imaginary.is_zero()), both_zero);
}

#[test]
fn chains_of_squares_agree() {
    let edges = edges();
    for (a, b) in edges.iter().zip(edges.iter().rev()) {
        for times in [0, 1, 2, 5] {
            check_chain(a, b, times);
            check_chain(a, a, times);
        }
    }
    check_chain(&edges[40], &edges[17], 300);
    // Limbs of 52 bits that are all zeros or ones, on which carries run far.
    let power = |limb: u32| U1024::ONE.shl_vartime(52 * limb);
    let powers = (0..20).map(power).map(|power| power.rem_vartime(&p()));
    for power in powers {
        for a in [power, power.wrapping_sub(&U1024::ONE), power.neg_mod(&p())] {
            for b in [U1024::ZERO, U1024::ONE, a, a.neg_mod(&p()), edges[5]] {
                check_chain(&a, &b, 1);
                check_chain(&b, &a, 3);
            }
        }
    }
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

/// p and (p + 1) / 4, the order of the SAKKE group.
static PRIMES: [OddModulus; 2] = [OddModulus::new(&MODULUS), OddModulus::new(&quarter())];

/// Moduli that fill all bits, have few, or are no primes.
static OTHERS: [(OddModulus, [u64; 16]); 4] = [
    other([u64::MAX; 16]),
    other(words(3, 0)),
    other(words(15, 0)),
    other(words(1, 1 << 63)),
];

const fn other(words: [u64; 16]) -> (OddModulus, [u64; 16]) {
    (OddModulus::new(&words), words)
}

const fn words(lowest: u64, highest: u64) -> [u64; 16] {
    let mut words = [0; 16];
    (words[0], words[15]) = (lowest, highest);
    words
}

const fn quarter() -> [u64; 16] {
    let sum = U1024::from_words(MODULUS).wrapping_add(&U1024::ONE);
    sum.shr_vartime(2).to_words()
}

/// Whether the inverse is that of `crypto-bigint`; of numbers without an inverse only zero is looked at.
fn check_inverse(inverter: &OddModulus, modulus: &[u64; 16], number: &U1024) {
    let modulus = Odd::new(U1024::from_words(*modulus)).unwrap();
    let number = number.rem_vartime(modulus.as_nz_ref());
    let inverse = U1024::from_words(inverter.invert(&number.to_words()));
    let expected: Option<U1024> = number.invert_odd_mod(&modulus).into();
    if number == U1024::ZERO {
        assert_eq!(inverse, U1024::ZERO);
    } else if let Some(expected) = expected {
        assert_eq!(inverse, expected, "1 / {number} modulo {modulus}");
    }
}

fn check_inverses(number: &U1024) {
    check_inverse(&PRIMES[0], &MODULUS, number);
    check_inverse(&PRIMES[1], &quarter(), number);
    for (inverter, modulus) in &OTHERS {
        check_inverse(inverter, modulus, number);
    }
}

#[test]
fn inverses_of_edge_values_agree_modulo_any_odd_number() {
    let q = U1024::from_words(quarter());
    let last =
        |modulus: U1024| (1..5u8).map(move |less| modulus.wrapping_sub(&U1024::from_u8(less)));
    let small = (0..40u8).map(U1024::from_u8);
    let powers = (0..1024)
        .step_by(17)
        .map(|bits| U1024::ONE.shl_vartime(bits));
    let mut numbers: Vec<U1024> = edges();
    numbers.extend(small.chain(powers).chain(last(q)).chain(last(U1024::MAX)));
    for number in &numbers {
        check_inverses(number);
    }
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
    #![proptest_config(ProptestConfig::with_cases(5000))]

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

    #[test]
    fn random_inverses_agree_modulo_any_odd_number(words in prop::array::uniform16(any::<u64>())) {
        check_inverses(&U1024::from_words(words));
        let modulus = core::array::from_fn(|i| words[15 - i] | u64::from(i == 0));
        check_inverse(&OddModulus::new(&modulus), &modulus, &U1024::from_words(words));
    }

    #[test]
    fn random_chains_agree(a in element(), b in element(), times in 0usize..20) {
        check_chain(&a, &b, times);
    }
}

fn lanes(numbers: &[U1024; 8]) -> Fp8 {
    Fp8::from_lanes(&numbers.map(|number| fp(&number)))
}

fn check_lanes(result: Fp8, expected: impl Fn(usize) -> U1024) {
    for (lane, element) in result.to_lanes().iter().enumerate() {
        assert_eq!(number(element), expected(lane), "lane {lane}");
    }
}

fn check_eight(a: &[U1024; 8], b: &[U1024; 8], c: &[U1024; 8]) {
    let (x, y, z) = (lanes(a), lanes(b), lanes(c));
    check_lanes(x, |l| a[l]);
    check_lanes(x + y, |l| a[l].add_mod(&b[l], &p()));
    check_lanes(x - y, |l| a[l].sub_mod(&b[l], &p()));
    check_lanes(-&x, |l| a[l].neg_mod(&p()));
    check_lanes(x * y, |l| product(&a[l], &b[l]));
    check_lanes(x.square(), |l| product(&a[l], &a[l]));
    let two = |l: usize| product(&a[l], &b[l]).add_mod(&product(&b[l], &c[l]), &p());
    check_lanes(Fp8::sum_of_products([(&x, &y), (&y, &z)]), two);
    let three = |l: usize| two(l).add_mod(&product(&c[l], &a[l]), &p());
    check_lanes(Fp8::sum_of_products([(&x, &y), (&y, &z), (&z, &x)]), three);
    let [real, imaginary] = Fp8::complex_product([&x, &y], [&y, &z]);
    check_lanes(real, |l| {
        product(&a[l], &b[l]).sub_mod(&product(&b[l], &c[l]), &p())
    });
    let cross = |l: usize| product(&a[l], &c[l]).add_mod(&product(&b[l], &b[l]), &p());
    check_lanes(imaginary, cross);
    // What comes out of one operation is what may go into the next.
    let chain = |l: usize| {
        let sum = a[l].add_mod(&b[l], &p()).add_mod(&a[l], &p());
        product(&sum.sub_mod(&c[l], &p()), &sum)
    };
    check_lanes((x + y + x - z) * (x + y + x), chain);
    let mask = LaneMask(a[0].to_words()[0] as u8);
    let chosen = |l: usize| if (mask.0 >> l) & 1 == 1 { b[l] } else { a[l] };
    check_lanes(Fp8::blend(&x, &y, mask), chosen);
    check_lanes(x.rotate(3), |l| a[(l + 3) % 8]);
    let index: [u8; 8] = core::array::from_fn(|l| (b[l].to_words()[0] % 4) as u8);
    let named = |l: usize| [a[l], b[l], c[l], U1024::ZERO][usize::from(index[l])];
    check_lanes(Fp8::select([x, y, z].iter(), &index), named);
    let zeros = (0..8).filter(|l| a[*l] == U1024::ZERO);
    assert!((x).zero_lanes() == LaneMask(zeros.fold(0, |mask, l| mask | 1 << l)));
    assert!((x + -x).zero_lanes() == LaneMask(0xFF));
}

#[test]
fn eight_edge_values_agree() {
    let edges = edges();
    let at = |i: usize| edges[i % edges.len()];
    for i in 0..edges.len() {
        for step in [0, 1, 7] {
            let a = core::array::from_fn(|l| at(i + step * l));
            let b = core::array::from_fn(|l| at(i * 3 + l));
            let c = core::array::from_fn(|l| at(i * 5 + 2 * l));
            check_eight(&a, &b, &c);
        }
    }
}

#[test]
fn eight_by_eight_is_transposed() {
    let cell = |m: usize, l: usize| U1024::from_u16((m * 8 + l) as u16);
    let numbers: [Fp8; 8] = core::array::from_fn(|m| lanes(&core::array::from_fn(|l| cell(m, l))));
    for (l, column) in Fp8::transpose(&numbers).iter().enumerate() {
        check_lanes(*column, |m| cell(m, l));
    }
}

#[test]
fn every_entry_of_eight_tables_is_picked() {
    let cell = |n: usize, l: usize| U1024::from_words([(n * 8 + l) as u64; 16]);
    let entries = core::array::from_fn(|n| lanes(&core::array::from_fn(|l| cell(n, l))));
    let tables = Table::from_lanes(&entries);
    for n in 0..ENTRIES {
        let index = core::array::from_fn(|l| ((n + 5 * l) % ENTRIES) as u8);
        for (l, table) in tables.iter().enumerate() {
            assert_eq!(number(&table.pick(n as u8)), cell(n, l));
            check_lanes(table.pick_in_lanes(&index), |lane| {
                cell(usize::from(index[lane]), l)
            });
        }
        check_lanes(Table::pick_from_each(tables.each_ref(), &index), |l| {
            cell(usize::from(index[l]), l)
        });
    }
}

#[test]
fn eight_wide_batches_with_zeros_are_inverted() {
    let edges = edges();
    let numbers: Vec<Fp8> = (0..11)
        .map(|i| lanes(&core::array::from_fn(|l| edges[(i * 8 + l) % edges.len()])))
        .collect();
    let mut inverses = numbers.clone();
    Fp8::invert_all(&mut inverses);
    for (number, inverse) in numbers.iter().zip(&inverses) {
        let (number, inverse) = (number.to_lanes(), inverse.to_lanes());
        for (number, inverse) in number.iter().zip(&inverse) {
            assert!(number.invert() == *inverse);
        }
    }
    Fp8::invert_all(&mut []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn random_eights_agree(numbers in prop::collection::vec(element(), 24)) {
        let (eights, _) = numbers.as_chunks::<8>();
        let [a, b, c] = eights else { unreachable!() };
        check_eight(a, b, c);
    }
}

/// The tests above run with one backend, which a process chooses once: all of them again, once for each.
#[test]
fn every_backend_agrees() {
    if std::env::var_os(BACKEND_VARIABLE).is_some() {
        return; // this is one of the runs below
    }
    for backend in Backend::available() {
        let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
        tests.env(BACKEND_VARIABLE, backend.to_string());
        let output = tests.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{backend}: {text}");
    }
}

#[test]
fn an_unknown_backend_is_refused_by_name() {
    let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
    tests.env(BACKEND_VARIABLE, "abacus");
    tests.args(["--exact", "edge_values_agree"]);
    let output = tests.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success());
    assert!(
        text.contains("ROGER_FP=abacus") && text.contains("portable"),
        "{text}"
    );
}
