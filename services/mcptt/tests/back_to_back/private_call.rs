//! A private call through PF, CF and PF; the key in the offer passes untouched.

use crate::bench::{ALICE, BOB, Bench, CAROL};
use crate::group_call::rtp;
use crate::ue::{floor_release, floor_request, outcome};
use roger_base::McpttId;
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::sdp::KeyManagement;
use roger_documents::mcptt_info::{McpttInfo, SessionType};
use roger_documents::poc_settings::AnswerMode;
use roger_keys::Pck;
use roger_mikey::create::Hiding;
use roger_mikey::{Carriage, Context, CreateOptions, CreatePrivateCallKey, Receiver, Sender};
use roger_sip::endpoint::{Output, RequestHandle};
use roger_sip::message::{HeaderName, Response, StatusCode};
use roger_testkit_domain::user;

/// Header fields of a request.
type Fields<'a> = &'a [(HeaderName<'static>, &'a str)];

fn both_logged_in() -> Bench {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.log_in(BOB);
    bench
}

/// The PCK of a call and its message, in which nobody can read who calls whom.
pub(crate) fn make_pck(bench: &mut Bench) -> (Pck, Vec<u8>) {
    let pck = Pck::random(&mut bench.random).unwrap();
    let message = CreatePrivateCallKey {
        pck: &pck,
        caller: &bench.ues[ALICE].keys,
        callee: &user("bob"),
        callee_domain: bench.domain.kms(),
        parameters: None,
        now: bench.clocks().utc.to_ntp(),
        options: CreateOptions {
            hiding: Hiding::Both,
            ..CreateOptions::PLAIN
        },
    };
    let octets = message.build(&mut bench.random).unwrap();
    (pck, octets)
}

fn call(
    bench: &mut Bench,
    callees: &[&McpttId],
    headers: Fields<'_>,
    key: Option<KeyManagement>,
) -> RequestHandle {
    let body = bench.private_invite_body(ALICE, callees, key);
    let body = bench.protect(ALICE, body);
    bench.invite(ALICE, headers, &body)
}

