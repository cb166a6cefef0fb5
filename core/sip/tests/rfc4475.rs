//! The 49 torture messages of RFC 4475: which are accepted, and what the others are answered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_sip::header::{Contacts, NameAddr};
use roger_sip::message::{
    HeaderName, Limits, Message, Method, ParseError, Request, Response, StatusCode,
};
use roger_sip::validate::{
    Capabilities, take_hop, validate, validate_response, validate_response_at_user_agent,
};

/// What a message deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// A request that reaches the application.
    Served,
    /// A response that reaches its transaction.
    Taken,
    /// A request that is answered with this status.
    Answered(u16),
    /// A response that is dropped.
    Dropped,
}
use Verdict::{Answered, Dropped, Served, Taken};

/// Name, section of RFC 4475, verdict.
const EXPECTED: [(&str, &str, Verdict); 49] = [
    // 3.1.1 valid messages
    ("wsinv", "3.1.1.1", Served),
    ("intmeth", "3.1.1.2", Answered(501)),
    ("esc01", "3.1.1.3", Served),
    ("escnull", "3.1.1.4", Served),
    ("esc02", "3.1.1.5", Answered(501)),
    ("lwsdisp", "3.1.1.6", Served),
    ("longreq", "3.1.1.7", Served),
    ("dblreq", "3.1.1.8", Served),
    ("semiuri", "3.1.1.9", Served),
    ("transports", "3.1.1.10", Served),
    ("mpart01", "3.1.1.11", Served),
    ("unreason", "3.1.1.12", Taken),
    ("noreason", "3.1.1.13", Taken),
    // 3.1.2 invalid messages
    ("badinv01", "3.1.2.1", Answered(400)),
    ("clerr", "3.1.2.2", Answered(400)),
    ("ncl", "3.1.2.3", Answered(400)),
    ("scalar02", "3.1.2.4", Answered(400)),
    ("scalarlg", "3.1.2.5", Dropped),
    ("quotbal", "3.1.2.6", Answered(400)),
    ("ltgtruri", "3.1.2.7", Answered(400)),
    ("lwsruri", "3.1.2.8", Answered(400)),
    ("lwsstart", "3.1.2.9", Answered(400)),
    ("trws", "3.1.2.10", Answered(400)),
    ("escruri", "3.1.2.11", Answered(400)),
    // The section leaves the choice; Date is read by nobody here, so it must not make a call fail.
    ("baddate", "3.1.2.12", Served),
    ("regbadct", "3.1.2.13", Answered(400)),
    ("badaspec", "3.1.2.14", Answered(400)),
    ("baddn", "3.1.2.15", Answered(400)),
    ("badvers", "3.1.2.16", Answered(505)),
    ("mismatch01", "3.1.2.17", Answered(400)),
    ("mismatch02", "3.1.2.18", Answered(501)),
    ("bigcode", "3.1.2.19", Dropped),
    // 3.2 transaction layer: the branch without identifier falls back to the rules of RFC 2543
    ("badbranch", "3.2.1", Served),
    // 3.3 application layer
    ("insuf", "3.3.1", Answered(400)),
    ("unkscm", "3.3.2", Answered(416)),
    ("novelsc", "3.3.3", Answered(416)),
    ("unksm2", "3.3.4", Served),
    ("bext01", "3.3.5", Answered(420)),
    ("invut", "3.3.6", Answered(415)),
    // The registrar treats the unknown scheme as no credentials: see tests/digest.rs
    ("regaut01", "3.3.7", Served),
    ("multi01", "3.3.8", Answered(400)),
    ("mcl01", "3.3.9", Answered(400)),
    ("bcast", "3.3.10", Dropped),
    // Max-Forwards 0 is the next hop's affair, not this server's
    ("zeromf", "3.3.11", Served),
    ("cparam01", "3.3.12", Served),
    ("cparam02", "3.3.13", Served),
    ("regescrt", "3.3.14", Served),
    ("sdp01", "3.3.15", Answered(406)),
    // 3.4 backward compatibility
    ("inv2543", "3.4.1", Served),
];

fn octets(name: &str) -> Option<Vec<u8>> {
    let directory = roger_testkit::third_party_vectors("rfc4475")?;
    Some(std::fs::read(directory.join(format!("{name}.dat"))).unwrap())
}

fn request(name: &str) -> Option<Request> {
    match Message::parse_datagram(&octets(name)?, &Limits::default()).unwrap() {
        Message::Request(request) => Some(request),
        Message::Response(_) => panic!("{name} is a request"),
    }
}

fn capabilities() -> Capabilities {
    Capabilities {
        methods: vec![
            Method::Invite,
            Method::Ack,
            Method::Options,
            Method::Register,
            Method::Message,
        ],
        extensions: vec!["timer".into()],
        media_types: vec!["application/sdp".into(), "multipart/mixed".into()],
        schemes: vec!["tel".into()],
    }
}

fn judge_request(request: &Request) -> Verdict {
    match validate(request).and_then(|()| capabilities().admit(request)) {
        Ok(()) => Served,
        Err(refusal) => Answered(refusal.status.as_u16()),
    }
}

