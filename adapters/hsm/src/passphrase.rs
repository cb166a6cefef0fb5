//! A passphrase as keeper: argon2id (RFC 9106), AES-256-GCM.
//!
//! ```text
//! octets 0..4    memory in KiB        big-endian
//! octets 4..8    passes
//! octet  8       lanes
//! octets 9..25   salt
//! octets 25..57  check: second half of the 64 octets that argon2id yields; the first half is the wrapping key
//! octets 57..69  nonce
//! octets 69..117 wrapped key and tag
//! ```
//! The check tells a wrong passphrase from a damaged file. It helps nobody to guess: the tag would tell as well.

use crate::fault::KeeperError;
use crate::keeper::{KeeperKind, SecretKeeper, WrappedKey};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use core::ops::RangeInclusive;
use roger_base::{Secret, SecretBytes};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

const SALT: usize = 16;
const NONCE: usize = 12;
const TAG: usize = 16;
const HALF: usize = 32;
const LENGTH: usize = 4 + 4 + 1 + SALT + HALF + NONCE + 32 + TAG;

/// Shortest passphrase that is taken, in octets.
const SHORTEST: usize = 12;
/// What is accepted when reading: a file must not talk us into a cheap hash, nor into all of the memory.
const MEMORY_KIB: RangeInclusive<u32> = 19_456..=1_048_576;
const PASSES: RangeInclusive<u32> = 2..=32;
const LANES: RangeInclusive<u8> = 1..=16;

/// What a guess costs (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u8,
}

impl Default for Cost {
    /// RFC 9106 4, second recommendation: 64 MiB, three passes, four lanes.
    fn default() -> Self {
        Self {
            memory_kib: 65_536,
            passes: 3,
            lanes: 4,
        }
    }
}

impl Cost {
    /// The least that is accepted.
    pub const LEAST: Self = Self {
        memory_kib: *MEMORY_KIB.start(),
        passes: *PASSES.start(),
        lanes: 1,
    };

    /// Memory in KiB (19,456 to 1,048,576), passes (2 to 32), lanes (1 to 16).
    ///
    /// # Errors
    /// [`KeeperError::LocalUnacceptableCost`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u8) -> Result<Self, KeeperError> {
        let accepted =
            MEMORY_KIB.contains(&memory_kib) && PASSES.contains(&passes) && LANES.contains(&lanes);
        if !accepted {
            let asked = format!("{memory_kib} KiB, {passes} passes, {lanes} lanes");
            return Err(KeeperError::LocalUnacceptableCost(asked));
        }
        Ok(Self {
            memory_kib,
            passes,
            lanes,
        })
    }
}

/// Wraps under a passphrase of the operator.
pub struct PassphraseKeeper {
    passphrase: SecretBytes,
    cost: Cost,
}

impl PassphraseKeeper {
    /// Takes a passphrase, and the cost of what will be wrapped; what is unwrapped brings its own.
    ///
    /// # Errors
    /// [`KeeperError::LocalShortPassphrase`].
    pub fn new(passphrase: SecretBytes, cost: Cost) -> Result<Self, KeeperError> {
        let given = passphrase.expose().len();
        if given < SHORTEST {
            return Err(KeeperError::LocalShortPassphrase {
                given,
                wanted: SHORTEST,
            });
        }
        Ok(Self { passphrase, cost })
    }

    /// The wrapping key and the check.
    fn derive(&self, cost: Cost, salt: &[u8]) -> Result<(Secret<HALF>, Secret<HALF>), KeeperError> {
        let memory = |_| KeeperError::LocalResource("memory");
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes.into(), None);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(memory)?);
        let mut out = Zeroizing::new([0; 2 * HALF]);
        argon2
            .hash_password_into(self.passphrase.expose(), salt, out.as_mut_slice())
            .map_err(memory)?;
        let (key, check) = out.split_at(HALF);
        let secret =
            |half: &[u8]| Secret::try_from(half).map_err(|_| KeeperError::LocalResource("memory"));
        Ok((secret(key)?, secret(check)?))
    }
}

