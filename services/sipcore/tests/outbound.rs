//! Path, Service-Route, outbound, GRUU and NAT (RFC 3327, 3608, 5626, 5627, 3581), in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod bench;

use bench::{ALICE, BOB, Bench, DOMAIN, MALLORY, PSI, SERVER, address, identity, settings, text};
use core::time::Duration;
use roger_sip::endpoint::{Incoming, Output, Target};
use roger_sip::message::{HeaderName, Message, Method, Request, Response, StatusCode};

fn registered() -> Bench {
    let mut bench = Bench::new(settings());
    for index in [ALICE, BOB] {
        assert_eq!(bench.register(index).status(), StatusCode::OK);
        bench.third_party(StatusCode::OK);
    }
    bench.log.clear();
    bench
}

fn set(request: &mut Request, name: &'static str, value: &str) {
    request
        .headers_mut()
        .set(HeaderName::new(name).unwrap(), value)
        .unwrap();
}

/// A REGISTER of a UE behind NAT: nobody reaches what its Contact says.
fn from_behind_nat(bench: &mut Bench, index: usize, contact_params: &str) -> Request {
    let mut request = bench.register_request(index, 3600);
    let name = bench::name(index);
    let contact = format!(
        "<sip:{name}@192.168.1.7:5060;transport=tcp>;+g.3gpp.mcptt;\
         +sip.instance=\"<urn:uuid:0000000{index}>\"{contact_params}"
    );
    set(&mut request, "Contact", &contact);
    set(&mut request, "Supported", "path, outbound, gruu");
    request
}

fn header(response: &Response, name: &'static str) -> String {
    let name = HeaderName::new(name).unwrap();
    response
        .headers()
        .text(name)
        .map(|text| text.into_owned())
        .unwrap_or_default()
}

#[test]
fn a_ue_with_outbound_is_told_so_and_gets_its_gruu() {
    let mut bench = Bench::new(settings());
    let request = from_behind_nat(&mut bench, ALICE, ";reg-id=1");
    let response = bench.register_with(ALICE, request);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "Require"), "outbound");
    assert_eq!(header(&response, "Flow-Timer"), "120");
    assert_eq!(
        header(&response, "Service-Route"),
        "<sip:10.0.0.100:5060;transport=tcp;lr>"
    );
    let contact = response.headers().contact().unwrap().unwrap();
    assert_eq!(contact.params.get("reg-id").unwrap(), "1");
    assert_eq!(
        contact.params.get("pub-gruu").unwrap(),
        format!("{};gr=urn:uuid:00000001", identity(ALICE))
    );
}

#[test]
fn without_outbound_nothing_of_it_is_told() {
    let mut bench = Bench::new(settings());
    let response = bench.register(ALICE);
    for name in ["Require", "Flow-Timer", "Path"] {
        assert_eq!(header(&response, name), "", "{name}");
    }
    // A number without a device says nothing.
    let mut request = bench.register_request(ALICE, 3600);
    let contact = format!("<sip:alice@{};transport=tcp>;reg-id=1", address(ALICE));
    set(&mut request, "Contact", &contact);
    set(&mut request, "Supported", "outbound");
    let response = bench.register_with(ALICE, request);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "Require"), "");
}

#[test]
fn flows_of_a_device_are_kept_apart_by_their_number() {
    let mut bench = Bench::new(settings());
    let contacts = |response: &Response| {
        let all = response.headers().addresses(HeaderName::CONTACT).unwrap();
        all.iter()
            .map(|contact| contact.params.get("reg-id").unwrap().into_owned())
            .collect::<Vec<_>>()
    };
    for (number, expected) in [
        ("1", vec!["1"]),
        ("2", vec!["2", "1"]),
        ("1", vec!["1", "2"]),
    ] {
        let request = from_behind_nat(&mut bench, ALICE, &format!(";reg-id={number}"));
        let response = bench.register_with(ALICE, request);
        assert_eq!(contacts(&response), expected);
    }
}

