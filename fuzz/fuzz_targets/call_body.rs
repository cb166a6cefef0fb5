#![no_main]
//! The first line is the Content-Type, the rest the body: parts are found, and none is lost when they are written again.
//! The first line is also read as a Warning.
use libfuzzer_sys::fuzz_target;
use roger_call::body::Body;
use roger_call::warning::WarningCode;
use roger_documents::mcptt_info::McpttInfo;
use roger_sip::message::{HeaderName, Headers};
use roger_testkit::SeededRandom;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|octet| *octet == b'\n') else {
        return;
    };
    let (line, body) = (&data[..end], &data[end + 1..]);
    let Ok(line) = core::str::from_utf8(line) else {
        return;
    };
    let _ = WarningCode::from_header_value(line);
    let mut headers = Headers::new();
    if headers.push(HeaderName::CONTENT_TYPE, line.trim()).is_err() {
        return;
    }
    let Ok(read) = Body::of(&headers, body) else {
        return;
    };
    let _ = read.document::<McpttInfo>();
    let Ok(Some((content_type, octets))) = read.encode(&mut SeededRandom::new(1)) else {
        return;
    };
    let mut headers = Headers::new();
    headers.push(HeaderName::CONTENT_TYPE, content_type.as_str()).expect("a plain value");
    let again = Body::of(&headers, &octets).expect("what is written can be read");
    assert_eq!(again.is_empty(), read.is_empty());
});
