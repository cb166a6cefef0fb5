//! A prearranged group call through PF, CF and PF: signalling, floor, speech.

use crate::bench::{ALICE, BOB, Bench, CAROL, CF, PF, fire, impu};
use crate::ue::{description_of, floor_release, floor_request, outcome};
use core::time::Duration;
use roger_call::body::Body;
use roger_call::feature::has_isfocus;
use roger_documents::mcptt_info::{McpttInfo, SessionType};
use roger_floor::{FloorBody, FloorMessage};
use roger_mcptt::ports::GroupDirectory;
use roger_sip::endpoint::Output;
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_srtp::RtpFields;
use roger_testkit_domain::user;

/// A speech packet; for the servers its payload is what the members have encrypted.
pub(crate) fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let fields = RtpFields {
        marker: sequence == 1,
        payload_type: 96,
        sequence,
        timestamp: u32::from(sequence) * 320,
        ssrc,
    };
    let payload: Vec<u8> = (0..62)
        .map(|n: u8| n.wrapping_mul(37) ^ sequence as u8)
        .collect();
    fields.packet(&payload)
}

/// The bench with a call of Alice, Bob and Carol, in which Alice has the floor.
fn talking() -> Bench {
    let mut bench = Bench::new();
    for index in [ALICE, BOB, CAROL] {
        bench.join_group(index);
    }
    bench.group_call(ALICE, &[BOB, CAROL]);
    bench
}

fn text(request: &Request, name: HeaderName<'static>) -> String {
    let text = request.headers().text(name);
    text.unwrap_or_default().trim().to_owned()
}

fn talker(messages: &[FloorMessage]) -> Option<String> {
    messages.iter().find_map(|message| match &message.body {
        FloorBody::FloorTaken(taken) => {
            let identity = taken.granted_partys_identity.as_ref()?;
            Some(format!("{identity:?}"))
        }
        _ => None,
    })
}

#[test]
fn a_member_is_invited_with_what_the_standard_says() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    let handle = bench.call_group(ALICE);
    assert!(
        bench.response_to(ALICE, handle).is_none(),
        "nobody has answered"
    );
    let incoming = bench.invited(BOB);
    let request = &incoming.request;
    assert!(has_isfocus(request.headers()));
    assert_eq!(text(request, HeaderName::ANSWER_MODE), "Auto");
    assert_eq!(
        text(request, HeaderName::P_ASSERTED_IDENTITY),
        format!("<{CF}>")
    );
    assert_eq!(
        text(request, HeaderName::P_CALLED_PARTY_ID),
        format!("<{}>", impu(BOB))
    );
    let body = Body::of(request.headers(), request.body()).unwrap();
    let info: McpttInfo = bench.ues[BOB].open(&body).required().unwrap();
    assert_eq!(info.session_type, Some(SessionType::Prearranged));
    assert_eq!(info.request_uri.unwrap().as_str(), user("bob").as_str());
    assert_eq!(info.calling_user_id, Some(user("alice")));
    assert_eq!(info.calling_group_id, Some(fire()));
    assert_eq!(info.client_id, None);
    let description = description_of(&body);
    assert_eq!(
        description.speech().unwrap().address.to_string(),
        "10.0.1.1",
        "media go through the participating function"
    );
    bench.accept(BOB, &incoming);
    let (response, _) = bench.answer_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&response), (200, None));
    assert!(has_isfocus(response.headers()));
    let psi = response.headers().text(HeaderName::P_ASSERTED_IDENTITY);
    assert_eq!(psi.as_deref(), Some(format!("<{PF}>").as_str()));
    let body = Body::of(response.headers(), response.body()).unwrap();
    let floor = description_of(&body).floor.unwrap();
    assert!(floor.parameters.granted, "the implicit request was granted");
    assert_eq!(floor.address.to_string(), "10.0.1.1");
}

