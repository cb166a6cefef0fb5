//! The KMS of a configuration, and of the agencies that have a domain of their own.

use crate::listener::{Listener, watched};
use crate::{ServeError, issuers};
use core::time::Duration;
use roger_adapter_http::{KmsFrontEnd, SystemClock, service};
use roger_adapter_store::{Store, StoredRoot};
use roger_base::KmsUri;
use roger_idm::Idm;
use roger_kms::ports::{AuditLog, TokenVerifier};
use roger_kms::{DomainAddress, Kms, KmsConfig, KmsDirectory, Ports};
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

/// Makes the KMS on the master secrets of the store: the domain of the configuration, and those of the agencies.
pub(crate) fn prepare(
    section: &roger_config::Kms,
    store: &Store,
    own: Option<&Arc<Idm>>,
    audit: Arc<dyn AuditLog>,
) -> Result<Listener, ServeError> {
    let tokens: Arc<dyn TokenVerifier> = Arc::new(issuers::verifier(section, store, own)?);
    let ports = |domain: &KmsUri| Ports {
        repository: Arc::new(store.kms(domain)),
        tokens: Arc::clone(&tokens),
        audit: Arc::clone(&audit),
    };
    let uri = own_uri(section)?;
    let kms = domain(section, section.domains.clone(), store, &uri, ports(&uri))?;
    let kms = kms.ok_or_else(|| ServeError::LocalNoMaster(section.uri.clone()))?;
    let mut domains = KmsDirectory::of_one(Arc::new(kms));
    for (uri, mc_domains) in agencies(store)? {
        match domain(section, mc_domains, store, &uri, ports(&uri))? {
            Some(kms) => domains
                .add(DomainAddress::default(), Arc::new(kms))
                .map_err(ServeError::internal)?,
            // The others must not stand still for one that is being set up.
            None => tracing::warn!(%uri, "not served: the domain has no master secrets yet"),
        }
    }
    let front = KmsFrontEnd {
        domains: Arc::new(domains),
        proxies: section.proxies.clone(),
        clock: Arc::new(SystemClock),
    };
    Ok(Listener {
        name: "kms",
        address: section.listen,
        tls: watched(&section.tls)?,
        router: service::mount_counted(Arc::new(front), RUNNING, ROUTES),
        too_many: Some(KmsFrontEnd::too_many_requests(Arc::new(SystemClock))),
    })
}

/// The KMS URI of the domain of the configuration.
pub(crate) fn own_uri(section: &roger_config::Kms) -> Result<KmsUri, ServeError> {
    let uri = KmsUri::new(section.uri.as_str());
    uri.map_err(|error| ServeError::configuration("kms.uri")(error.into()))
}

/// KMS URI and MC domains of every agency that has a KMS domain of its own and is not kept out.
pub(crate) fn agencies(store: &Store) -> Result<Vec<(KmsUri, Vec<String>)>, ServeError> {
    let serving = store
        .agencies()?
        .into_iter()
        .filter(|agency| agency.enabled);
    let domains = serving.filter_map(|agency| Some((agency.kms_uri?, agency.domains)));
    Ok(domains.collect())
}

/// One domain with all its master secrets; nothing when it has none.
fn domain(
    section: &roger_config::Kms,
    mc_domains: Vec<String>,
    store: &Store,
    uri: &KmsUri,
    ports: Ports,
) -> Result<Option<Kms>, ServeError> {
    let mut roots = store.kms(uri).roots()?.into_iter();
    let Some(first) = roots.next() else {
        return Ok(None);
    };
    let stored = first.master.domain().key_period;
    if stored.period_secs() != section.key_period_seconds
        || stored.offset_secs() != section.key_period_offset_seconds
    {
        return Err(ServeError::LocalConfiguration {
            key: "kms.key_period_seconds",
            reason: format!(
                "the master secrets of {uri} were made for periods of {} seconds with offset {}",
                stored.period_secs(),
                stored.offset_secs()
            ),
        });
    }
    let config = KmsConfig {
        kms_id: section.kms_id.clone(),
        cert_uri: first.terms.cert_uri,
        valid_from: first.terms.valid_from,
        valid_to: first.terms.valid_to,
        revoked: first.terms.revoked,
        domains: mc_domains,
        time_window: Duration::from_secs(section.time_window_seconds),
        past_periods: section.past_periods,
        ..KmsConfig::default()
    };
    let pre_issued = Arc::new(store.kms(uri));
    let mut kms = Kms::new(first.master, config, ports).with_pre_issued(pre_issued);
    for StoredRoot { master, terms } in roots {
        kms = kms
            .with_successor(master, terms)
            .map_err(ServeError::internal)?;
    }
    Ok(Some(kms))
}
