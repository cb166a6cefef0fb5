//! Every case of `xml-protection.json`: what we write, what we accept, what we refuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roger_base::{KeyId, Random, RandomError, Secret};
use roger_xml::protect::{Profile, open, protect};
use roger_xml::signed_body::{Coverage, IntegrityError, Part, sign, verify_parts};
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use roger_xml::{BoundKeys, XmlKeys};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/xml-protection.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

fn octets<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    hex::decode(text(value, name)).unwrap().try_into().unwrap()
}

/// The key set bound to the sender of a case.
fn keys(vectors: &Value, name: &str) -> XmlKeys {
    let list = vectors["keys"].as_array().unwrap();
    let key = list.iter().find(|key| text(key, "name") == name).unwrap();
    let id = KeyId::from_octets(octets(key, "XPK_ID"));
    let keys = XmlKeys::new(
        id,
        Secret::new(octets(key, "CK")),
        Secret::new(octets(key, "IK")),
    );
    assert_eq!(keys.key_name(), text(key, "KeyName"));
    keys
}

fn domains() -> ProtectedDomains {
    ProtectedDomains::new(vec!["mcptt.example.org".into()], UriTolerance::AsSent)
}

/// Gives out the IVs of a vector in order.
struct Ivs(std::collections::VecDeque<Vec<u8>>);

impl Random for Ivs {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.copy_from_slice(&self.0.pop_front().ok_or(RandomError)?);
        Ok(())
    }
}

fn ivs(case: &Value) -> Ivs {
    let lists =
        ["encrypted", "attributes"].map(|name| case[name].as_array().cloned().unwrap_or_default());
    Ivs(lists
        .concat()
        .iter()
        .map(|item| hex::decode(text(item, "iv")).unwrap())
        .collect())
}

struct OwnedPart {
    content_type: String,
    content_id: Option<String>,
    octets: Vec<u8>,
}

impl OwnedPart {
    fn borrow(&self) -> Part<'_> {
        Part {
            content_type: &self.content_type,
            content_id: self.content_id.as_deref(),
            octets: &self.octets,
        }
    }
}

/// A multipart body as the vectors have it: boundary `b1`, CR LF, base64 as transfer encoding.
fn parts(body: &str) -> Vec<OwnedPart> {
    let inner = body
        .strip_prefix("--b1\r\n")
        .unwrap()
        .split_once("\r\n--b1--")
        .unwrap()
        .0;
    inner.split("\r\n--b1\r\n").map(part).collect()
}

fn part(text: &str) -> OwnedPart {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let field = |name: &str| {
        let line = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let encoded =
        field("content-transfer-encoding").is_some_and(|cte| cte.eq_ignore_ascii_case("base64"));
    let octets = if encoded {
        STANDARD.decode(body.trim()).unwrap()
    } else {
        body.as_bytes().to_vec()
    };
    OwnedPart {
        content_type: field("content-type").unwrap(),
        content_id: field("content-id"),
        octets,
    }
}

fn profile_of(media_type: &str) -> Profile {
    Profile::of_media_type(media_type).unwrap()
}

#[test]
fn every_accepted_document_opens_to_its_clear_text_and_is_written_octet_for_octet() {
    let vectors = vectors();
    let (mut opened, mut written) = (0, 0);
    for case in vectors["cases"].as_array().unwrap() {
        let Some(clear) = case["clear_body"].as_str() else {
            continue;
        };
        let keys = keys(&vectors, text(case, "key"));
        let profile = profile_of(text(case, "content_type"));
        let name = text(case, "name");
        let result = open(
            text(case, "body").as_bytes(),
            &profile,
            &BoundKeys::one(keys.clone()),
            &domains(),
        )
        .unwrap();
        assert_eq!(*result.xml, clear, "{name}");
        assert_eq!(result.clear, 0, "{name}");
        opened += result.protected;
        if name == "element-without-keyinfo" {
            continue; // what we write always names its key
        }
        let body = protect(
            clear.as_bytes(),
            &profile,
            &keys,
            "mcptt.example.org",
            &mut ivs(case),
        )
        .unwrap();
        assert_eq!(body, text(case, "body"), "{name}");
        written += 1;
    }
    println!("{opened} elements and attributes opened, {written} documents written");
    assert!(opened >= 20 && written >= 6);
}

#[test]
fn every_accepted_multipart_verifies_and_our_signatures_are_the_same_octets() {
    let vectors = vectors();
    let (mut verified, mut written) = (0, 0);
    for case in vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["signatures"].is_array())
    {
        let keys = keys(&vectors, text(case, "key"));
        let owned = parts(text(case, "body"));
        let parts: Vec<Part<'_>> = owned.iter().map(OwnedPart::borrow).collect();
        let bound = BoundKeys::one(keys.clone());
        let ids = verify_parts(&parts, &bound, Coverage::EveryXmlPart).unwrap();
        assert_eq!(ids, [keys.key_id()]);
        verified += case["signatures"].as_array().unwrap().len();
        let name = text(case, "name");
        if [
            "signature-other-canonicalisations",
            "signature-bare-content-id",
        ]
        .contains(&name)
        {
            continue; // read, never written
        }
        let signed: Vec<(&str, &[u8])> = owned
            .iter()
            .filter(|part| part.content_id.is_some())
            .map(|part| {
                (
                    part.content_id.as_deref().unwrap().trim_matches(['<', '>']),
                    part.octets.as_slice(),
                )
            })
            .collect();
        assert_eq!(
            sign(&signed, &keys).unwrap(),
            text(case, "signed_body"),
            "{name}"
        );
        written += 1;
    }
    println!("{verified} signatures verified, {written} signed bodies written");
    assert!(verified >= 8 && written >= 4);
}

