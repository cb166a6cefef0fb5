//! ECCSI signatures over P-256 with SHA-256, N = 32 (RFC 6507, profiled by RFC 6509 and TS 33.180).

mod derived;
mod group;
mod kms;
mod prepared_sender;
mod signature;
mod signing_key;
#[cfg(test)]
mod tests;

use crate::error::PointError;
use crate::hash::sha256;
use core::fmt;
use group::{GENERATOR_OCTETS, KeyTable, Point};
use std::sync::{Arc, OnceLock};

pub use group::{POINT_OCTETS, SCALAR_OCTETS};
pub use kms::KmsSecretAuthKey;
pub use prepared_sender::PreparedSender;
pub use signature::{SIGNATURE_OCTETS, Signature};
pub use signing_key::SigningKey;

macro_rules! public_point {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            point: Point,
            octets: [u8; POINT_OCTETS],
            $($field: $type,)*
        }

        impl $name {
            fn new(point: Point) -> Self {
                Self { octets: point.to_octets(), point, $($field: <$type>::default(),)* }
            }

            /// Decodes `04 ∥ x ∥ y`, 65 octets.
            ///
            /// # Errors
            /// [`PointError`] for any other length or first octet, coordinates not below p, points off the curve.
            pub fn from_octets(octets: &[u8]) -> Result<Self, PointError> {
                Ok(Self::new(Point::from_octets(octets)?))
            }

            /// `04 ∥ x ∥ y`, 65 octets.
            #[must_use]
            pub const fn as_octets(&self) -> &[u8; POINT_OCTETS] {
                &self.octets
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.octets == other.octets
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                self.octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
                f.write_str(")")
            }
        }
    };
}

public_point!(
    /// KPAK, the KMS public authentication key: [KSAK]G (RFC 6507 cl. 4.2; `PubAuthKey` of a KMS certificate).
    ///
    /// The first verification computes a table for all others; clones share it.
    KmsPublicAuthKey { table: Arc<OnceLock<KeyTable>> }
);
public_point!(
    /// PVT, the public validation token of an identity, 65 octets (RFC 6507 cl. 5.1.1; `UserPubTokenPVT`).
    ///
    /// Another KMS issues another one at each request, so nobody may pin a PVT to an identity.
    Pvt {}
);

impl KmsPublicAuthKey {
    /// Computes the table now that the first verification would compute: a millisecond.
    pub fn prepare(&self) {
        self.table();
    }

    /// Octets of memory of the table.
    #[must_use]
    pub const fn prepared_octets() -> usize {
        KeyTable::OCTETS
    }

    fn table(&self) -> &KeyTable {
        self.table.get_or_init(|| KeyTable::new(&self.point))
    }
}

/// HS = SHA-256(G ∥ KPAK ∥ ID ∥ PVT) (RFC 6507 cl. 5.1.1 step 3).
fn hash_of_identity(kpak: &KmsPublicAuthKey, id: &[u8], pvt: &Pvt) -> [u8; 32] {
    sha256(&[&GENERATOR_OCTETS, kpak.as_octets(), id, pvt.as_octets()])
}

/// HE = SHA-256(HS ∥ r ∥ M) (RFC 6507 cl. 5.2.1 step 2).
fn hash_of_message(hs: &[u8; 32], r: &[u8; 32], message: &[u8]) -> [u8; 32] {
    sha256(&[hs, r, message])
}
