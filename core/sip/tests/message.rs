//! Messages keep every octet; edits touch one header; answers follow from requests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_sip::message::{
    BuildError, HeaderName, Limits, Message, Method, ParseError, Request, Response, StatusCode,
};
use roger_sip::validate::{Capabilities, Cause, validate, validate_response};

/// Odd but legal: folding, compact forms, spaces, unknown headers, octets that are not UTF-8, a binary body.
const ODD: &[u8] = b"PUBLISH sip:pf@mcx.example;x=%41 SIP/2.0\r\n\
v:SIP/2.0/TLS 10.0.0.21:5061;branch=z9hG4bK1;rport\r\n\
VIA :   SIP/2.0/UDP a.example ; branch=z9hG4bK2 , SIP/2.0/UDP b.example;branch=z9hG4bK3\r\n\
f: \"Al \\\"the\\\" \xe9\xff\" <sip:+49@ims.example>;tag=a1\r\n\
t:<tel:+49-151>\r\n\
i: c1@10.0.0.21\r\n\
CSeq:  0007 \r\n PUBLISH\r\n\
p-preferred-identity: <sip:+49@ims.example>\r\n\
X-Odd:\t \xc3\x28\x80  \t\r\n\
X-Empty:\r\n\
Record-Route: <sip:p1.example;lr>,<sip:p2.example;lr>\r\n\
record-route: <sip:p3.example;lr>\r\n\
Timestamp: 54\r\n\
c: application/octet-stream\r\n\
l: 6\r\n\
\r\n\
\x00\r\n\xff\r\n";

fn message(octets: &[u8]) -> Message {
    Message::parse_datagram(octets, &Limits::default()).unwrap()
}

fn request(octets: &[u8]) -> Request {
    match message(octets) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request"),
    }
}

fn contains(octets: &[u8], piece: &[u8]) -> bool {
    octets.windows(piece.len()).any(|window| window == piece)
}

#[test]
fn an_untouched_message_is_printed_octet_for_octet() {
    let odd = request(ODD);
    assert_eq!(odd.to_octets(), ODD);
    assert!(validate(&odd).is_ok());
    assert_eq!(odd.body(), b"\x00\r\n\xff\r\n");
    assert_eq!(odd.headers().from().unwrap().tag(), Some("a1"));
    assert!(odd.headers().to().unwrap().uri.is_tel());
    assert_eq!(odd.headers().vias().unwrap().len(), 3);
}

#[test]
fn an_edit_changes_its_own_header_only() {
    let mut odd = request(ODD);
    odd.headers_mut()
        .set(HeaderName::TO, "<sip:new@h>")
        .unwrap();
    let expected = String::from_utf8_lossy(ODD).replace("t:<tel:+49-151>", "t:<sip:new@h>");
    assert_eq!(String::from_utf8_lossy(&odd.to_octets()), expected);
    let odd_header = HeaderName::new("x-odd").unwrap();
    assert_eq!(odd.headers().get(odd_header), Some(&b"\xc3\x28\x80"[..]));
    assert_eq!(odd.headers_mut().remove(odd_header), 1);
    assert!(!contains(&odd.to_octets(), b"X-Odd"));
}

#[test]
fn the_request_uri_and_the_body_can_be_replaced() {
    let mut odd = request(ODD);
    odd.set_uri(&"sip:next@h;lr".parse().unwrap());
    odd.set_body("application/sdp", b"v=0\r\n".to_vec())
        .unwrap();
    let printed = odd.to_octets();
    assert!(printed.starts_with(b"PUBLISH sip:next@h;lr SIP/2.0\r\nv:SIP"));
    assert!(printed.ends_with(b"c: application/sdp\r\nl: 5\r\n\r\nv=0\r\n"));
    let again = request(&printed);
    assert_eq!(again.uri().unwrap().as_str(), "sip:next@h;lr");
    odd.clear_body().unwrap();
    assert!(odd.to_octets().ends_with(b"l: 0\r\n\r\n"));
    assert!(odd.headers().content_type().unwrap().is_none());
}

#[test]
fn without_content_length_the_body_is_the_rest_of_the_datagram() {
    let text = String::from_utf8_lossy(ODD).replace("l: 6\r\n", "");
    assert_eq!(
        message(text.as_bytes()).body(),
        text.split_once("\r\n\r\n").unwrap().1.as_bytes()
    );
}

#[test]
fn octets_behind_the_body_are_left_out_and_missing_ones_refused() {
    let longer = [ODD, b"more"].concat();
    assert_eq!(request(&longer).to_octets(), ODD);
    let shorter = request(&ODD[..ODD.len() - 1]);
    assert_eq!(validate(&shorter).unwrap_err().cause, Cause::BodyTooShort);
}

