//! Why the servers do not start.

use std::path::PathBuf;
use thiserror::Error;

/// Why the servers do not start, in words for the operator.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// There is no database.
    #[error("there is no database {}: `roger admin init` makes it", .0.display())]
    LocalNoDatabase(PathBuf),
    /// The database has no master secrets of this KMS.
    #[error(
        "the database has no master secrets of the KMS {0}: `roger admin kms create-master` makes them"
    )]
    LocalNoMaster(String),
    /// Nobody could log in.
    #[error("the database has no user: `roger admin user add` adds one")]
    LocalNoUser,
    /// A value of the configuration.
    #[error("{key}: {reason}")]
    LocalConfiguration {
        /// Its key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The database.
    #[error(transparent)]
    LocalStore(#[from] roger_adapter_store::StoreFault),
    /// The IdM server.
    #[error("IdM server: {0}")]
    LocalIdm(#[from] roger_idm::IdmError),
    /// Certificates.
    #[error(transparent)]
    LocalTls(#[from] roger_adapter_http::TlsFileError),
    /// The pre-issue of key sets.
    #[error("pre-issue: {0}")]
    LocalPreIssue(#[from] roger_kms::pre_issue::PreIssueError),
    /// A listener.
    #[error(transparent)]
    LocalServer(#[from] roger_adapter_http::ServerError),
    /// A part of the program failed.
    #[error("{0}")]
    LocalInternal(String),
}

impl ServeError {
    pub(crate) fn configuration(
        key: &'static str,
    ) -> impl FnOnce(Box<dyn core::error::Error>) -> Self {
        move |error| Self::LocalConfiguration {
            key,
            reason: error.to_string(),
        }
    }

    pub(crate) fn internal(error: impl core::fmt::Display) -> Self {
        Self::LocalInternal(error.to_string())
    }
}
