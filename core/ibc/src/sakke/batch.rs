//! Many multiplications with fixed bases at once: affine additions, which need an inversion each, are the cheapest
//! of all when hundreds of them share one.

use super::fixed_base::{self, FixedBase};
use super::point::{Affine, Jacobian};
use super::quotient::{self, PowerTable, Quotient};
use super::recoding::{GROUPS, OddDigits, PASSES};
use roger_fp1024::{Fp, Fp8, LANES};
use zeroize::Zeroizing;

/// Multiplications that share inversions: enough that an inversion costs little, few enough that what they work on
/// stays in a core's cache.
pub(super) const BATCH: usize = 16;

/// The sum of multiples that is wanted of one member of a batch.
pub(super) type Terms<'a> = Vec<(&'a FixedBase, &'a OddDigits)>;

/// [k_1]B_1 + [k_2]B_2 + … for every member of a batch, in constant time; eight members side by side in a point.
/// All members have the same number of terms. Lanes beyond the last member hold nothing of use.
///
/// Equal or opposite points, which no honest input gives ([`fixed_base::multiply`]), spoil their own member only.
pub(super) fn multiply(members: &[Terms<'_>]) -> Vec<Jacobian<Fp8>> {
    let count = members.iter().map(Vec::len).sum::<usize>() * GROUPS * PASSES;
    let mut points = Zeroizing::new(Vec::with_capacity(count));
    for pass in 0..PASSES {
        for terms in members {
            let picked = terms
                .iter()
                .flat_map(|(base, digits)| base.pick(digits, pass));
            points.extend(picked);
        }
    }
    add_up(&mut points, PASSES * members.len());
    // One point for each pass and member, its parts in the lanes; now the members go into the lanes.
    let eights = members.len().div_ceil(LANES);
    let mut parts = Zeroizing::new(Vec::with_capacity(PASSES * eights * LANES));
    for pass in points.chunks(members.len().max(1)) {
        for eight in pass.chunks(LANES) {
            parts.extend(turn(eight));
        }
    }
    add_up(&mut parts, PASSES * eights);
    combine_passes(&parts, eights)
}

fn combine_passes(sums: &[Affine<Fp8>], eights: usize) -> Vec<Jacobian<Fp8>> {
    let mut passes = sums.chunks(eights.max(1)).rev();
    let last = passes.next().unwrap_or_default();
    let mut results: Vec<_> = last.iter().map(Jacobian::from).collect();
    for pass in passes {
        for (result, sum) in results.iter_mut().zip(pass) {
            *result = fixed_base::to_next_pass(result).add_affine(sum);
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

/// Adds up so many lists of equal length, one after the other in `points`, until each has one point.
fn add_up(points: &mut Vec<Affine<Fp8>>, lists: usize) {
    let mut length = points.len().checked_div(lists).unwrap_or(0);
    let mut inverses = Zeroizing::new(Vec::with_capacity(points.len() / 2));
    while length > 1 {
        inverses.clear();
        inverses.extend(differences(points, length));
        Fp8::invert_all(&mut inverses);
        add_pairs(points, length, &inverses);
        length = length.div_ceil(2);
        points.truncate(lists * length);
    }
}

/// x_2 - x_1 of every pair of neighbours in every list.
fn differences(points: &[Affine<Fp8>], length: usize) -> impl Iterator<Item = Fp8> {
    let pairs = points
        .chunks(length)
        .flat_map(|list| list.as_chunks::<2>().0);
    pairs.map(|[first, second]| second.x - first.x)
}

/// Moves the sum of every pair, and the point left over in a list of odd length, to the front.
fn add_pairs(points: &mut [Affine<Fp8>], length: usize, inverses: &[Fp8]) {
    let mut inverses = inverses.iter();
    let mut to = 0;
    for list in (0..points.len()).step_by(length.max(1)) {
        for first in (list..list + length).step_by(2) {
            let sum = match (points.get(first..), first + 1 < list + length) {
                (Some([first, second, ..]), true) => {
                    let inverse = inverses.next().unwrap_or(&Fp8::ZERO);
                    add(first, second, inverse)
                }
                (Some([left_over, ..]), _) => *left_over,
                _ => return,
            };
            if let Some(place) = points.get_mut(to) {
                *place = sum;
            }
            to += 1;
        }
    }
}

/// The sum of two different points, given 1/(x_2 - x_1). 2 products, 1 square.
fn add(first: &Affine<Fp8>, second: &Affine<Fp8>, inverse: &Fp8) -> Affine<Fp8> {
    let slope = (second.y - first.y) * inverse;
    let x = slope.square() - first.x - second.x;
    let y = slope * (first.x - x) - first.y;
    Affine { x, y }
}

/// The powers with these exponents, in constant time; eight members side by side.
pub(super) fn powers(table: &PowerTable, members: &[&OddDigits]) -> Vec<Quotient<Fp8>> {
    let mut results = Vec::new();
    for eight in members.chunks(LANES) {
        let mut product = Zeroizing::new(Quotient::one());
        for pass in (0..PASSES).rev() {
            let mut parts = Zeroizing::new([Quotient::one(); LANES]);
            for (part, digits) in parts.iter_mut().zip(eight) {
                *part = table.pass(digits, pass);
            }
            *product = quotient::to_next_pass(&product).multiply(&product_across(&parts));
        }
        results.push(*product);
    }
    results
}

/// The product over the lanes of each member, the members side by side.
fn product_across(members: &[Quotient<Fp8>; LANES]) -> Quotient<Fp8> {
    let real = Fp8::transpose(&members.map(|member| member.real));
    let imaginary = Fp8::transpose(&members.map(|member| member.imaginary));
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
    let affine = affine.flat_map(|(point, inverse)| {
        let point = point.to_affine_with(inverse);
        let coordinates = point.x.to_lanes().into_iter().zip(point.y.to_lanes());
        coordinates.map(|(x, y)| Affine { x, y })
    });
    let ratios = powers.iter().zip(of_real);
    let ratios = ratios.flat_map(|(power, inverse)| (power.imaginary * inverse).to_lanes());
    (affine.collect(), ratios.collect())
}
