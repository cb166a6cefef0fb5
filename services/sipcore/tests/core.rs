//! What the core does for MCPTT, in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod bench;

use bench::{
    ALICE, BOB, Bench, DOMAIN, MALLORY, PSI, SERVER, address, core_address, identity, settings,
    text,
};
use core::time::Duration;
use roger_sip::endpoint::{Output, Target};
use roger_sip::message::{HeaderName, Limits, Message, Method, Response, StatusCode};
use roger_sipcore::CoreEvent;

fn bench() -> Bench {
    Bench::new(settings())
}

/// Alice and Bob registered, the third-party REGISTERs answered, all queues empty.
fn registered() -> Bench {
    let mut bench = bench();
    for index in [ALICE, BOB] {
        assert_eq!(bench.register(index).status(), StatusCode::OK);
        bench.third_party(StatusCode::OK);
    }
    bench.log.clear();
    bench
}

#[test]
fn a_registration_is_challenged_proved_and_confirmed() {
    let mut bench = bench();
    let response = bench.register(ALICE);
    assert_eq!(response.status(), StatusCode::OK);
    let contact = response.headers().contact().unwrap().unwrap();
    assert_eq!(contact.expires(), Some(3600));
    assert!(contact.has_feature("+g.3gpp.mcptt"));
    let associated = response
        .headers()
        .text(HeaderName::P_ASSOCIATED_URI)
        .unwrap();
    assert_eq!(
        associated,
        format!("<{}>, <sip:alice-2@{DOMAIN}>", identity(ALICE))
    );
    assert_eq!(bench.core.registrations(), 1);
    let expected = CoreEvent::Registered {
        identity: identity(ALICE),
        expires: 3600,
    };
    assert!(bench.core_events.contains(&expected));
}

#[test]
fn a_wrong_password_is_refused_and_nothing_is_registered() {
    let mut bench = bench();
    bench.peers[ALICE].digest = roger_sip::digest::DigestClient::new(
        "alice@private.example.org",
        roger_base::SecretBytes::new(b"guess".to_vec()),
    );
    assert_eq!(bench.register(ALICE).status(), StatusCode::FORBIDDEN);
    assert_eq!(bench.core.registrations(), 0);
    assert!(bench.peers[SERVER].events.is_empty());
}

