//! PF_p, the quotient of F_p²* by F_p*, where the values of the pairing live (RFC 6508 cl. 3.1).

use super::point::Field;
use roger_fp1024::{Fp, Fp8};
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
            real: (self.real + self.imaginary) * (self.real - self.imaginary),
            imaginary: (self.real * self.imaginary).double(),
        }
    }

    /// 4 products with 2 reductions.
    pub(super) fn multiply(&self, other: &Self) -> Self {
        let (a, b) = (&self.real, &self.imaginary);
        let (c, d) = (&other.real, &other.imaginary);
        Self {
            real: F::sum_of_products([(a, c), (&-*b, d)]),
            imaginary: F::sum_of_products([(a, d), (b, c)]),
        }
    }

    /// The product with 1 + i·ratio. 2 products.
    pub(super) fn multiply_by_ratio(&self, ratio: &F) -> Self {
        Self {
            real: self.real - self.imaginary * *ratio,
            imaginary: self.imaginary + self.real * *ratio,
        }
    }
}

impl Quotient {
    /// Squared so many times.
    pub(super) fn square_times(&self, times: usize) -> Self {
        let (real, imaginary) = Fp::square_quotient(&self.real, &self.imaginary, times);
        Self { real, imaginary }
    }

    /// The element as the one number b/a that represents it; 0 when a = 0.
    pub(super) fn ratio(&self) -> Fp {
        self.imaginary * self.real.invert()
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
}