#[test]
fn a_wrong_flow_number_and_two_flows_at_once_are_400() {
    let mut bench = Bench::new(settings());
    for wrong in ["0", "x", "-1", "+1", "2147483648", "\"\""] {
        let request = from_behind_nat(&mut bench, ALICE, &format!(";reg-id={wrong}"));
        let response = bench.register_with(ALICE, request);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    let mut request = from_behind_nat(&mut bench, ALICE, ";reg-id=1");
    let contact = text(&request, HeaderName::CONTACT);
    set(&mut request, "Contact", &format!("{contact}, {contact}2"));
    let response = bench.register_with(ALICE, request);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(bench.core.registrations(), 0);
}

#[test]
fn all_extensions_that_are_served_may_be_required() {
    let mut bench = Bench::new(settings());
    let mut request = bench.register_request(ALICE, 3600);
    set(&mut request, "Require", "path, OUTBOUND, gruu");
    assert_eq!(bench.register_with(ALICE, request).status(), StatusCode::OK);
}

#[test]
fn a_path_of_a_ue_is_refused() {
    let mut bench = Bench::new(settings());
    for path in ["<sip:10.0.0.4:5060;lr>", "<sip:10.0.0.1:5060;lr>"] {
        let mut request = bench.register_request(MALLORY, 3600);
        set(&mut request, "Path", path);
        set(&mut request, "Supported", "path");
        let response = bench.register_with(MALLORY, request);
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(bench.core.registrations(), 0);
}

/// The REGISTER of Alice as a trusted proxy at the address of the server sends it on.
fn through_proxy(bench: &mut Bench, path: &str, more: &str) -> Response {
    let mut request = from_behind_nat(bench, ALICE, more);
    set(&mut request, "Path", path);
    bench.send(SERVER, request.clone());
    bench.settle();
    let challenge = bench.response(SERVER);
    if challenge.status() != StatusCode::UNAUTHORIZED {
        return challenge;
    }
    let mut random = roger_testkit::SeededRandom::new(9);
    let digest = &mut bench.peers[ALICE].digest;
    digest.learn(&challenge, &request).unwrap();
    digest.authorise(&mut request, &mut random).unwrap();
    let cseq = request.headers().cseq().unwrap().number + 1;
    set(&mut request, "CSeq", &format!("{cseq} REGISTER"));
    bench.send(SERVER, request);
    bench.settle();
    bench.response(SERVER)
}

#[test]
fn a_request_takes_the_path_of_the_registration() {
    let mut bench = registered();
    let path = "<sip:token@10.0.0.1:5060;transport=tcp;lr;ob>, <sip:192.0.2.2;lr;ob>";
    let response = through_proxy(&mut bench, path, ";reg-id=1");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "Path"), path);
    assert_eq!(header(&response, "Require"), "outbound");
    assert_eq!(header(&response, "Flow-Timer"), "", "the proxy's business");
    bench.peers[SERVER].events.clear();
    let request = bench
        .request(BOB, Method::Message, &identity(ALICE))
        .build()
        .unwrap();
    bench.send(BOB, request);
    bench.settle();
    let got = bench.incoming(SERVER).request;
    let routes: Vec<_> = got.headers().elements(HeaderName::ROUTE).collect();
    assert_eq!(
        routes,
        [
            &b"<sip:token@10.0.0.1:5060;transport=tcp;lr;ob>"[..],
            b"<sip:192.0.2.2;lr;ob>"
        ]
    );
    assert_eq!(got.uri().unwrap().host(), Some("192.168.1.7"));
}

#[test]
fn a_first_hop_without_outbound_is_439_and_an_endless_or_stray_path_refused() {
    let mut bench = Bench::new(settings());
    let hop = "<sip:10.0.0.1:5060;transport=tcp;lr>";
    let endless = [hop; 9].join(", ");
    for (path, more, expected) in [
        (hop, ";reg-id=1", StatusCode::FIRST_HOP_LACKS_OUTBOUND),
        (endless.as_str(), "", StatusCode::BAD_REQUEST),
        ("<sip:192.0.2.9;lr>", "", StatusCode::FORBIDDEN),
        (hop, "", StatusCode::OK),
    ] {
        assert_eq!(through_proxy(&mut bench, path, more).status(), expected);
    }
}

#[test]
fn a_gruu_reaches_its_device_and_none_else() {
    let mut bench = registered();
    for (device, expected) in [
        ("urn:uuid:00000002", None),
        ("urn:uuid:other", Some(StatusCode::TEMPORARILY_UNAVAILABLE)),
    ] {
        let uri = format!("{};gr={device}", identity(BOB));
        let request = bench.request(ALICE, Method::Message, &uri).build().unwrap();
        bench.send(ALICE, request);
        bench.settle();
        match expected {
            None => {
                let got = bench.incoming(BOB);
                bench.answer(BOB, &got, StatusCode::OK);
                assert_eq!(bench.response(ALICE).status(), StatusCode::OK);
            }
            Some(status) => assert_eq!(bench.response(ALICE).status(), status),
        }
    }
}

/// A call of Alice behind NAT to the service; the INVITE as the server got it.
fn call_from_behind_nat(bench: &mut Bench) -> Incoming {
    let request = from_behind_nat(bench, ALICE, ";reg-id=1");
    assert_eq!(bench.register_with(ALICE, request).status(), StatusCode::OK);
    bench.third_party(StatusCode::OK);
    let mut invite = bench.request(ALICE, Method::Invite, PSI).build().unwrap();
    set(
        &mut invite,
        "Contact",
        "<sip:alice@192.168.1.99:40000;transport=tcp;ob>",
    );
    bench.send(ALICE, invite);
    bench.settle();
    let got = bench.incoming(SERVER);
    bench.answer(SERVER, &got, StatusCode::OK);
    bench.peers[ALICE].events.clear();
    got
}

