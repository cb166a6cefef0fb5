//! [`Fp8`]: eight elements of the field, worked on side by side.

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::backend::Engine;
use crate::element::Fp;
use crate::limbs::{LIMBS, Limbs};
use core::ops::{Add, Mul, Neg, Sub};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, optimization_barrier};

#[cfg(target_arch = "x86_64")]
use crate::ifma::DIGITS;

/// Elements of an [`Fp8`].
pub const LANES: usize = 8;

/// Rows of words: twenty limbs of 52 bits for IFMA; the others use sixteen of them.
#[cfg(target_arch = "x86_64")]
pub(crate) const ROWS: usize = DIGITS;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) const ROWS: usize = LIMBS;

/// A set of lanes, lane 0 in the lowest bit. May be secret: it is only ever used as a mask.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneMask(pub u8);

impl LaneMask {
    fn choice(self, lane: usize) -> Choice {
        Choice::from((self.0 >> lane) & 1)
    }
}

/// Eight elements of F_p. How they lie in memory depends on the backend of the process.
///
/// Every operation does the same in all lanes, in constant time.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Fp8([[u64; LANES]; ROWS]);

impl Fp8 {
    /// Zero in all lanes.
    pub const ZERO: Self = Self([[0; LANES]; ROWS]);

    /// One in all lanes.
    #[must_use]
    pub fn one() -> Self {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => Self(ifma.one()),
            _ => Self::from_lanes(&[Fp::ONE; LANES]),
        }
    }

    /// The same element in all lanes.
    #[must_use]
    pub fn splat(element: &Fp) -> Self {
        Self::from_lanes(&[*element; LANES])
    }

    /// Eight elements side by side.
    #[must_use]
    pub fn from_lanes(elements: &[Fp; LANES]) -> Self {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => Self(ifma.enter(&elements.map(|element| *element.limbs()))),
            _ => Self::from_elements(elements),
        }
    }

    /// The eight elements.
    #[must_use]
    pub fn to_lanes(&self) -> [Fp; LANES] {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => ifma.leave(&self.0).map(Fp::from_reduced_limbs),
            _ => self.elements(),
        }
    }

    /// Limbs of 52 bits, as the backend for lanes has them.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const fn from_rows(rows: [[u64; LANES]; ROWS]) -> Self {
        Self(rows)
    }

    /// The limbs of 52 bits of one lane.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn limbs_of_lane(&self, lane: usize) -> [u64; ROWS] {
        self.0.map(|row| row[lane])
    }

    /// One element where they lie one after the other.
    pub(crate) fn element(&self, lane: usize) -> Limbs {
        self.0.as_flattened().as_chunks().0[lane]
    }

    /// Storage of the backends that work element by element: one element after the other.
    fn from_elements(elements: &[Fp; LANES]) -> Self {
        let mut eight = Self::ZERO;
        let words = eight.0.as_flattened_mut().as_chunks_mut::<LIMBS>().0;
        for (to, from) in words.iter_mut().zip(elements) {
            *to = *from.limbs();
        }
        eight
    }

    fn elements(&self) -> [Fp; LANES] {
        let mut elements = [Fp::ZERO; LANES];
        let words = self.0.as_flattened().as_chunks::<LIMBS>().0;
        for (to, from) in elements.iter_mut().zip(words) {
            *to = Fp::from_reduced_limbs(*from);
        }
        elements
    }

    fn map(&self, operation: impl Fn(&Fp) -> Fp) -> Self {
        Self::from_elements(&self.elements().map(|element| operation(&element)))
    }

    fn zip_map(&self, other: &Self, operation: impl Fn(&Fp, &Fp) -> Fp) -> Self {
        let mut result = self.elements();
        for (a, b) in result.iter_mut().zip(&other.elements()) {
            *a = operation(a, b);
        }
        Self::from_elements(&result)
    }

    /// a².
    #[must_use]
    #[inline]
    pub fn square(&self) -> Self {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => Self(ifma.square(&self.0)),
            _ => self.map(Fp::square),
        }
    }

    /// 2a.
    #[must_use]
    #[inline]
    pub fn double(&self) -> Self {
        self + self
    }

    /// The sum of products of pairs, at least one, with one reduction for up to three.
    #[must_use]
    #[inline]
    pub fn sum_of_products<const N: usize>(terms: [(&Self, &Self); N]) -> Self {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => Self(ifma.sum_of_products(terms.map(|(a, b)| (&a.0, &b.0)))),
            _ => {
                let terms = terms.map(|(a, b)| (a.elements(), b.elements()));
                let lane = |l| Fp::sum_of_products(terms.each_ref().map(|(a, b)| (&a[l], &b[l])));
                Self::from_elements(&core::array::from_fn(lane))
            }
        }
    }

    /// (a + ib)(c + id) with i² = -1: ac - bd and ad + bc.
    #[must_use]
    #[inline]
    pub fn complex_product([a, b]: [&Self; 2], [c, d]: [&Self; 2]) -> [Self; 2] {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(_) => {
                let real = Self::sum_of_products([(a, c), (&-b, d)]);
                [real, Self::sum_of_products([(a, d), (b, c)])]
            }
            _ => {
                let [a, b, c, d] = [a, b, c, d].map(Self::elements);
                let lane = |l| Fp::complex_product([&a[l], &b[l]], [&c[l], &d[l]]);
                let products: [_; LANES] = core::array::from_fn(lane);
                [0, 1].map(|part| Self::from_elements(&products.map(|product| product[part])))
            }
        }
    }

    /// In each lane the element of the table that the lane's index names, or zero when there is none. Every entry is
    /// read, whatever the indices are.
    #[must_use]
    #[inline]
    pub fn select<'a>(table: impl Iterator<Item = &'a Self>, index: &[u8; LANES]) -> Self {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => Self(ifma.select(table.map(|entry| &entry.0), index)),
            #[cfg(target_arch = "x86_64")]
            Engine::Adx(adx) => adx.with_avx2(|| Self::select_by_words(table, index)),
            Engine::Portable => Self::select_by_words(table, index),
        }
    }

    #[inline(always)] // into code for AVX2
    fn select_by_words<'a>(table: impl Iterator<Item = &'a Self>, index: &[u8; LANES]) -> Self {
        let mut selected = Self::ZERO;
        for (entry, number) in table.zip(0u8..) {
            let wanted = index.map(|index| mask_of(index.ct_eq(&number)));
            let to = selected.0.as_flattened_mut().as_chunks_mut::<LIMBS>().0;
            let from = entry.0.as_flattened().as_chunks::<LIMBS>().0;
            for ((to, from), mask) in to.iter_mut().zip(from).zip(wanted) {
                for (word, other) in to.iter_mut().zip(from) {
                    *word |= other & mask;
                }
            }
        }
        selected
    }

    /// `b` in the lanes of the mask, `a` in the others.
    #[must_use]
    #[inline]
    pub fn blend(a: &Self, b: &Self, mask: LaneMask) -> Self {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => Self(ifma.blend(&a.0, &b.0, mask)),
            _ => {
                let mut blended = a.elements();
                for ((lane, to), from) in (0..).zip(&mut blended).zip(&b.elements()) {
                    to.conditional_assign(from, mask.choice(lane));
                }
                Self::from_elements(&blended)
            }
        }
    }

    /// The negative in the lanes of the mask.
    #[must_use]
    #[inline]
    pub fn negate_lanes(&self, mask: LaneMask) -> Self {
        Self::blend(self, &-self, mask)
    }

    /// The lanes that are zero.
    #[must_use]
    pub fn zero_lanes(&self) -> LaneMask {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => ifma.zero_lanes(&self.0),
            _ => {
                let zero = self.elements().map(|element| element.is_zero());
                let bits = (0..).zip(zero).map(|(lane, zero)| zero.unwrap_u8() << lane);
                LaneMask(bits.fold(0, |mask, bit| mask | bit))
            }
        }
    }

    /// Lane l gets what lane l + `by` has, around the end.
    #[must_use]
    pub fn rotate(&self, by: usize) -> Self {
        let mut rotated = *self;
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(_) => rotated
                .0
                .iter_mut()
                .for_each(|row| row.rotate_left(by % LANES)),
            _ => {
                let mut elements = self.elements();
                elements.rotate_left(by % LANES);
                rotated = Self::from_elements(&elements);
            }
        }
        rotated
    }

    /// Lane l of number m becomes lane m of number l.
    #[must_use]
    pub fn transpose(numbers: &[Self; LANES]) -> [Self; LANES] {
        let mut transposed = [Self::ZERO; LANES];
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(_) => {
                for (lane, number) in transposed.iter_mut().enumerate() {
                    for (j, row) in number.0.iter_mut().enumerate() {
                        *row = core::array::from_fn(|m| numbers[m].0[j][lane]);
                    }
                }
            }
            _ => {
                let elements = numbers.map(|number| number.elements());
                for (lane, number) in transposed.iter_mut().enumerate() {
                    *number = Self::from_elements(&elements.map(|element| element[lane]));
                }
            }
        }
        transposed
    }

    /// Replaces every element by its inverse with one inversion for all; zeros stay zero and harm no other.
    pub fn invert_all(numbers: &mut [Self]) {
        invert_all(numbers);
    }
}

