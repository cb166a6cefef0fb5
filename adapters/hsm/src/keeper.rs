//! The port: somebody who wraps 32 octets.

use crate::fault::KeeperError;
use core::fmt;
use roger_base::Secret;

/// Longest wrapped key with what its keeper notes beside it, in octets.
pub(crate) const LONGEST_WRAPPED: usize = 512;

/// How a content key is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum KeeperKind {
    /// argon2id of a passphrase, AES-256-GCM.
    Passphrase = 1,
    /// A token's AES key, `CKM_AES_GCM`.
    TokenGcm = 2,
    /// A token's AES key, `CKM_AES_KEY_WRAP_PAD` (RFC 5649).
    TokenKeyWrapPad = 3,
}

impl KeeperKind {
    pub(crate) const fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::Passphrase),
            2 => Some(Self::TokenGcm),
            3 => Some(Self::TokenKeyWrapPad),
            _ => None,
        }
    }
}

impl fmt::Display for KeeperKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase => "a passphrase",
            Self::TokenGcm => "a PKCS#11 token (AES-GCM)",
            Self::TokenKeyWrapPad => "a PKCS#11 token (AES key wrap with padding)",
        })
    }
}

/// A wrapped content key: not secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    pub(crate) kind: KeeperKind,
    /// What the keeper wrote, at most [`LONGEST_WRAPPED`] octets; each keeper documents its own layout.
    pub(crate) octets: Vec<u8>,
}

impl WrappedKey {
    /// Who can open it.
    #[must_use]
    pub const fn kind(&self) -> KeeperKind {
        self.kind
    }
}

/// Wraps and unwraps content keys. `place` is authenticated along: a key wrapped for one place opens in no other.
pub trait SecretKeeper {
    /// Wraps a key.
    ///
    /// # Errors
    /// [`KeeperError`].
    fn wrap(&self, key: &Secret<32>, place: &[u8]) -> Result<WrappedKey, KeeperError>;

    /// Unwraps a key.
    ///
    /// # Errors
    /// [`KeeperError`].
    fn unwrap(&self, wrapped: &WrappedKey, place: &[u8]) -> Result<Secret<32>, KeeperError>;
}
