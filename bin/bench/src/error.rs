//! Why there is no measurement.

use crate::operation::Operation;
use roger_base::{IdentityError, RandomError};
use roger_fp1024::BackendUnavailable;
use std::io;
use thiserror::Error;

/// Why there is no measurement.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// Not the name of an operation.
    #[error("{0} is not an operation; there are {names}", names = names())]
    LocalOperation(String),
    /// The environment asks for a field backend that there is not.
    #[error(transparent)]
    LocalBackend(#[from] BackendUnavailable),
    /// No randomness.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
    /// An identity made for the measurement is none.
    #[error(transparent)]
    LocalIdentity(#[from] IdentityError),
    /// The system does not tell time, processors or memory.
    #[error("{what}: {error}")]
    LocalSystem {
        /// What was asked of it.
        what: &'static str,
        /// Its answer.
        error: io::Error,
    },
    /// An operation of ours failed or gave another result than it must.
    #[error("{operation} of Roger is wrong: {reason}")]
    LocalWrong {
        /// The operation.
        operation: &'static str,
        /// What failed.
        reason: String,
    },
    /// The peer's program cannot be built.
    #[error(
        "wolfSSL cannot be compared with: {0}\n  it needs a C compiler and the library's headers: \
         apt-get install gcc libc6-dev libwolfssl-dev"
    )]
    PeerMissing(String),
    /// The peer's process ended, or answered something that is no answer.
    #[error("wolfSSL's process failed: {0}")]
    PeerBroken(String),
    /// Both sides disagree: nothing that was measured is worth anything.
    #[error("{operation} of wolfSSL and Roger disagree: {reason}")]
    PeerDisagrees {
        /// The peer's operation.
        operation: &'static str,
        /// What is different.
        reason: String,
    },
}

impl BenchError {
    /// For `map_err` on what a library says of an operation of ours.
    pub(crate) fn wrong<E: ToString>(operation: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::LocalWrong {
            operation,
            reason: error.to_string(),
        }
    }

    pub(crate) fn system<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::LocalSystem {
            what,
            error: error.into(),
        }
    }
}

fn names() -> String {
    Operation::ALL.map(Operation::name).join(", ")
}
