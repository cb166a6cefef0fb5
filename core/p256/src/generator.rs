//! [k]G in constant time, for the secrets j, v, SSK and KSAK.
//!
//! k = Σ dᵢ·2^(W·i) with odd digits between -2^W and 2^W, one for each window of W bits: no digit is zero, so every
//! window costs the same look-up and the same addition.

use crate::Backend;
use crate::arithmetic::{Affine, Arithmetic, Fe};
use crate::backend::with_backend;
use crate::coordinates::{Jacobian, Sum};
use crate::limbs::{self, Limbs, Q};
use crate::point::{Point, to_affine_all, to_point};
use crate::scalar::Scalar;
use std::sync::LazyLock;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// Bits of a window.
const WIDTH: usize = 6;

/// Windows; the digits reach a bit beyond q.
const WINDOWS: usize = 256usize.div_ceil(WIDTH);

/// Entries of a window: the odd multiples up to 2^W - 1.
const ENTRIES: usize = 1 << (WIDTH - 1);

/// (2e + 1)·2^(W·i)·G at entry e of window i.
static TABLE: LazyLock<Vec<Affine>> = LazyLock::new(|| with_backend!(Backend::selected(), build,));

impl Point {
    /// [k]G in constant time; infinity, which only k = 0 gives, is `None`.
    #[must_use]
    pub fn multiply_generator(k: &Scalar) -> Option<Self> {
        with_backend!(Backend::selected(), multiply_to_point, k)
    }

    /// [`Self::multiply_generator`] of several numbers with one inversion for all.
    #[must_use]
    pub fn multiply_generator_batch(numbers: &[Scalar]) -> Vec<Option<Self>> {
        with_backend!(Backend::selected(), multiply_batch, numbers)
    }

    /// Builds the table of [`Self::multiply_generator`] now, which its first use would do.
    ///
    /// Returns the octets of memory that it takes.
    pub fn prepare_generator() -> usize {
        size_of_val(TABLE.as_slice())
    }
}

fn build<A: Arithmetic>() -> Vec<Affine> {
    let mut bases = Vec::with_capacity(2 * WINDOWS);
    let mut base = Jacobian::from_affine(&Point::GENERATOR.0);
    for _ in 0..WINDOWS {
        bases.push(base.to_sum::<A>());
        base = base.double::<A>();
        bases.push(base.to_sum::<A>());
        base = (1..WIDTH).fold(base, |base, _| base.double::<A>());
    }
    let mut entries = Vec::with_capacity(WINDOWS * ENTRIES);
    for pair in to_affine_all::<A>(&bases).as_chunks::<2>().0 {
        let [base, twice] = pair;
        let mut multiple = Sum::from_affine(base);
        for _ in 0..ENTRIES {
            entries.push(multiple);
            multiple = multiple.add_vartime::<A>(twice);
        }
    }
    to_affine_all::<A>(&entries)
}

fn multiply_to_point<A: Arithmetic>(k: &Scalar) -> Option<Point> {
    let mut sum = multiply::<A>(k);
    let point = to_point::<A>(&sum);
    sum.zeroize();
    point
}

fn multiply_batch<A: Arithmetic>(numbers: &[Scalar]) -> Vec<Option<Point>> {
    let sums: Vec<Sum> = numbers.iter().map(multiply::<A>).collect();
    let sums = Zeroizing::new(sums);
    let points = to_affine_all::<A>(&sums).into_iter().map(Point);
    points
        .zip(sums.iter())
        .map(|(point, sum)| (!sum.zz.is_zero_vartime()).then_some(point))
        .collect()
}

pub(crate) fn multiply<A: Arithmetic>(k: &Scalar) -> Sum {
    let (number, negated) = odd_number(k);
    let mut sum = Sum::INFINITY;
    let mut point = Affine::default();
    for (window, entries) in TABLE.chunks_exact(ENTRIES).enumerate() {
        let digit = digit(&number, window);
        point = signed_entry::<A>(entries, digit);
        sum = if window == 0 {
            Sum::from_affine(&point)
        } else if window < WINDOWS - 1 {
            // The digits so far are a number that is odd and smaller than 2^(W·i), so not ±dᵢ·2^(W·i) modulo q.
            sum.add_different::<A>(&point)
        } else {
            add_last::<A>(&sum, &point)
        };
    }
    point.zeroize();
    sum.y = Fe::conditional_select(&sum.y, &A::negate(&sum.y), negated);
    sum
}

/// (k - 1)/2 of k or of q - k, whichever is odd, and whether it is the latter.
fn odd_number(k: &Scalar) -> (Zeroizing<Limbs>, Choice) {
    let number = k.number();
    let [lowest, ..] = *number;
    let even = Choice::from((lowest & 1 ^ 1) as u8);
    // q itself for k = 0: not reduced, but odd, and [q]G is infinity.
    let mut opposite = [0; limbs::LIMBS];
    let mut borrow = 0;
    for ((to, q), limb) in opposite.iter_mut().zip(Q).zip(*number) {
        (*to, borrow) = limbs::borrowing_sub(q, limb, borrow);
    }
    let mut odd = Fe::conditional_select(&Fe(*number), &Fe(opposite), even);
    opposite.zeroize();
    let [n0, n1, n2, n3] = odd.0;
    odd.zeroize();
    let half = [
        n0 >> 1 | n1 << 63,
        n1 >> 1 | n2 << 63,
        n2 >> 1 | n3 << 63,
        n3 >> 1,
    ];
    (Zeroizing::new(half), even)
}

/// Digit i as eᵢ with dᵢ = 2·eᵢ - (2^W - 1): Σ dᵢ·2^(W·i) = k then means Σ eᵢ·2^(W·i) = (k - 1)/2 + 2^(W·n - 1),
/// so that eᵢ are windows of (k - 1)/2 and the highest bit of the last one is set.
fn digit(half: &Limbs, window: usize) -> u64 {
    let bits = limbs::bits(half, WIDTH * window, (1 << WIDTH) - 1);
    if window == WINDOWS - 1 {
        bits | ENTRIES as u64
    } else {
        bits
    }
}

/// The multiple of digit e: |d| = 2·(e - 2^(W-1)) + 1 from the middle on, below it the mirror image, negative.
#[inline(always)]
fn signed_entry<A: Arithmetic>(entries: &[Affine], digit: u64) -> Affine {
    let negative = digit >> (WIDTH - 1) ^ 1;
    let index = (digit ^ negative.wrapping_neg()) & (ENTRIES as u64 - 1);
    let point = A::look_up(entries, index);
    let y = A::negate(&point.y);
    Affine {
        y: Fe::conditional_select(&point.y, &y, Choice::from(negative as u8)),
        ..point
    }
}

/// The last addition, where the sum of the digits can wrap around q: opposite points for k = 0, and equal points
/// for one k. Both results are computed and one is taken.
fn add_last<A: Arithmetic>(sum: &Sum, point: &Affine) -> Sum {
    let differences = sum.differences::<A>(point);
    let added = sum.finish::<A>(&differences);
    let doubled = Jacobian::from_affine(point).double::<A>().to_sum::<A>();
    let equal = differences.p.ct_eq(&Fe::ZERO) & differences.r.ct_eq(&Fe::ZERO);
    let select = |a, b| Fe::conditional_select(a, b, equal);
    Sum {
        x: select(&added.x, &doubled.x),
        y: select(&added.y, &doubled.y),
        zz: select(&added.zz, &doubled.zz),
        zzz: select(&added.zzz, &doubled.zzz),
    }
}
