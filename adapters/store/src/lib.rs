//! Store behind the services' ports, in a file of SQLite or a database of PostgreSQL.
//!
//! Threads of its own have the connections; every call is one transaction and returns when it is on the disk, and the
//! outcome is that of one call after the other (`docs/decisions/store-bridge.md`). What must not be read from the
//! database is sealed under a [`StoreKey`].

mod agencies;
mod database;
mod fault;
mod gms;
mod idm;
mod kms;
mod migrations;
mod seal;
mod sql;
mod subscribers;
mod worker;

pub use agencies::Agency;
pub use fault::StoreFault;
pub use idm::Enlisted;
pub use kms::{KmsStore, StoredRoot};
pub use seal::StoreKey;

use database::Database;
use seal::Sealer;
use sql::{query, query_as};
use std::path::Path;
use std::sync::Arc;
use worker::Worker;

/// A store; clones share it. It implements the ports of the IdM, the KMS and the GMS, and keeps the subscribers of
/// the SIP core.
#[derive(Clone)]
pub struct Store {
    worker: Arc<Worker>,
    sealer: Arc<Sealer>,
}

impl Store {
    /// Opens the file, makes it when it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreFault`] when the file cannot be opened, is newer than this program, or was sealed under another key.
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self, StoreFault> {
        Self::start(Database::file(path), key)
    }

    /// Opens a database of PostgreSQL by its URL and brings its tables up to date. Several programs may have it open.
    /// On another machine it wants `sslmode=verify-full` in the URL: `docs/decisions/store-bridge.md`.
    ///
    /// # Errors
    /// [`StoreFault`] when the server does not let us in, the database is newer than this program, or was sealed under
    /// another key. No error repeats the URL.
    pub fn connect(url: &str, key: &StoreKey) -> Result<Self, StoreFault> {
        Self::start(Database::url(url)?, key)
    }

    fn start(database: Database, key: &StoreKey) -> Result<Self, StoreFault> {
        let store = Self {
            worker: Arc::new(Worker::start(database)?),
            sealer: Arc::new(Sealer::new(key)?),
        };
        store.check_key()?;
        store.bind_accounts_to_domains()?;
        Ok(store)
    }

    /// Writes, to see whether the store can be written now.
    ///
    /// # Errors
    /// [`StoreFault`] when it cannot.
    pub fn probe(&self) -> Result<(), StoreFault> {
        self.worker.write(async |connection| {
            query("UPDATE store_mark SET sealed = sealed WHERE id = 1")
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    /// The first opening leaves a sealed mark; later ones must be able to read it.
    fn check_key(&self) -> Result<(), StoreFault> {
        const MARK: &[u8] = b"roger store";
        let sealed = self.sealer.seal("mark", "1", MARK)?;
        let found = self.worker.write(async move |connection| {
            query("INSERT INTO store_mark (id, sealed) VALUES (1, ?) ON CONFLICT (id) DO NOTHING")
                .bind(&sealed)
                .execute(&mut *connection)
                .await?;
            let row: (Vec<u8>,) = query_as("SELECT sealed FROM store_mark WHERE id = 1")
                .fetch_one(connection)
                .await?;
            Ok(row.0)
        })?;
        self.sealer
            .open("mark", "1", &found)
            .map(|_| ())
            .map_err(|_| StoreFault::LocalWrongKey)
    }
}
