//! What holds for any input: nothing breaks, and what is printed reads back the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use proptest::collection::vec;
use proptest::prelude::*;
use roger_sip::header::{
    AcceptContact, AnswerMode, Auth, CSeq, ContentType, Event, NameAddr, Params, Reason,
    ResourceValue, SessionExpires, SubscriptionState, Via, Warning, parse_content_id,
    parse_retry_after,
};
use roger_sip::message::{HeaderName, Limits, Message, Method, Request, Response, StatusCode};
use roger_sip::multipart::{MultipartLimits, leaves};
use roger_sip::uri::Uri;
use roger_sip::validate::{Capabilities, take_hop, validate, validate_response};

fn limits() -> Limits {
    Limits {
        head: 4096,
        lines: 40,
        body: 4096,
    }
}

/// Reads everything there is to read; the point is that nothing panics.
fn read_all(message: &mut Message) {
    let printed = message.to_octets();
    match message {
        Message::Request(request) => {
            let valid = validate(request);
            if valid.is_ok() {
                // A valid request can be read, answered and sent on.
                let headers = request.headers();
                assert!(
                    headers.top_via().is_ok() && headers.cseq().is_ok() && request.uri().is_ok()
                );
                let answer = Response::to(request, StatusCode::OK);
                assert!(
                    validate_response(&answer).is_ok()
                        || headers.elements(HeaderName::VIA).count() > 1
                );
            } else if let Err(refusal) = valid {
                let _ = refusal.answer(request);
            }
            let _ = Capabilities::default().admit(request);
            let _ = take_hop(request.headers_mut());
            let _ = request
                .headers_mut()
                .remove_first_element(HeaderName::ROUTE);
            let _ = request
                .headers_mut()
                .replace_first_element(HeaderName::VIA, "SIP/2.0/UDP h");
        }
        Message::Response(response) => {
            let _ = validate_response(response);
            let _ = response.headers_mut().remove_first_element(HeaderName::VIA);
            let _ = response.add_to_tag("x");
        }
    }
    let headers = message.headers();
    let _ = (
        headers.warnings(),
        headers.reasons(),
        headers.resource_priority(),
        headers.contacts(),
    );
    let _ = leaves(headers, message.body(), &MultipartLimits::default());
    let _ = Message::parse_datagram(&printed, &Limits::default());
}

/// Header lines that come close to what is read.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        "(Via|v|VIA) ?: ?SIP ?/ ?2.0/(UDP|TCP) [a-z.]{0,6}(:[0-9]{1,6})?(;branch=z9hG4bK[a-z]{0,3}|;rport|;;)?(, ?x)?",
        "(From|f|To|t|Contact|m|Route): ?(\"[a-z\\\\\"]{0,4}\" ?)?<?(sip|tel|urn|x):[a-z@:;=%?]{0,10}>?(;tag=[a-z]{0,2})?(;expires=[0-9]{0,12})?",
        "(Call-ID|i): ?[a-z@ ]{0,6}",
        "CSeq: ?[0-9]{0,11} (PUBLISH|INVITE|x y)?",
        "(Content-Length|l): ?-?[0-9]{0,11}",
        "(Content-Type|c): ?[a-z/]{0,12}(;boundary=b)?",
        "(Authorization|WWW-Authenticate): ?(Digest|Bearer) [a-z=\",]{0,12}",
        "(Event|Expires|Max-Forwards|Session-Expires|Require|Accept|Accept-Contact|Warning|Reason): ?[a-z0-9;=,\"*/]{0,12}",
        "[ \t]?[A-Za-z]{0,5}:?[ -~]{0,12}",
    ];
    prop_oneof![8 => text.prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..20)]
}

fn start_line() -> impl Strategy<Value = String> {
    prop_oneof![
        "(PUBLISH|INVITE|x) (sip:|tel:|)[a-z@:;=?%0-9]{0,12} (SIP/2.0|SIP/3.0|x)",
        "SIP/2.0 [0-9]{2,4} [ -~]{0,8}",
    ]
}

