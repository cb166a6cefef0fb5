//! Service authorisation by REGISTER and PUBLISH, and every refusal (TS 24.379 cl. 7).

use crate::bench::{ALICE, BOB, Bench, CAROL, MALLORY, PF, impu};
use crate::ue::{START, floor_release, floor_request, outcome};
use core::time::Duration;
use roger_base::{McpttId, UnixTime};
use roger_call::body::{Body, Part};
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER, media_type};
use roger_call::protection::Protection;
use roger_call::request::finish;
use roger_documents::poc_settings::AnswerMode;
use roger_keys::Csk;
use roger_mcptt::participating::{Credentials, ParticipatingInput};
use roger_mikey::CreateClientServerKey;
use roger_mikey::CreateOptions;
use roger_mikey::create::Hiding;
use roger_oidc::{AccessTokenVerifier, ClockSkew, Issuer, JwkSet, Resource, TrustedIssuer};
use roger_sip::message::{HeaderName, Limits, Message, Method, Request, Response, StatusCode};
use roger_sip::uri::Uri;
use roger_sipcore::CoreEvent;
use roger_testkit_domain::user;

fn publish(bench: &mut Bench, index: usize, body: &Body) -> (u16, Option<u16>) {
    outcome(&bench.publish_settings(index, EXPIRES_FOREVER, None, body))
}

/// What the participating function said to the last third-party REGISTER.
fn third_party_answer(bench: &Bench) -> Option<u16> {
    let mut answers = bench.core_events.iter().filter_map(|event| match event {
        CoreEvent::ThirdPartyAnswered { status, .. } => *status,
        _ => None,
    });
    answers.next_back().map(StatusCode::as_u16)
}

fn tag(response: &Response) -> String {
    let tag = response.headers().text(HeaderName::SIP_ETAG);
    tag.expect("an entity tag").into_owned()
}

#[test]
fn a_publish_with_token_and_csk_binds_the_client() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let response = bench.authorise(ALICE);
    assert_eq!(outcome(&response), (200, None));
    tag(&response);
    let expires = response.headers().seconds(HeaderName::EXPIRES).unwrap();
    assert_eq!(expires, Some(EXPIRES_FOREVER));
    let bound = bench.pf.application().bound(&impu(ALICE)).unwrap();
    assert_eq!(bound, (&bench.ues[ALICE].user, &bench.ues[ALICE].client));
}

#[test]
fn a_register_without_mcptt_parts_is_limited_service() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    assert_eq!(third_party_answer(&bench), Some(200));
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn a_register_with_token_and_csk_binds_and_its_refresh_changes_nothing() {
    let mut bench = Bench::new();
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let documents = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let body = bench.with_csk_message(&csk, documents);
    for _ in 0..3 {
        bench.register_with(ALICE, CONTACT_PARAMETERS, 600_000, &body);
        assert_eq!(third_party_answer(&bench), Some(200));
        assert!(bench.is_bound(ALICE));
    }
    // Days later the token is over and T of the message out of every window: still the same octets.
    bench.pass(Duration::from_secs(200_000));
    bench.register_with(ALICE, CONTACT_PARAMETERS, 600_000, &body);
    assert_eq!(third_party_answer(&bench), Some(403), "the grace is over");
    assert!(bench.is_bound(ALICE), "and nothing changed");
}

#[test]
fn a_refused_register_leaves_the_registration_alone() {
    let mut bench = Bench::new();
    let csk = bench.new_csk(ALICE);
    let documents = Body::new().with_document(&bench.ues[ALICE].token_info("no token"));
    let body = bench.with_csk_message(&csk, documents);
    let response = bench.register_with(ALICE, CONTACT_PARAMETERS, 3_600, &body);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(third_party_answer(&bench), Some(403));
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn the_binding_ends_with_the_registration_or_the_tags() {
    for (parameters, expires) in [(CONTACT_PARAMETERS, 0), ("", 3_600)] {
        let mut bench = Bench::new();
        bench.log_in(ALICE);
        bench.register_with(ALICE, parameters, expires, &Body::new());
        assert!(!bench.is_bound(ALICE), "{parameters} {expires}");
    }
}

#[test]
fn a_refresh_without_parts_keeps_the_binding() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.register(ALICE);
    assert!(bench.is_bound(ALICE));
}

