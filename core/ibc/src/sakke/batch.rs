//! Many multiplications with fixed bases at once, which share inversions.

use super::affine_sums::{self, add_up};
use super::fixed_base::{self, Terms};
use super::point::{Affine, Field, Jacobian};
use super::quotient::{self, PowerTable, Quotient};
use super::recoding::{GROUPS, OddDigits, PASSES};
use roger_fp1024::{Backend, Fp, Fp8, LANES};
use zeroize::Zeroizing;

/// Multiplications that share inversions: enough that an inversion costs little, few enough that what they work on
/// stays in a core's cache.
pub(super) const BATCH: usize = 16;

/// Memory that one batch after the other works in; erased once, after the last.
#[derive(Default)]
pub(super) struct Workspace {
    windows: Zeroizing<Vec<Affine<Fp8>>>,
}

impl Workspace {
    /// Table entries for every member, the last pass first.
    fn windows(&mut self, members: &[Terms<'_>]) -> &mut [Affine<Fp8>] {
        let entries = members.iter().map(Vec::len).sum::<usize>() * GROUPS;
        if self.windows.len() < entries * PASSES {
            // Moving to larger memory would leave a copy behind.
            self.windows = Zeroizing::new(vec![Affine::default(); entries * PASSES]);
        }
        let (windows, _) = self.windows.split_at_mut(entries * PASSES);
        for (pass, lists) in (0..PASSES).rev().zip(windows.chunks_mut(entries.max(1))) {
            fixed_base::pick(members, pass, lists);
        }
        windows
    }
}

/// [k_1]B_1 + [k_2]B_2 + … for every member of a batch, in constant time; eight members side by side in a point.
/// All members have the same number of terms. Lanes beyond the last member hold nothing of use.
///
/// Equal or opposite points, which no honest input gives ([`fixed_base::multiply`]), spoil their own member only.
pub(super) fn multiply(members: &[Terms<'_>], workspace: &mut Workspace) -> Vec<Jacobian<Fp8>> {
    if Backend::selected().is_wide() {
        return multiply_in_lanes(members, workspace);
    }
    let points = Zeroizing::new(multiply_in_order(members, workspace));
    points.chunks(LANES).map(Jacobian::side_by_side).collect()
}

/// With eight windows of a member side by side, and at the end eight members.
fn multiply_in_lanes(members: &[Terms<'_>], workspace: &mut Workspace) -> Vec<Jacobian<Fp8>> {
    let windows = workspace.windows(members);
    add_up(windows, PASSES * members.len(), 1);
    let eights = members.len().div_ceil(LANES);
    let mut parts = Zeroizing::new(Vec::with_capacity(PASSES * eights * LANES));
    for pass in windows.chunks(members.len().max(1)).take(PASSES) {
        parts.extend(pass.chunks(LANES).flat_map(turn));
    }
    combine_passes(&affine_sums::sums(&mut parts, PASSES * eights))
}

/// The same for few members: in each lane the sum of its windows, whose sum is the result.
pub(super) fn sums_of_windows(members: &[Terms<'_>]) -> Vec<Jacobian<Fp8>> {
    let mut workspace = Workspace::default();
    let windows = workspace.windows(members);
    combine_passes(&affine_sums::sums(windows, PASSES * members.len()))
}

/// The same for machines where eight elements at once cost as much as eight: one point after the other.
pub(super) fn multiply_in_order(members: &[Terms<'_>], workspace: &mut Workspace) -> Vec<Jacobian> {
    let windows = workspace.windows(members);
    let mut points = Zeroizing::new(Vec::with_capacity(windows.len() * LANES));
    points.extend(windows.iter().flat_map(|point| point.to_lanes()));
    combine_passes(&affine_sums::sums(&mut points, PASSES * members.len()))
}

/// The sums of the passes, the one that comes first first, make the results.
fn combine_passes<F: Field>(sums: &[Jacobian<F>]) -> Vec<Jacobian<F>> {
    let mut passes = sums.chunks((sums.len() / PASSES).max(1));
    let mut results = passes.next().unwrap_or_default().to_vec();
    for pass in passes {
        for (result, sum) in results.iter_mut().zip(pass) {
            *result = fixed_base::to_next_pass(result).add(sum);
        }
    }
    results
}

/// Lane l of point m becomes lane m of point l; missing points are (0, 0).
fn turn(points: &[Affine<Fp8>]) -> [Affine<Fp8>; LANES] {
    let coordinate = |of: fn(&Affine<Fp8>) -> Fp8| {
        let mut lanes = [Fp8::ZERO; LANES];
        for (lane, point) in lanes.iter_mut().zip(points) {
            *lane = of(point);
        }
        Fp8::transpose(&lanes)
    };
    let (x, y) = (coordinate(|point| point.x), coordinate(|point| point.y));
    let mut turned = [Affine::default(); LANES];
    for ((point, x), y) in turned.iter_mut().zip(x).zip(y) {
        *point = Affine { x, y };
    }
    turned
}

/// The powers with these exponents, in constant time; eight members side by side.
pub(super) fn powers(table: &PowerTable, members: &[&OddDigits]) -> Vec<Quotient<Fp8>> {
    let powers = members.chunks(LANES).map(|eight| {
        let mut product = Zeroizing::new(Quotient::one());
        for pass in (0..PASSES).rev() {
            let parts = Zeroizing::new(table.pass(eight, pass));
            *product = quotient::to_next_pass(&product).multiply(&product_across(&parts));
        }
        *product
    });
    powers.collect()
}

/// The product over the lanes of each member, the members side by side; ones for those that are missing.
fn product_across(members: &[Quotient<Fp8>]) -> Quotient<Fp8> {
    let member = |m: usize| members.get(m).copied().unwrap_or_else(Quotient::one);
    let real = Fp8::transpose(&core::array::from_fn(|m| member(m).real));
    let imaginary = Fp8::transpose(&core::array::from_fn(|m| member(m).imaginary));
    let factors = real.into_iter().zip(imaginary);
    factors.fold(Quotient::one(), |product, (real, imaginary)| {
        product.multiply(&Quotient { real, imaginary })
    })
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
