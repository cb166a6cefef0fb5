//! The file of a secret.
//!
//! ```text
//! octets 0..8   "ROGERKEY"
//! octet  8      version, 1
//! octet  9      content: 1 key of a store, 2 master secrets of a KMS
//! octet  10     keeper, as KeeperKind
//! 2 + n         name of what is inside (KMS URI; empty for a store)   n <= 1024, big-endian length first
//! 2 + n         wrapped content key, in the layout of its keeper      n <= 512
//! 2 + n         nonce (12), AES-256-GCM of the content, tag (16)      28 < n <= 1024
//! 32            SHA-256 of everything before: tells damage from a wrong passphrase, protects from nobody
//! ```
//! The content key is wrapped for content and name; the content is sealed with everything before it.

use crate::fault::AtRestError;
use crate::keeper::{KeeperKind, LONGEST_WRAPPED, SecretKeeper, WrappedKey};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use aws_lc_rs::rand;
use roger_base::{Secret, SecretBytes};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"ROGERKEY";
const VERSION: u8 = 1;
const LONGEST_NAME: usize = 1024;
const LONGEST_SEALED: usize = 1024;
const NONCE: usize = 12;
const TAG: usize = 16;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Content {
    /// The key of a store, 32 octets.
    StoreKey = 1,
    /// KSAK (32 octets) and z_T (128 octets).
    KmsMasters = 2,
}

impl Content {
    const fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::StoreKey),
            2 => Some(Self::KmsMasters),
            _ => None,
        }
    }

    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StoreKey => "the key of a store",
            Self::KmsMasters => "master secrets of a KMS",
        }
    }
}

/// A file of a secret, closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFile {
    content: Content,
    name: String,
    wrapped: WrappedKey,
    sealed: Vec<u8>,
}

