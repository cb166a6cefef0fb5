//! The signing keys in use: the newest signs, older ones are published until their last token has expired.

use crate::ports::{SigningKeyRepository, StoreError};
use core::time::Duration;
use roger_base::{SecretBytes, UnixTime};
use roger_oidc::{Algorithm, JwkSet, KeyError, SigningKey};
use std::sync::Arc;
use thiserror::Error;

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
    /// When it was made.
    pub created_at: UnixTime,
}

/// The keys, oldest first; there is always one.
#[derive(Clone)]
pub struct KeyRing {
    older: Vec<Published>,
    current: Arc<SigningKey>,
    current_since: UnixTime,
}

#[derive(Clone)]
struct Published {
    key: Arc<SigningKey>,
    /// When the next key took over.
    until: UnixTime,
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
            let key = SigningKey::from_pkcs8(stored.algorithm, stored.pkcs8)?;
            keys.push((Arc::new(key), stored.created_at));
        }
        if keys.is_empty() {
            keys.push((new_key(store, algorithm, now)?, now));
        }
        let successors: Vec<UnixTime> = keys.iter().skip(1).map(|(_, since)| *since).collect();
        let Some((current, current_since)) = keys.pop() else {
            return Err(KeyError::LocalKey.into());
        };
        let older = keys
            .into_iter()
            .zip(successors)
            .map(|((key, _), until)| Published { key, until });
        Ok(Self {
            older: older.collect(),
            current,
            current_since,
        })
    }

    /// A new key takes over; keys whose last token has expired since are forgotten.
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
        let key = new_key(store, algorithm, now)?;
        let outgoing = core::mem::replace(&mut self.current, key);
        self.older.push(Published {
            key: outgoing,
            until: now,
        });
        self.current_since = now;
        // Clocks may differ by half a minute (TS 33.180 B.2.1.2).
        let grace = token_life + Duration::from_secs(30);
        let (kept, expired): (Vec<_>, Vec<_>) = core::mem::take(&mut self.older)
            .into_iter()
            .partition(|old| now < old.until + grace);
        self.older = kept;
        for old in expired {
            store.remove_signing_key(old.key.kid())?;
        }
        Ok(())
    }

    /// The key that signs.
    #[must_use]
    pub fn current(&self) -> &Arc<SigningKey> {
        &self.current
    }

    /// Since when it signs.
    #[must_use]
    pub const fn current_since(&self) -> UnixTime {
        self.current_since
    }

    /// What is published.
    #[must_use]
    pub fn public(&self) -> JwkSet {
        let older = self.older.iter().map(|old| old.key.public().clone());
        JwkSet::new(older.chain([self.current.public().clone()]).collect())
    }
}

fn new_key(
    store: &dyn SigningKeyRepository,
    algorithm: Algorithm,
    now: UnixTime,
) -> Result<Arc<SigningKey>, KeyRingError> {
    let key = SigningKey::generate(algorithm)?;
    store.add_signing_key(&StoredSigningKey {
        kid: key.kid().to_owned(),
        algorithm,
        pkcs8: key.pkcs8().clone(),
        created_at: now,
    })?;
    Ok(Arc::new(key))
}