fn octets_of(start: &str, lines: &[Vec<u8>], body: &[u8]) -> Vec<u8> {
    let lines = lines.iter().flat_map(|line| [&line[..], b"\r\n"].concat());
    start
        .bytes()
        .chain(*b"\r\n")
        .chain(lines)
        .chain(*b"\r\n")
        .chain(body.iter().copied())
        .collect()
}

const GOOD: &[u8] = b"PUBLISH sip:pf@mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.21;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
From: \"A, B\" <sip:a@h>;tag=a1\r\nTo: <sip:pf@h>\r\nCall-ID: c1@h\r\nCSeq: 1 PUBLISH\r\n\
Contact: <sip:u@h;x=y>;+g.3gpp.mcptt;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3Ax\"\r\nRoute: <sip:p;lr>, <sip:q;lr>\r\n\
Authorization: Digest username=\"a\", realm=\"r\", nc=00000001\r\nEvent: presence;id=1\r\nExpires: 5\r\n\
Content-Type: multipart/mixed;boundary=b\r\nContent-Length: 48\r\n\r\n--b\r\nContent-Type: a/b\r\n\r\n<x/>\r\n--b\r\n\r\n\r\n--b--\r\n";

#[test]
fn the_good_message_is_good() {
    let Message::Request(request) = Message::parse_datagram(GOOD, &limits()).unwrap() else {
        panic!()
    };
    assert_eq!(validate(&request), Ok(()));
    assert_eq!(
        leaves(
            request.headers(),
            request.body(),
            &MultipartLimits::default()
        )
        .unwrap()
        .len(),
        2
    );
}

