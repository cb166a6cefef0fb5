//! JSON Web Signature in compact form and JSON Web Keys, for the three algorithms of the profile.
//!
//! The allow-list is the type [`Algorithm`]: nothing else can be expressed, so `none` and the HMAC family are
//! refused before any key is looked at (TS 33.180 B.2, RFC 8725 3.1).

mod algorithm;
mod jwk;
mod jws;
mod signing_key;

pub use algorithm::Algorithm;
pub use jwk::{Jwk, JwkSet, KeyError, MAX_JWKS_OCTETS};
pub use jws::{CompactJws, JwsError};
pub use signing_key::SigningKey;
