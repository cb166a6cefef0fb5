//! REGISTER: good and bad, its end, and what the application server hears of it.

use crate::stage::{DOMAIN, Kind, MCPTT, PSI, Stage, Terms, Ue};
use crate::{both, header};
use roger_sip::digest::Algorithm;
use roger_sip::message::{HeaderName, Request, Response};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Status, contacts with their life when they have any, identities.
fn outcome(response: &Response) -> String {
    let headers = response.headers();
    let mut text = response.status().as_u16().to_string();
    if let Ok(roger_sip::header::Contacts::List(contacts)) = headers.contacts() {
        for contact in contacts {
            // A second may have gone by.
            let left = contact.expires().unwrap_or_default();
            let left = if left % 60 == 59 { left + 1 } else { left };
            text.push_str(&format!(" {left} s"));
        }
    }
    for name in [HeaderName::MIN_EXPIRES, HeaderName::UNSUPPORTED] {
        let value = header(headers, name);
        if !value.is_empty() {
            text.push_str(&format!(" {value}"));
        }
    }
    let identities = header(headers, HeaderName::P_ASSOCIATED_URI);
    if !identities.is_empty() {
        text.push_str(&format!(" {identities}"));
    }
    text
}

/// What the application server was told; the life only as none or some.
fn told(request: &Request, original: Option<&Request>) -> String {
    let headers = request.headers();
    let expires: u32 = header(headers, HeaderName::EXPIRES).parse().unwrap();
    let life = if expires == 0 { "gone" } else { "there" };
    let complete = match original {
        Some(original) => {
            assert_eq!(header(headers, HeaderName::CONTENT_TYPE), "message/sip");
            assert_eq!(request.body(), original.to_octets());
            "with its REGISTER"
        }
        None => {
            assert_eq!(request.body(), b"");
            "alone"
        }
    };
    let to = header(headers, HeaderName::TO);
    format!(
        "{} {} {to} {life} {complete}",
        request.method(),
        request.uri().unwrap()
    )
}

fn register(ue: &mut Ue, contact: &str, lines: &str) -> String {
    outcome(&ue.register(contact, lines, "").1)
}

const IDENTITIES: &str = "<sip:ua@ims.example.org>, <sip:ua-2@ims.example.org>";
const TOLD: &str = "REGISTER sip:mcptt-pf@mcptt.example.org <sip:ua@ims.example.org>";

#[test]
fn a_registration_lives_and_the_server_hears_of_it() {
    let scene = |stage: &Stage| {
        let mut ue = stage.ue("ua", 100);
        let contact = ue.contact();
        let mut said = Vec::new();
        // A body as long as one with a token and a key, with what could be a secret in it.
        let body = format!("token-4711 {}", "x".repeat(9_000));
        let (request, response) = ue.register(&contact, "Expires: 3600\r\n", &body);
        said.push(outcome(&response));
        said.push(told(&stage.at_server(), Some(&request)));
        assert!(!stage.log().contains("4711"), "{}", stage.log());
        // Nothing but the answer changes nothing.
        said.push(register(&mut ue, "", ""));
        assert!(stage.server_hears_nothing());
        // A refresh that the server refuses stands (SESSION_CONTINUED).
        stage.answer.store(403, Ordering::Relaxed);
        let (request, response) = ue.register(&contact, "Expires: 7200\r\n", "");
        said.push(outcome(&response));
        said.push(told(&stage.at_server(), Some(&request)));
        said.push(register(&mut ue, "", ""));
        // Without the feature the server hears of it once more, then no longer.
        let (bare, _) = contact.split_once(MCPTT).unwrap();
        let (request, response) = ue.register(bare, "", "");
        said.push(outcome(&response));
        said.push(told(&stage.at_server(), Some(&request)));
        said.push(register(&mut ue, bare, ""));
        assert!(stage.server_hears_nothing());
        // Back, and gone.
        let (request, _) = ue.register(&contact, "", "");
        said.push(told(&stage.at_server(), Some(&request)));
        let (request, response) = ue.register(&contact, "Expires: 0\r\n", "");
        said.push(outcome(&response));
        said.push(told(&stage.at_server(), Some(&request)));
        said.push(ue.asks("MESSAGE", PSI, "").to_string());
        said
    };
    let stands = |seconds: u32| format!("200 {seconds} s {IDENTITIES}");
    let complete = |life: &str| format!("{TOLD} {life} with its REGISTER");
    let expected = [
        stands(3600),
        complete("there"),
        stands(3600),
        stands(7200),
        complete("there"),
        stands(7200),
        stands(3600),
        complete("there"),
        stands(3600),
        complete("there"),
        "200".to_owned(),
        complete("gone"),
        "403".to_owned(),
    ];
    both(
        Terms::default(),
        scene,
        &expected.each_ref().map(String::as_str),
    );
}

