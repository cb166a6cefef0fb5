//! What `roger admin kms` does with files of secrets: ceremony, opening, renewal, backup, restoring, verification.

use crate::disk;
use crate::fault::AtRestError;
use crate::keeper::{KeeperKind, SecretKeeper};
use crate::sealed_file::{Content, SealedFile};
use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use core::fmt;
use roger_adapter_store::StoreKey;
use roger_base::{KmsUri, Secret, SecretBytes};
use std::path::Path;
use zeroize::Zeroizing;

const KSAK: usize = 32;
const Z: usize = 128;
const CHECK: usize = 8;

/// Tells two secrets apart without saying anything about either: for the operator's paper.
///
/// HMAC-SHA-256 keyed with the secret, over what it is and whose; 64 bits, shown as hex. The secrets are drawn at
/// random, so nobody can search for one with that check value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckValue([u8; CHECK]);

impl CheckValue {
    fn of(content: Content, name: &str, secret: &SecretBytes) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let message = [
            b"roger check value ".as_slice(),
            &[content as u8],
            name.as_bytes(),
        ];
        let tag = hmac::sign(&key, &message.concat());
        let mut value = [0; CHECK];
        value
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        Self(value)
    }

    /// Reads the 16 hex digits that were noted.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut value = [0; CHECK];
        hex::decode_to_slice(text, &mut value).ok()?;
        Some(Self(value))
    }
}

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The master secrets of a KMS (spec: KSAK of ECCSI, z_T of SAKKE) with its KMS URI.
pub struct KmsMasters {
    /// The security domain.
    pub kms_uri: KmsUri,
    /// RFC 6507 5.1.1.
    pub ksak: Secret<KSAK>,
    /// RFC 6508 2.2.
    pub z: Secret<Z>,
}

impl KmsMasters {
    /// The value that an operator notes and compares.
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        CheckValue::of(Content::KmsMasters, self.kms_uri.as_str(), &self.octets())
    }

    fn octets(&self) -> SecretBytes {
        SecretBytes::new([self.ksak.expose().as_slice(), self.z.expose()].concat())
    }

    fn from_octets(kms_uri: &str, octets: &SecretBytes) -> Result<Self, AtRestError> {
        const DAMAGED: AtRestError = AtRestError::LocalDamaged("length of the master secrets");
        let (ksak, z) = octets.expose().split_at_checked(KSAK).ok_or(DAMAGED)?;
        Ok(Self {
            kms_uri: KmsUri::new(kms_uri).map_err(|_| AtRestError::LocalDamaged("KMS URI"))?,
            ksak: Secret::try_from(ksak).map_err(|_| DAMAGED)?,
            z: Secret::try_from(z).map_err(|_| DAMAGED)?,
        })
    }
}

/// What a file says about itself, and what opening it proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it holds.
    pub content: Content,
    /// Of whom: the KMS URI; empty for a store.
    pub name: String,
    /// Who opened it.
    pub keeper: KeeperKind,
    /// To compare with what was noted.
    pub check_value: CheckValue,
}

/// Key ceremony: draws the key of a new store and keeps it in a new file.
///
/// # Errors
/// [`AtRestError`]; a file that is there already is never overwritten.
pub fn create_store_key(
    path: &Path,
    keeper: &dyn SecretKeeper,
) -> Result<(StoreKey, CheckValue), AtRestError> {
    let mut octets = Zeroizing::new([0; 32]);
    rand::fill(octets.as_mut_slice()).map_err(|_| AtRestError::LocalRandom)?;
    let secret = SecretBytes::new(octets.to_vec());
    let file = seal_and_prove(Content::StoreKey, "", &secret, keeper)?;
    disk::create(path, &file.encode())?;
    let check_value = CheckValue::of(Content::StoreKey, "", &secret);
    Ok((store_key(&secret)?, check_value))
}

/// Opens the key of a store.
///
/// # Errors
/// [`AtRestError`].
pub fn open_store_key(path: &Path, keeper: &dyn SecretKeeper) -> Result<StoreKey, AtRestError> {
    let (_, secret) = open(path, Content::StoreKey, keeper)?;
    store_key(&secret)
}

/// Renews a passphrase or a token's key, or changes from one to the other: the same secret, wrapped anew.
///
/// # Errors
/// [`AtRestError`]; then the file is as it was.
pub fn rewrap(
    path: &Path,
    old: &dyn SecretKeeper,
    new: &dyn SecretKeeper,
) -> Result<CheckValue, AtRestError> {
    let (file, check_value) = sealed_again(path, old, new)?;
    disk::replace(path, &file.encode())?;
    Ok(check_value)
}

