//! What a UE says when something is missing, and what it answers to requests that no server of its sends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::time::Duration;
use roger_base::{PurposeTag, UnixTime};
use roger_call::feature::media_type;
use roger_call::warning::WarningCode;
use roger_call::{answer::warning_of, request};
use roger_keys::Gmk;
use roger_mikey::{CreateGroupKey, CreateOptions, KeyParameters};
use roger_sip::endpoint::{Output, Target};
use roger_sip::message::{HeaderName, Method, Response};
use roger_testkit_simulator::{GMS, HostId, Setup, System, group, group_document, user};
use roger_ue::client::{
    Authorisation, Button, CallNumber, Commencement, GroupKeyState, Refusal, UeEvent, UeInput,
};

fn system(seed: u64) -> System {
    let mut system = System::new(&Setup::new(seed, &["alice", "mallory"]));
    system.put_group(&group_document(&group("fire-1"), &["alice"]));
    system
}

/// The last reason that needed no server.
fn local(system: &System) -> String {
    let reason = |event: &UeEvent| match event {
        UeEvent::NotAuthorised(Refusal::Local(text))
        | UeEvent::NotWatching(Refusal::Local(text))
        | UeEvent::NotAffiliated(Refusal::Local(text))
        | UeEvent::NotRegistered(Refusal::Local(text))
        | UeEvent::CallFailed(_, Refusal::Local(text)) => Some(text.clone()),
        _ => None,
    };
    system.events("alice").filter_map(reason).last().unwrap()
}

#[test]
fn without_a_user_everything_says_log_in_first() {
    let mut system = system(1);
    let inputs: [fn() -> UeInput; 4] = [
        || UeInput::Register(Authorisation::InRegister),
        || UeInput::Publish,
        || UeInput::WatchGroups(vec![group("fire-1")]),
        || UeInput::CallUser(user("bob"), Commencement::Automatic),
    ];
    for input in inputs {
        system.forget("alice");
        system.input("alice", input());
        assert_eq!(local(&system), "log in first: there is no user yet");
    }
}

#[test]
fn without_an_authorisation_calls_and_affiliations_say_so() {
    let mut system = system(2);
    system.log_in("alice");
    system.register("alice", Authorisation::None);
    for input in [
        UeInput::CallGroup(group("fire-1")),
        UeInput::Affiliate(vec![group("fire-1")]),
    ] {
        system.forget("alice");
        system.input("alice", input);
        assert_eq!(
            local(&system),
            "authorise first: there is no client-server key yet"
        );
    }
    assert_eq!(
        system.open_sockets(system.host("alice")),
        0,
        "nothing is left open"
    );
}

#[test]
fn without_keys_of_the_period_it_says_fetch_keys_first() {
    let mut system = system(3);
    let mut alice = system.user("alice");
    let past = UnixTime(system.utc().0 - 40 * 24 * 3600);
    alice.key_sets = vec![system.domain().key_set_at(user("alice").as_str(), past)];
    system.input("alice", UeInput::User(Box::new(alice)));
    system.input("alice", UeInput::Publish);
    assert!(local(&system).starts_with("fetch keys first"));
}

#[test]
fn inputs_for_calls_that_are_not_there_change_nothing() {
    let mut system = system(4);
    let nowhere = CallNumber(99);
    for input in [
        UeInput::Accept(nowhere),
        UeInput::HangUp(nowhere),
        UeInput::Ptt(nowhere, Button::Pressed),
        UeInput::Speech(nowhere, vec![0; 34]),
        UeInput::LogOff,
    ] {
        system.input("alice", input);
    }
    system.run(Duration::from_secs(1));
    assert!(
        system.timeline("alice").is_empty(),
        "{:?}",
        system.timeline("alice")
    );
}

#[test]
fn a_registration_that_is_refused_or_not_answered_is_told() {
    let mut system = system(5);
    system.on_sip(|_| roger_testkit_simulator::SipFate::Drop);
    system.input("alice", UeInput::Register(Authorisation::None));
    system.run(Duration::from_secs(60));
    assert!(system.told("alice", |event| {
        *event == UeEvent::NotRegistered(Refusal::NoAnswer)
    }));
    system.leave_alone();
    system.register("alice", Authorisation::None);
    assert!(system.told("alice", |event| *event == UeEvent::Registered));
}

#[test]
fn an_authorisation_that_is_not_answered_can_be_tried_again() {
    let mut system = system(6);
    system.log_in("alice");
    system.register("alice", Authorisation::None);
    let alice = system.host("alice");
    system.on_sip(move |message| {
        if message.from == alice {
            return roger_testkit_simulator::SipFate::Drop;
        }
        roger_testkit_simulator::SipFate::Pass
    });
    system.publish("alice");
    system.run(Duration::from_secs(60));
    assert!(system.told("alice", |event| {
        *event == UeEvent::NotAuthorised(Refusal::NoAnswer)
    }));
    system.leave_alone();
    system.publish("alice");
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
}

#[test]
fn a_registration_is_refreshed_before_it_ends() {
    let mut system = system(7);
    system.log_in("alice");
    system.register("alice", Authorisation::InRegister);
    system.publish("alice");
    system.run(Duration::from_secs(3 * 3600));
    let registered = |event: &&UeEvent| **event == UeEvent::Registered;
    assert_eq!(system.events("alice").filter(registered).count(), 4);
    let impu = system.impu("alice");
    assert!(
        system.participating_function().bound(&impu).is_some(),
        "a refresh logs nobody off"
    );
}

