//! The signature profile that MIME parts and KMS documents share: HMAC-SHA-256 over canonical `SignedInfo`,
//! SHA-256 digests, nothing else.

use crate::canonical::{CanonicalForm, Path, canonicalise};
use crate::encoding::{decode_base64, encode_base64};
use crate::markup::{self, Limits, MarkupError, child, elements, optional_child, text_of};
use crate::names::{DS, HMAC_SHA256, SHA256};
use crate::writer::Writer;
use aws_lc_rs::{digest, hmac};
use roxmltree::Node;
use thiserror::Error;

/// Why a signature is refused; all of them are Warning 139 in SIP (TS 24.379 cl. 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IntegrityError {
    /// The document is not read at all.
    #[error(transparent)]
    PeerMarkup(#[from] MarkupError),
    /// Integrity protection is on and there is no signed body, or no signature in it.
    #[error("the message is not signed")]
    PeerNotSigned,
    /// More than one signed body.
    #[error("the message has more than one signed body")]
    PeerSignedTwice,
    /// Something in the signature that the profile does not have.
    #[error("the signature has something that is not allowed: {0}")]
    PeerForbidden(String),
    /// An algorithm that is not on the list.
    #[error("the signature names an algorithm that is not allowed: {0}")]
    PeerAlgorithm(String),
    /// A reference that names nothing, or not what it has to name.
    #[error("a reference names no part of this message: {0}")]
    PeerReference(String),
    /// Two parts with one Content-ID, or two elements with one Id.
    #[error("two parts of the message have the same identifier")]
    PeerDuplicateId,
    /// The digest is another one: the content was altered.
    #[error("the digest does not fit the content of {0}")]
    PeerDigest(String),
    /// The HMAC is another one: altered, or made under another key.
    #[error("the signature value does not verify under the key that it names")]
    PeerSignatureValue,
    /// A part that has to be signed is not.
    #[error("the part {0} is not signed")]
    PeerNotCovered(String),
    /// The key named is not bound to this sender.
    #[error("the key named is not bound to this sender")]
    DeniedKey,
}

impl IntegrityError {
    /// The code of the Warning header of a 403: 139, integrity protection check failed.
    pub const WARNING: u16 = 139;
}

/// What a verified `ds:Reference` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) uri: String,
    pub(crate) transforms: Vec<String>,
    pub(crate) digest: [u8; 32],
}

impl Reference {
    /// Compares the digest with that of the octets.
    pub(crate) fn check(&self, octets: &[u8]) -> Result<(), IntegrityError> {
        if sha256(octets) == self.digest {
            return Ok(());
        }
        Err(IntegrityError::PeerDigest(self.uri.clone()))
    }
}

pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut value = [0; 32];
    let digest = digest::digest(&digest::SHA256, octets);
    value
        .iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    value
}

/// `ds:KeyName`; nothing when there is no `ds:KeyInfo`.
pub(crate) fn key_name(signature: Node<'_, '_>) -> Result<Option<String>, IntegrityError> {
    let Some(info) = optional_child(signature, DS, "KeyInfo")? else {
        return Ok(None);
    };
    allow_children(info, &["KeyName"])?;
    Ok(Some(text_of(child(info, DS, "KeyName")?, "KeyName")?))
}

/// Verifies the `ds:Signature` at `path` under `key` and gives back its references.
///
/// The references are read from the canonical octets that the HMAC covers. Their digests are not compared here.
pub(crate) fn verify(
    text: &str,
    signature: Node<'_, '_>,
    path: Path<'_>,
    key: &[u8],
) -> Result<Vec<Reference>, IntegrityError> {
    allow_children(signature, &["SignedInfo", "SignatureValue", "KeyInfo"])?;
    let signed_info = child(signature, DS, "SignedInfo")?;
    if elements(signature).next() != Some(signed_info) {
        return Err(IntegrityError::PeerForbidden(
            "an element before SignedInfo".to_owned(),
        ));
    }
    if signed_info.descendants().any(|node| node.is_comment()) {
        return Err(IntegrityError::PeerForbidden(
            "a comment in SignedInfo".to_owned(),
        ));
    }
    let form = canonical_form(signed_info)?;
    let octets = canonicalise(text, &[path, &[0]].concat(), form)?;
    let value = text_of(child(signature, DS, "SignatureValue")?, "SignatureValue")?;
    let value = decode_base64(&value).ok_or(IntegrityError::PeerSignatureValue)?;
    check_method(signed_info)?;
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), &octets, &value)
        .map_err(|_| IntegrityError::PeerSignatureValue)?;
    read_authenticated(&octets, form)
}

/// Reads `SignedInfo` again from the octets that were authenticated.
fn read_authenticated(
    octets: &[u8],
    form: CanonicalForm,
) -> Result<Vec<Reference>, IntegrityError> {
    let document = markup::parse(octets, &Limits::MESSAGE)?;
    let signed_info = document.root_element();
    if !signed_info.has_tag_name((DS, "SignedInfo")) || canonical_form(signed_info)? != form {
        return Err(IntegrityError::PeerForbidden("SignedInfo".to_owned()));
    }
    allow_children(
        signed_info,
        &["CanonicalizationMethod", "SignatureMethod", "Reference"],
    )?;
    check_method(signed_info)?;
    let found = elements(signed_info).filter(|node| node.has_tag_name((DS, "Reference")));
    let references: Vec<Reference> = found.map(read_reference).collect::<Result<_, _>>()?;
    if references.is_empty() {
        return Err(IntegrityError::PeerReference("none at all".to_owned()));
    }
    Ok(references)
}