#[test]
fn publish_with_expires_0_logs_off_and_the_message_is_used_up() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let response = bench.publish_settings(ALICE, EXPIRES_FOREVER, None, &body);
    let tag = tag(&response);
    let off = bench.publish_settings(ALICE, 0, Some(&tag), &Body::new());
    assert_eq!(outcome(&off), (200, None));
    assert!(!bench.is_bound(ALICE));
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(136)));
    let off = bench.publish_settings(ALICE, 0, None, &Body::new());
    assert_eq!(outcome(&off), (404, Some(141)));
}

// Several MC services on one UE ---------------------------------------------------------------------------------

const VIDEO_TAGS: &str = ";+g.3gpp.mcvideo";
const VIDEO_INFO: &str = "application/vnd.3gpp.mcvideo-info+xml";
const VIDEO: &str = "<mcvideoinfo xmlns=\"urn:3gpp:ns:mcvideoInfo:1.0\"/>";

#[test]
fn one_register_carries_the_parts_of_all_services_of_a_ue() {
    let mut bench = Bench::new();
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let documents = Body::new()
        .with_document(&bench.ues[ALICE].token_info(&token))
        .with(Part::new(VIDEO_INFO, VIDEO.as_bytes().to_vec()));
    let body = bench.with_csk_message(&csk, documents);
    let tags = format!("{CONTACT_PARAMETERS}{VIDEO_TAGS}");
    bench.register_with(ALICE, &tags, 3_600, &body);
    assert_eq!(third_party_answer(&bench), Some(200));
    assert!(bench.is_bound(ALICE));
    // Log-off from MCPTT while another service of the UE stays registered.
    bench.register_with(ALICE, VIDEO_TAGS, 3_600, &Body::new());
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn the_part_of_another_service_has_to_be_signed_too() {
    let mut bench = Bench::new();
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let documents = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let body = bench
        .with_csk_message(&csk, documents)
        .with(Part::new(VIDEO_INFO, VIDEO.as_bytes().to_vec()));
    bench.register_with(ALICE, CONTACT_PARAMETERS, 3_600, &body);
    assert_eq!(third_party_answer(&bench), Some(403));
    assert!(!bench.is_bound(ALICE));
}

/// A third-party REGISTER of an IMS core: what it adds of its own goes with the REGISTER of the UE (TS 24.229 cl.
/// 5.4.1.7), each in a part.
fn third_party(bench: &mut Bench, inner: &[u8], expires: u32) -> Request {
    let uri = Uri::parse(b"sip:mcptt-pf@mcptt.example.org").unwrap();
    let builder = Request::builder(Method::Register, uri)
        .header(HeaderName::VIA, "SIP/2.0/TCP 10.0.0.100;branch=z9hG4bKtp")
        .header(HeaderName::FROM, "<sip:scscf@ims.example.org>;tag=t")
        .header(HeaderName::TO, format!("<{}>", impu(ALICE)))
        .header(HeaderName::CALL_ID, format!("third-party-{expires}"))
        .header(HeaderName::CSEQ, "7")
        .header(HeaderName::CONTACT, "<sip:scscf@ims.example.org>")
        .header(HeaderName::EXPIRES, expires.to_string());
    let xml = "<ims-3gpp version=\"1\"><service-info>x</service-info></ims-3gpp>";
    let body = Body::new()
        .with(Part::new("message/sip", inner.to_vec()))
        .with(Part::new(
            "application/3gpp-ims+xml",
            xml.as_bytes().to_vec(),
        ));
    finish(builder, &body, &mut bench.random).unwrap()
}

#[test]
fn an_ims_core_may_add_a_part_of_its_own() {
    let mut bench = Bench::new();
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let documents = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let body = bench.with_csk_message(&csk, documents);
    bench.register(ALICE);
    let sent = bench.requests(&Method::Register, bench.pf_address());
    let sent = Body::of(sent[0].headers(), sent[0].body()).unwrap();
    let inner = sent.octets("message/sip").unwrap();
    let inner = Message::parse_datagram(inner, &Limits::default()).unwrap();
    let Message::Request(mut inner) = inner else {
        panic!("the REGISTER of the UE")
    };
    let (content_type, octets) = body.encode(&mut bench.random).unwrap().unwrap();
    inner.set_body(&content_type, octets).unwrap();
    let request = third_party(&mut bench, &inner.to_octets(), 600);
    assert_eq!(bench.send_as_core(&request), (200, None));
    assert!(bench.is_bound(ALICE));
    let request = third_party(&mut bench, &inner.to_octets(), 0);
    assert_eq!(bench.send_as_core(&request), (200, None));
    assert!(!bench.is_bound(ALICE));
    // Once gone, the same REGISTER is a replay.
    let request = third_party(&mut bench, &inner.to_octets(), 601);
    assert_eq!(bench.send_as_core(&request), (403, Some(136)));
}

/// The REGISTER of a UE without instance, as the core passes it on.
fn inner_register(bench: &mut Bench, port: u16, tags: &str, body: &Body) -> Vec<u8> {
    let uri = Uri::parse(b"sip:ims.example.org").unwrap();
    let identity = format!("<{}>", impu(ALICE));
    let builder = Request::builder(Method::Register, uri)
        .header(HeaderName::FROM, format!("{identity};tag=a"))
        .header(HeaderName::TO, identity)
        .header(HeaderName::CALL_ID, "inner")
        .header(HeaderName::CSEQ, "1")
        .header(
            HeaderName::CONTACT,
            format!("<sip:a@10.0.0.1:{port}>{tags}"),
        );
    finish(builder, body, &mut bench.random)
        .unwrap()
        .to_octets()
}

#[test]
fn a_binding_ends_when_the_core_says_nothing_any_more() {
    let mut bench = Bench::new();
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let documents = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let body = bench.with_csk_message(&csk, documents);
    let with_token = inner_register(&mut bench, 1, CONTACT_PARAMETERS, &body);
    let refresh = inner_register(&mut bench, 1, CONTACT_PARAMETERS, &Body::new());
    let request = third_party(&mut bench, &with_token, 600);
    assert_eq!(bench.send_as_core(&request), (200, None));
    bench.pass(Duration::from_secs(480));
    // One refresh is lost on its way, the next one is not.
    bench.pass(Duration::from_secs(480));
    assert!(bench.is_bound(ALICE));
    let request = third_party(&mut bench, &refresh, 599);
    assert_eq!(bench.send_as_core(&request), (200, None));
    bench.pass(Duration::from_secs(1_190));
    assert!(bench.is_bound(ALICE));
    bench.pass(Duration::from_secs(10));
    assert!(!bench.is_bound(ALICE));
    assert_eq!(bench.pf.application().load().bindings, 0);
}

#[test]
fn a_ue_that_changed_its_address_is_logged_off_all_the_same() {
    let mut bench = Bench::new();
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let documents = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let body = bench.with_csk_message(&csk, documents);
    for (port, expires) in [(1, 600), (2, 599)] {
        let inner = inner_register(&mut bench, port, CONTACT_PARAMETERS, &body);
        let request = third_party(&mut bench, &inner, expires);
        assert_eq!(bench.send_as_core(&request), (200, None));
        bench.pass(Duration::from_secs(500));
    }
    assert!(bench.is_bound(ALICE));
    // The first contact has ended at the core long ago.
    let inner = inner_register(&mut bench, 2, "", &Body::new());
    let request = third_party(&mut bench, &inner, 598);
    assert_eq!(bench.send_as_core(&request), (200, None));
    assert!(!bench.is_bound(ALICE));
}

// The end of a token during a call -----------------------------------------------------------------------------

#[test]
fn a_call_outlives_the_token_and_the_next_request_asks_for_another() {
    let mut bench = Bench::with(|settings| settings.token_grace = Duration::ZERO, |_| {});
    for index in [ALICE, BOB] {
        bench.register_with(index, CONTACT_PARAMETERS, 600_000, &Body::new());
        bench.authorise(index);
        bench.publish_affiliations(index, &[&crate::bench::fire()]);
    }
    // Bob's token lives on.
    let until = bench.clocks().utc.0 + 7_200;
    let scope = Resource::McpttServer.scope();
    let token = bench.domain.token_with(&user("bob"), scope, until);
    let documents = Body::new().with_document(&bench.ues[BOB].token_info(&token));
    let body = bench.protect(BOB, documents);
    assert_eq!(publish(&mut bench, BOB, &body), (200, None));
    bench.pass(Duration::from_secs(3_590));
    let dialog = bench.group_call(ALICE, &[BOB]);
    bench.pass(Duration::from_secs(20));
    // The floor goes on in both directions.
    bench.ues[ALICE].floor_heard.clear();
    bench.send_floor(ALICE, floor_release());
    bench.send_floor(ALICE, floor_request());
    assert!(bench.ues[ALICE].floor_names().contains(&"Floor Granted"));
    // A new request does not pass, not even a call.
    let handle = bench.call_group(ALICE);
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&response), (404, Some(141)));
    // After a new authorisation all is as it was, the call included.
    let (csk, now) = (bench.new_csk(ALICE), bench.clocks().utc.0);
    let token = bench.domain.token_with(&user("alice"), scope, now + 3_600);
    let body = bench.authorising_body(ALICE, &csk, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
    bench.ues[ALICE].use_csk(csk);
    bench.send_floor(ALICE, floor_release());
    assert!(bench.ues[ALICE].floor_names().contains(&"Floor Idle"));
    bench.hang_up(ALICE, dialog);
    assert!(bench.was_hung_up(BOB));
}

