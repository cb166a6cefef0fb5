//! Octets that nobody should send: whatever comes, both functions answer or drop it and go on.

use crate::bench::{ALICE, BOB, Bench, CF, MALLORY, core_address};
use crate::group_call::rtp;
use crate::ue::{floor_release, floor_request, outcome};
use roger_base::Random;
use roger_call::body::{Body, Part};
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER, media_type};
use roger_call::protection::Protection;
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_mcptt::ServerHop;
use roger_sip::message::{HeaderName, Method, Request, StatusCode};
use roger_testkit::SeededRandom;
use roger_testkit_domain::DOMAIN;

const ROUNDS: u64 = 60;

/// Alters, cuts or doubles a few stretches; the result is another one.
fn spoiled(original: &[u8], random: &mut SeededRandom) -> Vec<u8> {
    loop {
        let octets = altered(original, random);
        if octets != original {
            return octets;
        }
    }
}

fn altered(original: &[u8], random: &mut SeededRandom) -> Vec<u8> {
    let mut octets = original.to_vec();
    for _ in 0..=random.next_u64() % 4 {
        if octets.is_empty() {
            break;
        }
        let at = random.next_u64() as usize % octets.len();
        match random.next_u64() % 4 {
            0 => octets[at] ^= 1 << (random.next_u64() % 8),
            1 => octets.truncate(at),
            2 => octets[at] = b"<>&\"=;\r\n\0-"[random.next_u64() as usize % 10],
            _ => {
                let doubled = octets[at..(at + 40).min(octets.len())].to_vec();
                octets.splice(at..at, doubled);
            }
        }
    }
    octets
}

/// The request with a spoiled body; Content-Type stays.
fn with_spoiled_body(mut request: Request, random: &mut SeededRandom) -> Request {
    let content_type = request.headers().text(HeaderName::CONTENT_TYPE).unwrap();
    let content_type = content_type.trim().to_owned();
    let body = spoiled(request.body(), random);
    request.set_body(&content_type, body).unwrap();
    request
}

#[test]
fn spoiled_requests_are_answered_and_change_nothing() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench.register(MALLORY);
    let mut random = SeededRandom::new(31);
    for round in 0..ROUNDS {
        let (index, method, event, body) = match round % 3 {
            0 => {
                let csk = bench.new_csk(MALLORY);
                let token = bench.token(ALICE);
                let body = bench.authorising_body(MALLORY, &csk, &token);
                (MALLORY, Method::Publish, "poc-settings", body)
            }
            1 => {
                let ue = &bench.ues[ALICE];
                let documents = Body::new()
                    .with_document(&ue.own_info())
                    .with_document(&ue.affiliations(&[&crate::bench::fire()]));
                let body = bench.protect(ALICE, documents);
                (ALICE, Method::Publish, "presence", body)
            }
            _ => {
                let documents = Body::new().with_document(&bench.ues[ALICE].own_info());
                let body = bench.protect(ALICE, documents);
                (ALICE, Method::Subscribe, "presence", body)
            }
        };
        let expires = EXPIRES_FOREVER.to_string();
        let headers = [
            (HeaderName::EVENT, event),
            (HeaderName::EXPIRES, expires.as_str()),
        ];
        let request = bench.request(index, method, &headers, &body);
        let request = with_spoiled_body(request, &mut random);
        let response = bench.send_request(index, request).expect("an answer");
        assert!(response.status().is_final());
        while bench.incoming(ALICE).is_some() {}
    }
    assert!(!bench.is_bound(MALLORY));
    bench.group_call(ALICE, &[BOB]);
}

#[test]
fn spoiled_invites_are_answered_and_hold_no_sockets() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    let mut random = SeededRandom::new(32);
    for _ in 0..ROUNDS {
        let body = bench.group_invite_body(ALICE, Default::default());
        let body = bench.protect(ALICE, body);
        let request = bench.request(ALICE, Method::Invite, &[], &body);
        let request = with_spoiled_body(request, &mut random);
        let handle = bench.post(ALICE, request);
        bench.settle();
        // The description is not signed: spoiled where it does not matter, it goes through.
        if let Some(incoming) = bench.incoming(BOB) {
            bench.decline(BOB, &incoming, 486, 0);
        }
        let response = bench.response_to(ALICE, handle).expect("an answer");
        assert!(response.status().as_u16() >= 400);
        bench.assert_no_media_ports();
    }
}