#[test]
fn a_star_removes_every_contact() {
    let scene = |stage: &Stage| {
        let mut ue = stage.ue("ua", 100);
        let contact = ue.contact();
        let second = contact.replace(":5060", ":5070");
        let mut said = vec![
            register(&mut ue, &contact, ""),
            register(&mut ue, &second, ""),
        ];
        said.push(register(&mut ue, "*", "Expires: 5\r\n"));
        said.push(register(&mut ue, "*", "Expires: 0\r\n"));
        said.push(register(&mut ue, "", ""));
        said
    };
    let one = format!("200 3600 s {IDENTITIES}");
    let two = format!("200 3600 s 3600 s {IDENTITIES}");
    both(Terms::default(), scene, &[&one, &two, "400", "200", "200"]);
}

#[test]
fn bad_registrations_are_refused_alike() {
    let scene = |stage: &Stage| {
        let mut said = Vec::new();
        let mut ue = stage.ue("ua", 100);
        let contact = ue.contact();
        let bad = stage.ue("ua", 101).with_credentials("ua", "guess");
        let unknown = stage.ue("ua", 102).with_credentials("ux", "secret");
        let other = stage.ue("ua", 103).with_credentials("ub", "secret");
        for mut ue in [bad, unknown, other] {
            let contact = ue.contact();
            said.push(register(&mut ue, &contact, ""));
        }
        let (server, core) = (stage.address(14), stage.address(13));
        for (contact, lines) in [
            (contact.as_str(), "Expires: 5\r\n"),
            (&contact, "Expires: 9999999\r\n"),
            (&contact, "Require: foo\r\n"),
            (&format!("<sip:{server};transport=tcp>"), ""),
            (&format!("<sip:{core};transport=tcp>"), ""),
            (&format!("sip:{server}"), ""),
            (&format!("sip:ua@{}", server.ip()), ""),
            (&format!("{contact}, <sip:ua@{server}>"), ""),
            (&format!("{contact}\r\nContact: <sip:ua@{core}>"), ""),
            // An address that only begins alike.
            (&format!("<sip:{}4:5060>", server.ip()), ""),
        ] {
            said.push(register(&mut ue, contact, lines));
        }
        said
    };
    let longest = format!("200 600000 s {IDENTITIES}");
    let mut expected = vec!["403", "403", "403", "423 60", &longest, "420 foo"];
    expected.extend(["403"; 6]);
    let two = format!("200 3600 s 600000 s {IDENTITIES}");
    expected.push(&two);
    both(Terms::default(), scene, &expected);
}

/// Sends a REGISTER with one thing replaced, on a connection of its own.
fn spoilt(stage: &Stage, good: &str, bad: &str) -> Ue {
    let mut ue = stage.ue("ua", 100);
    let contact = ue.contact();
    let text = ue.register_text(&contact, "", "");
    assert!(text.contains(good), "{text}");
    ue.peer.send(text.replacen(good, bad, 1));
    ue
}

fn still_serves(stage: &Stage) {
    let mut ue = stage.ue("ua", 100);
    let contact = ue.contact();
    let good = format!("200 3600 s {IDENTITIES}");
    assert_eq!(register(&mut ue, &contact, ""), good);
}

