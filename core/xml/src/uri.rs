//! Protected URIs: an identity in an XML attribute hidden inside one SIP URI (TS 33.180 cl. 9.3.4.3).
//!
//! ```text
//! sip:<base64(ciphertext || tag)>;iv=<base64(IV)>;key-id=<base64(XPK-ID)>;alg=128-aes-gcm@<domain>
//! ```
//! AES-128-GCM without additional data over the UTF-8 octets of the hidden URI.

use crate::element::{ConfidentialityError, IV_OCTETS, TAG_OCTETS, open, seal};
use crate::encoding::encode_base64;
use crate::{BoundKeys, XmlKeys};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use roger_base::{KeyId, Random};

const ALGORITHM: &str = "128-aes-gcm";
/// Longest value looked at; the hidden identity has at most 1024 octets.
const MAX_URI_OCTETS: usize = 4096;

/// What a receiver takes besides the exact form (TS 33.180 cl. 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UriTolerance {
    /// The hidden URI is used as it was encrypted.
    #[default]
    AsSent,
    /// A hidden URI without scheme gets `sip:` in front: for products that hide bare addresses.
    RestoreSipScheme,
}

/// The domains that mark an attribute as confidentiality protected, configured at both ends.
#[derive(Debug, Clone, Default)]
pub struct ProtectedDomains {
    domains: Vec<String>,
    tolerance: UriTolerance,
}

impl ProtectedDomains {
    /// The configured domains; the first is not special here, a sender names its own in [`protect`].
    #[must_use]
    pub const fn new(domains: Vec<String>, tolerance: UriTolerance) -> Self {
        Self { domains, tolerance }
    }

    fn contains(&self, domain: &str) -> bool {
        self.domains
            .iter()
            .any(|known| known.eq_ignore_ascii_case(domain))
    }

    /// Takes the domain away from the end, with or without `@` before it.
    fn split<'a>(&self, value: &'a str) -> Option<(&'a str, bool)> {
        if let Some((user, domain)) = value.rsplit_once('@') {
            return Some((user, self.contains(domain)));
        }
        let mark = format!(";alg={ALGORITHM}");
        let start = value.rfind(&mark)?.checked_add(mark.len())?;
        let (user, domain) = value.split_at_checked(start)?;
        self.contains(domain).then_some((user, true))
    }
}

/// Hides a URI. The domain is the provisioned one that the receiver knows.
///
/// # Errors
/// [`ConfidentialityError::LocalRandom`] when there is no randomness for the IV.
pub fn protect(
    uri: &str,
    keys: &XmlKeys,
    domain: &str,
    random: &mut dyn Random,
) -> Result<String, ConfidentialityError> {
    let (iv, sealed) = seal(keys, uri.as_bytes(), random)?;
    let (sealed, iv, key_id) = (encode_base64(&sealed), encode_base64(&iv), keys.key_name());
    Ok(format!(
        "sip:{sealed};iv={iv};key-id={key_id};alg={ALGORITHM}@{domain}"
    ))
}

/// Whether a value claims to be a protected URI: it then opens or is refused, never used as it stands.
#[must_use]
pub fn is_protected(value: &str, domains: &ProtectedDomains) -> bool {
    let value = unescape(value).unwrap_or_default();
    let Some((user, known_domain)) = domains.split(&value) else {
        return false;
    };
    let lower = user.to_ascii_lowercase();
    let has = |name: &str| lower.contains(name);
    let whole = has(";key-id=") && lower.ends_with(&format!(";alg={ALGORITHM}"));
    whole || (known_domain && (has(";key-id=") || has(";iv=") || has(";alg=")))
}

/// Opens a protected URI with the key it names among those bound to the sender.
///
/// # Errors
/// [`ConfidentialityError`] when the form, the algorithm, the key or the tag is not right.
pub fn unprotect(
    value: &str,
    keys: &BoundKeys,
    domains: &ProtectedDomains,
) -> Result<String, ConfidentialityError> {
    let value = unescape(value).ok_or(ConfidentialityError::PeerUriForm)?;
    let (user, _) = domains
        .split(&value)
        .ok_or(ConfidentialityError::PeerUriForm)?;
    let form = Form::parse(user)?;
    let keys = keys
        .by_id(form.key_id)
        .ok_or(ConfidentialityError::DeniedKey)?;
    let plain = open(keys, form.iv, form.sealed)?;
    let uri = core::str::from_utf8(&plain).map_err(|_| ConfidentialityError::PeerUriForm)?;
    restore_scheme(uri, domains.tolerance)
}

