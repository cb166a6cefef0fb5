//! Ports in memory. Users and keys here are for simulators and tests; log-ins in progress live here in every
//! deployment of one process, since losing them costs a user one more click.

use crate::audit::AuditEntry;
use crate::passkey::{CeremonyState, Passkey, PasskeyId};
use crate::ports::{
    AuditLog, BrowserSession, BrowserSessionRepository, ConsentRepository, LoginSession,
    LoginSessionRepository, PasskeyRepository, SecondFactorRepository, SigningKeyRepository,
    StoreError, UserRepository,
};
use crate::{Failures, LoginName, PasswordHash, SecondFactor, StoredSigningKey, User};
use roger_base::UnixTime;
use roger_oidc::{OauthClientId, ScopeSet, SessionId, Subject, TokenDigest};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use roger_oidc::provider::memory::MemoryStore;

/// Most log-ins in progress at one time; at about a kilobyte each this bounds the memory.
const MAX_SESSIONS: usize = 50_000;

fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, StoreError> {
    mutex
        .lock()
        .map_err(|_| StoreError::LocalUnavailable("the store in memory is poisoned".to_owned()))
}

struct InProgress {
    session: LoginSession,
    ceremony: Option<CeremonyState>,
}

/// Log-ins in progress, bounded.
#[derive(Default)]
pub struct MemorySessions(Mutex<HashMap<TokenDigest, InProgress>>);

impl LoginSessionRepository for MemorySessions {
    fn put(
        &self,
        key: &TokenDigest,
        session: &LoginSession,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let mut sessions = lock(&self.0)?;
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, own| now < own.session.expires_at);
        }
        if sessions.len() >= MAX_SESSIONS {
            return Err(StoreError::LocalUnavailable(
                "too many log-ins in progress".to_owned(),
            ));
        }
        let session = session.clone();
        let ceremony = None;
        sessions.insert(*key, InProgress { session, ceremony });
        Ok(())
    }

    fn attempt(
        &self,
        key: &TokenDigest,
        now: UnixTime,
    ) -> Result<Option<LoginSession>, StoreError> {
        let mut sessions = lock(&self.0)?;
        let own = sessions
            .get_mut(key)
            .filter(|own| now < own.session.expires_at);
        Ok(own.map(|own| {
            own.session.attempts = own.session.attempts.saturating_add(1);
            own.session.clone()
        }))
    }

    fn put_ceremony(&self, key: &TokenDigest, state: &CeremonyState) -> Result<(), StoreError> {
        if let Some(own) = lock(&self.0)?.get_mut(key) {
            own.ceremony = Some(state.clone());
        }
        Ok(())
    }

    fn take_ceremony(
        &self,
        key: &TokenDigest,
        now: UnixTime,
    ) -> Result<Option<CeremonyState>, StoreError> {
        let mut sessions = lock(&self.0)?;
        let own = sessions
            .get_mut(key)
            .filter(|own| now < own.session.expires_at);
        Ok(own.and_then(|own| own.ceremony.take()))
    }

    fn end(&self, key: &TokenDigest) -> Result<bool, StoreError> {
        Ok(lock(&self.0)?.remove(key).is_some())
    }
}

/// Sessions of browsers, bounded.
#[derive(Default)]
pub struct MemoryBrowsers(Mutex<HashMap<TokenDigest, BrowserSession>>);

impl BrowserSessionRepository for MemoryBrowsers {
    fn put_browser(
        &self,
        key: &TokenDigest,
        session: &BrowserSession,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let mut sessions = lock(&self.0)?;
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| now < session.expires_at);
        }
        if sessions.len() >= MAX_SESSIONS {
            return Err(StoreError::LocalUnavailable(
                "too many browsers are logged in".to_owned(),
            ));
        }
        sessions.insert(*key, session.clone());
        Ok(())
    }

    fn browser(
        &self,
        key: &TokenDigest,
        now: UnixTime,
    ) -> Result<Option<BrowserSession>, StoreError> {
        let sessions = lock(&self.0)?;
        let session = sessions.get(key);
        Ok(session.filter(|session| now < session.expires_at).cloned())
    }

    fn browsers_of(
        &self,
        subject: &Subject,
        now: UnixTime,
    ) -> Result<Vec<BrowserSession>, StoreError> {
        let sessions = lock(&self.0)?;
        let own = sessions
            .values()
            .filter(|session| session.subject == *subject && now < session.expires_at);
        let mut own: Vec<_> = own.cloned().collect();
        own.sort_by_key(|session| core::cmp::Reverse(session.authenticated_at));
        Ok(own)
    }

    fn end_browser(&self, id: &SessionId) -> Result<(), StoreError> {
        lock(&self.0)?.retain(|_, session| session.id != *id);
        Ok(())
    }

    fn end_browsers_of(&self, subject: &Subject) -> Result<(), StoreError> {
        lock(&self.0)?.retain(|_, session| session.subject != *subject);
        Ok(())
    }
}

/// What was recorded, in order; for tests, which can also break it.
#[derive(Default)]
pub struct MemoryAudit {
    entries: Mutex<Vec<AuditEntry>>,
    broken: AtomicBool,
}

