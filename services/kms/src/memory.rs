//! Ports in memory, for simulators, demonstrations and tests.

use crate::account::{AccountError, KeyAccount};
use crate::ports::{AuditEntry, AuditLog, KeyRepository, StoreError};
use roger_base::UnixTime;
use roger_documents::kms::KmsCertificate;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// Most requests remembered at one time; beyond it nothing more is issued until some are forgotten.
const MAX_REQUESTS: usize = 1_000_000;

#[derive(Default)]
struct State {
    accounts: HashMap<String, KeyAccount>,
    requests: HashMap<[u8; 32], UnixTime>,
    cache_num: u64,
    certificates: Vec<KmsCertificate>,
}

/// Accounts, replay memory and certificates.
#[derive(Default)]
pub struct MemoryRepository(Mutex<State>);

impl MemoryRepository {
    /// Puts an account in place of the one of the same user.
    ///
    /// # Errors
    /// [`AccountError`] when the record cannot be.
    pub fn put_account(&self, account: KeyAccount) -> Result<(), AccountError> {
        account.check()?;
        if let Ok(mut state) = self.state() {
            state.accounts.insert(account.user_uri.clone(), account);
        }
        Ok(())
    }

    /// Puts an External certificate in place of the one of the same KMS; the number of the cache grows.
    pub fn put_certificate(&self, certificate: KmsCertificate) {
        if let Ok(mut state) = self.state() {
            state
                .certificates
                .retain(|known| known.kms_uri != certificate.kms_uri);
            state.certificates.push(certificate);
            state.cache_num += 1;
        }
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        self.0
            .lock()
            .map_err(|_| StoreError("the store in memory is poisoned".to_owned()))
    }
}

impl KeyRepository for MemoryRepository {
    fn account(&self, user_uri: &str) -> Result<Option<KeyAccount>, StoreError> {
        Ok(self.state()?.accounts.get(user_uri).cloned())
    }

    fn account_of_certificate(&self, certificate: &str) -> Result<Option<KeyAccount>, StoreError> {
        let state = self.state()?;
        let mut accounts = state.accounts.values();
        Ok(accounts
            .find(|account| account.certificate.as_deref() == Some(certificate))
            .cloned())
    }

    fn replace_account(&self, from: &KeyAccount, to: &KeyAccount) -> Result<bool, StoreError> {
        let mut state = self.state()?;
        let Some(known) = state
            .accounts
            .get_mut(&from.user_uri)
            .filter(|known| *known == from)
        else {
            return Ok(false);
        };
        known.clone_from(to);
        Ok(true)
    }

    fn remember_request(
        &self,
        digest: &[u8; 32],
        until: UnixTime,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let mut state = self.state()?;
        if state.requests.len() >= MAX_REQUESTS {
            state.requests.retain(|_, until| now <= *until);
        }
        if state.requests.len() >= MAX_REQUESTS {
            return Err(StoreError("too many requests are remembered".to_owned()));
        }
        Ok(state
            .requests
            .insert(*digest, until)
            .is_none_or(|known| known < now))
    }

    fn external_certificates(&self) -> Result<(u64, Vec<KmsCertificate>), StoreError> {
        let state = self.state()?;
        Ok((state.cache_num, state.certificates.clone()))
    }
}

/// An audit log that can be read.
#[derive(Default)]
pub struct MemoryAudit(Mutex<Vec<AuditEntry>>);

impl MemoryAudit {
    /// What was recorded.
    #[must_use]
    pub fn entries(&self) -> Vec<AuditEntry> {
        self.0
            .lock()
            .map(|entries| entries.clone())
            .unwrap_or_default()
    }
}

impl AuditLog for MemoryAudit {
    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut entries = self
            .0
            .lock()
            .map_err(|_| StoreError("the audit log is poisoned".to_owned()))?;
        entries.push(entry.clone());
        Ok(())
    }
}
