//! Protection in place: what a receiver refuses, and round trips of any content.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use proptest::prelude::*;
use roger_base::{KeyId, Secret};
use roger_testkit::SeededRandom;
use roger_xml::element::{ConfidentialityError, encrypt};
use roger_xml::markup::MarkupError;
use roger_xml::protect::{Opened, Profile, open, protect};
use roger_xml::signed_body::{Coverage, Part, sign, verify_parts};
use roger_xml::uri::{self, ProtectedDomains, UriTolerance};
use roger_xml::{BoundKeys, Writer, XmlKeys};

const NS: &str = "urn:3gpp:ns:mcpttInfo:1.0";

fn keys() -> XmlKeys {
    XmlKeys::new(
        KeyId::from(0x2000_0001),
        Secret::new([1; 16]),
        Secret::new([2; 16]),
    )
}

fn domains() -> ProtectedDomains {
    ProtectedDomains::new(vec!["mc.example".into()], UriTolerance::AsSent)
}

fn opened(text: &str) -> Result<Opened, ConfidentialityError> {
    open(
        text.as_bytes(),
        &Profile::MCPTT_INFO,
        &BoundKeys::one(keys()),
        &domains(),
    )
}

fn refused(text: &str) -> ConfidentialityError {
    opened(text).err().unwrap()
}

fn encrypted(fragment: &str) -> String {
    encrypt(fragment, &keys(), &mut SeededRandom::new(1)).unwrap()
}

fn info(inner: &str) -> String {
    format!("<mcpttinfo xmlns=\"{NS}\"><mcptt-Params>{inner}</mcptt-Params></mcpttinfo>")
}

#[test]
fn a_fragment_cannot_close_its_parent() {
    let evil = "<mcpttString>x</mcpttString></required><emergency-ind><mcpttBoolean>true</mcpttBoolean></emergency-ind><required>";
    let text = info(&format!(
        "<required type=\"Encrypted\">{}</required>",
        encrypted(evil)
    ));
    assert!(matches!(
        refused(&text),
        ConfidentialityError::PeerMarkup(MarkupError::PeerNotWellFormed)
    ));
}

#[test]
fn a_fragment_keeps_the_bounds_of_markup() {
    for evil in [
        "<!DOCTYPE a>",
        "<a>&b;</a>",
        "<?p?>",
        &"<a>".repeat(40),
        "<b:c/>",
    ] {
        let text = info(&format!(
            "<required type=\"Encrypted\">{}</required>",
            encrypted(evil)
        ));
        assert!(
            matches!(refused(&text), ConfidentialityError::PeerMarkup(_)),
            "{evil}"
        );
    }
}

#[test]
fn bare_text_and_redeclared_namespaces_are_taken() {
    let text = info(&format!(
        "<required type=\"Encrypted\">{}</required>",
        encrypted("sip:a@b")
    ));
    assert_eq!(
        *opened(&text).unwrap().xml,
        info("<required type=\"Normal\">sip:a@b</required>")
    );
    let fragment = format!("<i:mcpttURI xmlns:i=\"{NS}\">sip:a@b</i:mcpttURI>");
    let text = info(&format!(
        "<required type=\"Encrypted\">\n {} </required>",
        encrypted(&fragment)
    ));
    assert_eq!(
        *opened(&text).unwrap().xml,
        info(&format!("<required type=\"Normal\">{fragment}</required>"))
    );
}

#[test]
fn type_and_content_must_agree() {
    let data = encrypted("x");
    let both =
        format!("<required type=\"Encrypted\">{data}<mcpttString>y</mcpttString></required>");
    let text = format!("<required type=\"Encrypted\">y{data}</required>");
    let twice = format!("<required type=\"Encrypted\">{data}{data}</required>");
    let clear = "<required type=\"Encrypted\"><mcpttString>y</mcpttString></required>".to_owned();
    let empty = "<required type=\"Encrypted\"/>".to_owned();
    let other = "<required type=\"Secret\"><mcpttString>y</mcpttString></required>".to_owned();
    for inner in [both, text, twice, clear, empty, other] {
        assert!(
            matches!(
                refused(&info(&inner)),
                ConfidentialityError::PeerTypeMismatch(_)
            ),
            "{inner}"
        );
    }
}