// Strange requests ----------------------------------------------------------------------------------------------

/// Sends a request straight to Alice's UE; gives its final answer.
fn strange(
    system: &mut System,
    from: HostId,
    method: Method,
    body: Option<(&str, Vec<u8>)>,
) -> Response {
    let target = Target::tcp(System::sip_address(system.host("alice")));
    let to = system.impu("alice");
    system.with_bare(from, |endpoint, now, random| {
        let psi = "sip:mcptt-pf@mcptt.example.org";
        let trust = request::Trust::Asserted;
        let mut builder = request::start(method, to.as_str(), psi, trust, random)
            .unwrap()
            .header(
                HeaderName::CONTACT,
                "<sip:m@10.0.0.6:5060;transport=tcp>;isfocus",
            )
            .header(HeaderName::EVENT, "xcap-diff")
            .header(HeaderName::SUBSCRIPTION_STATE, "active");
        if let Some((content_type, octets)) = body {
            builder = builder.body(content_type, octets);
        }
        let request = builder.build().unwrap();
        endpoint.send_request(now, random, request, target).unwrap();
    });
    system.run(Duration::from_secs(1));
    let last = system
        .take_bare(from)
        .into_iter()
        .filter_map(|output| match output {
            Output::Response(answer) if answer.response.status().is_final() => {
                Some(answer.response)
            }
            _ => None,
        });
    last.last().unwrap()
}

fn with_mallory(seed: u64) -> (System, HostId) {
    let mut system = system(seed);
    system.bring_up(&["alice"], &[&group("fire-1")]);
    let mallory = system.replace_by_bare("mallory");
    system.forget("alice");
    (system, mallory)
}

#[test]
fn requests_that_no_server_sends_are_answered_by_the_book() {
    let (mut system, mallory) = with_mallory(10);
    let cases = [
        (Method::Options, 200),
        (Method::Bye, 481),
        (Method::Notify, 481),
        (Method::Message, 415),
        (Method::Subscribe, 405),
        (Method::Publish, 405),
    ];
    for (method, status) in cases {
        let name = method.to_string();
        let answer = strange(&mut system, mallory, method, None);
        assert_eq!(answer.status().as_u16(), status, "{name}");
    }
    assert!(system.timeline("alice").is_empty());
}

#[test]
fn an_invitation_that_is_not_protected_is_refused_and_rings_nobody() {
    let (mut system, mallory) = with_mallory(11);
    let info = br#"<?xml version="1.0"?><mcpttinfo xmlns="urn:3gpp:ns:mcpttInfo:1.0"><mcptt-Params><session-type>prearranged</session-type></mcptt-Params></mcpttinfo>"#;
    for body in [
        None,
        Some((media_type::SDP, b"v=0\r\n".to_vec())),
        Some((media_type::MCPTT_INFO, info.to_vec())),
        Some((media_type::MCPTT_INFO, b"<".to_vec())),
        Some(("multipart/mixed; boundary=x", b"--x\r\n".to_vec())),
    ] {
        let answer = strange(&mut system, mallory, Method::Invite, body);
        assert!(!answer.status().is_success());
    }
    assert!(
        system.timeline("alice").is_empty(),
        "{:?}",
        system.timeline("alice")
    );
    assert_eq!(system.open_sockets(system.host("alice")), 0);
}

/// A key message in a MESSAGE, signed by somebody.
fn key_message(system: &mut System, signer: &str) -> (Gmk, Vec<u8>) {
    let gmk = Gmk::random(system.random()).unwrap();
    let now = system.utc();
    let keys = system.domain().key_set_at(signer, now);
    let kms = system.domain().kms().clone();
    let parameters = KeyParameters {
        groups: Some(vec![group("fire-1")]),
        ..KeyParameters::new(PurposeTag::Gmk)
    };
    let message = CreateGroupKey {
        gmk: &gmk,
        member: &user("alice"),
        member_domain: &kms,
        gms: &keys,
        parameters: &parameters,
        now: now.to_ntp(),
        options: CreateOptions::GROUP_KEY,
    };
    let message = message.build(system.random()).unwrap();
    (gmk, message)
}

#[test]
fn a_key_in_a_message_is_taken_of_the_group_management_server_only() {
    let (mut system, mallory) = with_mallory(12);
    let (_, forged) = key_message(&mut system, user("mallory").as_str());
    let body = Some((media_type::MIKEY, forged));
    let answer = strange(&mut system, mallory, Method::Message, body);
    assert_eq!(answer.status().as_u16(), 488);
    assert_eq!(
        warning_of(answer.headers()),
        Some(WarningCode::MIKEY_AUTHENTICATION_FAILED)
    );
    let (gmk, good) = key_message(&mut system, GMS);
    let answer = strange(
        &mut system,
        mallory,
        Method::Message,
        Some((media_type::MIKEY, good)),
    );
    assert_eq!(answer.status().as_u16(), 200, "whoever carries it");
    assert_eq!(system.keys_told("alice", GroupKeyState::Valid), [gmk.id()]);
}

#[test]
fn a_key_message_is_taken_once() {
    let (mut system, mallory) = with_mallory(13);
    let (_, good) = key_message(&mut system, GMS);
    let body = || Some((media_type::MIKEY, good.clone()));
    assert_eq!(
        strange(&mut system, mallory, Method::Message, body())
            .status()
            .as_u16(),
        200
    );
    assert_eq!(
        strange(&mut system, mallory, Method::Message, body())
            .status()
            .as_u16(),
        488
    );
}
