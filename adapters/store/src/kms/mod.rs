//! The ports of the KMS, and its master secrets.

mod account;
mod bulk;
mod certificate;
mod pre_issued;
mod repository;
mod roots;

pub(crate) use repository::ACCOUNTS_OF_A_USER;
pub use repository::KmsStore;
pub use roots::StoredRoot;

/// Octets of KSAK.
const KSAK: usize = 32;
/// Octets of z_T.
const Z: usize = 128;
