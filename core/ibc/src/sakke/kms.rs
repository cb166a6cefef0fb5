//! The KMS side of SAKKE.

use super::batch::{self, BATCH, Workspace};
use super::fixed_base;
use super::generator::MULTIPLES;
use super::point::{Affine, Jacobian, POINT_OCTETS};
use super::public_key::KmsPublicEncKey;
use super::recoding::OddDigits;
use super::scalar::{SCALAR_OCTETS, Scalar};
use crate::error::{KeyError, SecretRangeError};
use crate::hash::sha256;
use roger_base::{Random, RandomError, Secret};
use zeroize::Zeroizing;

/// Octets of a stored z_T.
pub const MASTER_SECRET_OCTETS: usize = SCALAR_OCTETS;

/// Octets of the weight of an RSK in [`KmsSecretEncKey::confirm_batch`].
const WEIGHT_OCTETS: usize = 16;

type Weight = [u8; WEIGHT_OCTETS];

/// Bits of the first octet of a number of 1022 bits.
const TOP_OCTET_MASK: u8 = 0x3F;

/// RSKs that share inversions: a multiple of P alone needs half the memory of an encapsulation.
const RSK_BATCH: usize = 2 * BATCH;

/// Draws of a 1022-bit number that may fall outside [2, q-1] one after the other; each does with 0.4 chance.
const MAX_DRAWS: usize = 256;

/// z_T, the KMS master secret, and its Z_T (RFC 6508 cl. 6.1). Never leaves the KMS.
#[derive(Clone)]
pub struct KmsSecretEncKey {
    secret: Scalar,
    public: KmsPublicEncKey,
}

impl KmsSecretEncKey {
    /// Draws z_T, uniform in [2, q-1].
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn generate(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut octets = Zeroizing::new([0; SCALAR_OCTETS]);
        for _ in 0..MAX_DRAWS {
            random.fill(octets.as_mut_slice())?;
            if let Some(top) = octets.first_mut() {
                *top &= TOP_OCTET_MASK;
            }
            if let Ok(key) = Scalar::from_octets(&octets).and_then(Self::new) {
                return Ok(key);
            }
        }
        Err(RandomError)
    }

    /// Takes a stored z_T, 128 octets big endian.
    ///
    /// # Errors
    /// [`SecretRangeError`] when it is below 2 or not below q.
    pub fn from_secret(z_t: &Secret<MASTER_SECRET_OCTETS>) -> Result<Self, SecretRangeError> {
        Self::new(Scalar::from_octets(z_t.expose())?)
    }

    fn new(secret: Scalar) -> Result<Self, SecretRangeError> {
        if (secret.is_zero() | secret.is_one()).into() {
            return Err(SecretRangeError);
        }
        let public = multiple_of_generator(&secret).to_affine();
        Ok(Self {
            secret,
            public: KmsPublicEncKey::new(public),
        })
    }

    /// z_T, 128 octets big endian, for the KMS's own protected store.
    #[must_use]
    pub fn to_secret(&self) -> Secret<MASTER_SECRET_OCTETS> {
        Secret::new(*self.secret.to_octets())
    }

    /// Z_T = [z_T]P.
    #[must_use]
    pub const fn public(&self) -> &KmsPublicEncKey {
        &self.public
    }

    /// Issues the RSK of an identifier, [(a + z_T)^-1]P, 257 octets (RFC 6508 cl. 6.1.1).
    ///
    /// # Errors
    /// [`SecretRangeError`] when a + z_T = 0: this z_T cannot serve this identifier and must be replaced.
    pub fn issue(&self, id: &[u8]) -> Result<Secret<POINT_OCTETS>, SecretRangeError> {
        let factor = self.sum(id).invert().ok_or(SecretRangeError)?;
        let key = Zeroizing::new(multiple_of_generator(&factor));
        let key = Zeroizing::new(key.to_affine());
        Ok(Secret::new(key.to_octets()))
    }

    /// Issues the RSKs of many identifiers, in their order, several times as fast as one by one.
    ///
    /// # Errors
    /// For an identifier, what [`Self::issue`] says of it.
    #[must_use]
    pub fn issue_batch(
        &self,
        ids: &[&[u8]],
    ) -> Vec<Result<Secret<POINT_OCTETS>, SecretRangeError>> {
        let mut keys = Vec::with_capacity(ids.len());
        let mut workspace = Workspace::default();
        for ids in ids.chunks(RSK_BATCH) {
            let mut factors: Vec<_> = ids.iter().map(|id| self.sum(id)).collect();
            if Scalar::invert_all(&mut factors) {
                keys.extend(
                    multiples_of_generator(&factors, &mut workspace)
                        .into_iter()
                        .map(Ok),
                );
            } else {
                keys.extend(ids.iter().map(|id| self.issue(id)));
            }
        }
        keys
    }

