//! What can go wrong with a store, and how each service calls it.

use thiserror::Error;

/// The store did not do what it was asked; nothing of the call was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// The file cannot be opened, is locked too long, or the disk is full; the server cannot be reached or ended.
    #[error("the store is unavailable: {0}")]
    LocalUnavailable(String),
    /// The URL of a PostgreSQL server.
    #[error("the URL of PostgreSQL {0}")]
    LocalUrl(&'static str),
    /// A row does not read back as what was written, or was moved to another place.
    #[error("the store holds a malformed {0}")]
    LocalCorrupt(&'static str),
    /// Something with this name is there already.
    #[error("an entry with this name exists already")]
    LocalDuplicate,
    /// What shall be removed is still needed.
    #[error("{0} is in use")]
    LocalInUse(&'static str),
    /// Others wrote at the same time, again and again.
    #[error("the store is busy with others")]
    LocalContended,
    /// The store was sealed under another key.
    #[error("the store was made with another key")]
    LocalWrongKey,
}

/// What PostgreSQL says when it will not have two transactions beside each other: `serialization_failure` and
/// `deadlock_detected`.
const CONTENDED: [&str; 2] = ["40001", "40P01"];

impl From<sqlx::Error> for StoreFault {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if database.is_unique_violation() => {
                Self::LocalDuplicate
            }
            sqlx::Error::Database(database)
                if database
                    .code()
                    .is_some_and(|code| CONTENDED.contains(&code.as_ref())) =>
            {
                Self::LocalContended
            }
            sqlx::Error::RowNotFound => Self::LocalCorrupt("row"),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::LocalCorrupt("column")
            }
            _ => Self::LocalUnavailable(error.to_string()),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreFault {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::LocalUnavailable(format!("its tables cannot be brought up to date: {error}"))
    }
}

impl From<StoreFault> for roger_oidc::provider::StoreError {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::LocalCorrupt(what) => Self::LocalCorrupt(what),
            StoreFault::LocalDuplicate => Self::LocalDuplicate("an entry with this name"),
            other => Self::LocalUnavailable(other.to_string()),
        }
    }
}

impl From<StoreFault> for roger_kms::ports::StoreError {
    fn from(fault: StoreFault) -> Self {
        Self(fault.to_string())
    }
}

impl From<StoreFault> for roger_gms::RepositoryError {
    fn from(fault: StoreFault) -> Self {
        Self(fault.to_string())
    }
}

/// Seconds as the databases keep them.
pub(crate) fn seconds(time: roger_base::UnixTime) -> Result<i64, StoreFault> {
    i64::try_from(time.0).map_err(|_| StoreFault::LocalCorrupt("time"))
}

/// A time as the databases give it.
pub(crate) fn time(seconds: i64) -> Result<roger_base::UnixTime, StoreFault> {
    u64::try_from(seconds)
        .map(roger_base::UnixTime)
        .map_err(|_| StoreFault::LocalCorrupt("time"))
}

/// Thirty-two octets as the databases give them.
pub(crate) fn octets_32(octets: &[u8], what: &'static str) -> Result<[u8; 32], StoreFault> {
    octets
        .try_into()
        .map_err(|_| StoreFault::LocalCorrupt(what))
}
