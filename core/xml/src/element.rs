//! Encryption of element content (TS 24.379 cl. 6.6.2.3.3, TS 33.180 cl. 9.3.4, XML encryption 1.1 cl. 5.2.4).
//!
//! `CipherValue = base64(IV(12) || ciphertext || tag(16))`, AES-128-GCM, no additional data.

use crate::encoding::{decode_base64, encode_base64};
use crate::markup::{MarkupError, child, elements, optional_child, text_of};
use crate::writer::Writer;
use crate::{BoundKeys, XmlKeys, names};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use roger_base::{Random, RandomError};
use roxmltree::Node;
use thiserror::Error;
use zeroize::Zeroizing;

pub(crate) const IV_OCTETS: usize = NONCE_LEN;
pub(crate) const TAG_OCTETS: usize = 16;

/// Why protected content or a protected URI does not open; all of them are Warning 140 (TS 24.379 cl. 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfidentialityError {
    /// The document is not read at all.
    #[error(transparent)]
    PeerMarkup(#[from] MarkupError),
    /// An algorithm other than AES-128-GCM.
    #[error("the encryption algorithm is not AES-128-GCM")]
    PeerAlgorithm,
    /// The cipher value is not base64 or has less than IV and tag.
    #[error("the cipher value is not base64 of IV, ciphertext and tag")]
    PeerCipherValue,
    /// An encrypted key, a retrieval method, a reference to elsewhere, or an element that has no place there.
    #[error("the encrypted data has an element that is not allowed: {0}")]
    PeerForbidden(String),
    /// The `type` attribute and the content contradict each other.
    #[error("the type attribute and the content of {0} contradict each other")]
    PeerTypeMismatch(String),
    /// The decrypted content is encrypted again.
    #[error("encrypted data inside encrypted data is not allowed")]
    PeerNested,
    /// The tag does not verify: altered, or another key.
    #[error("the content does not decrypt under the key that it names")]
    PeerTag,
    /// The value of a protected URI does not have the form of TS 33.180 cl. 9.3.4.3.
    #[error("the protected URI is malformed")]
    PeerUriForm,
    /// The key named is not bound to this sender.
    #[error("the key named is not bound to this sender")]
    DeniedKey,
    /// A sensitive value stands where it has no protected form; the name is that of the element or attribute.
    #[error("{0} has sensitive content that cannot be protected there")]
    LocalMisplaced(String),
    /// No randomness for an IV.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
    /// The cipher failed on our own data.
    #[error("the cipher failed")]
    LocalCipher,
}

impl ConfidentialityError {
    /// The code of the Warning header of a 403: 140, unable to decrypt XML content.
    pub const WARNING: u16 = 140;
}

/// Encrypts octets: IV, ciphertext and tag, in this order.
pub(crate) fn seal(
    keys: &XmlKeys,
    plain: &[u8],
    random: &mut dyn Random,
) -> Result<([u8; IV_OCTETS], Vec<u8>), ConfidentialityError> {
    let mut iv = [0; IV_OCTETS];
    random.fill(&mut iv)?;
    let mut text = plain.to_vec();
    cipher(keys)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut text)
        .map_err(|_| ConfidentialityError::LocalCipher)?;
    Ok((iv, text))
}

/// Decrypts ciphertext and tag.
pub(crate) fn open(
    keys: &XmlKeys,
    iv: [u8; IV_OCTETS],
    sealed: Vec<u8>,
) -> Result<Zeroizing<Vec<u8>>, ConfidentialityError> {
    let mut text = Zeroizing::new(sealed);
    let opened = cipher(keys)?
        .open_in_place(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut text)
        .map_err(|_| ConfidentialityError::PeerTag)?
        .len();
    text.truncate(opened);
    Ok(text)
}

fn cipher(keys: &XmlKeys) -> Result<LessSafeKey, ConfidentialityError> {
    let key = UnboundKey::new(&AES_128_GCM, keys.confidentiality());
    key.map(LessSafeKey::new)
        .map_err(|_| ConfidentialityError::LocalCipher)
}