// RFC 3903 ---------------------------------------------------------------------------------------------------

#[test]
fn entity_tags_are_those_of_rfc_3903() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let first = tag(&bench.authorise(ALICE));
    let stale = bench.publish_settings(ALICE, EXPIRES_FOREVER, Some("stale"), &Body::new());
    assert_eq!(outcome(&stale), (412, None));
    let refreshed = bench.publish_settings(ALICE, EXPIRES_FOREVER, Some(&first), &Body::new());
    assert_eq!(outcome(&refreshed), (200, None));
    assert_ne!(tag(&refreshed), first);
    let again = bench.publish_settings(ALICE, EXPIRES_FOREVER, Some(&first), &Body::new());
    assert_eq!(outcome(&again), (412, None));
    let neither = bench.publish_settings(ALICE, EXPIRES_FOREVER, None, &Body::new());
    assert_eq!(outcome(&neither), (400, None));
    let off = bench.publish_settings(ALICE, 0, Some(&first), &Body::new());
    assert_eq!(outcome(&off), (412, None));
    assert!(bench.is_bound(ALICE));
}

#[test]
fn nobody_changes_the_publication_of_another() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.register(MALLORY);
    let response = bench.authorise(MALLORY);
    let tag = tag(&response);
    let foreign = bench.publish_settings(ALICE, 0, Some(&tag), &Body::new());
    assert_eq!(outcome(&foreign), (412, None));
    assert!(bench.is_bound(ALICE) && bench.is_bound(MALLORY));
}