fn lines_with(octets: &[u8], what: &str) -> Vec<String> {
    let text = String::from_utf8(octets.to_vec()).unwrap();
    text.lines()
        .filter(|line| line.starts_with(what))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_key_message_reaches_the_callee_octet_for_octet() {
    let mut bench = both_logged_in();
    let (pck, message) = make_pck(&mut bench);
    let key = KeyManagement::from_message(&message);
    let line = format!("a=key-mgmt:mikey {}", key.as_str());
    let handle = call(
        &mut bench,
        &[&user("bob")],
        &[(HeaderName::ANSWER_MODE, "Manual")],
        Some(key),
    );
    let incoming = bench.invited(BOB);
    let request = &incoming.request;
    let body = Body::of(request.headers(), request.body()).unwrap();
    let sdp = body.octets(media_type::SDP).unwrap();
    assert_eq!(lines_with(sdp, "a=key-mgmt"), [line]);
    let info: McpttInfo = bench.ues[BOB].open(&body).required().unwrap();
    assert_eq!(info.session_type, Some(SessionType::Private));
    assert_eq!(info.calling_user_id, Some(user("alice")));
    let caller = info.calling_user_id.unwrap();
    let key_sets = [bench.domain.key_set(user("bob").as_str())];
    let context = Context {
        key_sets: &key_sets,
        domains: &[],
        sender: Sender::OneOf(&[caller.as_str()]),
        carriage: Carriage::Live,
        now: bench.clocks().utc.to_ntp(),
    };
    let opened = Receiver::default().open_pck(&message, &context).unwrap();
    assert!(opened.key.secret() == pck.secret());
    // Ringing reaches the caller, then the answer.
    bench.respond(BOB, &incoming, Response::to(request, StatusCode::RINGING));
    let ringing = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(ringing.status(), StatusCode::RINGING);
    bench.accept(BOB, &incoming);
    let dialog = bench.connect(ALICE, handle);
    bench.hang_up(ALICE, dialog);
    assert!(bench.was_hung_up(BOB));
    bench.assert_no_media_ports();
}

#[test]
fn with_floor_control_only_the_holder_is_heard() {
    let mut bench = both_logged_in();
    let handle = call(&mut bench, &[&user("bob")], &[], None);
    let incoming = bench.invited(BOB);
    bench.accept(BOB, &incoming);
    bench.connect(ALICE, handle);
    bench.send_floor(ALICE, floor_request());
    assert!(bench.ues[ALICE].floor_names().contains(&"Floor Granted"));
    bench.send_rtp(ALICE, &rtp(1, 1));
    bench.send_rtp(BOB, &rtp(2, 1));
    assert_eq!(bench.ues[BOB].heard, [rtp(1, 1)]);
    assert!(bench.ues[ALICE].heard.is_empty());
    bench.send_floor(ALICE, floor_release());
    bench.ues[BOB].floor_messages();
    bench.send_floor(BOB, floor_request());
    assert!(bench.ues[BOB].floor_names().contains(&"Floor Granted"));
    bench.send_rtp(BOB, &rtp(2, 2));
    assert_eq!(bench.ues[ALICE].heard, [rtp(2, 2)]);
}

#[test]
fn without_floor_control_both_are_heard() {
    let mut bench = both_logged_in();
    let body = bench.private_invite_body(ALICE, &[&user("bob")], None);
    let sdp = without_floor(body.octets(media_type::SDP).unwrap());
    let info: McpttInfo = body.required().unwrap();
    let lists = body.part(media_type::RESOURCE_LISTS).unwrap().clone();
    let body = Body::new()
        .with(Part::new(media_type::SDP, sdp))
        .with_document(&info)
        .with(lists);
    let body = bench.protect(ALICE, body);
    let handle = bench.invite(ALICE, &[], &body);
    let incoming = bench.invited(BOB);
    assert_eq!(bench.accept(BOB, &incoming).floor, None);
    bench.connect(ALICE, handle);
    bench.send_rtp(ALICE, &rtp(1, 1));
    bench.send_rtp(BOB, &rtp(2, 1));
    assert_eq!(bench.ues[BOB].heard, [rtp(1, 1)]);
    assert_eq!(bench.ues[ALICE].heard, [rtp(2, 1)]);
}

fn without_floor(sdp: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(sdp.to_vec()).unwrap();
    let end = text.find("m=application").unwrap();
    text.as_bytes()[..end].to_vec()
}

#[test]
fn the_callees_refusal_reaches_the_caller() {
    for (status, code) in [(480, 110), (488, 136), (486, 0), (603, 0)] {
        let mut bench = both_logged_in();
        let handle = call(&mut bench, &[&user("bob")], &[], None);
        let incoming = bench.invited(BOB);
        bench.decline(BOB, &incoming, status, code);
        let response = bench.response_to(ALICE, handle).unwrap();
        let code = (code != 0).then_some(code);
        assert_eq!(outcome(&response), (status, code));
        bench.assert_no_media_ports();
    }
}

#[test]
fn the_callee_hangs_up() {
    let mut bench = both_logged_in();
    let handle = call(&mut bench, &[&user("bob")], &[], None);
    let incoming = bench.invited(BOB);
    bench.accept(BOB, &incoming);
    bench.connect(ALICE, handle);
    let dialog = bench.ues[BOB].dialog.unwrap();
    bench.hang_up(BOB, dialog);
    assert!(bench.was_hung_up(ALICE));
    bench.assert_no_media_ports();
}

#[test]
fn how_to_answer_is_resolved_for_the_callee() {
    let cases: [(Fields<'_>, AnswerMode, &str); 5] = [
        (&[], AnswerMode::Automatic, "Auto"),
        (&[], AnswerMode::Manual, "Manual"),
        (
            &[(HeaderName::ANSWER_MODE, "Manual")],
            AnswerMode::Automatic,
            "Manual",
        ),
        (
            &[(HeaderName::ANSWER_MODE, "Auto")],
            AnswerMode::Manual,
            "Manual",
        ),
        (
            &[(HeaderName::PRIV_ANSWER_MODE, "Auto;require")],
            AnswerMode::Manual,
            "Auto",
        ),
    ];
    for (headers, setting, expected) in cases {
        let mut bench = both_logged_in();
        bench.profiles.change(&user("alice"), |profile| {
            profile.force_automatic_answer = roger_mcptt::ports::Permission::Granted;
        });
        let ue = &bench.ues[BOB];
        let documents = Body::new()
            .with_document(&ue.own_info())
            .with_document(&ue.settings(setting));
        let body = bench.protect(BOB, documents);
        bench.publish_settings(BOB, u32::MAX, None, &body);
        call(&mut bench, &[&user("bob")], headers, None);
        let incoming = bench.invited(BOB);
        let mode = incoming.request.headers().text(HeaderName::ANSWER_MODE);
        assert_eq!(mode.as_deref(), Some(expected), "{headers:?} {setting:?}");
    }
}

#[test]
fn who_is_not_there_cannot_be_called() {
    let mut bench = both_logged_in();
    let handle = call(&mut bench, &[&user("carol")], &[], None);
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&response), (404, None));
    // Carol authorises, but sends no settings.
    bench.register(CAROL);
    let csk = bench.new_csk(CAROL);
    let token = bench.token(CAROL);
    let documents = Body::new().with_document(&bench.ues[CAROL].token_info(&token));
    let body = bench.with_csk_message(&csk, documents);
    let response = bench.publish_settings(CAROL, u32::MAX, None, &body);
    assert_eq!(outcome(&response), (200, None));
    let handle = call(&mut bench, &[&user("carol")], &[], None);
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&response), (480, Some(146)));
    bench.assert_no_media_ports();
}

#[test]
fn a_caller_who_gives_up_while_it_rings() {
    for by_bye in [false, true] {
        let mut bench = both_logged_in();
        let handle = call(&mut bench, &[&user("bob")], &[], None);
        let incoming = bench.invited(BOB);
        let ringing = Response::to(&incoming.request, StatusCode::RINGING);
        bench.respond(BOB, &incoming, ringing);
        let (response, early) = bench.answer_to(ALICE, handle).unwrap();
        assert_eq!(response.status(), StatusCode::RINGING);
        bench.with_ue(ALICE, |ue, clocks, random| {
            if by_bye {
                ue.endpoint.bye(clocks.now, random, early.unwrap()).unwrap();
            } else {
                ue.endpoint.cancel(clocks.now, handle).unwrap();
            }
        });
        bench.settle();
        let response = bench.response_to(ALICE, handle).unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_TERMINATED);
        let cancelled = |event: &Output| matches!(event, Output::Cancelled { .. });
        assert!(bench.ues[BOB].events.iter().any(cancelled));
        bench.assert_no_media_ports();
    }
}

#[test]
fn of_two_clients_the_one_that_authorised_last_is_called() {
    let mut bench = both_logged_in();
    // Carol's radio is a second one of Bob.
    bench.ues[CAROL].user = user("bob");
    bench.ues[CAROL].keys = bench.domain.key_set(user("bob").as_str());
    bench.log_in(CAROL);
    call(&mut bench, &[&user("bob")], &[], None);
    assert!(bench.incoming(BOB).is_none());
    bench.invited(CAROL);
}
