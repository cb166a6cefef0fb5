//! Which messages were processed before (RFC 3830 5.4).

use aws_lc_rs::digest;
use core::time::Duration;
use roger_base::NtpTime;
use std::collections::BTreeSet;

/// Remembers verified messages while their `T` is inside the skew window.
///
/// A message is known by the hash of its *signed* octets: the signature itself can be altered into another
/// valid one (s and q - s both verify), so a hash over it could be evaded. Only verified messages are
/// remembered, so nobody without keys can fill the cache; when it is full the oldest `T` is forgotten.
#[derive(Debug, Clone)]
pub struct ReplayCache {
    window: Duration,
    capacity: usize,
    seen: BTreeSet<[u8; 32]>,
    /// The same by `T`: what is forgotten is found without a search.
    by_time: BTreeSet<(NtpTime, [u8; 32])>,
}

impl ReplayCache {
    /// An empty cache for a skew window that remembers at most `capacity` messages.
    #[must_use]
    pub const fn new(window: Duration, capacity: usize) -> Self {
        Self {
            window,
            capacity,
            seen: BTreeSet::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// Whether a message with these signed octets was processed.
    #[must_use]
    pub fn contains(&self, signed_octets: &[u8]) -> bool {
        self.seen.contains(&hash(signed_octets))
    }

    /// Remembers a verified message and its `T`.
    pub fn insert(&mut self, signed_octets: &[u8], time: NtpTime, now: NtpTime) {
        if self.seen.len() >= self.capacity {
            self.purge(now);
        }
        if self.seen.len() >= self.capacity {
            self.forget_oldest();
        }
        let hash = hash(signed_octets);
        if self.seen.insert(hash) {
            self.by_time.insert((time, hash));
        }
    }

    /// Forgets messages that the skew window refuses by now.
    pub fn purge(&mut self, now: NtpTime) {
        let window = self.window.as_secs();
        let refused = |time: &NtpTime| time.seconds.saturating_add(window) < now.seconds;
        while self.by_time.first().is_some_and(|(time, _)| refused(time)) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, hash)) = self.by_time.pop_first() {
            self.seen.remove(&hash);
        }
    }

    /// How many messages are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

fn hash(octets: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, octets);
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> NtpTime {
        NtpTime {
            seconds,
            fraction: 0,
        }
    }

    #[test]
    fn forgets_what_the_window_refuses_anyway() {
        let mut cache = ReplayCache::new(Duration::from_secs(600), 10);
        cache.insert(b"a", at(1000), at(1000));
        cache.purge(at(1600));
        assert!(cache.contains(b"a"));
        cache.purge(at(1601));
        assert!(!cache.contains(b"a") && cache.is_empty());
    }

    #[test]
    fn never_grows_beyond_its_capacity_and_forgets_the_oldest() {
        let mut cache = ReplayCache::new(Duration::from_secs(600), 3);
        for n in 0..10u8 {
            cache.insert(&[n], at(1000 + u64::from(n)), at(1010));
        }
        assert_eq!(cache.len(), 3);
        assert!(cache.contains(&[9]) && cache.contains(&[7]) && !cache.contains(&[6]));
    }
}
