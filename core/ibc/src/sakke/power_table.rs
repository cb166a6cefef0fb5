//! Powers of a number of PF_p that is known before: g of the parameter set.

use super::point::Field;
use super::quotient::Quotient;
use super::recoding::{Digit, EightDigits, GROUPS, OddDigits, PASSES, PLACES, WINDOW};
use roger_fp1024::{Backend, ENTRIES, Fp, Fp8, LANES, Table};
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

/// Odd powers of 2^(12n)-th powers of an element, as ratios; the inverse of a ratio is its negative.
pub(super) struct PowerTable(Box<[Table]>);

impl PowerTable {
    /// Makes the table of 1 + i·ratio.
    pub(super) fn new(ratio: &Fp) -> Self {
        let groups: Vec<_> = window_starts(ratio).iter().map(odd_powers).collect();
        let mut inverses: Vec<_> = groups.as_flattened().iter().map(|p| p.real).collect();
        Fp8::invert_all(&mut inverses);
        let inverses = inverses.chunks(ENTRIES);
        let tables = groups.iter().zip(inverses);
        let tables = tables.flat_map(|(powers, inverses)| tables_of(powers, inverses));
        Self(tables.collect())
    }

    /// The power whose exponent has these digits, in constant time, not yet as a ratio (RFC 6508 cl. 6.2.1 step 4).
    /// The digits are those of a multiplication on its own, or without lanes any.
    pub(super) fn power(&self, digits: &OddDigits) -> Quotient {
        if !Backend::selected().is_wide() {
            return over_passes(|product, pass| self.pass_in_order(product, digits, pass));
        }
        product_of_lanes(&over_passes(|product, pass| {
            self.pass_in_lanes(product, digits, pass)
        }))
    }

    /// The powers of up to eight members side by side, with digits made for members.
    pub(super) fn powers(&self, members: &[&OddDigits]) -> Quotient<Fp8> {
        let Some(first) = members.first() else {
            return Quotient::one();
        };
        let members = core::array::from_fn(|lane| *members.get(lane).unwrap_or(first));
        over_passes(|product, pass| self.pass_for_members(product, &members, pass))
    }

    fn pass_in_order(&self, product: Quotient, digits: &OddDigits, pass: usize) -> Quotient {
        let places = self.0.iter().zip(0..digits.places());
        places.fold(product, |product, (table, place)| {
            let Digit { index, negative } = digits.digit(pass, place);
            let mut ratio = table.pick(index);
            ratio.conditional_assign(&-ratio, Choice::from(negative));
            product.multiply_by_ratio(&ratio)
        })
    }

    /// With eight windows side by side.
    fn pass_in_lanes(
        &self,
        product: Quotient<Fp8>,
        digits: &OddDigits,
        pass: usize,
    ) -> Quotient<Fp8> {
        let groups = self.0.as_chunks::<LANES>().0.iter().zip(0..GROUPS);
        groups.fold(product, |product, (tables, group)| {
            let digits = digits.group(pass, group);
            let ratio = Table::pick_from_each(tables.each_ref(), &digits.index);
            product.multiply_by_ratio(&ratio.negate_lanes(digits.negative))
        })
    }

    fn pass_for_members(
        &self,
        product: Quotient<Fp8>,
        members: &[&OddDigits; LANES],
        pass: usize,
    ) -> Quotient<Fp8> {
        let places = self.0.iter().zip(0..PLACES);
        places.fold(product, |product, (table, place)| {
            let digits = EightDigits::of_members(members, pass, place);
            let ratio = table.pick_in_lanes(&digits.index);
            product.multiply_by_ratio(&ratio.negate_lanes(digits.negative))
        })
    }
}

/// One after all passes, the last first, with the 64th power between them.
fn over_passes<F: Field>(multiply: impl Fn(Quotient<F>, usize) -> Quotient<F>) -> Quotient<F> {
    const LAST: usize = PASSES - 1;
    let first = multiply(Quotient::one(), LAST);
    (0..LAST).rev().fold(first, |product, pass| {
        let raised = (0..WINDOW).fold(product, |product, _| product.square());
        multiply(raised, pass)
    })
}

/// 2^(12n)-th powers for eight values of n in each group.
fn window_starts(ratio: &Fp) -> Vec<Quotient<Fp8>> {
    let mut power = Quotient::of_ratio(*ratio);
    let mut groups = Vec::with_capacity(GROUPS);
    for _ in 0..GROUPS {
        let mut lanes = [Quotient::default(); LANES];
        for lane in &mut lanes {
            *lane = power;
            power = (0..WINDOW * PASSES).fold(power, |power, _| power.square());
        }
        groups.push(Quotient::side_by_side(&lanes));
    }
    groups
}

/// The powers with exponents 1, 3, 5, … 63.
fn odd_powers(element: &Quotient<Fp8>) -> [Quotient<Fp8>; ENTRIES] {
    let square = element.square();
    let mut power = *element;
    let mut powers = [power; ENTRIES];
    for entry in powers.iter_mut().skip(1) {
        power = power.multiply(&square);
        *entry = power;
    }
    powers
}

/// The tables of a group, given the inverses of the real parts.
fn tables_of(powers: &[Quotient<Fp8>; ENTRIES], inverses: &[Fp8]) -> [Table; LANES] {
    let mut ratios = [Fp8::ZERO; ENTRIES];
    for (ratio, (power, inverse)) in ratios.iter_mut().zip(powers.iter().zip(inverses)) {
        *ratio = power.imaginary * inverse;
    }
    Table::from_lanes(&ratios)
}

fn product_of_lanes(lanes: &Quotient<Fp8>) -> Quotient {
    let mut product = Zeroizing::new(*lanes);
    for distance in [4, 2, 1] {
        let other = Zeroizing::new(Quotient {
            real: product.real.rotate(distance),
            imaginary: product.imaginary.rotate(distance),
        });
        *product = product.multiply(&other);
    }
    let [real, ..] = product.real.to_lanes();
    let [imaginary, ..] = product.imaginary.to_lanes();
    Quotient { real, imaginary }
}

#[cfg(test)]
mod tests {
    use super::super::generator::{PAIRING_OF_GENERATOR, POWERS};
    use super::super::scalar::Scalar;
    use super::*;

    fn power_of_generator(exponent: &Scalar) -> Quotient {
        POWERS.power(&OddDigits::of(exponent))
    }

    #[test]
    fn small_powers_are_repeated_products() {
        let g = Quotient::of_ratio(PAIRING_OF_GENERATOR);
        let mut expected = g;
        for exponent in 1..70u8 {
            let power = power_of_generator(&Scalar::from_identifier(&[exponent]));
            assert!(power.ratio() == expected.ratio(), "g^{exponent}");
            expected = expected.multiply(&g);
        }
    }

    #[test]
    fn the_order_of_g_is_q() {
        let last = power_of_generator(&Scalar::minus_one());
        assert!(last.ratio() == -PAIRING_OF_GENERATOR);
    }
}
