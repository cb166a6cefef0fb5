//! PF_p, the quotient of F_p²* by F_p*, where the values of the pairing live (RFC 6508 cl. 3.1).

use super::point::{OddDigit, TABLE, WINDOW};
use super::scalar::{Q_BITS, Scalar};
use roger_fp1024::Fp;
use std::sync::LazyLock;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// g = <P, P> (RFC 6509 Appendix A).
pub(super) const PAIRING_OF_GENERATOR: Fp = Fp::from_hex(concat!(
    "66FC2A432B6EA392148F15867D623068C6A87BD1FB94C41E27FABE658E015A87",
    "371E94744C96FEDA449AE9563F8BC446CBFDA85D5D00EF577072DA8F541721BE",
    "EE0FAED1828EAB90B99DFB0138C7843355DF0460B4A9FD74B4F1A32BCAFA1FFA",
    "D682C033A7942BCCE3720F20B9B7B0403C8CAE87B7A0042ACDE0FAB36461EA46",
));

/// a + ib, i² = -1; as an element of PF_p any multiple by a number of F_p is the same.
#[derive(Clone, Copy, Default)]
pub(super) struct Quotient {
    pub(super) real: Fp,
    pub(super) imaginary: Fp,
}

impl Zeroize for Quotient {
    fn zeroize(&mut self) {
        self.real.zeroize();
        self.imaginary.zeroize();
    }
}

impl Quotient {
    pub(super) const ONE: Self = Self {
        real: Fp::ONE,
        imaginary: Fp::ZERO,
    };

    /// 2 products.
    pub(super) fn square(&self) -> Self {
        Self {
            real: (self.real + self.imaginary) * (self.real - self.imaginary),
            imaginary: (self.real * self.imaginary).double(),
        }
    }

    /// 3 products.
    pub(super) fn multiply(&self, other: &Self) -> Self {
        let reals = self.real * other.real;
        let imaginaries = self.imaginary * other.imaginary;
        let cross = (self.real + self.imaginary) * (other.real + other.imaginary);
        Self {
            real: reals - imaginaries,
            imaginary: cross - reals - imaginaries,
        }
    }

    /// The product with 1 + i·ratio. 2 products.
    fn multiply_by_ratio(&self, ratio: &Fp) -> Self {
        Self {
            real: self.real - self.imaginary * ratio,
            imaginary: self.imaginary + self.real * ratio,
        }
    }

    /// The element as the one number b/a that represents it; 0 when a = 0.
    pub(super) fn ratio(&self) -> Fp {
        self.imaginary * self.real.invert()
    }
}

/// g, g³, g⁵ … g³¹ as ratios, made once. The inverse of a ratio is its negative.
static GENERATOR_POWERS: LazyLock<[Fp; TABLE]> = LazyLock::new(|| {
    let g = Quotient::ONE.multiply_by_ratio(&PAIRING_OF_GENERATOR);
    let square = g.square();
    let mut power = g;
    let mut powers = [g; TABLE];
    for entry in powers.iter_mut().skip(1) {
        power = power.multiply(&square);
        *entry = power;
    }
    let mut reals = powers.map(|power| power.real);
    Fp::invert_all(&mut reals);
    let mut ratios = [Fp::ZERO; TABLE];
    for ((ratio, power), inverse) in ratios.iter_mut().zip(&powers).zip(&reals) {
        *ratio = power.imaginary * inverse;
    }
    ratios
});

fn select(powers: &[Fp; TABLE], digit: OddDigit) -> Fp {
    let mut selected = Fp::ZERO;
    for (entry, index) in powers.iter().zip(0u8..) {
        selected.conditional_assign(entry, index.ct_eq(&digit.index));
    }
    selected.conditional_assign(&-selected, digit.negative);
    selected
}

/// g^r in constant time, not yet as a ratio (RFC 6508 cl. 6.2.1 step 4).
pub(super) fn power_of_generator(r: &Scalar) -> Quotient {
    let powers = &*GENERATOR_POWERS;
    let windows = Q_BITS.div_ceil(WINDOW);
    let top = select(powers, OddDigit::top(r, windows));
    let mut result = Quotient::ONE.multiply_by_ratio(&top);
    for window in (0..windows.saturating_sub(1)).rev() {
        for _ in 0..WINDOW {
            result = result.square();
        }
        result = result.multiply_by_ratio(&select(powers, OddDigit::at(r, window)));
    }
    // An even r was raised to r + 1.
    let correction = Fp::conditional_select(&Fp::ZERO, &-PAIRING_OF_GENERATOR, r.is_even());
    result.multiply_by_ratio(&correction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_powers_are_repeated_products() {
        let g = Quotient::ONE.multiply_by_ratio(&PAIRING_OF_GENERATOR);
        let mut expected = Quotient::ONE;
        for exponent in 0..70u8 {
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