#[test]
fn the_invite_names_the_caller_as_the_participating_function_knows_her() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    // Alice claims to be Carol.
    let body = bench.group_invite_body(ALICE, Default::default());
    let mut info: McpttInfo = body.required().unwrap();
    info.calling_user_id = Some(user("carol"));
    let sdp = body.part("application/sdp").unwrap().clone();
    let body = bench.protect(ALICE, Body::new().with(sdp).with_document(&info));
    bench.invite(ALICE, &[], &body);
    let incoming = bench.invited(BOB);
    let body = Body::of(incoming.request.headers(), incoming.request.body()).unwrap();
    let info: McpttInfo = bench.ues[BOB].open(&body).required().unwrap();
    assert_eq!(info.calling_user_id, Some(user("alice")));
}

#[test]
fn the_floor_goes_round_and_speech_arrives_octet_for_octet() {
    let mut bench = talking();
    for index in [BOB, CAROL] {
        let messages = bench.ues[index].floor_messages();
        let talker = talker(&messages).expect("a Floor Taken");
        assert!(talker.contains(user("alice").as_str()), "{talker}");
    }
    let spoken: Vec<Vec<u8>> = (1..=5).map(|n| rtp(0xA11CE, n)).collect();
    for packet in &spoken {
        bench.send_rtp(ALICE, packet);
    }
    assert_eq!(bench.ues[BOB].heard, spoken);
    assert_eq!(bench.ues[CAROL].heard, spoken);
    assert!(bench.ues[ALICE].heard.is_empty());
    bench.send_floor(ALICE, floor_release());
    for index in [ALICE, BOB, CAROL] {
        assert!(
            bench.ues[index].floor_names().contains(&"Floor Idle"),
            "{index}"
        );
    }
    bench.send_floor(BOB, floor_request());
    assert_eq!(bench.ues[BOB].floor_names(), ["Floor Granted"]);
    assert!(bench.ues[ALICE].floor_names().contains(&"Floor Taken"));
    bench.send_rtp(BOB, &rtp(0xB0B, 1));
    assert_eq!(bench.ues[ALICE].heard, [rtp(0xB0B, 1)]);
}

/// The Floor Granted leaves the controlling function together with the 200, and does not go by the SIP core.
#[test]
fn a_floor_granted_that_overtakes_the_answer_reaches_the_client() {
    let mut bench = talking();
    assert_eq!(bench.ues[ALICE].floor_names(), ["Floor Granted"]);
}

#[test]
fn speech_without_the_floor_is_not_passed_on() {
    let mut bench = talking();
    bench.ues[BOB].floor_heard.clear();
    bench.send_rtp(BOB, &rtp(0xB0B, 1));
    assert!(bench.ues[ALICE].heard.is_empty() && bench.ues[CAROL].heard.is_empty());
    assert!(bench.ues[BOB].floor_names().contains(&"Floor Revoke"));
}

#[test]
fn a_late_entrant_is_invited_and_hears_who_talks() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench.group_call(ALICE, &[BOB]);
    bench.send_rtp(ALICE, &rtp(0xA11CE, 1));
    bench.join_group(CAROL);
    let incoming = bench.invited(CAROL);
    bench.accept(CAROL, &incoming);
    let messages = bench.ues[CAROL].floor_messages();
    let talker = talker(&messages).expect("a Floor Taken");
    assert!(talker.contains(user("alice").as_str()), "{talker}");
    bench.send_rtp(ALICE, &rtp(0xA11CE, 2));
    assert_eq!(bench.ues[CAROL].heard, [rtp(0xA11CE, 2)]);
    assert_eq!(bench.ues[BOB].heard.len(), 2);
}

#[test]
fn a_member_who_left_rejoins_and_nobody_is_invited_for_it() {
    let mut bench = talking();
    let dialog = bench.ues[CAROL].dialog.unwrap();
    bench.hang_up(CAROL, dialog);
    bench.ues[CAROL].heard.clear();
    let body = bench.group_invite_body(CAROL, Default::default());
    let body = bench.protect(CAROL, body);
    let handle = bench.invite(CAROL, &[], &body);
    let (response, _) = bench.answer_to(CAROL, handle).unwrap();
    assert_eq!(outcome(&response), (200, Some(123)));
    assert!(bench.incoming(ALICE).is_none() && bench.incoming(BOB).is_none());
}