proptest! {
    #[test]
    fn what_is_parsed_is_printed_as_it_came(start in start_line(), lines in vec(line(), 0..16), body in vec(any::<u8>(), 0..40)) {
        let octets = octets_of(&start, &lines, &body);
        if let Ok(mut message) = Message::parse_datagram(&octets, &limits()) {
            let printed = message.to_octets();
            prop_assert!(octets.starts_with(&printed));
            let again = Message::parse_datagram(&printed, &limits()).unwrap();
            prop_assert_eq!(again.to_octets(), printed);
            read_all(&mut message);
        }
    }

    #[test]
    fn mutations_break_nothing(changes in vec((0..GOOD.len(), any::<u8>(), 0u8..4), 1..6)) {
        let mut octets = GOOD.to_vec();
        for (at, octet, kind) in changes {
            let at = at.min(octets.len().saturating_sub(1));
            match kind {
                0 => octets[at] = octet,
                1 => octets.insert(at, octet),
                2 if octets.len() > 1 => { octets.remove(at); }
                2 => {}
                _ => octets.truncate(at.max(1)),
            }
        }
        if let Ok(mut message) = Message::parse_datagram(&octets, &limits()) {
            read_all(&mut message);
        }
    }

    #[test]
    fn random_octets_break_nothing(octets in vec(any::<u8>(), 0..400)) {
        if let Ok(mut message) = Message::parse_datagram(&octets, &limits()) {
            read_all(&mut message);
        }
    }

    #[test]
    fn an_edit_never_changes_the_framing(name in "[A-Za-z-]{1,8}", value in vec(any::<u8>(), 0..20)) {
        let mut message = Message::parse_datagram(GOOD, &limits()).unwrap();
        let before = message.headers().len();
        let name = HeaderName::new(&name).unwrap();
        if name == HeaderName::CONTENT_LENGTH || message.headers_mut().push(name, &value).is_err() {
            return Ok(());
        }
        let again = Message::parse_datagram(&message.to_octets(), &limits()).unwrap();
        prop_assert_eq!(again.headers().len(), before + 1);
        prop_assert_eq!(again.body(), message.body());
    }

    #[test]
    fn uris_print_as_read_and_equal_themselves(text in "(sip|sips|SIP):([a-z0-9%41&=+$,;?/-]{0,8}(:[a-z]{0,3})?@)?([a-z0-9.-]{0,8}|\\[[0-9a-f:]{0,8}\\])(:[0-9]{0,6})?(;[a-z]{1,3}(=[a-z0-9%20]{0,4})?){0,3}(\\?[a-z]{1,2}=[a-z]{0,2}(&[a-z]=)?)?") {
        if let Ok(uri) = Uri::parse(text.as_bytes()) {
            prop_assert_eq!(uri.as_str(), &text);
            prop_assert!(uri.is_equivalent(&uri));
            prop_assert!(!uri.host().unwrap().is_empty());
            let with = uri.with_param("zz", Some("a b"));
            prop_assert_eq!(with.param("zz"), Some("a%20b"));
            prop_assert_eq!((with.user(), with.host(), with.port()), (uri.user(), uri.host(), uri.port()));
            let without = with.without_param("ZZ");
            prop_assert!(without.is_equivalent(&uri));
            prop_assert_eq!(uri.without_headers().headers().count(), 0);
        }
    }

    #[test]
    fn random_text_is_a_uri_or_not(octets in vec(any::<u8>(), 0..60)) {
        for prefix in [&b""[..], b"sip:", b"tel:"] {
            let _ = Uri::parse(&[prefix, &octets].concat());
        }
    }

    #[test]
    fn random_values_break_no_view(value in vec(prop_oneof![any::<u8>(), prop::sample::select(b"\";,<>=:/ \t\\*%@[]".to_vec())], 0..40)) {
        let _ = (Via::parse(&value), NameAddr::parse(&value), CSeq::parse(&value), Event::parse(&value));
        let _ = (SubscriptionState::parse(&value), ContentType::parse(&value), Warning::parse(&value));
        let _ = (SessionExpires::parse(&value), parse_retry_after(&value), Reason::parse(&value), Auth::parse(&value));
        let _ = (AnswerMode::parse(&value), ResourceValue::parse(&value), AcceptContact::parse(&value));
        let _ = (parse_content_id(&value), Params::parse(&value));
        if let Ok(address) = NameAddr::parse(&value) {
            let _ = (address.q(), address.expires(), address.instance(), address.icsi_refs());
        }
    }

    #[test]
    fn addresses_read_back(display in proptest::option::of("[ -~äжß]{0,12}"), user in "[ -~ж]{1,10}", tag in "[a-z0-9]{1,8}", instance in "[!-~]{0,20}") {
        let uri = Uri::sip(&user, "example.org").unwrap();
        prop_assert_eq!(uri.user_unescaped().unwrap(), user);
        let mut address = NameAddr::new(uri).with_tag(&tag);
        address.params.set_quoted("+sip.instance", &instance);
        address.display = display;
        let read = NameAddr::parse(address.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.params.get("+sip.instance").unwrap(), instance);
        prop_assert_eq!(&read, &address);
    }

    #[test]
    fn warnings_read_back(number in 100u16..400, text in "[ -~é]{0,30}") {
        let warning = Warning::mcptt("pf.mcx.example", number, &text);
        let read = Warning::parse(warning.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&read, &warning);
        prop_assert_eq!(read.mcptt_number(), Some(number));
    }

    #[test]
    fn built_requests_read_back(method in "[A-Z]{1,10}", user in "[a-z]{1,8}", number: u32, body in vec(any::<u8>(), 0..100)) {
        let built = Request::builder(Method::parse(method.as_bytes()).unwrap(), Uri::sip(&user, "h").unwrap())
            .header(HeaderName::VIA, "SIP/2.0/TCP h;branch=z9hG4bK1")
            .header(HeaderName::FROM, "<sip:a@h>;tag=1")
            .header(HeaderName::TO, "<sip:b@h>")
            .header(HeaderName::CALL_ID, "c")
            .header(HeaderName::CSEQ, number.to_string())
            .body("application/octet-stream", body.clone())
            .build()
            .unwrap();
        let Message::Request(read) = Message::parse_datagram(&built.to_octets(), &Limits::default()).unwrap() else { panic!() };
        prop_assert_eq!(validate(&read), Ok(()));
        prop_assert_eq!(read.method().as_str(), method);
        prop_assert_eq!(read.headers().cseq().unwrap().number, number);
        prop_assert_eq!(read.body(), body);
    }
}
