//! Identifiers, secrets, time and randomness that every ring shares.
//!
//! Nothing here knows a protocol. A core crate receives time as [`Instant`] or
//! [`UnixTime`] and randomness as [`Random`]; it never asks the machine for either.

mod identity;
mod key_id;
mod random;
mod secret;
mod time;
mod wire_tap;

pub use identity::{ClientId, GroupId, IdentityError, Impu, KmsUri, McpttId, Mdsi, ServerUri};
pub use key_id::{KeyId, KeyIdError, PurposeTag};
pub use random::{Random, RandomError};
pub use secret::{Secret, SecretBytes, SecretLengthError};
pub use time::{Instant, NtpTime, UnixTime};
pub use wire_tap::{Packet, Transport, WireTap};
