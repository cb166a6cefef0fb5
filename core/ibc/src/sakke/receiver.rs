//! The receiver's side of SAKKE.

use super::encapsulation::{EncapsulatedData, mask};
use super::generator::{PAIRING_OF_GENERATOR, POWERS};
use super::pairing::{pairing, pairing_with_torsion};
use super::point::{Affine, POINT_OCTETS};
use super::prepared::PreparedPoint;
use super::public_key::KmsPublicEncKey;
use super::quotient::Quotient;
use super::recoding::OddDigits;
use super::scalar::Scalar;
use crate::error::{DecapsulationError, KeyError, PointError};
use roger_base::{Secret, SecretBytes};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// A checked RSK with what decapsulation needs besides; the only thing that can decapsulate. Copies share it.
///
/// From the second decapsulation on it works with functions made of the RSK beforehand, which takes several times the
/// time of one decapsulation and [`Self::prepared_octets`] of memory; a key that opens a single message needs neither.
#[derive(Clone)]
pub struct ReceiverSecretKey(Arc<Receiver>);

struct Receiver {
    /// K_(a,T), secret.
    key: Affine,
    id: Box<[u8]>,
    /// Whether the key has been used.
    used: AtomicBool,
    prepared: OnceLock<PreparedPoint>,
}

impl Drop for Receiver {
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
        Ok(Self(Arc::new(Receiver {
            key: *key,
            id: id.into(),
            used: AtomicBool::new(false),
            prepared: OnceLock::new(),
        })))
    }

    /// Makes what the second decapsulation would make, now.
    pub fn prepare(&self) {
        self.0.prepared();
    }

    /// Octets of what is made of an RSK beforehand.
    #[must_use]
    pub const fn prepared_octets() -> usize {
        PreparedPoint::OCTETS
    }

    /// The RSK, 257 octets, for the user's own protected store.
    #[must_use]
    pub fn to_secret(&self) -> Secret<POINT_OCTETS> {
        Secret::new(self.0.key.to_octets())
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
    /// What the TEST of step 5 decides is always decided; it is what keeps a chosen R from telling anything about the RSK.
    ///
    /// # Errors
    /// [`DecapsulationError`], the same whatever is wrong.
    pub fn decapsulate_octets(
        &self,
        data: &EncapsulatedData,
    ) -> Result<SecretBytes, DecapsulationError> {
        let used_before = self.0.used.swap(true, Ordering::Relaxed);
        if used_before || self.0.prepared.get().is_some() {
            return self
                .0
                .open(data, |r| self.0.prepared().pairing_with_torsion(r));
        }
        self.decapsulate_unprepared(data)
    }

    /// Opens the encapsulated data as the first decapsulation does, whether or not there is something prepared.
    ///
    /// # Errors
    /// [`DecapsulationError`], the same whatever is wrong.
    pub fn decapsulate_unprepared(
        &self,
        data: &EncapsulatedData,
    ) -> Result<SecretBytes, DecapsulationError> {
        self.0.open(data, |r| pairing_with_torsion(r, &self.0.key))
    }
}

impl Receiver {
    fn prepared(&self) -> &PreparedPoint {
        self.prepared.get_or_init(|| PreparedPoint::new(&self.key))
    }

    /// RFC 6508 cl. 6.2.2, given how to pair R with the RSK so that the value is a power of g only when R has order q.
    ///
    /// With that the TEST of step 5, R = [r]([b]P + Z_T), is the same as w = g^r: the `torsion` module has the proof.
    fn open(
        &self,
        data: &EncapsulatedData,
        pairing: impl FnOnce(&Affine) -> Quotient,
    ) -> Result<SecretBytes, DecapsulationError> {
        let (r_octets, h) = data.parts()?;
        let point = Affine::from_octets(r_octets).map_err(|_| DecapsulationError)?;
        let value = Zeroizing::new(pairing(&point));
        let w = Zeroizing::new(value.ratio());
        let mut ssv = mask(&w, h.len());
        for (octet, masked) in ssv.iter_mut().zip(h) {
            *octet ^= masked;
        }
        let r = Scalar::from_hash(&[&ssv, &self.id]);
        let expected = Zeroizing::new(POWERS.power(&OddDigits::of(&r)));
        if !bool::from(value.is_power(&expected)) {
            return Err(DecapsulationError);
        }
        Ok(SecretBytes::new(core::mem::take(&mut *ssv)))
    }
}
