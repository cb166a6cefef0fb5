//! SAKKE with parameter set 1: n = 128, SHA-256, the 1024-bit prime of RFC 6509 (RFC 6508, TS 33.180).
//!
//! The standard transports secrets of 16 octets ([`encapsulate`]). The same arithmetic carries 1 to 512 octets
//! ([`encapsulate_octets`]), as some systems in the field do with 32.

mod affine_sums;
mod batch;
mod encapsulation;
mod fixed_base;
mod generator;
mod kms;
mod miller;
mod pairing;
mod point;
mod power_table;
mod prepared;
mod public_key;
mod quotient;
mod receiver;
mod recoding;
mod scalar;
#[cfg(test)]
mod tests;
mod torsion;

pub use encapsulation::{
    EncapsulatedData, MAX_SECRET_OCTETS, Recipient, SED_OCTETS, SecretLengthOutOfRange,
    encapsulate, encapsulate_batch, encapsulate_batch_on, encapsulate_octets,
};
pub use kms::{KmsSecretEncKey, MASTER_SECRET_OCTETS};
pub use point::POINT_OCTETS;
pub use public_key::KmsPublicEncKey;
pub use receiver::ReceiverSecretKey;