fn judge_response(response: &Response) -> Verdict {
    let valid =
        validate_response(response).and_then(|()| validate_response_at_user_agent(response));
    if valid.is_ok() { Taken } else { Dropped }
}

fn judge(octets: &[u8]) -> Verdict {
    match Message::parse_datagram(octets, &Limits::default()) {
        Ok(Message::Request(request)) => judge_request(&request),
        Ok(Message::Response(response)) => judge_response(&response),
        Err(_) => Dropped,
    }
}

#[test]
fn every_message_gets_what_it_deserves() {
    for (name, section, expected) in EXPECTED {
        let Some(octets) = octets(name) else { return };
        assert_eq!(judge(&octets), expected, "{name}, {section}");
    }
}

#[test]
fn every_message_is_printed_as_it_came() {
    for (name, ..) in EXPECTED {
        let Some(octets) = octets(name) else { return };
        let Ok(message) = Message::parse_datagram(&octets, &Limits::default()) else {
            continue;
        };
        let printed = message.to_octets();
        if name == "baddn" {
            assert_eq!(
                printed,
                [&octets[..], b"\r\n"].concat(),
                "the missing empty line is added"
            );
            continue;
        }
        assert!(octets.starts_with(&printed), "{name}");
        let rest = &octets[printed.len()..];
        assert!(
            rest.is_empty()
                || ["dblreq", "mcl01", "multi01", "bext01", "sdp01", "test"].contains(&name)
                || rest == b"\r\n",
            "{name}: {} octets left",
            rest.len()
        );
    }
}

#[test]
fn every_refused_request_has_an_answer_that_is_a_valid_response() {
    for (name, _, expected) in EXPECTED {
        let Answered(status) = expected else { continue };
        let Some(request) = request(name) else { return };
        let refusal = validate(&request)
            .and_then(|()| capabilities().admit(&request))
            .unwrap_err();
        let answer = refusal.answer(&request).unwrap().unwrap();
        let Ok(Message::Response(answer)) =
            Message::parse_datagram(&answer.to_octets(), &Limits::default())
        else {
            panic!("{name}: the answer is no response");
        };
        assert_eq!(answer.status().as_u16(), status);
        for header in [
            HeaderName::VIA,
            HeaderName::FROM,
            HeaderName::TO,
            HeaderName::CALL_ID,
            HeaderName::CSEQ,
        ] {
            let values: Vec<&[u8]> = answer.headers().values(header).collect();
            assert_eq!(
                values,
                request.headers().values(header).collect::<Vec<_>>(),
                "{name} {header}"
            );
        }
    }
}

#[test]
fn refusals_say_what_is_supported() {
    let header = |name: &str, header| {
        let request = request(name)?;
        let refusal = validate(&request)
            .and_then(|()| capabilities().admit(&request))
            .unwrap_err();
        let answer = refusal.answer(&request).unwrap().unwrap();
        Some(answer.headers().text(header).unwrap().into_owned())
    };
    let Some(unsupported) = header("bext01", HeaderName::UNSUPPORTED) else {
        return;
    };
    assert_eq!(
        unsupported,
        "nothingSupportsThis, nothingSupportsThisEither"
    );
    assert_eq!(
        header("invut", HeaderName::ACCEPT).unwrap(),
        "application/sdp, multipart/mixed"
    );
}

#[test]
fn the_short_tortuous_invite_is_read_to_the_last_parameter() {
    let Some(request) = request("wsinv") else {
        return;
    };
    let headers = request.headers();
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(
        headers.from().unwrap().display.as_deref(),
        Some("J Rosenberg \\\"")
    );
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    assert_eq!(headers.cseq().unwrap().number, 9);
    let vias = headers.vias().unwrap();
    assert_eq!(vias.len(), 3);
    assert_eq!(
        (vias[0].host.as_str(), vias[0].branch()),
        ("192.0.2.2", Some("390skdjuw"))
    );
    assert!(!vias[0].has_unique_branch());
    assert_eq!(vias[1].branch(), Some("z9hG4bK9ikj8"));
    assert_eq!(vias[2].branch(), Some("z9hG4bK30239"));
    let contact = headers.contact().unwrap().unwrap();
    assert_eq!(contact.display.as_deref(), Some("Quoted string \"\""));
    assert_eq!(
        (
            contact.q(),
            contact.params.get("newparam").unwrap().as_ref()
        ),
        (Some(330), "newvalue")
    );
    let unusual = HeaderName::new("UnknownHeaderWithUnusualValue").unwrap();
    assert_eq!(headers.get(unusual), Some(&b";;,,;;,;"[..]));
    let folded = HeaderName::new("NewFangledHeader").unwrap();
    assert_eq!(
        headers.text(folded).unwrap(),
        "newfangled value continued newfangled value"
    );
    assert!(
        headers.addresses(HeaderName::ROUTE).unwrap()[0]
            .uri
            .is_loose_router()
    );
    assert_eq!(request.body().len(), 150);
}

