//! AES-128 as a block function and as GCM and SRTP counters need it.

use aws_lc_rs::cipher::{AES_128, EncryptingKey, UnboundCipherKey};
use roger_base::Secret;

/// Octets of a block.
pub(crate) const BLOCK: usize = 16;

/// AES-128 under one key.
pub(crate) struct Aes(EncryptingKey);

impl Aes {
    /// Expands the key; fails only when the library is broken.
    pub(crate) fn new(key: &Secret<16>) -> Result<Self, CipherError> {
        let key = UnboundCipherKey::new(&AES_128, key.expose()).map_err(|_| CipherError)?;
        EncryptingKey::ecb(key).map(Self).map_err(|_| CipherError)
    }

    /// Encrypts whole blocks in place, each for itself; fails only when the library is broken.
    pub(crate) fn encrypt(&self, blocks: &mut [u8]) -> Result<(), CipherError> {
        self.0.encrypt(blocks).map_err(|_| CipherError)?;
        Ok(())
    }
}

/// [`Aes::encrypt`] for a key that is used once.
pub(crate) fn encrypt_blocks(key: &Secret<16>, blocks: &mut [u8]) -> Result<(), CipherError> {
    Aes::new(key)?.encrypt(blocks)
}

/// The cryptographic library refused to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the AES implementation failed")]
pub struct CipherError;
