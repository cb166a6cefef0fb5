//! Many multiplications with fixed bases at once, which share inversions.

use super::affine_sums::sums;
use super::fixed_base::{self, FixedBase, Terms};
use super::point::{Affine, Field, Jacobian};
use super::power_table::PowerTable;
use super::quotient::Quotient;
use super::recoding::{GROUPS, OddDigits, PASSES, PLACES};
use roger_fp1024::{Backend, Fp, Fp8, LANES};
use zeroize::Zeroizing;

/// Multiplications that share inversions: enough that an inversion costs little, few enough that what they work on
/// stays in a core's cache.
pub(super) const BATCH: usize = 16;

/// Memory that one batch after the other works in; erased once, after the last.
#[derive(Default)]
pub(super) struct Workspace {
    in_lanes: Zeroizing<Vec<Affine<Fp8>>>,
    in_order: Zeroizing<Vec<Affine>>,
}

/// So many points to write to.
fn points<F: Field>(memory: &mut Zeroizing<Vec<Affine<F>>>, count: usize) -> &mut [Affine<F>] {
    if memory.len() < count {
        // Moving to larger memory would leave a copy behind.
        *memory = Zeroizing::new(vec![Affine::default(); count]);
    }
    memory.split_at_mut(count).0
}

/// [k_1]B_1 + [k_2]B_2 + … for every member of a batch, in constant time; eight members side by side in a point.
/// All members have the same number of terms, with digits made for members. Lanes beyond the last member hold
/// nothing of use.
///
/// Equal or opposite points, which no honest input gives ([`fixed_base::multiply`]), spoil their own member only.
pub(super) fn multiply(members: &[Terms<'_>], workspace: &mut Workspace) -> Vec<Jacobian<Fp8>> {
    if Backend::selected().is_wide() {
        return multiply_in_lanes(members, &mut workspace.in_lanes);
    }
    let points = Zeroizing::new(multiply_in_order(members, &mut workspace.in_order));
    points.chunks(LANES).map(Jacobian::side_by_side).collect()
}

/// With eight members side by side.
fn multiply_in_lanes(
    members: &[Terms<'_>],
    memory: &mut Zeroizing<Vec<Affine<Fp8>>>,
) -> Vec<Jacobian<Fp8>> {
    let terms = members.first().map_or(0, Vec::len);
    let length = (terms * PLACES).max(1);
    let eights = members.len().div_ceil(LANES);
    let points = points(memory, eights * PASSES * length);
    for (eight, lists) in members
        .chunks(LANES)
        .zip(points.chunks_mut(PASSES * length))
    {
        for (pass, list) in (0..PASSES).rev().zip(lists.chunks_mut(length)) {
            for (term, list) in list.chunks_mut(PLACES).enumerate() {
                if let Some((bases, digits)) = side_by_side(eight, term) {
                    FixedBase::pick_for_members(&bases, &digits, pass, list);
                }
            }
        }
    }
    combine_passes(&sums(points, length, PASSES))
}

/// One term of eight members; the first stands in for members that are missing.
fn side_by_side<'a>(
    members: &[Terms<'a>],
    term: usize,
) -> Option<([&'a FixedBase; LANES], [&'a OddDigits; LANES])> {
    let first = members.first()?.get(term)?;
    let of_lane = |lane: usize| {
        let member = members.get(lane).and_then(|terms| terms.get(term));
        member.unwrap_or(first)
    };
    let bases = core::array::from_fn(|lane| of_lane(lane).0);
    Some((bases, core::array::from_fn(|lane| of_lane(lane).1)))
}

/// The same for one member with eight windows side by side: in each lane the sum of its windows, whose sum is the
/// result.
pub(super) fn sums_of_windows(terms: &Terms<'_>) -> Jacobian<Fp8> {
    let length = (terms.len() * GROUPS).max(1);
    let mut points = Zeroizing::new(vec![Affine::default(); PASSES * length]);
    for (pass, list) in (0..PASSES).rev().zip(points.chunks_mut(length)) {
        for ((base, digits), list) in terms.iter().zip(list.chunks_mut(GROUPS)) {
            base.pick_in_lanes(digits, pass, list);
        }
    }
    let sums = combine_passes(&sums(&mut points, length, PASSES));
    sums.first().copied().unwrap_or_default()
}

/// The same for machines where eight elements at once cost as much as eight: one point after the other.
pub(super) fn multiply_in_order(
    members: &[Terms<'_>],
    memory: &mut Zeroizing<Vec<Affine>>,
) -> Vec<Jacobian> {
    let terms = members.first().map_or(0, Vec::len);
    let length = (terms * PLACES).max(1);
    let points = points(memory, members.len() * PASSES * length);
    for (terms, lists) in members.iter().zip(points.chunks_mut(PASSES * length)) {
        for (pass, list) in (0..PASSES).rev().zip(lists.chunks_mut(length)) {
            for ((base, digits), list) in terms.iter().zip(list.chunks_mut(PLACES)) {
                base.pick_in_order(digits, pass, list);
            }
        }
    }
    combine_passes(&sums(points, length, LANES))
}

/// The sums of the passes, the last pass first, make the results.
fn combine_passes<F: Field>(sums: &[Jacobian<F>]) -> Vec<Jacobian<F>> {
    let members = sums.chunks(PASSES);
    let result = |passes: &[Jacobian<F>]| {
        let mut passes = passes.iter();
        let first = passes.next().copied().unwrap_or_default();
        passes.fold(first, |sum, pass| fixed_base::to_next_pass(&sum).add(pass))
    };
    members.map(result).collect()
}

/// The powers with these exponents, in constant time; eight members side by side.
pub(super) fn powers(table: &PowerTable, members: &[&OddDigits]) -> Vec<Quotient<Fp8>> {
    let eights = members.chunks(LANES);
    if Backend::selected().is_wide() {
        return eights.map(|eight| table.powers(eight)).collect();
    }
    let side_by_side = |eight: &[&OddDigits]| {
        let powers = eight.iter().map(|digits| table.power(digits));
        Quotient::side_by_side(&Zeroizing::new(powers.collect::<Vec<_>>()))
    };
    eights.map(side_by_side).collect()
}

/// The affine points, member by member, with one inversion; infinity becomes (0, 0).
pub(super) fn to_affine(points: &[Jacobian<Fp8>]) -> Vec<Affine> {
    let (points, _) = to_affine_and_ratios(points, &[]);
    points
}

/// The affine points and the ratios, member by member, with one inversion; infinity becomes (0, 0).
pub(super) fn to_affine_and_ratios(
    points: &[Jacobian<Fp8>],
    powers: &[Quotient<Fp8>],
) -> (Vec<Affine>, Vec<Fp>) {
    let denominators = points.iter().map(|point| point.z);
    let denominators = denominators.chain(powers.iter().map(|power| power.real));
    let mut inverses = Zeroizing::new(denominators.collect::<Vec<_>>());
    Fp8::invert_all(&mut inverses);
    let (of_z, of_real) = inverses.split_at(points.len());
    let affine = points.iter().zip(of_z);
    let affine = affine.flat_map(|(point, inverse)| point.to_affine_with(inverse).to_lanes());
    let ratios = powers.iter().zip(of_real);
    let ratios = ratios.flat_map(|(power, inverse)| (power.imaginary * inverse).to_lanes());
    (affine.collect(), ratios.collect())
}
