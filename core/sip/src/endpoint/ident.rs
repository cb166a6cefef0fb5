//! Fresh tokens: branches, tags, Call-IDs, entity tags (RFC 3261 19.3: at least 32 bits of randomness).

use roger_base::{Random, RandomError};

/// The prefix that says that a branch is unique (RFC 3261 8.1.1.7).
pub(crate) const MAGIC: &str = "z9hG4bK";

/// Sixteen hex digits, 64 random bits.
pub(crate) fn fresh(random: &mut dyn Random) -> Result<String, RandomError> {
    let mut octets = [0; 8];
    random.fill(&mut octets)?;
    Ok(format!("{:016x}", u64::from_be_bytes(octets)))
}

/// A fresh branch.
pub(crate) fn branch(random: &mut dyn Random) -> Result<String, RandomError> {
    Ok(format!("{MAGIC}{}", fresh(random)?))
}

/// A fresh tag for From or To.
///
/// # Errors
/// [`RandomError`].
pub fn tag(random: &mut dyn Random) -> Result<String, RandomError> {
    fresh(random)
}

/// A fresh Call-ID of 128 random bits, without a host: it shows nothing about the machine.
///
/// # Errors
/// [`RandomError`].
pub fn call_id(random: &mut dyn Random) -> Result<String, RandomError> {
    Ok(format!("{}{}", fresh(random)?, fresh(random)?))
}
