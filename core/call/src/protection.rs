//! Protection of the XML parts of a SIP body on one hop (TS 24.379 cl. 6.6, TS 33.180 cl. 9.3).
//!
//! The sender encrypts, then signs what will be sent; the receiver verifies, then decrypts (cl. 7.3.1A).
//! Each hop has its own key: a server opens with the key of the hop behind and protects with the key of
//! the hop ahead (cl. 6.6.2.5).

use crate::body::Part;
use crate::feature::media_type;
use crate::warning::WarningCode;
use roger_base::{KeyId, Random};
use roger_xml::element::ConfidentialityError;
use roger_xml::protect::{self, Profile};
use roger_xml::signed_body::{self, Coverage, IntegrityError};
use roger_xml::uri::ProtectedDomains;
use roger_xml::{BoundKeys, XmlKeys};
use thiserror::Error;
use zeroize::Zeroizing;

/// Which protections a hop has. Absent configuration means [`Protection::Full`] (TS 24.484 cl. 8.4.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protection {
    /// Confidentiality and integrity.
    #[default]
    Full,
    /// Only confidentiality.
    ConfidentialityOnly,
    /// Only integrity.
    IntegrityOnly,
    /// Neither.
    Off,
}

impl Protection {
    /// What the two flags of a client's hop say (TS 24.379 cl. 6.6.2.3.1, 6.6.3.3.1); absent means on.
    #[must_use]
    pub const fn of_flags(confidentiality: Option<bool>, integrity: Option<bool>) -> Self {
        match (confidentiality, integrity) {
            (None | Some(true), None | Some(true)) => Self::Full,
            (None | Some(true), Some(false)) => Self::ConfidentialityOnly,
            (Some(false), None | Some(true)) => Self::IntegrityOnly,
            (Some(false), Some(false)) => Self::Off,
        }
    }

    /// What the one flag of the hop between servers says (TS 24.379 cl. 6.6.2.3.2, 6.6.3.3.2); absent means on.
    #[must_use]
    pub const fn of_servers(allowed: Option<bool>) -> Self {
        Self::of_flags(allowed, allowed)
    }

    /// Whether sensitive content is encrypted.
    #[must_use]
    pub const fn encrypts(self) -> bool {
        matches!(self, Self::Full | Self::ConfidentialityOnly)
    }

    /// Whether XML parts are signed.
    #[must_use]
    pub const fn signs(self) -> bool {
        matches!(self, Self::Full | Self::IntegrityOnly)
    }
}

/// How to send on a hop.
#[derive(Clone)]
pub struct SendingHop {
    /// Keys derived from the CSK or SPK of this hop.
    pub keys: XmlKeys,
    /// The domain that marks a protected URI.
    pub domain: String,
    /// What is switched on.
    pub protection: Protection,
}

