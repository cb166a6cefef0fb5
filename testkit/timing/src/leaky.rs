//! Code that leaks on purpose: what a hurried author would write. The same measurement must find each of these, or its
//! silence about the others would prove nothing.

use crate::eccsi::{MESSAGE, any_signing_key};
use crate::field::element;
use crate::measure::{Side, compare};
use crate::registry::{Expectation, Size, TimingTest};
use crate::sakke::{kms, receiver};
use crate::source::{Given, octets, scalar_octets};
use dudect_bencher::{BenchRng, CtRunner};
use roger_base::Secret;
use roger_fp1024::Fp;
use roger_ibc::sakke::{EncapsulatedData, encapsulate};
use std::hint::black_box;

/// Entries of a table that is searched.
const ENTRIES: usize = 16;

/// How often a long operation works with its secret: a leak of a few hundredths of its time.
const REPEATED: usize = 4;

macro_rules! tests {
    ($($name:ident: $size:ident, $classes:literal;)*) => {
        /// The tests of this file.
        pub(crate) const TESTS: &[TimingTest] = &[$(TimingTest {
            name: stringify!($name),
            size: Size::$size,
            expectation: Expectation::Leak,
            classes: $classes,
            run: $name,
        },)*];
    };
}

tests! {
    leaky_comparison: Field, "equal, different; stops at the first difference";
    leaky_power: Field, "exponent 0, random; a product for each bit that is set";
    leaky_look_up: Field, "first entry, random; stops when the entry is found";
    leaky_signing: Signature, "secret 0, random; a product for each bit that is set";
    leaky_encapsulation: Pairing, "SSV 0, random; a product for each bit that is set";
    leaky_opening: Pairing, "SED valid, H wrong; the secret is worked with only when there is one";
}

fn leaky_comparison(runner: &mut CtRunner, random: &mut BenchRng) {
    let pair = |side: Side, random: &mut BenchRng| {
        let a = octets::<128>(random);
        (a, side.choose(a, octets::<128>(random)))
    };
    compare(runner, random, pair, |(a, b)| {
        a.iter().zip(b).all(|(a, b)| black_box(a) == b)
    });
}

/// Square and multiply, with a branch for each bit of the exponent.
fn power(base: &Fp, exponent: &[u8]) -> Fp {
    let bits = exponent
        .iter()
        .flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
    bits.fold(Fp::ONE, |power, bit| {
        let square = power.square();
        if black_box(bit) == 1 {
            square * base
        } else {
            square
        }
    })
}

fn leaky_power(runner: &mut CtRunner, random: &mut BenchRng) {
    let base = element(random);
    let exponent = |side: Side, random: &mut BenchRng| side.choose([0; 4], octets(random));
    compare(runner, random, exponent, |exponent| power(&base, exponent));
}

fn leaky_look_up(runner: &mut CtRunner, random: &mut BenchRng) {
    let table: Vec<_> = (0..ENTRIES).map(|_| element(random)).collect();
    let index = |side: Side, random: &mut BenchRng| {
        let [index] = octets(random);
        side.choose(0, usize::from(index) % ENTRIES)
    };
    compare(runner, random, index, |wanted| {
        let mut numbered = table.iter().enumerate();
        numbered
            .find(|(number, _)| black_box(number) == wanted)
            .map(|(_, entry)| *entry)
    });
}

fn leaky_signing(runner: &mut CtRunner, random: &mut BenchRng) {
    let (key, base) = (any_signing_key(random), element(random));
    let input = |side: Side, random: &mut BenchRng| {
        (
            side.choose([0; 4], octets::<4>(random)),
            scalar_octets(random),
        )
    };
    compare(runner, random, input, |(secret, j)| {
        let signature = key.sign(MESSAGE, &mut Given(*j));
        (signature.is_ok(), power(&base, secret))
    });
}

fn leaky_encapsulation(runner: &mut CtRunner, random: &mut BenchRng) {
    let (kms, id, base) = (kms(random), octets::<32>(random), element(random));
    let ssv = |side: Side, random: &mut BenchRng| side.choose([0; 16], octets(random));
    compare(runner, random, ssv, |ssv| {
        let data = encapsulate(kms.public(), &id, &Secret::new(*ssv));
        (data, power(&base, &[*ssv; REPEATED].concat()))
    });
}

/// The secret is worked with only when there is one: some 800 products of the field after some 15,000.
fn leaky_opening(runner: &mut CtRunner, random: &mut BenchRng) {
    let (kms, id, base) = (kms(random), octets::<32>(random), element(random));
    let key = receiver(&kms, &id);
    key.prepare();
    let data = |side: Side, random: &mut BenchRng| {
        let data = encapsulate(kms.public(), &id, &Secret::new(octets(random)));
        let mut octets = data.as_octets().to_vec();
        if let (Side::Random, Some(last)) = (side, octets.last_mut()) {
            *last ^= 1;
        }
        EncapsulatedData::from_octets(&octets).unwrap_or(data)
    };
    compare(runner, random, data, |data| {
        let secret = key.decapsulate(data).ok()?;
        Some(power(&base, &secret.expose().repeat(REPEATED)))
    });
}