/// Montgomery's trick, lane by lane down to eight products, which are then inverted together.
///
/// A zero would spoil its lane. Nobody meets one but by design, so they are looked for at the end, in the products.
fn invert_all(numbers: &mut [Fp8]) {
    let mut products = Vec::with_capacity(numbers.len());
    let mut product = Fp8::one();
    for number in numbers.iter() {
        products.push(product);
        product = product * number;
    }
    if product.zero_lanes() != LaneMask(0) {
        return invert_all_but_zeros(numbers);
    }
    let mut inverse = invert_lanes(&product);
    for (number, before) in numbers.iter_mut().zip(&products).rev() {
        let own = *number;
        *number = inverse * before;
        inverse = inverse * own;
    }
    products.iter_mut().zeroize();
}

/// The same with ones in the places of zeros, which become zero again.
#[cold]
fn invert_all_but_zeros(numbers: &mut [Fp8]) {
    let one = Fp8::one();
    let zeros: Vec<_> = numbers.iter().map(Fp8::zero_lanes).collect();
    for (number, zero) in numbers.iter_mut().zip(&zeros) {
        *number = Fp8::blend(number, &one, *zero);
    }
    invert_all(numbers);
    for (number, zero) in numbers.iter_mut().zip(&zeros) {
        *number = Fp8::blend(number, &Fp8::ZERO, *zero);
    }
}