#[test]
fn floor_control_of_two_calls_goes_on_under_one_csk() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    for round in 0..3 {
        let dialog = bench.group_call(ALICE, &[BOB]);
        bench.send_floor(ALICE, floor_release());
        bench.send_floor(BOB, floor_request());
        // Opening checks for replays: an index that began anew would be one.
        assert!(
            bench.ues[BOB].floor_names().contains(&"Floor Granted"),
            "{round}"
        );
        bench.ues[ALICE].floor_messages();
        bench.hang_up(ALICE, dialog);
        assert!(bench.was_hung_up(BOB));
        bench.assert_no_media_ports();
    }
}

#[test]
fn a_new_csk_in_mid_call_carries_the_floor_on() {
    let mut bench = talking();
    bench.ues[ALICE].floor_messages();
    bench.authorise(ALICE);
    bench.send_floor(ALICE, floor_release());
    assert!(bench.ues[ALICE].floor_names().contains(&"Floor Idle"));
    bench.pass(Duration::from_secs(1));
    bench.send_floor(ALICE, floor_request());
    assert!(bench.ues[ALICE].floor_names().contains(&"Floor Granted"));
}

// Ends -------------------------------------------------------------------------------------------------------

#[test]
fn the_last_but_one_who_leaves_ends_the_call() {
    let mut bench = talking();
    let dialog = bench.ues[BOB].dialog.unwrap();
    bench.hang_up(BOB, dialog);
    assert!(!bench.was_hung_up(ALICE));
    assert!(!bench.was_hung_up(CAROL));
    let dialog = bench.ues[CAROL].dialog.unwrap();
    bench.hang_up(CAROL, dialog);
    assert!(bench.was_hung_up(ALICE));
    bench.assert_no_media_ports();
}

#[test]
fn an_idle_call_ends_after_t4() {
    let mut bench = talking();
    bench.send_floor(ALICE, floor_release());
    bench.pass(Duration::from_secs(31));
    for index in [ALICE, BOB, CAROL] {
        assert!(bench.was_hung_up(index), "{index}");
    }
    bench.assert_no_media_ports();
}

#[test]
fn a_call_ends_with_tng3_even_while_somebody_talks() {
    let mut bench = Bench::new();
    let mut document = bench
        .groups
        .group(&fire())
        .unwrap()
        .unwrap()
        .as_ref()
        .clone();
    document.maximum_duration = Some(Duration::from_secs(20));
    bench.put_group(document);
    for index in [ALICE, BOB, CAROL] {
        bench.join_group(index);
    }
    bench.group_call(ALICE, &[BOB, CAROL]);
    for second in 1..=15 {
        bench.pass(Duration::from_secs(1));
        bench.send_rtp(ALICE, &rtp(0xA11CE, second));
    }
    assert!(!bench.was_hung_up(ALICE));
    for second in 16..=20 {
        bench.pass(Duration::from_secs(1));
        bench.send_rtp(ALICE, &rtp(0xA11CE, second));
    }
    for index in [ALICE, BOB, CAROL] {
        assert!(bench.was_hung_up(index), "{index}");
    }
    bench.assert_no_media_ports();
}

#[test]
fn log_off_ends_the_clients_part_only() {
    let mut bench = talking();
    bench.publish_settings(BOB, 0, None, &Body::new());
    assert!(bench.was_hung_up(BOB));
    bench.send_rtp(ALICE, &rtp(0xA11CE, 1));
    assert_eq!(bench.ues[CAROL].heard.len(), 1);
    assert!(bench.ues[BOB].heard.is_empty());
}