#[test]
fn settings_alone_need_a_binding() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect_with(&csk, documents.clone());
    assert_eq!(publish(&mut bench, ALICE, &body), (404, Some(141)));
    bench.authorise(ALICE);
    let body = bench.protect(ALICE, documents);
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
}

#[test]
fn settings_of_another_client_or_user_are_refused() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let (alice, bob) = (&bench.ues[ALICE], &bench.ues[BOB]);
    let cases = [
        (alice.own_info(), bob.settings(AnswerMode::Manual), 150),
        (bob.own_info(), alice.settings(AnswerMode::Manual), 100),
    ];
    for (info, settings, code) in cases {
        let documents = Body::new().with_document(&info).with_document(&settings);
        let body = bench.protect(ALICE, documents);
        assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(code)));
    }
}

// Hostile authorisations ----------------------------------------------------------------

#[test]
fn the_token_of_mallory_does_not_go_with_the_csk_of_alice() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(MALLORY);
    let body = bench.authorising_body(ALICE, &csk, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(101)));
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn tokens_that_do_not_open_this_server_are_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let alice = bench.ues[ALICE].user.clone();
    let scope = Resource::McpttServer.scope();
    let expired = bench.domain.token_with(&alice, scope, START.0 - 3_600);
    let gms = bench.domain.token(&alice, Resource::GroupManagement);
    let good = bench.token(ALICE);
    let mut altered = good.clone();
    altered.truncate(good.len() - 4);
    let foreign = roger_testkit_domain::TestDomain::new(9).token(&alice, Resource::McpttServer);
    for token in [expired, gms, altered, foreign, "x".to_owned()] {
        let csk = bench.new_csk(ALICE);
        let body = bench.authorising_body(ALICE, &csk, &token);
        assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(101)));
    }
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn a_csk_without_token_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let documents = Body::new().with_document(&bench.ues[ALICE].own_info());
    let body = bench.with_csk_message(&csk, documents);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(101)));
}

#[test]
fn a_csk_signed_under_a_past_period_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let past = UnixTime(START.0 - 2_592_000);
    let alice = bench.ues[ALICE].user.clone();
    let keys = bench.domain.key_set_at(alice.as_str(), past);
    let csk = Csk::random(&mut bench.random).unwrap();
    let mut clocks = bench.clocks();
    clocks.utc = past;
    let bound = bench.ues[ALICE].wrap_csk(csk, &keys, &bench.domain, clocks, &mut bench.random);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &bound, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(136)));
}

