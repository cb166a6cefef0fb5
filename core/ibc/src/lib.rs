//! Identity-based cryptography: ECCSI (RFC 6507), SAKKE (RFC 6508), UID (TS 33.180 F.2.1).
//!
//! Two layers. [`eccsi`] and [`sakke`] are the primitives for octet-string identifiers; [`KmsDomain`],
//! [`UserKeySet`] and [`KmsMaster`] put them together the way an MC system uses them: the identifier is
//! always the [`uid::Uid`] of an identity, a KMS and a key period, and nothing is used before it was checked.
//!
//! | secret | type | made by | leaves the KMS |
//! |---|---|---|---|
//! | KSAK | [`eccsi::KmsSecretAuthKey`] | KMS | never |
//! | z_T | [`sakke::KmsSecretEncKey`] | KMS | never |
//! | SSK | `Secret<32>`, checked [`eccsi::SigningKey`] | KMS | to its user |
//! | RSK | `Secret<257>`, checked [`sakke::ReceiverSecretKey`] | KMS | to its user |
//!
//! Everything done with r, the shared secret, z_T, KSAK, SSK, RSK, j and v takes the same time and touches the
//! same memory whatever their values are. Identifiers, public keys, signatures and points R are public.

mod domain;
pub mod eccsi;
mod error;
mod hash;
mod kms_master;
pub mod sakke;
pub mod uid;
mod user_keys;

pub use domain::KmsDomain;
pub use error::{DecapsulationError, KeyError, PointError, SecretRangeError, SignatureError};
pub use kms_master::KmsMaster;
pub use user_keys::{IssuedKeys, UserKeySet};
