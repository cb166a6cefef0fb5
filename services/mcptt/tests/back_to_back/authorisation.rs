//! Service authorisation by REGISTER and PUBLISH, and how long it holds (TS 24.379 cl. 7).

use crate::bench::{ALICE, BOB, Bench, CAROL, MALLORY, PF, impu};
use crate::ue::{floor_release, floor_request, outcome};
use core::time::Duration;
use roger_call::body::{Body, Part};
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER};
use roger_call::protection::Protection;
use roger_call::request::finish;
use roger_documents::poc_settings::AnswerMode;
use roger_mcptt::participating::{Credentials, ParticipatingInput};
use roger_oidc::Resource;
use roger_sip::message::{HeaderName, Limits, Message, Method, Request, Response, StatusCode};
use roger_sip::uri::Uri;
use roger_sipcore::CoreEvent;
use roger_testkit_domain::user;

pub(crate) fn publish(bench: &mut Bench, index: usize, body: &Body) -> (u16, Option<u16>) {
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
