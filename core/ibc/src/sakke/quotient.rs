//! PF_p, the quotient of F_p²* by F_p*, where the values of the pairing live (RFC 6508 cl. 3.1).

use super::point::Field;
use roger_fp1024::{Fp, Fp8, LANES};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

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
    /// Eight quotients side by side; ones for those that are missing.
    pub(super) fn side_by_side(quotients: &[Quotient]) -> Self {
        let of_lane = |lane: usize| quotients.get(lane).copied().unwrap_or_else(Quotient::one);
        Self {
            real: Fp8::from_lanes(&core::array::from_fn(|lane| of_lane(lane).real)),
            imaginary: Fp8::from_lanes(&core::array::from_fn(|lane| of_lane(lane).imaginary)),
        }
    }

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