#[test]
fn malformed_registrations_are_refused_alike() {
    let scene = |stage: &Stage| {
        let mut said = Vec::new();
        for (good, bad) in [
            ("CSeq: 1 REGISTER", "CSeq: 1 INVITE"),
            ("CSeq: 1 REGISTER", "CSeq: x REGISTER"),
            ("Content-Type", "Expires: soon\r\nContent-Type"),
            ("Max-Forwards: 70", "Max-Forwards: many"),
            ("Content-Type", "Authorization: \r\nContent-Type"),
            (
                "Content-Type",
                "Authorization: Digest username=\"ua\r\nContent-Type",
            ),
        ] {
            let response = spoilt(stage, good, bad).peer.response();
            said.push(response.status().as_u16().to_string());
        }
        still_serves(stage);
        said
    };
    both(Terms::default(), scene, &["400"; 6]);
}

/// What Kamailio cannot answer for want of a header it drops before its script; the embedded core answers.
#[test]
fn a_registration_without_its_headers_harms_neither() {
    for kind in [Kind::Embedded, Kind::Kamailio] {
        let Some(stage) = Stage::start(kind, Terms::default()) else {
            return;
        };
        for (good, bad) in [
            ("To: <sip:ua@ims.example.org>\r\n", ""),
            ("From: <sip:ua@ims.example.org>;tag=1\r\n", ""),
            ("Call-ID: ", "X-Call-ID: "),
            ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"),
        ] {
            let mut ue = spoilt(&stage, good, bad);
            match kind {
                Kind::Kamailio => assert!(ue.peer.hears_nothing()),
                Kind::Embedded => assert!(!ue.peer.response().status().is_success()),
            }
        }
        assert!(stage.server_hears_nothing());
        still_serves(&stage);
    }
}

fn credentials_of(algorithm: Algorithm) {
    let scene = |stage: &Stage| {
        let mut ue = stage.ue("ua", 100);
        let contact = ue.contact();
        let text = ue.register_text(&contact, "", "");
        ue.peer.send(&text);
        let challenge = header(ue.peer.response().headers(), HeaderName::WWW_AUTHENTICATE);
        let (request, response) = ue.register(&contact, "", "");
        let mut said = vec![outcome(&response)];
        // The same credentials in a request of its own.
        let octets = String::from_utf8(request.to_octets()).unwrap();
        let again = octets.replace("branch=z9hG4bK", "branch=z9hG4bKagain");
        ue.peer.send(again);
        said.push(outcome(&ue.peer.response()));
        let says = |text: &str| challenge.contains(text).to_string();
        said.push(says(&format!("algorithm={}", algorithm.as_str())));
        said.push(says(&format!("realm=\"{DOMAIN}\"")));
        said.push(says("qop=\"auth\""));
        said
    };
    let terms = Terms {
        algorithm,
        ..Terms::default()
    };
    let good = format!("200 3600 s {IDENTITIES}");
    both(terms, scene, &[&good, "401", "true", "true", "true"]);
}

#[test]
fn credentials_are_taken_once() {
    credentials_of(Algorithm::Sha256);
}

#[test]
fn md5_is_there_for_old_ues() {
    credentials_of(Algorithm::Md5);
}

#[test]
fn a_registration_that_is_not_refreshed_ends_and_the_server_is_told() {
    let scene = |stage: &Stage| {
        let mut ue = stage.ue("ua", 100);
        let contact = ue.contact();
        // Another contact that goes on changes nothing for the server while it lives.
        let second = contact.replace(":5060", ":5070");
        let mut said = Vec::new();
        for (contact, life) in [(&contact, 1), (&second, 3)] {
            let lines = format!("Expires: {life}\r\n");
            let (request, response) = ue.register(contact, &lines, "");
            said.push(response.status().as_u16().to_string());
            said.push(told(&stage.at_server(), Some(&request)));
        }
        said.push(told(&stage.at_server(), None));
        std::thread::sleep(Duration::from_millis(100));
        said.push(register(&mut ue, "", ""));
        said.push(ue.asks("MESSAGE", PSI, "").to_string());
        said
    };
    let terms = Terms {
        min_expires: 1,
        ..Terms::default()
    };
    let (there, gone) = (
        format!("{TOLD} there with its REGISTER"),
        format!("{TOLD} gone alone"),
    );
    both(
        terms,
        scene,
        &["200", &there, "200", &there, &gone, "200", "403"],
    );
}