#[test]
fn encrypted_data_has_its_place_and_nothing_else_of_its_namespace_does() {
    let data = encrypted("x");
    let key = r#"<xenc:EncryptedKey xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"/>"#;
    let outside = format!("<a xmlns=\"urn:other\">{data}</a>");
    for inner in [key, &outside] {
        assert!(
            matches!(
                refused(&info(inner)),
                ConfidentialityError::PeerForbidden(_)
            ),
            "{inner}"
        );
    }
    let wrap = |text: String| {
        refused(&info(&format!(
            "<required type=\"Encrypted\">{text}</required>"
        )))
    };
    let retrieval = data.replace(
        "<ds:KeyName>",
        "<ds:RetrievalMethod URI=\"http://peer.example/\"/><ds:KeyName>",
    );
    assert!(matches!(
        wrap(retrieval),
        ConfidentialityError::PeerForbidden(_)
    ));
    let inside = data.replace("<xenc:CipherData>", &format!("{key}<xenc:CipherData>"));
    assert!(matches!(
        wrap(inside),
        ConfidentialityError::PeerForbidden(_)
    ));
    let element = data.replace("xmlenc#Content", "xmlenc#Element");
    assert!(matches!(
        wrap(element),
        ConfidentialityError::PeerForbidden(_)
    ));
    let no_method = data.replace("xenc:EncryptionMethod", "xenc:CipherData");
    assert!(matches!(
        wrap(no_method),
        ConfidentialityError::PeerMarkup(_)
    ));
    assert!(matches!(
        wrap(encrypted(&data)),
        ConfidentialityError::PeerNested
    ));
    let bad_base64 = data.replace("<xenc:CipherValue>", "<xenc:CipherValue>*");
    assert_eq!(wrap(bad_base64), ConfidentialityError::PeerCipherValue);
}

#[test]
fn clear_content_is_counted_so_that_policy_can_refuse_it() {
    let inner = "<session-type>chat</session-type><required type=\"Normal\"><mcpttBoolean>true</mcpttBoolean></required>";
    let result = opened(&info(inner)).unwrap();
    assert_eq!((result.protected, result.clear), (0, 1));
    let list = b"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list><entry uri='sip:a@mc.example'/></list></resource-lists>";
    let result = open(
        list,
        &Profile::RESOURCE_LISTS,
        &BoundKeys::none(),
        &domains(),
    )
    .unwrap();
    assert_eq!((result.protected, result.clear), (0, 1));
}

#[test]
fn sensitive_content_without_a_type_is_in_clear_too_and_is_protected() {
    for inner in [
        "<required><mcpttBoolean>true</mcpttBoolean></required>",
        "<mcptt-request-uri>sip:a@b</mcptt-request-uri>",
        "<anyExt><new-id\n><mcpttURI>sip:a@b</mcpttURI></new-id></anyExt>",
    ] {
        let result = opened(&info(inner)).unwrap();
        assert_eq!((result.protected, result.clear), (0, 1), "{inner}");
        let mut random = SeededRandom::new(4);
        let profile = Profile::MCPTT_INFO;
        let hidden = protect(
            info(inner).as_bytes(),
            &profile,
            &keys(),
            "mc.example",
            &mut random,
        )
        .unwrap();
        assert!(!hidden.contains("sip:a@b") && !hidden.contains("true<"));
        let result = opened(&hidden).unwrap();
        assert_eq!((result.protected, result.clear), (1, 0));
        assert!(result.xml.contains(" type=\"Normal\""));
    }
}

#[test]
fn encrypted_content_without_a_type_opens_and_is_protected_again() {
    let text = info(&format!(
        "<required>{}</required>",
        encrypted("<mcpttBoolean>true</mcpttBoolean>")
    ));
    let result = opened(&text).unwrap();
    let expected = "<required type=\"Normal\"><mcpttBoolean>true</mcpttBoolean></required>";
    assert_eq!((result.protected, &*result.xml), (1, &info(expected)));
}

