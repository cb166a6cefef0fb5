//! What is prepared once for many operations: its memory and the time for it.

use crate::domain::Domain;
use crate::error::BenchError;
use crate::report::Prepared;
use crate::system::thread_time;
use roger_ibc::eccsi::KmsPublicAuthKey;
use roger_ibc::sakke::{KmsPublicEncKey, ReceiverSecretKey};

/// Everything, prepared anew.
pub(crate) fn measure(domain: &Domain, backend: &str) -> Result<Vec<Prepared>, BenchError> {
    let enc = KmsPublicEncKey::from_octets(domain.public.enc.as_octets());
    let enc = enc.map_err(BenchError::wrong("Z_T"))?;
    let auth = KmsPublicAuthKey::from_octets(domain.public.auth.as_octets());
    let auth = auth.map_err(BenchError::wrong("KPAK"))?;
    let (id, rsk) = domain.with_rsk()?;
    let receiver = domain.receiver(&id, &rsk)?;
    let of_auth = timed(|| auth.prepare());
    let of_enc = timed(|| enc.prepare());
    let of_receiver = timed(|| receiver.prepare());
    let (gms, pvt) = (domain.gms.uid, domain.gms.signing.pvt());
    let (sender, of_sender) = timed(|| auth.prepare_sender(gms.as_octets(), pvt));
    let sender = sender.map_err(BenchError::wrong("sender"))?.memory_octets();

    let entry = |what: &str, octets: usize, seconds| Prepared {
        what: what.to_owned(),
        backend: backend.to_owned(),
        octets,
        seconds,
    };
    Ok(vec![
        entry(
            "KMS, encryption (Z_T)",
            KmsPublicEncKey::prepared_octets(),
            of_enc.1,
        ),
        entry(
            "KMS, authentication (KPAK)",
            KmsPublicAuthKey::prepared_octets(),
            of_auth.1,
        ),
        entry(
            "receiver (RSK)",
            ReceiverSecretKey::prepared_octets(),
            of_receiver.1,
        ),
        entry("sender (PVT)", sender, of_sender),
    ])
}

/// What was prepared, and seconds of CPU time.
fn timed<T>(prepare: impl FnOnce() -> T) -> (T, f64) {
    let start = thread_time();
    let prepared = prepare();
    (prepared, thread_time().saturating_sub(start).as_secs_f64())
}
