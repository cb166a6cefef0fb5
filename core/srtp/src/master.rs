//! Master key and salt of one suite, as the key hierarchy derives them.

use crate::{SrtpError, Suite};
use roger_keys::srtp::HmacMasterKey;

/// A master key with the salt of its suite (RFC 3830 cl. 4.1.3, TS 33.180 cl. 7.4, 9.4).
///
/// `From` takes what `roger-keys` derives: `roger_keys::MasterKey` for GCM,
/// [`HmacMasterKey`] for AES-CM with HMAC-SHA1.
#[derive(Clone)]
#[non_exhaustive]
pub enum MasterKey {
    /// For [`Suite::AeadAes128Gcm`]: key of 16 octets, salt of 12.
    Gcm(roger_keys::MasterKey),
    /// For [`Suite::AesCm128HmacSha1Tag80`]: key of 16 octets, salt of 14.
    CounterMode(HmacMasterKey),
}

impl MasterKey {
    /// The suite the salt was derived for.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        match self {
            Self::Gcm(_) => Suite::AeadAes128Gcm,
            Self::CounterMode(_) => Suite::AesCm128HmacSha1Tag80,
        }
    }

    pub(crate) fn require(&self, wanted: Suite) -> Result<(), SrtpError> {
        if self.suite() == wanted {
            return Ok(());
        }
        let (wanted, given) = (wanted.salt_octets(), self.suite().salt_octets());
        Err(SrtpError::LocalSaltLength { wanted, given })
    }
}

impl From<roger_keys::MasterKey> for MasterKey {
    fn from(key: roger_keys::MasterKey) -> Self {
        Self::Gcm(key)
    }
}

impl From<HmacMasterKey> for MasterKey {
    fn from(key: HmacMasterKey) -> Self {
        Self::CounterMode(key)
    }
}
