//! Sums of multiples of public points, in variable time: what a verification computes.

use crate::Backend;
use crate::arithmetic::{Arithmetic, Fe};
use crate::backend::with_backend;
use crate::coordinates::{Cached, Jacobian, Sum};
use crate::limbs::{Limbs, OCTETS};
use crate::point::{Point, to_point};
use crate::recoding::{Magnitude, non_adjacent_form};
use crate::scalar::Scalar;
use crate::window_table::WindowTable;
use std::sync::LazyLock;

/// Bits of the digits for a point without a table.
const NAF_WIDTH: usize = 5;

/// Odd multiples 1, 3, … 2^(W-1) - 1 of a point without a table.
const NAF_ENTRIES: usize = 1 << (NAF_WIDTH - 2);

static GENERATOR: LazyLock<KeyTable> = LazyLock::new(|| KeyTable::new(&Point::GENERATOR));

/// The table of a point that many verifications share: no doublings.
pub struct KeyTable(WindowTable<8, 1>);

impl KeyTable {
    /// Octets of memory that a table takes.
    pub const OCTETS: usize = WindowTable::<8, 1>::OCTETS;

    /// Computes the table.
    #[must_use]
    pub fn new(point: &Point) -> Self {
        Self(WindowTable::new(point))
    }
}

/// The table of a point that some verifications share, one of many such: small, six doublings.
pub struct SenderTable(WindowTable<6, 2>);

impl SenderTable {
    /// Octets of memory that a table takes.
    pub const OCTETS: usize = WindowTable::<6, 2>::OCTETS;

    /// Computes the table.
    #[must_use]
    pub fn new(point: &Point) -> Self {
        Self(WindowTable::new(point))
    }
}

/// A sum of multiples of points. Everything is public; equal, opposite and infinite intermediate points are handled.
#[derive(Clone, Copy)]
pub struct PublicSum(pub(crate) Sum);

impl PublicSum {
    /// [k]P.
    #[must_use]
    pub fn multiple(point: &Point, k: &Scalar) -> Self {
        Self(with_backend!(
            Backend::selected(),
            multiple,
            point,
            &k.number()
        ))
    }

    /// [k]P of a point with a small table.
    #[must_use]
    pub fn multiple_of_sender(table: &SenderTable, k: &Scalar) -> Self {
        let backend = Backend::selected();
        Self(with_backend!(backend, sender_multiple, table, &k.number()))
    }

    /// self + P.
    #[must_use]
    pub fn add_point(self, point: &Point) -> Self {
        Self(with_backend!(
            Backend::selected(),
            add_point,
            &self.0,
            point
        ))
    }

    /// self + [k]P of a point with a large table.
    #[must_use]
    pub fn add_multiple(self, table: &KeyTable, k: &Scalar) -> Self {
        let backend = Backend::selected();
        let number = k.number();
        Self(with_backend!(backend, add_multiple, self.0, table, &number))
    }

    /// self + [k]G.
    #[must_use]
    pub fn add_generator(self, k: &Scalar) -> Self {
        self.add_multiple(&GENERATOR, k)
    }

    /// Whether it is a point whose x is the number of 32 octets, big endian; neither is reduced modulo q.
    #[must_use]
    pub fn x_is(&self, x: &[u8; OCTETS]) -> bool {
        // x·ZZ = X instead of x = X/ZZ: no inversion.
        let Some(x) = Fe::from_octets(x) else {
            return false;
        };
        let scaled = with_backend!(Backend::selected(), scale, &x, &self.0.zz);
        !self.is_infinity() && scaled == self.0.x
    }

    /// Whether it is infinity.
    #[must_use]
    pub fn is_infinity(&self) -> bool {
        self.0.zz.is_zero_vartime()
    }

    /// The point; `None` for infinity.
    #[must_use]
    pub fn to_point(&self) -> Option<Point> {
        with_backend!(Backend::selected(), to_point, &self.0)
    }
}

fn scale<A: Arithmetic>(x: &Fe, by: &Fe) -> Fe {
    A::mul(x, by)
}

fn add_point<A: Arithmetic>(sum: &Sum, point: &Point) -> Sum {
    sum.add_vartime::<A>(&point.0)
}

fn add_multiple<A: Arithmetic>(sum: Sum, table: &KeyTable, k: &Limbs) -> Sum {
    table.0.add_multiple::<A>(sum, k)
}

fn sender_multiple<A: Arithmetic>(table: &SenderTable, k: &Limbs) -> Sum {
    table.0.multiple::<A>(k)
}

/// [k]P by doubling, with an addition for each digit of the non-adjacent form of k.
pub(crate) fn multiple<A: Arithmetic>(point: &Point, k: &Limbs) -> Sum {
    let multiples = odd_multiples::<A>(point);
    let digits = non_adjacent_form::<NAF_WIDTH>(&Magnitude::new(k));
    let mut sum = Jacobian::INFINITY;
    for digit in digits.iter().rev().skip_while(|digit| **digit == 0) {
        sum = sum.double::<A>();
        if *digit == 0 {
            continue;
        }
        if let Some(multiple) = multiples.get(usize::from(digit.unsigned_abs() / 2)) {
            sum = if *digit < 0 {
                sum.add_vartime::<A>(&multiple.negate::<A>())
            } else {
                sum.add_vartime::<A>(multiple)
            };
        }
    }
    sum.to_sum::<A>()
}

/// P, 3P, 5P, …
fn odd_multiples<A: Arithmetic>(point: &Point) -> [Cached; NAF_ENTRIES] {
    let mut multiple = Jacobian::from_affine(&point.0);
    let twice = multiple.double::<A>().cache::<A>();
    core::array::from_fn(|i| {
        if i > 0 {
            multiple = multiple.add_vartime::<A>(&twice);
        }
        multiple.cache::<A>()
    })
}
