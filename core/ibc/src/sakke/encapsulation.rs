//! SAKKE encapsulated data: the sender's side.

use super::batch::{self, BATCH, Workspace};
use super::generator::POWERS;
use super::point::{Affine, POINT_OCTETS};
use super::public_key::{KmsPublicEncKey, Multiplier};
use super::scalar::Scalar;
use crate::error::DecapsulationError;
use crate::hash::hash_to_octets;
use core::fmt;
use core::num::NonZeroUsize;
use roger_base::Secret;
use roger_fp1024::Fp;
use std::panic::resume_unwind;
use thiserror::Error;
use zeroize::Zeroizing;

/// Octets of the shared secret value for n = 128.
pub(super) const SSV_OCTETS: usize = 16;

/// Octets of the encapsulated data for n = 128.
pub const SED_OCTETS: usize = POINT_OCTETS + SSV_OCTETS;

/// Longest secret carried by [`encapsulate_octets`].
pub const MAX_SECRET_OCTETS: usize = 512;

/// Receivers for which a batch pays.
const WORTH_A_BATCH: usize = 4;

/// A secret is empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a secret to encapsulate has 1 to {MAX_SECRET_OCTETS} octets, not {0}")]
pub struct SecretLengthOutOfRange(pub usize);

/// SAKKE encapsulated data (SED) as they travel; only the length has been checked.
///
/// ```text
///  0                                257          273 (n = 128)
/// | R = 04 ∥ x(128) ∥ y(128)        | H           |
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EncapsulatedData(Box<[u8]>);

impl EncapsulatedData {
    /// Takes the 273 octets of a 16-octet secret.
    ///
    /// # Errors
    /// [`DecapsulationError`] for any other number of octets.
    pub fn from_octets(octets: &[u8]) -> Result<Self, DecapsulationError> {
        Self::of_length(octets, SSV_OCTETS)
    }

    /// Takes the octets of a secret of `secret_octets` octets, 1 to 512.
    ///
    /// # Errors
    /// [`DecapsulationError`] when the number of octets is not 257 + `secret_octets`.
    pub fn of_length(octets: &[u8], secret_octets: usize) -> Result<Self, DecapsulationError> {
        let legal = (1..=MAX_SECRET_OCTETS).contains(&secret_octets);
        if !legal || octets.len() != POINT_OCTETS + secret_octets {
            return Err(DecapsulationError);
        }
        Ok(Self(octets.into()))
    }

    /// The octets, R ∥ H.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }

    /// R and H.
    pub(super) fn parts(&self) -> Result<(&[u8], &[u8]), DecapsulationError> {
        self.0
            .split_at_checked(POINT_OCTETS)
            .ok_or(DecapsulationError)
    }
}

impl AsRef<[u8]> for EncapsulatedData {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EncapsulatedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncapsulatedData(")?;
        self.0
            .iter()
            .try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(")")
    }
}

/// One receiver of a batch: the public key of *its* KMS and its identifier.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// Z_T of the receiver's KMS.
    pub kms: &'a KmsPublicEncKey,
    /// The receiver's identifier, in an MC system its UID.
    pub id: &'a [u8],
}

/// Encapsulates a secret of 16 octets to an identifier (RFC 6508 cl. 6.2.1).
///
/// Deterministic: the same secret to the same identifier gives the same data.
#[must_use]
pub fn encapsulate(kms: &KmsPublicEncKey, id: &[u8], ssv: &Secret<16>) -> EncapsulatedData {
    encapsulate_any(kms, id, ssv.expose())
}

/// Encapsulates a secret of 1 to 512 octets; with other than 16 octets not a profile of TS 33.180.
///
/// # Errors
/// [`SecretLengthOutOfRange`] for no octets and for more than 512.
pub fn encapsulate_octets(
    kms: &KmsPublicEncKey,
    id: &[u8],
    ssv: &[u8],
) -> Result<EncapsulatedData, SecretLengthOutOfRange> {
    if !(1..=MAX_SECRET_OCTETS).contains(&ssv.len()) {
        return Err(SecretLengthOutOfRange(ssv.len()));
    }
    Ok(encapsulate_any(kms, id, ssv))
}

