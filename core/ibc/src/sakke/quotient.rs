//! PF_p, the quotient of F_p²* by F_p*, where the values of the pairing live (RFC 6508 cl. 3.1).

use super::point::Field;
use super::recoding::{GROUPS, OddDigits, PASSES, TABLE, WINDOW};
use roger_fp1024::{Backend, Fp, Fp8, LANES};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// a + ib, i² = -1; as an element of PF_p any multiple by a number of F_p is the same.
#[derive(Clone, Copy, Default)]
pub(super) struct Quotient<F = Fp> {
    pub(super) real: F,
    pub(super) imaginary: F,
}

impl<F: Field> Zeroize for Quotient<F> {
    fn zeroize(&mut self) {
        self.real.zeroize();
        self.imaginary.zeroize();
    }
}

impl<F: Field> Quotient<F> {
    /// 1, the class of F_p*.
    pub(super) fn one() -> Self {
        Self::of_ratio(F::default())
    }

    /// 1 + i·ratio.
    pub(super) fn of_ratio(ratio: F) -> Self {
        Self {
            real: F::one(),
            imaginary: ratio,
        }
    }

    /// 2 products.
    pub(super) fn square(&self) -> Self {
        Self {
            real: (self.real.plus(&self.imaginary)).times(&self.real.minus(&self.imaginary)),
            imaginary: self.real.times(&self.imaginary).double(),
        }
    }

    /// 3 or 4 products with 2 reductions.
    pub(super) fn multiply(&self, other: &Self) -> Self {
        let own = [&self.real, &self.imaginary];
        let [real, imaginary] = F::complex_product(own, [&other.real, &other.imaginary]);
        Self { real, imaginary }
    }

    /// The inverse: the product with it is a² + b² of F_p.
    pub(super) fn conjugate(&self) -> Self {
        Self {
            real: self.real,
            imaginary: -self.imaginary,
        }
    }

    /// The product with 1 + i·ratio. 2 products.
    pub(super) fn multiply_by_ratio(&self, ratio: &F) -> Self {
        Self {
            real: self.real.minus(&self.imaginary.times(ratio)),
            imaginary: self.imaginary.plus(&self.real.times(ratio)),
        }
    }
}

impl Quotient<Fp8> {
    /// The eight elements.
    pub(super) fn to_lanes(self) -> [Quotient; LANES] {
        let (real, imaginary) = (self.real.to_lanes(), self.imaginary.to_lanes());
        let mut lanes = [Quotient::default(); LANES];
        for (lane, (real, imaginary)) in lanes.iter_mut().zip(real.into_iter().zip(imaginary)) {
            *lane = Quotient { real, imaginary };
        }
        lanes
    }
}

impl Quotient {
    /// Squared so many times.
    pub(super) fn square_times(&self, times: usize) -> Self {
        let (real, imaginary) = Fp::square_quotient(&self.real, &self.imaginary, times);
        Self { real, imaginary }
    }

    /// Whether it is that power of g, in constant time and without inversion. No power of g has a real part of zero:
    /// their order is odd, and that of i is 2.
    pub(super) fn is_power(&self, power: &Self) -> Choice {
        let same = (self.real * power.imaginary).ct_eq(&(self.imaginary * power.real));
        same & !self.real.is_zero()
    }

    /// The element as the one number b/a that represents it; 0 when a = 0.
    pub(super) fn ratio(&self) -> Fp {
        self.imaginary * self.real.invert()
    }
}

/// Odd powers of 2^(10n)-th powers of an element, as ratios; the inverse of a ratio is its negative.
pub(super) struct PowerTable(Box<[[Fp8; TABLE]]>);

impl PowerTable {
    /// Makes the table of 1 + i·ratio.
    pub(super) fn new(ratio: &Fp) -> Self {
        let mut power = Quotient::of_ratio(*ratio);
        let mut powers = vec![[Quotient::<Fp8>::default(); TABLE]; GROUPS];
        for group in &mut powers {
            let mut lanes = [Quotient::default(); LANES];
            for lane in &mut lanes {
                *lane = power;
                power = (0..WINDOW * PASSES).fold(power, |power, _| power.square());
            }
            *group = odd_powers(&side_by_side(&lanes));
        }
        let mut reals: Vec<_> = powers
            .as_flattened()
            .iter()
            .map(|power| power.real)
            .collect();
        Fp8::invert_all(&mut reals);
        let mut table = vec![[Fp8::ZERO; TABLE]; GROUPS];
        let entries = table.as_flattened_mut().iter_mut();
        for ((entry, power), inverse) in entries.zip(powers.as_flattened()).zip(&reals) {
            *entry = power.imaginary * inverse;
        }
        Self(table.into())
    }

    /// What one pass over the digits contributes for each member, lane by lane; group by group, as points are picked.
    pub(super) fn pass(&self, members: &[&OddDigits], pass: usize) -> Vec<Quotient<Fp8>> {
        let mut products = vec![Quotient::one(); members.len()];
        for (group, table) in self.0.iter().enumerate() {
            for (product, digits) in products.iter_mut().zip(members) {
                let Some(digits) = digits.pass(pass).get(group) else {
                    continue;
                };
                let ratio = Fp8::select(table.iter(), &digits.index).negate_lanes(digits.negative);
                *product = product.multiply_by_ratio(&ratio);
            }
        }
        products
    }

    /// The power whose exponent has these digits, in constant time, not yet as a ratio (RFC 6508 cl. 6.2.1 step 4).
    pub(super) fn power(&self, digits: &OddDigits) -> Quotient {
        let mut product = Zeroizing::new(Quotient::one());
        for pass in (0..PASSES).rev() {
            for part in Zeroizing::new(self.pass(&[digits], pass)).iter() {
                *product = to_next_pass(&product).multiply(part);
            }
        }
        product_of_lanes(&product)
    }
}

/// The 32nd power of the product of a pass.
pub(super) fn to_next_pass<F: Field>(product: &Quotient<F>) -> Quotient<F> {
    (0..WINDOW).fold(*product, |product, _| product.square())
}

fn side_by_side(lanes: &[Quotient; LANES]) -> Quotient<Fp8> {
    Quotient {
        real: Fp8::from_lanes(&lanes.map(|lane| lane.real)),
        imaginary: Fp8::from_lanes(&lanes.map(|lane| lane.imaginary)),
    }
}

fn odd_powers(element: &Quotient<Fp8>) -> [Quotient<Fp8>; TABLE] {
    let square = element.square();
    let mut power = *element;
    let mut powers = [power; TABLE];
    for entry in powers.iter_mut().skip(1) {
        power = power.multiply(&square);
        *entry = power;
    }
    powers
}

/// The product of all lanes: by halves where eight products at once cost little more than one, else one by one.
fn product_of_lanes(lanes: &Quotient<Fp8>) -> Quotient {
    let mut product = Zeroizing::new(*lanes);
    if !Backend::selected().is_wide() {
        let lanes = Zeroizing::new(product.to_lanes());
        return lanes
            .iter()
            .fold(Quotient::one(), |product, lane| product.multiply(lane));
    }
    for distance in [4, 2, 1] {
        let other = Zeroizing::new(Quotient {
            real: product.real.rotate(distance),
            imaginary: product.imaginary.rotate(distance),
        });
        *product = product.multiply(&other);
    }
    let [first, ..] = product.to_lanes();
    first
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
