//! The two stages of a body in SIP: the plain document of a model, and the same document protected for one hop
//! (TS 24.379 cl. 6.6.2). Signing comes after this and covers the octets that [`write`] gives.

use crate::{Document, DocumentError};
use roger_base::Random;
use roger_xml::element::ConfidentialityError;
use roger_xml::protect::{Profile, open, protect};
use roger_xml::uri::ProtectedDomains;
use roger_xml::{BoundKeys, XmlKeys};
use thiserror::Error;

/// Why a protected document is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtectedError {
    /// It does not open: 403 with Warning 140.
    #[error(transparent)]
    PeerConfidentiality(#[from] ConfidentialityError),
    /// It opens, and is not such a document.
    #[error(transparent)]
    PeerDocument(#[from] DocumentError),
    /// Confidentiality protection is on and something sensitive came in clear.
    #[error("{0} sensitive elements or attributes came in clear")]
    PeerInClear(usize),
    /// Confidentiality protection is on and something sensitive came where it has no protected form.
    #[error("{0} sensitive values came where they have no protected form")]
    PeerMisplaced(usize),
}

/// Whether sensitive content may come in clear (TS 24.379 cl. 6.6.2.3.1; TS 33.180 cl. 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidentiality {
    /// Protection is on: sensitive content in clear is refused.
    Required,
    /// Protection is off, or in transition: both forms are taken.
    Optional,
}

/// Writes a document and protects it for a hop. `domain` marks hidden URIs.
///
/// # Errors
/// [`ConfidentialityError::LocalRandom`] when there is no randomness; the markup errors cannot come from our own
/// documents unless they are larger than a message may be; [`ConfidentialityError::LocalMisplaced`] for a sensitive value
/// where it has no protected form.
pub fn write<D: Document>(
    document: &D,
    keys: &XmlKeys,
    domain: &str,
    random: &mut dyn Random,
) -> Result<String, ConfidentialityError> {
    let plain = document.write();
    match Profile::of_media_type(D::MEDIA_TYPE) {
        Some(profile) => protect(plain.as_bytes(), &profile, keys, domain, random),
        None => Ok(plain),
    }
}

/// Removes the protection of a hop and reads the document.
///
/// # Errors
/// [`ProtectedError`] when it does not open, is not of this type, or has content in clear that must not be.
pub fn read<D: Document>(
    octets: &[u8],
    keys: &BoundKeys,
    domains: &ProtectedDomains,
    confidentiality: Confidentiality,
) -> Result<D, ProtectedError> {
    let Some(profile) = Profile::of_media_type(D::MEDIA_TYPE) else {
        return Ok(D::read(octets)?);
    };
    let opened = open(octets, &profile, keys, domains)?;
    if confidentiality == Confidentiality::Required && opened.clear > 0 {
        return Err(ProtectedError::PeerInClear(opened.clear));
    }
    if confidentiality == Confidentiality::Required && opened.misplaced > 0 {
        return Err(ProtectedError::PeerMisplaced(opened.misplaced));
    }
    Ok(D::read(opened.xml.as_bytes())?)
}
