//! What is prepared once for many operations: its memory and the time for it.

use crate::domain::Domain;
use crate::error::BenchError;
use crate::report::Prepared;

/// All of it, prepared anew.
pub(crate) const fn measure(_domain: &Domain) -> Result<Vec<Prepared>, BenchError> {
    Ok(Vec::new())
}