fn first_record_route(request: &Request) -> String {
    let routes: Vec<_> = request
        .headers()
        .elements(HeaderName::RECORD_ROUTE)
        .collect();
    String::from_utf8(routes[0].to_vec()).unwrap()
}

/// A request inside the dialog of an INVITE, from its callee.
fn inside(bench: &mut Bench, from: usize, invite: &Request, route: &str) -> Request {
    let contact = invite.headers().contact().unwrap().unwrap().uri;
    let mut request = bench
        .request(from, Method::Info, contact.as_str())
        .build()
        .unwrap();
    set(&mut request, "To", &format!("<{}>;tag=x", identity(ALICE)));
    set(&mut request, "Route", route);
    request
}

#[test]
fn a_ue_behind_nat_is_reached_inside_its_dialog_over_its_flow() {
    let mut bench = Bench::new(settings());
    let invite = call_from_behind_nat(&mut bench).request;
    let route = first_record_route(&invite);
    assert!(route.starts_with("<sip:") && route.contains("@10.0.0.100:5060"));
    let request = inside(&mut bench, SERVER, &invite, &route);
    bench.send(SERVER, request);
    bench.settle();
    let last = bench
        .log
        .iter()
        .rfind(|wire| wire.to == address(ALICE))
        .unwrap();
    let Message::Request(got) = last.message() else {
        panic!()
    };
    assert_eq!(*got.method(), Method::Info);
    assert_eq!(got.uri().unwrap().host(), Some("192.168.1.99"));
    assert!(!got.headers().contains(HeaderName::ROUTE));
}

#[test]
fn a_dialog_goes_on_when_its_ue_comes_back_over_another_connection() {
    let mut bench = Bench::new(settings());
    let invite = call_from_behind_nat(&mut bench).request;
    bench.close(ALICE);
    let request = from_behind_nat(&mut bench, ALICE, ";reg-id=1");
    assert_eq!(bench.register_with(ALICE, request).status(), StatusCode::OK);
    bench.third_party(StatusCode::OK);
    let mut request = bench.request(ALICE, Method::Info, PSI).build().unwrap();
    set(&mut request, "Route", &first_record_route(&invite));
    bench.send(ALICE, request);
    bench.settle();
    assert_eq!(*bench.incoming(SERVER).request.method(), Method::Info);
    let request = inside(&mut bench, SERVER, &invite, &first_record_route(&invite));
    bench.send(SERVER, request);
    bench.settle();
    let last = bench.log.iter().rfind(|wire| wire.to == address(ALICE));
    assert!(last.unwrap().text().starts_with("INFO "));
}

#[test]
fn a_ue_without_outbound_is_called_at_its_contact_inside_its_dialog_too() {
    let mut bench = registered();
    let invite = bench.request(ALICE, Method::Invite, PSI).build().unwrap();
    bench.send(ALICE, invite);
    bench.settle();
    let invite = bench.incoming(SERVER).request;
    bench.close(ALICE);
    let request = inside(&mut bench, SERVER, &invite, &first_record_route(&invite));
    bench.send(SERVER, request);
    bench.settle();
    let last = bench.log.iter().rfind(|wire| wire.to == address(ALICE));
    assert!(last.unwrap().text().starts_with("INFO "));
}

#[test]
fn a_flow_that_is_gone_is_430() {
    let mut bench = Bench::new(settings());
    let invite = call_from_behind_nat(&mut bench).request;
    bench.close(ALICE);
    let request = inside(&mut bench, SERVER, &invite, &first_record_route(&invite));
    bench.send(SERVER, request);
    bench.settle();
    assert_eq!(bench.response(SERVER).status(), StatusCode::FLOW_FAILED);
}

#[test]
fn a_forged_flow_token_is_403_and_reaches_nobody() {
    let mut bench = Bench::new(settings());
    let invite = call_from_behind_nat(&mut bench).request;
    assert_eq!(bench.register(BOB).status(), StatusCode::OK);
    bench.third_party(StatusCode::OK);
    let genuine = first_record_route(&invite);
    let at = genuine.find('@').unwrap();
    let mut forged = genuine.clone();
    let last = if genuine.as_bytes()[at - 1] == b'A' {
        "Q"
    } else {
        "A"
    };
    forged.replace_range(at - 1..at, last);
    for route in [forged.as_str(), "<sip:alice@10.0.0.100:5060;lr>"] {
        let request = inside(&mut bench, BOB, &invite, route);
        bench.send(BOB, request);
        bench.settle();
        assert_eq!(
            bench.response(BOB).status(),
            StatusCode::FORBIDDEN,
            "{route}"
        );
    }
    // And a genuine one does not help who is not registered.
    let request = inside(&mut bench, MALLORY, &invite, &genuine);
    bench.send(MALLORY, request);
    bench.settle();
    assert_eq!(bench.response(MALLORY).status(), StatusCode::FORBIDDEN);
    let reached = bench.peers[ALICE]
        .events
        .iter()
        .any(|event| matches!(event, Output::Incoming(_)));
    assert!(!reached);
}