impl SecretKeeper for PassphraseKeeper {
    fn wrap(&self, key: &Secret<32>, place: &[u8]) -> Result<WrappedKey, KeeperError> {
        const NO_RANDOM: KeeperError = KeeperError::LocalResource("randomness");
        let mut salt = [0; SALT];
        rand::fill(&mut salt).map_err(|_| NO_RANDOM)?;
        let (wrapping, check) = self.derive(self.cost, &salt)?;
        let mut octets = Vec::with_capacity(LENGTH);
        octets.extend_from_slice(&self.cost.memory_kib.to_be_bytes());
        octets.extend_from_slice(&self.cost.passes.to_be_bytes());
        octets.push(self.cost.lanes);
        octets.extend_from_slice(&salt);
        octets.extend_from_slice(check.expose());
        let mut sealed = Zeroizing::new(key.expose().to_vec());
        let nonce = RandomizedNonceKey::new(&AES_256_GCM, wrapping.expose())
            .and_then(|wrapping| wrapping.seal_in_place_append_tag(Aad::from(place), &mut *sealed))
            .map_err(|_| NO_RANDOM)?;
        octets.extend_from_slice(nonce.as_ref());
        octets.extend_from_slice(&sealed);
        Ok(WrappedKey {
            kind: KeeperKind::Passphrase,
            octets,
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, place: &[u8]) -> Result<Secret<32>, KeeperError> {
        if wrapped.kind != KeeperKind::Passphrase {
            return Err(KeeperError::LocalOtherKeeper { by: wrapped.kind });
        }
        let fields = Fields::read(&wrapped.octets)?;
        let (wrapping, check) = self.derive(fields.cost, &fields.salt)?;
        if !bool::from(check.expose().ct_eq(&fields.check)) {
            return Err(KeeperError::DeniedWrongPassphrase);
        }
        fields.open(&wrapping, place)
    }
}

/// The layout at the top of this file.
struct Fields {
    cost: Cost,
    salt: [u8; SALT],
    check: [u8; HALF],
    nonce: [u8; NONCE],
    sealed: [u8; 32 + TAG],
}

impl Fields {
    fn read(octets: &[u8]) -> Result<Self, KeeperError> {
        const LENGTH: KeeperError = KeeperError::LocalDamaged("length of the wrapped key");
        let (memory, rest) = octets.split_first_chunk().ok_or(LENGTH)?;
        let (passes, rest) = rest.split_first_chunk().ok_or(LENGTH)?;
        let (lanes, rest) = rest.split_first().ok_or(LENGTH)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(LENGTH)?;
        let (check, rest) = rest.split_first_chunk().ok_or(LENGTH)?;
        let (nonce, sealed) = rest.split_first_chunk().ok_or(LENGTH)?;
        Ok(Self {
            cost: Cost::new(
                u32::from_be_bytes(*memory),
                u32::from_be_bytes(*passes),
                *lanes,
            )?,
            salt: *salt,
            check: *check,
            nonce: *nonce,
            sealed: sealed.try_into().map_err(|_| LENGTH)?,
        })
    }

    fn open(&self, wrapping: &Secret<HALF>, place: &[u8]) -> Result<Secret<32>, KeeperError> {
        const DAMAGED: KeeperError = KeeperError::LocalDamaged("the wrapped key is not authentic");
        let mut opened = Zeroizing::new(self.sealed);
        let key = RandomizedNonceKey::new(&AES_256_GCM, wrapping.expose()).map_err(|_| DAMAGED)?;
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let plain = key
            .open_in_place(nonce, Aad::from(place), opened.as_mut_slice())
            .map_err(|_| DAMAGED)?;
        Secret::try_from(&*plain).map_err(|_| DAMAGED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keeper(passphrase: &str) -> PassphraseKeeper {
        let passphrase = SecretBytes::new(passphrase.as_bytes().to_vec());
        PassphraseKeeper::new(passphrase, Cost::LEAST).unwrap()
    }

    fn wrapped() -> WrappedKey {
        keeper("correct horse battery")
            .wrap(&Secret::new([7; 32]), b"here")
            .unwrap()
    }

    #[test]
    fn only_the_passphrase_opens_and_only_in_its_place() {
        let wrapped = wrapped();
        let right = keeper("correct horse battery");
        assert!(right.unwrap(&wrapped, b"here").unwrap() == Secret::new([7; 32]));
        let wrong = keeper("wrong horse battery").unwrap(&wrapped, b"here");
        assert_eq!(wrong.err(), Some(KeeperError::DeniedWrongPassphrase));
        let elsewhere = right.unwrap(&wrapped, b"there").err();
        assert!(matches!(elsewhere, Some(KeeperError::LocalDamaged(_))));
    }

    #[test]
    fn damage_behind_the_check_is_not_called_a_wrong_passphrase() {
        let mut wrapped = wrapped();
        *wrapped.octets.last_mut().unwrap() ^= 1;
        let refused = keeper("correct horse battery").unwrap(&wrapped, b"here");
        assert!(matches!(refused.err(), Some(KeeperError::LocalDamaged(_))));
    }

    #[test]
    fn a_cheap_hash_and_a_ruinous_one_are_refused_before_they_are_computed() {
        for (offset, value) in [(0, 19_455u32), (0, 1_048_577), (4, 1), (4, 33)] {
            let mut wrapped = wrapped();
            wrapped.octets[offset..offset + 4].copy_from_slice(&value.to_be_bytes());
            let refused = keeper("correct horse battery").unwrap(&wrapped, b"here");
            let refused = refused.err();
            assert!(
                matches!(refused, Some(KeeperError::LocalUnacceptableCost(_))),
                "{value}: {refused:?}"
            );
        }
        for lanes in [0, 17] {
            assert!(Cost::new(65_536, 3, lanes).is_err());
        }
        let default = Cost::default();
        assert!(Cost::new(default.memory_kib, default.passes, default.lanes).is_ok());
    }

    #[test]
    fn a_short_passphrase_is_refused() {
        let short = PassphraseKeeper::new(SecretBytes::new(vec![b'a'; 11]), Cost::LEAST);
        assert!(matches!(
            short.err(),
            Some(KeeperError::LocalShortPassphrase { given: 11, .. })
        ));
    }

    #[test]
    fn a_key_of_a_token_is_sent_to_the_token() {
        let mut wrapped = wrapped();
        wrapped.kind = KeeperKind::TokenGcm;
        let refused = keeper("correct horse battery").unwrap(&wrapped, b"here");
        let by = KeeperKind::TokenGcm;
        assert_eq!(refused.err(), Some(KeeperError::LocalOtherKeeper { by }));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(fields) = Fields::read(&octets) {
                prop_assert_eq!(octets.len(), LENGTH);
                prop_assert!(MEMORY_KIB.contains(&fields.cost.memory_kib));
            }
        }
    }
}
