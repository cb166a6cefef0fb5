//! Ports in memory, for simulators, demonstrations and tests.

use crate::account::{AccountError, KeyAccount};
use crate::ports::{AuditEntry, AuditLog, KeyRepository, StoreError};
use crate::pre_issue::{Enrolled, PreIssuedSets, RootId};
use roger_base::{KmsUri, UnixTime};
use roger_documents::kms::{KmsCertificate, KrrList};
use roger_ibc::IssuedKeys;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard};

/// Most requests remembered at one time; beyond it nothing more is issued until some are forgotten.
const MAX_REQUESTS: usize = 1_000_000;

#[derive(Default)]
struct State {
    accounts: HashMap<String, KeyAccount>,
    requests: HashMap<[u8; 32], UnixTime>,
    cache_num: u64,
    certificates: Vec<KmsCertificate>,
    revoked: HashSet<(String, u64)>,
    domains: HashMap<String, Vec<KmsUri>>,
    redirects: VecDeque<(String, KrrList)>,
    pre_issued: BTreeMap<(RootId, u64, String), IssuedKeys>,
}

/// Most uploaded lists kept; older ones are forgotten.
const MAX_REDIRECTS: usize = 1024;

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

    /// Revokes the key set of an identity and key period.
    pub fn revoke(&self, identity: impl Into<String>, period: u64) {
        if let Ok(mut state) = self.state() {
            state.revoked.insert((identity.into(), period));
        }
    }

    /// Tells the domains of a user.
    pub fn put_domains(&self, user_uri: impl Into<String>, kms_uris: Vec<KmsUri>) {
        if let Ok(mut state) = self.state() {
            state.domains.insert(user_uri.into(), kms_uris);
        }
    }

    /// What clients uploaded, oldest first.
    #[must_use]
    pub fn redirects(&self) -> Vec<(String, KrrList)> {
        self.state()
            .map(|state| state.redirects.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Puts an External certificate in place of the one of the same KMS and `CertUri`; the number of the cache grows.
    pub fn put_certificate(&self, certificate: KmsCertificate) {
        if let Ok(mut state) = self.state() {
            state.certificates.retain(|known| {
                (&known.kms_uri, &known.cert_uri) != (&certificate.kms_uri, &certificate.cert_uri)
            });
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

    fn is_revoked(&self, identity: &str, period: u64) -> Result<bool, StoreError> {
        Ok(self
            .state()?
            .revoked
            .contains(&(identity.to_owned(), period)))
    }

    fn domains_of(&self, user_uri: &str) -> Result<Vec<KmsUri>, StoreError> {
        Ok(self
            .state()?
            .domains
            .get(user_uri)
            .cloned()
            .unwrap_or_default())
    }

    fn keep_redirects(&self, from: &str, list: &KrrList, _: UnixTime) -> Result<(), StoreError> {
        let redirects = &mut self.state()?.redirects;
        if redirects.len() >= MAX_REDIRECTS {
            redirects.pop_front();
        }
        redirects.push_back((from.to_owned(), list.clone()));
        Ok(())
    }

    fn external_certificates(&self) -> Result<(u64, Vec<KmsCertificate>), StoreError> {
        let state = self.state()?;
        Ok((state.cache_num, state.certificates.clone()))
    }
}

impl PreIssuedSets for MemoryRepository {
    fn enrolled_after(&self, after: &str, limit: usize) -> Result<Vec<Enrolled>, StoreError> {
        let state = self.state()?;
        let accounts = state.accounts.values();
        let mut enrolled: Vec<_> = accounts
            .filter(|account| account.user_uri.as_str() > after)
            .map(|account| Enrolled {
                user_uri: account.user_uri.clone(),
                identities: account.identities.clone(),
            })
            .collect();
        enrolled.sort_by(|a, b| a.user_uri.cmp(&b.user_uri));
        enrolled.truncate(limit);
        Ok(enrolled)
    }

    fn count_enrolled_after(&self, after: &str) -> Result<u64, StoreError> {
        Ok(self.enrolled_after(after, usize::MAX)?.len() as u64)
    }

    fn revoked_in(&self, period: u64) -> Result<Vec<String>, StoreError> {
        let state = self.state()?;
        let revoked = state.revoked.iter();
        let revoked = revoked.filter(|(_, number)| *number == period);
        Ok(revoked.map(|(identity, _)| identity.clone()).collect())
    }

    fn missing(
        &self,
        root: RootId,
        period: u64,
        mut identities: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        let state = self.state()?;
        identities.retain(|identity| {
            !state
                .pre_issued
                .contains_key(&(root, period, identity.clone()))
        });
        Ok(identities)
    }

    fn keep(&self, root: RootId, sets: &[IssuedKeys]) -> Result<(), StoreError> {
        let kept = &mut self.state()?.pre_issued;
        for set in sets {
            let place = (root, set.period_number, set.identity.clone());
            kept.entry(place).or_insert_with(|| set.clone());
        }
        Ok(())
    }

    fn pre_issued(
        &self,
        root: RootId,
        period: u64,
        identity: &str,
    ) -> Result<Option<IssuedKeys>, StoreError> {
        let place = (root, period, identity.to_owned());
        Ok(self.state()?.pre_issued.get(&place).cloned())
    }

    fn forget_all_but(&self, kept: &[(RootId, u64)]) -> Result<u64, StoreError> {
        let sets = &mut self.state()?.pre_issued;
        let before = sets.len();
        sets.retain(|(root, number, _), _| {
            kept.iter()
                .any(|(known, oldest)| known == root && number >= oldest)
        });
        Ok((before - sets.len()) as u64)
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
