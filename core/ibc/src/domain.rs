//! The public parameters of one KMS.

use crate::eccsi::KmsPublicAuthKey;
use crate::sakke::KmsPublicEncKey;
use crate::uid::{KeyPeriod, Uid, uid};
use roger_base::KmsUri;

/// What a KMS certificate says that cryptography needs (TS 33.180 Annex D).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsDomain {
    /// `KmsUri`, hashed into every UID.
    pub kms_uri: KmsUri,
    /// `UserKeyPeriod` and `UserKeyOffset`.
    pub key_period: KeyPeriod,
    /// `PubAuthKey`, KPAK.
    pub auth: KmsPublicAuthKey,
    /// `PubEncKey`, Z_T.
    pub enc: KmsPublicEncKey,
}

impl KmsDomain {
    /// The UID of an identity of this domain in a key period (TS 33.180 cl. F.2.1).
    #[must_use]
    pub fn uid_of(&self, identity: &str, number: u64) -> Uid {
        uid(identity, &self.kms_uri, self.key_period, number)
    }
}
