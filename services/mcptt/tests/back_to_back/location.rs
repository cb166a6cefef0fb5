//! Where clients are: configured, reported, asked for by those who may (TS 24.379 cl. 13).

use crate::bench::{ALICE, BOB, Bench, CAROL, impu};
use crate::ue::outcome;
use core::time::Duration;
use roger_base::McpttId;
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::protection::Protection;
use roger_call::sdp::FloorParameters;
use roger_documents::Document;
use roger_documents::location_info::{
    ConfigScope, Coordinate, Location, LocationConfiguration, LocationInfo, LocationReport,
    LocationRequest, ReportContent, ReportType, Trigger, TriggerEvent,
};
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_documents::service_config::ServiceConfiguration;
use roger_mcptt::participating::ParticipatingInput;
use roger_mcptt::ports::Permission;
use roger_sip::message::{Method, Response, StatusCode};
use roger_testkit_domain::DOMAIN;

fn configuration() -> LocationConfiguration {
    LocationConfiguration {
        scope: ConfigScope::Full,
        normal: ReportContent {
            serving_ecgi: true,
            coordinate: true,
            minimum_interval: Duration::from_secs(5),
        },
        emergency: ReportContent::default(),
        triggers: vec![Trigger {
            id: "every-minute".to_owned(),
            event: TriggerEvent::Periodic(Duration::from_secs(60)),
        }],
    }
}

fn report(id: Option<String>) -> LocationReport {
    LocationReport {
        id,
        kind: ReportType::NonEmergency,
        triggers: vec!["every-minute".to_owned()],
        location: Location {
            serving_ecgi: Some("26201ABCDEF0".to_owned()),
            coordinate: Coordinate::from_degrees(48.137_154, 11.576_124),
        },
    }
}

/// MESSAGE about a user with a document; the answer.
fn send(
    bench: &mut Bench,
    index: usize,
    about: &McpttId,
    info: &LocationInfo,
) -> (u16, Option<u16>) {
    let target = McpttInfo {
        request_uri: Some(RequestUri::from(about)),
        ..McpttInfo::default()
    };
    let documents = Body::new().with_document(&target).with_document(info);
    let body = bench.protect(index, documents);
    let request = bench.request(index, Method::Message, &[], &body);
    outcome(&bench.send_request(index, request).unwrap())
}

/// The next MESSAGE that a UE got, answered: who caused it, and the document.
fn received(
    bench: &mut Bench,
    index: usize,
    status: StatusCode,
) -> Option<(McpttInfo, LocationInfo)> {
    let incoming = bench.incoming(index)?;
    let request = &incoming.request;
    assert_eq!(*request.method(), Method::Message);
    let body = Body::of(request.headers(), request.body()).unwrap();
    let opened = bench.ues[index].open(&body);
    let read = (opened.required().unwrap(), opened.required().unwrap());
    let response = Response::to(request, status);
    bench.respond(index, &incoming, response);
    Some(read)
}

fn configure(bench: &mut Bench) {
    bench.with_pf(|node, clocks, random| {
        let input = ParticipatingInput::LocationConfiguration(Box::new(configuration()));
        node.input(clocks, random, input);
    });
    bench.settle();
}

fn request_of(bench: &mut Bench, index: usize) -> String {
    match received(bench, index, StatusCode::OK) {
        Some((_, LocationInfo::Request(request))) => request.id,
        other => panic!("no request: {other:?}"),
    }
}

fn let_ask(bench: &Bench, index: usize, permission: Permission) {
    let user = &bench.ues[index].user;
    bench.profiles.change(user, |profile| {
        profile.request_location_of_others = permission;
    });
}

/// Everything that is said of where clients are: their configuration, a question by one, the report of the other, the
/// answer.
pub(crate) fn tell(bench: &mut Bench, asks: usize, is_somewhere: usize) {
    configure(bench);
    bench.pass(Duration::from_secs(2));
    for index in [asks, is_somewhere] {
        assert!(received(bench, index, StatusCode::OK).is_some());
    }
    let_ask(bench, asks, Permission::Granted);
    let about = bench.ues[is_somewhere].user.clone();
    let question = LocationInfo::Request(LocationRequest::default());
    assert_eq!(send(bench, asks, &about, &question), (200, None));
    let id = request_of(bench, is_somewhere);
    let answer = LocationInfo::Report(report(Some(id)));
    assert_eq!(send(bench, is_somewhere, &about, &answer), (200, None));
    assert!(received(bench, asks, StatusCode::OK).is_some());
}

/// What a report says in clear: cell and coordinates, each as its element holds it.
pub(crate) fn secrets() -> [String; 3] {
    let document = LocationInfo::Report(report(None)).write();
    let mut coordinates = document.split("threebytes").skip(1).step_by(2);
    let mut coordinate = || {
        let text = coordinates.next().unwrap();
        text.trim_end_matches('/').to_owned()
    };
    let secrets = ["26201ABCDEF0".to_owned(), coordinate(), coordinate()];
    for secret in &secrets {
        assert!(secret.len() >= 8 && document.contains(secret), "{document}");
    }
    secrets
}

