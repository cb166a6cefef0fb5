//! What a registered UE tries in order to act for another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod bench;

use bench::{ALICE, BOB, Bench, DOMAIN, MALLORY, PSI, SERVER, identity, settings};
use roger_sip::message::{HeaderName, Method, StatusCode};

fn registered() -> Bench {
    let mut bench = Bench::new(settings());
    for index in [ALICE, BOB, MALLORY] {
        assert_eq!(bench.register(index).status(), StatusCode::OK);
        bench.third_party(StatusCode::OK);
    }
    bench
}

/// A third-party REGISTER comes from the core alone: with one of its own a UE could log others off at the server, or
/// have its own credentials bound to their identity.
#[test]
fn a_ue_cannot_send_a_third_party_register_through_the_core() {
    let mut bench = registered();
    for uri in [PSI.to_owned(), format!("sip:{}", bench::address(SERVER))] {
        let mut request = bench
            .request(MALLORY, Method::Register, &uri)
            .header(HeaderName::EXPIRES, "0")
            .build()
            .unwrap();
        let victim = format!("<{}>", identity(ALICE));
        request.headers_mut().set(HeaderName::TO, victim).unwrap();
        bench.send(MALLORY, request);
        bench.settle();
        assert_eq!(bench.response(MALLORY).status(), StatusCode::FORBIDDEN);
        assert!(bench.peers[SERVER].events.is_empty(), "{uri}");
    }
}

/// Requests for an identity go to whom it belongs to, whatever others have in their Contact.
#[test]
fn a_contact_with_the_identity_of_another_draws_no_requests() {
    for host in [DOMAIN, "IMS.Example.ORG", "ims.example.org:5060"] {
        let mut bench = registered();
        let mut request = bench.register_request(MALLORY, 3600);
        let stolen = format!("<sip:bob@{host}>;+g.3gpp.mcptt");
        request
            .headers_mut()
            .set(HeaderName::CONTACT, stolen)
            .unwrap();
        let status = bench.register_with(MALLORY, request).status();
        let call = bench.request(ALICE, Method::Message, &identity(BOB));
        bench.send(ALICE, call.build().unwrap());
        bench.settle();
        bench.incoming(BOB);
        assert!(bench.peers[MALLORY].events.is_empty());
        assert_eq!(status, StatusCode::OK, "{host}");
    }
}

/// A Contact that is no SIP URI is nothing that a request could be sent to.
#[test]
fn a_contact_that_is_no_sip_uri_draws_no_other_requests() {
    let mut bench = registered();
    let mut request = bench.register_request(MALLORY, 3600);
    let contact = "<tel:+4911111>;+g.3gpp.mcptt";
    request
        .headers_mut()
        .set(HeaderName::CONTACT, contact)
        .unwrap();
    bench.register_with(MALLORY, request);
    let call = bench.request(ALICE, Method::Message, "tel:+4922222");
    bench.send(ALICE, call.build().unwrap());
    bench.settle();
    assert_eq!(bench.response(ALICE).status(), StatusCode::NOT_FOUND);
    assert!(bench.peers[MALLORY].events.is_empty());
}

/// A callee who asks for privacy is not shown to the UE that called (RFC 3325 7).
#[test]
fn privacy_of_an_answer_hides_the_identity_from_a_ue() {
    let mut bench = registered();
    let call = bench.request(ALICE, Method::Message, &identity(BOB));
    bench.send(ALICE, call.build().unwrap());
    bench.settle();
    let incoming = bench.incoming(BOB);
    let mut response = roger_sip::message::Response::to(&incoming.request, StatusCode::OK);
    response
        .headers_mut()
        .push(HeaderName::PRIVACY, "id")
        .unwrap();
    bench
        .with(BOB, |endpoint, now, random| {
            endpoint.respond(now, random, incoming.transaction, response)
        })
        .unwrap();
    bench.settle();
    let answer = bench.response(ALICE);
    assert!(!answer.headers().contains(HeaderName::P_ASSERTED_IDENTITY));
}