#[test]
fn a_csk_for_another_server_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = Csk::random(&mut bench.random).unwrap();
    let bound = forged(
        &mut bench,
        ALICE,
        ALICE,
        csk,
        "gms.mcptt.example.org",
        Hiding::Nobody,
    );
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &bound, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(136)));
}

/// A CSK message in any form: `owner` is whose token goes with it, `signer` whose keys sign.
fn forged(
    bench: &mut Bench,
    owner: usize,
    signer: usize,
    csk: Csk,
    server: &str,
    hiding: Hiding,
) -> roger_call::service_authorisation::BoundCsk {
    let octets = CreateClientServerKey {
        csk: &csk,
        user: &bench.ues[signer].keys,
        server,
        server_domain: bench.domain.kms(),
        parameters: None,
        now: bench.clocks().utc.to_ntp(),
        options: CreateOptions {
            hiding,
            ..CreateOptions::PLAIN
        },
    }
    .build(&mut bench.random)
    .unwrap();
    let owner: McpttId = bench.ues[owner].user.clone();
    let mode = roger_keys::signalling::XmlKeyMode::Derived;
    roger_call::service_authorisation::BoundCsk::new(csk, owner, octets, mode)
}

#[test]
fn mallory_cannot_sign_for_alice() {
    let mut bench = Bench::new();
    bench.register(MALLORY);
    let csk = Csk::random(&mut bench.random).unwrap();
    // Keys derived for Alice, signed by Mallory: the signatures over the XML fail already.
    let bound = forged(
        &mut bench,
        ALICE,
        MALLORY,
        csk,
        "mcptt.example.org",
        Hiding::Nobody,
    );
    let token = bench.token(ALICE);
    let body = bench.authorising_body(MALLORY, &bound, &token);
    assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(139)));
}

#[test]
fn a_hidden_initiator_is_found_and_the_psi_is_an_identity_too() {
    let mut bench = Bench::new();
    for (index, server, hiding) in [
        (ALICE, "mcptt.example.org", Hiding::Initiator),
        (BOB, PF, Hiding::Nobody),
    ] {
        bench.register(index);
        let csk = Csk::random(&mut bench.random).unwrap();
        let bound = forged(&mut bench, index, index, csk, server, hiding);
        let token = bench.token(index);
        let body = bench.authorising_body(index, &bound, &token);
        assert_eq!(publish(&mut bench, index, &body), (200, None));
    }
}

#[test]
fn one_octet_changed_in_a_signed_part_is_seen() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    for media_type in [media_type::MCPTT_INFO, media_type::POC_SETTINGS] {
        let csk = bench.new_csk(ALICE);
        let token = bench.token(ALICE);
        let body = bench.authorising_body(ALICE, &csk, &token);
        let body = altered(&body, media_type, |octets| {
            let last = octets.len() - 1;
            octets[last / 2] ^= 1;
        });
        assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
    }
    assert!(!bench.is_bound(ALICE));
}

/// The parts of a body, in no order.
fn parts(body: &Body) -> Vec<Part> {
    [
        media_type::MIKEY,
        media_type::MCPTT_INFO,
        media_type::POC_SETTINGS,
        media_type::MCPTT_SIGNED,
    ]
    .iter()
    .filter_map(|media_type| body.part(media_type).cloned())
    .collect()
}

fn of_parts(parts: Vec<Part>) -> Body {
    parts.into_iter().fold(Body::new(), Body::with)
}

fn altered(body: &Body, media_type: &str, change: impl Fn(&mut Vec<u8>)) -> Body {
    let mut parts = parts(body);
    for part in parts
        .iter_mut()
        .filter(|part| part.media_type() == media_type)
    {
        change(&mut part.octets);
    }
    of_parts(parts)
}

#[test]
fn a_part_left_out_of_the_signature_is_seen() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let info = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let body = bench
        .with_csk_message(&csk, info)
        .with_document(&bench.ues[ALICE].settings(AnswerMode::Automatic));
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
}

#[test]
fn a_body_without_signature_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let kept = parts(&body)
        .into_iter()
        .filter(|part| part.media_type() != media_type::MCPTT_SIGNED);
    let body = of_parts(kept.collect());
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
}

