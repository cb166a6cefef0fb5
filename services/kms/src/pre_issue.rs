//! Pre-issue: the key sets of all identities of a domain for a key period, made in the night before they are asked for.
//!
//! A key set is a function of master secrets, identity and key period (`docs/decisions/derived-key-sets.md`), so the
//! table of pre-issued sets is a cache: a row that is missing is derived when it is asked for, and a run that is
//! killed and begun again makes the same rows. Each batch is one transaction.

use crate::ports::{AuditEntry, AuditLog, StoreError};
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use roger_base::UnixTime;
use roger_ibc::{IssueError, IssuedKeys, KmsDomain, KmsMaster};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use thiserror::Error;

/// Accounts of one batch, which is one transaction.
pub const BATCH: usize = 1024;

/// The master secrets that a set belongs to, told from others by their public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(pub [u8; 32]);

impl RootId {
    /// SHA-256 of KPAK and Z_T.
    #[must_use]
    pub fn of(master: &KmsMaster) -> Self {
        Self::of_domain(master.domain())
    }

    /// The same from the public keys.
    #[must_use]
    pub fn of_domain(domain: &KmsDomain) -> Self {
        use aws_lc_rs::digest::{Context, SHA256};
        let mut hash = Context::new(&SHA256);
        hash.update(domain.auth.as_octets());
        hash.update(domain.enc.as_octets());
        let mut id = [0; 32];
        id.copy_from_slice(hash.finish().as_ref());
        Self(id)
    }
}

/// An account by what key sets can be made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The URI of the user or server, by which accounts are in order.
    pub user_uri: String,
    /// Further identities of a server.
    pub identities: Vec<String>,
}

/// The table of pre-issued key sets of one domain, and the accounts to make them for. Sets rest sealed, each bound to
/// its root, period and identity.
pub trait PreIssuedSets: Send + Sync {
    /// Accounts after one, in the order of the octets of their URIs.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn enrolled_after(&self, after: &str, limit: usize) -> Result<Vec<Enrolled>, StoreError>;

    /// How many accounts there are after one, for a progress bar.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn count_enrolled_after(&self, after: &str) -> Result<u64, StoreError>;

    /// Identities whose key sets of a period are revoked.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer: then nothing may be issued.
    fn revoked_in(&self, period: u64) -> Result<Vec<String>, StoreError>;

    /// Those of some identities that have no set yet.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn missing(
        &self,
        root: RootId,
        period: u64,
        identities: Vec<String>,
    ) -> Result<Vec<String>, StoreError>;

    /// Keeps sets in one transaction. A set that is there stays.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep them; then none is kept.
    fn keep(&self, root: RootId, sets: &[IssuedKeys]) -> Result<(), StoreError>;

    /// The set of an identity and period, if there is one that opens.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer, or the row was made for another place or another key.
    fn pre_issued(
        &self,
        root: RootId,
        period: u64,
        identity: &str,
    ) -> Result<Option<IssuedKeys>, StoreError>;

    /// Removes sets of roots that are not among these, and of theirs what is older than the period beside them; how
    /// many rows went, some at each call.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot do it.
    fn forget_all_but(&self, kept: &[(RootId, u64)]) -> Result<u64, StoreError>;
}

/// Which sets to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreIssue {
    /// `KeyPeriodNo`: the current one or the next one.
    pub period: u64,
    /// Accounts up to this one are done; empty for all.
    pub after: String,
    /// Threads that make sets, beside the one that writes.
    pub threads: NonZeroUsize,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// Accounts looked at.
    pub accounts: u64,
    /// Accounts to look at; more may be enrolled meanwhile.
    pub of: u64,
    /// Sets made.
    pub made: u64,
    /// The last account of the batch that was just kept.
    pub account: &'a str,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreIssued {
    /// Accounts looked at.
    pub accounts: u64,
    /// Sets made and kept.
    pub made: u64,
    /// Sets that were there.
    pub there: u64,
    /// Identities passed over since their sets are revoked.
    pub revoked: u64,
    /// Whether the caller stopped it before the end.
    pub stopped: bool,
}

impl core::ops::AddAssign for PreIssued {
    fn add_assign(&mut self, other: Self) {
        self.accounts += other.accounts;
        self.made += other.made;
        self.there += other.there;
        self.revoked += other.revoked;
        self.stopped |= other.stopped;
    }
}