/// How to receive on a hop.
#[derive(Clone)]
pub struct ReceivingHop {
    /// Keys bound to the sender; no other is looked at.
    pub keys: BoundKeys,
    /// Domains that mark a protected URI.
    pub domains: ProtectedDomains,
    /// What the sender must have switched on.
    pub protection: Protection,
    /// Which parts must be signed.
    pub coverage: Coverage,
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtectionError {
    /// A signature is wrong or missing: Warning 139.
    #[error("integrity: {0}")]
    PeerIntegrity(#[from] IntegrityError),
    /// Protected content does not open: Warning 140.
    #[error("confidentiality: {0}")]
    PeerConfidentiality(#[from] ConfidentialityError),
    /// Sensitive content came where it has no protected form, in an attribute or text, although the hop is protected
    /// (TS 24.379 cl. 4.8): whoever is on the path has read it. Warning 140.
    #[error("{media_type} has {places} sensitive values where they have no protected form")]
    PeerMisplaced {
        /// Media type of the part.
        media_type: String,
        /// How many.
        places: usize,
    },
    /// Sensitive content came in clear although the hop is protected: Warning 140.
    #[error("{0} has sensitive content in clear on a protected hop")]
    PeerInClear(String),
    /// The hop is protected and there is no key for it, such as after a revocation; nothing is sent in clear.
    #[error("the hop is protected and there is no key for it")]
    LocalNoKey,
}

impl ProtectionError {
    /// Whether the sender used a key that is not bound to it here: the two ends are out of step, or it is a stranger.
    #[must_use]
    pub const fn names_unknown_key(&self) -> bool {
        matches!(
            self,
            Self::PeerIntegrity(IntegrityError::DeniedKey)
                | Self::PeerConfidentiality(ConfidentialityError::DeniedKey)
        )
    }

    /// The Warning code of the 403 that answers it (TS 24.379 cl. 4.4, 7.3).
    #[must_use]
    pub const fn warning(&self) -> WarningCode {
        match self {
            Self::PeerIntegrity(_) | Self::LocalNoKey => WarningCode::INTEGRITY_CHECK_FAILED,
            Self::PeerConfidentiality(_) | Self::PeerInClear(_) | Self::PeerMisplaced { .. } => {
                WarningCode::UNABLE_TO_DECRYPT
            }
        }
    }
}

/// Encrypts what is sensitive in `parts` and appends the signed body.
///
/// # Errors
/// [`ProtectionError`] when a part is no XML we could protect, or randomness fails.
pub fn protect_parts(
    mut parts: Vec<Part>,
    hop: &SendingHop,
    random: &mut dyn Random,
) -> Result<Vec<Part>, ProtectionError> {
    if hop.protection.encrypts() {
        for part in &mut parts {
            encrypt_part(part, hop, random)?;
        }
    }
    if hop.protection.signs() {
        let signed = signed_part(&mut parts, &hop.keys, &hop.domain)?;
        parts.extend(signed);
    }
    Ok(parts)
}

fn encrypt_part(
    part: &mut Part,
    hop: &SendingHop,
    random: &mut dyn Random,
) -> Result<(), ProtectionError> {
    let Some(profile) = Profile::of_media_type(&part.media_type()) else {
        return Ok(());
    };
    let hidden = protect::protect(&part.octets, &profile, &hop.keys, &hop.domain, random)?;
    part.octets = Zeroizing::new(hidden.into_bytes());
    Ok(())
}

/// Signs every XML part, giving a Content-ID to those that have none; nothing when there is no XML part.
fn signed_part(
    parts: &mut [Part],
    keys: &XmlKeys,
    domain: &str,
) -> Result<Option<Part>, ProtectionError> {
    for (place, part) in parts.iter_mut().enumerate() {
        if part.is_xml() && part.content_id.is_none() {
            part.content_id = Some(format!("part{}@{domain}", place + 1));
        }
    }
    let covered: Vec<(&str, &[u8])> = parts
        .iter()
        .filter(|part| part.is_xml())
        .filter_map(|part| Some((part.content_id.as_deref()?, part.octets.as_slice())))
        .collect();
    if covered.is_empty() {
        return Ok(None);
    }
    let body = signed_body::sign(&covered, keys)?;
    Ok(Some(Part::new(media_type::MCPTT_SIGNED, body.into_bytes())))
}

/// Parts as they read after verification and decryption.
#[derive(Clone)]
pub struct OpenedParts {
    /// The parts in clear, without the signed body.
    pub parts: Vec<Part>,
    /// Ids of the keys that signed; empty when nothing was signed.
    pub signers: Vec<KeyId>,
}

/// Verifies and opens the parts of a received body.
///
/// # Errors
/// [`ProtectionError`]; nothing of the body may then be used.
pub fn open_parts(parts: &[Part], hop: &ReceivingHop) -> Result<OpenedParts, ProtectionError> {
    let signers = verify(parts, hop)?;
    let mut opened = Vec::with_capacity(parts.len());
    for part in parts {
        if part.media_type() != media_type::MCPTT_SIGNED {
            opened.push(open_part(part, hop)?);
        }
    }
    Ok(OpenedParts {
        parts: opened,
        signers,
    })
}

fn verify(parts: &[Part], hop: &ReceivingHop) -> Result<Vec<KeyId>, ProtectionError> {
    let signed = parts
        .iter()
        .any(|part| part.media_type() == media_type::MCPTT_SIGNED);
    if !hop.protection.signs() && !signed {
        return Ok(Vec::new());
    }
    let view: Vec<signed_body::Part<'_>> = parts
        .iter()
        .map(|part| signed_body::Part {
            content_type: &part.content_type,
            content_id: part.content_id.as_deref(),
            octets: &part.octets,
        })
        .collect();
    Ok(signed_body::verify_parts(&view, &hop.keys, hop.coverage)?)
}

fn open_part(part: &Part, hop: &ReceivingHop) -> Result<Part, ProtectionError> {
    let media_type = part.media_type();
    let Some(profile) = Profile::of_media_type(&media_type) else {
        return Ok(part.clone());
    };
    let opened = protect::open(&part.octets, &profile, &hop.keys, &hop.domains)?;
    if hop.protection.encrypts() && opened.clear > 0 {
        return Err(ProtectionError::PeerInClear(media_type));
    }
    if hop.protection.encrypts() && opened.misplaced > 0 {
        let places = opened.misplaced;
        return Err(ProtectionError::PeerMisplaced { media_type, places });
    }
    let mut shown = part.clone();
    shown.octets = Zeroizing::new(opened.xml.as_bytes().to_vec());
    Ok(shown)
}