#[test]
fn two_parts_with_one_content_id_are_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let mut parts = parts(&body);
    let id = parts
        .iter()
        .find_map(|part| part.content_id.clone())
        .unwrap();
    for part in parts.iter_mut().filter(|part| part.content_id.is_some()) {
        part.content_id = Some(id.clone());
    }
    let body = of_parts(parts);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
}

#[test]
fn two_parts_of_one_type_are_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let body = body.with(Part::new(media_type::MIKEY, csk.message.clone()));
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(150)));
}

#[test]
fn the_key_name_of_another_users_csk_opens_nothing() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.log_in(MALLORY);
    // Mallory sends what only Alice's CSK protects, under Mallory's own identity.
    let ue = &bench.ues[MALLORY];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect(ALICE, documents);
    assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(139)));
}

#[test]
fn plain_xml_on_a_protected_hop_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let token = bench.token(ALICE);
    let plain = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    assert_eq!(publish(&mut bench, ALICE, &plain), (403, Some(139)));
    // Signed, but not encrypted.
    let csk = bench.new_csk(ALICE);
    let hop = csk.sending(Protection::IntegrityOnly, "mcptt.example.org");
    let body = plain
        .protected(&hop, &mut bench.random)
        .unwrap()
        .with(Part::new(media_type::MIKEY, csk.message.clone()));
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(140)));
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn a_message_replayed_from_another_identity_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    bench.register(MALLORY);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
    assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(136)));
    assert!(!bench.is_bound(MALLORY) && bench.is_bound(ALICE));
}

#[test]
fn a_csk_id_that_is_in_use_is_refused() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.register(MALLORY);
    let id = bench.ues[ALICE].csk.as_ref().unwrap().csk.id();
    let secret = roger_base::Secret::new([7; 16]);
    let rand = roger_keys::Rand::random(&mut bench.random).unwrap();
    let csk = Csk::new(secret, id, rand).unwrap();
    let bound = forged(
        &mut bench,
        MALLORY,
        MALLORY,
        csk,
        "mcptt.example.org",
        Hiding::Nobody,
    );
    let token = bench.token(MALLORY);
    let body = bench.authorising_body(MALLORY, &bound, &token);
    assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(136)));
}

#[test]
fn a_refused_request_leaves_the_old_binding_and_its_csk() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let new = bench.new_csk(ALICE);
    let body = bench.authorising_body(ALICE, &new, "no token");
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(101)));
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect_with(&new, documents.clone());
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
    let body = bench.protect(ALICE, documents);
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
}

// Life of keys and bindings ----------------------------------------------------------------------------------

#[test]
fn the_previous_csk_is_taken_until_the_new_one_is_used() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let old = bench.ues[ALICE].csk.clone().unwrap();
    bench.authorise(ALICE);
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let under_old = bench.protect_with(&old, documents.clone());
    assert_eq!(publish(&mut bench, ALICE, &under_old), (200, None));
    let under_new = bench.protect(ALICE, documents);
    assert_eq!(publish(&mut bench, ALICE, &under_new), (200, None));
    assert_eq!(publish(&mut bench, ALICE, &under_old), (403, Some(139)));
}

#[test]
fn the_previous_csk_is_taken_for_five_minutes() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let old = bench.ues[ALICE].csk.clone().unwrap();
    bench.authorise(ALICE);
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect_with(&old, documents);
    bench.pass(Duration::from_secs(290));
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
    bench.pass(Duration::from_secs(11));
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
}

#[test]
fn a_token_that_is_over_for_longer_than_the_grace_asks_for_a_new_one() {
    let mut bench = Bench::with(
        |settings| settings.token_grace = Duration::from_secs(60),
        |_| {},
    );
    bench.register_with(ALICE, CONTACT_PARAMETERS, 600_000, &Body::new());
    bench.authorise(ALICE);
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect(ALICE, documents);
    bench.pass(Duration::from_secs(3_600));
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
    bench.pass(Duration::from_secs(61));
    assert_eq!(publish(&mut bench, ALICE, &body), (404, Some(141)));
    // A fresh token under the CSK that is bound.
    let later = bench.clocks().utc.0 + 3_600;
    let alice = bench.ues[ALICE].user.clone();
    let token = bench
        .domain
        .token_with(&alice, Resource::McpttServer.scope(), later);
    let documents = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let renewed = bench.protect(ALICE, documents);
    assert_eq!(publish(&mut bench, ALICE, &renewed), (200, None));
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
}

