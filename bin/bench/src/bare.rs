//! What the cryptography of a key set costs alone, on all cores.

use crate::all_cores;
use crate::domain::Domain;
use crate::error::BenchError;
use crate::measure;
use crate::operation::Operation;
use crate::system::Pinned;

/// Key sets (RSK, SSK and PVT) a second of all cores together.
pub(crate) struct Bare {
    /// Each RSK alone.
    pub(crate) one_by_one: f64,
    /// RSKs 64 together.
    pub(crate) together: f64,
}

impl Bare {
    /// Measures for about so many seconds.
    ///
    /// # Errors
    /// [`BenchError`] when an operation fails.
    pub(crate) fn measure(seconds: f64) -> Result<Self, BenchError> {
        let domain = Domain::new()?;
        let each = seconds / 3.0;
        let per_s = |operation| {
            let one = {
                let _pinned = Pinned::here()?;
                measure::measure(operation, &domain, None, each / 4.0)?.per_s
            };
            all_cores::measure(operation, &domain, one, each)
        };
        let pair = per_s(Operation::EccsiPair)?;
        let with_pair = |rsk: f64| 1.0 / (1.0 / rsk + 1.0 / pair);
        Ok(Self {
            one_by_one: with_pair(per_s(Operation::Rsk)?),
            together: with_pair(per_s(Operation::RskBatch)?),
        })
    }
}
