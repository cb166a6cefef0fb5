//! SUBSCRIBE and NOTIFY of service settings (TS 24.379 cl. 7.2.4, 7.3.6), and users with several clients.

use crate::bench::{ALICE, BOB, Bench};
use crate::key_download::order;
use crate::ue::outcome;
use core::time::Duration;
use roger_call::body::Body;
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER};
use roger_call::protection::Protection;
use roger_documents::mcptt_info::{ExtensionValue, McpttInfo, extension};
use roger_documents::poc_settings::{AnswerMode, PocSettings};
use roger_mcptt::participating::ParticipatingInput;
use roger_sip::message::{HeaderName, Method, Response, StatusCode};
use roger_testkit_domain::user;

fn subscribe_to(bench: &mut Bench, index: usize, expires: u32, info: &McpttInfo) -> Response {
    let body = bench.protect(index, Body::new().with_document(info));
    let expires = expires.to_string();
    let headers = [
        (HeaderName::EVENT, "poc-settings"),
        (HeaderName::EXPIRES, expires.as_str()),
        (HeaderName::ACCEPT, "application/poc-settings+xml"),
    ];
    let request = bench.request(index, Method::Subscribe, &headers, &body);
    bench.send_request(index, request).unwrap()
}

fn subscribe(bench: &mut Bench, index: usize, expires: u32) -> (u16, Option<u16>) {
    let own = bench.ues[index].own_info();
    outcome(&subscribe_to(bench, index, expires, &own))
}

/// The next notification of settings: its state and what it says.
fn notified(bench: &mut Bench, index: usize) -> (String, Option<PocSettings>) {
    let incoming = bench.incoming(index).expect("a NOTIFY");
    let request = &incoming.request;
    assert_eq!(*request.method(), Method::Notify);
    let event = request.headers().text(HeaderName::EVENT).unwrap();
    assert_eq!(event, "poc-settings");
    let state = request.headers().text(HeaderName::SUBSCRIPTION_STATE);
    let state = state.unwrap().into_owned();
    let body = Body::of(request.headers(), request.body()).unwrap();
    let settings = (!body.is_empty()).then(|| bench.ues[index].open(&body).required().unwrap());
    bench.decline(index, &incoming, 200, 0);
    (state, settings)
}

fn publish_mode(bench: &mut Bench, index: usize, mode: AnswerMode) {
    let ue = &bench.ues[index];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(mode));
    let body = bench.protect(index, documents);
    let response = bench.publish_settings(index, EXPIRES_FOREVER, None, &body);
    assert_eq!(outcome(&response), (200, None));
}

#[test]
fn a_client_watches_its_settings_until_it_logs_off() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    assert_eq!(subscribe(&mut bench, ALICE, EXPIRES_FOREVER), (200, None));
    let (state, settings) = notified(&mut bench, ALICE);
    assert!(state.starts_with("active"), "{state}");
    assert_eq!(
        settings,
        Some(bench.ues[ALICE].settings(AnswerMode::Automatic))
    );
    publish_mode(&mut bench, ALICE, AnswerMode::Manual);
    let (_, settings) = notified(&mut bench, ALICE);
    assert_eq!(
        settings,
        Some(bench.ues[ALICE].settings(AnswerMode::Manual))
    );
    bench.publish_settings(ALICE, 0, None, &Body::new());
    let (state, _) = notified(&mut bench, ALICE);
    assert_eq!(state, "terminated;reason=deactivated");
    assert!(bench.incoming(ALICE).is_none());
}

#[test]
fn a_fetch_gets_one_notification() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    assert_eq!(subscribe(&mut bench, ALICE, 0), (200, None));
    let (state, settings) = notified(&mut bench, ALICE);
    assert!(state.starts_with("terminated"), "{state}");
    assert!(settings.is_some());
    publish_mode(&mut bench, ALICE, AnswerMode::Manual);
    assert!(bench.incoming(ALICE).is_none());
}

