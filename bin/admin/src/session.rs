//! The store of a configuration, opened by an operator.

use crate::{AdminError, Common};
use roger_adapter_audit::{AuditFolder, AuditRecord};
use roger_adapter_http::{Clock as _, SystemClock};
use roger_adapter_store::{Store, StoreKey};
use roger_base::{KmsUri, UnixTime};
use roger_config::Config;
use roger_serve::plug::{self, ADMIN, Ask};

/// What a command works with.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) key: StoreKey,
    audit: AuditFolder,
    operator: String,
}

/// What an operator does, for the audit log.
#[derive(Default)]
pub(crate) struct Deed {
    /// The command.
    action: String,
    /// The KMS domain.
    domain: Option<KmsUri>,
    /// Whom or what it is about.
    about: Vec<String>,
    /// Identities and key periods that it is about.
    pub(crate) key_sets: Vec<(String, u64)>,
}

impl Deed {
    /// A command about nobody, or about these.
    pub(crate) fn new<S: ToString>(
        action: impl Into<String>,
        about: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            action: action.into(),
            about: about.into_iter().map(|one| one.to_string()).collect(),
            ..Self::default()
        }
    }

    /// The same in a KMS domain.
    pub(crate) fn within(mut self, domain: &KmsUri) -> Self {
        self.domain = Some(domain.clone());
        self
    }
}

/// Reads the configuration; the files of listeners are none of an operator's business.
pub(crate) fn config(common: &Common) -> Result<Config, AdminError> {
    let environment = |name: &str| std::env::var(name).ok();
    let config = roger_config::load_for_administration(&common.config, environment);
    config.map_err(|error| AdminError::LocalConfig(Box::new(error)))
}

/// Who works: as told, or as the system knows.
pub(crate) fn operator(common: &Common) -> String {
    let known = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let told = common.operator.clone();
    told.or_else(|| known("SUDO_USER"))
        .or_else(|| known("USER"))
        .unwrap_or_else(|| "unknown".to_owned())
}

impl Session {
    /// Opens the store with its audit log for administrators.
    ///
    /// # Errors
    /// [`AdminError`]: one of them cannot be opened.
    pub(crate) fn open(common: &Common, ask: Ask<'_>) -> Result<Self, AdminError> {
        Self::open_as(common, ask, ADMIN)
    }

    /// The same with an audit chain of its own, for what takes long beside other commands.
    ///
    /// # Errors
    /// [`AdminError`]: one of them cannot be opened.
    pub(crate) fn open_as(common: &Common, ask: Ask<'_>, writer: &str) -> Result<Self, AdminError> {
        let config = config(common)?;
        let key = plug::store_key(&config, ask)?;
        let audit = plug::audit(&config, writer, &key)?;
        let store = roger_serve::store::open(&config, &key)?;
        Ok(Self::new(config, store, key, audit, operator(common)))
    }

    pub(crate) const fn new(
        config: Config,
        store: Store,
        key: StoreKey,
        audit: AuditFolder,
        operator: String,
    ) -> Self {
        Self {
            config,
            store,
            key,
            audit,
            operator,
        }
    }

    /// Does something that the audit log must know of: first that it begins, then how it ended. Nothing is done when
    /// the first record is not kept.
    ///
    /// # Errors
    /// What `work` says, or that the audit log does not take a record.
    pub(crate) fn act<T>(
        &self,
        deed: &Deed,
        work: impl FnOnce() -> Result<T, AdminError>,
    ) -> Result<T, AdminError> {
        self.record(deed, "begun", None)
            .map_err(AdminError::LocalNotRecorded)?;
        let done = work();
        let ended = match &done {
            Ok(_) => self.record(deed, "done", None),
            Err(error) => self.record(deed, "failed", Some(error.to_string())),
        };
        match (done, ended) {
            (Ok(_), Err(fault)) => Err(AdminError::LocalEndNotRecorded(fault)),
            (done, _) => done,
        }
    }

    fn record(
        &self,
        deed: &Deed,
        outcome: &str,
        reason: Option<String>,
    ) -> Result<(), roger_adapter_audit::AuditFault> {
        self.audit.record(&AuditRecord {
            time: now(),
            who: Some(self.operator.clone()),
            domain: deed.domain.as_ref().map(|uri| uri.as_str().to_owned()),
            action: format!("admin {}", deed.action),
            subjects: deed.key_sets.clone(),
            outcome: outcome.to_owned(),
            reason,
            about: deed.about.clone(),
        })
    }

    /// The log, for what records by itself.
    pub(crate) const fn audit(&self) -> &AuditFolder {
        &self.audit
    }

    /// The section `[kms]`.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn kms(&self) -> Result<&roger_config::Kms, AdminError> {
        let missing = || AdminError::refused("the configuration has no section [kms]");
        self.config.kms.as_ref().ok_or_else(missing)
    }

    /// The KMS domain of the configuration, when it has one.
    ///
    /// # Errors
    /// When its URI is none.
    pub(crate) fn own_domain(&self) -> Result<Option<KmsUri>, AdminError> {
        let uri = self.config.kms.as_ref().map(|kms| kms.uri.as_str());
        uri.map(KmsUri::new)
            .transpose()
            .map_err(AdminError::refused)
    }
}

/// The time of the system.
pub(crate) fn now() -> UnixTime {
    SystemClock.now()
}