impl MemoryAudit {
    /// Takes what was recorded so far.
    pub fn take(&self) -> Vec<AuditEntry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::take(&mut *entries)
    }

    /// From now on nothing is kept, or something again.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }
}

impl AuditLog for MemoryAudit {
    fn ready(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            let reason = "the audit log is broken".to_owned();
            return Err(StoreError::LocalUnavailable(reason));
        }
        Ok(())
    }

    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.ready()?;
        lock(&self.entries)?.push(entry.clone());
        Ok(())
    }
}

/// Writes what happens to the trace and keeps nothing: for development servers, which have no audit log.
#[derive(Default)]
pub struct TracedAudit;

impl AuditLog for TracedAudit {
    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let (act, refusal) = (entry.act.name(), entry.act.refusal());
        let subject = entry.subject.as_ref().map(Subject::as_str);
        tracing::info!(act, subject, refusal, "not audited");
        Ok(())
    }
}

/// Users with what they consented to, their second factors and passkeys, and signing keys.
#[derive(Default)]
pub struct MemoryUsers {
    users: Mutex<Vec<User>>,
    consents: Mutex<HashMap<(Subject, OauthClientId), ScopeSet>>,
    factors: Mutex<HashMap<Subject, SecondFactor>>,
    passkeys: Mutex<Vec<Passkey>>,
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

    fn replace_password(
        &self,
        subject: &Subject,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let mut users = lock(&self.users)?;
        let user = users
            .iter_mut()
            .find(|user| user.subject == *subject && user.password == *from);
        Ok(user.map(|user| user.password = to.clone()).is_some())
    }
}

impl ConsentRepository for MemoryUsers {
    fn consent(&self, subject: &Subject, client: &OauthClientId) -> Result<ScopeSet, StoreError> {
        let consents = lock(&self.consents)?;
        let found = consents.get(&(subject.clone(), client.clone()));
        Ok(found.cloned().unwrap_or_default())
    }

    fn put_consent(
        &self,
        subject: &Subject,
        client: &OauthClientId,
        scopes: &ScopeSet,
    ) -> Result<(), StoreError> {
        lock(&self.consents)?.insert((subject.clone(), client.clone()), scopes.clone());
        Ok(())
    }
}

impl SecondFactorRepository for MemoryUsers {
    fn second_factor(&self, subject: &Subject) -> Result<Option<SecondFactor>, StoreError> {
        Ok(lock(&self.factors)?.get(subject).cloned())
    }

    fn put_second_factor(
        &self,
        subject: &Subject,
        factor: Option<&SecondFactor>,
    ) -> Result<(), StoreError> {
        let mut factors = lock(&self.factors)?;
        match factor {
            Some(factor) => factors.insert(subject.clone(), factor.clone()),
            None => factors.remove(subject),
        };
        Ok(())
    }

    fn use_step(&self, subject: &Subject, step: u64) -> Result<bool, StoreError> {
        let mut factors = lock(&self.factors)?;
        let factor = factors.get_mut(subject);
        let factor = factor.filter(|factor| factor.last_step < step);
        Ok(factor.map(|factor| factor.last_step = step).is_some())
    }

    fn use_recovery_code(&self, subject: &Subject, code: &TokenDigest) -> Result<bool, StoreError> {
        let mut factors = lock(&self.factors)?;
        let Some(factor) = factors.get_mut(subject) else {
            return Ok(false);
        };
        let before = factor.recovery.len();
        factor.recovery.retain(|own| own != code);
        Ok(factor.recovery.len() < before)
    }
}

impl PasskeyRepository for MemoryUsers {
    fn add_passkey(&self, passkey: &Passkey) -> Result<(), StoreError> {
        let mut passkeys = lock(&self.passkeys)?;
        if passkeys.iter().any(|other| other.id == passkey.id) {
            return Err(StoreError::LocalDuplicate("passkey"));
        }
        passkeys.push(passkey.clone());
        Ok(())
    }

    fn passkey(&self, id: &PasskeyId) -> Result<Option<Passkey>, StoreError> {
        let passkeys = lock(&self.passkeys)?;
        Ok(passkeys.iter().find(|passkey| passkey.id == *id).cloned())
    }

    fn passkeys_of(&self, subject: &Subject) -> Result<Vec<Passkey>, StoreError> {
        let passkeys = lock(&self.passkeys)?;
        let own = passkeys
            .iter()
            .filter(|passkey| passkey.subject == *subject);
        Ok(own.cloned().collect())
    }

    fn passkey_used(
        &self,
        before: &Passkey,
        credential: &str,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let mut passkeys = lock(&self.passkeys)?;
        let own = passkeys
            .iter_mut()
            .find(|own| own.id == before.id && own.credential == before.credential);
        Ok(own
            .map(|own| {
                own.credential = credential.to_owned();
                own.used_at = Some(now);
            })
            .is_some())
    }

    fn remove_passkey(&self, subject: &Subject, id: &PasskeyId) -> Result<bool, StoreError> {
        let mut passkeys = lock(&self.passkeys)?;
        let before = passkeys.len();
        passkeys.retain(|own| own.subject != *subject || own.id != *id);
        Ok(passkeys.len() < before)
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