/// An identity has a scheme; a selector of an XCAP document, which stands in the same attributes, is a relative
/// path and has none (RFC 5875 cl. 4.6, TS 24.481).
fn restore_scheme(uri: &str, tolerance: UriTolerance) -> Result<String, ConfidentialityError> {
    let path = uri.split(':').next().unwrap_or_default();
    if path.contains('/') {
        return Ok(uri.to_owned());
    }
    let has_scheme = uri.split_once(':').is_some_and(|(scheme, rest)| {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(legal)
            && !rest.is_empty()
    });
    match (has_scheme, tolerance) {
        (true, _) => Ok(uri.to_owned()),
        (false, UriTolerance::RestoreSipScheme) if !uri.is_empty() => Ok(format!("sip:{uri}")),
        (false, _) => Err(ConfidentialityError::PeerUriForm),
    }
}

struct Form {
    sealed: Vec<u8>,
    iv: [u8; IV_OCTETS],
    key_id: KeyId,
}

impl Form {
    /// Splits `sip:<ciphertext>;iv=…;key-id=…;alg=…`; each parameter once, in any order, no other.
    fn parse(user: &str) -> Result<Self, ConfidentialityError> {
        let bad = || ConfidentialityError::PeerUriForm;
        let rest = user.get(4..).filter(|_| {
            user.get(..4)
                .is_some_and(|s| s.eq_ignore_ascii_case("sip:"))
        });
        let mut fields = rest.ok_or_else(bad)?.split(';');
        let sealed = decode(fields.next().ok_or_else(bad)?).ok_or_else(bad)?;
        let (mut iv, mut key_id, mut algorithm) = (None, None, None);
        for field in fields {
            let (name, value) = field.split_once('=').ok_or_else(bad)?;
            let place = match name.to_ascii_lowercase().as_str() {
                "iv" => &mut iv,
                "key-id" => &mut key_id,
                "alg" => &mut algorithm,
                _ => return Err(bad()),
            };
            if place.replace(value).is_some() {
                return Err(bad());
            }
        }
        if !algorithm.ok_or_else(bad)?.eq_ignore_ascii_case(ALGORITHM) {
            return Err(ConfidentialityError::PeerAlgorithm);
        }
        let iv = decode(iv.ok_or_else(bad)?)
            .ok_or_else(bad)?
            .try_into()
            .map_err(|_| bad())?;
        let key_id = decode(key_id.ok_or_else(bad)?)
            .ok_or_else(bad)?
            .try_into()
            .map_err(|_| bad())?;
        if sealed.len() < TAG_OCTETS {
            return Err(bad());
        }
        Ok(Self {
            sealed,
            iv,
            key_id: KeyId::from_octets(key_id),
        })
    }
}

/// Base64 of either alphabet, padded or not: a receiver takes what relays make of `+`, `/` and `=`.
fn decode(text: &str) -> Option<Vec<u8>> {
    const TOLERANT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let standard: String = text
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    TOLERANT.decode(standard).ok()
}

