//! Why octets of others are refused. None of these says anything about a secret.

use thiserror::Error;

/// Why octets are not a point (RFC 6507 cl. 3.3, RFC 6508 cl. 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PointError {
    /// The number of octets is not that of an uncompressed point of this curve.
    #[error("a point has {wanted} octets here, {given} were given")]
    Length {
        /// Octets of an uncompressed point.
        wanted: usize,
        /// Octets given.
        given: usize,
    },
    /// The first octet is not 04; compressed points are not used.
    #[error("a point starts with octet 04 (uncompressed), this one with {0:02x}")]
    Prefix(u8),
    /// A coordinate is not below the prime of the field.
    #[error("a coordinate of the point is not below the prime of the field")]
    NotReduced,
    /// The coordinates do not satisfy the curve's equation.
    #[error("the point is not on the curve")]
    NotOnCurve,
    /// The point is on the curve, but not in the group of order q.
    #[error("the point does not have order q")]
    WrongOrder,
}

/// A number is not in the range of the secret key it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the number is not in the range of a secret key")]
pub struct SecretRangeError;

/// Why a user's key set is discarded (RFC 6507 cl. 5.1.2, RFC 6508 cl. 6.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The PVT is not a point of P-256.
    #[error("PVT: {0}")]
    Pvt(PointError),
    /// The SSK is zero, or not below the order of P-256.
    #[error("SSK: {0}")]
    Ssk(SecretRangeError),
    /// The SSK and the PVT do not belong to the identity, the key period and the KMS.
    #[error("SSK and PVT are not those of this identity, key period and KMS")]
    SigningKeyMismatch,
    /// The RSK is not a point of the SAKKE curve.
    #[error("RSK: {0}")]
    Rsk(PointError),
    /// The RSK does not belong to the identity, the key period and the KMS.
    #[error("RSK is not that of this identity, key period and KMS")]
    ReceiverKeyMismatch,
    /// The KMS says another UID than the one computed here.
    #[error("the UID given with the keys is not the one of this identity, key period and KMS")]
    UidMismatch,
}

/// Why a signature does not verify (RFC 6507 cl. 5.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not 129 octets.
    #[error("a signature has 129 octets, {0} were given")]
    Length(usize),
    /// The PVT inside is not a point of P-256.
    #[error("PVT of the signature: {0}")]
    Pvt(PointError),
    /// r or s is zero or too large.
    #[error("r or s of the signature is out of range")]
    OutOfRange,
    /// The sender was prepared with another PVT. A sender may have several valid ones: verify without preparation.
    #[error("the signature carries another PVT than the one that the sender was prepared with")]
    OtherPvt,
    /// The signature is not one of this identity over this message under this KMS.
    #[error("the signature is not one of this identity over this message")]
    Mismatch,
}

/// The SAKKE encapsulated data are refused (RFC 6508 cl. 6.2.2).
///
/// One error for everything, so that a peer learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the encapsulated data cannot be opened with this key")]
pub struct DecapsulationError;
