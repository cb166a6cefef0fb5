//! Multiples of a public point that is used often, for variable-time multiplication.

use crate::Backend;
use crate::arithmetic::{Affine, Arithmetic};
use crate::backend::with_backend;
use crate::coordinates::{Jacobian, Sum};
use crate::limbs::Limbs;
use crate::point::{Point, to_affine_all};
use crate::recoding::{MAX_WINDOWS, Magnitude, signed_windows};

/// The multiples 1 to 2^(W-1) of [2^(W·S·i)]P for every i-th group of S windows of W bits.
///
/// A number is a sum of signed windows of W bits. With S = 1 every window has its own entries and a multiplication
/// needs no doubling; with a larger S the table is S times smaller and (S-1)·W doublings are shared by all windows.
pub(crate) struct WindowTable<const W: usize, const S: usize> {
    points: Box<[Affine]>,
}

impl<const W: usize, const S: usize> WindowTable<W, S> {
    const ENTRIES: usize = 1 << (W - 1);

    /// Windows of a number below 2^255 and its carry.
    const WINDOWS: usize = 256usize.div_ceil(W);

    /// Octets of memory of a table.
    pub(crate) const OCTETS: usize =
        Self::WINDOWS.div_ceil(S) * Self::ENTRIES * size_of::<Affine>();

    pub(crate) fn new(point: &Point) -> Self {
        Self {
            points: with_backend!(Backend::selected(), Self::build, point),
        }
    }

    fn build<A: Arithmetic>(point: &Point) -> Box<[Affine]> {
        let mut bases = Vec::with_capacity(Self::WINDOWS.div_ceil(S));
        let mut base = Jacobian::from_affine(&point.0);
        for _ in 0..Self::WINDOWS.div_ceil(S) {
            bases.push(base.to_sum::<A>());
            base = (0..W * S).fold(base, |base, _| base.double::<A>());
        }
        let mut entries = Vec::with_capacity(bases.len() * Self::ENTRIES);
        for base in to_affine_all::<A>(&bases) {
            let mut multiple = Sum::from_affine(&base);
            for _ in 0..Self::ENTRIES {
                entries.push(multiple);
                multiple = multiple.add_vartime::<A>(&base);
            }
        }
        to_affine_all::<A>(&entries).into_boxed_slice()
    }

    /// [k]P in variable time.
    pub(crate) fn multiple<A: Arithmetic>(&self, k: &Limbs) -> Sum {
        let k = Magnitude::new(k);
        let digits = signed_windows::<W>(&k);
        let mut sum = Sum::INFINITY;
        for phase in (0..S).rev() {
            sum = self.add_digits::<A>(sum, &digits, phase);
            if phase > 0 {
                let doubled = (0..W).fold(sum.to_jacobian::<A>(), |sum, _| sum.double::<A>());
                sum = doubled.to_sum::<A>();
            }
        }
        sum
    }

    /// sum + the digits of the windows `phase`, `phase` + S, `phase` + 2S, …
    fn add_digits<A: Arithmetic>(
        &self,
        mut sum: Sum,
        digits: &[i16; MAX_WINDOWS],
        phase: usize,
    ) -> Sum {
        let digits = digits.iter().skip(phase).step_by(S);
        for (entries, digit) in self.points.chunks_exact(Self::ENTRIES).zip(digits) {
            // The digit zero has no entry.
            let index = usize::from(digit.unsigned_abs()).wrapping_sub(1);
            let Some(entry) = entries.get(index) else {
                continue;
            };
            let mut entry = *entry;
            if *digit < 0 {
                entry.y = A::negate(&entry.y);
            }
            sum = sum.add_vartime::<A>(&entry);
        }
        sum
    }
}

impl<const W: usize> WindowTable<W, 1> {
    /// sum + [k]P in variable time.
    pub(crate) fn add_multiple<A: Arithmetic>(&self, sum: Sum, k: &Limbs) -> Sum {
        let k = Magnitude::new(k);
        self.add_digits::<A>(sum, &signed_windows::<W>(&k), 0)
    }
}
