//! Multiplication of points that are known before: P of the parameter set and Z_T of a KMS.
//!
//! A multiple is a sum of table entries, one for each digit of the number ([`OddDigits`]); there are hardly any
//! doublings. [r]([b]P + Z_T) = [rb]P + [r]Z_T needs tables for P and Z_T only, and none for the receiver.

use super::batch;
use super::point::{Affine, Field, Jacobian};
use super::recoding::{Digit, EightDigits, GROUPS, OddDigits, PASSES, PLACES_IN_LANES, WINDOW};
use roger_fp1024::{Backend, ENTRIES, Fp8, LANES, Table};
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

/// Bits from one window of a table to the next: the windows between are the other passes'.
const STRIDE: usize = WINDOW * PASSES;

/// The odd multiples of a window.
struct Window {
    x: Table,
    y: Table,
}

impl Window {
    fn pick(&self, digit: Digit) -> Affine {
        let mut y = self.y.pick(digit.index);
        y.conditional_assign(&-y, Choice::from(digit.negative));
        let x = self.x.pick(digit.index);
        Affine { x, y }
    }

    /// For eight digits at the same place.
    fn pick_in_lanes(&self, digits: &EightDigits) -> Affine<Fp8> {
        let y = self.y.pick_in_lanes(&digits.index);
        Affine {
            x: self.x.pick_in_lanes(&digits.index),
            y: y.negate_lanes(digits.negative),
        }
    }

    /// In each lane from another window.
    fn pick_from_each(windows: [&Self; LANES], digits: &EightDigits) -> Affine<Fp8> {
        let y = Table::pick_from_each(windows.map(|window| &window.y), &digits.index);
        Affine {
            x: Table::pick_from_each(windows.map(|window| &window.x), &digits.index),
            y: y.negate_lanes(digits.negative),
        }
    }
}

/// Odd multiples of 2^(12n) times a point, for n = 0 to 87.
pub(super) struct FixedBase(Box<[Window]>);

impl FixedBase {
    /// Octets of a table.
    pub(super) const OCTETS: usize = PLACES_IN_LANES * size_of::<Window>();

    /// Makes the tables; the point must have order q.
    pub(super) fn new(point: &Affine) -> Self {
        let groups: Vec<_> = window_starts(point).iter().map(odd_multiples).collect();
        let mut inverses: Vec<_> = groups.as_flattened().iter().map(|m| m.z).collect();
        Fp8::invert_all(&mut inverses);
        let inverses = inverses.chunks(ENTRIES);
        let windows = groups.iter().zip(inverses);
        let windows = windows.flat_map(|(multiples, inverses)| windows_of(multiples, inverses));
        Self(windows.collect())
    }

    /// What eight members at once add up of a pass, from the tables that each has.
    pub(super) fn pick_for_members(
        bases: &[&Self; LANES],
        digits: &[&OddDigits; LANES],
        pass: usize,
        list: &mut [Affine<Fp8>],
    ) {
        let [first, ..] = bases;
        let same = bases.iter().all(|base| core::ptr::eq(*base, *first));
        for ((place, to), window) in list.iter_mut().enumerate().zip(&first.0) {
            let digits = EightDigits::of_members(digits, pass, place);
            *to = if same {
                window.pick_in_lanes(&digits)
            } else {
                let windows = bases.map(|base| base.0.get(place).unwrap_or(window));
                Window::pick_from_each(windows, &digits)
            };
        }
    }

    /// What one number adds up of a pass, with eight windows side by side.
    pub(super) fn pick_in_lanes(&self, digits: &OddDigits, pass: usize, list: &mut [Affine<Fp8>]) {
        let groups = self.0.as_chunks().0;
        for ((group, to), windows) in list.iter_mut().enumerate().zip(groups) {
            let digits = digits.group(pass, group);
            *to = Window::pick_from_each(windows.each_ref(), &digits);
        }
    }

    /// The same one window after the other.
    pub(super) fn pick_in_order(&self, digits: &OddDigits, pass: usize, list: &mut [Affine]) {
        for ((place, to), window) in list.iter_mut().enumerate().zip(&self.0) {
            *to = window.pick(digits.digit(pass, place));
        }
    }
}

/// 2^(12n) times the point for eight values of n in each group.
fn window_starts(point: &Affine) -> Vec<Jacobian<Fp8>> {
    let mut multiple = Jacobian::from(point);
    let mut groups = Vec::with_capacity(GROUPS);
    for _ in 0..GROUPS {
        let mut lanes = [Jacobian::default(); LANES];
        for lane in &mut lanes {
            *lane = multiple;
            multiple = (0..STRIDE).fold(multiple, |multiple, _| multiple.double());
        }
        groups.push(Jacobian::side_by_side(&lanes));
    }
    groups
}

/// 1, 3, 5, … 63 times the points.
fn odd_multiples(point: &Jacobian<Fp8>) -> [Jacobian<Fp8>; ENTRIES] {
    let double = point.double();
    let mut multiple = *point;
    let mut multiples = [multiple; ENTRIES];
    for entry in multiples.iter_mut().skip(1) {
        multiple = multiple.add(&double);
        *entry = multiple;
    }
    multiples
}

/// The windows of a group, given 1/Z of the multiples.
fn windows_of(multiples: &[Jacobian<Fp8>; ENTRIES], inverses: &[Fp8]) -> Vec<Window> {
    let (mut x, mut y) = ([Fp8::ZERO; ENTRIES], [Fp8::ZERO; ENTRIES]);
    let points = multiples.iter().zip(inverses);
    for (((x, y), (multiple, inverse)), _) in x.iter_mut().zip(&mut y).zip(points).zip(0..ENTRIES) {
        let point = multiple.to_affine_with(inverse);
        (*x, *y) = (point.x, point.y);
    }
    let tables = Table::from_lanes(&x).into_iter().zip(Table::from_lanes(&y));
    tables.map(|(x, y)| Window { x, y }).collect()
}

/// The numbers and points of a sum [k_1]B_1 + [k_2]B_2 + …
pub(super) type Terms<'a> = Vec<(&'a FixedBase, &'a OddDigits)>;

/// The sum of multiples of fixed points, in constant time.
///
/// No addition meets equal or opposite points but by a chance of 2^-1000: every partial sum is an odd multiple of
/// its own power of 64 times the point, and the numbers come from a hash or are inverses.
pub(super) fn multiply(terms: &Terms<'_>) -> Jacobian {
    if Backend::selected().is_wide() {
        let sums = Zeroizing::new(batch::sums_of_windows(terms));
        return sum_of_lanes(&sums);
    }
    let members = core::slice::from_ref(terms);
    let sums = Zeroizing::new(batch::multiply_in_order(members, &mut Zeroizing::default()));
    sums.first().copied().unwrap_or_default()
}

/// 64 times the sum of a pass.
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