#[test]
fn equal_content_lengths_are_tolerated_and_different_ones_refused() {
    let with = |line: &str| {
        let text = [
            &ODD[..ODD.len() - 10],
            line.as_bytes(),
            &ODD[ODD.len() - 10..],
        ]
        .concat();
        validate(&request(&text)).map_err(|refusal| refusal.cause)
    };
    assert!(String::from_utf8_lossy(&ODD[..ODD.len() - 10]).ends_with("l: 6"));
    assert_eq!(with("\r\nContent-Length: 6"), Ok(()));
    for bad in ["5", "", "-6", "+6", "6, 6", "0x6", "4294967302", "6 6"] {
        assert_eq!(
            with(&format!("\r\nContent-Length: {bad}")),
            Err(Cause::ContentLength),
            "{bad}"
        );
    }
}

#[test]
fn leading_line_breaks_are_skipped_and_alone_are_a_keep_alive() {
    assert_eq!(message(&[b"\r\n\r\n", ODD].concat()).to_octets(), ODD);
    for ping in [&b""[..], b"\r\n", b"\r\n\r\n"] {
        assert_eq!(
            Message::parse_datagram(ping, &Limits::default()).unwrap_err(),
            ParseError::KeepAlive
        );
    }
}

#[test]
fn bounds_hold_before_anything_is_read() {
    let limits = Limits {
        head: 1000,
        lines: 20,
        body: 100,
    };
    let parse = |octets: &[u8]| Message::parse_datagram(octets, &limits).map(|_| ());
    assert_eq!(parse(ODD), Ok(()));
    let (before, after) = ODD.split_at(ODD.len() - 8);
    let long = [before, b"X: ", &[b'a'; 1000], b"\r\n", after].concat();
    assert_eq!(parse(&long), Err(ParseError::HeadTooLarge(1000)));
    assert_eq!(
        parse(&b"A sip:h SIP/2.0\r\n".repeat(100)),
        Err(ParseError::HeadTooLarge(1000))
    );
    let lines = [
        &b"A sip:h SIP/2.0\r\n"[..],
        &b"a: b\r\n".repeat(21),
        b"\r\n",
    ]
    .concat();
    assert_eq!(parse(&lines), Err(ParseError::TooManyLines(20)));
    let body = [&b"A sip:h SIP/2.0\r\na: b\r\n\r\n"[..], &[0; 101]].concat();
    assert_eq!(parse(&body), Err(ParseError::BodyTooLarge(100)));
}

#[test]
fn what_is_no_start_line_is_dropped() {
    for bad in [
        "INVITE\r\n\r\n",
        "IN@VITE sip:h SIP/2.0\r\n\r\n",
        " sip:h SIP/2.0\r\n\r\n",
        "SIP/2.0\r\n\r\n",
        "SIP/2.0 20 OK\r\n\r\n",
        "SIP/2.0 700 x\r\n\r\n",
        "SIP/3.0 200 OK\r\n\r\n",
        "SIP/2.0 2000 OK\r\n\r\n",
        "SIP/2.0  200 OK\r\n\r\n",
        "\0\r\n\r\n",
    ] {
        let parsed = Message::parse_datagram(bad.as_bytes(), &Limits::default());
        assert_eq!(parsed.unwrap_err(), ParseError::StartLine, "{bad:?}");
    }
    assert!(Message::parse_datagram(b"SIP/2.0 200\r\n\r\n", &Limits::default()).is_ok());
    assert!(Message::parse_datagram(b"sip/2.0 200 \xff\r\n\r\n", &Limits::default()).is_ok());
}

#[test]
fn an_answer_copies_what_it_must_octet_for_octet() {
    let request = request(ODD);
    let mut answer = Response::to(&request, StatusCode::RINGING);
    let printed = answer.to_octets();
    let head = b"SIP/2.0 180 Ringing\r\nv:SIP/2.0/TLS 10.0.0.21:5061;branch=z9hG4bK1;rport\r\nVIA :   SIP/2.0/UDP a.example ; branch=z9hG4bK2 , SIP/2.0/UDP b.example;branch=z9hG4bK3\r\nf: \"Al \\\"the\\\" \xe9\xff\" <sip:+49@ims.example>;tag=a1\r\nt:<tel:+49-151>\r\ni: c1@10.0.0.21\r\nCSeq:  0007 \r\n PUBLISH\r\nRecord-Route: <sip:p1.example;lr>,<sip:p2.example;lr>\r\nrecord-route: <sip:p3.example;lr>\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(printed, head);
    answer.add_to_tag("b2").unwrap();
    answer.add_to_tag("ignored").unwrap();
    assert!(contains(&answer.to_octets(), b"t:<tel:+49-151>;tag=b2\r\n"));
    assert_eq!(answer.add_to_tag("a b"), Err(BuildError::Tag));
    assert!(validate_response(&answer).is_ok());
}

#[test]
fn timestamp_goes_into_100_and_record_route_into_what_makes_a_dialog() {
    let request = request(ODD);
    let has = |status, name| Response::to(&request, status).headers().contains(name);
    assert!(
        has(StatusCode::TRYING, HeaderName::TIMESTAMP)
            && !has(StatusCode::OK, HeaderName::TIMESTAMP)
    );
    assert!(
        has(StatusCode::OK, HeaderName::RECORD_ROUTE)
            && !has(StatusCode::TRYING, HeaderName::RECORD_ROUTE)
    );
    assert!(!has(StatusCode::NOT_FOUND, HeaderName::RECORD_ROUTE));
}

