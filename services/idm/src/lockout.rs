//! Backing off after wrong passwords.

use core::time::Duration;
use roger_base::UnixTime;
use roger_oidc::TokenDigest;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Wrong passwords since the last right one. An attempt counts as wrong until it has proved right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last: Option<UnixTime>,
}

/// After how many wrong passwords a user has to wait, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Wrong passwords without a wait.
    pub free: u32,
    /// First wait; each further wrong password doubles it.
    pub first: Duration,
    /// Longest wait. It is short, since whoever knows a login name can cause it.
    pub longest: Duration,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self {
            free: 5,
            first: Duration::from_secs(10),
            longest: Duration::from_secs(300),
        }
    }
}

impl LockoutPolicy {
    /// How long the user must still wait.
    #[must_use]
    pub fn wait(&self, failures: Failures, now: UnixTime) -> Option<Duration> {
        let beyond = failures.count.checked_sub(self.free)?;
        let doubled = 1u32.checked_shl(beyond).unwrap_or(u32::MAX);
        let wait = self.first.saturating_mul(doubled).min(self.longest);
        let until = failures.last? + wait;
        let left = until.0.saturating_sub(now.0);
        (left > 0).then(|| Duration::from_secs(left))
    }
}

impl Failures {
    /// One more.
    #[must_use]
    pub(crate) fn and_one(self, at: UnixTime) -> Self {
        Self {
            count: self.count.saturating_add(1),
            last: Some(at),
        }
    }
}

/// Most names without a user that are remembered at one time.
const MAX_STRANGERS: usize = 10_000;

/// Wrong passwords for names that nobody has. They make wait like the others, or the waiting would tell which
/// names exist.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<HashMap<TokenDigest, Failures>>);

impl Strangers {
    /// Counts an attempt unless the name has to wait.
    pub(crate) fn attempt(
        &self,
        name: &str,
        policy: &LockoutPolicy,
        now: UnixTime,
    ) -> Option<Duration> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_STRANGERS {
            let recent = |failures: &Failures| {
                failures
                    .last
                    .is_some_and(|last| now < last + policy.longest)
            };
            names.retain(|_, failures| recent(failures));
        }
        if names.len() >= MAX_STRANGERS {
            // A flood of names: better to forget all of them than to grow.
            names.clear();
        }
        let failures = names.entry(TokenDigest::of(name.as_bytes())).or_default();
        let wait = policy.wait(*failures, now);
        if wait.is_none() {
            *failures = failures.and_one(now);
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let policy = LockoutPolicy::default();
        let wait = |count, after: u64| {
            let failures = Failures {
                count,
                last: Some(UnixTime(1000)),
            };
            policy
                .wait(failures, UnixTime(1000 + after))
                .map(|wait| wait.as_secs())
        };
        assert_eq!(wait(4, 0), None);
        assert_eq!(wait(5, 0), Some(10));
        assert_eq!(wait(5, 10), None);
        assert_eq!(wait(6, 5), Some(15));
        assert_eq!(wait(100, 0), Some(300));
        assert_eq!(wait(u32::MAX, 0), Some(300));
    }

    #[test]
    fn names_that_nobody_has_wait_too_and_never_fill_the_memory() {
        let (policy, strangers) = (LockoutPolicy::default(), Strangers::default());
        let now = UnixTime(1000);
        for _ in 0..5 {
            assert_eq!(strangers.attempt("nobody", &policy, now), None);
        }
        assert_eq!(
            strangers.attempt("nobody", &policy, now),
            Some(Duration::from_secs(10))
        );
        assert_eq!(strangers.attempt("somebody", &policy, now), None);
        for n in 0..3 * MAX_STRANGERS {
            assert_eq!(
                strangers.attempt(&format!("stranger {n}"), &policy, now),
                None
            );
        }
        assert!(strangers.0.lock().unwrap().len() <= MAX_STRANGERS);
    }
}