/// Encapsulates one secret to many receivers, in their order: a GMK to the members of a group. Several times as fast
/// as one by one; best in multiples of 16.
#[must_use]
pub fn encapsulate_batch(recipients: &[Recipient<'_>], ssv: &Secret<16>) -> Vec<EncapsulatedData> {
    let mut workspace = Workspace::default();
    let batches = recipients.chunks(BATCH);
    batches
        .flat_map(|batch| encapsulate_some(batch, ssv.expose(), &mut workspace))
        .collect()
}

/// The same on several cores at once.
#[must_use]
pub fn encapsulate_batch_on(
    threads: NonZeroUsize,
    recipients: &[Recipient<'_>],
    ssv: &Secret<16>,
) -> Vec<EncapsulatedData> {
    let batches = recipients.len().div_ceil(BATCH);
    let share = batches.div_ceil(threads.get()).max(1) * BATCH;
    std::thread::scope(|scope| {
        let shares = recipients.chunks(share);
        let work = |share| scope.spawn(move || encapsulate_batch(share, ssv));
        let workers: Vec<_> = shares.map(work).collect();
        let results = workers.into_iter().map(|worker| worker.join());
        results
            .flat_map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

fn encapsulate_any(kms: &KmsPublicEncKey, id: &[u8], ssv: &[u8]) -> EncapsulatedData {
    let multiplier = Multiplier::new(&Scalar::from_hash(&[ssv, id]), id);
    let point = Zeroizing::new(multiplier.point(kms));
    let power = Zeroizing::new(POWERS.power(&multiplier.r));
    let mut inverses = Zeroizing::new([point.z, power.real]);
    Fp::invert_all(inverses.as_mut_slice());
    let [of_z, of_real] = &*inverses;
    let w = Zeroizing::new(power.imaginary * of_real);
    assemble(&point.to_affine_with(of_z), &w, ssv)
}

/// At most [`BATCH`] receivers.
fn encapsulate_some(
    recipients: &[Recipient<'_>],
    ssv: &[u8],
    workspace: &mut Workspace,
) -> Vec<EncapsulatedData> {
    let multipliers: Vec<_> = recipients
        .iter()
        .map(|to| Multiplier::of_member(&Scalar::from_hash(&[ssv, to.id]), to.id))
        .collect();
    if recipients.len() < WORTH_A_BATCH || !multipliers.iter().all(Multiplier::is_usual) {
        let singly = recipients
            .iter()
            .map(|to| encapsulate_any(to.kms, to.id, ssv));
        return singly.collect();
    }
    let with_kms = multipliers.iter().zip(recipients);
    let terms: Vec<_> = with_kms
        .map(|(multiplier, to)| multiplier.terms(to.kms))
        .collect();
    let exponents: Vec<_> = multipliers.iter().map(|multiplier| &multiplier.r).collect();
    let points = Zeroizing::new(batch::multiply(&terms, workspace));
    let powers = Zeroizing::new(batch::powers(&POWERS, &exponents));
    let (points, ratios) = batch::to_affine_and_ratios(&points, &powers);
    let ratios = Zeroizing::new(ratios);
    let results = points.iter().zip(ratios.iter()).take(recipients.len());
    results.map(|(point, w)| assemble(point, w, ssv)).collect()
}

/// R ∥ (SSV masked with the hash of w).
fn assemble(point: &Affine, w: &Fp, ssv: &[u8]) -> EncapsulatedData {
    let mask = mask(w, ssv.len());
    let mut data = point.to_octets().to_vec();
    data.extend(ssv.iter().zip(mask.iter()).map(|(s, m)| s ^ m));
    EncapsulatedData(data.into())
}

/// `HashToIntegerRange(w, 2^n)` for w in PF_p, as n/8 octets (RFC 6508 cl. 6.2.1 step 4, cl. 6.2.2 step 3).
pub(super) fn mask(w: &Fp, octets: usize) -> Zeroizing<Vec<u8>> {
    let w = Zeroizing::new(w.to_octets());
    hash_to_octets(&[w.as_slice()], octets)
}
