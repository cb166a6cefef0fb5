//! AES-128 as a block function and as GCM and SRTP counters need it.

use aws_lc_rs::cipher::{AES_128, EncryptingKey, UnboundCipherKey};
use roger_base::Secret;

/// Octets of a block.
pub(crate) const BLOCK: usize = 16;

/// Encrypts whole blocks in place, each for itself.
///
/// Fails only when the library refuses, which for a 16-octet key and whole blocks means it is broken.
pub(crate) fn encrypt_blocks(key: &Secret<16>, blocks: &mut [u8]) -> Result<(), CipherError> {
    let key = UnboundCipherKey::new(&AES_128, key.expose()).map_err(|_| CipherError)?;
    let key = EncryptingKey::ecb(key).map_err(|_| CipherError)?;
    key.encrypt(blocks).map_err(|_| CipherError)?;
    Ok(())
}

/// The cryptographic library refused to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the AES implementation failed")]
pub struct CipherError;
