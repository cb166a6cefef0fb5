//! Measures the identity-based cryptography, beside wolfSSL when asked: what `roger bench` prints.
//!
//! | module | does |
//! |---|---|
//! | [`Operation`] | what is measured, and what is demanded of it |
//! | `operations` | the operations as the libraries offer them, with new inputs for each call |
//! | `measure`, `all_cores` | figures on one core beside the peer, and on all cores |
//! | `peer`, `crossing` | wolfSSL as a process of its own, and whether both sides agree |
//! | `prepared` | memory and time of what is prepared once |
//! | `distribution` | a GMK to all members of a large group |
//! | `load` | whole servers on loopback under load |
//! | [`Report`] | the outcome, for people and for scripts |

mod all_cores;
mod bare;
mod crossing;
mod distribution;
mod domain;
mod error;
mod load;
mod measure;
mod operation;
mod operations;
mod peer;
mod prepared;
mod report;
mod system;
mod table;

pub use distribution::{Distribution, distribute};
pub use error::BenchError;
pub use load::{
    Connecting, Consent, IdmCpu, IdmLoad, IdmReport, KeySets, KmsLoad, KmsReport, PreIssueReport,
    RegisterLoad, RegisterReport, ServerCpu, log_in, pre_issue_for, provision, register,
};
pub use operation::{Bar, Operation};
pub use operations::backends;
pub use report::{Machine, PeerNote, Prepared, Report, Row};

use domain::Domain;
use indicatif::{ProgressBar, ProgressStyle};
use measure::OneCore;
use peer::Peer;
use system::Pinned;

/// What to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The operations, in the order of the report.
    pub operations: Vec<Operation>,
    /// CPU time of each operation, on each side.
    pub seconds: f64,
    /// Whom to compare with.
    pub comparison: Comparison,
}

/// Whom to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Nobody.
    Alone,
    /// The system's wolfSSL.
    WolfSsl,
}

/// Measures with the backend that the process has selected. Shows its progress on standard error, if that is a
/// terminal.
///
/// # Errors
/// [`BenchError`] when an operation fails, or the peer is missing or disagrees.
pub fn run(settings: &Settings) -> Result<Report, BenchError> {
    let backend = operations::backend()?;
    let progress = progress(settings)?;
    let domain = Domain::new()?;
    let one_core = on_one_core(settings, &domain, &progress)?;
    let prepared = prepared::measure(&domain, &backend)?;
    let mut rows = Vec::new();
    for (operation, one) in &one_core.figures {
        progress.set_message(format!("{operation}, all cores"));
        let all = all_cores::measure(*operation, &domain, one.per_s, settings.seconds)?;
        rows.push(Row::new(*operation, &backend, one, all));
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(Report {
        rows,
        prepared,
        peer: one_core.peer,
        machine: Machine {
            processor: system::processor(),
            cores: system::cores().get(),
        },
    })
}

/// What comes of one core.
struct OnOneCore {
    figures: Vec<(Operation, OneCore)>,
    peer: Option<PeerNote>,
}

/// Both sides on the same core, compared before and after.
fn on_one_core(
    settings: &Settings,
    domain: &Domain,
    progress: &ProgressBar,
) -> Result<OnOneCore, BenchError> {
    let _pinned = Pinned::here()?;
    let mut peer = match settings.comparison {
        Comparison::WolfSsl => Some(Peer::start(domain)?),
        Comparison::Alone => None,
    };
    let compared_before = compare(progress, domain, peer.as_mut())?;
    let mut figures = Vec::new();
    for operation in &settings.operations {
        progress.set_message(operation.name());
        let one_core = measure::measure(*operation, domain, peer.as_mut(), settings.seconds)?;
        figures.push((*operation, one_core));
        progress.inc(1);
    }
    let compared_after = compare(progress, domain, peer.as_mut())?;
    let peer = peer.map(|peer| PeerNote {
        name: "wolfSSL".to_owned(),
        version: peer.version().to_owned(),
        compared_before,
        compared_after,
    });
    Ok(OnOneCore { figures, peer })
}

fn compare(
    progress: &ProgressBar,
    domain: &Domain,
    peer: Option<&mut Peer>,
) -> Result<u64, BenchError> {
    let Some(peer) = peer else { return Ok(0) };
    progress.set_message("results of both sides compared");
    crossing::cross(domain, peer)
}

fn progress(settings: &Settings) -> Result<ProgressBar, BenchError> {
    let steps = settings.operations.len() as u64 * 2;
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let style = style.map_err(BenchError::wrong("progress bar"))?;
    Ok(ProgressBar::new(steps).with_style(style))
}