#[test]
fn reason_phrases_are_kept_and_cannot_break_out() {
    let Message::Response(mut response) = message(b"SIP/2.0 200  Va bene \xe9\r\n\r\n") else {
        panic!()
    };
    assert_eq!(response.reason(), " Va bene \u{fffd}");
    assert_eq!(response.to_octets(), b"SIP/2.0 200  Va bene \xe9\r\n\r\n");
    response.set_reason("Fine").unwrap();
    assert_eq!(response.reason(), "Fine");
    assert_eq!(response.set_reason("a\r\nX: y"), Err(BuildError::LineBreak));
}

#[test]
fn a_built_request_is_complete() {
    let base = || {
        Request::builder(Method::Invite, "sip:b@h".parse().unwrap())
            .header(HeaderName::FROM, "<sip:a@h>;tag=1")
            .header(HeaderName::TO, "<sip:b@h>")
            .header(HeaderName::CALL_ID, "x")
    };
    let built = base()
        .header(HeaderName::CSEQ, "7")
        .body("application/sdp", "v=0\r\n")
        .build()
        .unwrap();
    let expected = "INVITE sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    assert_eq!(String::from_utf8(built.to_octets()).unwrap(), expected);
    let reparsed = request(&built.to_octets());
    assert_eq!(reparsed.to_octets(), built.to_octets());
    assert_eq!(base().build().unwrap_err(), BuildError::Missing("CSeq"));
    let broken = base()
        .header(HeaderName::CSEQ, "1")
        .header(HeaderName::SUBJECT, "a\r\nb: c")
        .build();
    assert_eq!(broken.unwrap_err(), BuildError::LineBreak);
    let body = base()
        .header(HeaderName::CSEQ, "1")
        .body("a/b\r\nX: y", "")
        .build();
    assert_eq!(body.unwrap_err(), BuildError::LineBreak);
}

#[test]
fn a_refusal_explains_itself_and_never_answers_an_ack() {
    let broken = String::from_utf8_lossy(ODD).replace("i: c1@10.0.0.21\r\n", "");
    let refused = request(broken.as_bytes());
    let refusal = validate(&refused).unwrap_err();
    let answer = refusal.answer(&refused).unwrap().unwrap();
    assert_eq!(
        (answer.status(), answer.reason().as_ref()),
        (StatusCode::BAD_REQUEST, "the header Call-ID is missing")
    );
    let ack = request(broken.replace("PUBLISH", "ACK").as_bytes());
    assert!(validate(&ack).unwrap_err().answer(&ack).unwrap().is_none());
}

#[test]
fn a_line_break_smuggled_in_is_not_sent_back() {
    let smuggled = String::from_utf8_lossy(ODD).replace("t:<tel:+49-151>", "t:<tel:1>\nX: y");
    let request = request(smuggled.as_bytes());
    let refusal = validate(&request).unwrap_err();
    assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    assert!(refusal.answer(&request).unwrap().is_none());
}

#[test]
fn what_a_server_cannot_serve_is_answered_in_the_order_of_the_standard() {
    let capabilities = Capabilities {
        methods: vec![Method::Invite, Method::Publish],
        extensions: vec!["timer".into()],
        media_types: vec!["application/octet-stream".into()],
        schemes: vec!["tel".into()],
    };
    let status = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(ODD).replace(from, to);
        match Message::parse_datagram(text.as_bytes(), &Limits::default()).unwrap() {
            Message::Request(request) => capabilities
                .admit(&request)
                .map_err(|refusal| refusal.status.as_u16()),
            Message::Response(_) => panic!(),
        }
    };
    assert_eq!(status("x", "x"), Ok(()));
    assert_eq!(status("PUBLISH", "REFER"), Err(405));
    assert_eq!(status("PUBLISH", "HUGS"), Err(501));
    assert_eq!(status("sip:pf@mcx.example;x=%41", "http://h"), Err(416));
    assert_eq!(status("sip:pf@mcx.example;x=%41", "tel:123"), Ok(()));
    assert_eq!(status("Timestamp: 54", "Require: TIMER, 100rel"), Err(420));
    assert_eq!(status("Timestamp: 54", "Require: TIMER"), Ok(()));
    assert_eq!(status("application/octet-stream", "text/plain"), Err(415));
    assert_eq!(status("c: application/octet-stream\r\n", ""), Err(415));
    assert_eq!(
        status(
            "application/octet-stream",
            "text/plain\r\nContent-Disposition: x;handling=optional"
        ),
        Ok(())
    );
    assert_eq!(status("Timestamp: 54", "Content-Encoding: gzip"), Err(415));
    assert_eq!(
        status("Timestamp: 54", "Content-Encoding: identity"),
        Ok(())
    );
}
