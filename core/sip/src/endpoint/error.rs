//! Errors of an endpoint.

use crate::message::{BuildError, ParseError};
use roger_base::RandomError;
use thiserror::Error;

/// Why an input or a call of the user was not carried out. None of them leaves a half-made state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The peer sent octets that are no message; they were dropped.
    #[error("dropped: {0}")]
    PeerUnreadable(#[from] ParseError),
    /// The peer sent a request that breaks the rules; it was answered unless it was an ACK.
    #[error("refused with {status}: {reason}")]
    PeerInvalid {
        /// The answer.
        status: u16,
        /// What is wrong.
        reason: String,
    },
    /// The peer sent a response that belongs to no request of ours; it was dropped.
    #[error("a response that belongs to no request was dropped")]
    PeerStrayResponse,
    /// A table is full; a request was answered 503.
    #[error("too many {0}")]
    LocalFull(&'static str),
    /// The transaction, dialog or request is gone, or does not allow this any more.
    #[error("{0}")]
    LocalState(&'static str),
    /// No address for this transport, or the next hop cannot be resolved.
    #[error("no way to {0}")]
    LocalNoRoute(String),
    /// The user's message cannot be built.
    #[error("{0}")]
    LocalBuild(#[from] BuildError),
    /// The source of randomness failed.
    #[error("{0}")]
    LocalRandom(#[from] RandomError),
}
