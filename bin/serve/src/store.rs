//! The database: it is there already, and it can be written.

use crate::ServeError;
use roger_adapter_http::{Metrics, ReadinessCheck};
use roger_adapter_store::{Store, StoreKey};
use roger_config::{Config, DatabaseUrl};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

/// Where the database is.
enum Place<'c> {
    File(&'c Path),
    Server(&'c DatabaseUrl),
}

fn place(config: &Config) -> Result<Place<'_>, ServeError> {
    match (&config.store.sqlite, &config.store.postgres) {
        (Some(path), None) => Ok(Place::File(path)),
        (None, Some(url)) => Ok(Place::Server(url)),
        (None, None) | (Some(_), Some(_)) => Err(ServeError::LocalConfiguration {
            key: "store",
            reason: "takes either sqlite or postgres".to_owned(),
        }),
    }
}

/// Opens the database; never makes a file, which would hide a wrong path.
///
/// # Errors
/// [`ServeError`] when it is not there or does not open.
pub fn open(config: &Config, key: &StoreKey) -> Result<Store, ServeError> {
    match place(config)? {
        Place::File(path) if path.is_file() => Ok(Store::open(path, key)?),
        Place::File(path) => Err(ServeError::LocalNoDatabase(path.to_owned())),
        Place::Server(url) => Ok(Store::connect(url.expose(), key)?),
    }
}

/// Whether there is a database file where the configuration says.
#[must_use]
pub fn exists(config: &Config) -> bool {
    matches!(place(config), Ok(Place::File(path)) if path.is_file())
}

/// Makes the database file, or the tables in the database of a server (`roger admin init`).
///
/// # Errors
/// [`ServeError`] when it cannot be made, or is there and was sealed under another key.
pub fn create(config: &Config, key: &StoreKey) -> Result<Store, ServeError> {
    match place(config)? {
        Place::Server(url) => Ok(Store::connect(url.expose(), key)?),
        Place::File(path) => {
            private_file(path).map_err(|error| ServeError::LocalConfiguration {
                key: "store.sqlite",
                reason: format!("{}: {error}", path.display()),
            })?;
            Ok(Store::open(path, key)?)
        }
    }
}

/// It has the names of everybody: for its owner only. Its journals take over the mode.
fn private_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map(drop)
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
