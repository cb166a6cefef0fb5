//! Bodies of several parts, well meant and hostile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use proptest::prelude::*;
use roger_sip::header::ContentType;
use roger_sip::message::{HeaderFault, HeaderName, Headers, Limits, Message};
use roger_sip::multipart::{
    MultipartBuilder, MultipartError, MultipartLimits, Part, leaves, parts,
};
use roger_testkit::{SeededRandom, third_party_vectors};

fn kind(boundary: &str) -> ContentType {
    ContentType::parse(format!("multipart/mixed;boundary={boundary}").as_bytes()).unwrap()
}

fn read<'a>(boundary: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, MultipartError> {
    parts(&kind(boundary), body, &MultipartLimits::default())
}

fn headers(content_type: &str) -> Headers {
    let mut headers = Headers::new();
    headers
        .push(HeaderName::CONTENT_TYPE, content_type)
        .unwrap();
    headers
}

#[test]
fn what_is_built_reads_back_octet_for_octet() {
    let binary: Vec<u8> = (0..=255).collect();
    let xml = b"<?xml version=\"1.0\"?>\r\n<a>\n\n</a>\r\n".to_vec();
    let (content_type, body) = MultipartBuilder::new()
        .part("application/sdp", b"v=0\r\n".to_vec())
        .part_with(
            "application/x+xml",
            &[(HeaderName::CONTENT_ID, "<a@b>")],
            xml.clone(),
        )
        .part_with(
            "application/mikey",
            &[(HeaderName::CONTENT_DISPOSITION, "render")],
            binary.clone(),
        )
        .part("text/plain", Vec::new())
        .build(&mut SeededRandom::new(1))
        .unwrap();
    let found = leaves(&headers(&content_type), &body, &MultipartLimits::default()).unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].octets(), b"v=0\r\n");
    assert_eq!(found[1].octets(), xml);
    assert_eq!(found[1].content_id().unwrap(), Some("a@b"));
    assert_eq!(found[2].content().unwrap(), binary);
    assert_eq!(found[2].disposition().unwrap().unwrap().kind, "render");
    assert!(found[3].octets().is_empty() && found[3].is("TEXT/plain"));
}

#[test]
fn the_message_of_rfc_4475_has_two_parts() {
    let Some(directory) = third_party_vectors("rfc4475") else {
        return;
    };
    let octets = std::fs::read(directory.join("mpart01.dat")).unwrap();
    let message = Message::parse_datagram(&octets, &Limits::default()).unwrap();
    let found = leaves(
        message.headers(),
        message.body(),
        &MultipartLimits::default(),
    )
    .unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].octets(), b"Hello");
    assert!(found[1].is("application/octet-stream"));
    assert_eq!(found[1].octets()[..2], [0x30, 0x82]);
}

#[test]
fn preamble_epilogue_padding_and_bare_parts_are_understood() {
    let body = b"ignored\r\n--b \t\r\n\r\nno headers\r\n--b\r\nContent-Type: a/b\r\n--b\r\n\r\n\r\n--b--  \r\nignored --b";
    let found = read("b", body).unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].octets(), b"no headers");
    assert!(found[0].is("text/plain"));
    assert!(found[1].is("a/b") && found[1].octets().is_empty());
    assert!(found[2].octets().is_empty());
}

#[test]
fn a_line_that_only_begins_like_a_delimiter_is_content() {
    let body = b"--b\r\n\r\n--bb\r\n--b-\r\n --b\r\n\n--b\r\n-- b--\r\n--b--";
    assert_eq!(
        read("b", body).unwrap()[0].octets(),
        b"--bb\r\n--b-\r\n --b\r\n\n--b\r\n-- b--"
    );
}

#[test]
fn adjacent_delimiters_make_an_empty_part() {
    let found = read("b", b"--b\r\n--b\r\n\r\nx\r\n--b--").unwrap();
    assert_eq!(
        (found.len(), found[0].octets(), found[1].octets()),
        (2, &b""[..], &b"x"[..])
    );
}

