//! The night before a key period: accounts for many users, and their key sets made beforehand.

use super::percentiles::Times;
use super::progress;
use super::site::{Ground, kms_uri};
use super::subscribers::uri;
use crate::bare::Bare;
use crate::error::BenchError;
use crate::operations::backend;
use crate::system::{OsRandom, cores, peak_octets, process_time, processor};
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use roger_adapter_audit::{AuditFolder, Options};
use roger_adapter_http::{Clock as _, SystemClock};
use roger_ibc::KmsMaster;
use roger_kms::KeyAccount;
use roger_kms::pre_issue::{PreIssue, PreIssuedSets as _, RootId, Step, pre_issue};
use serde::Serialize;
use std::time::Instant;

/// Accounts written in one transaction.
const TOGETHER: usize = 4096;
/// Kept sets that are read again and compared with what is derived.
const SAMPLE: usize = 100;
/// Seconds for which the bare cryptography is measured.
const BARE_SECONDS: f64 = 2.0;

/// What a pre-issue took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreIssueReport {
    /// Users.
    pub users: usize,
    /// Wall time for their accounts.
    pub enrol_seconds: f64,
    /// Wall time for their key sets, until the last one was on the disk.
    pub seconds: f64,
    /// Key sets a second.
    pub sets_per_s: f64,
    /// CPU time of one set, in microseconds: making, checking, sealing, database.
    pub cpu_us: f64,
    /// `sets_per_s` over what the same cores make of RSK, SSK and PVT 64 together, unchecked and unkept.
    pub of_bare_crypto_batch: f64,
    /// Octets of the database with the accounts only.
    pub accounts_octets: u64,
    /// Octets of the database with the sets.
    pub database_octets: u64,
    /// Largest memory of the process.
    pub peak_octets: u64,
    /// Longest time between two batches, in milliseconds.
    pub longest_batch_ms: f64,
    /// Sets read again and compared with what is derived.
    pub compared: usize,
    /// Backend of the field.
    pub backend: String,
    /// Cores.
    pub cores: usize,
    /// Name of the processor.
    pub processor: String,
}

/// Enrols users and makes their key sets for the next key period. Shows its progress on standard error, if that is a
/// terminal.
///
/// # Errors
/// [`BenchError`] when the database or a set is not what it must be.
pub fn pre_issue_for(users: NonZeroUsize) -> Result<PreIssueReport, BenchError> {
    let backend = backend()?;
    let ground = Ground::new()?;
    let begin = Instant::now();
    enrol(&ground, users.get())?;
    let enrol_seconds = begin.elapsed().as_secs_f64();
    let accounts_octets = ground.database_octets();
    let master = ground.master()?;
    let table = ground.store.kms(&kms_uri()?);
    let audit = AuditFolder::open(&ground.audit_folder(), &Options::default());
    let audit = audit.map_err(BenchError::wrong("audit log"))?;
    let now = SystemClock.now();
    let order = PreIssue {
        period: master.domain().key_period.number_at(now.to_ntp()) + 1,
        after: String::new(),
        threads: cores(),
    };
    let bar = progress::bar(users.get())?;
    let (begin, cpu) = (Instant::now(), process_time());
    let (mut last, mut times) = (begin, Vec::new());
    let progress = &mut |step: Step<'_>| {
        bar.set_position(step.accounts);
        times.push(last.elapsed());
        last = Instant::now();
        ControlFlow::Continue(())
    };
    let done = pre_issue(&master, &table, &audit, &order, now, progress);
    let done = done.map_err(BenchError::wrong("pre-issue"))?;
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), process_time() - cpu);
    bar.finish_and_clear();
    if done.made != users.get() as u64 {
        return Err(BenchError::wrong("pre-issue")("some sets are missing"));
    }
    let compared = compare(&ground, &master, order.period, users.get())?;
    let sets_per_s = done.made as f64 / seconds;
    Ok(PreIssueReport {
        users: users.get(),
        enrol_seconds,
        seconds,
        sets_per_s,
        cpu_us: cpu.as_secs_f64() * 1e6 / done.made as f64,
        of_bare_crypto_batch: sets_per_s / Bare::measure(BARE_SECONDS)?.together,
        accounts_octets,
        database_octets: ground.database_octets(),
        peak_octets: peak_octets()?,
        longest_batch_ms: Times::new(times).percentile_ms(100),
        compared,
        backend,
        cores: cores().get(),
        processor: processor(),
    })
}

fn enrol(ground: &Ground, users: usize) -> Result<(), BenchError> {
    let kms = ground.store.kms(&kms_uri()?);
    let bar = progress::bar(users)?;
    for begin in (0..users).step_by(TOGETHER) {
        let some = begin..users.min(begin + TOGETHER);
        let accounts = some.map(|index| KeyAccount::provision(uri(index), &mut OsRandom));
        let accounts: Vec<KeyAccount> = accounts.collect::<Result<_, _>>()?;
        let kept = kms.put_key_accounts(&accounts);
        kept.map_err(BenchError::wrong("store"))?;
        bar.inc(accounts.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Sets from all over the table are the ones that would be derived.
fn compare(
    ground: &Ground,
    master: &KmsMaster,
    period: u64,
    users: usize,
) -> Result<usize, BenchError> {
    let wrong = BenchError::wrong::<&str>("pre-issue");
    let table = ground.store.kms(&kms_uri()?);
    let indices = (0..users).step_by((users / SAMPLE).max(1));
    let mut compared = 0;
    for index in indices {
        let kept = table.pre_issued(RootId::of(master), period, &uri(index));
        let kept = kept.map_err(BenchError::wrong("store"))?;
        let kept = kept.ok_or_else(|| wrong("a set is missing"))?;
        let derived = master.issue(&uri(index), period);
        let derived = derived.map_err(BenchError::wrong("key set"))?;
        if kept.rsk != derived.rsk || kept.ssk != derived.ssk || kept.pvt != derived.pvt {
            return Err(wrong("a set is another one"));
        }
        compared += 1;
    }
    Ok(compared)
}
