//! Every header that is read: once, twice, empty, malformed, and in compact form.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_sip::header::HeaderError;
use roger_sip::message::{HeaderName, Headers, Limits, Message, Request};
use roger_sip::validate::{Cause, validate};

/// What a verdict on a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Accepted,
    Refused,
}
use Rule::{Accepted, Refused};

/// Header, a good value, a bad value (if there is one), rule for two lines, rule for an empty value.
const TABLE: &[(HeaderName<'static>, &str, Option<&str>, Rule, Rule)] = &[
    // Mandatory, once
    (
        HeaderName::FROM,
        "<sip:a@h>;tag=1",
        Some("<sip:a@h"),
        Refused,
        Refused,
    ),
    (
        HeaderName::TO,
        "<sip:b@h>",
        Some("\"b <sip:b@h>"),
        Refused,
        Refused,
    ),
    (HeaderName::CALL_ID, "c@h", Some("c d"), Refused, Refused),
    (
        HeaderName::CSEQ,
        "1 PUBLISH",
        Some("4294967296 PUBLISH"),
        Refused,
        Refused,
    ),
    // Mandatory, a list
    (
        HeaderName::VIA,
        "SIP/2.0/UDP h;branch=z9hG4bK1",
        Some("SIP/2.0/UDP h;;"),
        Accepted,
        Refused,
    ),
    // Once, may be absent
    (
        HeaderName::MAX_FORWARDS,
        "70",
        Some("256"),
        Refused,
        Refused,
    ),
    (
        HeaderName::EXPIRES,
        "4294967295",
        Some("4294967296"),
        Refused,
        Refused,
    ),
    (HeaderName::MIN_EXPIRES, "60", Some("-1"), Refused, Refused),
    (
        HeaderName::EVENT,
        "presence",
        Some("pre sence"),
        Refused,
        Refused,
    ),
    (
        HeaderName::SUBSCRIPTION_STATE,
        "active;expires=5",
        Some(";expires=5"),
        Refused,
        Refused,
    ),
    (
        HeaderName::SESSION_EXPIRES,
        "1800;refresher=uac",
        Some("1800;refresher=me"),
        Refused,
        Refused,
    ),
    (HeaderName::MIN_SE, "90", Some("x"), Refused, Refused),
    (HeaderName::CONTENT_TYPE, "a/b", Some("a"), Refused, Refused),
    (
        HeaderName::CONTENT_DISPOSITION,
        "session",
        Some("a b"),
        Refused,
        Refused,
    ),
    (
        HeaderName::CONTENT_ID,
        "<a@b>",
        Some("<a"),
        Refused,
        Refused,
    ),
    (
        HeaderName::ANSWER_MODE,
        "Auto",
        Some("au to"),
        Refused,
        Refused,
    ),
    (
        HeaderName::PRIV_ANSWER_MODE,
        "Auto;require",
        Some("Auto;;"),
        Refused,
        Refused,
    ),
    (
        HeaderName::P_ANSWER_STATE,
        "Unconfirmed",
        Some("perhaps"),
        Refused,
        Refused,
    ),
    (
        HeaderName::RETRY_AFTER,
        "5 (soon)",
        Some("soon"),
        Refused,
        Refused,
    ),
    (
        HeaderName::REFER_TO,
        "<sip:c@h>",
        Some("<sip:c@h"),
        Refused,
        Refused,
    ),
    (
        HeaderName::REFERRED_BY,
        "<sip:c@h>",
        Some("<sip:c@h"),
        Refused,
        Refused,
    ),
    (
        HeaderName::P_CALLED_PARTY_ID,
        "<sip:c@h>",
        Some("c"),
        Refused,
        Refused,
    ),
    (
        HeaderName::SIP_IF_MATCH,
        "abc",
        Some("a b"),
        Refused,
        Refused,
    ),
    (HeaderName::SIP_ETAG, "abc", Some("a,b"), Refused, Refused),
    (
        HeaderName::INFO_PACKAGE,
        "g.3gpp.mcptt-info",
        None,
        Refused,
        Refused,
    ),
    (
        HeaderName::TARGET_DIALOG,
        "x;local-tag=1",
        None,
        Refused,
        Refused,
    ),
    (
        HeaderName::RACK,
        "1 2 INVITE",
        Some("1 INVITE"),
        Refused,
        Refused,
    ),
    (HeaderName::RSEQ, "1", Some("x"), Refused, Refused),
    // Lists
    (
        HeaderName::CONTACT,
        "<sip:a@h>;q=0.5",
        Some("sip:a@h?x=y"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::ROUTE,
        "<sip:p;lr>",
        Some("<sip:p;lr"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::RECORD_ROUTE,
        "<sip:p;lr>",
        Some("p"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::PATH,
        "<sip:p;lr>",
        Some("<sip:p;;>"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::SERVICE_ROUTE,
        "<sip:p;lr>",
        Some("<sip:>"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::ACCEPT_CONTACT,
        "*;+g.3gpp.mcptt;require",
        Some("+g.3gpp.mcptt"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::P_PREFERRED_IDENTITY,
        "<sip:a@h>",
        Some("<sip:a@h"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::P_ASSERTED_IDENTITY,
        "\"a\" <tel:+1>",
        Some("\"a <tel:+1>"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::P_ASSOCIATED_URI,
        "<sip:a@h>",
        Some("<sip:a@h> x"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::P_PREFERRED_SERVICE,
        "urn:urn-7:3gpp-service.ims.icsi.mcptt",
        Some("mcptt"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::P_ASSERTED_SERVICE,
        "urn:urn-7:3gpp-service.ims.icsi.mcptt",
        Some("a b:c"),
        Accepted,
        Refused,
    ),
    (HeaderName::REQUIRE, "timer", Some("a b"), Accepted, Refused),
    (
        HeaderName::PROXY_REQUIRE,
        "x",
        Some("x,,y"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::AUTHORIZATION,
        "Digest realm=\"a\"",
        Some("Digest realm=\"a"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::PROXY_AUTHORIZATION,
        "Bearer abc",
        Some("Bearer"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::WWW_AUTHENTICATE,
        "Digest realm=\"a\"",
        Some("Digest a=1,a=2"),
        Accepted,
        Refused,
    ),
    (
        HeaderName::PROXY_AUTHENTICATE,
        "Digest realm=\"a\"",
        Some("Digest ,"),
        Accepted,
        Refused,
    ),
    // Lists that may be empty by the grammar
    (
        HeaderName::ACCEPT,
        "application/sdp",
        Some("sdp"),
        Accepted,
        Accepted,
    ),
    (
        HeaderName::SUPPORTED,
        "timer, norefersub",
        Some("a b"),
        Accepted,
        Accepted,
    ),
    (
        HeaderName::ALLOW,
        "INVITE",
        Some("IN VITE"),
        Accepted,
        Accepted,
    ),
    // Never a reason to refuse a call
    (
        HeaderName::RESOURCE_PRIORITY,
        "mcpttp.5",
        None,
        Accepted,
        Accepted,
    ),
    (
        HeaderName::WARNING,
        "399 h \"100 x\"",
        None,
        Accepted,
        Accepted,
    ),
    (
        HeaderName::REASON,
        "SIP;cause=200",
        None,
        Accepted,
        Accepted,
    ),
    (HeaderName::SUBJECT, "x", None, Accepted, Accepted),
    (HeaderName::DATE, "never", None, Accepted, Accepted),
];

/// A request in which a header has these values, the others their good ones where they are mandatory.
fn request(name: HeaderName<'_>, values: &[&str]) -> Request {
    let mut text = String::from("PUBLISH sip:h SIP/2.0\r\n");
    for (mandatory, good, ..) in TABLE
        .iter()
        .take(5)
        .filter(|(mandatory, ..)| *mandatory != name)
    {
        text += &format!("{mandatory}: {good}\r\n");
    }
    for value in values {
        text += &format!("{name}: {value}\r\n");
    }
    match Message::parse_datagram(format!("{text}\r\n").as_bytes(), &Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request"),
    }
}

fn verdict(name: HeaderName<'_>, values: &[&str]) -> Rule {
    if validate(&request(name, values)).is_ok() {
        Accepted
    } else {
        Refused
    }
}

#[test]
fn once_with_a_good_value_is_accepted() {
    for (name, good, ..) in TABLE {
        assert_eq!(validate(&request(*name, &[good])), Ok(()), "{name}");
    }
}

#[test]
fn twice_follows_the_rule_of_the_header() {
    for (name, good, _, twice, _) in TABLE {
        assert_eq!(verdict(*name, &[good, good]), *twice, "{name}");
    }
}

#[test]
fn two_different_values_are_no_better_than_two_equal_ones() {
    let request = request(HeaderName::TO, &["<sip:b@h>", "<sip:c@h>"]);
    assert_eq!(
        validate(&request).unwrap_err().cause,
        Cause::Header(HeaderError::Repeated("To"))
    );
}

#[test]
fn an_empty_value_follows_the_rule_of_the_header() {
    for (name, good, _, twice, empty) in TABLE {
        for blank in ["", "  \t ", " \r\n "] {
            assert_eq!(verdict(*name, &[blank]), *empty, "{name} {blank:?}");
        }
        let both = if *empty == Refused { Refused } else { *twice };
        assert_eq!(verdict(*name, &[good, ""]), both, "{name}");
        assert_eq!(verdict(*name, &["", good]), both, "{name}");
    }
}

#[test]
fn a_malformed_value_is_refused_wherever_it_stands() {
    for (name, good, bad, ..) in TABLE {
        let Some(bad) = bad else { continue };
        assert_eq!(verdict(*name, &[bad]), Refused, "{name}");
        assert_eq!(verdict(*name, &[good, bad]), Refused, "{name}");
    }
}

#[test]
fn a_tag_without_value_is_refused() {
    for name in [HeaderName::FROM, HeaderName::TO] {
        for tag in [";tag", ";tag=", ";TAG= "] {
            assert_eq!(
                verdict(name, &[&format!("<sip:a@h>{tag}")]),
                Refused,
                "{name} {tag}"
            );
        }
    }
}

#[test]
fn mandatory_headers_are_missed() {
    for (name, ..) in TABLE.iter().take(5) {
        let refusal = validate(&request(*name, &[])).unwrap_err();
        assert_eq!(
            refusal.cause,
            Cause::Header(HeaderError::Missing(name.as_str())),
            "{name}"
        );
    }
}

#[test]
fn a_compact_and_a_full_form_are_two_of_the_same() {
    for (name, compact) in [
        (HeaderName::TO, "t"),
        (HeaderName::CALL_ID, "I"),
        (HeaderName::EVENT, "o"),
    ] {
        let (_, good, ..) = TABLE.iter().find(|(known, ..)| *known == name).unwrap();
        let mut request = request(name, &[good]);
        let line = format!("{compact}: {good}\r\nContent-Length:");
        let text = String::from_utf8(request.to_octets()).unwrap();
        let text = text.replace("\r\n\r\n", &format!("\r\n{line} 0\r\n\r\n"));
        request = match Message::parse_datagram(text.as_bytes(), &Limits::default()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request"),
        };
        assert!(
            matches!(
                validate(&request).unwrap_err().cause,
                Cause::Header(HeaderError::Repeated(_))
            ),
            "{name}"
        );
    }
}

#[test]
fn absent_headers_have_empty_views() {
    let headers = Headers::new();
    assert_eq!(headers.max_forwards(), Ok(None));
    assert_eq!(headers.seconds(HeaderName::EXPIRES), Ok(None));
    assert_eq!(headers.event(), Ok(None));
    assert_eq!(headers.subscription_state(), Ok(None));
    assert_eq!(headers.session_expires(), Ok(None));
    assert_eq!(headers.content_type(), Ok(None));
    assert_eq!(headers.answer_mode(), Ok(None));
    assert_eq!(headers.answer_state(), Ok(None));
    assert_eq!(headers.retry_after(), Ok(None));
    assert_eq!(headers.contact(), Ok(None));
    assert_eq!(headers.addresses(HeaderName::ROUTE), Ok(vec![]));
    assert_eq!(headers.tokens(HeaderName::SUPPORTED), Vec::<String>::new());
    assert_eq!(headers.resource_priority(), Ok(vec![]));
    assert!(headers.warnings().is_empty() && headers.challenges().unwrap().is_empty());
    assert_eq!(headers.cseq(), Err(HeaderError::Missing("CSeq")));
    assert_eq!(headers.top_via(), Err(HeaderError::Missing("Via")));
}
