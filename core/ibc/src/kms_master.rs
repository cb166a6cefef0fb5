//! The master secrets of one KMS domain.

use crate::domain::KmsDomain;
use crate::eccsi::KmsSecretAuthKey;
use crate::error::SecretRangeError;
use crate::sakke::{KmsSecretEncKey, MASTER_SECRET_OCTETS};
use crate::uid::KeyPeriod;
use crate::user_keys::IssuedKeys;
use roger_base::{KmsUri, Random, RandomError, Secret};

/// KSAK and z_T, independent of each other, behind the one question a KMS answers: the keys of an identity in a
/// key period (RFC 6507 cl. 5.1.1, RFC 6508 cl. 6.1.1).
#[derive(Clone)]
pub struct KmsMaster {
    auth: KmsSecretAuthKey,
    enc: KmsSecretEncKey,
    domain: KmsDomain,
}

impl KmsMaster {
    /// Draws both master secrets.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn generate(
        kms_uri: KmsUri,
        key_period: KeyPeriod,
        random: &mut dyn Random,
    ) -> Result<Self, RandomError> {
        let auth = KmsSecretAuthKey::generate(random)?;
        let enc = KmsSecretEncKey::generate(random)?;
        Ok(Self::new(kms_uri, key_period, auth, enc))
    }

    /// Takes the stored master secrets, KSAK of 32 and z_T of 128 octets, big endian.
    ///
    /// # Errors
    /// [`SecretRangeError`] when one is out of range.
    pub fn from_secrets(
        kms_uri: KmsUri,
        key_period: KeyPeriod,
        ksak: &Secret<32>,
        z_t: &Secret<MASTER_SECRET_OCTETS>,
    ) -> Result<Self, SecretRangeError> {
        let auth = KmsSecretAuthKey::from_secret(ksak)?;
        let enc = KmsSecretEncKey::from_secret(z_t)?;
        Ok(Self::new(kms_uri, key_period, auth, enc))
    }

    fn new(
        kms_uri: KmsUri,
        key_period: KeyPeriod,
        auth: KmsSecretAuthKey,
        enc: KmsSecretEncKey,
    ) -> Self {
        let domain = KmsDomain {
            kms_uri,
            key_period,
            auth: auth.public().clone(),
            enc: enc.public().clone(),
        };
        Self { auth, enc, domain }
    }

    /// KSAK and z_T, for the KMS's own protected store.
    #[must_use]
    pub fn to_secrets(&self) -> (Secret<32>, Secret<MASTER_SECRET_OCTETS>) {
        (self.auth.to_secret(), self.enc.to_secret())
    }

    /// The public parameters, for the KMS certificate.
    #[must_use]
    pub const fn domain(&self) -> &KmsDomain {
        &self.domain
    }

    /// Issues the keys of an identity in a key period; every call draws a fresh v and keeps nothing.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails, or when the identity's UID is the negative of z_T, which has no chance.
    pub fn issue(
        &self,
        identity: &str,
        period_number: u64,
        random: &mut dyn Random,
    ) -> Result<IssuedKeys, RandomError> {
        let uid = self.domain.uid_of(identity, period_number);
        let (ssk, pvt) = self.auth.issue(uid.as_octets(), random)?;
        let rsk = self.enc.issue(uid.as_octets()).map_err(|_| RandomError)?;
        Ok(IssuedKeys {
            identity: identity.to_owned(),
            period_number,
            uid,
            ssk,
            pvt: pvt.as_octets().to_vec(),
            rsk,
        })
    }
}
