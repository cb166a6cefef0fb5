//! How many requests one address and one user may make: token buckets in bounded memory.
//!
//! A user is known here by what it shows, before anybody has verified it: the access token, or the client
//! certificate. Nobody can therefore empty the bucket of another, and a client that invents tokens is bounded by its
//! address. Log-in by password has its own bound in the IdM server.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use core::hash::Hash;
use core::num::NonZeroUsize;
use core::time::Duration;
use lru::LruCache;
use rustls_pki_types::CertificateDer;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Buckets kept for each kind; the one that was used longest ago is forgotten first.
pub const DEFAULT_BUCKETS: NonZeroUsize = match NonZeroUsize::new(65_536) {
    Some(buckets) => buckets,
    None => NonZeroUsize::MIN,
};

/// A steady rate with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests for every second, on average.
    pub per_second: u32,
    /// Requests at once after a pause.
    pub burst: u32,
}

/// Token buckets, one a key. A bucket is kept as the time at which it is full again.
struct Buckets<K: Hash + Eq> {
    rate: Rate,
    full_at: Mutex<LruCache<K, Duration>>,
}

impl<K: Hash + Eq> Buckets<K> {
    fn new(rate: Rate, capacity: NonZeroUsize) -> Self {
        Self {
            rate,
            full_at: Mutex::new(LruCache::new(capacity)),
        }
    }

    /// Takes one token; without one, how long it takes until there is one.
    fn take(&self, key: K, now: Duration) -> Result<(), Duration> {
        let token = Duration::from_secs(1) / self.rate.per_second.max(1);
        let room = token.saturating_mul(self.rate.burst.max(1));
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let until_full = full_at
            .get(&key)
            .map_or(Duration::ZERO, |at| at.saturating_sub(now));
        let after = until_full.saturating_add(token);
        if after > room {
            return Err(after.saturating_sub(room));
        }
        full_at.put(key, now.saturating_add(after));
        Ok(())
    }
}

/// Which bucket was empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitedBy {
    /// That of the address.
    Address,
    /// That of the user.
    User,
}

/// A request that comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Which bucket was empty.
    pub by: LimitedBy,
    /// When to come back.
    pub retry_after: Duration,
}

/// What a limiter is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// Of one address (of one /64 in IPv6).
    pub address: Rate,
    /// Of one access token or client certificate.
    pub user: Rate,
    /// Addresses of proxies, behind which there are many users: their requests count by user only.
    pub proxies: Vec<IpAddr>,
    /// Buckets kept for each kind.
    pub buckets: NonZeroUsize,
}

/// The limiter of one listener.
pub struct RateLimiter {
    started: Instant,
    proxies: Vec<IpAddr>,
    addresses: Buckets<IpAddr>,
    users: Buckets<[u8; 32]>,
}

impl RateLimiter {
    /// A limiter with every bucket full.
    #[must_use]
    pub fn new(limits: RateLimits) -> Self {
        Self {
            started: Instant::now(),
            proxies: limits.proxies.into_iter().map(network).collect(),
            addresses: Buckets::new(limits.address, limits.buckets),
            users: Buckets::new(limits.user, limits.buckets),
        }
    }

    /// Counts a request now.
    ///
    /// # Errors
    /// [`TooMany`] with the time to wait.
    pub fn admit(
        &self,
        address: IpAddr,
        headers: &HeaderMap,
        certificate: Option<&CertificateDer<'_>>,
    ) -> Result<(), TooMany> {
        self.admit_at(self.started.elapsed(), address, headers, certificate)
    }

    fn admit_at(
        &self,
        now: Duration,
        address: IpAddr,
        headers: &HeaderMap,
        certificate: Option<&CertificateDer<'_>>,
    ) -> Result<(), TooMany> {
        let refused = |by| move |retry_after| TooMany { by, retry_after };
        let address = network(address);
        if !self.proxies.contains(&address) {
            let taken = self.addresses.take(address, now);
            taken.map_err(refused(LimitedBy::Address))?;
        }
        let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let Some(shown) = shown.or(certificate.map(AsRef::as_ref)) else {
            return Ok(());
        };
        let taken = self.users.take(digest(shown), now);
        taken.map_err(refused(LimitedBy::User))
    }
}

/// What rests in memory of a token.
fn digest(shown: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, shown);
    let mut octets = [0; 32];
    for (to, from) in octets.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    octets
}

