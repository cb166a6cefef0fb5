//! The KMS side of ECCSI.

use super::derived::DerivedNumbers;
use super::group::{Point, Scalar};
use super::{KmsPublicAuthKey, Pvt, hash_of_identity};
use crate::error::SecretRangeError;
use roger_base::{Random, RandomError, Secret};

/// Draws of v that may give SSK = 0 or HS = 0 one after the other; the first already has no chance.
const MAX_DRAWS: u8 = 8;

/// KSAK, the KMS secret authentication key, and its KPAK (RFC 6507 cl. 4.2). Never leaves the KMS.
#[derive(Clone)]
pub struct KmsSecretAuthKey {
    secret: Scalar,
    public: KmsPublicAuthKey,
    derived: DerivedNumbers,
}

impl KmsSecretAuthKey {
    /// Draws a KSAK, uniform in [1, q-1].
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn generate(random: &mut dyn Random) -> Result<Self, RandomError> {
        Self::new(Scalar::random(random)?).map_err(|_| RandomError)
    }

    /// Takes a stored KSAK, 32 octets big endian.
    ///
    /// # Errors
    /// [`SecretRangeError`] when it is zero or not below q.
    pub fn from_secret(ksak: &Secret<32>) -> Result<Self, SecretRangeError> {
        Self::new(Scalar::from_octets(ksak.expose())?)
    }

    fn new(secret: Scalar) -> Result<Self, SecretRangeError> {
        let public = Point::multiply_generator(&secret).ok_or(SecretRangeError)?;
        let derived = DerivedNumbers::new(&Secret::new(secret.to_octets()));
        Ok(Self {
            secret,
            public: KmsPublicAuthKey::new(public),
            derived,
        })
    }

    /// The KSAK, 32 octets big endian, for the KMS's own protected store.
    #[must_use]
    pub fn to_secret(&self) -> Secret<32> {
        Secret::new(self.secret.to_octets())
    }

    /// KPAK = [KSAK]G.
    #[must_use]
    pub const fn public(&self) -> &KmsPublicAuthKey {
        &self.public
    }

    /// Issues the SSK and PVT of an identifier with a fresh v (RFC 6507 cl. 5.1.1).
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn issue(
        &self,
        id: &[u8],
        random: &mut dyn Random,
    ) -> Result<(Secret<32>, Pvt), RandomError> {
        for _ in 0..MAX_DRAWS {
            if let Some(pair) = self.issue_with(id, &Scalar::random(random)?) {
                return Ok(pair);
            }
        }
        Err(RandomError)
    }

    /// [`Self::issue`] for several identifiers at once, which shares what can be shared.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn issue_batch(
        &self,
        ids: &[&[u8]],
        random: &mut dyn Random,
    ) -> Result<Vec<(Secret<32>, Pvt)>, RandomError> {
        let draws: Result<Vec<_>, _> = ids.iter().map(|_| Scalar::random(random)).collect();
        let draws = draws?;
        let points = Point::multiply_generator_batch(&draws);
        let pairs = ids.iter().zip(&draws).zip(points);
        let issued = pairs.map(|((id, v), point)| {
            match point.and_then(|point| self.issue_with_point(id, v, point)) {
                Some(pair) => Ok(pair),
                None => self.issue(id, random),
            }
        });
        issued.collect()
    }

    /// Issues the one SSK and PVT that this KSAK has for an identifier: v is derived from both, nothing is drawn and
    /// nothing has to be kept.
    ///
    /// # Errors
    /// [`SecretRangeError`] when no v serves, which has no chance.
    pub fn issue_derived(&self, id: &[u8]) -> Result<(Secret<32>, Pvt), SecretRangeError> {
        for attempt in 0..MAX_DRAWS {
            if let Some(pair) = self.issue_with(id, &self.derived.number(id, attempt)?) {
                return Ok(pair);
            }
        }
        Err(SecretRangeError)
    }

    /// [`Self::issue_derived`] for several identifiers at once, which shares what can be shared.
    ///
    /// # Errors
    /// As there.
    pub fn issue_derived_batch(
        &self,
        ids: &[&[u8]],
    ) -> Result<Vec<(Secret<32>, Pvt)>, SecretRangeError> {
        let numbers: Result<Vec<_>, _> = ids.iter().map(|id| self.derived.number(id, 0)).collect();
        let numbers = numbers?;
        let points = Point::multiply_generator_batch(&numbers);
        let pairs = ids.iter().zip(&numbers).zip(points);
        let issued = pairs.map(|((id, v), point)| {
            match point.and_then(|point| self.issue_with_point(id, v, point)) {
                Some(pair) => Ok(pair),
                None => self.issue_derived(id),
            }
        });
        issued.collect()
    }

    fn issue_with(&self, id: &[u8], v: &Scalar) -> Option<(Secret<32>, Pvt)> {
        self.issue_with_point(id, v, Point::multiply_generator(v)?)
    }

    /// SSK = KSAK + HS·v with PVT = [v]G; `None` asks for another v.
    fn issue_with_point(&self, id: &[u8], v: &Scalar, point: Point) -> Option<(Secret<32>, Pvt)> {
        let pvt = Pvt::new(point);
        let hs = Scalar::reduce(&hash_of_identity(&self.public, id, &pvt));
        let ssk = self.secret.add(&hs.multiply(v));
        let unusable: bool = (hs.is_zero() | ssk.is_zero()).into();
        (!unusable).then(|| (Secret::new(ssk.to_octets()), pvt))
    }

    /// [`Self::issue`] with v given, for test vectors.
    #[cfg(test)]
    pub(super) fn issue_with_octets(&self, id: &[u8], v: &[u8; 32]) -> (Secret<32>, Pvt) {
        self.issue_with(id, &Scalar::from_octets(v).unwrap())
            .unwrap()
    }
}