impl SealedFile {
    /// Seals a secret under a fresh key that the keeper wraps.
    ///
    /// # Errors
    /// [`AtRestError`] of the keeper, or when the name or the secret is too long.
    pub fn seal(
        content: Content,
        name: &str,
        secret: &SecretBytes,
        keeper: &dyn SecretKeeper,
    ) -> Result<Self, AtRestError> {
        if name.len() > LONGEST_NAME {
            return Err(AtRestError::LocalDamaged("length of the name"));
        }
        let key = draw()?;
        let wrapped = keeper.wrap(&key, &place(content, name))?;
        let mut file = Self {
            content,
            name: name.to_owned(),
            wrapped,
            sealed: Vec::new(),
        };
        let mut octets = Zeroizing::new(secret.expose().to_vec());
        let nonce = RandomizedNonceKey::new(&AES_256_GCM, key.expose())
            .and_then(|key| key.seal_in_place_append_tag(Aad::from(file.head()), &mut *octets))
            .map_err(|_| AtRestError::LocalRandom)?;
        file.sealed = [nonce.as_ref().as_slice(), &octets].concat();
        if file.sealed.len() > LONGEST_SEALED || file.wrapped.octets.len() > LONGEST_WRAPPED {
            return Err(AtRestError::LocalDamaged("length of the secret"));
        }
        Ok(file)
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`AtRestError`].
    pub fn open(&self, keeper: &dyn SecretKeeper) -> Result<SecretBytes, AtRestError> {
        const DAMAGED: AtRestError = AtRestError::LocalDamaged("the content is not authentic");
        let key = keeper.unwrap(&self.wrapped, &place(self.content, &self.name))?;
        let (nonce, sealed) = self.sealed.split_first_chunk::<NONCE>().ok_or(DAMAGED)?;
        let mut octets = Zeroizing::new(sealed.to_vec());
        let opened = RandomizedNonceKey::new(&AES_256_GCM, key.expose())
            .map_err(|_| DAMAGED)?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(self.head()),
                &mut octets,
            )
            .map_err(|_| DAMAGED)?
            .len();
        octets.truncate(opened);
        Ok(SecretBytes::new(core::mem::take(&mut *octets)))
    }

    /// What it holds.
    #[must_use]
    pub const fn content(&self) -> Content {
        self.content
    }

    /// Of whom: the KMS URI; empty for a store.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who can open it.
    #[must_use]
    pub const fn keeper(&self) -> KeeperKind {
        self.wrapped.kind
    }

    /// Everything before the sealed content.
    fn head(&self) -> Vec<u8> {
        let kinds = [VERSION, self.content as u8, self.wrapped.kind as u8];
        let mut octets = [MAGIC.as_slice(), &kinds].concat();
        push(&mut octets, self.name.as_bytes());
        push(&mut octets, &self.wrapped.octets);
        octets
    }

    /// The octets of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = self.head();
        push(&mut octets, &self.sealed);
        let sum = digest(&SHA256, &octets);
        octets.extend_from_slice(sum.as_ref());
        octets
    }

    /// Takes the octets of a file.
    ///
    /// # Errors
    /// [`AtRestError`] for anything but what [`Self::encode`] writes.
    pub fn decode(octets: &[u8]) -> Result<Self, AtRestError> {
        use AtRestError::LocalDamaged as Damaged;
        let rest = octets.strip_prefix(MAGIC).ok_or(Damaged("first octets"))?;
        let (version, rest) = rest.split_first().ok_or(Damaged("length"))?;
        if *version != VERSION {
            return Err(AtRestError::LocalVersion(*version));
        }
        let body = octets.len().checked_sub(SHA256_OUTPUT_LEN);
        let (body, sum) = body
            .and_then(|body| octets.split_at_checked(body))
            .ok_or(Damaged("length"))?;
        if digest(&SHA256, body).as_ref() != sum {
            return Err(Damaged("checksum"));
        }
        let rest = rest.strip_suffix(sum).ok_or(Damaged("length"))?;
        let ([content, keeper], rest) = rest.split_first_chunk().ok_or(Damaged("length"))?;
        let (name, rest) = pull(rest, LONGEST_NAME)?;
        let (wrapped, rest) = pull(rest, LONGEST_WRAPPED)?;
        let (sealed, rest) = pull(rest, LONGEST_SEALED)?;
        if !rest.is_empty() || sealed.len() <= NONCE + TAG {
            return Err(Damaged("length"));
        }
        Ok(Self {
            content: Content::from_octet(*content).ok_or(Damaged("kind of content"))?,
            name: String::from_utf8(name.to_vec()).map_err(|_| Damaged("name"))?,
            wrapped: WrappedKey {
                kind: KeeperKind::from_octet(*keeper).ok_or(Damaged("kind of keeper"))?,
                octets: wrapped.to_vec(),
            },
            sealed: sealed.to_vec(),
        })
    }
}

/// What a content key is wrapped for.
fn place(content: Content, name: &str) -> Vec<u8> {
    [MAGIC.as_slice(), &[VERSION, content as u8], name.as_bytes()].concat()
}

fn draw() -> Result<Secret<32>, AtRestError> {
    let mut octets = Zeroizing::new([0; 32]);
    rand::fill(octets.as_mut_slice()).map_err(|_| AtRestError::LocalRandom)?;
    Ok(Secret::new(*octets))
}

/// Callers have checked the length against a limit below 65,536.
fn push(octets: &mut Vec<u8>, field: &[u8]) {
    let length = u16::try_from(field.len()).unwrap_or(u16::MAX);
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(field);
}