fn invert_lanes(number: &Fp8) -> Fp8 {
    let mut lanes = number.to_lanes();
    Fp::invert_all(&mut lanes);
    let inverse = Fp8::from_lanes(&lanes);
    lanes.zeroize();
    inverse
}

fn mask_of(choice: Choice) -> u64 {
    // `subtle` hides the choice from the optimiser.
    u64::conditional_select(&0, &u64::MAX, choice)
}

impl Default for Fp8 {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Zeroize for Fp8 {
    fn zeroize(&mut self) {
        // One store after the other, as arrays are erased, takes a tenth of a product's time.
        self.0.as_flattened_mut().fill(0);
        optimization_barrier(self);
    }
}

impl Neg for &Fp8 {
    type Output = Fp8;
    #[inline]
    fn neg(self) -> Fp8 {
        Fp8::ZERO - self
    }
}

impl Neg for Fp8 {
    type Output = Fp8;
    #[inline]
    fn neg(self) -> Fp8 {
        -&self
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $ifma:ident) => {
        impl $trait<&Fp8> for &Fp8 {
            type Output = Fp8;
            #[inline]
            fn $method(self, other: &Fp8) -> Fp8 {
                match Engine::selected() {
                    #[cfg(target_arch = "x86_64")]
                    Engine::Ifma(ifma) => Fp8(ifma.$ifma(&self.0, &other.0)),
                    _ => self.zip_map(other, |a, b| $trait::$method(a, b)),
                }
            }
        }
        impl $trait<&Fp8> for Fp8 {
            type Output = Fp8;
            #[inline]
            fn $method(self, other: &Fp8) -> Fp8 {
                $trait::$method(&self, other)
            }
        }
        impl $trait<Fp8> for &Fp8 {
            type Output = Fp8;
            #[inline]
            fn $method(self, other: Fp8) -> Fp8 {
                $trait::$method(self, &other)
            }
        }
        impl $trait<Fp8> for Fp8 {
            type Output = Fp8;
            #[inline]
            fn $method(self, other: Fp8) -> Fp8 {
                $trait::$method(&self, &other)
            }
        }
    };
}

operator!(Add, add, add);
operator!(Sub, sub, subtract);
operator!(Mul, mul, multiply);