#[test]
fn a_protected_uri_in_an_attribute_we_do_not_know_stays_hidden() {
    let hidden = uri::protect("sip:a@b", &keys(), "mc.example", &mut SeededRandom::new(2)).unwrap();
    let text = format!(
        "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list><entry x='{hidden}'/></list></resource-lists>"
    );
    let result = open(
        text.as_bytes(),
        &Profile::RESOURCE_LISTS,
        &BoundKeys::one(keys()),
        &domains(),
    )
    .unwrap();
    assert_eq!(*result.xml, text);
}

fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 1..60).prop_map(|chars| {
        let legal = |c: &char| !c.is_control() && !matches!(*c, '\u{fffe}' | '\u{ffff}');
        chars.into_iter().filter(legal).collect()
    })
}

proptest! {
    #[test]
    fn any_element_content_survives(value in any_text(), seed in any::<u64>()) {
        let mut writer = Writer::new();
        writer.start("mcpttinfo").attribute("xmlns", NS).start("mcptt-Params").start("required");
        writer.attribute("type", "Normal").leaf("mcpttString", &value).end("required").end("mcptt-Params").end("mcpttinfo");
        let clear = writer.finish();
        let mut random = SeededRandom::new(seed);
        let hidden = protect(clear.as_bytes(), &Profile::MCPTT_INFO, &keys(), "mc.example", &mut random).unwrap();
        prop_assert!(hidden.contains("Encrypted"));
        let result = opened(&hidden).unwrap();
        prop_assert_eq!(&*result.xml, &clear);
        prop_assert_eq!((result.protected, result.clear), (1, 0));
    }

    #[test]
    fn any_uri_survives(value in any_text(), seed in any::<u64>()) {
        let uri = format!("sip:x{value}");
        let mut writer = Writer::new();
        writer.start("resource-lists").attribute("xmlns", "urn:ietf:params:xml:ns:resource-lists");
        writer.start("list").start("entry").attribute("uri", &uri).end("entry").end("list").end("resource-lists");
        let clear = writer.finish();
        let mut random = SeededRandom::new(seed);
        let lists = Profile::RESOURCE_LISTS;
        let hidden = protect(clear.as_bytes(), &lists, &keys(), "mc.example", &mut random).unwrap();
        let quoted = format!("\"{uri}\"");
        prop_assert!(!hidden.contains(&quoted));
        let result = open(hidden.as_bytes(), &lists, &BoundKeys::one(keys()), &domains()).unwrap();
        prop_assert_eq!(&*result.xml, &clear);
    }

    #[test]
    fn any_octets_are_signed_and_no_other_octets_pass(octets in proptest::collection::vec(any::<u8>(), 0..200), place in any::<prop::sample::Index>()) {
        let signed = sign(&[("i@x", &octets)], &keys()).unwrap();
        let body = Part { content_type: roger_xml::signed_body::MEDIA_TYPE, content_id: None, octets: signed.as_bytes() };
        let part = Part { content_type: "application/a+xml", content_id: Some("<i@x>"), octets: &octets };
        let bound = BoundKeys::one(keys());
        prop_assert!(verify_parts(&[part, body], &bound, Coverage::EveryXmlPart).is_ok());
        let mut altered = octets.clone();
        altered.push(0);
        let at = place.index(altered.len());
        altered[at] ^= 0x40;
        let part = Part { octets: &altered, ..part };
        prop_assert!(verify_parts(&[part, body], &bound, Coverage::EveryXmlPart).is_err());
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = open(&octets, &Profile::MCPTT_INFO, &BoundKeys::one(keys()), &domains());
        let text = String::from_utf8_lossy(&octets);
        let _ = uri::is_protected(&text, &domains());
        let _ = uri::unprotect(&text, &BoundKeys::one(keys()), &domains());
    }
}
