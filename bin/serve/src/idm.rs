//! The IdM server of a configuration.

use crate::ServeError;
use crate::listener::{Listener, watched};
use core::time::Duration;
use roger_adapter_http::{Clock as _, SystemClock, idm};
use roger_adapter_store::Store;
use roger_adapter_webauthn::Passkeys;
use roger_idm::memory::MemorySessions;
use roger_idm::ports::AuditLog;
use roger_idm::{Idm, IdmConfig, PasskeyPorts, Ports};
use roger_oidc::provider::{Client, ClientDetails, ClientKind};
use roger_oidc::{Issuer, OauthClientId, RedirectUri, ScopeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Puts the clients of the configuration into the store and makes the server.
pub(crate) fn prepare(
    section: &roger_config::Idm,
    store: &Store,
    audit: Arc<dyn AuditLog>,
) -> Result<(Listener, Arc<Idm>), ServeError> {
    if !store.has_users()? {
        return Err(ServeError::LocalNoUser);
    }
    for entry in &section.clients {
        store.put_client(&client(entry)?)?;
    }
    let issuer = Issuer::new(section.issuer.as_str());
    let issuer = issuer.map_err(|error| ServeError::configuration("idm.issuer")(error.into()))?;
    let ports = Ports {
        users: Arc::new(store.clone()),
        clients: Arc::new(store.clone()),
        grants: Arc::new(store.clone()),
        sessions: Arc::new(MemorySessions::default()),
        browsers: Arc::new(store.clone()),
        consents: Arc::new(store.clone()),
        factors: Arc::new(store.clone()),
        passkeys: passkeys(&issuer, store),
        keys: Arc::new(store.clone()),
        audit,
    };
    let config = IdmConfig::new(issuer, section.audience.as_str());
    let server = Arc::new(Idm::start(config, ports, SystemClock.now())?);
    let front = idm::IdmFrontEnd {
        idm: Arc::clone(&server),
        clock: Arc::new(SystemClock),
        banner: None,
    };
    let listener = Listener {
        name: "idm",
        address: section.listen,
        tls: watched(&section.tls)?,
        router: idm::router(front),
        too_many: None,
    };
    Ok((listener, server))
}

/// How often the signing keys are looked after.
const EVERY: Duration = Duration::from_secs(3600);

/// Rotates signing keys in time and forgets old ones, until the end.
pub(crate) async fn look_after_keys(idm: Arc<Idm>, end: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while end.run_until_cancelled(ticks.tick()).await.is_some() {
        let idm = Arc::clone(&idm);
        // It waits for the store.
        let done = tokio::task::spawn_blocking(move || idm.maintain_keys(SystemClock.now()));
        match done.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the signing key could not be rotated"),
            Err(error) => tracing::error!(%error, "the signing keys are not looked after"),
        }
    }
}

/// Passkeys bound to the host of the issuer; none where it is a number.
fn passkeys(issuer: &Issuer, store: &Store) -> Option<PasskeyPorts> {
    match Passkeys::new(issuer) {
        Ok(verifier) => Some(PasskeyPorts {
            repository: Arc::new(store.clone()),
            verifier: Arc::new(verifier),
        }),
        Err(error) => {
            tracing::warn!(%error, "passkeys are not offered");
            None
        }
    }
}

fn client(entry: &roger_config::Client) -> Result<Client, ServeError> {
    let wrong = ServeError::configuration;
    let id = OauthClientId::new(entry.id.as_str());
    let uris: Result<_, _> = entry
        .redirect_uris
        .iter()
        .map(|uri| RedirectUri::new(uri.as_str()))
        .collect();
    let scopes = match &entry.scopes {
        None => Ok(ScopeSet::every_mcptt_scope()),
        Some(scopes) => ScopeSet::parse(&scopes.join(" ")),
    };
    Ok(Client {
        id: id.map_err(|error| wrong("idm.clients.id")(error.into()))?,
        name: entry.name.clone(),
        kind: ClientKind::Public,
        redirect_uris: uris.map_err(|error| wrong("idm.clients.redirect_uris")(error.into()))?,
        scopes: scopes.map_err(|error| wrong("idm.clients.scopes")(error.into()))?,
        details: ClientDetails::default(),
    })
}
