//! A sender whose signatures are verified often.

use super::group::{PartOfJ, Scalar, SenderTable};
use super::{KmsPublicAuthKey, Pvt, Signature, hash_of_identity, hash_of_message};
use crate::error::SignatureError;

/// An identity with its PVT, hashed and with a table for its Y = KPAK + [HS]PVT.
///
/// Both stay the same for a key period, unless the sender asks its KMS again: then its signatures carry another PVT,
/// which is no reason to refuse them, but another [`PreparedSender`]. All of it is public.
pub struct PreparedSender {
    pvt: Pvt,
    hs: [u8; 32],
    table: SenderTable,
}

impl KmsPublicAuthKey {
    /// Prepares for several signatures of the identifier with this PVT. Says nothing about whether they belong together.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`] when no signature could ever be right, because Y is infinity.
    pub fn prepare_sender(&self, id: &[u8], pvt: &Pvt) -> Result<PreparedSender, SignatureError> {
        let hs = hash_of_identity(self, id, pvt);
        let y = self
            .point
            .add_multiple_vartime(&Scalar::reduce(&hs), &pvt.point)
            .ok_or(SignatureError::Mismatch)?;
        Ok(PreparedSender {
            pvt: pvt.clone(),
            hs,
            table: SenderTable::new(&y),
        })
    }
}

impl PreparedSender {
    /// Verifies a signature of the prepared identifier over the message (RFC 6507 cl. 5.2.2).
    ///
    /// # Errors
    /// [`SignatureError`] saying which check failed; [`SignatureError::OtherPvt`] says nothing about the signature.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let (numbers, pvt) = signature.checked_parts()?;
        if pvt != self.pvt.as_octets() {
            return Err(SignatureError::OtherPvt);
        }
        let he = hash_of_message(&self.hs, &numbers.r, message);
        let (by_g, by_y) = numbers.multipliers(&he);
        let part = PartOfJ::of_prepared_sender(&self.table, &by_y);
        numbers.verify(&part, &by_g)
    }

    /// The PVT it was prepared with.
    #[must_use]
    pub const fn pvt(&self) -> &Pvt {
        &self.pvt
    }

    /// Octets of memory that it takes.
    #[must_use]
    pub const fn memory_octets(&self) -> usize {
        size_of::<Self>() + SenderTable::OCTETS
    }
}
