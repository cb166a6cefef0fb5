//! Times of many like things.

use core::time::Duration;

/// Sorted times.
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time within which so many of a hundred were ready, in milliseconds (nearest rank).
    pub(super) fn percentile_ms(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        let time = self.0.get(rank.saturating_sub(1));
        time.map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Times;
    use core::time::Duration;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let times = Times::new((1..=200).rev().map(Duration::from_millis).collect());
        let of = |percent| times.percentile_ms(percent);
        assert_eq!([of(50), of(95), of(99)], [100.0, 190.0, 198.0]);
        assert_eq!(Times::new(Vec::new()).percentile_ms(99), 0.0);
    }
}
