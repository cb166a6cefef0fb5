#![no_main]
//! A multipart body within its bounds: every part lies inside the body, and what is built from the parts
//! reads the same.
use libfuzzer_sys::fuzz_target;
use roger_sip::message::{HeaderName, Headers};
use roger_sip::multipart::{MultipartBuilder, MultipartLimits, leaves};

fuzz_target!(|data: &[u8]| {
    let mut headers = Headers::new();
    headers.push(HeaderName::CONTENT_TYPE, "multipart/mixed;boundary=b").expect("a plain value");
    let limits = MultipartLimits { parts: 8, depth: 3 };
    let Ok(parts) = leaves(&headers, data, &limits) else { return };
    assert!(parts.len() <= limits.parts);
    let mut builder = MultipartBuilder::new();
    for part in &parts {
        assert!(part.octets().len() < data.len());
        let _ = (part.content(), part.content_id(), part.disposition());
        builder = builder.part("application/octet-stream", part.octets());
    }
    let Ok((content_type, body)) = builder.build_with_boundary("another-boundary") else { return };
    headers.set(HeaderName::CONTENT_TYPE, content_type).expect("a plain value");
    let again = leaves(&headers, &body, &limits).expect("what was built can be read");
    assert!(again.iter().map(|part| part.octets()).eq(parts.iter().map(|part| part.octets())));
});
