//! The receiver's side of SAKKE.

use super::encapsulation::{EncapsulatedData, mask};
use super::generator::PAIRING_OF_GENERATOR;
use super::pairing::pairing;
use super::point::{Affine, POINT_OCTETS};
use super::public_key::{KmsPublicEncKey, Multiplier};
use super::scalar::Scalar;
use crate::error::{DecapsulationError, KeyError, PointError};
use roger_base::{Secret, SecretBytes};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// A checked RSK with what decapsulation needs besides; the only thing that can decapsulate.
#[derive(Clone)]
pub struct ReceiverSecretKey {
    /// K_(a,T), secret.
    key: Affine,
    id: Box<[u8]>,
    /// For the TEST.
    kms: KmsPublicEncKey,
}

impl Drop for ReceiverSecretKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl ReceiverSecretKey {
    /// Checks a received RSK: on the curve, of order q, and <[a]P + Z_T, K> = g (RFC 6508 cl. 6.1.2).
    ///
    /// # Errors
    /// [`KeyError`]; the key set must then be discarded.
    pub fn validate(
        kms: &KmsPublicEncKey,
        id: &[u8],
        rsk: &Secret<POINT_OCTETS>,
    ) -> Result<Self, KeyError> {
        let key = Affine::from_octets(rsk.expose()).map_err(KeyError::Rsk)?;
        let key = Zeroizing::new(key);
        let point = kms.point_of_identifier(id);
        // The pairing is symmetric; with K in front the loop checks the order of K as well.
        let result = pairing(&key, &point);
        if !bool::from(result.order_of_first) {
            return Err(KeyError::Rsk(PointError::WrongOrder));
        }
        let matches = result.value.ratio().ct_eq(&PAIRING_OF_GENERATOR);
        if !bool::from(matches) {
            return Err(KeyError::ReceiverKeyMismatch);
        }
        Ok(Self {
            key: *key,
            id: id.into(),
            kms: kms.clone(),
        })
    }

    /// The RSK, 257 octets, for the user's own protected store.
    #[must_use]
    pub fn to_secret(&self) -> Secret<POINT_OCTETS> {
        Secret::new(self.key.to_octets())
    }

    /// Opens the encapsulated data of a 16-octet secret (RFC 6508 cl. 6.2.2).
    ///
    /// # Errors
    /// [`DecapsulationError`], the same whatever is wrong.
    pub fn decapsulate(&self, data: &EncapsulatedData) -> Result<Secret<16>, DecapsulationError> {
        let secret = self.decapsulate_octets(data)?;
        Secret::try_from(secret.expose()).map_err(|_| DecapsulationError)
    }

    /// Opens the encapsulated data of a secret of any length.
    ///
    /// The TEST of step 5 is always made; it is what keeps a chosen R from telling anything about the RSK.
    ///
    /// # Errors
    /// [`DecapsulationError`], the same whatever is wrong.
    pub fn decapsulate_octets(
        &self,
        data: &EncapsulatedData,
    ) -> Result<SecretBytes, DecapsulationError> {
        let (r_octets, h) = data.parts()?;
        let point = Affine::from_octets(r_octets).map_err(|_| DecapsulationError)?;
        let w = Zeroizing::new(pairing(&point, &self.key).value);
        let w = Zeroizing::new(w.ratio());
        let mut ssv = mask(&w, h.len());
        for (octet, masked) in ssv.iter_mut().zip(h) {
            *octet ^= masked;
        }
        let r = Scalar::from_hash(&[&ssv, &self.id]);
        let test = Zeroizing::new(Multiplier::new(&r, &self.id).point(&self.kms));
        if !bool::from(test.is(&point)) {
            return Err(DecapsulationError);
        }
        Ok(SecretBytes::new(core::mem::take(&mut *ssv)))
    }
}