#[test]
fn a_user_has_as_many_clients_as_the_profile_allows() {
    let mut bench = Bench::new();
    bench
        .profiles
        .change(&user("alice"), |profile| profile.max_authorisations = 1);
    bench.log_in(ALICE);
    // Another device of Alice, under another public identity.
    bench.ues[BOB].user = user("alice");
    bench.ues[BOB].keys = bench.domain.key_set(user("alice").as_str());
    bench.register(BOB);
    assert_eq!(outcome(&bench.authorise(BOB)), (486, Some(164)));
    assert!(!bench.is_bound(BOB) && bench.is_bound(ALICE));
    // A new authorisation of the same client is no second one.
    assert_eq!(outcome(&bench.authorise(ALICE)), (200, None));
}

#[test]
fn the_same_client_under_another_identity_leaves_the_former() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.ues[BOB].user = user("alice");
    bench.ues[BOB].keys = bench.domain.key_set(user("alice").as_str());
    bench.ues[BOB].client = bench.ues[ALICE].client.clone();
    bench.log_in(BOB);
    assert!(bench.is_bound(BOB) && !bench.is_bound(ALICE));
}

#[test]
fn a_full_server_says_when_to_come_again() {
    let mut bench = Bench::with(|settings| settings.max_bindings = 1, |_| {});
    bench.log_in(ALICE);
    bench.register(BOB);
    let response = bench.authorise(BOB);
    assert_eq!(outcome(&response), (503, None));
    assert_eq!(response.headers().retry_after().unwrap(), Some(5));
}

#[test]
fn without_protection_no_csk_is_needed() {
    let mut bench = Bench::with(|settings| settings.protection = Protection::Off, |_| {});
    bench.register(CAROL);
    let token = bench.token(CAROL);
    let ue = &bench.ues[CAROL];
    let body = Body::new()
        .with_document(&ue.token_info(&token))
        .with_document(&ue.settings(AnswerMode::Manual));
    assert_eq!(publish(&mut bench, CAROL, &body), (200, None));
    let ue = &bench.ues[CAROL];
    let body = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Automatic));
    assert_eq!(publish(&mut bench, CAROL, &body), (200, None));
}

#[test]
fn keys_of_a_new_period_are_taken_while_the_function_runs() {
    let mut bench = Bench::new();
    bench.register_with(ALICE, CONTACT_PARAMETERS, 600_000, &Body::new());
    let period = Duration::from_secs(2_592_000);
    bench.pass(period);
    bench.register(ALICE);
    let now = bench.clocks().utc;
    let alice = user("alice");
    bench.ues[ALICE].keys = bench.domain.key_set_at(alice.as_str(), now);
    let scope = Resource::McpttServer.scope();
    let token = bench.domain.token_with(&alice, scope, now.0 + 3_600);
    let csk = bench.new_csk(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    // The server has not fetched its keys yet, which is no fault of the client.
    let response = bench.publish_settings(ALICE, EXPIRES_FOREVER, None, &body);
    assert_eq!(outcome(&response), (503, None));
    assert_eq!(response.headers().retry_after().unwrap(), Some(5));
    let credentials = Credentials {
        key_sets: vec![bench.domain.key_set_at("mcptt.example.org", now)],
        kms: vec![bench.domain.kms().clone()],
        tokens: bench.domain.verifier(),
    };
    let input = ParticipatingInput::Credentials(Box::new(credentials));
    bench.with_pf(|node, clocks, random| node.input(clocks, random, input));
    let csk = bench.new_csk(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
}

#[test]
fn settings_that_expire_are_forgotten_and_the_binding_stays() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let response = bench.publish_settings(ALICE, 120, None, &body);
    let first = tag(&response);
    bench.ues[ALICE].use_csk(csk);
    bench.pass(Duration::from_secs(121));
    assert!(bench.is_bound(ALICE));
    let refresh = bench.publish_settings(ALICE, 120, Some(&first), &Body::new());
    assert_eq!(outcome(&refresh), (412, None));
    bench.log_in(BOB);
    let body = bench.private_invite_body(BOB, &[&user("alice")], None);
    let body = bench.protect(BOB, body);
    let handle = bench.invite(BOB, &[], &body);
    let response = bench.response_to(BOB, handle).unwrap();
    assert_eq!(outcome(&response), (480, Some(146)));
}

/// The IdM server cannot be reached.
struct NoIdm;

impl roger_oidc::KeySource for NoIdm {
    fn keys(&self, _: &Issuer, _: Option<&str>, _: UnixTime) -> Option<JwkSet> {
        None
    }
}

#[test]
fn a_token_that_cannot_be_checked_just_now_is_no_bad_token() {
    let issuer = TrustedIssuer {
        issuer: Issuer::new("https://idm.mcptt.example.org").unwrap(),
        keys: JwkSet::default(),
    };
    let verifier = AccessTokenVerifier::new(vec![issuer], ClockSkew::MAX);
    let verifier = verifier.with_key_source(std::sync::Arc::new(NoIdm));
    let mut bench = Bench::with(|settings| settings.credentials.tokens = verifier, |_| {});
    bench.register(ALICE);
    let response = bench.authorise(ALICE);
    assert_eq!(outcome(&response), (503, None));
    assert_eq!(response.headers().retry_after().unwrap(), Some(5));
    assert!(!bench.is_bound(ALICE));
}

// Whom the function believes ---------------------------------------------------------------------------------

#[test]
fn an_identity_asserted_by_a_ue_is_not_believed() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.register(MALLORY);
    let alice = format!("<{}>", impu(ALICE));
    let headers = [
        (HeaderName::EVENT, "poc-settings"),
        (HeaderName::EXPIRES, "0"),
        (HeaderName::P_ASSERTED_IDENTITY, alice.as_str()),
    ];
    let request = bench.request(MALLORY, Method::Publish, &headers, &Body::new());
    let response = bench.send_request(MALLORY, request).unwrap();
    assert_eq!(
        outcome(&response),
        (404, Some(141)),
        "Mallory has no binding"
    );
    assert!(bench.is_bound(ALICE));
}