#[test]
fn broken_structures_are_refused() {
    for (body, error) in [
        (&b""[..], MultipartError::NoPart),
        (b"nothing", MultipartError::NoPart),
        (b"--b--", MultipartError::NoPart),
        (b"--b\r\n\r\nx", MultipartError::NotClosed),
        (b"--b\r\n\r\nx\r\n--b\r\n", MultipartError::NotClosed),
        (b"--b\r\n\r\nx\r\n--b-", MultipartError::NotClosed),
        (b"--b\n\nx\n--b--", MultipartError::NoPart),
        (b"--b\r\n\r\nx--b--", MultipartError::NotClosed),
        (
            b"--b\r\nno colon\r\n\r\nx\r\n--b--",
            MultipartError::PartHeader(HeaderFault::NoName),
        ),
        (
            b"--b\r\na: x\ny\r\n\r\nx\r\n--b--",
            MultipartError::PartHeader(HeaderFault::StrayBreak),
        ),
    ] {
        assert_eq!(
            read("b", body).unwrap_err(),
            error,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn lying_boundaries_are_refused() {
    let body = b"--b\r\n\r\nx\r\n--b--";
    let long = "b".repeat(71);
    for bad in [
        "\"\"",
        "\"b \"",
        "\"b\u{fc}\"",
        "\"b\\\"c\"",
        "\"b@c\"",
        long.as_str(),
    ] {
        assert_eq!(
            read(bad, body).unwrap_err(),
            MultipartError::Boundary,
            "{bad}"
        );
    }
    let none = ContentType::parse(b"multipart/mixed").unwrap();
    assert_eq!(
        parts(&none, body, &MultipartLimits::default()).unwrap_err(),
        MultipartError::Boundary
    );
    assert_eq!(read("another", body).unwrap_err(), MultipartError::NoPart);
    let single = ContentType::parse(b"text/plain;boundary=b").unwrap();
    assert_eq!(
        parts(&single, body, &MultipartLimits::default()).unwrap_err(),
        MultipartError::NotMultipart
    );
    assert!(
        read(
            &"b".repeat(70),
            format!("--{0}\r\n\r\n\r\n--{0}--", "b".repeat(70)).as_bytes()
        )
        .is_ok()
    );
}

fn nested(levels: usize) -> Vec<u8> {
    let mut body = b"--b0\r\n\r\nx\r\n--b0--".to_vec();
    for level in 1..levels {
        let head = format!(
            "--b{level}\r\nContent-Type: multipart/mixed;boundary=b{}\r\n\r\n",
            level - 1
        );
        body = [
            head.as_bytes(),
            &body,
            format!("\r\n--b{level}--").as_bytes(),
        ]
        .concat();
    }
    body
}

#[test]
fn nesting_and_number_are_bounded() {
    let limits = MultipartLimits::default();
    let body = nested(4);
    let found = leaves(&headers("multipart/mixed;boundary=b3"), &body, &limits);
    assert_eq!(found.unwrap()[0].octets(), b"x");
    let deep = nested(5);
    let found = leaves(&headers("multipart/mixed;boundary=b4"), &deep, &limits);
    assert_eq!(found.unwrap_err(), MultipartError::TooDeep(4));
    let deepest = nested(500);
    assert!(leaves(&headers("multipart/mixed;boundary=b499"), &deepest, &limits).is_err());
    let many = |count: usize| [b"--b\r\n\r\n\r\n".repeat(count), b"--b--".to_vec()].concat();
    assert_eq!(read("b", &many(32)).unwrap().len(), 32);
    assert_eq!(
        read("b", &many(33)).unwrap_err(),
        MultipartError::TooManyParts(32)
    );
    assert_eq!(
        read("b", &many(100_000)).unwrap_err(),
        MultipartError::TooManyParts(32)
    );
}

#[test]
fn parts_of_all_levels_count_together() {
    let inner = |boundary: &str| {
        let parts = format!("--{boundary}\r\n\r\n\r\n").repeat(20);
        format!(
            "Content-Type: multipart/mixed;boundary={boundary}\r\n\r\n{parts}--{boundary}--\r\n"
        )
    };
    let body = format!("--o\r\n{}--o\r\n{}--o--", inner("i"), inner("j"));
    let found = leaves(
        &headers("multipart/mixed;boundary=o"),
        body.as_bytes(),
        &MultipartLimits::default(),
    );
    assert_eq!(found.unwrap_err(), MultipartError::TooManyParts(32));
}

#[test]
fn part_headers_are_bounded() {
    let large = format!("--b\r\nX: {}\r\n\r\nx\r\n--b--", "a".repeat(9000));
    assert_eq!(
        read("b", large.as_bytes()).unwrap_err(),
        MultipartError::PartHeadTooLarge
    );
    let no_end = format!("--b\r\nX: {}\r\n--b--", "a".repeat(9000));
    assert_eq!(
        read("b", no_end.as_bytes()).unwrap_err(),
        MultipartError::PartHeadTooLarge
    );
    let many = format!("--b\r\n{}\r\nx\r\n--b--", "X: a\r\n".repeat(33));
    assert_eq!(
        read("b", many.as_bytes()).unwrap_err(),
        MultipartError::PartHeadTooLarge
    );
}

#[test]
fn transfer_encodings_are_undone_or_refused() {
    let body = |encoding: &str, content: &str| {
        format!("--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{content}\r\n--b--")
    };
    let content = |encoding: &str, text: &str| {
        read("b", body(encoding, text).as_bytes()).unwrap()[0]
            .content()
            .map(|content| content.into_owned())
    };
    assert_eq!(content("BASE64", "aGVs\r\n bG8=\r\n").unwrap(), b"hello");
    for encoding in ["binary", "8bit", "7bit"] {
        assert_eq!(content(encoding, "aGVs").unwrap(), b"aGVs");
    }
    assert_eq!(
        content("quoted-printable", "a").unwrap_err(),
        MultipartError::TransferEncoding
    );
    for bad in ["a", "aGVsbG8", "aGVsbG9=", "a\u{fc}==", "===="] {
        assert_eq!(
            content("base64", bad).unwrap_err(),
            MultipartError::Base64,
            "{bad}"
        );
    }
    let nested = "--o\r\nContent-Type: multipart/mixed;boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b\r\n\r\n\r\n--b--\r\n--o--";
    let found = leaves(
        &headers("multipart/mixed;boundary=o"),
        nested.as_bytes(),
        &MultipartLimits::default(),
    );
    assert_eq!(found.unwrap_err(), MultipartError::TransferEncoding);
}

#[test]
fn repeated_or_malformed_part_headers_are_refused() {
    for head in [
        "Content-Type: a/b\r\nContent-Type: a/b",
        "Content-Type:",
        "Content-Type: a",
    ] {
        let body = format!("--b\r\n{head}\r\n\r\nx\r\n--b--");
        let found = leaves(
            &headers("multipart/mixed;boundary=b"),
            body.as_bytes(),
            &MultipartLimits::default(),
        );
        assert!(matches!(found, Err(MultipartError::PartValue(_))), "{head}");
    }
}

#[test]
fn a_single_body_is_one_part_and_none_is_no_part() {
    let limits = MultipartLimits::default();
    let found = leaves(&headers("application/sdp"), b"v=0", &limits).unwrap();
    assert_eq!((found.len(), found[0].octets()), (1, &b"v=0"[..]));
    assert!(leaves(&Headers::new(), b"", &limits).unwrap().is_empty());
    assert!(
        leaves(&headers("application/sdp"), b"", &limits)
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        leaves(&Headers::new(), b"x", &limits).unwrap_err(),
        MultipartError::NoContentType
    );
}

#[test]
fn a_part_cannot_break_out_when_built() {
    let built = |body: &str| {
        MultipartBuilder::new()
            .part("a/b", body)
            .build_with_boundary("b")
    };
    for bad in ["--b", "--b--", "x\r\n--b\r\ny", "--b--\r\n", "x\r\n--b"] {
        assert_eq!(
            built(bad).unwrap_err(),
            MultipartError::BoundaryInPart,
            "{bad}"
        );
    }
    assert!(built("--bb").is_ok());
    let header = MultipartBuilder::new()
        .part("a/b\r\nX: y", "")
        .build_with_boundary("b");
    assert_eq!(header.unwrap_err(), MultipartError::LineBreak);
    assert_eq!(
        MultipartBuilder::new()
            .build_with_boundary("b")
            .unwrap_err(),
        MultipartError::NoPart
    );
    assert_eq!(
        MultipartBuilder::new()
            .part("a/b", "")
            .build_with_boundary("")
            .unwrap_err(),
        MultipartError::Boundary
    );
}

/// Pieces that structures are made of, so that random bodies come close to legal ones.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"--b".to_vec()),
        Just(b"--b--".to_vec()),
        Just(b"--".to_vec()),
        Just(b"Content-Type: multipart/mixed;boundary=b\r\n\r\n".to_vec()),
        Just(b"Content-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n\r\n\r\n--c--".to_vec()),
        Just(b"Content-Transfer-Encoding: base64\r\n\r\n".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #[test]
    fn any_parts_survive_building_and_reading(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..8), seed: u64) {
        let mut builder = MultipartBuilder::new();
        for body in &bodies {
            builder = builder.part("application/octet-stream", body.clone());
        }
        let (content_type, body) = builder.build(&mut SeededRandom::new(seed)).unwrap();
        let found = leaves(&headers(&content_type), &body, &MultipartLimits::default()).unwrap();
        let read: Vec<&[u8]> = found.iter().map(Part::octets).collect();
        prop_assert_eq!(read, bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn hostile_structures_never_break_the_bounds(pieces in proptest::collection::vec(piece(), 0..40)) {
        let body = pieces.concat();
        let limits = MultipartLimits { parts: 4, depth: 2 };
        if let Ok(found) = leaves(&headers("multipart/mixed;boundary=b"), &body, &limits) {
            prop_assert!(found.len() <= 4);
            for part in found {
                prop_assert!(part.octets().len() <= body.len());
                let _ = part.content();
            }
        }
    }
}
