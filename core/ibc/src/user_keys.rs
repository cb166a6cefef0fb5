//! The key set of one identity in one key period.

use crate::domain::KmsDomain;
use crate::eccsi::{Pvt, SigningKey};
use crate::error::KeyError;
use crate::sakke::{POINT_OCTETS, ReceiverSecretKey};
use crate::uid::Uid;
use roger_base::Secret;

/// Key material as a KMS sends it, unchecked (TS 33.180 Annex D, `KmsKeySet`).
#[derive(Clone)]
pub struct IssuedKeys {
    /// `UserUri`.
    pub identity: String,
    /// `KeyPeriodNo`.
    pub period_number: u64,
    /// `UserID` as the KMS states it.
    pub uid: Uid,
    /// `UserSigningKeySSK`, 32 octets.
    pub ssk: Secret<32>,
    /// `UserPubTokenPVT`, 65 octets.
    pub pvt: Vec<u8>,
    /// `UserDecryptKey`, the RSK, 257 octets.
    pub rsk: Secret<POINT_OCTETS>,
}

/// A checked key set; the only way to one is [`UserKeySet::validate`].
#[derive(Clone)]
pub struct UserKeySet {
    /// The identity, octet by octet as provisioned.
    pub identity: String,
    /// The KMS that issued the keys.
    pub domain: KmsDomain,
    /// The key period the keys are for.
    pub period_number: u64,
    /// The UID, computed here.
    pub uid: Uid,
    /// Signs for the identity.
    pub signing: SigningKey,
    /// Opens what is encapsulated to the identity.
    pub receiver: ReceiverSecretKey,
}

impl UserKeySet {
    /// Makes every check a user owes (RFC 6507 cl. 5.1.2, RFC 6508 cl. 6.1.2) under the UID computed from the
    /// identity, the certificate and the period number.
    ///
    /// # Errors
    /// [`KeyError`] naming the part that fails; the whole set must then be discarded.
    pub fn validate(domain: &KmsDomain, keys: &IssuedKeys) -> Result<Self, KeyError> {
        let uid = domain.uid_of(&keys.identity, keys.period_number);
        if uid != keys.uid {
            return Err(KeyError::UidMismatch);
        }
        let pvt = Pvt::from_octets(&keys.pvt).map_err(KeyError::Pvt)?;
        Ok(Self {
            identity: keys.identity.clone(),
            period_number: keys.period_number,
            uid,
            signing: SigningKey::validate(&domain.auth, uid.as_octets(), &keys.ssk, &pvt)?,
            receiver: ReceiverSecretKey::validate(&domain.enc, uid.as_octets(), &keys.rsk)?,
            domain: domain.clone(),
        })
    }

    /// The keys as they were issued, for the user's own protected store.
    #[must_use]
    pub fn to_issued(&self) -> IssuedKeys {
        IssuedKeys {
            identity: self.identity.clone(),
            period_number: self.period_number,
            uid: self.uid,
            ssk: self.signing.to_secret(),
            pvt: self.signing.pvt().as_octets().to_vec(),
            rsk: self.receiver.to_secret(),
        }
    }
}