#[test]
fn nobody_registers_the_identity_of_another() {
    let mut bench = bench();
    let mut request = bench.register_request(MALLORY, 3600);
    request
        .headers_mut()
        .set(HeaderName::TO, format!("<{}>", identity(ALICE)))
        .unwrap();
    assert_eq!(
        bench.register_with(MALLORY, request).status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(bench.core.registrations(), 0);
}

#[test]
fn credentials_are_not_taken_twice() {
    let mut bench = bench();
    bench.register(ALICE);
    let copied = bench
        .log
        .iter()
        .find(|wire| wire.text().contains("Authorization"))
        .unwrap();
    let Message::Request(mut copied) = copied.message() else {
        panic!()
    };
    copied.headers_mut().remove(HeaderName::VIA);
    let cseq = "900 REGISTER";
    copied.headers_mut().set(HeaderName::CSEQ, cseq).unwrap();
    bench.send(MALLORY, copied);
    bench.settle();
    let response = bench.response(MALLORY);
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(
        response
            .headers()
            .text(HeaderName::WWW_AUTHENTICATE)
            .unwrap()
            .contains("stale=true")
    );
}

#[test]
fn a_short_life_is_refused_and_a_long_one_cut() {
    let mut bench = bench();
    let request = bench.register_request(ALICE, 10);
    let response = bench.register_with(ALICE, request);
    assert_eq!(response.status(), StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(
        response.headers().text(HeaderName::MIN_EXPIRES).unwrap(),
        "60"
    );
    let request = bench.register_request(ALICE, u32::MAX);
    let response = bench.register_with(ALICE, request);
    assert_eq!(
        response.headers().contact().unwrap().unwrap().expires(),
        Some(600_000)
    );
}

#[test]
fn an_unknown_extension_is_refused_by_name() {
    let mut bench = bench();
    let mut request = bench.register_request(ALICE, 3600);
    request
        .headers_mut()
        .push(HeaderName::REQUIRE, "strange")
        .unwrap();
    let response = bench.register_with(ALICE, request);
    assert_eq!(response.status(), StatusCode::BAD_EXTENSION);
    assert_eq!(
        response.headers().text(HeaderName::UNSUPPORTED).unwrap(),
        "strange"
    );
}

#[test]
fn a_star_needs_expires_0_and_removes_all() {
    let mut bench = registered();
    let mut request = bench.register_request(ALICE, 100);
    request.headers_mut().set(HeaderName::CONTACT, "*").unwrap();
    assert_eq!(
        bench.register_with(ALICE, request).status(),
        StatusCode::BAD_REQUEST
    );
    let mut request = bench.register_request(ALICE, 0);
    request.headers_mut().set(HeaderName::CONTACT, "*").unwrap();
    let response = bench.register_with(ALICE, request);
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains(HeaderName::CONTACT));
    assert_eq!(bench.core.registrations(), 1);
}

#[test]
fn a_query_tells_and_changes_nothing() {
    let mut bench = registered();
    let mut request = bench.register_request(ALICE, 100);
    request.headers_mut().remove(HeaderName::CONTACT);
    let response = bench.register_with(ALICE, request);
    assert!(
        response
            .headers()
            .contact()
            .unwrap()
            .unwrap()
            .expires()
            .unwrap()
            > 3500
    );
    assert!(
        bench.peers[SERVER].events.is_empty(),
        "the application server is not told"
    );
}

#[test]
fn a_contact_at_the_address_of_a_server_is_refused() {
    let mut bench = bench();
    for stolen in [address(SERVER), core_address()] {
        let mut request = bench.register_request(ALICE, 3600);
        request
            .headers_mut()
            .set(HeaderName::CONTACT, format!("<sip:{stolen}>"))
            .unwrap();
        assert_eq!(
            bench.register_with(ALICE, request).status(),
            StatusCode::FORBIDDEN
        );
    }
}

#[test]
fn the_application_server_gets_the_complete_register_after_the_200() {
    let mut bench = bench();
    let mut request = bench.register_request(ALICE, 3600);
    let body: Vec<u8> = (0..=255).cycle().take(3_000).collect();
    request
        .set_body("multipart/mixed;boundary=b1", body.clone())
        .unwrap();
    assert_eq!(bench.register_with(ALICE, request).status(), StatusCode::OK);
    let told = bench.third_party(StatusCode::OK);
    assert_eq!(
        text(&told, HeaderName::TO),
        format!("<{}>", identity(ALICE))
    );
    assert_eq!(text(&told, HeaderName::EXPIRES), "3600");
    assert_eq!(text(&told, HeaderName::CONTENT_TYPE), "message/sip");
    assert!(text(&told, HeaderName::FROM).contains("sip:10.0.0.100:5060"));
    let Message::Request(inner) = Message::parse_datagram(told.body(), &Limits::default()).unwrap()
    else {
        panic!()
    };
    assert_eq!(*inner.method(), Method::Register);
    assert_eq!(inner.body(), body, "octet for octet");
    assert!(
        inner
            .headers()
            .contact()
            .unwrap()
            .unwrap()
            .has_feature("+g.3gpp.mcptt")
    );
    let confirmed = bench
        .log
        .iter()
        .position(|wire| wire.text().starts_with("SIP/2.0 200") && wire.to == address(ALICE));
    let third = bench.log.iter().position(|wire| wire.to == address(SERVER));
    assert!(confirmed < third, "the UE's 200 first");
}

#[test]
fn a_refusal_of_the_application_server_ends_nothing() {
    let mut bench = bench();
    bench.register(ALICE);
    bench.third_party(StatusCode::FORBIDDEN);
    assert_eq!(bench.core.registrations(), 1);
    let expected = CoreEvent::ThirdPartyAnswered {
        identity: identity(ALICE),
        server: PSI.into(),
        status: Some(StatusCode::FORBIDDEN),
    };
    assert!(bench.core_events.contains(&expected));
    let message = bench.request(ALICE, Method::Message, PSI).build().unwrap();
    bench.send(ALICE, message);
    bench.settle();
    assert_eq!(*bench.incoming(SERVER).request.method(), Method::Message);
}

#[test]
fn the_application_server_hears_of_refresh_log_off_and_end() {
    let mut bench = bench();
    bench.register(ALICE);
    let first = bench.third_party(StatusCode::OK);
    bench.register(ALICE);
    let second = bench.third_party(StatusCode::OK);
    assert_eq!(
        text(&first, HeaderName::CALL_ID),
        text(&second, HeaderName::CALL_ID)
    );
    assert!(first.headers().cseq().unwrap().number < second.headers().cseq().unwrap().number);

    let mut request = bench.register_request(ALICE, 3600);
    let contact = format!(
        "<sip:alice@{};transport=tcp>;+sip.instance=\"<urn:uuid:00000001>\"",
        address(ALICE)
    );
    request
        .headers_mut()
        .set(HeaderName::CONTACT, contact)
        .unwrap();
    bench.register_with(ALICE, request);
    let without_tags = bench.third_party(StatusCode::OK);
    assert!(!String::from_utf8_lossy(without_tags.body()).contains("+g.3gpp.mcptt"));
    assert_eq!(text(&without_tags, HeaderName::EXPIRES), "3600");

    let request = bench.register_request(ALICE, 3600);
    bench.register_with(ALICE, request);
    bench.third_party(StatusCode::OK);
    let request = bench.register_request(ALICE, 0);
    assert_eq!(bench.register_with(ALICE, request).status(), StatusCode::OK);
    let end = bench.third_party(StatusCode::OK);
    assert_eq!(text(&end, HeaderName::EXPIRES), "0");
    assert_eq!(bench.core.registrations(), 0);
    assert!(bench.core_events.contains(&CoreEvent::Deregistered {
        identity: identity(ALICE)
    }));
}

#[test]
fn a_registration_that_is_not_refreshed_ends_and_the_server_is_told() {
    let mut bench = bench();
    bench.register(ALICE);
    bench.third_party(StatusCode::OK);
    bench.run_until(bench.now + Duration::from_secs(3_590));
    assert_eq!(bench.core.registrations(), 1);
    bench.run_until(bench.now + Duration::from_secs(20));
    assert_eq!(bench.core.registrations(), 0);
    let end = bench.third_party(StatusCode::OK);
    assert_eq!(text(&end, HeaderName::EXPIRES), "0");
    assert!(end.body().is_empty());
}

#[test]
fn a_ue_reaches_the_service_under_its_own_identity_only() {
    let mut bench = registered();
    let request = bench
        .request(ALICE, Method::Message, PSI)
        .header(
            HeaderName::P_ASSERTED_IDENTITY,
            format!("<{}>", identity(BOB)),
        )
        .header(HeaderName::P_ASSERTED_SERVICE, "urn:forged")
        .header(
            HeaderName::P_PREFERRED_SERVICE,
            "urn:urn-7:3gpp-service.ims.icsi.mcptt",
        )
        .body("text/plain", "hello")
        .build()
        .unwrap();
    bench.send(ALICE, request);
    bench.settle();
    let got = bench.incoming(SERVER);
    assert_eq!(
        text(&got.request, HeaderName::P_ASSERTED_IDENTITY),
        format!("<{}>", identity(ALICE))
    );
    assert_eq!(
        got.request.headers().count(HeaderName::P_ASSERTED_IDENTITY),
        1
    );
    assert_eq!(
        text(&got.request, HeaderName::P_ASSERTED_SERVICE),
        "urn:urn-7:3gpp-service.ims.icsi.mcptt"
    );
    assert!(
        !got.request
            .headers()
            .contains(HeaderName::P_PREFERRED_SERVICE)
    );
    assert_eq!(got.request.headers().max_forwards().unwrap(), Some(69));
    assert_eq!(got.request.uri().unwrap().as_str(), PSI);
    assert_eq!(got.request.body(), b"hello");
    bench.answer(SERVER, &got, StatusCode::ACCEPTED);
    assert_eq!(bench.response(ALICE).status(), StatusCode::ACCEPTED);
}

#[test]
fn nothing_of_the_trust_domain_passes_from_a_ue() {
    let mut bench = registered();
    let forged = [
        (
            HeaderName::P_ASSERTED_SERVICE,
            "urn:urn-7:3gpp-service.ims.icsi.mcptt",
        ),
        (HeaderName::P_CALLED_PARTY_ID, "<sip:forged@h>"),
        (HeaderName::P_CHARGING_VECTOR, "icid-value=forged"),
    ];
    let mut request = bench.request(ALICE, Method::Message, PSI);
    for (name, value) in forged {
        request = request.header(name, value);
    }
    let request = request.build().unwrap();
    bench.send(ALICE, request);
    bench.settle();
    let got = bench.incoming(SERVER);
    for (name, _) in forged {
        assert!(!got.request.headers().contains(name), "{name}");
    }
}

#[test]
fn a_preferred_identity_counts_when_it_is_ones_own() {
    for (preferred, expected) in [
        (
            format!("sip:alice-2@{DOMAIN}"),
            format!("<sip:alice-2@{DOMAIN}>"),
        ),
        (identity(BOB), format!("<{}>", identity(ALICE))),
        (
            "sip:president@elsewhere.example".to_owned(),
            format!("<{}>", identity(ALICE)),
        ),
    ] {
        let mut bench = registered();
        let request = bench
            .request(ALICE, Method::Message, PSI)
            .header(HeaderName::P_PREFERRED_IDENTITY, format!("<{preferred}>"))
            .build()
            .unwrap();
        bench.send(ALICE, request);
        bench.settle();
        let got = bench.incoming(SERVER);
        assert_eq!(
            text(&got.request, HeaderName::P_ASSERTED_IDENTITY),
            expected
        );
        assert!(
            !got.request
                .headers()
                .contains(HeaderName::P_PREFERRED_IDENTITY)
        );
    }
}

#[test]
fn who_is_not_registered_gets_403() {
    let mut bench = registered();
    for uri in [PSI.to_owned(), identity(BOB)] {
        let request = bench
            .request(MALLORY, Method::Message, &uri)
            .build()
            .unwrap();
        bench.send(MALLORY, request);
        bench.settle();
        assert_eq!(bench.response(MALLORY).status(), StatusCode::FORBIDDEN);
    }
    assert!(bench.peers[SERVER].events.is_empty() && bench.peers[BOB].events.is_empty());
}

#[test]
fn a_server_asserts_what_it_wants_and_reaches_a_ue_over_its_flow() {
    let mut bench = registered();
    let request = bench
        .request(SERVER, Method::Message, &identity(BOB))
        .header(HeaderName::P_ASSERTED_IDENTITY, format!("<{PSI}>"))
        .header(
            HeaderName::P_ASSERTED_SERVICE,
            "urn:urn-7:3gpp-service.ims.icsi.mcptt",
        )
        .build()
        .unwrap();
    bench.send(SERVER, request);
    bench.settle();
    let got = bench.incoming(BOB);
    assert_eq!(
        text(&got.request, HeaderName::P_ASSERTED_IDENTITY),
        format!("<{PSI}>")
    );
    assert_eq!(
        text(&got.request, HeaderName::P_CALLED_PARTY_ID),
        format!("<{}>", identity(BOB))
    );
    assert_eq!(got.request.uri().unwrap().user(), Some("bob"));
    assert_eq!(got.flow.transport, roger_sip::endpoint::Transport::Tcp);
    let mut response = Response::to(&got.request, StatusCode::OK);
    response
        .headers_mut()
        .push(HeaderName::P_ASSERTED_IDENTITY, "<sip:forged@h>")
        .unwrap();
    bench
        .with(BOB, |endpoint, now, random| {
            endpoint.respond(now, random, got.transaction, response)
        })
        .unwrap();
    bench.settle();
    let response = bench.response(SERVER);
    let asserted = response
        .headers()
        .text(HeaderName::P_ASSERTED_IDENTITY)
        .unwrap()
        .into_owned();
    assert_eq!(
        asserted,
        format!("<{}>", identity(BOB)),
        "a UE cannot forge in its answer either"
    );
}

#[test]
fn privacy_hides_the_identity_from_a_ue() {
    let mut bench = registered();
    let request = bench
        .request(SERVER, Method::Message, &identity(BOB))
        .header(
            HeaderName::P_ASSERTED_IDENTITY,
            format!("<{}>", identity(ALICE)),
        )
        .header(HeaderName::PRIVACY, "header;id")
        .build()
        .unwrap();
    bench.send(SERVER, request);
    bench.settle();
    assert!(
        !bench
            .incoming(BOB)
            .request
            .headers()
            .contains(HeaderName::P_ASSERTED_IDENTITY)
    );
}

#[test]
fn who_is_gone_is_480_and_who_never_was_404() {
    let mut bench = registered();
    for (uri, expected) in [
        (identity(MALLORY), StatusCode::TEMPORARILY_UNAVAILABLE),
        (format!("sip:nobody@{DOMAIN}"), StatusCode::NOT_FOUND),
        (
            "sip:somebody@elsewhere.example".to_owned(),
            StatusCode::NOT_FOUND,
        ),
        ("sip:192.0.2.9:5060".to_owned(), StatusCode::NOT_FOUND),
        ("tel:+4912345".to_owned(), StatusCode::NOT_FOUND),
    ] {
        let request = bench.request(ALICE, Method::Message, &uri).build().unwrap();
        bench.send(ALICE, request);
        bench.settle();
        assert_eq!(bench.response(ALICE).status(), expected, "{uri}");
    }
}

#[test]
fn another_identity_of_a_registered_subscriber_is_reached_too() {
    let mut bench = registered();
    let request = bench
        .request(ALICE, Method::Message, &format!("sip:bob-2@{DOMAIN}"))
        .build()
        .unwrap();
    bench.send(ALICE, request);
    bench.settle();
    let got = bench.incoming(BOB);
    assert_eq!(
        text(&got.request, HeaderName::P_CALLED_PARTY_ID),
        format!("<sip:bob-2@{DOMAIN}>")
    );
}

#[test]
fn the_core_is_no_open_relay() {
    let mut bench = registered();
    let request = bench
        .request(ALICE, Method::Message, PSI)
        .header(HeaderName::ROUTE, "<sip:192.0.2.9:5060;lr>")
        .build()
        .unwrap();
    bench.send(ALICE, request);
    bench.settle();
    assert_eq!(bench.response(ALICE).status(), StatusCode::FORBIDDEN);
}

#[test]
fn hops_end_at_zero() {
    let mut bench = registered();
    let request = bench
        .request(ALICE, Method::Message, PSI)
        .header(HeaderName::MAX_FORWARDS, "0")
        .build()
        .unwrap();
    bench.send(ALICE, request);
    bench.settle();
    assert_eq!(bench.response(ALICE).status(), StatusCode::TOO_MANY_HOPS);
}

#[test]
fn a_loop_is_detected() {
    let mut bench = registered();
    // The server sends the request on to the core that gave it, unchanged but for its own Via.
    let request = bench.request(ALICE, Method::Message, PSI).build().unwrap();
    bench.send(ALICE, request);
    bench.settle();
    let got = bench.incoming(SERVER);
    bench.send(SERVER, got.request.clone());
    bench.settle();
    let last = bench.log.last().unwrap();
    assert_eq!(last.to, address(SERVER));
    assert!(last.text().starts_with("SIP/2.0 482 "), "{}", last.text());
}

#[test]
fn a_call_passes_the_core_with_everything_in_its_dialog() {
    let mut bench = registered();
    let invite = bench
        .request(ALICE, Method::Invite, PSI)
        .body("application/sdp", "v=0\r\n")
        .build()
        .unwrap();
    bench.send(ALICE, invite);
    bench.settle();
    let got = bench.incoming(SERVER);
    assert!(text(&got.request, HeaderName::RECORD_ROUTE).contains("10.0.0.100:5060"));
    bench.answer(SERVER, &got, StatusCode::RINGING);
    assert_eq!(bench.response(ALICE).status(), StatusCode::RINGING);
    bench.answer(SERVER, &got, StatusCode::OK);
    let Some(Output::Response(answer)) = bench.peers[ALICE].events.pop_front() else {
        panic!()
    };
    let dialog = answer.dialog.unwrap();
    bench
        .with(ALICE, |endpoint, now, random| {
            endpoint.ack(now, random, dialog, None)
        })
        .unwrap();
    bench.settle();
    let server_dialog = match bench.peers[SERVER].events.pop_front() {
        Some(Output::Ack(ack)) => ack.dialog.unwrap(),
        other => panic!("{other:?}"),
    };
    assert!(
        bench
            .log
            .iter()
            .all(|wire| wire.from == core_address() || wire.to == core_address())
    );
    // The 2xx is not repeated any more.
    let before = bench.log.len();
    bench.run_until(bench.now + Duration::from_secs(40));
    assert_eq!(bench.log.len(), before);

    bench
        .with(SERVER, |endpoint, now, random| {
            endpoint.bye(now, random, server_dialog)
        })
        .unwrap();
    bench.settle();
    let bye = bench.incoming(ALICE);
    assert_eq!(
        (bye.request.method(), bye.dialog),
        (&Method::Bye, Some(dialog))
    );
    assert!(!bye.request.headers().contains(HeaderName::ROUTE));
    bench.answer(ALICE, &bye, StatusCode::OK);
    assert_eq!(bench.response(SERVER).status(), StatusCode::OK);
    assert!(
        bench
            .log
            .iter()
            .all(|wire| wire.from == core_address() || wire.to == core_address())
    );
}

/// It can overtake the 2xx, and then makes the dialog (RFC 6665 4.3): without the route the subscriber would go past the
/// core from then on.
#[test]
fn a_notify_is_recorded_though_it_is_inside_its_dialog() {
    let mut bench = registered();
    for (method, recorded) in [(Method::Notify, true), (Method::Info, false)] {
        let contact = format!("sip:bob@{}", bench.peers[BOB].address);
        let mut request = bench.request(SERVER, method, &contact).build().unwrap();
        let to = format!("<{}>;tag=subscriber", identity(BOB));
        request.headers_mut().set(HeaderName::TO, to).unwrap();
        bench.send(SERVER, request);
        bench.settle();
        let to_bob = |wire: &&bench::Wire| wire.to == bench.peers[BOB].address;
        let forwarded = bench.log.iter().rev().find(to_bob).unwrap().text();
        let begins = if recorded { "NOTIFY" } else { "INFO" };
        assert!(forwarded.starts_with(begins), "{forwarded}");
        assert_eq!(forwarded.contains("Record-Route"), recorded, "{forwarded}");
    }
}

#[test]
fn a_cancel_is_passed_on() {
    let mut bench = registered();
    let invite = bench
        .request(ALICE, Method::Invite, &identity(BOB))
        .build()
        .unwrap();
    let handle = bench
        .with(ALICE, |endpoint, now, random| {
            endpoint.send_request(now, random, invite, Target::tcp(core_address()))
        })
        .unwrap();
    bench.settle();
    let got = bench.incoming(BOB);
    bench.answer(BOB, &got, StatusCode::RINGING);
    bench.response(ALICE);
    bench
        .with(ALICE, |endpoint, now, _| endpoint.cancel(now, handle))
        .unwrap();
    bench.settle();
    assert!(
        bench.peers[BOB]
            .events
            .iter()
            .any(|event| matches!(event, Output::Cancelled { .. }))
    );
    assert_eq!(
        bench.response(ALICE).status(),
        StatusCode::REQUEST_TERMINATED
    );
    bench.run_until(bench.now + Duration::from_secs(40));
    assert_eq!(
        (
            bench.core.load().client_transactions,
            bench.core.load().server_transactions
        ),
        (0, 0)
    );
}

#[test]
fn a_ue_whose_connection_is_gone_is_called_at_its_contact() {
    let mut bench = registered();
    bench.close(BOB);
    assert_eq!(bench.core.registrations(), 2);
    let request = bench
        .request(ALICE, Method::Message, &identity(BOB))
        .build()
        .unwrap();
    bench.send(ALICE, request);
    bench.settle();
    bench.incoming(BOB);
    // But what now comes over the flow of Bob is nobody's until he registers again.
    bench.close(ALICE);
    let request = bench.request(ALICE, Method::Message, PSI).build().unwrap();
    bench.send(ALICE, request);
    bench.settle();
    assert_eq!(bench.response(ALICE).status(), StatusCode::FORBIDDEN);
}

#[test]
fn an_unreachable_server_is_503_and_a_silent_one_408() {
    let mut bench = registered();
    let invite = bench.request(ALICE, Method::Invite, PSI).build().unwrap();
    bench.send(ALICE, invite);
    bench.settle();
    // The server never answers; its automatic 100 keeps the transaction alive, so that timer C ends it.
    bench.run_until(bench.now + Duration::from_secs(230));
    let status = bench.response(ALICE).status();
    assert!(status == StatusCode::TRYING, "{status}");
    let last = loop {
        let response = bench.response(ALICE);
        if response.status().is_final() {
            break response.status();
        }
    };
    assert_eq!(last, StatusCode::REQUEST_TERMINATED);
    let request = bench.request(ALICE, Method::Message, PSI).build().unwrap();
    bench.send(ALICE, request);
    bench.settle();
    bench.incoming(SERVER);
    bench.close(SERVER);
    bench.settle();
    let response = bench.response(ALICE);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains(HeaderName::RETRY_AFTER));
}

#[test]
fn options_at_the_core_is_answered() {
    let mut bench = bench();
    let request = bench
        .request(MALLORY, Method::Options, &format!("sip:{DOMAIN}"))
        .build()
        .unwrap();
    bench.send(MALLORY, request);
    bench.settle();
    assert_eq!(bench.response(MALLORY).status(), StatusCode::OK);
}

#[test]
fn registrations_are_bounded() {
    let mut settings = settings();
    settings.max_registrations = 1;
    let mut bench = Bench::new(settings);
    assert_eq!(bench.register(ALICE).status(), StatusCode::OK);
    assert_eq!(
        bench.register(BOB).status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        bench.register(ALICE).status(),
        StatusCode::OK,
        "a refresh needs no room"
    );
}
