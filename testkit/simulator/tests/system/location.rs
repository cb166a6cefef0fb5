//! Where users are: triggers, requests, and nothing of it on the wire (TS 24.379 cl. 13, TS 33.180 cl. 9.3).

use crate::common::*;
use roger_call::protection::Protection;
use roger_call::warning::WarningCode;
use roger_documents::location_info::{
    Coordinate, Location, LocationConfiguration, LocationReport, ReportContent, SignallingEvent,
    Trigger, TriggerEvent,
};
use roger_documents::service_config::ServiceConfiguration;
use roger_mcptt::participating::ParticipatingInput;
use roger_mcptt::ports::Permission;
use roger_sip::message::Method;
use roger_testkit_simulator::{Setup, System, user};
use roger_ue::client::{
    FloorControlProtection, IdentityHiding, Position, Refusal, UeEvent, UeInput,
};

const CELL: &str = "26201ABCDEF01";

fn here(north: f64) -> Position {
    Position {
        location: Location {
            serving_ecgi: Some(CELL.to_owned()),
            coordinate: Coordinate::from_degrees(north, 11.576_124),
        },
        tracking_area: None,
        plmn: None,
    }
}

fn configuration() -> LocationConfiguration {
    let trigger = |id: &str, event| Trigger {
        id: id.to_owned(),
        event,
    };
    let content = ReportContent {
        serving_ecgi: true,
        coordinate: true,
        minimum_interval: seconds(1),
    };
    LocationConfiguration {
        normal: content,
        emergency: content,
        triggers: vec![
            trigger(
                "log-on",
                TriggerEvent::Signalling(SignallingEvent::InitialLogOn),
            ),
            trigger("minute", TriggerEvent::Periodic(seconds(60))),
            trigger("moved", TriggerEvent::TravelledDistance(500)),
            trigger("call", TriggerEvent::Signalling(SignallingEvent::GroupCall)),
        ],
        ..LocationConfiguration::default()
    }
}

fn permit(system: &System, name: &str) {
    let mut directory = system.directory();
    let profile = directory.profiles.get_mut(&user(name)).unwrap();
    profile.request_location_of_others = Permission::Granted;
}

fn kept(system: &System, name: &str) -> Option<LocationReport> {
    let known = system.participating_function().locations_of(&user(name));
    known.first().map(|known| known.report.clone())
}

fn reports(system: &System) -> usize {
    let messages = &system.wire().sip;
    let from_ue = |message: &&roger_testkit_simulator::SipMessage| {
        message.is(&Method::Message)
            && message.to == System::core()
            && message.from == system.host("alice")
    };
    messages.iter().filter(from_ue).count()
}

fn with_locations(setup: &Setup) -> System {
    let mut system = with_setup(setup);
    let configured = ParticipatingInput::LocationConfiguration(Box::new(configuration()));
    system.tell_participating(configured);
    system
}

#[test]
fn a_ue_reports_its_log_on_its_way_its_calls_and_every_minute() {
    let mut system = with_locations(&Setup::new(1, &["alice", "bob", "carol", "dave"]));
    system.input("alice", UeInput::Position(here(48.137)));
    system.bring_up(&["alice", "bob"], &[&fire()]);
    system.run(seconds(5));
    assert_eq!(kept(&system, "alice").unwrap().triggers, ["log-on"]);
    assert_eq!(kept(&system, "bob"), None, "it does not know where it is");
    system.input("alice", UeInput::Position(here(48.138)));
    system.run(seconds(2));
    assert_eq!(reports(&system), 1, "100 m are not 500");
    system.input("alice", UeInput::Position(here(48.145)));
    system.run(seconds(2));
    let moved = kept(&system, "alice").unwrap();
    assert_eq!(moved.triggers, ["moved"]);
    assert_eq!(moved.location, here(48.145).location);
    system.call_group("alice", &fire());
    system.run(seconds(2));
    assert_eq!(kept(&system, "alice").unwrap().triggers, ["call"]);
    system.hang_up("alice");
    let before = reports(&system);
    system.run(seconds(180));
    assert_eq!(kept(&system, "alice").unwrap().triggers, ["minute"]);
    assert_eq!(reports(&system) - before, 3);
}