/// Encrypts a fragment (the serialised content of a sensitive element) into one `xenc:EncryptedData`.
///
/// # Errors
/// [`ConfidentialityError::LocalRandom`] when there is no randomness for the IV.
pub fn encrypt(
    fragment: &str,
    keys: &XmlKeys,
    random: &mut dyn Random,
) -> Result<String, ConfidentialityError> {
    let (iv, sealed) = seal(keys, fragment.as_bytes(), random)?;
    let value = encode_base64(&[&iv[..], &sealed].concat());
    let mut writer = Writer::new();
    writer
        .start("xenc:EncryptedData")
        .attribute("xmlns:xenc", names::XENC)
        .attribute("Type", names::CONTENT);
    writer
        .start("xenc:EncryptionMethod")
        .attribute("Algorithm", names::AES128_GCM)
        .end("xenc:EncryptionMethod");
    writer
        .start("ds:KeyInfo")
        .attribute("xmlns:ds", names::DS)
        .leaf("ds:KeyName", &keys.key_name());
    writer
        .end("ds:KeyInfo")
        .start("xenc:CipherData")
        .leaf("xenc:CipherValue", &value);
    writer.end("xenc:CipherData").end("xenc:EncryptedData");
    Ok(writer.finish())
}

/// Decrypts one `xenc:EncryptedData` with the key it names among those bound to the sender.
///
/// # Errors
/// [`ConfidentialityError`] for everything outside the profile, an unknown key, or a wrong tag.
pub fn decrypt(
    encrypted: Node<'_, '_>,
    keys: &BoundKeys,
) -> Result<Zeroizing<String>, ConfidentialityError> {
    allow_children(
        encrypted,
        &[
            (names::XENC, "EncryptionMethod"),
            (names::DS, "KeyInfo"),
            (names::XENC, "CipherData"),
        ],
    )?;
    if encrypted
        .attribute("Type")
        .is_some_and(|kind| kind != names::CONTENT)
    {
        return Err(ConfidentialityError::PeerForbidden("Type".to_owned()));
    }
    check_method(encrypted)?;
    let name = key_name(encrypted)?;
    let keys = keys
        .named(name.as_deref())
        .ok_or(ConfidentialityError::DeniedKey)?;
    let (iv, sealed) = cipher_value(encrypted)?;
    let plain = open(keys, iv, sealed)?;
    let text = core::str::from_utf8(&plain).map_err(|_| MarkupError::PeerNotUtf8)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn check_method(encrypted: Node<'_, '_>) -> Result<(), ConfidentialityError> {
    let method = child(encrypted, names::XENC, "EncryptionMethod")?;
    allow_children(method, &[])?;
    if method.attribute("Algorithm") == Some(names::AES128_GCM) {
        return Ok(());
    }
    Err(ConfidentialityError::PeerAlgorithm)
}

/// The `ds:KeyName`, nothing when there is no `ds:KeyInfo`; any other child of `ds:KeyInfo` is refused.
fn key_name(encrypted: Node<'_, '_>) -> Result<Option<String>, ConfidentialityError> {
    let Some(info) = optional_child(encrypted, names::DS, "KeyInfo")? else {
        return Ok(None);
    };
    allow_children(info, &[(names::DS, "KeyName")])?;
    Ok(Some(text_of(
        child(info, names::DS, "KeyName")?,
        "KeyName",
    )?))
}

fn cipher_value(
    encrypted: Node<'_, '_>,
) -> Result<([u8; IV_OCTETS], Vec<u8>), ConfidentialityError> {
    let data = child(encrypted, names::XENC, "CipherData")?;
    allow_children(data, &[(names::XENC, "CipherValue")])?;
    let text = text_of(child(data, names::XENC, "CipherValue")?, "CipherValue")?;
    let octets = decode_base64(&text).ok_or(ConfidentialityError::PeerCipherValue)?;
    let (iv, sealed) = octets
        .split_first_chunk()
        .ok_or(ConfidentialityError::PeerCipherValue)?;
    if sealed.len() < TAG_OCTETS {
        return Err(ConfidentialityError::PeerCipherValue);
    }
    Ok((*iv, sealed.to_vec()))
}

fn allow_children(
    node: Node<'_, '_>,
    allowed: &[(&str, &str)],
) -> Result<(), ConfidentialityError> {
    let stranger =
        elements(node).find(|child| !allowed.iter().any(|name| child.has_tag_name(*name)));
    match stranger {
        None => Ok(()),
        Some(child) => Err(ConfidentialityError::PeerForbidden(
            child.tag_name().name().to_owned(),
        )),
    }
}
