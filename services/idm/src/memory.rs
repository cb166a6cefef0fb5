//! Ports in memory. Users and keys here are for simulators and tests; log-ins in progress live here in every
//! deployment of one process, since losing them costs a user one more click.

use crate::ports::{
    LoginSession, LoginSessionRepository, SigningKeyRepository, StoreError, UserRepository,
};
use crate::{Failures, LoginName, StoredSigningKey, User};
use roger_base::UnixTime;
use roger_oidc::{Subject, TokenDigest};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

pub use roger_oidc::provider::memory::MemoryStore;

/// Most log-ins in progress at one time; at about a kilobyte each this bounds the memory.
const MAX_SESSIONS: usize = 50_000;

fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, StoreError> {
    mutex
        .lock()
        .map_err(|_| StoreError::LocalUnavailable("the store in memory is poisoned".to_owned()))
}

/// Log-ins in progress, bounded.
#[derive(Default)]
pub struct MemorySessions(Mutex<HashMap<TokenDigest, LoginSession>>);

impl LoginSessionRepository for MemorySessions {
    fn put(
        &self,
        key: &TokenDigest,
        session: &LoginSession,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let mut sessions = lock(&self.0)?;
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| now < session.expires_at);
        }
        if sessions.len() >= MAX_SESSIONS {
            return Err(StoreError::LocalUnavailable(
                "too many log-ins in progress".to_owned(),
            ));
        }
        sessions.insert(*key, session.clone());
        Ok(())
    }

    fn attempt(
        &self,
        key: &TokenDigest,
        now: UnixTime,
    ) -> Result<Option<LoginSession>, StoreError> {
        let mut sessions = lock(&self.0)?;
        let session = sessions
            .get_mut(key)
            .filter(|session| now < session.expires_at);
        Ok(session.map(|session| {
            session.attempts = session.attempts.saturating_add(1);
            session.clone()
        }))
    }

    fn end(&self, key: &TokenDigest) -> Result<bool, StoreError> {
        Ok(lock(&self.0)?.remove(key).is_some())
    }
}

/// Users and signing keys.
#[derive(Default)]
pub struct MemoryUsers {
    users: Mutex<Vec<User>>,
    keys: Mutex<Vec<StoredSigningKey>>,
}

impl MemoryUsers {
    /// Changes a user in place.
    ///
    /// # Errors
    /// [`StoreError`] when there is no such user.
    pub fn change(
        &self,
        login: &LoginName,
        change: impl FnOnce(&mut User),
    ) -> Result<(), StoreError> {
        let mut users = lock(&self.users)?;
        let user = users.iter_mut().find(|user| user.login == *login);
        change(user.ok_or(StoreError::LocalCorrupt("user"))?);
        Ok(())
    }
}

impl UserRepository for MemoryUsers {
    fn by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError> {
        Ok(lock(&self.users)?
            .iter()
            .find(|user| user.login == *login)
            .cloned())
    }

    fn by_subject(&self, subject: &Subject) -> Result<Option<User>, StoreError> {
        Ok(lock(&self.users)?
            .iter()
            .find(|user| user.subject == *subject)
            .cloned())
    }

    fn add(&self, user: &User) -> Result<(), StoreError> {
        let mut users = lock(&self.users)?;
        let taken = |other: &User| {
            other.login == user.login
                || other.subject == user.subject
                || other.mcptt_id == user.mcptt_id
        };
        if users.iter().any(taken) {
            return Err(StoreError::LocalDuplicate("user"));
        }
        users.push(user.clone());
        Ok(())
    }

    fn replace_failures(
        &self,
        subject: &Subject,
        from: Failures,
        to: Failures,
    ) -> Result<bool, StoreError> {
        let mut users = lock(&self.users)?;
        let user = users
            .iter_mut()
            .find(|user| user.subject == *subject && user.failures == from);
        Ok(user.map(|user| user.failures = to).is_some())
    }
}

impl SigningKeyRepository for MemoryUsers {
    fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        Ok(lock(&self.keys)?.clone())
    }

    fn add_signing_key(&self, key: &StoredSigningKey) -> Result<(), StoreError> {
        lock(&self.keys)?.push(key.clone());
        Ok(())
    }

    fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        lock(&self.keys)?.retain(|key| key.kid != kid);
        Ok(())
    }
}
