//! The signer's side of ECCSI.

use super::group::{Point, Scalar};
use super::{KmsPublicAuthKey, Pvt, Signature, hash_of_identity, hash_of_message};
use crate::error::KeyError;
use roger_base::{Random, RandomError, Secret};

/// Draws of j that may give an unusable signature one after the other; the first already has no chance.
const MAX_DRAWS: usize = 8;

/// A checked SSK with its PVT and the cached HS; the only thing that can sign.
#[derive(Clone)]
pub struct SigningKey {
    ssk: Scalar,
    pvt: Pvt,
    hs: [u8; 32],
}

impl SigningKey {
    /// Checks a received SSK and PVT: 0 < SSK < q and [SSK]G = KPAK + [HS]PVT (RFC 6507 cl. 5.1.2).
    ///
    /// # Errors
    /// [`KeyError`]; the key set must then be discarded.
    pub fn validate(
        kpak: &KmsPublicAuthKey,
        id: &[u8],
        ssk: &Secret<32>,
        pvt: &Pvt,
    ) -> Result<Self, KeyError> {
        let ssk = Scalar::from_octets(ssk.expose()).map_err(KeyError::Ssk)?;
        let hs = hash_of_identity(kpak, id, pvt);
        let public = kpak
            .point
            .add_multiple_vartime(&Scalar::reduce(&hs), &pvt.point);
        let own = Point::multiply_generator(&ssk);
        if own.is_none() || own != public {
            return Err(KeyError::SigningKeyMismatch);
        }
        Ok(Self {
            ssk,
            pvt: pvt.clone(),
            hs,
        })
    }

    /// The PVT that every signature of this key carries.
    #[must_use]
    pub const fn pvt(&self) -> &Pvt {
        &self.pvt
    }

    /// The SSK, 32 octets big endian, for the user's own protected store.
    #[must_use]
    pub fn to_secret(&self) -> Secret<32> {
        Secret::new(self.ssk.to_octets())
    }

    /// Signs a message with a fresh j (RFC 6507 cl. 5.2.1).
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn sign(&self, message: &[u8], random: &mut dyn Random) -> Result<Signature, RandomError> {
        for _ in 0..MAX_DRAWS {
            if let Some(signature) = self.sign_with(message, &Scalar::random(random)?) {
                return Ok(signature);
            }
        }
        Err(RandomError)
    }

    /// Steps 2 to 7; `None` asks for another j. s has 32 octets at most, since q has: s = s'.
    fn sign_with(&self, message: &[u8], j: &Scalar) -> Option<Signature> {
        let r = Point::multiply_generator(j)?.x();
        let he = Scalar::reduce(&hash_of_message(&self.hs, &r, message));
        let t = he.add(&Scalar::reduce(&r).multiply(&self.ssk));
        let s = t.invert().multiply(j);
        // t = 0 gives s = 0; r = 0 would be refused by every verifier.
        let unusable = bool::from(s.is_zero()) || r == [0; 32];
        (!unusable).then(|| Signature::new(&r, &s.to_octets(), &self.pvt))
    }

    /// [`Self::sign`] with j given, for test vectors.
    #[cfg(test)]
    pub(super) fn sign_with_octets(&self, message: &[u8], j: &[u8; 32]) -> Signature {
        self.sign_with(message, &Scalar::from_octets(j).unwrap())
            .unwrap()
    }
}