#[test]
fn nobody_watches_the_settings_of_another_or_without_a_binding() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.log_in(BOB);
    let bob = bench.ues[BOB].own_info();
    let response = subscribe_to(&mut bench, ALICE, EXPIRES_FOREVER, &bob);
    assert_eq!(outcome(&response), (403, Some(100)));
    bench.publish_settings(ALICE, 0, None, &Body::new());
    assert_eq!(
        subscribe(&mut bench, ALICE, EXPIRES_FOREVER),
        (404, Some(141))
    );
    assert!(bench.incoming(ALICE).is_none());
}

#[test]
fn a_withdrawal_rejects_the_subscription() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    notified(&mut bench, ALICE);
    order(&mut bench, ParticipatingInput::Withdraw(user("alice")));
    let told = bench.incoming(ALICE).expect("the revocation");
    assert_eq!(*told.request.method(), Method::Message);
    let (state, settings) = notified(&mut bench, ALICE);
    assert_eq!(state, "terminated;reason=rejected");
    assert_eq!(settings, None);
}

#[test]
fn a_subscription_of_affiliations_is_told_no_settings() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let body = Body::new().with_document(&bench.ues[ALICE].own_info());
    let body = bench.protect(ALICE, body);
    let headers = [
        (HeaderName::EVENT, "presence"),
        (HeaderName::EXPIRES, "3600"),
    ];
    let request = bench.request(ALICE, Method::Subscribe, &headers, &body);
    bench.send_request(ALICE, request).unwrap();
    let notify = bench.incoming(ALICE).expect("a NOTIFY");
    bench.decline(ALICE, &notify, 200, 0);
    publish_mode(&mut bench, ALICE, AnswerMode::Manual);
    assert!(bench.incoming(ALICE).is_none());
}

// Several clients of one user ----------------------------------------------------------------------------------

/// Another device of Alice, under another public identity.
fn second_device(bench: &mut Bench) {
    bench.ues[BOB].user = user("alice");
    bench.ues[BOB].keys = bench.domain.key_set(user("alice").as_str());
}

fn says_multiple(bench: &Bench, index: usize, response: &Response) -> bool {
    let body = Body::of(response.headers(), response.body()).unwrap();
    if body.is_empty() {
        return false;
    }
    let info: McpttInfo = bench.ues[index].open(&body).required().unwrap();
    info.extension(extension::MULTIPLE_DEVICES_IND) == Some(&ExtensionValue::Boolean(true))
}

#[test]
fn the_second_client_of_a_user_is_told_that_there_are_several() {
    let mut bench = Bench::new();
    second_device(&mut bench);
    bench.register(ALICE);
    let response = bench.authorise(ALICE);
    assert!(!says_multiple(&bench, ALICE, &response));
    bench.register(BOB);
    let response = bench.authorise(BOB);
    assert_eq!(outcome(&response), (200, None));
    assert!(says_multiple(&bench, BOB, &response));
    // Each has its own binding, key and settings; the log-off of one leaves the other.
    publish_mode(&mut bench, ALICE, AnswerMode::Manual);
    publish_mode(&mut bench, BOB, AnswerMode::Automatic);
    bench.publish_settings(BOB, 0, None, &Body::new());
    assert!(bench.is_bound(ALICE) && !bench.is_bound(BOB));
    let response = bench.authorise(ALICE);
    assert!(!says_multiple(&bench, ALICE, &response));
}

#[test]
fn without_protection_the_indication_is_readable() {
    let mut bench = Bench::with(|settings| settings.protection = Protection::Off, |_| {});
    second_device(&mut bench);
    let mut last = None;
    for index in [ALICE, BOB] {
        bench.register_with(index, CONTACT_PARAMETERS, 3_600, &Body::new());
        last = Some(bench.authorise(index));
    }
    // Without protection by configuration it is readable, so the test above shows something.
    let response = last.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(text.contains("<mcpttBoolean>true</mcpttBoolean>"), "{text}");
}

#[test]
fn settings_that_expire_are_not_told_any_more() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let body = bench.authorising_body(ALICE, &csk, &token);
    bench.publish_settings(ALICE, 60, None, &body);
    bench.ues[ALICE].use_csk(csk);
    bench.pass(Duration::from_secs(61));
    assert_eq!(subscribe(&mut bench, ALICE, 0), (200, None));
    assert_eq!(notified(&mut bench, ALICE).1, None);
}
