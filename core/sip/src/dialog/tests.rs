//! Dialogs from messages, and the requests inside them.

use super::*;
use crate::message::{Limits, Message};

fn request(method: &str, extra: &str) -> Request {
    let text = format!(
        "{method} sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
         From: \"Alice\" <sip:alice@a.example>;tag=a\r\nTo: <sip:bob@b.example>\r\nCall-ID: c@a.example\r\n\
         CSeq: 7 {method}\r\nContact: <sip:alice@10.0.0.1:5070>\r\n{extra}\r\n"
    );
    match Message::parse_datagram(text.as_bytes(), &Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

fn response(to: &Request, status: StatusCode, extra: &[(HeaderName<'static>, &str)]) -> Response {
    let mut response = Response::to(to, status);
    response.add_to_tag("b").unwrap();
    for (name, value) in extra {
        response.headers_mut().push(*name, value).unwrap();
    }
    response
}

const CONTACT: (HeaderName<'static>, &str) = (HeaderName::CONTACT, "<sip:bob@10.0.0.2:5080>");
const ROUTES: (HeaderName<'static>, &str) = (
    HeaderName::RECORD_ROUTE,
    "<sip:p2.example;lr>, <sip:p1.example;lr>",
);

fn caller(extra: &[(HeaderName<'static>, &str)]) -> Result<Dialog, DialogError> {
    let invite = request("INVITE", "");
    Dialog::of_response(&invite, &response(&invite, StatusCode::OK, extra))
}

fn routes_of(request: &Request) -> Vec<String> {
    let routes = request.headers().addresses(HeaderName::ROUTE).unwrap();
    routes
        .iter()
        .map(|route| route.uri.as_str().to_owned())
        .collect()
}

#[test]
fn both_sides_have_the_same_dialog_with_ends_and_routes_reversed() {
    let invite = request(
        "INVITE",
        "Record-Route: <sip:p2.example;lr>\r\nRecord-Route: <sip:p1.example;lr>\r\n",
    );
    let answer = response(&invite, StatusCode::OK, &[CONTACT]);
    let callee = Dialog::of_request(&invite, &answer).unwrap();
    let caller = Dialog::of_response(&invite, &answer).unwrap();
    assert_eq!(*caller.key(), DialogKey::new("c@a.example", "a", "b"));
    assert_eq!(*callee.key(), DialogKey::new("c@a.example", "b", "a"));
    assert_eq!(
        (caller.local(), callee.remote()),
        (callee.remote(), caller.local())
    );
    assert_eq!(caller.remote_target().as_str(), "sip:bob@10.0.0.2:5080");
    assert_eq!(callee.remote_target().as_str(), "sip:alice@10.0.0.1:5070");
    let hops = |dialog: &Dialog| -> Vec<String> {
        dialog
            .routes()
            .iter()
            .map(|route| route.uri.host().unwrap().to_owned())
            .collect()
    };
    assert_eq!(hops(&caller), ["p1.example", "p2.example"]);
    assert_eq!(hops(&callee), ["p2.example", "p1.example"]);
    assert_eq!(caller.next_hop().host(), Some("p1.example"));
}

#[test]
fn a_request_has_everything_but_via() {
    let mut dialog = caller(&[CONTACT, ROUTES]).unwrap();
    let bye = dialog.request(Method::Bye).unwrap().build().unwrap();
    assert_eq!(bye.uri().unwrap().as_str(), "sip:bob@10.0.0.2:5080");
    assert_eq!(bye.headers().from().unwrap().tag(), Some("a"));
    assert_eq!(
        bye.headers().from().unwrap().display.as_deref(),
        Some("Alice")
    );
    assert_eq!(bye.headers().to().unwrap().tag(), Some("b"));
    assert_eq!(bye.headers().cseq().unwrap().number, 8);
    assert_eq!(bye.headers().max_forwards().unwrap(), Some(70));
    assert_eq!(routes_of(&bye), ["sip:p1.example;lr", "sip:p2.example;lr"]);
    let ack = dialog.ack(7).build().unwrap();
    assert_eq!(ack.headers().get(HeaderName::CSEQ), Some(&b"7 ACK"[..]));
    assert_eq!(
        dialog
            .request(Method::Info)
            .unwrap()
            .build()
            .unwrap()
            .headers()
            .cseq()
            .unwrap()
            .number,
        9
    );
}

#[test]
fn a_strict_router_gets_the_target_in_the_last_route() {
    let routes = (
        HeaderName::RECORD_ROUTE,
        "<sip:p2.example;lr>, <sip:strict.example>",
    );
    let mut dialog = caller(&[CONTACT, routes]).unwrap();
    let bye = dialog.request(Method::Bye).unwrap().build().unwrap();
    assert_eq!(bye.uri().unwrap().as_str(), "sip:strict.example");
    assert_eq!(
        routes_of(&bye),
        ["sip:p2.example;lr", "sip:bob@10.0.0.2:5080"]
    );
}

#[test]
fn a_response_that_makes_no_dialog_says_why() {
    let missing = caller(&[]).unwrap_err();
    assert_eq!(
        missing,
        DialogError::PeerHeader(HeaderError::Missing("Contact"))
    );
    let bad = caller(&[(HeaderName::CONTACT, "<not a uri>")]).unwrap_err();
    assert!(matches!(bad, DialogError::PeerHeader(_)));
    let many = "<sip:p;lr>,".repeat(33);
    let many = many.trim_end_matches(',');
    let many = caller(&[CONTACT, (HeaderName::RECORD_ROUTE, many)]).unwrap_err();
    assert_eq!(many, DialogError::PeerTooManyRoutes);
    assert_eq!(many.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn an_early_dialog_takes_the_routes_of_the_2xx_and_a_confirmed_one_keeps_them() {
    let invite = request("INVITE", "");
    let ringing = response(&invite, StatusCode::RINGING, &[CONTACT]);
    let mut dialog = Dialog::of_response(&invite, &ringing).unwrap();
    assert_eq!(dialog.state(), DialogState::Early);
    let moved = (HeaderName::CONTACT, "<sip:bob@10.0.0.9>");
    dialog
        .on_success(&response(&invite, StatusCode::OK, &[moved, ROUTES]))
        .unwrap();
    assert_eq!(dialog.state(), DialogState::Confirmed);
    assert_eq!(dialog.routes().len(), 2);
    assert_eq!(dialog.remote_target().as_str(), "sip:bob@10.0.0.9");
    dialog
        .on_success(&response(&invite, StatusCode::OK, &[CONTACT]))
        .unwrap();
    assert_eq!(dialog.routes().len(), 2);
    assert_eq!(dialog.remote_target().as_str(), "sip:bob@10.0.0.2:5080");
}

#[test]
fn a_failed_confirmation_changes_nothing_the_user_relies_on() {
    let mut dialog = caller(&[CONTACT]).unwrap();
    let invite = request("INVITE", "");
    let bad = response(&invite, StatusCode::OK, &[(HeaderName::CONTACT, "<>")]);
    assert!(dialog.on_success(&bad).is_err());
    assert_eq!(dialog.remote_target().as_str(), "sip:bob@10.0.0.2:5080");
}

#[test]
fn only_target_refresh_requests_move_the_target() {
    let mut dialog = caller(&[CONTACT]).unwrap();
    for (method, moves) in [
        ("INFO", false),
        ("MESSAGE", false),
        ("UPDATE", true),
        ("NOTIFY", true),
    ] {
        let mut dialog = dialog.clone();
        dialog.on_request(&request(method, "")).unwrap();
        assert_eq!(
            dialog.remote_target().as_str() == "sip:alice@10.0.0.1:5070",
            moves,
            "{method}"
        );
    }
    dialog.on_request(&request("INFO", "")).unwrap();
    let mut back = request("INFO", "");
    back.headers_mut().set(HeaderName::CSEQ, "6 INFO").unwrap();
    assert_eq!(dialog.on_request(&back), Err(DialogError::PeerOutOfOrder));
    assert_eq!(
        DialogError::PeerOutOfOrder.status(),
        StatusCode::SERVER_INTERNAL_ERROR
    );
    let mut ack = request("ACK", "");
    ack.headers_mut().set(HeaderName::CSEQ, "1 ACK").unwrap();
    assert_eq!(
        dialog.on_request(&ack),
        Ok(()),
        "an ACK has the number of its INVITE"
    );
}

#[test]
fn sequence_numbers_end_at_2_to_the_31() {
    let mut dialog = caller(&[CONTACT]).unwrap();
    dialog.local_cseq = MAX_LOCAL_CSEQ;
    assert!(matches!(
        dialog.request(Method::Bye),
        Err(DialogError::LocalCSeq)
    ));
}