/// Why there are no sets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PreIssueError {
    /// Sets are made for the current and the next key period only.
    #[error("key period {asked} is neither the current one, {current}, nor the next one")]
    LocalPeriod {
        /// The period asked for.
        asked: u64,
        /// The period of now.
        current: u64,
    },
    /// The store or the audit log.
    #[error(transparent)]
    LocalStore(#[from] StoreError),
    /// What was made does not pass its checks.
    #[error(transparent)]
    LocalIssue(#[from] IssueError),
}

/// Makes and keeps the sets that are missing, and records that in the audit log before the first and after the last.
/// `progress` hears of every batch that is kept, and may stop it there.
///
/// # Errors
/// [`PreIssueError`]; what was kept before stays, and another run goes on.
pub fn pre_issue(
    master: &KmsMaster,
    table: &dyn PreIssuedSets,
    audit: &dyn AuditLog,
    order: &PreIssue,
    now: UnixTime,
    progress: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
) -> Result<PreIssued, PreIssueError> {
    let current = master.domain().key_period.number_at(now.to_ntp());
    if order.period != current && order.period != current.saturating_add(1) {
        let asked = order.period;
        return Err(PreIssueError::LocalPeriod { asked, current });
    }
    let record = |outcome: String| {
        audit.record(&AuditEntry {
            time: now,
            kms_uri: master.domain().kms_uri.as_str().to_owned(),
            caller: None,
            path: format!("pre-issue of key period {}: {outcome}", order.period),
            released: Vec::new(),
            status: 200,
            refusal: None,
        })
    };
    record("begins".to_owned())?;
    let revoked = table.revoked_in(order.period)?.into_iter().collect();
    let run = Run {
        master,
        table,
        root: RootId::of(master),
        order,
        revoked,
        cursor: Mutex::new(Some(order.after.clone())),
    };
    let done = run.run(progress)?;
    record(format!("{} sets made", done.made))?;
    Ok(done)
}

struct Run<'a> {
    master: &'a KmsMaster,
    table: &'a dyn PreIssuedSets,
    root: RootId,
    order: &'a PreIssue,
    revoked: HashSet<String>,
    /// The last account that somebody works on; nothing when there are no more.
    cursor: Mutex<Option<String>>,
}

/// The sets of some accounts, ready to be kept.
struct Batch {
    sets: Vec<IssuedKeys>,
    accounts: u64,
    there: u64,
    revoked: u64,
    last: String,
}

impl Run<'_> {
    fn run(
        &self,
        progress: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
    ) -> Result<PreIssued, PreIssueError> {
        let of = self.table.count_enrolled_after(&self.order.after)?;
        let (batches, ready) = sync_channel(self.order.threads.get());
        std::thread::scope(|scope| {
            for _ in 0..self.order.threads.get() {
                let batches = batches.clone();
                scope.spawn(move || self.make(&batches));
            }
            drop(batches);
            let written = self.write(&ready, of, progress);
            // Whoever waits to hand over a batch finds nobody and ends.
            drop(ready);
            written
        })
    }

    /// Makes one batch after the other until there are no more accounts, or nobody takes them.
    fn make(&self, batches: &SyncSender<Result<Batch, PreIssueError>>) {
        while let Some(batch) = self.batch().transpose() {
            let failed = batch.is_err();
            if batches.send(batch).is_err() || failed {
                return;
            }
        }
    }

    fn batch(&self) -> Result<Option<Batch>, PreIssueError> {
        let Some((enrolled, last)) = self.next_accounts()? else {
            return Ok(None);
        };
        let accounts = enrolled.len() as u64;
        let all = enrolled
            .into_iter()
            .flat_map(|account| core::iter::once(account.user_uri).chain(account.identities));
        let (revoked, wanted): (Vec<String>, Vec<String>) =
            all.partition(|identity| self.revoked.contains(identity));
        let count = wanted.len();
        let mut missing = self.table.missing(self.root, self.order.period, wanted)?;
        missing.sort_unstable();
        missing.dedup();
        let identities: Vec<&str> = missing.iter().map(String::as_str).collect();
        let sets = self.master.issue_batch(&identities, self.order.period)?;
        Ok(Some(Batch {
            there: count.saturating_sub(sets.len()) as u64,
            sets,
            accounts,
            revoked: revoked.len() as u64,
            last,
        }))
    }

    fn next_accounts(&self) -> Result<Option<(Vec<Enrolled>, String)>, PreIssueError> {
        let poisoned = |_| StoreError("another thread of the pre-issue has failed".to_owned());
        let mut cursor = self.cursor.lock().map_err(poisoned)?;
        let Some(after) = cursor.take() else {
            return Ok(None);
        };
        let enrolled = self.table.enrolled_after(&after, BATCH)?;
        let last = enrolled.last().map(|account| account.user_uri.clone());
        cursor.clone_from(&last);
        Ok(last.map(|last| (enrolled, last)))
    }

    fn write(
        &self,
        ready: &Receiver<Result<Batch, PreIssueError>>,
        of: u64,
        progress: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
    ) -> Result<PreIssued, PreIssueError> {
        let mut done = PreIssued::default();
        while let Ok(batch) = ready.recv() {
            let batch = batch?;
            self.table.keep(self.root, &batch.sets)?;
            done.accounts += batch.accounts;
            done.made += batch.sets.len() as u64;
            done.there += batch.there;
            done.revoked += batch.revoked;
            let step = Step {
                accounts: done.accounts,
                of,
                made: done.made,
                account: &batch.last,
            };
            if progress(step).is_break() {
                done.stopped = true;
                break;
            }
        }
        Ok(done)
    }
}

/// Removes the sets of periods before the oldest that is still served, and of master secrets no longer in use; how many.
///
/// # Errors
/// [`StoreError`] when the store cannot do it.
pub fn forget_old_sets(
    masters: &[&KmsMaster],
    past_periods: u64,
    table: &dyn PreIssuedSets,
    now: UnixTime,
) -> Result<u64, StoreError> {
    let oldest = |master: &&KmsMaster| {
        let current = master.domain().key_period.number_at(now.to_ntp());
        (RootId::of(master), current.saturating_sub(past_periods))
    };
    let kept: Vec<_> = masters.iter().map(oldest).collect();
    let mut removed = 0;
    loop {
        match table.forget_all_but(&kept)? {
            0 => return Ok(removed),
            some => removed += some,
        }
    }
}