#[test]
fn a_client_is_configured_when_it_is_authorised_and_when_the_configuration_changes() {
    let mut bench = Bench::new();
    configure(&mut bench);
    bench.log_in(ALICE);
    bench.pass(Duration::from_secs(2));
    let (info, document) = received(&mut bench, ALICE, StatusCode::OK).unwrap();
    assert_eq!(document, LocationInfo::Configuration(configuration()));
    assert_eq!(
        info.request_uri,
        Some(RequestUri::from(&bench.ues[ALICE].user))
    );
    bench.pass(Duration::from_secs(60));
    assert!(received(&mut bench, ALICE, StatusCode::OK).is_none());
    configure(&mut bench);
    bench.pass(Duration::from_secs(1));
    assert!(received(&mut bench, ALICE, StatusCode::OK).is_some());
}

#[test]
fn a_client_that_refuses_its_configuration_is_told_again_a_few_times() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    configure(&mut bench);
    let mut told = 0;
    for _ in 0..20 {
        bench.pass(Duration::from_secs(10));
        while received(&mut bench, ALICE, StatusCode::FORBIDDEN).is_some() {
            told += 1;
        }
    }
    assert_eq!(told, 4);
}

#[test]
fn a_report_is_kept_while_its_client_is_here() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let alice = bench.ues[ALICE].user.clone();
    for _ in 0..3 {
        let info = LocationInfo::Report(report(None));
        assert_eq!(send(&mut bench, ALICE, &alice, &info), (200, None));
    }
    let known = |bench: &Bench| bench.pf.application().locations_of(&alice).len();
    assert_eq!(known(&bench), 1);
    let kept = bench.pf.application().locations_of(&alice)[0].clone();
    assert_eq!(kept.report, report(None));
    bench.publish_settings(ALICE, 0, None, &Body::new());
    assert!(!bench.is_bound(ALICE));
    assert_eq!(known(&bench), 0);
}

#[test]
fn who_may_ask_is_told_and_nobody_else_is() {
    let mut bench = Bench::new();
    for index in [ALICE, BOB, CAROL] {
        bench.log_in(index);
    }
    let (alice, bob) = (bench.ues[ALICE].user.clone(), bench.ues[BOB].user.clone());
    let question = LocationInfo::Request(LocationRequest::default());
    assert_eq!(send(&mut bench, ALICE, &bob, &question), (403, Some(100)));
    assert!(bench.incoming(BOB).is_none());
    let_ask(&bench, ALICE, Permission::Granted);
    assert_eq!(send(&mut bench, ALICE, &bob, &question), (200, None));
    let id = request_of(&mut bench, BOB);
    // Carol cannot answer in place of Bob.
    let carol = bench.ues[CAROL].user.clone();
    let forged = LocationInfo::Report(report(Some(id.clone())));
    assert_eq!(send(&mut bench, CAROL, &carol, &forged), (200, None));
    assert!(bench.incoming(ALICE).is_none());
    assert_eq!(send(&mut bench, BOB, &bob, &forged), (200, None));
    let (info, answer) = received(&mut bench, ALICE, StatusCode::OK).unwrap();
    assert_eq!(info.calling_user_id, Some(bob.clone()));
    assert_eq!(answer, LocationInfo::Report(report(None)));
    // One answer for one question.
    assert_eq!(send(&mut bench, BOB, &bob, &forged), (200, None));
    assert!(bench.incoming(ALICE).is_none());
    assert_eq!(send(&mut bench, ALICE, &alice, &question), (403, Some(150)));
}

#[test]
fn a_right_that_is_taken_away_ends_what_was_asked() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.log_in(BOB);
    let bob = bench.ues[BOB].user.clone();
    let_ask(&bench, ALICE, Permission::Granted);
    let question = LocationInfo::Request(LocationRequest::default());
    assert_eq!(send(&mut bench, ALICE, &bob, &question), (200, None));
    let id = request_of(&mut bench, BOB);
    let_ask(&bench, ALICE, Permission::Refused);
    let answer = LocationInfo::Report(report(Some(id)));
    assert_eq!(send(&mut bench, BOB, &bob, &answer), (200, None));
    assert!(bench.incoming(ALICE).is_none());
}

#[test]
fn questions_are_bounded_and_an_absent_user_is_not_found() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let_ask(&bench, ALICE, Permission::Granted);
    let bob = bench.ues[BOB].user.clone();
    let question = LocationInfo::Request(LocationRequest::default());
    assert_eq!(send(&mut bench, ALICE, &bob, &question), (404, None));
    bench.log_in(BOB);
    for _ in 0..16 {
        assert_eq!(send(&mut bench, ALICE, &bob, &question), (200, None));
        request_of(&mut bench, BOB);
    }
    assert_eq!(send(&mut bench, ALICE, &bob, &question), (500, None));
    bench.pass(Duration::from_secs(31));
    assert_eq!(send(&mut bench, ALICE, &bob, &question), (200, None));
}

