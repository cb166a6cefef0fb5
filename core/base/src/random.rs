//! Randomness, handed in by the rim.

use thiserror::Error;

/// The source of randomness failed; nothing that needs a key may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the system's source of randomness failed")]
pub struct RandomError;

/// A cryptographic source of randomness.
///
/// The rim implements it over the operating system, the test kit over a seed.
pub trait Random: Send {
    /// Fills the whole buffer.
    ///
    /// # Errors
    /// [`RandomError`] when no randomness can be had; the buffer must then not be used.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError>;
}