fn pull(octets: &[u8], longest: usize) -> Result<(&[u8], &[u8]), AtRestError> {
    const LENGTH: AtRestError = AtRestError::LocalDamaged("length of a field");
    let (length, rest) = octets.split_first_chunk().ok_or(LENGTH)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length > longest {
        return Err(LENGTH);
    }
    rest.split_at_checked(length).ok_or(LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passphrase::{Cost, PassphraseKeeper};
    use proptest::prelude::*;

    fn file_of(content: Content, name: &str, wrapped: Vec<u8>, sealed: Vec<u8>) -> SealedFile {
        SealedFile {
            content,
            name: name.to_owned(),
            wrapped: WrappedKey {
                kind: KeeperKind::TokenGcm,
                octets: wrapped,
            },
            sealed,
        }
    }

    /// The checksum made right again, as an attacker would.
    fn resum(octets: &mut Vec<u8>) {
        octets.truncate(octets.len() - SHA256_OUTPUT_LEN);
        let sum = digest(&SHA256, octets);
        octets.extend_from_slice(sum.as_ref());
    }

    #[test]
    fn another_name_or_content_does_not_open_even_with_a_right_checksum() {
        let passphrase = SecretBytes::new(b"correct horse battery".to_vec());
        let keeper = PassphraseKeeper::new(passphrase, Cost::LEAST).unwrap();
        let secret = SecretBytes::new(vec![9; 160]);
        let file = SealedFile::seal(Content::KmsMasters, "kms.a.example", &secret, &keeper);
        let file = file.unwrap();
        assert!(file.open(&keeper).unwrap() == secret);
        let mut renamed = file.clone();
        renamed.name = "kms.b.example".to_owned();
        let mut moved = file.clone();
        moved.content = Content::StoreKey;
        let mut altered = file;
        *altered.sealed.last_mut().unwrap() ^= 1;
        for forged in [renamed, moved, altered] {
            let forged = SealedFile::decode(&forged.encode()).unwrap();
            assert!(forged.open(&keeper).is_err());
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut octets = file_of(Content::StoreKey, "", vec![], vec![0; 60]).encode();
        octets[8] = 2;
        assert_eq!(
            SealedFile::decode(&octets),
            Err(AtRestError::LocalVersion(2))
        );
    }

    #[test]
    fn unknown_kinds_and_lying_lengths_are_refused() {
        let sound = file_of(Content::StoreKey, "n", vec![1; 5], vec![2; 60]).encode();
        for (offset, octet) in [
            (9, 0),
            (9, 3),
            (10, 0),
            (10, 4),
            (11, 1),
            (12, 2),
            (12, 0),
            (15, 200),
        ] {
            let mut octets = sound.clone();
            octets[offset] = octet;
            resum(&mut octets);
            assert!(SealedFile::decode(&octets).is_err(), "{offset} {octet}");
        }
        let long = "n".repeat(LONGEST_NAME + 1);
        let long = file_of(Content::StoreKey, &long, vec![], vec![2; 60]).encode();
        assert!(SealedFile::decode(&long).is_err());
    }

    prop_compose! {
        fn any_file()(
            content in prop::sample::select(vec![Content::StoreKey, Content::KmsMasters]),
            name in "\\PC{0,40}",
            wrapped in prop::collection::vec(any::<u8>(), 0..=LONGEST_WRAPPED),
            sealed in prop::collection::vec(any::<u8>(), NONCE + TAG + 1..=LONGEST_SEALED),
        ) -> SealedFile {
            file_of(content, &name, wrapped, sealed)
        }
    }

    proptest! {
        #[test]
        fn files_come_back(file in any_file()) {
            prop_assert_eq!(SealedFile::decode(&file.encode()), Ok(file));
        }

        #[test]
        fn every_altered_octet_and_every_cut_is_noticed(
            file in any_file(),
            position in any::<prop::sample::Index>(),
            flip in 1u8..,
        ) {
            let mut octets = file.encode();
            let position = position.index(octets.len());
            prop_assert!(SealedFile::decode(&octets[..position]).is_err());
            octets[position] ^= flip;
            prop_assert!(SealedFile::decode(&octets).is_err());
        }

        #[test]
        fn any_octets_are_read_or_refused(
            octets in prop::collection::vec(any::<u8>(), 0..400),
            summed in any::<bool>(),
        ) {
            let mut octets = [MAGIC.as_slice(), &[VERSION], &octets, &[0; SHA256_OUTPUT_LEN]].concat();
            if summed {
                resum(&mut octets);
            }
            if let Ok(file) = SealedFile::decode(&octets) {
                prop_assert_eq!(file.encode(), octets);
            }
        }
    }
}