/// Undoes %-escapes once; nothing when one is malformed, the result is not UTF-8, or the value is too long.
fn unescape(value: &str) -> Option<String> {
    if value.len() > MAX_URI_OCTETS {
        return None;
    }
    if !value.contains('%') {
        return Some(value.to_owned());
    }
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        octets.push((high * 16 + low) as u8);
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_base::{RandomError, Secret};

    struct Fixed;
    impl Random for Fixed {
        fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
            (0xb0..).zip(buffer).for_each(|(n, octet)| *octet = n);
            Ok(())
        }
    }

    fn keys() -> XmlKeys {
        let ck = *b"\xfe\x40\x8b\x47\x0b\x2d\x74\xb6\xaf\xac\x57\x06\x51\x6f\x27\x44";
        XmlKeys::new(
            KeyId::from(0x2ddd_5bf0),
            Secret::new(ck),
            Secret::new([0; 16]),
        )
    }

    fn domains() -> ProtectedDomains {
        ProtectedDomains::new(vec!["mcptt.example.org".to_owned()], UriTolerance::AsSent)
    }

    fn opened(value: &str) -> Result<String, ConfidentialityError> {
        unprotect(value, &BoundKeys::one(keys()), &domains())
    }

    const BOB: &str = "sip:bob@mcptt.example.org";
    const PRINTED: &str = "sip:e7FMBQbb6MKq+m22va3zA1kcUQBhPEnlYNgDr7bjRXCoB38BMfyCo8k=;iv=sLGys7S1tre4ubq7;key-id=Ld1b8A==;alg=128-aes-gcm@mcptt.example.org";

    #[test]
    fn the_printed_example_comes_out() {
        assert_eq!(
            protect(BOB, &keys(), "mcptt.example.org", &mut Fixed).unwrap(),
            PRINTED
        );
        assert!(is_protected(PRINTED, &domains()));
        assert_eq!(opened(PRINTED).unwrap(), BOB);
    }

    #[test]
    fn escaped_and_url_safe_variants_open() {
        let escaped = PRINTED.replace('+', "%2B").replace('=', "%3D");
        assert!(is_protected(&escaped, &domains()));
        assert_eq!(opened(&escaped).unwrap(), BOB);
        let url_safe = PRINTED.replace('+', "-").replace("8k=;", "8k;");
        assert_eq!(opened(&url_safe).unwrap(), BOB);
        let no_at = PRINTED.replace("gcm@", "gcm");
        assert!(is_protected(&no_at, &domains()));
        assert_eq!(opened(&no_at).unwrap(), BOB);
    }

    #[test]
    fn plain_uris_are_not_taken_for_protected_ones() {
        for plain in [
            BOB,
            "tel:+4915112345678",
            "urn:uuid:1",
            "sip:a;x=y@mcptt.example.org",
            "",
            "%zz",
        ] {
            assert!(!is_protected(plain, &domains()), "{plain}");
        }
    }

    #[test]
    fn a_protected_uri_of_another_domain_is_seen_by_its_form() {
        assert!(is_protected(
            &PRINTED.replace("@mcptt", "@other"),
            &domains()
        ));
    }

    #[test]
    fn malformed_values_are_refused() {
        let bad = ConfidentialityError::PeerUriForm;
        let swap = |from: &str, to: &str| opened(&PRINTED.replace(from, to));
        assert_eq!(swap("sip:", "sips:"), Err(bad.clone()));
        assert_eq!(swap(";iv=sLGys7S1tre4ubq7", ""), Err(bad.clone()));
        assert_eq!(
            swap(";iv=sLGys7S1tre4ubq7", ";iv=sLGys7S1tre4"),
            Err(bad.clone())
        );
        assert_eq!(swap(";iv=", ";iv=sLGys7S1tre4ubq7;iv="), Err(bad.clone()));
        assert_eq!(swap(";iv=", ";x=1;iv="), Err(bad.clone()));
        assert_eq!(swap(";key-id=Ld1b8A==", ";key-id=Ld1b"), Err(bad.clone()));
        assert_eq!(
            swap(
                "e7FMBQbb6MKq+m22va3zA1kcUQBhPEnlYNgDr7bjRXCoB38BMfyCo8k=",
                "e7FM"
            ),
            Err(bad.clone())
        );
        assert_eq!(
            swap("128-aes-gcm@", "128-aes-cbc@"),
            Err(ConfidentialityError::PeerAlgorithm)
        );
        assert_eq!(
            swap("Ld1b8A==", "Ld1b8Q=="),
            Err(ConfidentialityError::DeniedKey)
        );
        assert_eq!(swap("e7FM", "e6FM"), Err(ConfidentialityError::PeerTag));
        assert_eq!(opened(&"x".repeat(5000)), Err(bad));
    }

    #[test]
    fn a_selector_of_a_document_has_no_scheme() {
        let selector = "org.3gpp.MCPTT-GKTP/users/sip:alice@mcptt.example.org/gktp.xml";
        let hidden = protect(selector, &keys(), "mcptt.example.org", &mut Fixed).unwrap();
        for tolerance in [UriTolerance::AsSent, UriTolerance::RestoreSipScheme] {
            let domains = ProtectedDomains::new(vec!["mcptt.example.org".into()], tolerance);
            let bound = BoundKeys::one(keys());
            assert_eq!(unprotect(&hidden, &bound, &domains).unwrap(), selector);
        }
    }

    #[test]
    fn a_hidden_uri_without_scheme_is_only_taken_by_policy() {
        let value = protect(
            "bob@mcptt.example.org",
            &keys(),
            "mcptt.example.org",
            &mut Fixed,
        )
        .unwrap();
        assert_eq!(opened(&value), Err(ConfidentialityError::PeerUriForm));
        let tolerant = ProtectedDomains::new(
            vec!["mcptt.example.org".into()],
            UriTolerance::RestoreSipScheme,
        );
        assert_eq!(
            unprotect(&value, &BoundKeys::one(keys()), &tolerant).unwrap(),
            BOB
        );
    }
}
