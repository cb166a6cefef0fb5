//! Values that must not be read from the file: AES-256-GCM under one key, bound to their place.
//!
//! ```text
//! octets 0      version, 1
//! octets 1..13  nonce, random
//! octets 13..   ciphertext and tag (16)
//! ```
//! The table and the row's name are authenticated along, so a value moved to another row does not open.

use crate::StoreFault;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use roger_base::{Random, RandomError, Secret, SecretBytes};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE: usize = 12;

/// The key of a store, 256 bits; where it rests (token, passphrase) is the operator's business.
#[derive(Clone)]
pub struct StoreKey(Secret<32>);

impl StoreKey {
    /// Takes a key.
    #[must_use]
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// A fresh key, for stores that do not outlive the process.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        Secret::random(random).map(Self)
    }

    /// A key for another purpose, from which this one cannot be had: HMAC-SHA-256 over the purpose.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Secret<32> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        let tag = hmac::sign(&key, purpose.as_bytes());
        let mut derived = Zeroizing::new([0; 32]);
        derived
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        Secret::new(*derived)
    }
}

pub(crate) struct Sealer(RandomizedNonceKey);

impl Sealer {
    pub(crate) fn new(key: &StoreKey) -> Result<Self, StoreFault> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.0.expose())
            .map_err(|_| StoreFault::LocalWrongKey)?;
        Ok(Self(key))
    }

    /// Seals octets for one row of one table.
    pub(crate) fn seal(
        &self,
        table: &str,
        row: &str,
        octets: &[u8],
    ) -> Result<Vec<u8>, StoreFault> {
        let failed = |_| StoreFault::LocalUnavailable("a value cannot be sealed".to_owned());
        let mut sealed = octets.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place(table, row)), &mut sealed)
            .map_err(failed)?;
        let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(nonce.as_ref());
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens what was sealed for this row of this table.
    pub(crate) fn open(
        &self,
        table: &str,
        row: &str,
        sealed: &[u8],
    ) -> Result<SecretBytes, StoreFault> {
        const CORRUPT: StoreFault = StoreFault::LocalCorrupt("sealed value");
        let (version, rest) = sealed.split_first().ok_or(CORRUPT)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE).ok_or(CORRUPT)?;
        if *version != VERSION {
            return Err(CORRUPT);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CORRUPT)?;
        let mut octets = Zeroizing::new(ciphertext.to_vec());
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(place(table, row)), &mut octets)
            .map_err(|_| CORRUPT)?;
        Ok(SecretBytes::new(opened.to_vec()))
    }
}

/// The place in unambiguous octets: no table has a NUL in its name.
fn place(table: &str, row: &str) -> Vec<u8> {
    [table.as_bytes(), &[0], row.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealer(octet: u8) -> Sealer {
        Sealer::new(&StoreKey::new(Secret::new([octet; 32]))).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_own_place_under_its_own_key_only() {
        let sealed = sealer(1).seal("kms_masters", "a", b"secret").unwrap();
        assert!(
            sealer(1)
                .open("kms_masters", "a", &sealed)
                .unwrap()
                .expose()
                == b"secret"
        );
        for (key, table, row) in [
            (2, "kms_masters", "a"),
            (1, "kms_accounts", "a"),
            (1, "kms_masters", "b"),
        ] {
            let refused = sealer(key).open(table, row, &sealed).err();
            assert_eq!(refused, Some(StoreFault::LocalCorrupt("sealed value")));
        }
    }

    #[test]
    fn equal_values_look_different() {
        assert_ne!(
            sealer(1).seal("t", "r", b"x").unwrap(),
            sealer(1).seal("t", "r", b"x").unwrap()
        );
    }

    proptest! {
        #[test]
        fn values_come_back_and_no_altered_octet_goes_unnoticed(
            octets in prop::collection::vec(any::<u8>(), 0..200),
            position in any::<prop::sample::Index>(),
            flip in 1u8..,
        ) {
            let sealer = sealer(7);
            let mut sealed = sealer.seal("t", "r", &octets).unwrap();
            prop_assert!(sealer.open("t", "r", &sealed).unwrap().expose() == octets);
            let position = position.index(sealed.len());
            sealed[position] ^= flip;
            prop_assert!(sealer.open("t", "r", &sealed).is_err());
        }

        #[test]
        fn any_octets_are_opened_or_refused(octets in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(sealer(7).open("t", "r", &octets).is_err());
        }
    }
}
