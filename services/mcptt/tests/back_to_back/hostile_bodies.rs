//! Bodies of service authorisation that somebody made with care: each is refused by the book, nothing of it stays, and
//! others are served as before.

use crate::bench::{ALICE, BOB, Bench, MALLORY};
use crate::ue::outcome;
use roger_call::body::{Body, Part};
use roger_call::feature::{EXPIRES_FOREVER, media_type};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::Document;
use roger_documents::poc_settings::AnswerMode;
use roger_sip::message::{HeaderName, Method};
use roger_testkit::SeededRandom;

/// PUBLISH with octets as they are; status and Warning.
fn publish_octets(
    bench: &mut Bench,
    index: usize,
    content_type: &str,
    octets: Vec<u8>,
) -> (u16, Option<u16>) {
    let expires = EXPIRES_FOREVER.to_string();
    let headers = [
        (HeaderName::EVENT, "poc-settings"),
        (HeaderName::EXPIRES, expires.as_str()),
    ];
    let mut request = bench.request(index, Method::Publish, &headers, &Body::new());
    request.set_body(content_type, octets).unwrap();
    outcome(&bench.send_request(index, request).expect("an answer"))
}

fn publish(bench: &mut Bench, index: usize, body: &Body) -> (u16, Option<u16>) {
    outcome(&bench.publish_settings(index, EXPIRES_FOREVER, None, body))
}

/// A good authorising body of Alice, and its key.
fn good(bench: &mut Bench) -> (BoundCsk, Body) {
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let body = bench.authorising_body(ALICE, &csk, &token);
    (csk, body)
}

/// The parts of a body, in no order.
fn parts(body: &Body) -> Vec<Part> {
    let kinds = [
        media_type::MIKEY,
        media_type::MCPTT_INFO,
        media_type::POC_SETTINGS,
        media_type::MCPTT_SIGNED,
    ];
    kinds
        .iter()
        .filter_map(|kind| body.part(kind).cloned())
        .collect()
}

fn of_parts(parts: Vec<Part>) -> Body {
    parts.into_iter().fold(Body::new(), Body::with)
}

/// Alice is not bound, and both she and Bob can be.
fn assert_unharmed(bench: &mut Bench) {
    assert!(!bench.is_bound(ALICE));
    assert_eq!(bench.pf.application().load().bindings, 0);
    for index in [ALICE, BOB] {
        bench.register(index);
        assert_eq!(outcome(&bench.authorise(index)), (200, None));
    }
}

// Names of parts -----------------------------------------------------------------------------------------------

#[test]
fn a_content_id_that_is_not_the_signed_one_is_refused() {
    for id in [None, Some("somebody@else"), Some("")] {
        let mut bench = Bench::new();
        bench.register(ALICE);
        let (_, body) = good(&mut bench);
        let mut parts = parts(&body);
        for part in &mut parts {
            if part.media_type() == media_type::MCPTT_INFO {
                part.content_id = id.map(str::to_owned);
            }
        }
        let (status, warning) = publish(&mut bench, ALICE, &of_parts(parts));
        assert_eq!(status, 403, "{id:?}");
        assert!(matches!(warning, Some(139 | 150)), "{id:?} {warning:?}");
        assert_unharmed(&mut bench);
    }
}

#[test]
fn two_parts_that_change_their_names_are_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let (_, body) = good(&mut bench);
    let mut parts = parts(&body);
    let ids: Vec<_> = parts
        .iter()
        .filter_map(|part| part.content_id.clone())
        .collect();
    let mut swapped = ids.into_iter().rev();
    for part in parts.iter_mut().filter(|part| part.content_id.is_some()) {
        part.content_id = swapped.next();
    }
    let refused = publish(&mut bench, ALICE, &of_parts(parts));
    assert_eq!(refused, (403, Some(139)));
    assert_unharmed(&mut bench);
}

#[test]
fn two_parts_of_any_kind_are_refused() {
    for place in 0..4 {
        let mut bench = Bench::new();
        bench.register(ALICE);
        let (_, body) = good(&mut bench);
        let mut parts = parts(&body);
        let mut twin = parts[place].clone();
        twin.content_id = twin.content_id.map(|id| format!("x{id}"));
        parts.push(twin);
        let refused = publish(&mut bench, ALICE, &of_parts(parts));
        assert_eq!(refused, (403, Some(150)), "{place}");
        assert_unharmed(&mut bench);
    }
}

// Elements -----------------------------------------------------------------------------------------------------

