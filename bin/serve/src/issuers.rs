//! Whose tokens count: those of the IdM server of this process, and of issuers that the configuration trusts.

use crate::ServeError;
use roger_adapter_http::HttpsKeyFetch;
use roger_adapter_store::Store;
use roger_base::UnixTime;
use roger_idm::Idm;
use roger_oidc::{
    AccessTokenVerifier, ClockSkew, Issuer, JwkSet, KeyCache, KeyCachePolicy, KeySource,
    TrustedIssuer,
};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Makes the verifier; called on a thread of the runtime in which keys will be fetched.
pub(crate) fn verifier(
    section: &roger_config::Kms,
    store: &Store,
    own: Option<&Arc<Idm>>,
) -> Result<AccessTokenVerifier, ServeError> {
    let mut trusted = Vec::new();
    let mut sources: Vec<Arc<dyn KeySource>> = Vec::new();
    if let Some(idm) = own {
        trusted.push(TrustedIssuer {
            issuer: idm.config().endpoints.issuer.clone(),
            keys: idm.public_keys(),
        });
        sources.push(Arc::clone(idm) as Arc<dyn KeySource>);
    }
    let mut fetch = HttpsKeyFetch::new(Handle::current());
    let mut urls = HashMap::new();
    for entry in &section.trusted_issuers {
        let issuer = Issuer::new(entry.issuer.as_str());
        let issuer = issuer.map_err(wrong("kms.trusted_issuers.issuer"))?;
        let keys = match (&entry.keys_file, &entry.keys_uri, &entry.authority) {
            (Some(file), _, _) => from_file(file)?,
            (None, Some(url), Some(authority)) => {
                let added = fetch.add(url, authority);
                added.map_err(wrong("kms.trusted_issuers.authority"))?;
                urls.insert(issuer.clone(), url.clone());
                JwkSet::default()
            }
            _ => JwkSet::default(),
        };
        trusted.push(TrustedIssuer { issuer, keys });
    }
    sources.push(Arc::new(KeyCache::new(
        urls,
        Box::new(fetch),
        KeyCachePolicy::default(),
    )));
    let verifier = AccessTokenVerifier::new(trusted, ClockSkew::MAX);
    let verifier = verifier.with_revocations(Arc::new(store.clone()));
    Ok(verifier.with_key_source(Arc::new(Sources(sources))))
}

fn wrong<E: core::error::Error + 'static>(key: &'static str) -> impl FnOnce(E) -> ServeError {
    move |error| ServeError::configuration(key)(error.into())
}

fn from_file(path: &Path) -> Result<JwkSet, ServeError> {
    const KEY: &str = "kms.trusted_issuers.keys_file";
    let text = std::fs::read_to_string(path).map_err(wrong(KEY))?;
    JwkSet::from_json(&text).map_err(wrong(KEY))
}

/// The first source that knows an issuer.
struct Sources(Vec<Arc<dyn KeySource>>);

impl KeySource for Sources {
    fn keys(&self, issuer: &Issuer, kid: Option<&str>, now: UnixTime) -> Option<JwkSet> {
        let mut sources = self.0.iter();
        sources.find_map(|source| source.keys(issuer, kid, now))
    }
}
