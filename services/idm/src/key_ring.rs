//! The signing keys in use: the next one is published before it signs, old ones until their last token has expired.

use crate::ports::{SigningKeyRepository, StoreError};
use core::time::Duration;
use roger_base::{SecretBytes, UnixTime};
use roger_oidc::{Algorithm, JwkSet, KeyError, SigningKey};
use std::sync::Arc;
use thiserror::Error;

/// How long a key is published before it signs: twice as long as verifiers may cache the key set.
pub(crate) const LEAD: Duration = Duration::from_secs(600);

/// Why there is no usable key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// A key cannot be made or read.
    #[error(transparent)]
    LocalKey(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    LocalStore(#[from] StoreError),
}

/// A signing key as a store keeps it (wrapped) and gives it back (unwrapped).
#[derive(Clone)]
pub struct StoredSigningKey {
    /// Its id in tokens.
    pub kid: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// The private key, PKCS#8.
    pub pkcs8: SecretBytes,
    /// Since when it signs; a key that waits for its turn has a time to come.
    pub created_at: UnixTime,
}

/// The keys by the time from which they sign; there is always one.
#[derive(Clone)]
pub struct KeyRing {
    first: Dated,
    later: Vec<Dated>,
}

#[derive(Clone)]
struct Dated {
    key: Arc<SigningKey>,
    since: UnixTime,
}

impl KeyRing {
    /// Reads the keys of the store; makes the first one when there is none.
    ///
    /// # Errors
    /// [`KeyRingError`] when a key cannot be read, made or kept.
    pub fn open(
        store: &dyn SigningKeyRepository,
        algorithm: Algorithm,
        now: UnixTime,
    ) -> Result<Self, KeyRingError> {
        let mut keys = Vec::new();
        for stored in store.signing_keys()? {
            keys.push(Dated {
                key: Arc::new(SigningKey::from_pkcs8(stored.algorithm, stored.pkcs8)?),
                since: stored.created_at,
            });
        }
        keys.sort_by_key(|key| key.since);
        let mut keys = keys.into_iter();
        let first = match keys.next() {
            Some(first) => first,
            None => new_key(store, algorithm, now)?,
        };
        Ok(Self {
            first,
            later: keys.collect(),
        })
    }

    /// Publishes a new key, which signs as soon as every verifier can have it; one that waits already is enough.
    /// Keys whose last token has expired are forgotten.
    ///
    /// # Errors
    /// [`KeyRingError`] when the key cannot be made or kept; then nothing changes.
    pub fn rotate(
        &mut self,
        store: &dyn SigningKeyRepository,
        algorithm: Algorithm,
        token_life: Duration,
        now: UnixTime,
    ) -> Result<(), KeyRingError> {
        self.prune(store, token_life, now)?;
        if self.later.iter().all(|key| key.since <= now) {
            self.later.push(new_key(store, algorithm, now + LEAD)?);
        }
        Ok(())
    }

    /// Forgets keys that were replaced so long ago that no token of theirs is good.
    ///
    /// # Errors
    /// [`KeyRingError`] when the store cannot do it.
    pub fn prune(
        &mut self,
        store: &dyn SigningKeyRepository,
        token_life: Duration,
        now: UnixTime,
    ) -> Result<(), KeyRingError> {
        // Clocks may differ by half a minute (TS 33.180 B.2.1.2).
        let grace = token_life + Duration::from_secs(30);
        while let Some(successor) = self.later.first() {
            if now < successor.since + grace {
                break;
            }
            store.remove_signing_key(self.first.key.kid())?;
            self.first = self.later.remove(0);
        }
        Ok(())
    }

    fn current_dated(&self, now: UnixTime) -> &Dated {
        let ready = self.later.iter().rev().find(|key| key.since <= now);
        ready.unwrap_or(&self.first)
    }

    /// The key that signs.
    #[must_use]
    pub fn current(&self, now: UnixTime) -> &Arc<SigningKey> {
        &self.current_dated(now).key
    }

    /// Since when it signs.
    #[must_use]
    pub fn current_since(&self, now: UnixTime) -> UnixTime {
        self.current_dated(now).since
    }

    /// What is published.
    #[must_use]
    pub fn public(&self) -> JwkSet {
        let all = [&self.first].into_iter().chain(&self.later);
        JwkSet::new(all.map(|dated| dated.key.public().clone()).collect())
    }
}

fn new_key(
    store: &dyn SigningKeyRepository,
    algorithm: Algorithm,
    since: UnixTime,
) -> Result<Dated, KeyRingError> {
    let key = SigningKey::generate(algorithm)?;
    store.add_signing_key(&StoredSigningKey {
        kid: key.kid().to_owned(),
        algorithm,
        pkcs8: key.pkcs8().clone(),
        created_at: since,
    })?;
    Ok(Dated {
        key: Arc::new(key),
        since,
    })
}