#[test]
fn every_negative_case_is_refused_with_its_warning() {
    let vectors = vectors();
    let cases = vectors["negative"].as_array().unwrap();
    for case in cases {
        let bound = BoundKeys::one(keys(&vectors, text(case, "key")));
        let name = text(case, "name");
        let media_type = text(case, "content_type");
        let warning = if media_type.starts_with("multipart/") {
            let owned = parts(text(case, "body"));
            let parts: Vec<Part<'_>> = owned.iter().map(OwnedPart::borrow).collect();
            verify_parts(&parts, &bound, Coverage::EveryXmlPart)
                .err()
                .map(|error| (IntegrityError::WARNING, error.to_string()))
        } else {
            let result = open(
                text(case, "body").as_bytes(),
                &profile_of(media_type),
                &bound,
                &domains(),
            );
            result.err().map(|error| {
                (
                    roger_xml::element::ConfidentialityError::WARNING,
                    error.to_string(),
                )
            })
        };
        let (warning, why) = warning.unwrap_or_else(|| panic!("{name} was accepted"));
        println!("{name}: {warning} {why}");
        assert_eq!(
            u64::from(warning),
            case["warning"].as_u64().unwrap(),
            "{name}"
        );
    }
    assert_eq!(cases.len(), 31);
}

#[test]
fn a_key_of_another_mode_does_not_open_and_two_keys_need_a_name() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().unwrap();
    let body = |name: &str| {
        text(
            cases
                .iter()
                .find(|case| text(case, "name") == name)
                .unwrap(),
            "body",
        )
        .as_bytes()
    };
    let direct = keys(&vectors, "direct");
    let derived = XmlKeys::new(direct.key_id(), Secret::new([1; 16]), Secret::new([2; 16]));
    let info = Profile::MCPTT_INFO;
    assert!(
        open(
            body("element-xpk-direct"),
            &info,
            &BoundKeys::one(derived),
            &domains()
        )
        .is_err()
    );
    let two: BoundKeys = [keys(&vectors, "csk"), direct].into_iter().collect();
    assert!(open(body("element-without-keyinfo"), &info, &two, &domains()).is_err());
    assert!(open(body("element-request-uri"), &info, &two, &domains()).is_ok());
    assert!(
        open(
            body("element-request-uri"),
            &info,
            &BoundKeys::none(),
            &domains()
        )
        .is_err()
    );
}

#[test]
fn an_uncovered_part_passes_only_without_sensitive_content_and_only_by_policy() {
    let vectors = vectors();
    let keys = keys(&vectors, "csk");
    let info: &[u8] = b"<mcpttinfo xmlns='urn:3gpp:ns:mcpttInfo:1.0'/>";
    let signed = sign(&[("i@x", info)], &keys).unwrap();
    let body = Part {
        content_type: "application/vnd.3gpp.mcptt-signed+xml",
        content_id: None,
        octets: signed.as_bytes(),
    };
    let covered = Part {
        content_type: "application/vnd.3gpp.mcptt-info+xml; charset=utf-8",
        content_id: Some("<i@x>"),
        octets: info,
    };
    let settings = Part {
        content_type: "application/poc-settings+xml",
        content_id: Some("<s@x>"),
        octets: b"<a/>",
    };
    let list = Part {
        content_type: "application/resource-lists+xml",
        content_id: None,
        octets: b"<a/>",
    };
    let bound = BoundKeys::one(keys);
    let verify = |parts: &[Part<'_>], coverage| verify_parts(parts, &bound, coverage);
    assert!(verify(&[covered, body], Coverage::EveryXmlPart).is_ok());
    assert!(matches!(
        verify(&[covered, settings, body], Coverage::EveryXmlPart),
        Err(IntegrityError::PeerNotCovered(_))
    ));
    assert!(verify(&[covered, settings, body], Coverage::SensitiveParts).is_ok());
    assert!(matches!(
        verify(&[covered, list, body], Coverage::SensitiveParts),
        Err(IntegrityError::PeerNotCovered(_))
    ));
    assert_eq!(
        verify(&[covered, body, body], Coverage::EveryXmlPart),
        Err(IntegrityError::PeerSignedTwice)
    );
    assert_eq!(
        verify(&[settings], Coverage::EveryXmlPart),
        Err(IntegrityError::PeerNotSigned)
    );
    assert_eq!(verify(&[settings], Coverage::SensitiveParts), Ok(vec![]));
    assert!(matches!(
        verify(&[settings, body], Coverage::SensitiveParts),
        Err(IntegrityError::PeerReference(_))
    ));
    assert_eq!(
        verify_parts(&[covered, body], &BoundKeys::none(), Coverage::EveryXmlPart),
        Err(IntegrityError::DeniedKey)
    );
}
