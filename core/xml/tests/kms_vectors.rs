//! Signatures and wrapped keys of `kms.json`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use roger_base::Secret;
use roger_xml::key_wrap::{WrapProfile, unwrap, wrap};
use roger_xml::markup::Limits;
use roger_xml::sibling::{IntegrityError, Layout, Shape, Verified, sign, verify_document};
use serde_json::Value;

const NAMESPACE: &str = "urn:3gpp:ns:mcsecKMSInterface:1.0";

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/kms.json")).unwrap()
}

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn shape(document: &str) -> Shape {
    if document.starts_with("<SignedKmsRequest") {
        return Shape {
            namespace: NAMESPACE,
            root: "SignedKmsRequest",
            element: "KmsRequest",
        };
    }
    Shape {
        namespace: NAMESPACE,
        root: "SignedKmsResponse",
        element: "KmsResponse",
    }
}

fn verify(document: &str, key: &[u8]) -> Result<Verified, IntegrityError> {
    let find = |_: &str| Secret::try_from(key).ok();
    verify_document(
        document.as_bytes(),
        &shape(document),
        Layout::Sibling,
        &Limits::MESSAGE,
        &find,
    )
}

#[test]
fn signed_documents_verify_to_their_canonical_octets() {
    let vectors = vectors();
    let ink = octets(&vectors["InK"]["value"]);
    let mut count = 0;
    for case in vectors["documents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["SignatureValue"].is_string())
    {
        let verified = verify(case["document"].as_str().unwrap(), &ink).unwrap();
        assert_eq!(verified.key_name, case["KeyName"].as_str().unwrap());
        assert_eq!(
            core::str::from_utf8(&verified.xml).unwrap(),
            case["canonical_xmldoc"].as_str().unwrap()
        );
        count += 1;
    }
    println!("{count} signed KMS documents verified");
    assert_eq!(count, 4);
}

#[test]
fn signing_again_gives_the_same_octets() {
    let vectors = vectors();
    let key = Secret::try_from(octets(&vectors["InK"]["value"]).as_slice()).unwrap();
    for case in vectors["documents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["SignatureValue"].is_string())
    {
        let document = case["document"].as_str().unwrap();
        let shape = shape(document);
        let tree = roxmltree::Document::parse(document).unwrap();
        let element = tree.root_element().first_element_child().unwrap().range();
        let start = document.find('>').unwrap();
        let declarations: Vec<(&str, &str)> = document[..start]
            .split(' ')
            .skip(1)
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name, value.trim_matches('"')))
            .collect();
        let name = case["KeyName"].as_str().unwrap();
        let mut ours = sign(&shape, &declarations, &document[element], name, &key).unwrap();
        for empty in ["CanonicalizationMethod", "DigestMethod"] {
            ours = expanded(&ours, empty);
        }
        assert_eq!(ours, document);
    }
}

/// The vectors write `<a></a>` where we write `<a/>`; the canonical octets are the same.
fn expanded(text: &str, name: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&format!("<ds:{name} ")) {
        let (attributes, tail) = after.split_once('>').unwrap();
        let attributes = attributes.trim_end_matches('/');
        result.push_str(&format!("{before}<ds:{name} {attributes}></ds:{name}>"));
        rest = tail;
    }
    result + rest
}

#[test]
fn altered_documents_are_refused() {
    let vectors = vectors();
    let ink = octets(&vectors["InK"]["value"]);
    let cases = vectors["negative"].as_array().unwrap();
    for case in cases {
        let key = case["verify_with_key"]
            .as_str()
            .map_or_else(|| ink.clone(), |hex| hex::decode(hex).unwrap());
        let error = verify(case["document"].as_str().unwrap(), &key).err();
        println!("{}: {}", case["name"], error.as_ref().unwrap());
        assert!(error.is_some(), "{}", case["name"]);
    }
    assert_eq!(cases.len(), 3);
}

#[test]
fn wrapped_keys_open_and_padded_ones_are_written_the_same() {
    let vectors = vectors();
    let cases = vectors["wrap"].as_array().unwrap();
    let mut written = 0;
    for case in cases {
        let kek = Secret::try_from(octets(&case["kek"]).as_slice()).unwrap();
        let (plain, wrapped) = (octets(&case["plain"]), octets(&case["wrapped"]));
        let label = WrapProfile::from_uri(case["alg"].as_str().unwrap()).unwrap();
        assert_eq!(unwrap(&kek, &wrapped).unwrap().expose(), plain);
        if label == WrapProfile::W3c || case["content"].is_string() {
            assert_eq!(wrap(&kek, &plain).unwrap(), wrapped);
            written += 1;
        }
    }
    println!("{} wrapped keys opened, {written} written", cases.len());
    assert_eq!((cases.len(), written), (9, 6));
}