/// Everything about locations that users and servers do.
fn story(protection: Protection) -> System {
    let setup = Setup {
        protection,
        floor_protection: FloorControlProtection::On,
        hiding: IdentityHiding::On,
        ..Setup::new(2, &["alice", "bob", "carol", "dave"])
    };
    let mut system = with_locations(&setup);
    system.input("alice", UeInput::Position(here(48.137_154)));
    system.bring_up(&["alice", "bob"], &[&fire()]);
    system.run(seconds(70));
    permit(&system, "bob");
    system.input("bob", UeInput::AskLocation(user("alice")));
    system.run(seconds(2));
    system.tell_participating(ParticipatingInput::RequestLocation(user("alice")));
    system.run(seconds(2));
    system
}

#[test]
fn a_user_who_may_asks_and_is_told_and_the_wire_says_nothing() {
    let location = here(48.137_154).location;
    let code = location.coordinate.unwrap();
    let secrets = [
        CELL.to_owned(),
        code.latitude_code().to_string(),
        code.longitude_code().to_string(),
        user("alice").as_str().to_owned(),
    ];
    for protection in [
        Protection::Full,
        Protection::ConfidentialityOnly,
        Protection::IntegrityOnly,
        Protection::Off,
    ] {
        let system = story(protection);
        let told = system.told("bob", |event| {
            matches!(event, UeEvent::LocationOf(who, report)
                if *who == user("alice") && report.location == location)
        });
        assert!(told, "{protection:?}");
        for secret in &secrets {
            let mentions = system.wire().sip_mentions(secret);
            let clear = !protection.encrypts();
            assert_eq!(mentions > 0, clear, "{secret}: {mentions} {protection:?}");
        }
    }
}

#[test]
fn who_may_not_ask_is_told_so_and_nobody_is_asked() {
    let mut system = with_locations(&Setup::new(3, &["alice", "bob", "carol", "dave"]));
    system.bring_up(&["alice", "bob"], &[&fire()]);
    system.run(seconds(5));
    let to_alice = |system: &System| {
        let messages = system.wire().sip.iter();
        messages
            .filter(|message| message.to == system.host("alice") && message.is(&Method::Message))
            .count()
    };
    let before = to_alice(&system);
    system.input("bob", UeInput::AskLocation(user("alice")));
    system.run(seconds(2));
    assert_eq!(to_alice(&system), before);
    let refused = system.told("bob", |event| {
        matches!(event, UeEvent::NoLocation(Refusal::Answered { warning, .. })
            if *warning == Some(WarningCode::FUNCTION_NOT_ALLOWED))
    });
    assert!(refused);
}

#[test]
fn nothing_is_reported_after_the_log_off() {
    let mut system = with_locations(&Setup::new(4, &["alice", "bob", "carol", "dave"]));
    system.input("alice", UeInput::Position(here(48.137)));
    system.bring_up(&["alice"], &[&fire()]);
    system.run(seconds(5));
    system.input("alice", UeInput::LogOff);
    system.run(seconds(5));
    let before = reports(&system);
    system.input("alice", UeInput::Position(here(49.0)));
    system.run(seconds(300));
    assert_eq!(reports(&system), before);
    assert_eq!(kept(&system, "alice"), None);
}

#[test]
fn a_ue_follows_the_service_configuration_once_it_has_it() {
    let mut system = with_locations(&Setup::new(5, &["alice", "bob", "carol", "dave"]));
    system.input("alice", UeInput::Position(here(48.137)));
    system.bring_up(&["alice"], &[&fire()]);
    system.run(seconds(5));
    let follow = |system: &mut System, on| {
        let configuration = ServiceConfiguration {
            confidentiality: on,
            integrity: on,
            ..ServiceConfiguration::default()
        };
        let input = UeInput::ServiceConfiguration(Box::new(configuration));
        system.input("alice", input);
    };
    let reported_from = |system: &mut System, north| {
        system.input("alice", UeInput::Position(here(north)));
        system.run(seconds(5));
        kept(system, "alice").unwrap().location == here(north).location
    };
    // The server protects still, so it does not take what comes in clear.
    follow(&mut system, Some(false));
    assert!(!reported_from(&mut system, 48.2));
    assert!(system.wire().sip_mentions(CELL) > 0);
    follow(&mut system, None);
    assert!(reported_from(&mut system, 48.3));
}
