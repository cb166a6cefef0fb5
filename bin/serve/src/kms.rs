//! The KMS of a configuration.

use crate::ServeError;
use crate::listener::{Listener, watched};
use core::time::Duration;
use roger_adapter_http::{KmsFrontEnd, SystemClock, service};
use roger_adapter_store::SqliteStore;
use roger_base::KmsUri;
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_idm::Idm;
use roger_kms::ports::AuditLog;
use roger_kms::{Kms, KmsConfig, KmsDirectory, Ports};
use roger_oidc::{AccessTokenVerifier, ClockSkew, Issuer, JwkSet, TrustedIssuer};
use std::sync::Arc;

/// Requests that the KMS works on or keeps waiting at one time.
const RUNNING: usize = 256;
/// Paths under which requests are counted (TS 33.180 D.2).
const ROUTES: &[&str] = &[
    "/keymanagement/identity/v1/init",
    "/keymanagement/identity/v1/keyprov",
    "/keymanagement/identity/v1/certcache",
    "/keymanagement/identity/v1/cert",
    "/keymanagement/identity/v1/lookup",
    "/keymanagement/identity/v1/redirect",
];

/// Makes the KMS on the master secrets of the store.
pub(crate) fn prepare(
    section: &roger_config::Kms,
    store: &SqliteStore,
    own: Option<&Arc<Idm>>,
    audit: Arc<dyn AuditLog>,
) -> Result<Listener, ServeError> {
    let config = KmsConfig {
        kms_id: section.kms_id.clone(),
        cert_uri: section.cert_uri.clone(),
        domains: section.domains.clone(),
        time_window: Duration::from_secs(section.time_window_seconds),
        past_periods: section.past_periods,
        ..KmsConfig::default()
    };
    let master = master(section, store)?;
    let domain = store.kms(&master.domain().kms_uri);
    let ports = Ports {
        repository: Arc::new(domain.clone()),
        tokens: Arc::new(verifier(section, store, own)?),
        audit,
    };
    let front = KmsFrontEnd {
        domains: Arc::new(KmsDirectory::of_one(Arc::new(
            Kms::new(master, config, ports).with_pre_issued(Arc::new(domain)),
        ))),
        proxies: Vec::new(),
        clock: Arc::new(SystemClock),
    };
    Ok(Listener {
        name: "kms",
        address: section.listen,
        tls: watched(&section.tls)?,
        router: service::mount_counted(Arc::new(front), RUNNING, ROUTES),
    })
}

pub(crate) fn master(
    section: &roger_config::Kms,
    store: &SqliteStore,
) -> Result<KmsMaster, ServeError> {
    let wrong = ServeError::configuration;
    let uri = KmsUri::new(section.uri.as_str());
    let uri = uri.map_err(|error| wrong("kms.uri")(error.into()))?;
    let (period, offset) = (
        section.key_period_seconds,
        section.key_period_offset_seconds,
    );
    let period = KeyPeriod::new(period, offset);
    let period = period.map_err(|error| wrong("kms.key_period_seconds")(error.into()))?;
    let Some((ksak, z)) = store.kms_master(&uri)? else {
        return Err(ServeError::LocalNoMaster(section.uri.clone()));
    };
    KmsMaster::from_secrets(uri, period, &ksak, &z).map_err(ServeError::internal)
}

/// Tokens of the IdM server of this process and of those that the configuration trusts.
fn verifier(
    section: &roger_config::Kms,
    store: &SqliteStore,
    own: Option<&Arc<Idm>>,
) -> Result<AccessTokenVerifier, ServeError> {
    let own = own.map(|idm| TrustedIssuer {
        issuer: idm.config().endpoints.issuer.clone(),
        keys: idm.public_keys(),
    });
    let mut trusted: Vec<_> = own.into_iter().collect();
    for entry in &section.trusted_issuers {
        trusted.push(foreign(entry)?);
    }
    let verifier = AccessTokenVerifier::new(trusted, ClockSkew::MAX);
    Ok(verifier.with_revocations(Arc::new(store.clone())))
}

fn foreign(entry: &roger_config::TrustedIssuer) -> Result<TrustedIssuer, ServeError> {
    let wrong = ServeError::configuration;
    let issuer = Issuer::new(entry.issuer.as_str());
    let text = std::fs::read_to_string(&entry.keys_file);
    let text = text.map_err(|error| wrong("kms.trusted_issuers.keys_file")(error.into()))?;
    let keys = JwkSet::from_json(&text);
    Ok(TrustedIssuer {
        issuer: issuer.map_err(|error| wrong("kms.trusted_issuers.issuer")(error.into()))?,
        keys: keys.map_err(|error| wrong("kms.trusted_issuers.keys_file")(error.into()))?,
    })
}
