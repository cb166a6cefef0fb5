//! Pre-issue for a configuration: what `roger admin kms pre-issue` and a nightly timer call.

use crate::{ServeError, kms, store};
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use roger_adapter_http::{Clock as _, SystemClock};
use roger_adapter_store::StoreKey;
use roger_config::Config;
use roger_kms::ports::AuditLog;
use roger_kms::pre_issue::{
    PreIssue, PreIssueError, PreIssued, Step, forget_old_sets, pre_issue as run,
};

/// Which key period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// The one of now.
    Current,
    /// The one after it.
    Next,
    /// By its number; it has to be one of the other two.
    Number(u64),
}

/// Makes the key sets that are missing in a period, for every user and server of the KMS of the configuration, on all
/// cores, after removing what is too old to be asked for. It may run beside the servers, and may be cut off at any
/// point: another run goes on. `progress` hears of each batch and may stop it.
///
/// # Errors
/// [`ServeError`] in words for the operator: no `[kms]`, no database, no master secrets, a wrong period.
pub fn pre_issue(
    config: &Config,
    key: &StoreKey,
    audit: &dyn AuditLog,
    period: Period,
    progress: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
) -> Result<PreIssued, ServeError> {
    let section = config.kms.as_ref();
    let section = section.ok_or_else(|| ServeError::LocalConfiguration {
        key: "kms",
        reason: "is missing".to_owned(),
    })?;
    let store = store::open(config, key)?;
    let master = kms::master(section, &store)?;
    let table = store.kms(&master.domain().kms_uri);
    let now = SystemClock.now();
    let current = master.domain().key_period.number_at(now.to_ntp());
    let order = PreIssue {
        period: match period {
            Period::Current => current,
            Period::Next => current.saturating_add(1),
            Period::Number(number) => number,
        },
        after: String::new(),
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    };
    let forgotten = forget_old_sets(&[&master], section.past_periods, &table, now);
    forgotten.map_err(PreIssueError::from)?;
    Ok(run(&master, &table, audit, &order, now, progress)?)
}
