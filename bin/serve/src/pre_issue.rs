//! Pre-issue for a configuration: what `roger admin kms pre-issue` and a nightly timer call.

use crate::{ServeError, kms, store};
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use roger_adapter_http::{Clock as _, SystemClock};
use roger_adapter_store::{KmsStore, StoreKey};
use roger_base::KmsUri;
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

/// Makes the key sets that are missing in a period, for every user and server of every domain of the KMS, on all
/// cores, after removing what is too old to be asked for. It may run beside the servers, and may be cut off at any
/// point: another run goes on. `progress` hears of each batch with its domain and may stop it.
///
/// # Errors
/// [`ServeError`] in words for the operator: no `[kms]`, no database, no master secrets, a wrong period.
pub fn pre_issue(
    config: &Config,
    key: &StoreKey,
    audit: &dyn AuditLog,
    period: Period,
    progress: &mut dyn FnMut(&KmsUri, Step<'_>) -> ControlFlow<()>,
) -> Result<Vec<(KmsUri, PreIssued)>, ServeError> {
    let section = config.kms.as_ref();
    let section = section.ok_or_else(|| ServeError::LocalConfiguration {
        key: "kms",
        reason: "is missing".to_owned(),
    })?;
    let store = store::open(config, key)?;
    let own = kms::own_uri(section)?;
    if store.kms(&own).roots()?.is_empty() {
        return Err(ServeError::LocalNoMaster(section.uri.clone()));
    }
    let agencies = kms::agencies(&store)?.into_iter().map(|(uri, _)| uri);
    let mut done = Vec::new();
    for uri in core::iter::once(own).chain(agencies) {
        let domain = Domain {
            table: store.kms(&uri),
            audit,
            past_periods: section.past_periods,
        };
        let made = domain.pre_issue(period, &mut |step| progress(&uri, step))?;
        let stopped = made.stopped;
        done.push((uri, made));
        if stopped {
            break;
        }
    }
    Ok(done)
}

struct Domain<'a> {
    table: KmsStore,
    audit: &'a dyn AuditLog,
    past_periods: u64,
}

impl Domain<'_> {
    /// The sets of all master secrets in use: two while they change.
    fn pre_issue(
        &self,
        period: Period,
        progress: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
    ) -> Result<PreIssued, ServeError> {
        let now = SystemClock.now();
        let roots = self.table.roots()?;
        let roots: Vec<_> = roots.iter().filter(|root| !root.terms.revoked).collect();
        let masters: Vec<_> = roots.iter().map(|root| &root.master).collect();
        let forgotten = forget_old_sets(&masters, self.past_periods, &self.table, now);
        forgotten.map_err(PreIssueError::from)?;
        let mut all = PreIssued::default();
        for root in roots {
            let current = root.master.domain().key_period.number_at(now.to_ntp());
            let order = PreIssue {
                period: match period {
                    Period::Current => current,
                    Period::Next => current.saturating_add(1),
                    Period::Number(number) => number,
                },
                after: String::new(),
                threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            };
            if !root
                .terms
                .serves(root.master.domain().key_period, order.period)
            {
                continue;
            }
            all += run(&root.master, &self.table, self.audit, &order, now, progress)?;
            if all.stopped {
                break;
            }
        }
        Ok(all)
    }
}
