//! A body crosses a protected hop: what the wire shows, and what a receiver refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use roger_base::{KeyId, McpttId, Secret};
use roger_call::body::{Body, BodyError, Part};
use roger_call::feature::media_type;
use roger_call::protection::{Protection, ProtectionError, ReceivingHop, SendingHop};
use roger_call::warning::WarningCode;
use roger_documents::Document;
use roger_documents::mcptt_info::{McpttInfo, RequestUri, SessionType};
use roger_sip::message::{HeaderName, Headers};
use roger_testkit::SeededRandom;
use roger_xml::signed_body::Coverage;
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use roger_xml::{BoundKeys, XmlKeys};

const GROUP: &str = "sip:fire-1@mcptt.example.org";
const DOMAIN: &str = "mcptt.example.org";

fn keys(id: u32) -> XmlKeys {
    let octet = id.to_be_bytes()[3];
    XmlKeys::new(
        KeyId::from(id),
        Secret::new([octet; 16]),
        Secret::new([!octet; 16]),
    )
}

fn sending(protection: Protection) -> SendingHop {
    SendingHop {
        keys: keys(0x2000_0001),
        domain: DOMAIN.to_owned(),
        protection,
    }
}

fn receiving(protection: Protection) -> ReceivingHop {
    ReceivingHop {
        keys: BoundKeys::one(keys(0x2000_0001)),
        domains: ProtectedDomains::new(vec![DOMAIN.to_owned()], UriTolerance::AsSent),
        protection,
        coverage: Coverage::EveryXmlPart,
    }
}

fn info() -> McpttInfo {
    let user = McpttId::new(GROUP).unwrap();
    McpttInfo {
        session_type: Some(SessionType::Prearranged),
        request_uri: Some(RequestUri::from(&user)),
        ..McpttInfo::default()
    }
}

fn body() -> Body {
    Body::new()
        .with(Part::new(media_type::SDP, b"v=0\r\n".to_vec()))
        .with_document(&info())
}

/// What arrives: the body through its octets.
fn across(body: &Body) -> Body {
    let (content_type, octets) = body.encode(&mut SeededRandom::new(7)).unwrap().unwrap();
    let mut headers = Headers::new();
    headers
        .push(HeaderName::CONTENT_TYPE, content_type)
        .unwrap();
    Body::of(&headers, &octets).unwrap()
}

fn protected(protection: Protection) -> Body {
    body()
        .protected(&sending(protection), &mut SeededRandom::new(1))
        .unwrap()
}

#[test]
fn what_was_protected_opens_to_the_same_documents() {
    for protection in [
        Protection::Full,
        Protection::ConfidentialityOnly,
        Protection::IntegrityOnly,
        Protection::Off,
    ] {
        let opened = across(&protected(protection))
            .opened(&receiving(protection))
            .unwrap();
        assert_eq!(opened.octets(media_type::SDP).unwrap(), b"v=0\r\n");
        let read: McpttInfo = opened.required().unwrap();
        assert_eq!(read.write(), info().write());
    }
}

#[test]
fn the_group_is_not_on_the_wire_when_confidentiality_is_on() {
    let seen = |protection| {
        let (_, octets) = protected(protection)
            .encode(&mut SeededRandom::new(7))
            .unwrap()
            .unwrap();
        octets
            .windows(GROUP.len())
            .any(|window| window == GROUP.as_bytes())
    };
    assert!(!seen(Protection::Full));
    assert!(
        seen(Protection::IntegrityOnly),
        "the search must be able to find it"
    );
}

#[test]
fn one_octet_changed_in_any_signed_part_is_warning_139() {
    let sent = across(&protected(Protection::Full));
    for place in [0, 10, 60] {
        let mut changed = Body::new();
        for name in [
            media_type::SDP,
            media_type::MCPTT_INFO,
            media_type::MCPTT_SIGNED,
        ] {
            let mut part = sent.part(name).unwrap().clone();
            if name == media_type::MCPTT_INFO {
                part.octets[place] ^= 1;
            }
            changed = changed.with(part);
        }
        let error = changed.opened(&receiving(Protection::Full)).err().unwrap();
        assert_eq!(
            error.warning(),
            WarningCode::INTEGRITY_CHECK_FAILED,
            "{error}"
        );
    }
}

#[test]
fn a_body_without_signature_is_refused_when_integrity_is_on() {
    let sent = across(&protected(Protection::ConfidentialityOnly));
    let error = sent.opened(&receiving(Protection::Full)).err().unwrap();
    assert!(
        matches!(error, ProtectionError::PeerIntegrity(_)),
        "{error}"
    );
}

#[test]
fn an_identity_in_clear_is_refused_when_confidentiality_is_on() {
    let sent = across(&protected(Protection::IntegrityOnly));
    let error = sent.opened(&receiving(Protection::Full)).err().unwrap();
    assert_eq!(
        error,
        ProtectionError::PeerInClear(media_type::MCPTT_INFO.to_owned())
    );
    assert_eq!(error.warning(), WarningCode::UNABLE_TO_DECRYPT);
}

#[test]
fn the_key_of_another_user_opens_nothing() {
    let sent = across(&protected(Protection::Full));
    let mut hop = receiving(Protection::Full);
    hop.keys = BoundKeys::one(keys(0x2000_0002));
    assert_eq!(
        sent.opened(&hop).err().unwrap().warning(),
        WarningCode::INTEGRITY_CHECK_FAILED
    );
    let sent = across(&protected(Protection::ConfidentialityOnly));
    hop.protection = Protection::ConfidentialityOnly;
    assert_eq!(
        sent.opened(&hop).err().unwrap().warning(),
        WarningCode::UNABLE_TO_DECRYPT
    );
}

#[test]
fn two_parts_of_one_type_are_refused() {
    let twice = body().with_document(&info());
    let (content_type, octets) = twice.encode(&mut SeededRandom::new(7)).unwrap().unwrap();
    let mut headers = Headers::new();
    headers
        .push(HeaderName::CONTENT_TYPE, content_type)
        .unwrap();
    let error = Body::of(&headers, &octets).err().unwrap();
    assert!(matches!(error, BodyError::PeerTwice(_)));
    assert_eq!(error.warning(), WarningCode::INVALID_BODY);
}

#[test]
fn a_single_part_needs_no_multipart() {
    let single = Body::new().with(Part::new(media_type::MIKEY, vec![1, 2, 3]));
    let (content_type, octets) = single.encode(&mut SeededRandom::new(7)).unwrap().unwrap();
    assert_eq!(
        (content_type.as_str(), octets.as_slice()),
        (media_type::MIKEY, &[1, 2, 3][..])
    );
}
