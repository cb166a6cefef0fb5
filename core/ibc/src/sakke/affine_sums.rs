//! Sums of many points by affine additions: each needs an inversion, and hundreds of them can share one, which makes
//! them the cheapest of all.

use super::point::{Affine, Field, Jacobian};
use zeroize::Zeroizing;

/// Additions for which a shared inversion pays; fewer are made without any.
const WORTH_AN_INVERSION: usize = 7;

/// The sums of lists of equal length, one after the other in `points`, which are used up.
///
/// Neighbours are added in pairs until few are left, every sum in the place of the first of its pair: what is left
/// after k rounds stands at every 2^k-th place. The first round, which touches most memory, goes list by list, so
/// many at once that their points stay in the cache.
pub(super) fn sums<F: Field>(
    points: &mut [Affine<F>],
    length: usize,
    lists_at_once: usize,
) -> Vec<Jacobian<F>> {
    let mut stride = 1;
    let mut at_once = lists_at_once;
    let mut inverses = Zeroizing::new(Vec::with_capacity(points.len() / 2));
    while (points.len() / length) * pairs(length, stride) >= WORTH_AN_INVERSION {
        for lists in points.chunks_mut(at_once * length) {
            add_pairs(lists, length, stride, &mut inverses);
        }
        stride *= 2;
        at_once = points.len();
    }
    let lists = points.chunks(length);
    lists.map(|list| sum(list.iter().step_by(stride))).collect()
}

/// Pairs of neighbours among every `stride`-th of so many points.
const fn pairs(length: usize, stride: usize) -> usize {
    length.div_ceil(stride) / 2
}

fn sum<'a, F: Field + 'a>(mut points: impl Iterator<Item = &'a Affine<F>>) -> Jacobian<F> {
    let first = points.next().map(Jacobian::from).unwrap_or_default();
    points.fold(first, |sum, point| sum.add_affine(point))
}

/// Adds the second of every pair of neighbours to the first.
fn add_pairs<F: Field>(
    points: &mut [Affine<F>],
    length: usize,
    stride: usize,
    inverses: &mut Vec<F>,
) {
    let pair_length = 2 * stride;
    inverses.clear();
    for list in points.chunks(length) {
        let pairs = list.chunks(pair_length);
        let pairs = pairs.filter_map(|pair| pair.first().zip(pair.get(stride)));
        inverses.extend(pairs.map(|(first, second)| second.x.minus(&first.x)));
    }
    F::invert_all(inverses);
    let mut inverses = inverses.iter();
    for list in points.chunks_mut(length) {
        for pair in list.chunks_mut(pair_length) {
            let (first, rest) = pair.split_at_mut(stride.min(pair.len()));
            if let (Some(first), Some(second)) = (first.first_mut(), rest.first())
                && let Some(inverse) = inverses.next()
            {
                *first = add(first, second, inverse);
            }
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
