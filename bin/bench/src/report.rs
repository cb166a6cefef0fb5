//! What was measured, for people (`Display`) and for scripts (serde).
//!
//! ```json
//! {"rows":[{"op":"encapsulate","backend":"ifma","per_s":2900.0,"per_s_all_cores":5700.0,"peer_per_s":142.0,
//!           "ratio":20.4,"bar":{"ratio":20.0},"met":true}],
//!  "prepared":[{"what":"RSK","backend":"ifma","octets":294912,"seconds":0.004}],
//!  "peer":{"name":"wolfSSL","version":"5.5.4","compared_before":36,"compared_after":36},
//!  "machine":{"processor":"…","cores":16}}
//! ```

use crate::operation::{Bar, Operation};
use serde::{Deserialize, Serialize};

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// One for each operation and backend.
    pub rows: Vec<Row>,
    /// What is prepared once and used often.
    pub prepared: Vec<Prepared>,
    /// Who was compared with.
    pub peer: Option<PeerNote>,
    /// Where it was measured.
    pub machine: Machine,
}

/// Figures of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the operation.
    pub op: String,
    /// Backend of the field.
    pub backend: String,
    /// Operations a second on one core; in a batch each one counts.
    pub per_s: f64,
    /// Operations a second on all cores together.
    pub per_s_all_cores: f64,
    /// The peer's operations a second on the same core.
    pub peer_per_s: Option<f64>,
    /// Ours to the peer's: the median of the rounds.
    pub ratio: Option<f64>,
    /// What is demanded on one core.
    pub bar: Option<Bar>,
    /// Whether it is reached; `None` where there is no bar, or no peer to compare with.
    pub met: Option<bool>,
}

/// State that is prepared once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// What it is.
    pub what: String,
    /// Backend of the field.
    pub backend: String,
    /// Its memory.
    pub octets: usize,
    /// CPU time to prepare it.
    pub seconds: f64,
}

/// Who was compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerNote {
    /// Name of the library.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Results of both sides compared before the first slice; all were right.
    pub compared_before: u64,
    /// The same after the last slice.
    pub compared_after: u64,
}

/// Where it was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Name of the processor.
    pub processor: String,
    /// Threads that ran at the same time for the figures of all cores.
    pub cores: usize,
}

impl Row {
    /// The figures with what is demanded of them.
    pub(crate) fn new(
        operation: Operation,
        backend: &str,
        one_core: &crate::measure::OneCore,
        per_s_all_cores: f64,
    ) -> Self {
        let bar = operation.bar(backend);
        let met = match bar {
            Some(Bar::Ratio(times)) => one_core.ratio.map(|ratio| ratio >= times),
            Some(Bar::PerS(count)) => Some(one_core.per_s >= count),
            None => None,
        };
        Self {
            op: operation.name().to_owned(),
            backend: backend.to_owned(),
            per_s: one_core.per_s,
            per_s_all_cores,
            peer_per_s: one_core.peer_per_s,
            ratio: one_core.ratio,
            bar,
            met,
        }
    }
}

impl Report {
    /// Adds what was measured with another backend on the same machine.
    pub fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.prepared.extend(other.prepared);
    }
}
