//! The database: it is there already, and it can be written.

use crate::ServeError;
use roger_adapter_http::{Metrics, ReadinessCheck};
use roger_adapter_store::{Store, StoreKey};
use roger_config::Config;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

/// Opens the database; never makes one, which would hide a wrong path.
///
/// # Errors
/// [`ServeError`] when it is not there or does not open.
pub fn open(config: &Config, key: &StoreKey) -> Result<Store, ServeError> {
    let path = file(config)?;
    if !path.is_file() {
        return Err(ServeError::LocalNoDatabase(path.to_owned()));
    }
    Ok(Store::open(path, key)?)
}

/// Whether there is a database where the configuration says.
#[must_use]
pub fn exists(config: &Config) -> bool {
    config
        .store
        .sqlite
        .as_ref()
        .is_some_and(|path| path.is_file())
}

/// Makes the database (`roger admin init`).
///
/// # Errors
/// [`ServeError`] when it cannot be made, or is there and was sealed under another key.
pub fn create(config: &Config, key: &StoreKey) -> Result<Store, ServeError> {
    let path = file(config)?;
    // It has the names of everybody: for its owner only. Its journals take over the mode.
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| ServeError::LocalConfiguration {
        key: "store.sqlite",
        reason: format!("{}: {error}", path.display()),
    })?;
    Ok(Store::open(path, key)?)
}

fn file(config: &Config) -> Result<&Path, ServeError> {
    let path = config.store.sqlite.as_deref();
    path.ok_or_else(|| ServeError::LocalConfiguration {
        key: "store.sqlite",
        reason: "is missing".to_owned(),
    })
}

/// Whether the database can be written now.
pub(crate) struct Writable {
    store: Store,
    metrics: Arc<Metrics>,
}

impl Writable {
    pub(crate) const fn new(store: Store, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }
}

impl ReadinessCheck for Writable {
    fn name(&self) -> &'static str {
        "store"
    }

    fn check(&self) -> Result<(), String> {
        self.store.probe().map_err(|fault| {
            self.metrics.store_error();
            fault.to_string()
        })
    }
}
