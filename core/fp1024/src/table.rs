//! [`Table`]: elements of which one is picked in secret.

use crate::backend::Engine;
use crate::eight::{Fp8, LANES, ROWS};
use crate::element::Fp;
use crate::limbs::{LIMBS, Limbs};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// Elements of a [`Table`].
pub const ENTRIES: usize = 32;

/// Thirty-two elements. Which of them is picked shows neither in the time nor in the addresses: all are read.
///
/// With IFMA row j holds limb j of all elements, so that one permutation picks it for eight lanes; the other backends
/// use the memory for one element after the other.
#[derive(Clone)]
#[repr(C, align(64))]
pub struct Table([[u64; ENTRIES]; ROWS]);

impl Table {
    /// Eight tables: lane l of element n becomes element n of table l.
    #[must_use]
    pub fn from_lanes(elements: &[Fp8; ENTRIES]) -> [Self; LANES] {
        let mut tables = [const { Self([[0; ENTRIES]; ROWS]) }; LANES];
        for (place, element) in elements.iter().enumerate() {
            for (table, lane) in tables.iter_mut().zip(0..) {
                table.set(place, element, lane);
            }
        }
        tables
    }

    fn set(&mut self, place: usize, element: &Fp8, lane: usize) {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(_) => {
                for (row, limb) in self.0.iter_mut().zip(element.limbs_of_lane(lane)) {
                    row.iter_mut().skip(place).take(1).for_each(|to| *to = limb);
                }
            }
            _ => {
                let words = self.0.as_flattened_mut().as_chunks_mut::<LIMBS>().0;
                let place = words.iter_mut().skip(place).take(1);
                place.for_each(|to| *to = element.element(lane));
            }
        }
    }

    /// The elements one after the other.
    fn elements(&self) -> &[Limbs] {
        let (words, _) = self.0.as_flattened().as_chunks();
        words.split_at(ENTRIES).0
    }

    /// The element that the index names.
    ///
    /// For the backends that work element by element; with IFMA it costs as much as [`Self::pick_in_lanes`].
    #[must_use]
    pub fn pick(&self, index: u8) -> Fp {
        match Engine::selected() {
            Engine::Portable => Fp::from_reduced_limbs(self.pick_by_words(index)),
            #[cfg(target_arch = "x86_64")]
            Engine::Adx(adx) => Fp::from_reduced_limbs(adx.pick(self.elements(), index)),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(_) => {
                let [element, ..] = self.pick_in_lanes(&[index; LANES]).to_lanes();
                element
            }
        }
    }

    fn pick_by_words(&self, index: u8) -> Limbs {
        let mut picked = [0; LIMBS];
        for (element, number) in self.elements().iter().zip(0u8..) {
            // `subtle` hides the choice from the optimiser.
            let mask = u64::conditional_select(&0, &u64::MAX, index.ct_eq(&number));
            for (to, from) in picked.iter_mut().zip(element) {
                *to |= from & mask;
            }
        }
        picked
    }

    /// In each lane the element that the lane's index names.
    #[must_use]
    pub fn pick_in_lanes(&self, index: &[u8; LANES]) -> Fp8 {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => Fp8::from_rows(ifma.pick_in_lanes(&self.0, index)),
            _ => Fp8::from_lanes(&index.map(|index| self.pick(index))),
        }
    }

    /// In each lane the element of its own table that the lane's index names.
    #[must_use]
    pub fn pick_from_each(tables: [&Self; LANES], index: &[u8; LANES]) -> Fp8 {
        match Engine::selected() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(ifma) => {
                Fp8::from_rows(ifma.pick_from_each(tables.map(|table| &table.0), index))
            }
            _ => {
                let mut elements = [Fp::ZERO; LANES];
                for ((to, table), index) in elements.iter_mut().zip(tables).zip(index) {
                    *to = table.pick(*index);
                }
                Fp8::from_lanes(&elements)
            }
        }
    }
}
