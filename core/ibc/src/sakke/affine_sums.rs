//! Sums of many points by affine additions: each needs an inversion, and hundreds of them can share one, which makes
//! them the cheapest of all.

use super::point::{Affine, Field, Jacobian};
use zeroize::Zeroizing;

/// Additions for which a shared inversion pays; fewer are made without any.
const WORTH_AN_INVERSION: usize = 10;

/// The sums of so many lists of equal length, one after the other in `points`, which are used up.
pub(super) fn sums<F: Field>(points: &mut [Affine<F>], lists: usize) -> Vec<Jacobian<F>> {
    let length = add_up(points, lists, WORTH_AN_INVERSION);
    let left = points.chunks(length.max(1)).take(lists);
    left.map(sum).collect()
}

fn sum<F: Field>(points: &[Affine<F>]) -> Jacobian<F> {
    let mut points = points.iter();
    let first = points.next().map(Jacobian::from).unwrap_or_default();
    points.fold(first, |sum, point| sum.add_affine(point))
}

/// Adds up so many lists of equal length, one after the other in `points`, until each has one point or there are
/// fewer than `fewest` additions to be made at once. The lists that are left stand at the front; their length.
pub(super) fn add_up<F: Field>(points: &mut [Affine<F>], lists: usize, fewest: usize) -> usize {
    let mut length = points.len().checked_div(lists).unwrap_or(0);
    let mut inverses = Zeroizing::new(Vec::with_capacity(points.len() / 2));
    while length > 1 && lists * (length / 2) >= fewest {
        let (used, _) = points.split_at_mut(lists * length);
        inverses.clear();
        inverses.extend(differences(used, length));
        F::invert_all(&mut inverses);
        add_pairs(used, length, &inverses);
        length = length.div_ceil(2);
    }
    length
}

/// x_2 - x_1 of every pair of neighbours in every list.
fn differences<F: Field>(points: &[Affine<F>], length: usize) -> impl Iterator<Item = F> {
    let pairs = points
        .chunks(length)
        .flat_map(|list| list.as_chunks::<2>().0);
    pairs.map(|[first, second]| second.x.minus(&first.x))
}

/// Moves the sum of every pair, and the point left over in a list of odd length, to the front.
fn add_pairs<F: Field>(points: &mut [Affine<F>], length: usize, inverses: &[F]) {
    let mut inverses = inverses.iter();
    let mut to = 0;
    for list in (0..points.len()).step_by(length) {
        for first in (list..list + length).step_by(2) {
            let sum = match (points.get(first..), first + 1 < list + length) {
                (Some([first, second, ..]), true) => inverses.next().map(|i| add(first, second, i)),
                (Some([left_over, ..]), _) => Some(*left_over),
                _ => None,
            };
            if let (Some(place), Some(sum)) = (points.get_mut(to), sum) {
                *place = sum;
            }
            to += 1;
        }
    }
}

/// The sum of two different points, given 1/(x_2 - x_1). 2 products, 1 square.
fn add<F: Field>(first: &Affine<F>, second: &Affine<F>, inverse: &F) -> Affine<F> {
    let slope = second.y.minus(&first.y).times(inverse);
    let x = slope.square().minus(&first.x).minus(&second.x);
    let y = slope.times(&first.x.minus(&x)).minus(&first.y);
    Affine { x, y }
}
