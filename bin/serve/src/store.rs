//! The database: it is there already, and it can be written.

use crate::ServeError;
use roger_adapter_http::{Metrics, ReadinessCheck};
use roger_adapter_store::{Store, StoreKey};
use roger_config::Config;
use std::sync::Arc;

/// Opens the database; never makes a file, which would hide a wrong path.
///
/// # Errors
/// [`ServeError`] when it is not there or does not open.
pub fn open(config: &Config, key: &StoreKey) -> Result<Store, ServeError> {
    match (&config.store.sqlite, &config.store.postgres) {
        (Some(path), None) if path.is_file() => Ok(Store::open(path, key)?),
        (Some(path), None) => Err(ServeError::LocalNoDatabase(path.clone())),
        (None, Some(url)) => Ok(Store::connect(url.expose(), key)?),
        (None, None) | (Some(_), Some(_)) => Err(ServeError::LocalConfiguration {
            key: "store",
            reason: "takes either sqlite or postgres".to_owned(),
        }),
    }
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