fn canonical_form(signed_info: Node<'_, '_>) -> Result<CanonicalForm, IntegrityError> {
    let method = child(signed_info, DS, "CanonicalizationMethod")?;
    if let Some(parameter) = elements(method).next() {
        return Err(IntegrityError::PeerForbidden(
            parameter.tag_name().name().to_owned(),
        ));
    }
    let uri = method.attribute("Algorithm").unwrap_or_default();
    CanonicalForm::from_uri(uri).ok_or_else(|| IntegrityError::PeerAlgorithm(uri.to_owned()))
}

fn check_method(signed_info: Node<'_, '_>) -> Result<(), IntegrityError> {
    let method = child(signed_info, DS, "SignatureMethod")?;
    check_algorithm(method, HMAC_SHA256)?;
    allow_children(method, &["HMACOutputLength"])?;
    match optional_child(method, DS, "HMACOutputLength")? {
        None => Ok(()),
        Some(length) if text_of(length, "HMACOutputLength")? == "256" => Ok(()),
        Some(_) => Err(IntegrityError::PeerAlgorithm("HMACOutputLength".to_owned())),
    }
}

fn read_reference(reference: Node<'_, '_>) -> Result<Reference, IntegrityError> {
    allow_children(reference, &["Transforms", "DigestMethod", "DigestValue"])?;
    check_algorithm(child(reference, DS, "DigestMethod")?, SHA256)?;
    let uri = reference
        .attribute("URI")
        .ok_or_else(|| IntegrityError::PeerReference("without URI".to_owned()))?;
    let value = text_of(child(reference, DS, "DigestValue")?, "DigestValue")?;
    let digest = decode_base64(&value).and_then(|octets| octets.try_into().ok());
    let digest = digest.ok_or_else(|| IntegrityError::PeerDigest(uri.to_owned()))?;
    let transforms = match optional_child(reference, DS, "Transforms")? {
        None => Vec::new(),
        Some(transforms) => read_transforms(transforms)?,
    };
    Ok(Reference {
        uri: uri.to_owned(),
        transforms,
        digest,
    })
}

fn read_transforms(transforms: Node<'_, '_>) -> Result<Vec<String>, IntegrityError> {
    allow_children(transforms, &["Transform"])?;
    let one = |transform: Node<'_, '_>| {
        allow_children(transform, &[])?;
        Ok(transform
            .attribute("Algorithm")
            .unwrap_or_default()
            .to_owned())
    };
    elements(transforms).map(one).collect()
}

fn check_algorithm(node: Node<'_, '_>, wanted: &str) -> Result<(), IntegrityError> {
    match node.attribute("Algorithm") {
        Some(uri) if uri == wanted => Ok(()),
        other => Err(IntegrityError::PeerAlgorithm(
            other.unwrap_or_default().to_owned(),
        )),
    }
}

fn allow_children(node: Node<'_, '_>, allowed: &[&str]) -> Result<(), IntegrityError> {
    let stranger =
        elements(node).find(|child| !allowed.iter().any(|name| child.has_tag_name((DS, *name))));
    match stranger {
        None => Ok(()),
        Some(child) => Err(IntegrityError::PeerForbidden(
            child.tag_name().name().to_owned(),
        )),
    }
}

/// Where a signature is written: prefix of the signature namespace and what goes with it.
pub(crate) struct SignatureStyle {
    /// Empty, or `ds:` with the namespace declared on an ancestor.
    pub(crate) prefix: &'static str,
    /// Written as `HMACOutputLength`, nothing when absent.
    pub(crate) output_length: Option<&'static str>,
}

/// `SignedInfo` with one reference and no transform.
pub(crate) fn signed_info(style: &SignatureStyle, uri: &str, octets: &[u8]) -> String {
    let name = |local: &str| format!("{}{local}", style.prefix);
    let mut writer = Writer::new();
    writer.start(&name("SignedInfo"));
    writer
        .start(&name("CanonicalizationMethod"))
        .attribute("Algorithm", CanonicalForm::Inclusive.uri());
    writer.end(&name("CanonicalizationMethod"));
    writer
        .start(&name("SignatureMethod"))
        .attribute("Algorithm", HMAC_SHA256);
    writer
        .optional_leaf(&name("HMACOutputLength"), style.output_length)
        .end(&name("SignatureMethod"));
    writer.start(&name("Reference")).attribute("URI", uri);
    writer
        .start(&name("DigestMethod"))
        .attribute("Algorithm", SHA256)
        .end(&name("DigestMethod"));
    writer.leaf(&name("DigestValue"), &encode_base64(&sha256(octets)));
    writer.end(&name("Reference")).end(&name("SignedInfo"));
    writer.finish()
}

/// What follows `SignedInfo` inside `Signature`.
pub(crate) fn value_and_key_name(style: &SignatureStyle, value: &[u8], key_name: &str) -> String {
    let name = |local: &str| format!("{}{local}", style.prefix);
    let mut writer = Writer::new();
    writer.leaf(&name("SignatureValue"), &encode_base64(value));
    writer
        .start(&name("KeyInfo"))
        .leaf(&name("KeyName"), key_name)
        .end(&name("KeyInfo"));
    writer.finish()
}

pub(crate) fn hmac_sha256(key: &[u8], octets: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), octets)
        .as_ref()
        .to_vec()
}