#[test]
fn clients_do_not_configure_and_other_bodies_are_not_taken() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let alice = bench.ues[ALICE].user.clone();
    let info = LocationInfo::Configuration(configuration());
    assert_eq!(send(&mut bench, ALICE, &alice, &info), (403, Some(100)));
    let documents = Body::new().with_document(&bench.ues[ALICE].own_info());
    let body = bench.protect(ALICE, documents);
    let request = bench.request(ALICE, Method::Message, &[], &body);
    let response = bench.send_request(ALICE, request).unwrap();
    assert_eq!(outcome(&response), (415, None));
    // Nobody is bound to Bob's identity.
    let request = bench.request(BOB, Method::Message, &[], &Body::new());
    bench.register(BOB);
    let response = bench.send_request(BOB, request).unwrap();
    assert_eq!(outcome(&response), (404, Some(141)));
    assert!(bench.pf.application().bound(&impu(BOB)).is_none());
}

/// A document that leaves as it is, signed only.
fn send_in_clear(bench: &mut Bench, index: usize, document: &str) -> (u16, Option<u16>) {
    let csk = bench.ues[index].csk.clone().unwrap();
    let hop = csk.sending(Protection::IntegrityOnly, DOMAIN);
    let part = Part::new(media_type::LOCATION_INFO, document.as_bytes().to_vec());
    let body = Body::new()
        .with(part)
        .protected(&hop, &mut bench.random)
        .unwrap();
    let request = bench.request(index, Method::Message, &[], &body);
    outcome(&bench.send_request(index, request).unwrap())
}

#[test]
fn a_location_in_clear_or_out_of_its_place_is_refused_and_counted() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let clear = LocationInfo::Report(report(None)).write();
    assert_eq!(send_in_clear(&mut bench, ALICE, &clear), (403, Some(140)));
    let nowhere = LocationInfo::Report(LocationReport::default()).write();
    assert_eq!(send_in_clear(&mut bench, ALICE, &nowhere), (200, None));
    let misplaced = nowhere.replace("ReportType=", "longitude=\"11.57\" ReportType=");
    assert_eq!(
        send_in_clear(&mut bench, ALICE, &misplaced),
        (403, Some(140))
    );
    let refused = bench.pf.application().refused_bodies();
    assert_eq!((refused.in_clear, refused.misplaced), (1, 1));
}

#[test]
fn the_location_in_an_invitation_is_kept_and_a_bad_one_does_not_hold_up_the_call() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    let good = LocationInfo::Report(report(None)).write();
    for (document, known) in [("<location-info/>", 0), (good.as_str(), 1)] {
        let part = Part::new(media_type::LOCATION_INFO, document.as_bytes().to_vec());
        let body = bench.group_invite_body(ALICE, FloorParameters::default());
        let body = bench.protect(ALICE, body.with(part));
        let handle = bench.invite(ALICE, &[], &body);
        let incoming = bench.invited(BOB);
        bench.accept(BOB, &incoming);
        let dialog = bench.connect(ALICE, handle);
        let kept = bench.pf.application().locations_of(&bench.ues[ALICE].user);
        assert_eq!(kept.len(), known);
        bench.hang_up(ALICE, dialog);
        bench.was_hung_up(BOB);
    }
}

#[test]
fn the_service_configuration_switches_each_protection_and_absent_means_on() {
    for confidentiality in [None, Some(true), Some(false)] {
        for integrity in [None, Some(true), Some(false)] {
            let configuration = ServiceConfiguration {
                confidentiality,
                integrity,
                ..ServiceConfiguration::default()
            };
            let mut bench = Bench::with(|settings| settings.follow(&configuration), |_| {});
            bench.log_in(ALICE);
            let document = LocationInfo::Report(report(None)).write();
            let signed = send_in_clear(&mut bench, ALICE, &document);
            let hides = confidentiality != Some(false);
            let expected = if hides { (403, Some(140)) } else { (200, None) };
            assert_eq!(signed, expected, "{confidentiality:?}");
            let csk = bench.ues[ALICE].csk.clone().unwrap();
            let hop = csk.sending(Protection::ConfidentialityOnly, DOMAIN);
            let documents = Body::new().with_document(&LocationInfo::Report(report(None)));
            let body = documents.protected(&hop, &mut bench.random).unwrap();
            let request = bench.request(ALICE, Method::Message, &[], &body);
            let unsigned = outcome(&bench.send_request(ALICE, request).unwrap());
            let expected = if integrity == Some(false) {
                (200, None)
            } else {
                (403, Some(139))
            };
            assert_eq!(unsigned, expected, "{integrity:?}");
        }
    }
}