/// An authorising body whose mcptt-info was written by hand, then protected by the book.
fn with_info(bench: &mut Bench, change: impl Fn(&str) -> String) -> Body {
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let ue = &bench.ues[ALICE];
    let info = change(&ue.token_info(&token).write());
    let documents = Body::new()
        .with(Part::new(media_type::MCPTT_INFO, info.into_bytes()))
        .with_document(&ue.settings(AnswerMode::Automatic));
    bench.with_csk_message(&csk, documents)
}

/// What stands from one text to the end of another.
fn stretch<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let begin = text.find(from).unwrap();
    let end = begin + text[begin..].find(to).unwrap() + to.len();
    &text[begin..end]
}

#[test]
fn elements_that_are_there_twice_are_refused() {
    let doubled = [
        ("<mcptt-access-token", "</mcptt-access-token>"),
        ("<mcptt-client-id", "</mcptt-client-id>"),
        ("<mcptt-Params", "</mcptt-Params>"),
        ("<mcpttString", "</mcpttString>"),
    ];
    for (from, to) in doubled {
        let mut bench = Bench::new();
        bench.register(ALICE);
        let body = with_info(&mut bench, |info| {
            let element = stretch(info, from, to);
            info.replacen(element, &element.repeat(2), 1)
        });
        let (status, warning) = publish(&mut bench, ALICE, &body);
        assert_eq!(status, 403, "{from}");
        assert!(matches!(warning, Some(140 | 150)), "{from} {warning:?}");
        assert_unharmed(&mut bench);
    }
}

#[test]
fn the_same_document_unchanged_is_taken() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let body = with_info(&mut bench, str::to_owned);
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
}

#[test]
fn documents_without_end_depth_or_sense_are_refused() {
    let deep = |levels: usize| {
        format!(
            "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\">{}{}</mcpttinfo>",
            "<a>".repeat(levels),
            "</a>".repeat(levels)
        )
    };
    let entities = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\
                    <mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\">&b;</mcpttinfo>";
    let attributes = format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\" {}/>",
        (0..20_000)
            .map(|number| format!("a{number}=\"1\" "))
            .collect::<String>()
    );
    let documents = [
        deep(100_000),
        deep(200),
        entities.to_owned(),
        attributes,
        "<".repeat(100_000),
        "<mcpttinfo".to_owned(),
        String::new(),
        "\u{0}".repeat(1_000),
        format!("<x>{}</x>", "y".repeat(900_000)),
    ];
    let mut bench = Bench::new();
    bench.register(ALICE);
    for document in documents {
        let (csk, body) = good(&mut bench);
        let mut parts = parts(&body);
        for part in &mut parts {
            if part.media_type() == media_type::MCPTT_INFO {
                part.octets = document.clone().into_bytes().into();
            }
        }
        // Once as an alteration on the way, and once signed by who has the key.
        let (status, _) = publish(&mut bench, ALICE, &of_parts(parts));
        assert_eq!(status, 403);
        let signed =
            roger_xml::signed_body::sign(&[("info@x", document.as_bytes())], csk.xml_keys());
        let Ok(signed) = signed else { continue };
        let own = bench.new_csk(ALICE);
        let mut info = Part::new(media_type::MCPTT_INFO, document.into_bytes());
        info.content_id = Some("info@x".to_owned());
        let body = Body::new()
            .with(Part::new(media_type::MIKEY, own.message))
            .with(info)
            .with(Part::new(media_type::MCPTT_SIGNED, signed.into_bytes()));
        let (status, _) = publish(&mut bench, ALICE, &body);
        assert_eq!(status, 403);
    }
    assert_unharmed(&mut bench);
}

// Multipart ----------------------------------------------------------------------------------------------------

/// Multipart in multipart in multipart.
fn nested(levels: usize) -> Vec<u8> {
    let mut octets = b"Content-Type: text/plain\r\n\r\nx".to_vec();
    for level in 0..levels {
        let boundary = format!("b{level}");
        let mut outer = match level + 1 == levels {
            true => Vec::new(),
            false => format!("Content-Type: multipart/mixed;boundary={boundary}\r\n\r\n").into(),
        };
        outer.extend(format!("--{boundary}\r\n").as_bytes());
        outer.extend(&octets);
        outer.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
        octets = outer;
    }
    octets
}

