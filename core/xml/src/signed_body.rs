//! The signed body `application/vnd.3gpp.mcptt-signed+xml` (TS 24.379 cl. 6.6.3, F.6): one detached signature for
//! each XML part of the message, over the exact octets of that part.

use crate::canonical::{CanonicalForm, canonicalise};
use crate::markup::{self, Limits, MarkupError, elements};
use crate::names::{DS, SIGNED_DOC};
use crate::protect::Profile;
use crate::signed_info::{
    Reference, SignatureStyle, hmac_sha256, key_name, signed_info, value_and_key_name, verify,
};
use crate::writer::{Writer, escape_attribute};
use crate::{BoundKeys, XmlKeys};
use roger_base::KeyId;

pub use crate::signed_info::IntegrityError;

/// Media type of the signed body.
pub const MEDIA_TYPE: &str = "application/vnd.3gpp.mcptt-signed+xml";

/// A MIME part as a signature sees it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Value of Content-Type; parameters are ignored.
    pub content_type: &'a str,
    /// Value of Content-ID, with or without angle brackets.
    pub content_id: Option<&'a str>,
    /// The octets after removal of the transfer encoding, without the line end before the next delimiter.
    pub octets: &'a [u8],
}

impl Part<'_> {
    fn media_type(&self) -> String {
        let media_type = self.content_type.split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }

    fn id(&self) -> Option<&str> {
        let id = self.content_id?.trim();
        Some(
            id.strip_prefix('<')
                .and_then(|id| id.strip_suffix('>'))
                .unwrap_or(id),
        )
    }

    fn is_signed_body(&self) -> bool {
        self.media_type() == MEDIA_TYPE
    }

    fn has_to_be_covered(&self, coverage: Coverage) -> bool {
        let media_type = self.media_type();
        let xml = media_type.ends_with("+xml") && media_type != MEDIA_TYPE;
        match coverage {
            Coverage::EveryXmlPart => xml,
            Coverage::SensitiveParts => xml && Profile::of_media_type(&media_type).is_some(),
        }
    }
}

/// Which parts must be signed when integrity protection is on (TS 33.180 cl. 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coverage {
    /// Every part whose media type ends in `+xml`.
    #[default]
    EveryXmlPart,
    /// For foreign peers: parts that can carry no sensitive content may go uncovered.
    SensitiveParts,
}

const STYLE: SignatureStyle = SignatureStyle {
    prefix: "",
    output_length: None,
};

/// Writes the signed body for parts that are ready to be sent; nothing may change in them afterwards.
///
/// Each part is given by its Content-ID (without angle brackets) and its octets.
///
/// # Errors
/// [`IntegrityError::PeerMarkup`] only if our own signature could not be read back.
pub fn sign(parts: &[(&str, &[u8])], keys: &XmlKeys) -> Result<String, IntegrityError> {
    let mut writer = Writer::with_declaration();
    writer
        .raw("\r\n")
        .start("signatures")
        .attribute("xmlns", SIGNED_DOC);
    for (place, (content_id, octets)) in parts.iter().enumerate() {
        writer.raw(&sign_part(place + 1, content_id, octets, keys)?);
    }
    writer.end("signatures");
    Ok(writer.finish())
}

fn sign_part(
    number: usize,
    content_id: &str,
    octets: &[u8],
    keys: &XmlKeys,
) -> Result<String, IntegrityError> {
    let info = signed_info(&STYLE, &format!("cid:{content_id}"), octets);
    let start = format!(
        r#"<Signature xmlns="{}" Id="signature{number}">"#,
        escape_attribute(DS)
    );
    // The declaration on `Signature` hides the one of `signatures`, so the context does not change the octets.
    let canonical = canonicalise(
        &format!("{start}{info}</Signature>"),
        &[0],
        CanonicalForm::Inclusive,
    )?;
    let value = hmac_sha256(keys.integrity(), &canonical);
    Ok(format!(
        "{start}{info}{}</Signature>",
        value_and_key_name(&STYLE, &value, &keys.key_name())
    ))
}

