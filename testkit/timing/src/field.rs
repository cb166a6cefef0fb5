//! The field of SAKKE and the numbers of P-256. The fixed inputs are those that code in a hurry treats better: zero,
//! one, the first entry.

// What is made here is valid; when it is not, the measurement must stop.
#![allow(clippy::expect_used)]

use crate::measure::{Side, compare};
use crate::registry::{Expectation, Size, TimingTest};
use crate::source::{octets, scalar_octets};
use dudect_bencher::{BenchRng, CtRunner};
use roger_fp1024::{ENTRIES, Fp, Fp8, LANES, LaneMask, Table};
use roger_p256::{Point, Scalar};
use std::array;

/// Operations too short for a clock are repeated on what they give.
const REPEATED: usize = 16;

/// Squarings of a quotient.
const SQUARINGS: usize = 16;

macro_rules! tests {
    ($($name:ident: $size:ident, $classes:literal;)*) => {
        /// The tests of this file.
        pub(crate) const TESTS: &[TimingTest] = &[$(TimingTest {
            name: stringify!($name),
            size: Size::$size,
            expectation: Expectation::ConstantTime,
            classes: $classes,
            run: $name,
        },)*];
    };
}

tests! {
    fp_product: Field, "0·0, random";
    fp_square: Field, "0², random";
    fp_sum: Field, "0 + 0 and 0 - 0, random";
    fp_square_quotient: Field, "(0, 0), random";
    fp_inversion: Field, "1/1, random";
    fp8_product: Field, "0·0, random";
    fp8_sum_of_products: Field, "0, random";
    table_pick: Field, "first entry, random entries";
    table_pick_in_lanes: Field, "first entry in all lanes, random entries";
    table_pick_from_each: Field, "first entry of all tables, random entries";
    fp8_blend: Field, "no lane negated, random lanes";
    fp8_zero_lanes: Field, "all zero, random";
    p256_scalar_inversion: Signature, "1/1, random";
    p256_multiple_of_generator: Signature, "[1]G, random";
}

/// A random element.
pub(crate) fn element(random: &mut BenchRng) -> Fp {
    loop {
        if let Ok(element) = Fp::from_octets(&octets(random)) {
            return element;
        }
    }
}

fn element_or_zero(side: Side, random: &mut BenchRng) -> Fp {
    side.choose(Fp::ZERO, element(random))
}

/// Lanes of another element each; making many of them would take longer than measuring them.
fn lanes_or_zero(side: Side, random: &mut BenchRng) -> Fp8 {
    let lanes = Fp8::from_lanes(&array::from_fn(|_| element(random)));
    side.choose(Fp8::ZERO, lanes)
}

fn fp_product(runner: &mut CtRunner, random: &mut BenchRng) {
    let pair = |side, random: &mut BenchRng| {
        (element_or_zero(side, random), element_or_zero(side, random))
    };
    compare(runner, random, pair, |(a, b)| {
        (0..REPEATED).fold(*a, |product, _| product * b)
    });
}

fn fp_square(runner: &mut CtRunner, random: &mut BenchRng) {
    compare(runner, random, element_or_zero, |a| {
        (0..REPEATED).fold(*a, |square, _| square.square())
    });
}

fn fp_sum(runner: &mut CtRunner, random: &mut BenchRng) {
    let pair = |side, random: &mut BenchRng| {
        (element_or_zero(side, random), element_or_zero(side, random))
    };
    compare(runner, random, pair, |(a, b)| {
        (0..REPEATED).fold((*a, *b), |(a, b), _| (a + b, b - a))
    });
}

fn fp_square_quotient(runner: &mut CtRunner, random: &mut BenchRng) {
    let pair = |side, random: &mut BenchRng| {
        (element_or_zero(side, random), element_or_zero(side, random))
    };
    compare(runner, random, pair, |(a, b)| {
        Fp::square_quotient(a, b, SQUARINGS)
    });
}

fn fp_inversion(runner: &mut CtRunner, random: &mut BenchRng) {
    let one_or_any = |side: Side, random: &mut BenchRng| side.choose(Fp::ONE, element(random));
    compare(runner, random, one_or_any, Fp::invert);
}

fn fp8_product(runner: &mut CtRunner, random: &mut BenchRng) {
    let pair =
        |side, random: &mut BenchRng| (lanes_or_zero(side, random), lanes_or_zero(side, random));
    compare(runner, random, pair, |(a, b)| (*a * b) * b);
}

fn fp8_sum_of_products(runner: &mut CtRunner, random: &mut BenchRng) {
    let pair =
        |side, random: &mut BenchRng| (lanes_or_zero(side, random), lanes_or_zero(side, random));
    compare(runner, random, pair, |(a, b)| {
        Fp8::sum_of_products([(a, a), (a, b), (b, b)])
    });
}

fn tables(random: &mut BenchRng) -> [Table; LANES] {
    Table::from_lanes(&array::from_fn(|_| lanes_or_zero(Side::Random, random)))
}

fn first_or_any_entries(side: Side, random: &mut BenchRng) -> [u8; LANES] {
    let random: [u8; LANES] = octets(random);
    side.choose([0; LANES], random.map(|index| index % ENTRIES as u8))
}

fn table_pick(runner: &mut CtRunner, random: &mut BenchRng) {
    let [table, ..] = tables(random);
    compare(runner, random, first_or_any_entries, |indices| {
        indices.map(|index| table.pick(index))
    });
}

fn table_pick_in_lanes(runner: &mut CtRunner, random: &mut BenchRng) {
    let tables = tables(random);
    compare(runner, random, first_or_any_entries, |indices| {
        tables.each_ref().map(|table| table.pick_in_lanes(indices))
    });
}

fn table_pick_from_each(runner: &mut CtRunner, random: &mut BenchRng) {
    let tables = tables(random);
    compare(runner, random, first_or_any_entries, |indices| {
        Table::pick_from_each(tables.each_ref(), indices)
    });
}

fn fp8_blend(runner: &mut CtRunner, random: &mut BenchRng) {
    let number = lanes_or_zero(Side::Random, random);
    let mask = |side: Side, random: &mut BenchRng| {
        let [mask] = octets(random);
        LaneMask(side.choose(0, mask))
    };
    compare(runner, random, mask, |mask| {
        (0..REPEATED).fold(number, |number, _| number.negate_lanes(*mask))
    });
}

fn fp8_zero_lanes(runner: &mut CtRunner, random: &mut BenchRng) {
    compare(runner, random, lanes_or_zero, |number| {
        (0..REPEATED).fold(0, |seen, _| {
            seen | std::hint::black_box(number).zero_lanes().0
        })
    });
}

fn one_or_any_scalar(side: Side, random: &mut BenchRng) -> Scalar {
    let mut one = [0; 32];
    one[31] = 1;
    let octets = side.choose(one, scalar_octets(random));
    Scalar::from_octets(&octets).expect("a number below the order")
}

fn p256_scalar_inversion(runner: &mut CtRunner, random: &mut BenchRng) {
    compare(runner, random, one_or_any_scalar, Scalar::invert);
}

fn p256_multiple_of_generator(runner: &mut CtRunner, random: &mut BenchRng) {
    compare(runner, random, one_or_any_scalar, Point::multiply_generator);
}
