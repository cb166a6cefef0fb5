//! The master secrets of one KMS domain.

use crate::domain::KmsDomain;
use crate::eccsi::{KmsSecretAuthKey, Pvt, SigningKey};
use crate::error::{KeyError, SecretRangeError};
use crate::sakke::{KmsSecretEncKey, MASTER_SECRET_OCTETS, POINT_OCTETS};
use crate::uid::KeyPeriod;
use crate::user_keys::IssuedKeys;
use roger_base::{KmsUri, Random, RandomError, Secret};
use thiserror::Error;

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

    /// Issues the keys of an identity in a key period: the same ones at every call and on every KMS that has these
    /// master secrets, so that nothing issued has to be kept.
    ///
    /// They have passed [`Self::confirm`] before they are returned.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue(&self, identity: &str, period_number: u64) -> Result<IssuedKeys, IssueError> {
        let uid = self.domain.uid_of(identity, period_number);
        let (ssk, pvt) = self.auth.issue_derived(uid.as_octets())?;
        let rsk = self.enc.issue(uid.as_octets())?;
        let issued = IssuedKeys {
            identity: identity.to_owned(),
            period_number,
            uid,
            ssk,
            pvt: pvt.as_octets().to_vec(),
            rsk,
        };
        self.confirm(core::slice::from_ref(&issued))?;
        Ok(issued)
    }

    /// The keys of many identities in one key period, in their order, several times as fast as one by one.
    ///
    /// # Errors
    /// [`IssueError`] when one of them cannot be issued; then none is.
    pub fn issue_batch(
        &self,
        identities: &[&str],
        period_number: u64,
    ) -> Result<Vec<IssuedKeys>, IssueError> {
        let uids: Vec<_> = identities
            .iter()
            .map(|identity| self.domain.uid_of(identity, period_number))
            .collect();
        let ids: Vec<&[u8]> = uids.iter().map(AsRef::as_ref).collect();
        let pairs = self.auth.issue_derived_batch(&ids)?;
        let rsks = self.enc.issue_batch(&ids);
        let mut issued = Vec::with_capacity(identities.len());
        for (((identity, uid), (ssk, pvt)), rsk) in
            identities.iter().zip(&uids).zip(pairs).zip(rsks)
        {
            issued.push(IssuedKeys {
                identity: (*identity).to_owned(),
                period_number,
                uid: *uid,
                ssk,
                pvt: pvt.as_octets().to_vec(),
                rsk: rsk?,
            });
        }
        self.confirm(&issued)?;
        Ok(issued)
    }

    /// Makes every check that users will make of their key sets, before anything leaves the KMS (RFC 6507 cl. 5.1.2,
    /// RFC 6508 cl. 6.1.2): the UID is computed again, [SSK]G = KPAK + [HS]PVT, and the RSK is [1/(a + z_T)]P.
    ///
    /// A user needs a pairing for the last; who has z_T checks all RSKs together without one
    /// ([`KmsSecretEncKey::confirm_batch`]).
    ///
    /// # Errors
    /// [`IssueError::LocalKeys`] when one of them is wrong.
    pub fn confirm(&self, issued: &[IssuedKeys]) -> Result<(), IssueError> {
        for keys in issued {
            let uid = self.domain.uid_of(&keys.identity, keys.period_number);
            if uid != keys.uid {
                return Err(KeyError::UidMismatch.into());
            }
            let pvt = Pvt::from_octets(&keys.pvt).map_err(KeyError::Pvt)?;
            SigningKey::validate(&self.domain.auth, uid.as_octets(), &keys.ssk, &pvt)?;
        }
        let rsks: Vec<(&[u8], &Secret<POINT_OCTETS>)> = issued
            .iter()
            .map(|keys| (keys.uid.as_ref(), &keys.rsk))
            .collect();
        Ok(self.enc.confirm_batch(&rsks)?)
    }
}

/// Why a KMS cannot issue keys. Nothing of the request can change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// These master secrets cannot serve this UID (a + z_T = 0), which has no chance.
    #[error("the master secrets cannot serve this identity")]
    LocalMaster(#[from] SecretRangeError),
    /// What was computed does not pass its checks: the machine computes wrongly. Nothing may be released.
    #[error("issued keys do not pass their checks: {0}")]
    LocalKeys(#[from] KeyError),
}