/// Verifies the signed body among `parts` against the others. To be called when integrity protection is on.
///
/// Gives back the ids of the keys that signed; empty when nothing had to be signed.
///
/// # Errors
/// [`IntegrityError`] for the first signature, reference or part that is not as it has to be.
pub fn verify_parts(
    parts: &[Part<'_>],
    keys: &BoundKeys,
    coverage: Coverage,
) -> Result<Vec<KeyId>, IntegrityError> {
    check_unique_ids(parts)?;
    let mut signed = parts.iter().filter(|part| part.is_signed_body());
    let Some(body) = signed.next() else {
        return none_to_cover(parts, coverage);
    };
    if signed.next().is_some() {
        return Err(IntegrityError::PeerSignedTwice);
    }
    let mut covered = vec![false; parts.len()];
    let key_ids = verify_body(body.octets, parts, &mut covered, keys)?;
    let open = parts
        .iter()
        .zip(&covered)
        .find(|(part, covered)| !**covered && part.has_to_be_covered(coverage));
    match open {
        None => Ok(key_ids),
        Some((part, _)) => Err(IntegrityError::PeerNotCovered(part.media_type())),
    }
}

fn none_to_cover(parts: &[Part<'_>], coverage: Coverage) -> Result<Vec<KeyId>, IntegrityError> {
    if parts.iter().any(|part| part.has_to_be_covered(coverage)) {
        return Err(IntegrityError::PeerNotSigned);
    }
    Ok(Vec::new())
}

fn check_unique_ids(parts: &[Part<'_>]) -> Result<(), IntegrityError> {
    let mut ids: Vec<&str> = parts.iter().filter_map(Part::id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(IntegrityError::PeerDuplicateId);
    }
    Ok(())
}

fn verify_body(
    octets: &[u8],
    parts: &[Part<'_>],
    covered: &mut [bool],
    keys: &BoundKeys,
) -> Result<Vec<KeyId>, IntegrityError> {
    let text = markup::check(octets, &Limits::MESSAGE)?;
    let document = markup::parse_text(text, &Limits::MESSAGE)?;
    let root = document.root_element();
    if !root.has_tag_name((SIGNED_DOC, "signatures")) {
        return Err(MarkupError::PeerStructure("signatures").into());
    }
    let mut key_ids = Vec::new();
    for (place, signature) in elements(root).enumerate() {
        // Other foreign elements and anyExt are allowed by the schema and say nothing here.
        if !signature.has_tag_name((DS, "Signature")) {
            continue;
        }
        let name = key_name(signature)?;
        let key = keys
            .named(name.as_deref())
            .ok_or(IntegrityError::DeniedKey)?;
        let mut named = vec![false; parts.len()];
        for reference in verify(text, signature, &[place], key.integrity())? {
            check_reference(&reference, parts, &mut named)?;
        }
        for (covered, named) in covered.iter_mut().zip(named) {
            *covered |= named;
        }
        key_ids.push(key.key_id());
    }
    if key_ids.is_empty() {
        return Err(IntegrityError::PeerNotSigned);
    }
    key_ids.dedup();
    Ok(key_ids)
}

/// The part that a reference names fits its digest. No signature names a part twice: a body of references to one long
/// part would be digested a thousand times.
fn check_reference(
    reference: &Reference,
    parts: &[Part<'_>],
    named: &mut [bool],
) -> Result<(), IntegrityError> {
    if let Some(transform) = reference.transforms.first() {
        return Err(IntegrityError::PeerAlgorithm(transform.clone()));
    }
    let unknown = || IntegrityError::PeerReference(reference.uri.clone());
    let id = reference.uri.strip_prefix("cid:").unwrap_or(&reference.uri);
    let is_named = |part: &Part<'_>| {
        !part.is_signed_body()
            && part
                .id()
                .is_some_and(|own| own == id || own == percent_decode(id))
    };
    let place = parts.iter().position(is_named).ok_or_else(unknown)?;
    let (part, named) = parts
        .get(place)
        .zip(named.get_mut(place))
        .filter(|(_, named)| !**named)
        .ok_or_else(unknown)?;
    reference.check(part.octets)?;
    *named = true;
    Ok(())
}

/// A `cid` URL escapes what a Content-ID may hold and a URL may not (RFC 2392 2).
fn percent_decode(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => char::from(*high)
                .to_digit(16)
                .zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                octets.push((high * 16 + low) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed_info::sha256;

    #[test]
    fn no_signature_names_a_part_twice() {
        let part = Part {
            content_type: "application/vnd.3gpp.mcptt-info+xml",
            content_id: Some("<i@x>"),
            octets: b"<a/>",
        };
        let reference = |uri: &str| Reference {
            uri: uri.to_owned(),
            transforms: Vec::new(),
            digest: sha256(part.octets),
        };
        let mut named = [false];
        let mut check = |uri| check_reference(&reference(uri), &[part], &mut named);
        assert_eq!(check("cid:i@x"), Ok(()));
        for again in ["cid:i@x", "i@x", "cid:i%40x"] {
            let refused = IntegrityError::PeerReference(again.to_owned());
            assert_eq!(check(again), Err(refused));
        }
    }
}
