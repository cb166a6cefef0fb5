//! Keys of issuers behind URLs, for resource servers: fetched through a port, cached, bounded.

use crate::verifier::KeySource;
use crate::{Issuer, JwkSet};
use core::time::Duration;
use roger_base::UnixTime;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Gets a key set document. It may wait; whoever must not wait asks on a thread that may.
pub trait KeyFetch: Send + Sync {
    /// The document at a URL of the configuration, at most [`crate::jose::MAX_JWKS_OCTETS`] long; `None` when it
    /// cannot be had.
    fn fetch(&self, url: &str) -> Option<String>;
}

/// How long keys and failures are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCachePolicy {
    /// How long a key set is used without asking again.
    pub fresh: Duration,
    /// How long it is used while the issuer does not answer.
    pub stale: Duration,
    /// Shortest time between two fetches of one issuer, so that tokens with made-up key ids cause no flood.
    pub pause: Duration,
}

impl Default for KeyCachePolicy {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(300),
            stale: Duration::from_secs(3600),
            pause: Duration::from_secs(30),
        }
    }
}

#[derive(Default)]
struct Entry {
    asked_at: Option<UnixTime>,
    got: Option<(UnixTime, JwkSet)>,
}

/// A cache with one entry for each issuer of the configuration and no other.
pub struct KeyCache {
    urls: HashMap<Issuer, String>,
    fetch: Box<dyn KeyFetch>,
    policy: KeyCachePolicy,
    entries: Mutex<HashMap<Issuer, Entry>>,
}

impl KeyCache {
    /// A cache for issuers and where their key sets are.
    #[must_use]
    pub fn new(
        urls: HashMap<Issuer, String>,
        fetch: Box<dyn KeyFetch>,
        policy: KeyCachePolicy,
    ) -> Self {
        Self {
            urls,
            fetch,
            policy,
            entries: Mutex::default(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Issuer, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this caller is to fetch: the keys are old or lack the id, and nobody asked a moment ago.
    fn claims_fetch(&self, issuer: &Issuer, kid: Option<&str>, now: UnixTime) -> bool {
        let mut entries = self.entries();
        let entry = entries.entry(issuer.clone()).or_default();
        let good = entry.got.as_ref().is_some_and(|(at, keys)| {
            now < *at + self.policy.fresh && kid.is_none_or(|kid| has(keys, kid))
        });
        let soon = entry
            .asked_at
            .is_some_and(|at| now < at + self.policy.pause);
        if good || soon {
            return false;
        }
        entry.asked_at = Some(now);
        true
    }
}

fn has(keys: &JwkSet, kid: &str) -> bool {
    keys.iter().any(|key| key.kid() == Some(kid))
}

impl KeySource for KeyCache {
    fn keys(&self, issuer: &Issuer, kid: Option<&str>, now: UnixTime) -> Option<JwkSet> {
        let url = self.urls.get(issuer)?;
        if self.claims_fetch(issuer, kid, now) {
            // The lock is free while the issuer answers.
            let document = self.fetch.fetch(url);
            let keys = document.and_then(|document| JwkSet::from_json(&document).ok());
            if let Some(keys) = keys {
                let mut entries = self.entries();
                entries.entry(issuer.clone()).or_default().got = Some((now, keys));
            }
        }
        let entries = self.entries();
        let (at, keys) = entries.get(issuer)?.got.as_ref()?;
        (now < *at + self.policy.stale).then(|| keys.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, SigningKey};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Default)]
    struct Server {
        asked: AtomicU32,
        document: Mutex<Option<String>>,
    }

    impl KeyFetch for Arc<Server> {
        fn fetch(&self, url: &str) -> Option<String> {
            assert_eq!(url, "https://idm.example.org/jwks");
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.document.lock().unwrap().clone()
        }
    }

    fn bench() -> (KeyCache, Arc<Server>, Issuer, String) {
        let server = Arc::new(Server::default());
        let issuer = Issuer::new("https://idm.example.org").unwrap();
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let set = JwkSet::new(vec![key.public().clone()]);
        *server.document.lock().unwrap() = Some(set.to_json());
        let url = "https://idm.example.org/jwks".to_owned();
        let cache = KeyCache::new(
            HashMap::from([(issuer.clone(), url)]),
            Box::new(server.clone()),
            KeyCachePolicy::default(),
        );
        (cache, server, issuer, key.kid().to_owned())
    }

    #[test]
    fn keys_are_fetched_once_and_again_when_they_are_old() {
        let (cache, server, issuer, kid) = bench();
        let asked = |now| {
            assert!(cache.keys(&issuer, Some(&kid), UnixTime(now)).is_some());
            server.asked.load(Ordering::SeqCst)
        };
        assert_eq!([asked(1000), asked(1000), asked(1299)], [1, 1, 1]);
        assert_eq!(asked(1300), 2);
    }

    #[test]
    fn made_up_key_ids_cause_no_flood_and_a_new_key_is_found() {
        let (cache, server, issuer, _) = bench();
        for _ in 0..100 {
            let keys = cache.keys(&issuer, Some("made up"), UnixTime(1000));
            assert!(keys.is_some_and(|keys| !has(&keys, "made up")));
        }
        assert_eq!(server.asked.load(Ordering::SeqCst), 1);
        let new = SigningKey::generate(Algorithm::Es256).unwrap();
        let set = JwkSet::new(vec![new.public().clone()]);
        *server.document.lock().unwrap() = Some(set.to_json());
        let found = |now| {
            let keys = cache.keys(&issuer, Some(new.kid()), UnixTime(now));
            keys.is_some_and(|keys| has(&keys, new.kid()))
        };
        assert!(!found(1029));
        assert!(found(1030));
    }

    #[test]
    fn a_silent_issuer_is_asked_now_and_then_and_its_keys_end() {
        let (cache, server, issuer, kid) = bench();
        assert!(cache.keys(&issuer, Some(&kid), UnixTime(1000)).is_some());
        for document in [None, Some("<html>".to_owned()), Some("x".repeat(70_000))] {
            *server.document.lock().unwrap() = document;
            assert!(cache.keys(&issuer, Some(&kid), UnixTime(4599)).is_some());
        }
        assert_eq!(server.asked.load(Ordering::SeqCst), 2);
        assert!(cache.keys(&issuer, Some(&kid), UnixTime(4600)).is_none());
    }

    #[test]
    fn nobody_outside_the_configuration_is_asked() {
        let (cache, server, ..) = bench();
        let other = Issuer::new("https://idm.attacker.example").unwrap();
        assert!(cache.keys(&other, None, UnixTime(1000)).is_none());
        assert_eq!(server.asked.load(Ordering::SeqCst), 0);
    }
}
