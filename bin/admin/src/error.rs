//! Why a command did not do what it was asked.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a command did not do what it was asked, in words for the operator.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The configuration.
    #[error(transparent)]
    LocalConfig(#[from] Box<roger_config::ConfigError>),
    /// Keeper or audit log.
    #[error(transparent)]
    LocalPlug(#[from] roger_serve::plug::PlugError),
    /// The database or the servers' view of the configuration.
    #[error(transparent)]
    LocalServe(#[from] roger_serve::ServeError),
    /// The database.
    #[error(transparent)]
    LocalStore(#[from] roger_adapter_store::StoreFault),
    /// A file of secrets.
    #[error("{path}: {error}")]
    LocalSecret {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: roger_adapter_hsm::AtRestError,
    },
    /// A keeper.
    #[error(transparent)]
    LocalKeeper(#[from] roger_adapter_hsm::KeeperError),
    /// The audit log does not take the record, so nothing was done.
    #[error("not done, since the audit log does not take the record: {0}")]
    LocalNotRecorded(roger_adapter_audit::AuditFault),
    /// It was done, and the audit log does not say how it ended.
    #[error("done, but the audit log did not take the record of its end: {0}")]
    LocalEndNotRecorded(roger_adapter_audit::AuditFault),
    /// The audit log is not as it was written.
    #[error("audit log: {0}")]
    LocalAudit(#[from] roger_adapter_audit::AuditFault),
    /// A file.
    #[error("{path}: {error}")]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// A line of a CSV file.
    #[error("{path}, line {line}: {reason}")]
    LocalLine {
        /// The file.
        path: PathBuf,
        /// Its line.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The terminal.
    #[error("nobody could be asked: {0}")]
    LocalNotAsked(io::Error),
    /// Standard output.
    #[error("the answer could not be written: {0}")]
    LocalOutput(io::Error),
    /// What was asked cannot be.
    #[error("{0}")]
    LocalRefused(String),
}

impl AdminError {
    /// Something that was asked cannot be.
    pub(crate) fn refused(reason: impl core::fmt::Display) -> Self {
        Self::LocalRefused(reason.to_string())
    }

    /// For `map_err` on what happened to a file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::LocalFile { path, error }
    }

    /// For `map_err` on what happened to a file of secrets.
    pub(crate) fn secret(
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(roger_adapter_hsm::AtRestError) -> Self {
        let path = path.into();
        move |error| Self::LocalSecret { path, error }
    }
}

impl From<roger_oidc::provider::StoreError> for AdminError {
    fn from(error: roger_oidc::provider::StoreError) -> Self {
        Self::refused(error)
    }
}

impl From<roger_kms::ports::StoreError> for AdminError {
    fn from(error: roger_kms::ports::StoreError) -> Self {
        Self::refused(error)
    }
}

impl From<roger_base::RandomError> for AdminError {
    fn from(error: roger_base::RandomError) -> Self {
        Self::refused(error)
    }
}