#[test]
fn requests_that_pass_the_core_by_are_refused() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let alice = format!("<{}>", impu(ALICE));
    let headers = [
        (HeaderName::EVENT, "poc-settings"),
        (HeaderName::EXPIRES, "0"),
        (HeaderName::P_ASSERTED_IDENTITY, alice.as_str()),
    ];
    let request = bench.request(MALLORY, Method::Publish, &headers, &Body::new());
    let pf = roger_sip::endpoint::Target::tcp(bench.pf_address());
    let handle = bench.with_ue(MALLORY, |ue, clocks, random| {
        ue.endpoint
            .send_request(clocks.now, random, request, pf)
            .unwrap()
    });
    bench.settle();
    let response = bench.response_to(MALLORY, handle).unwrap();
    assert_eq!(outcome(&response), (403, None));
    assert!(bench.is_bound(ALICE));
}

#[test]
fn unknown_events_and_methods_are_refused() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let headers = [(HeaderName::EVENT, "dialog"), (HeaderName::EXPIRES, "60")];
    for method in [Method::Publish, Method::Subscribe] {
        let request = bench.request(ALICE, method, &headers, &Body::new());
        let response = bench.send_request(ALICE, request).unwrap();
        assert_eq!(outcome(&response), (489, None));
    }
    for (method, status) in [
        (Method::Refer, 405),
        (Method::Message, 415),
        (Method::Options, 200),
    ] {
        let request = bench.request(ALICE, method, &[], &Body::new());
        let response = bench.send_request(ALICE, request).unwrap();
        assert_eq!(outcome(&response), (status, None));
    }
}

#[test]
fn a_core_may_assert_the_telephone_number_first() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let uri = Uri::parse(PF.as_bytes()).unwrap();
    let builder = Request::builder(Method::Publish, uri)
        .header(HeaderName::VIA, "SIP/2.0/TCP 10.0.0.100;branch=z9hG4bKtel")
        .header(HeaderName::FROM, "<sip:anonymous@anonymous.invalid>;tag=t")
        .header(HeaderName::TO, format!("<{PF}>"))
        .header(HeaderName::CALL_ID, "telephone")
        .header(HeaderName::CSEQ, "1")
        .header(
            HeaderName::P_ASSERTED_IDENTITY,
            format!("<tel:+4989123>, <{}>", impu(ALICE)),
        )
        .header(HeaderName::EVENT, "poc-settings")
        .header(HeaderName::EXPIRES, EXPIRES_FOREVER.to_string());
    let request = finish(builder, &body, &mut bench.random).unwrap();
    assert_eq!(bench.send_as_core(&request), (200, None));
    assert!(bench.is_bound(ALICE));
}