#[test]
fn a_spoiled_register_inside_the_third_party_register_binds_nobody() {
    let mut bench = Bench::new();
    let mut random = SeededRandom::new(33);
    for _ in 0..ROUNDS / 2 {
        let csk = bench.new_csk(ALICE);
        let token = bench.token(BOB);
        let documents = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
        let body = bench.with_csk_message(&csk, documents);
        let parts = [
            media_type::MCPTT_INFO,
            media_type::MIKEY,
            media_type::MCPTT_SIGNED,
        ];
        let spoiled = parts
            .iter()
            .filter_map(|kind| body.part(kind))
            .map(|part| Part {
                content_type: part.content_type.clone(),
                content_id: part.content_id.clone(),
                octets: spoiled(&part.octets, &mut random).into(),
            })
            .fold(Body::new(), Body::with);
        let response = bench.register_with(ALICE, CONTACT_PARAMETERS, 3_600, &spoiled);
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!bench.is_bound(ALICE));
    }
    assert_eq!(outcome(&bench.authorise(ALICE)), (200, None));
}

#[test]
fn spoiled_media_are_dropped_and_the_call_goes_on() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench.group_call(ALICE, &[BOB]);
    let mut random = SeededRandom::new(34);
    for round in 0..300 {
        let packet = match round % 3 {
            0 => bench.ues[BOB].protected(floor_request()),
            1 => rtp(0xB0B, 1),
            _ => {
                let mut octets = vec![0; random.next_u64() as usize % 200];
                random.fill(&mut octets).unwrap();
                octets
            }
        };
        let packet = if round % 3 == 2 {
            packet
        } else {
            spoiled(&packet, &mut random)
        };
        let ue = &bench.ues[BOB];
        let (rtp_from, rtp_to) = (ue.rtp_address, ue.server_rtp.unwrap());
        let (floor_from, floor_to) = (ue.floor_address, ue.server_floor.unwrap());
        bench.send_media(rtp_from, rtp_to, &packet);
        bench.send_media(floor_from, floor_to, &packet);
        bench.settle();
    }
    assert!(bench.ues[ALICE].heard.is_empty(), "Bob has no floor");
    bench.ues[ALICE].floor_heard.clear();
    bench.ues[BOB].floor_heard.clear();
    bench.send_floor(ALICE, floor_release());
    bench.send_floor(BOB, floor_request());
    assert!(bench.ues[BOB].floor_names().contains(&"Floor Granted"));
}

#[test]
fn the_controlling_function_believes_nobody_who_does_not_come_by_the_core() {
    let open = Protection::Off;
    let mut bench = Bench::with(
        |_| {},
        |settings| {
            let spk = roger_keys::Spk::random(&mut SeededRandom::new(35)).unwrap();
            settings.hop = ServerHop::new(spk, DOMAIN, DOMAIN, open);
        },
    );
    // Without protection between servers a UE that reaches the function could call as anybody.
    let ue = &bench.ues[MALLORY];
    let info = McpttInfo {
        request_uri: Some(RequestUri::from(&crate::bench::fire())),
        calling_user_id: Some(bench.ues[ALICE].user.clone()),
        ..McpttInfo::default()
    };
    let documents = Body::new()
        .with_document(&info)
        .with_document(&bench.ues[ALICE].affiliations(&[&crate::bench::fire()]));
    let from = ue.address;
    let headers = [
        (HeaderName::EVENT, "presence"),
        (HeaderName::EXPIRES, "4294967295"),
    ];
    let mut request = bench.request_to(MALLORY, Method::Publish, CF, &headers, &documents);
    let via = format!("SIP/2.0/TCP {from};branch=z9hG4bKdirect");
    request.headers_mut().push(HeaderName::VIA, via).unwrap();
    let to = bench.cf_address();
    assert_eq!(bench.send_directly(from, to, &request), (403, None));
    assert_eq!(
        bench.send_directly(core_address(), to, &request),
        (200, None),
        "the same by the core"
    );
}
