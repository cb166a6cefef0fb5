//! Multiplication of points that are known before: P of the parameter set and Z_T of a KMS.
//!
//! A multiple is a sum of table entries, one for each digit of the number ([`OddDigits`]); there are hardly any
//! doublings. Eight windows lie side by side in the lanes of a group. [r]([b]P + Z_T) = [rb]P + [r]Z_T needs tables
//! for P and Z_T only, and none for the receiver.

use super::batch::{self, Workspace};
use super::point::{Affine, Field, Jacobian};
use super::recoding::{GROUPS, OddDigits, PASSES, TABLE, WINDOW};
use roger_fp1024::{Backend, Fp8, LANES};
use zeroize::Zeroizing;

/// The odd multiples of the eight windows of a group.
type GroupTable = [Affine<Fp8>; TABLE];

/// Bits from one window of a table to the next: the windows between are the other passes'.
const STRIDE: usize = WINDOW * PASSES;

/// Odd multiples of 2^(10n) times a point, for n = 0 to 103.
pub(super) struct FixedBase(Box<[GroupTable; GROUPS]>);

impl FixedBase {
    /// Octets of a table.
    pub(super) const OCTETS: usize = size_of::<[GroupTable; GROUPS]>();

    /// Makes the tables; the point must have order q.
    pub(super) fn new(point: &Affine) -> Self {
        let starts = window_starts(point);
        let mut multiples = vec![[Jacobian::<Fp8>::default(); TABLE]; GROUPS];
        for (group, start) in multiples.iter_mut().zip(&starts) {
            *group = odd_multiples(start);
        }
        let mut inverses: Vec<_> = multiples.as_flattened().iter().map(|m| m.z).collect();
        Fp8::invert_all(&mut inverses);
        let mut table = vec![[Affine::default(); TABLE]; GROUPS];
        let entries = table.as_flattened_mut().iter_mut();
        for ((entry, multiple), inverse) in entries.zip(multiples.as_flattened()).zip(&inverses) {
            *entry = multiple.to_affine_with(inverse);
        }
        let table = table.into_boxed_slice().try_into();
        Self(table.unwrap_or_else(|_| Box::new([[Affine::default(); TABLE]; GROUPS])))
    }

    /// The entry of a group that one pass over the digits picks.
    fn entry(&self, digits: &OddDigits, pass: usize, group: usize) -> Affine<Fp8> {
        match (self.0.get(group), digits.pass(pass).get(group)) {
            (Some(table), Some(digits)) => Affine::select(table, &digits.index, digits.negative),
            _ => Affine::default(),
        }
    }
}

/// 2^(10n) times the point for eight values of n in each group.
fn window_starts(point: &Affine) -> Vec<Jacobian<Fp8>> {
    let mut multiple = Jacobian::from(point);
    let mut groups = Vec::with_capacity(GROUPS);
    for _ in 0..GROUPS {
        let mut lanes = [Jacobian::default(); LANES];
        for lane in &mut lanes {
            *lane = multiple;
            for _ in 0..STRIDE {
                multiple = multiple.double();
            }
        }
        groups.push(Jacobian::side_by_side(&lanes));
    }
    groups
}

/// 1, 3, 5, … 31 times the points.
fn odd_multiples(point: &Jacobian<Fp8>) -> [Jacobian<Fp8>; TABLE] {
    let double = point.double();
    let mut multiple = *point;
    let mut multiples = [multiple; TABLE];
    for entry in multiples.iter_mut().skip(1) {
        multiple = multiple.add(&double);
        *entry = multiple;
    }
    multiples
}

/// The numbers and points of a sum [k_1]B_1 + [k_2]B_2 + …
pub(super) type Terms<'a> = Vec<(&'a FixedBase, &'a OddDigits)>;

/// The table entries that one pass adds up, for every member one list after the other.
///
/// Group by group: what is read of a table serves all members before it leaves the cache.
pub(super) fn pick(members: &[Terms<'_>], pass: usize, lists: &mut [Affine<Fp8>]) {
    let length = lists.len().checked_div(members.len()).unwrap_or(0).max(1);
    for place in 0..length {
        let (term, group) = (place / GROUPS, place % GROUPS);
        for (terms, list) in members.iter().zip(lists.chunks_mut(length)) {
            if let (Some((base, digits)), Some(entry)) = (terms.get(term), list.get_mut(place)) {
                *entry = base.entry(digits, pass, group);
            }
        }
    }
}

/// The sum of multiples of fixed points, in constant time.
///
/// No addition meets equal or opposite points but by a chance of 2^-1000: every partial sum is an odd multiple of
/// its own power of 32 times the point, and the numbers come from a hash or are inverses.
pub(super) fn multiply(terms: &Terms<'_>) -> Jacobian {
    if !Backend::selected().is_wide() {
        let members = core::slice::from_ref(terms);
        let sums = batch::multiply_in_order(members, &mut Workspace::default());
        return sums.first().copied().unwrap_or_default();
    }
    let sums = Zeroizing::new(batch::sums_of_windows(core::slice::from_ref(terms)));
    sums.first().map(sum_of_lanes).unwrap_or_default()
}

/// 32 times the sum of a pass.
pub(super) fn to_next_pass<F: Field>(sum: &Jacobian<F>) -> Jacobian<F> {
    (0..WINDOW).fold(*sum, |sum, _| sum.double())
}

/// The sum over the lanes: add what is four, two and one lanes away.
fn sum_of_lanes(lanes: &Jacobian<Fp8>) -> Jacobian {
    let mut sum = Zeroizing::new(*lanes);
    for distance in [4, 2, 1] {
        let other = Zeroizing::new(Jacobian {
            x: sum.x.rotate(distance),
            y: sum.y.rotate(distance),
            z: sum.z.rotate(distance),
        });
        *sum = sum.add(&other);
    }
    let [sum, ..] = sum.to_lanes();
    sum
}