#[test]
fn wide_characters_stay_octets() {
    let Some(request) = request("intmeth") else {
        return;
    };
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    assert_eq!(request.method().as_str(), method);
    assert_eq!(request.headers().cseq().unwrap().method.as_str(), method);
    assert_eq!(request.uri().unwrap().host(), Some("example.com"));
    let to = request.headers().to().unwrap();
    assert_eq!(to.display.as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    let from = request.headers().from().unwrap();
    assert_eq!(
        from.params.get("fromParam''~+*_!.-%").unwrap(),
        "работающий"
    );
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    let mut answer = Response::to(&request, StatusCode::NOT_IMPLEMENTED);
    answer.add_to_tag("x").unwrap();
    assert_eq!(answer.headers().to().unwrap().tag(), Some("x"));
}

#[test]
fn escapes_mean_something_in_uris_only() {
    let Some(escaped) = request("esc01") else {
        return;
    };
    assert_eq!(
        escaped.uri().unwrap().user_unescaped().unwrap(),
        "sips:user@example.com"
    );
    let contact = escaped.headers().contact().unwrap().unwrap();
    assert_eq!(contact.uri.param("lr"), Some(""));
    assert_eq!(contact.uri.param("name"), Some("v%61lue%25%34%31"));
    let plain = request("esc02").unwrap();
    assert_eq!(plain.method().as_str(), "RE%47IST%45R");
    assert_eq!(
        plain.headers().to().unwrap().display.as_deref(),
        Some("%Z%45")
    );
    assert_eq!(plain.headers().count(HeaderName::CONTACT), 2);
    let null = request("escnull").unwrap();
    let Contacts::List(contacts) = null.headers().contacts().unwrap() else {
        panic!()
    };
    assert!(!contacts[0].uri.is_equivalent(&contacts[1].uri));
}

#[test]
fn a_parameter_belongs_to_the_uri_only_inside_brackets() {
    let Some(outside) = request("cparam01") else {
        return;
    };
    let outside = outside.headers().contact().unwrap().unwrap();
    assert!(outside.params.contains("unknownparam") && outside.uri.param("unknownparam").is_none());
    let inside = request("cparam02")
        .unwrap()
        .headers()
        .contact()
        .unwrap()
        .unwrap();
    assert!(!inside.params.contains("unknownparam") && inside.uri.param("unknownparam").is_some());
    let route = request("regescrt")
        .unwrap()
        .headers()
        .contact()
        .unwrap()
        .unwrap();
    assert_eq!(
        route.uri.headers().collect::<Vec<_>>(),
        [("Route", "%3Csip:sip.example.com%3E")]
    );
}

#[test]
fn octets_behind_the_body_are_no_second_message() {
    let Some(octets) = octets("dblreq") else {
        return;
    };
    let Message::Request(request) = Message::parse_datagram(&octets, &Limits::default()).unwrap()
    else {
        panic!()
    };
    assert_eq!(*request.method(), Method::Register);
    assert!(request.body().is_empty());
}

#[test]
fn a_spiral_ends_where_max_forwards_does() {
    let Some(mut request) = request("zeromf") else {
        return;
    };
    assert_eq!(
        take_hop(request.headers_mut()).unwrap_err().status,
        StatusCode::TOO_MANY_HOPS
    );
}

#[test]
fn an_old_client_is_understood() {
    let Some(request) = request("inv2543") else {
        return;
    };
    let headers = request.headers();
    assert_eq!(headers.top_via().unwrap().branch(), None);
    assert_eq!(headers.from().unwrap().tag(), None);
    assert_eq!(headers.to().unwrap().params.get("user").unwrap(), "phone");
    assert!(request.body().starts_with(b"v=0"));
}

#[test]
fn a_display_name_with_a_comma_needs_quotes_even_if_the_message_ends_well() {
    let Some(octets) = octets("baddn") else {
        return;
    };
    assert_eq!(judge(&[&octets[..], b"\r\n"].concat()), Answered(400));
    assert!(NameAddr::parse(b"Bell, Alexander <sip:a.g.bell@example.com>;tag=43").is_err());
}

#[test]
fn a_response_for_somebody_else_is_told_from_one_for_broadcast() {
    let Some(octets) = octets("bcast") else {
        return;
    };
    let Message::Response(response) = Message::parse_datagram(&octets, &Limits::default()).unwrap()
    else {
        panic!()
    };
    assert!(validate_response(&response).is_err());
    let unicast = String::from_utf8(octets)
        .unwrap()
        .replace("255.255.255.255", "192.0.2.77");
    let Message::Response(response) =
        Message::parse_datagram(unicast.as_bytes(), &Limits::default()).unwrap()
    else {
        panic!()
    };
    assert!(validate_response(&response).is_ok());
    assert!(validate_response_at_user_agent(&response).is_err());
}

#[test]
fn a_status_of_ten_digits_is_no_status() {
    let Some(octets) = octets("bigcode") else {
        return;
    };
    assert_eq!(
        Message::parse_datagram(&octets, &Limits::default()).unwrap_err(),
        ParseError::StartLine
    );
}

#[test]
fn the_message_that_breaks_most_rules_is_answered() {
    let Some(octets) = octets("test") else { return };
    assert_eq!(judge(&octets), Answered(400));
}
