//! A bounded rate.

use core::time::Duration;
use roger_base::Instant;

/// So many a second, a second's worth at once. Time is handed in and may stand still.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    per_second: u32,
    /// Thousandths of one that are left.
    left: u64,
    last: Instant,
}

impl Budget {
    /// A full budget.
    #[must_use]
    pub const fn new(per_second: u32) -> Self {
        Self {
            per_second,
            left: per_second as u64 * 1_000,
            last: Instant::ORIGIN,
        }
    }

    /// Takes one; `false` when none is left.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.since(self.last).min(Duration::from_secs(1));
        let earned =
            u64::try_from(passed.as_millis()).unwrap_or(1_000) * u64::from(self.per_second);
        if earned > 0 {
            self.last = now;
            self.left = (self.left + earned).min(u64::from(self.per_second) * 1_000);
        }
        let Some(left) = self.left.checked_sub(1_000) else {
            return false;
        };
        self.left = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_rate_is_given_in_the_long_run() {
        let mut budget = Budget::new(100);
        let mut given = 0;
        for millisecond in 0..10_000 {
            let now = Instant::from_origin(Duration::from_millis(millisecond));
            given += (0..10).filter(|_| budget.take(now)).count();
        }
        assert!((1_000..=1_100).contains(&given), "{given}");
        assert!(!Budget::new(0).take(Instant::from_origin(Duration::from_secs(9))));
    }
}