#[test]
fn multipart_that_is_deep_wide_cut_or_lies_is_refused() {
    let mixed = |boundary: &str| format!("multipart/mixed;boundary={boundary}");
    let wide: String = (0..5_000)
        .map(|_| "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n")
        .chain(["--b--\r\n"])
        .collect();
    let mut bench = Bench::new();
    bench.register(ALICE);
    let (_, body) = good(&mut bench);
    let (content_type, whole) = body.encode(&mut bench.random).unwrap().unwrap();
    let lying = String::from_utf8_lossy(&whole).replace("binary", "base64");
    let cases = [
        (mixed("b199"), nested(200)),
        (mixed("b5"), nested(6)),
        (mixed("b"), wide.into_bytes()),
        (mixed(&"b".repeat(10_000)), b"--b\r\n".to_vec()),
        (mixed("absent"), whole.clone()),
        ("multipart/mixed".to_owned(), whole.clone()),
        ("multipart/signed;boundary=b".to_owned(), b"--b--".to_vec()),
        (content_type.clone(), whole[..whole.len() / 2].to_vec()),
        (content_type.clone(), lying.into_bytes()),
        (content_type.clone(), vec![b'-'; 500_000]),
        ("application/mikey".to_owned(), vec![0; 60_000]),
        ("application/mikey".to_owned(), vec![0xFF; 10]),
        (media_type::MCPTT_INFO.to_owned(), Vec::from(*b"<x/>")),
    ];
    for (content_type, octets) in cases {
        let shown = content_type.chars().take(40).collect::<String>();
        let (status, _) = publish_octets(&mut bench, ALICE, &content_type, octets);
        assert!((400..600).contains(&status), "{shown}: {status}");
        assert!(!bench.is_bound(ALICE), "{shown}");
    }
    assert_unharmed(&mut bench);
}

#[test]
fn every_cut_of_a_good_body_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let (_, body) = good(&mut bench);
    let (content_type, whole) = body.encode(&mut bench.random).unwrap().unwrap();
    // The last delimiter ends in "--" CRLF, which a reader may do without.
    for length in (0..whole.len() - 4).step_by(37) {
        let cut = whole[..length].to_vec();
        let (status, _) = publish_octets(&mut bench, ALICE, &content_type, cut);
        assert!(status >= 400, "{length} of {}", whole.len());
        assert!(!bench.is_bound(ALICE), "{length}");
    }
    let taken = publish_octets(&mut bench, ALICE, &content_type, whole);
    assert_eq!(taken, (200, None), "what was cut spoiled nothing");
}

// Crowds -------------------------------------------------------------------------------------------------------

#[test]
fn thousands_of_half_open_authorisations_leave_nothing() {
    let mut bench = Bench::new();
    bench.log_in(BOB);
    bench.register(MALLORY);
    let mut random = SeededRandom::new(77);
    let template = bench.new_csk(MALLORY);
    let before = bench.pf.application().load();
    // Messages that do not verify cost a little work and no memory.
    for _ in 0..2_000 {
        let mut csk = template.clone();
        let at = random.next_u64() as usize % csk.message.len();
        csk.message[at] ^= 1 << (random.next_u64() % 8);
        let body = Body::new().with(Part::new(media_type::MIKEY, csk.message));
        let (status, _) = publish(&mut bench, MALLORY, &body);
        assert!(status >= 400);
        bench.log.clear();
    }
    assert_eq!(bench.pf.application().load(), before);
    // Messages that do, with a token that does not, are remembered and nothing else.
    for number in 1..=100 {
        let csk = bench.new_csk(MALLORY);
        let body = bench.authorising_body(MALLORY, &csk, "no token");
        assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(101)));
        let load = bench.pf.application().load();
        let remembered = before.processed_key_messages + number;
        assert_eq!(load.processed_key_messages, remembered);
        assert_eq!(load.bindings, before.bindings);
    }
    assert!(bench.is_bound(BOB) && !bench.is_bound(MALLORY));
    // The good client goes on: settings, and a new authorisation.
    let ue = &bench.ues[BOB];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect(BOB, documents);
    assert_eq!(publish(&mut bench, BOB, &body), (200, None));
    assert_eq!(outcome(&bench.authorise(BOB)), (200, None));
}

#[test]
fn registrations_without_authorisation_hold_no_binding() {
    let mut bench = Bench::with(|settings| settings.max_bindings = 2, |_| {});
    for _ in 0..200 {
        for index in [MALLORY, ALICE] {
            bench.register(index);
        }
    }
    assert_eq!(bench.pf.application().load().bindings, 0);
    for index in [ALICE, BOB] {
        bench.register(index);
        assert_eq!(outcome(&bench.authorise(index)), (200, None));
    }
}
