//! **Where the secret keeper and the audit log are plugged in.** [`plug_in`] is the only function that knows which
//! adapters there are; without them nothing is served.

use roger_config::Config;
use roger_serve::Plugged;
use thiserror::Error;

/// Why the servers cannot have what they need from other adapters.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(super) enum PlugError {
    /// The adapters of `[secrets]` and `[audit]` are not part of this program.
    #[error(
        "this build of roger has neither a keeper for [secrets] nor a log for [audit], and serves nothing without them"
    )]
    LocalNotBuiltIn,
}

/// The store key from the keeper of `[secrets]`, and the log of `[audit]`.
///
/// # Errors
/// [`PlugError`] when one of them cannot be had.
pub(super) fn plug_in(_: &Config) -> Result<Plugged, PlugError> {
    Err(PlugError::LocalNotBuiltIn)
}