/// A second file of the same secret under another keeper: for the day when the token is lost.
///
/// # Errors
/// [`AtRestError`]; a file that is there already is never overwritten.
pub fn copy(
    from: &Path,
    old: &dyn SecretKeeper,
    to: &Path,
    new: &dyn SecretKeeper,
) -> Result<CheckValue, AtRestError> {
    let (file, check_value) = sealed_again(from, old, new)?;
    disk::create(to, &file.encode())?;
    Ok(check_value)
}

/// Writes master secrets to a new backup file.
///
/// # Errors
/// [`AtRestError`]; a file that is there already is never overwritten.
pub fn back_up_masters(
    path: &Path,
    masters: &KmsMasters,
    keeper: &dyn SecretKeeper,
) -> Result<CheckValue, AtRestError> {
    let name = masters.kms_uri.as_str();
    let file = seal_and_prove(Content::KmsMasters, name, &masters.octets(), keeper)?;
    disk::create(path, &file.encode())?;
    Ok(masters.check_value())
}

/// Reads master secrets from a backup, and compares with the value noted when it was made.
///
/// # Errors
/// [`AtRestError`].
pub fn restore_masters(
    path: &Path,
    keeper: &dyn SecretKeeper,
    expected: Option<CheckValue>,
) -> Result<KmsMasters, AtRestError> {
    let (file, secret) = open(path, Content::KmsMasters, keeper)?;
    let masters = KmsMasters::from_octets(file.name(), &secret)?;
    let found = masters.check_value();
    if let Some(wanted) = expected.filter(|wanted| *wanted != found) {
        return Err(AtRestError::LocalOtherCheckValue {
            found: found.to_string(),
            wanted: wanted.to_string(),
        });
    }
    Ok(masters)
}

/// Opens a file, and gives nothing of it away.
///
/// # Errors
/// [`AtRestError`].
pub fn verify(path: &Path, keeper: &dyn SecretKeeper) -> Result<Verified, AtRestError> {
    let file = read(path)?;
    let secret = file.open(keeper)?;
    Ok(Verified {
        content: file.content(),
        name: file.name().to_owned(),
        keeper: file.keeper(),
        check_value: CheckValue::of(file.content(), file.name(), &secret),
    })
}

/// Reads a file without opening it: who can, and what is inside.
///
/// # Errors
/// [`AtRestError`].
pub fn read(path: &Path) -> Result<SealedFile, AtRestError> {
    SealedFile::decode(&disk::read(path)?)
}

fn open(
    path: &Path,
    wanted: Content,
    keeper: &dyn SecretKeeper,
) -> Result<(SealedFile, SecretBytes), AtRestError> {
    let file = read(path)?;
    if file.content() != wanted {
        return Err(AtRestError::LocalOtherContent {
            found: file.content().name(),
            wanted: wanted.name(),
        });
    }
    let secret = file.open(keeper)?;
    Ok((file, secret))
}

fn sealed_again(
    path: &Path,
    old: &dyn SecretKeeper,
    new: &dyn SecretKeeper,
) -> Result<(SealedFile, CheckValue), AtRestError> {
    let file = read(path)?;
    let secret = file.open(old)?;
    let check_value = CheckValue::of(file.content(), file.name(), &secret);
    let again = seal_and_prove(file.content(), file.name(), &secret, new)?;
    Ok((again, check_value))
}

/// A file is written only after its keeper has opened it once: a keeper that wraps and cannot unwrap would lose the
/// secret.
fn seal_and_prove(
    content: Content,
    name: &str,
    secret: &SecretBytes,
    keeper: &dyn SecretKeeper,
) -> Result<SealedFile, AtRestError> {
    let file = SealedFile::seal(content, name, secret, keeper)?;
    if SealedFile::decode(&file.encode())?.open(keeper)? != *secret {
        return Err(AtRestError::LocalDamaged(
            "the keeper opened something else",
        ));
    }
    Ok(file)
}

fn store_key(secret: &SecretBytes) -> Result<StoreKey, AtRestError> {
    Secret::try_from(secret.expose())
        .map(StoreKey::new)
        .map_err(|_| AtRestError::LocalDamaged("length of the key of the store"))
}
