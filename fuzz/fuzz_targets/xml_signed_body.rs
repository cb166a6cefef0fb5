#![no_main]
//! The signed body and a part that it may or may not cover. Without the key nothing may verify.
use libfuzzer_sys::fuzz_target;
use roger_base::{KeyId, Secret};
use roger_xml::signed_body::{Coverage, MEDIA_TYPE, Part, verify_parts};
use roger_xml::{BoundKeys, XmlKeys};

fuzz_target!(|data: &[u8]| {
    let keys = XmlKeys::new(KeyId::from(0x2ddd_5bf0), Secret::new([1; 16]), Secret::new([2; 16]));
    let body = Part { content_type: MEDIA_TYPE, content_id: None, octets: data };
    let part = Part { content_type: "application/a+xml", content_id: Some("<i@x>"), octets: b"<a/>" };
    let result = verify_parts(&[part, body], &BoundKeys::one(keys), Coverage::EveryXmlPart);
    assert!(result.is_err());
});
