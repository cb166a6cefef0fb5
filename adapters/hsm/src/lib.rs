//! Secrets of the KMS at rest: never in clear (design: master secrets are wrapped by a token or by a passphrase).
//!
//! ```text
//! keeper (PKCS#11 token, or passphrase)      what can be lost, stolen or renewed
//!    wraps   a content key, drawn for each file
//!       seals   the key of the store, or a backup of KSAK and z_T with their KMS URI
//! ```
//! A [`SecretKeeper`] wraps and unwraps 32 octets and knows nothing else. Files ([`operations`]) are replaced whole,
//! readable by their owner only, and name in clear who can open them. Renewing a passphrase or the token's key
//! rewrites the small file, never the database.
//!
//! No token computes SAKKE or ECCSI with our parameters: while the KMS runs, its process holds the master secrets in
//! memory. What this crate protects is the disk, its copies and its backups.

mod disk;
mod fault;
mod keeper;
pub mod operations;
mod passphrase;
mod sealed_file;
mod token;

pub use disk::FileFault;
pub use fault::{AtRestError, KeeperError};
pub use keeper::{KeeperKind, SecretKeeper, WrappedKey};
pub use operations::{CheckValue, KmsMasters};
pub use passphrase::{Cost, PassphraseKeeper};
pub use sealed_file::{Content, SealedFile};
pub use token::{Pin, TokenAddress, TokenKeeper};