    /// Checks RSKs as they are about to be released, each with its identifier, all at once: with weights w of 128 bits,
    /// Σ [w]RSK = [Σ w/(a + z_T)]P. When one of them is another point of order q, that holds with 2^-128 chance.
    ///
    /// A user without z_T has to pair for each (RFC 6508 cl. 6.1.2). Here an RSK costs 128 public bits of a
    /// multiplication, and all together one multiple of P. The weights are hashes under z_T: nobody can aim at them.
    ///
    /// # Errors
    /// [`KeyError`] when one of them is not a point of the curve or not the RSK of its identifier.
    pub fn confirm_batch(&self, keys: &[(&[u8], &Secret<POINT_OCTETS>)]) -> Result<(), KeyError> {
        for keys in keys.chunks(RSK_BATCH) {
            let weights: Vec<_> = keys
                .iter()
                .zip(0_u8..)
                .map(|((id, _), place)| self.weight(place, id))
                .collect();
            let points = keys
                .iter()
                .map(|(_, rsk)| Affine::from_octets(rsk.expose()));
            let points: Result<Vec<_>, _> = points.collect();
            let points = Zeroizing::new(points.map_err(KeyError::Rsk)?);
            let sum = Zeroizing::new(weighted_sum(&points, &weights));
            let mut factors: Vec<_> = keys.iter().map(|(id, _)| self.sum(id)).collect();
            if !Scalar::invert_all(&mut factors) {
                return Err(KeyError::ReceiverKeyMismatch);
            }
            let mut expected = Scalar::from_identifier(&[0]);
            for (factor, weight) in factors.iter().zip(&weights) {
                expected = expected.add(&factor.multiply(&Scalar::from_identifier(weight)));
            }
            let expected = Zeroizing::new(multiple_of_generator(&expected).to_affine());
            if !bool::from(sum.is(&expected)) {
                return Err(KeyError::ReceiverKeyMismatch);
            }
        }
        Ok(())
    }

    fn weight(&self, place: u8, id: &[u8]) -> Weight {
        let z_t = self.secret.to_octets();
        let hash = sha256(&[b"Roger KMS: weight of an RSK", z_t.as_slice(), &[place], id]);
        let mut weight = [0; WEIGHT_OCTETS];
        for (to, from) in weight.iter_mut().zip(hash) {
            *to = from;
        }
        weight
    }

    /// a + z_T.
    fn sum(&self, id: &[u8]) -> Scalar {
        self.secret.add(&Scalar::from_identifier(id))
    }
}

/// Σ [w]K in a time that depends on the weights, which are of no use to anybody, and not on the points.
fn weighted_sum(points: &[Affine], weights: &[Weight]) -> Jacobian {
    let mut sum = Jacobian::default();
    for octet in 0..WEIGHT_OCTETS {
        for bit in (0..8).rev() {
            sum = sum.double();
            for (point, weight) in points.iter().zip(weights) {
                if weight
                    .get(octet)
                    .is_some_and(|octet| (octet >> bit) & 1 == 1)
                {
                    sum = sum.add_affine_complete(point);
                }
            }
        }
    }
    sum
}

fn multiple_of_generator(factor: &Scalar) -> Jacobian {
    fixed_base::multiply(&vec![(&MULTIPLES, &OddDigits::of(factor))])
}

/// At most [`RSK_BATCH`] multiples of P.
fn multiples_of_generator(
    factors: &[Scalar],
    workspace: &mut Workspace,
) -> Vec<Secret<POINT_OCTETS>> {
    let digits: Vec<_> = factors.iter().map(OddDigits::of_member).collect();
    let terms: Vec<_> = digits
        .iter()
        .map(|digits| vec![(&*MULTIPLES, digits)])
        .collect();
    let points = Zeroizing::new(batch::multiply(&terms, workspace));
    let affine = Zeroizing::new(batch::to_affine(&points));
    affine
        .iter()
        .take(factors.len())
        .map(|point: &Affine| Secret::new(point.to_octets()))
        .collect()
}
