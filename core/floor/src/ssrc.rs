//! Synchronisation source numbers.

use core::fmt;

/// A 32-bit SSRC (RFC 3550): of a floor participant or server in a message header, of a talker's audio in the
/// field of that name (TS 24.380 cl. 8.1.2, 8.2.3.16). Prints as eight upper-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Ssrc(pub u32);

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}