#[test]
fn a_call_that_is_cancelled_rings_no_more() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    let handle = bench.call_group(ALICE);
    let incoming = bench.invited(BOB);
    bench.respond(
        BOB,
        &incoming,
        Response::to(&incoming.request, StatusCode::RINGING),
    );
    // 100 has come, without which nothing is cancelled.
    bench.pass(Duration::from_millis(400));
    bench.with_ue(ALICE, |ue, clocks, _| {
        ue.endpoint.cancel(clocks.now, handle).unwrap();
    });
    bench.settle();
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TERMINATED);
    let cancelled = |event: &Output| matches!(event, Output::Cancelled { .. });
    assert!(bench.ues[BOB].events.iter().any(cancelled));
    bench.assert_no_media_ports();
}

#[test]
fn a_200_that_crosses_the_cancel_is_ended() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    let handle = bench.call_group(ALICE);
    let incoming = bench.invited(BOB);
    // 100 has come, without which nothing is cancelled.
    bench.pass(Duration::from_millis(400));
    bench.with_ue(ALICE, |ue, clocks, _| {
        ue.endpoint.cancel(clocks.now, handle).unwrap();
    });
    // Bob answers before the CANCEL can reach him.
    bench.accept(BOB, &incoming);
    bench.settle();
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TERMINATED);
    assert!(bench.was_hung_up(BOB));
    bench.assert_no_media_ports();
}

#[test]
fn a_member_who_declines_is_heard_when_she_was_the_only_one() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    let handle = bench.call_group(ALICE);
    let incoming = bench.invited(BOB);
    bench.decline(BOB, &incoming, 480, 110);
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&response), (480, Some(110)));
    bench.assert_no_media_ports();
}

#[test]
fn one_who_declines_does_not_end_the_call_of_the_others() {
    let mut bench = Bench::new();
    for index in [ALICE, BOB, CAROL] {
        bench.join_group(index);
    }
    let handle = bench.call_group(ALICE);
    let incoming = bench.invited(BOB);
    bench.decline(BOB, &incoming, 480, 110);
    let incoming = bench.invited(CAROL);
    bench.accept(CAROL, &incoming);
    bench.connect(ALICE, handle);
    bench.send_rtp(ALICE, &rtp(0xA11CE, 1));
    assert_eq!(bench.ues[CAROL].heard.len(), 1);
}

#[test]
fn a_member_who_never_answers_is_given_up() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    let handle = bench.call_group(ALICE);
    bench.invited(BOB);
    bench.pass(Duration::from_secs(240));
    let response = bench.response_to(ALICE, handle).expect("an answer");
    assert!(response.status().as_u16() >= 400);
    bench.assert_no_media_ports();
}

#[test]
fn an_answer_without_description_is_no_answer() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    let handle = bench.call_group(ALICE);
    let incoming = bench.invited(BOB);
    let response = Response::to(&incoming.request, StatusCode::OK);
    bench.respond(BOB, &incoming, response);
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE_HERE);
    assert!(bench.was_hung_up(BOB));
    bench.assert_no_media_ports();
}

#[test]
fn renegotiation_is_refused_and_the_call_goes_on() {
    let mut bench = talking();
    let dialog = bench.ues[BOB].dialog.unwrap();
    bench.with_ue(BOB, |ue, clocks, random| {
        let builder = ue
            .endpoint
            .request_in_dialog(dialog, Method::Invite)
            .unwrap();
        let request = builder.build().unwrap();
        ue.endpoint
            .send_in_dialog(clocks.now, random, dialog, request)
            .unwrap();
    });
    bench.settle();
    let refused = |event: &Output| {
        matches!(event, Output::Response(answer)
            if answer.response.status() == StatusCode::NOT_ACCEPTABLE_HERE)
    };
    assert!(bench.ues[BOB].events.iter().any(refused));
    bench.send_rtp(ALICE, &rtp(0xA11CE, 1));
    assert_eq!(bench.ues[BOB].heard.len(), 1);
}