/// What counts as one address: an IPv4 address, or the /64 that one subscriber of IPv6 has.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn limiter(address: Rate, user: Rate, buckets: usize, proxies: Vec<IpAddr>) -> RateLimiter {
        RateLimiter::new(RateLimits {
            address,
            user,
            proxies,
            buckets: NonZeroUsize::new(buckets).unwrap(),
        })
    }

    fn token(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        headers
    }

    const MUCH: Rate = Rate {
        per_second: 1000,
        burst: 1000,
    };
    const LITTLE: Rate = Rate {
        per_second: 2,
        burst: 4,
    };

    #[test]
    fn a_burst_passes_then_the_steady_rate() {
        let limiter = limiter(LITTLE, MUCH, 16, vec![]);
        let at = |millis| {
            limiter.admit_at(
                Duration::from_millis(millis),
                ADDRESS,
                &HeaderMap::new(),
                None,
            )
        };
        for _ in 0..4 {
            at(0).unwrap();
        }
        let refused = at(0).unwrap_err();
        assert_eq!(refused.by, LimitedBy::Address);
        assert_eq!(refused.retry_after, Duration::from_millis(500));
        assert_eq!(at(499).unwrap_err().retry_after, Duration::from_millis(1));
        at(500).unwrap();
        at(501).unwrap_err();
        // A pause fills the bucket, and no further than its brim.
        for _ in 0..4 {
            at(3_600_000).unwrap();
        }
        at(3_600_000).unwrap_err();
    }

    #[test]
    fn each_address_has_its_own_bucket_and_a_64_counts_as_one() {
        let limiter = limiter(LITTLE, MUCH, 16, vec![]);
        let from = |text: &str| {
            let address = text.parse().unwrap();
            limiter
                .admit_at(Duration::ZERO, address, &HeaderMap::new(), None)
                .is_ok()
        };
        for host in 1..=4 {
            assert!(from(&format!("2001:db8::{host}")));
        }
        assert!(!from("2001:db8::5"));
        assert!(from("2001:db8:0:1::5"));
        for _ in 0..4 {
            assert!(from("192.0.2.1"));
        }
        assert!(!from("::ffff:192.0.2.1"), "the same address, mapped");
        assert!(from("192.0.2.2"));
    }

    #[test]
    fn a_user_is_limited_on_every_address_and_only_that_user() {
        let limiter = limiter(MUCH, LITTLE, 16, vec![]);
        let admit = |address: &str, token_text: &str| {
            let address = address.parse().unwrap();
            limiter.admit_at(Duration::ZERO, address, &token(token_text), None)
        };
        for host in 1..=4 {
            admit(&format!("192.0.2.{host}"), "Bearer a").unwrap();
        }
        assert_eq!(
            admit("192.0.2.9", "Bearer a").unwrap_err().by,
            LimitedBy::User
        );
        admit("192.0.2.9", "Bearer b").unwrap();
        let certificate = CertificateDer::from(vec![1, 2, 3]);
        for _ in 0..4 {
            limiter
                .admit_at(
                    Duration::ZERO,
                    ADDRESS,
                    &HeaderMap::new(),
                    Some(&certificate),
                )
                .unwrap();
        }
        limiter
            .admit_at(
                Duration::ZERO,
                ADDRESS,
                &HeaderMap::new(),
                Some(&certificate),
            )
            .unwrap_err();
    }

    #[test]
    fn a_proxy_is_limited_by_user_only() {
        let limiter = limiter(LITTLE, LITTLE, 256, vec![ADDRESS]);
        for user in 0..100 {
            limiter
                .admit_at(
                    Duration::ZERO,
                    ADDRESS,
                    &token(&format!("Bearer {user}")),
                    None,
                )
                .unwrap();
        }
        for _ in 0..3 {
            limiter
                .admit_at(Duration::ZERO, ADDRESS, &token("Bearer 1"), None)
                .unwrap();
        }
        limiter
            .admit_at(Duration::ZERO, ADDRESS, &token("Bearer 1"), None)
            .unwrap_err();
    }

    #[test]
    fn memory_is_bounded_and_invented_tokens_run_into_the_address() {
        let limiter = limiter(LITTLE, LITTLE, 8, vec![]);
        let mut admitted = 0;
        for user in 0..1000 {
            let headers = token(&format!("Bearer {user}"));
            admitted += usize::from(
                limiter
                    .admit_at(Duration::ZERO, ADDRESS, &headers, None)
                    .is_ok(),
            );
        }
        assert_eq!(admitted, 4);
        for host in 0..1000u32 {
            let address = IpAddr::V4(host.into());
            let _ = limiter.admit_at(Duration::ZERO, address, &HeaderMap::new(), None);
        }
        assert_eq!(limiter.addresses.full_at.lock().unwrap().len(), 8);
    }
}
