//! The servers of `roger serve`: IdM and KMS, from a configuration and a store, without the shortcuts of `roger dev`.
//!
//! Nothing is made here that must outlive the process: master secrets and accounts are there already, or
//! [`ServeError`] says which command makes them. [`plug`] has the keeper of secrets and the audit log.

mod error;
mod idm;
mod issuers;
mod kms;
mod listener;
pub mod plug;
mod pre_issue;
pub mod store;

pub use error::ServeError;
pub use pre_issue::{Period, pre_issue};

use core::time::Duration;
use listener::Listener;
use plug::{Ask, AuditReady, PlugError};
use roger_adapter_http::{Health, HttpsServer, Metrics, ReadinessCheck, WatchedTls, management};
use roger_adapter_store::StoreKey;
use roger_config::{Config, Role};
use roger_idm::Idm;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The audit log of both servers.
pub trait Audits: roger_kms::ports::AuditLog + roger_idm::ports::AuditLog {}

impl<T: roger_kms::ports::AuditLog + roger_idm::ports::AuditLog> Audits for T {}

/// What the servers work with: [`Plugged::new`] has it from the configuration, tests bring their own.
pub struct Plugged {
    /// The key of the store, as the keeper of `[secrets]` gives it.
    pub store_key: StoreKey,
    /// The log of `[audit]`. Keys and tokens are released only after it has kept the entry.
    pub audit: Arc<dyn Audits>,
    /// Whether that log can be written now.
    pub audit_ready: Arc<dyn ReadinessCheck>,
}

impl Plugged {
    /// The store key of the keeper of `[secrets]`, and the log of `[audit]`.
    ///
    /// # Errors
    /// [`PlugError`] when one of them cannot be had: then nothing is served.
    pub fn new(config: &Config, ask: Ask<'_>) -> Result<Self, PlugError> {
        let store_key = plug::store_key(config, ask)?;
        let audit = Arc::new(plug::audit(config, &plug::servers(config), &store_key)?);
        Ok(Self {
            store_key,
            audit_ready: Arc::new(AuditReady(Arc::clone(&audit))),
            audit,
        })
    }
}

/// Running servers.
pub struct Deployment {
    idm: Option<HttpsServer>,
    kms: Option<HttpsServer>,
    management: HttpsServer,
    health: Arc<Health>,
    reload: Vec<Arc<Notify>>,
    end: CancellationToken,
}

impl Deployment {
    /// Starts every role of the configuration; they are ready when this returns.
    ///
    /// # Errors
    /// [`ServeError`] in words for the operator.
    pub async fn start(config: Config, plugged: Plugged) -> Result<Self, ServeError> {
        let metrics = Arc::new(Metrics::new());
        let prepared = {
            let (config, metrics) = (config.clone(), Arc::clone(&metrics));
            // Opening the database waits for the disk.
            tokio::task::spawn_blocking(move || Prepared::new(&config, plugged, &metrics))
                .await
                .map_err(ServeError::internal)??
        };
        let mut deployment = Self {
            idm: None,
            kms: None,
            management: prepared.manage(&config, &metrics).await?,
            health: prepared.health,
            reload: Vec::new(),
            end: CancellationToken::new(),
        };
        let every = Duration::from_secs(config.tls_reload.every_seconds.get().into());
        if let Some(tls) = &prepared.management_tls {
            deployment.follow("management", tls, every, &metrics);
        }
        if let Some(listener) = prepared.idm {
            deployment.follow("idm", &listener.tls, every, &metrics);
            deployment.idm = Some(listener.start(&config, &metrics).await?);
        }
        if let Some(idm) = prepared.keys {
            tokio::spawn(idm::look_after_keys(idm, deployment.end.clone()));
        }
        if let Some(listener) = prepared.kms {
            deployment.follow("kms", &listener.tls, every, &metrics);
            deployment.kms = Some(listener.start(&config, &metrics).await?);
        }
        Ok(deployment)
    }

    fn follow(
        &mut self,
        server: &'static str,
        tls: &Arc<WatchedTls>,
        every: Duration,
        metrics: &Arc<Metrics>,
    ) {
        let now = Arc::new(Notify::new());
        self.reload.push(Arc::clone(&now));
        let heard = listener::heard(server, metrics);
        tokio::spawn(Arc::clone(tls).follow(every, now, self.end.clone(), heard));
    }

    /// What listens where: role and address.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let named = |name, server: &HttpsServer| (name, server.address());
        let idm = self.idm.as_ref().map(|server| named("idm", server));
        let kms = self.kms.as_ref().map(|server| named("kms", server));
        let management = Some(named("management", &self.management));
        idm.into_iter().chain(kms).chain(management).collect()
    }

    /// Compares the certificates with their files now (SIGHUP).
    pub fn reload_certificates(&self) {
        for now in &self.reload {
            now.notify_one();
        }
    }

    /// Ends: not ready at once, nothing new is accepted, running requests finish within the drain time (SIGTERM).
    pub async fn stop(self) {
        self.health.end();
        let end = async |server: Option<HttpsServer>| {
            if let Some(server) = server {
                server.shut_down().await;
            }
        };
        tokio::join!(end(self.idm), end(self.kms));
        self.management.shut_down().await;
        self.end.cancel();
    }
}

/// Everything but the sockets.
struct Prepared {
    idm: Option<Listener>,
    /// The IdM server, whose signing keys are looked after.
    keys: Option<Arc<Idm>>,
    kms: Option<Listener>,
    management_tls: Option<Arc<WatchedTls>>,
    health: Arc<Health>,
}

impl Prepared {
    fn new(config: &Config, plugged: Plugged, metrics: &Arc<Metrics>) -> Result<Self, ServeError> {
        let store = store::open(config, &plugged.store_key)?;
        let has = |role| config.roles.contains(&role);
        let own = match (&config.idm, has(Role::Idm)) {
            (Some(section), true) => Some(idm::prepare(section, &store, plugged.audit.clone())?),
            _ => None,
        };
        let kms = match (&config.kms, has(Role::Kms)) {
            (Some(section), true) => {
                let own = own.as_ref().map(|(_, idm)| idm);
                Some(kms::prepare(section, &store, own, plugged.audit)?)
            }
            _ => None,
        };
        let tls = config.management.tls.as_ref().map(listener::watched);
        let writable = Arc::new(store::Writable::new(store, Arc::clone(metrics)));
        let checks: Vec<Arc<dyn ReadinessCheck>> = vec![writable, plugged.audit_ready];
        let (idm, keys) = own.unzip();
        Ok(Self {
            idm,
            keys,
            kms,
            management_tls: tls.transpose()?,
            health: Arc::new(Health::new(checks, Arc::clone(metrics))),
        })
    }

    async fn manage(
        &self,
        config: &Config,
        metrics: &Arc<Metrics>,
    ) -> Result<HttpsServer, ServeError> {
        let tls = self.management_tls.as_ref().map(|watched| watched.tls());
        let (health, metrics) = (Arc::clone(&self.health), Arc::clone(metrics));
        Ok(management::start(config.management.listen, tls, health, metrics).await?)
    }
}