#[test]
fn a_call_between_two_ues_behind_nat_passes_both_flows() {
    let mut bench = Bench::new(settings());
    for index in [ALICE, BOB] {
        let request = from_behind_nat(&mut bench, index, ";reg-id=1");
        assert_eq!(bench.register_with(index, request).status(), StatusCode::OK);
        bench.third_party(StatusCode::OK);
    }
    let invite = bench
        .request(ALICE, Method::Invite, &identity(BOB))
        .build()
        .unwrap();
    bench.send(ALICE, invite);
    bench.settle();
    let got = bench.incoming(BOB);
    assert_eq!(got.request.headers().count(HeaderName::RECORD_ROUTE), 2);
    bench.answer(BOB, &got, StatusCode::OK);
    let dialog = std::iter::from_fn(|| bench.peers[ALICE].events.pop_front())
        .find_map(|event| match event {
            Output::Response(answer) => answer.dialog,
            _ => None,
        })
        .unwrap();
    bench
        .with(ALICE, |endpoint, now, random| {
            endpoint.ack(now, random, dialog, None)
        })
        .unwrap();
    bench.settle();
    let called = match bench.peers[BOB].events.pop_front() {
        Some(Output::Ack(ack)) => ack.dialog.unwrap(),
        other => panic!("{other:?}"),
    };
    bench
        .with(BOB, |endpoint, now, random| {
            endpoint.bye(now, random, called)
        })
        .unwrap();
    bench.settle();
    let bye = bench.incoming(ALICE);
    assert_eq!(
        (bye.request.method(), bye.dialog),
        (&Method::Bye, Some(dialog))
    );
    bench.answer(ALICE, &bye, StatusCode::OK);
    assert_eq!(bench.response(BOB).status(), StatusCode::OK);
}

/// RFC 3581: the answer goes to where the request came from, which need not be what Via says.
#[test]
fn an_answer_goes_to_where_the_request_came_from() {
    let mut bench = Bench::new(settings());
    let text = |rport: &str| {
        format!(
            "OPTIONS sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.7:40000;branch=z9hG4bK1{rport}\r\n\
             From: <sip:a@h>;tag=1\r\nTo: <sip:{DOMAIN}>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
        )
    };
    bench.inject(MALLORY, text(";rport").as_bytes());
    bench.settle();
    let answer = bench.log.last().unwrap();
    assert_eq!(answer.to, address(MALLORY));
    assert!(answer.text().contains("received=10.0.0.4") && answer.text().contains("rport=5060"));
    bench.run_until(bench.now + Duration::from_secs(40));
    bench.inject(MALLORY, text("").as_bytes());
    bench.settle();
    let answer = bench.log.last().unwrap();
    assert_eq!(
        answer.to,
        "10.0.0.4:40000".parse().unwrap(),
        "address of the source, port of Via"
    );
}

#[test]
fn refusals_of_strangers_leave_nothing_behind() {
    let mut bench = Bench::new(settings());
    let send = |bench: &mut Bench, request: Request| {
        bench
            .with(MALLORY, |endpoint, now, random| {
                endpoint.send_request(now, random, request, Target::udp(bench::core_address()))
            })
            .unwrap();
    };
    for _ in 0..200 {
        let mut request = bench.register_request(MALLORY, 3600);
        set(
            &mut request,
            "Call-ID",
            &format!("half-open-{}", bench.peers[MALLORY].cseq),
        );
        send(&mut bench, request);
        let invite = bench.request(MALLORY, Method::Invite, PSI).build().unwrap();
        send(&mut bench, invite);
    }
    bench.settle();
    let mut answered = [0; 2];
    while let Some(event) = bench.peers[MALLORY].events.pop_front() {
        match event {
            Output::Response(answer) if answer.response.status() == StatusCode::UNAUTHORIZED => {
                answered[0] += 1;
            }
            Output::Response(answer) if answer.response.status() == StatusCode::FORBIDDEN => {
                answered[1] += 1;
            }
            _ => {}
        }
    }
    assert_eq!(answered, [200, 200]);
    assert_eq!(bench.core.load().server_transactions, 0);
    assert_eq!(bench.core.registrations(), 0);
}
