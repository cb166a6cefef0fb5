//! What the cryptography of a key set costs alone, on all cores and in CPU time.

use crate::all_cores;
use crate::domain::{Domain, NOW};
use crate::error::BenchError;
use crate::measure;
use crate::operation::Operation;
use crate::system::{Pinned, thread_time};

/// Operations measured, each on one core and on all.
const MEASUREMENTS: f64 = 5.0;

/// Key sets (RSK, SSK and PVT), with nothing else to do.
#[derive(Clone, Copy)]
pub(crate) struct Bare {
    /// A second on all cores, each RSK alone, unchecked.
    pub(crate) one_by_one: f64,
    /// The same with RSKs made 64 together.
    pub(crate) together: f64,
    /// The same one by one, each RSK checked by its pairing (RFC 6508 cl. 6.1.2).
    pub(crate) validated: f64,
    /// CPU time of a set one by one, unchecked, in microseconds.
    pub(crate) one_by_one_us: f64,
    /// CPU time of a set with its pairing.
    pub(crate) validated_us: f64,
    /// CPU time of a set as a KMS makes it: one by one, with the checks of [`roger_ibc::KmsMaster::confirm`].
    pub(crate) confirmed_us: f64,
}

impl Bare {
    /// Measures for about so many seconds.
    ///
    /// # Errors
    /// [`BenchError`] when an operation fails.
    pub(crate) fn measure(seconds: f64) -> Result<Self, BenchError> {
        let domain = Domain::new()?;
        let each = seconds / MEASUREMENTS;
        let (rsk, rsk_one) = per_s(Operation::Rsk, &domain, each)?;
        let (batch, _) = per_s(Operation::RskBatch, &domain, each)?;
        let (pair, pair_one) = per_s(Operation::EccsiPair, &domain, each)?;
        let (validate, validate_one) = per_s(Operation::RskValidate, &domain, each)?;
        let together = |parts: &[f64]| 1.0 / parts.iter().map(|part| 1.0 / part).sum::<f64>();
        Ok(Self {
            one_by_one: together(&[rsk, pair]),
            together: together(&[batch, pair]),
            validated: together(&[rsk, pair, validate]),
            one_by_one_us: 1e6 / together(&[rsk_one, pair_one]),
            validated_us: 1e6 / together(&[rsk_one, pair_one, validate_one]),
            confirmed_us: confirmed(&domain, each)?,
        })
    }

    /// The mean with another measurement: one before and one after what they are compared with.
    pub(crate) fn mean(self, other: Self) -> Self {
        let mean = |of: fn(&Self) -> f64| f64::midpoint(of(&self), of(&other));
        Self {
            one_by_one: mean(|bare| bare.one_by_one),
            together: mean(|bare| bare.together),
            validated: mean(|bare| bare.validated),
            one_by_one_us: mean(|bare| bare.one_by_one_us),
            validated_us: mean(|bare| bare.validated_us),
            confirmed_us: mean(|bare| bare.confirmed_us),
        }
    }
}

/// Operations a second: of all cores in wall time, and of one in CPU time.
fn per_s(operation: Operation, domain: &Domain, seconds: f64) -> Result<(f64, f64), BenchError> {
    let one = {
        let _pinned = Pinned::here()?;
        measure::measure(operation, domain, None, seconds / 4.0)?.per_s
    };
    Ok((all_cores::measure(operation, domain, one, seconds)?, one))
}

fn confirmed(domain: &Domain, seconds: f64) -> Result<f64, BenchError> {
    let master = &domain.master;
    let period = master.domain().key_period.number_at(NOW);
    let issue = |number: u32| master.issue(&format!("sip:{number}@mcptt.example.org"), period);
    // The tables are made by the first.
    issue(0).map_err(BenchError::wrong("key set"))?;
    let (begin, mut count) = (thread_time(), 0);
    while count == 0 || (thread_time() - begin).as_secs_f64() < seconds {
        count += 1;
        issue(count).map_err(BenchError::wrong("key set"))?;
    }
    Ok((thread_time() - begin).as_secs_f64() * 1e6 / f64::from(count))
}
