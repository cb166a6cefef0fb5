//! What is prepared once for many operations: its memory and the time for it.

use crate::domain::Domain;
use crate::error::BenchError;
use crate::report::Prepared;
use crate::system::thread_time;
use roger_ibc::sakke::{KmsPublicEncKey, ReceiverSecretKey};

/// Every table, prepared anew.
pub(crate) fn measure(domain: &Domain, backend: &str) -> Result<Vec<Prepared>, BenchError> {
    let entry = |what: &str, octets, seconds| Prepared {
        what: what.to_owned(),
        backend: backend.to_owned(),
        octets,
        seconds,
    };
    let enc = KmsPublicEncKey::from_octets(domain.public.enc.as_octets());
    let enc = enc.map_err(BenchError::wrong("Z_T"))?;
    let (id, rsk) = domain.with_rsk()?;
    let receiver = domain.receiver(&id, &rsk)?;
    Ok(vec![
        entry(
            "KMS, encryption (Z_T)",
            KmsPublicEncKey::prepared_octets(),
            timed(|| enc.prepare()),
        ),
        entry(
            "receiver (RSK)",
            ReceiverSecretKey::prepared_octets(),
            timed(|| receiver.prepare()),
        ),
    ])
}

/// Seconds of CPU time.
fn timed(prepare: impl FnOnce()) -> f64 {
    let start = thread_time();
    prepare();
    thread_time().saturating_sub(start).as_secs_f64()
}
