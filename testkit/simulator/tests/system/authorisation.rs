//! Service authorisation and the life of a CSK, UE and servers together (TS 24.379 cl. 7; TS 33.180 cl. 5.4, 5.8).

use crate::common::*;
use roger_base::{KeyId, NtpTime, PurposeTag, SecretBytes};
use roger_call::answer::warning_of;
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::protection::Protection;
use roger_call::request;
use roger_call::service_authorisation::BoundCsk;
use roger_call::warning::WarningCode;
use roger_documents::poc_settings::AnswerMode;
use roger_floor::field::GrantedPartysIdentity;
use roger_floor::{FloorMessage, FloorTaken, Ssrc};
use roger_keys::{Csk, KeyMaterial, Mkfc, Musik};
use roger_mcptt::participating::ParticipatingInput;
use roger_mikey::{CreateKeyDownload, CreateOptions, KeyParameters, Status};
use roger_sip::endpoint::{Output, Target};
use roger_sip::message::{HeaderName, Method};
use roger_testkit_simulator::{
    DOMAIN, GMS, HostId, Setup, SipFate, SipMessage, System, bodies, user, with_body,
};
use roger_ue::client::{
    Authorisation, CallNumber, FloorControlProtection, Refusal, ServerKey, UeEvent, UeInput,
};
use std::cell::Cell;
use std::rc::Rc;

fn csk(system: &System, name: &str) -> Option<BoundCsk> {
    system.client(name).client_server_key().cloned()
}

fn csk_id(system: &System, name: &str) -> Option<KeyId> {
    csk(system, name).map(|csk| csk.csk.id())
}

fn bound(system: &System, name: &str) -> bool {
    let impu = system.impu(name);
    system.participating_function().bound(&impu).is_some()
}

fn authorisations(system: &System, name: &str) -> usize {
    let is_one = |event: &&UeEvent| **event == UeEvent::Authorised;
    system.events(name).filter(is_one).count()
}

/// Requests of a method that a user has sent so far.
fn sent(system: &System, name: &str, method: &Method) -> usize {
    let host = system.host(name);
    let own = |message: &&SipMessage| message.from == host && message.is(method);
    system.wire().sip.iter().filter(own).count()
}

fn server_keys(system: &System, name: &str) -> Vec<ServerKey> {
    let key = |event: &UeEvent| match event {
        UeEvent::ServerKey(key) => Some(key.clone()),
        _ => None,
    };
    system.events(name).filter_map(key).collect()
}

/// Alice has the floor of a call with Bob and says something, which he hears.
fn talk(system: &mut System) {
    system.press("alice");
    let said = system.speak("alice", 3);
    system.release("alice");
    let heard = system.words("bob");
    assert!(heard.ends_with(&said), "{heard:?} {said:?}");
}

fn in_call(seed: u64) -> System {
    let mut system = ready(seed, &["alice", "bob"]);
    system.call_group("alice", &fire());
    system.release("alice");
    talk(&mut system);
    system
}

// Tokens -------------------------------------------------------------------------------------------------------

#[test]
fn a_fresh_token_is_shown_at_once_under_a_new_csk_and_the_call_goes_on() {
    let mut system = in_call(401);
    let old = csk_id(&system, "alice");
    system.renew_token("alice");
    let before = authorisations(&system, "alice");
    system.log_in("alice");
    system.run(seconds(1));
    assert_eq!(authorisations(&system, "alice"), before + 1);
    let new = csk_id(&system, "alice");
    assert_ne!(new, old);
    talk(&mut system);
    // Keys of a new period with the same token are no news for the server.
    let before = sent(&system, "alice", &Method::Publish);
    system.log_in("alice");
    system.run(seconds(1));
    assert_eq!(sent(&system, "alice", &Method::Publish), before);
}

#[test]
fn a_token_before_the_authorisation_publishes_nothing() {
    let mut system = system(402);
    system.register("alice", Authorisation::None);
    system.log_in("alice");
    system.run(seconds(1));
    assert_eq!(sent(&system, "alice", &Method::Publish), 0);
}

#[test]
fn a_refused_token_is_not_shown_again_and_the_next_one_is() {
    let mut system = system(403);
    let good = system.user("alice");
    let mut bad = system.user("alice");
    bad.token = SecretBytes::new(b"eyJ.no.token".to_vec());
    system.input("alice", UeInput::User(Box::new(bad)));
    system.register("alice", Authorisation::None);
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (403, Some(101)));
    let before = sent(&system, "alice", &Method::Publish);
    system.publish("alice");
    assert_eq!(sent(&system, "alice", &Method::Publish), before);
    assert!(system.told("alice", |event| matches!(
        event,
        UeEvent::NotAuthorised(Refusal::Local(text)) if text.contains("log in again")
    )));
    // A registration waits for no token and shows none that was refused.
    system.forget("alice");
    system.register("alice", Authorisation::InRegister);
    assert!(system.told("alice", |event| *event == UeEvent::Registered));
    let way = (system.host("alice"), System::core());
    let register = last_request(&system, way, &Method::Register);
    assert!(register.request().unwrap().body().is_empty());
    system.input("alice", UeInput::User(Box::new(good)));
    system.publish("alice");
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
}

/// The participating function answers the next PUBLISH with this instead of 200.
fn spoil_next_answer(system: &mut System, status_line: &'static str) {
    let spoilt = Rc::new(Cell::new(false));
    system.on_sip(move |message| {
        let text = String::from_utf8_lossy(&message.octets);
        let fits = message.from == System::participating()
            && text.starts_with("SIP/2.0 200")
            && text.contains("PUBLISH");
        if !fits || spoilt.replace(true) {
            return SipFate::Pass;
        }
        let rest = text.split_once("\r\n").unwrap().1;
        SipFate::Replace(format!("{status_line}\r\n{rest}").into_bytes())
    });
}

#[test]
fn a_server_that_says_when_to_come_again_is_obeyed() {
    let mut system = system(404);
    system.log_in("alice");
    system.register("alice", Authorisation::None);
    spoil_next_answer(
        &mut system,
        "SIP/2.0 503 Service Unavailable\r\nRetry-After: 7",
    );
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (503, None));
    assert_eq!(sent(&system, "alice", &Method::Publish), 1);
    system.run(seconds(6));
    assert_eq!(sent(&system, "alice", &Method::Publish), 1);
    system.run(seconds(2));
    assert_eq!(sent(&system, "alice", &Method::Publish), 2);
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
}

#[test]
fn without_a_time_or_after_another_refusal_nothing_is_tried_again() {
    for (seed, line) in [
        (405, "SIP/2.0 503 Service Unavailable"),
        (406, "SIP/2.0 403 Forbidden\r\nRetry-After: 1"),
    ] {
        let mut system = system(seed);
        system.log_in("alice");
        system.register("alice", Authorisation::None);
        spoil_next_answer(&mut system, line);
        system.publish("alice");
        system.run(seconds(60));
        assert_eq!(sent(&system, "alice", &Method::Publish), 1, "{line}");
    }
}

#[test]
fn a_core_that_says_when_to_come_again_is_obeyed() {
    let mut system = system(409);
    let (core, alice) = (System::core(), system.host("alice"));
    let spoilt = Rc::new(Cell::new(false));
    system.on_sip(move |message| {
        let text = String::from_utf8_lossy(&message.octets);
        let fits = (message.from, message.to) == (core, alice) && text.starts_with("SIP/2.0 200");
        if !fits || spoilt.replace(true) {
            return SipFate::Pass;
        }
        let rest = text.split_once("\r\n").unwrap().1;
        let line = "SIP/2.0 503 Service Unavailable\r\nRetry-After: 9";
        SipFate::Replace(format!("{line}\r\n{rest}").into_bytes())
    });
    system.register("alice", Authorisation::None);
    assert!(!system.told("alice", |event| *event == UeEvent::Registered));
    system.run(seconds(8));
    assert!(!system.told("alice", |event| *event == UeEvent::Registered));
    system.run(seconds(2));
    assert!(system.told("alice", |event| *event == UeEvent::Registered));
}

#[test]
fn a_ue_leaves_mcptt_and_stays_registered() {
    let mut system = ready(410, &["alice"]);
    system.forget("alice");
    system.input("alice", UeInput::LogOffFromMcptt);
    system.run(seconds(1));
    assert!(system.told("alice", |event| *event == UeEvent::Registered));
    assert!(!bound(&system, "alice"));
    assert!(csk(&system, "alice").is_none());
    let way = (system.host("alice"), System::core());
    let register = last_request(&system, way, &Method::Register);
    let contact = register.request().unwrap();
    let contact = contact
        .headers()
        .text(HeaderName::CONTACT)
        .unwrap()
        .into_owned();
    assert!(!contact.contains("mcptt"), "{contact}");
    // The refresh keeps it so; the next log-in begins anew.
    system.run(seconds(3_000));
    let refresh = last_request(&system, way, &Method::Register);
    assert!(refresh.at > register.at);
    let text = String::from_utf8_lossy(&refresh.octets).into_owned();
    assert!(!text.contains("+g.3gpp.mcptt"), "{text}");
    system.bring_up(&["alice"], &[&fire()]);
    assert!(bound(&system, "alice"));
}

#[test]
fn where_nothing_is_protected_a_token_is_enough() {
    let mut setup = Setup::new(416, &["alice", "bob"]);
    setup.protection = Protection::Off;
    setup.floor_protection = FloorControlProtection::Off;
    let mut system = with_setup(&setup);
    let mut alice = system.user("alice");
    alice.key_sets.clear();
    system.input("alice", UeInput::User(Box::new(alice)));
    system.register("alice", Authorisation::InRegister);
    assert!(bound(&system, "alice"));
    system.publish("alice");
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
    system.forget("alice");
    system.input("alice", UeInput::AnswerMode(AnswerMode::Manual));
    system.run(seconds(1));
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
    assert!(csk(&system, "alice").is_none());
    // Where something is, it is not.
    let mut system = self::system(417);
    let mut alice = system.user("alice");
    alice.key_sets.clear();
    system.input("alice", UeInput::User(Box::new(alice)));
    system.register("alice", Authorisation::None);
    system.publish("alice");
    assert_eq!(sent(&system, "alice", &Method::Publish), 0);
}

// Settings -----------------------------------------------------------------------------------------------------

#[test]
fn another_answer_mode_is_told_with_the_entity_tag_and_without_the_token() {
    let mut system = ready(407, &["alice"]);
    system.input("alice", UeInput::WatchSettings);
    system.run(seconds(1));
    system.forget("alice");
    system.input("alice", UeInput::AnswerMode(AnswerMode::Manual));
    system.run(seconds(1));
    let way = (system.host("alice"), System::core());
    let publish = last_request(&system, way, &Method::Publish);
    let request = publish.request().unwrap();
    assert!(request.headers().contains(HeaderName::SIP_IF_MATCH));
    assert!(bodies(&publish).part(media_type::MIKEY).is_none());
    assert!(system.told("alice", |event| matches!(
        event,
        UeEvent::Settings(settings) if settings.answer_mode == Some(AnswerMode::Manual)
    )));
    system.input("alice", UeInput::LogOff);
    system.run(seconds(1));
    assert!(!bound(&system, "alice"));
    assert!(csk(&system, "alice").is_none());
}

#[test]
fn a_publication_that_the_server_grants_for_a_while_is_refreshed() {
    let mut system = system(408);
    system.log_in("alice");
    system.register("alice", Authorisation::None);
    let alice = system.host("alice");
    // Somebody on the way grants ten minutes only.
    system.on_sip(move |message| {
        let text = String::from_utf8_lossy(&message.octets);
        if message.to != alice || !text.contains("Expires: 4294967295") {
            return SipFate::Pass;
        }
        let shorter = text.replace("Expires: 4294967295", "Expires: 600");
        SipFate::Replace(shorter.into_bytes())
    });
    system.publish("alice");
    system.run(seconds(610));
    assert!(sent(&system, "alice", &Method::Publish) >= 2);
    let way = (alice, System::core());
    let refresh = last_request(&system, way, &Method::Publish);
    let refresh = refresh.request().unwrap();
    assert!(refresh.body().is_empty());
    assert!(refresh.headers().contains(HeaderName::SIP_IF_MATCH));
}

// Keys of the server -------------------------------------------------------------------------------------------

#[test]
fn a_csk_of_the_server_replaces_that_of_the_client_in_a_running_call() {
    let mut system = in_call(411);
    for name in ["alice", "bob"] {
        let old = csk_id(&system, name);
        system.order(ParticipatingInput::RenewKeys(user(name)));
        let new = csk_id(&system, name);
        assert_ne!(new, old);
        assert_eq!(server_keys(&system, name), [ServerKey::Csk(new.unwrap())]);
        talk(&mut system);
    }
    system.forget("alice");
    system.input("alice", UeInput::AnswerMode(AnswerMode::Manual));
    system.run(seconds(1));
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
    // The old keys are forgotten in time, and nothing breaks by it.
    system.run(seconds(310));
    system.call_user("bob", "alice", roger_ue::client::Commencement::Manual);
    assert!(system.told("alice", |event| matches!(
        event,
        UeEvent::IncomingCall { .. }
    )));
}

/// Alice took a CSK and the server never heard that she did: six minutes later each has another one.
fn out_of_step(seed: u64) -> System {
    let mut system = ready(seed, &["alice", "bob"]);
    let alice = system.host("alice");
    system.on_sip(move |message| {
        let text = String::from_utf8_lossy(&message.octets);
        let answer = text.starts_with("SIP/2.0") && text.contains(" MESSAGE\r\n");
        match answer && message.from == alice {
            true => SipFate::Drop,
            false => SipFate::Pass,
        }
    });
    let old = csk_id(&system, "alice");
    system.order(ParticipatingInput::RenewKeys(user("alice")));
    system.run(seconds(360));
    assert_ne!(csk_id(&system, "alice"), old);
    system.leave_alone();
    system.forget("alice");
    system
}

fn is_in_a_call(system: &System, name: &str) -> bool {
    system.told(name, |event| matches!(event, UeEvent::CallEstablished(_)))
}

#[test]
fn a_client_whose_request_does_not_open_brings_a_new_key() {
    let mut system = out_of_step(430);
    system.input("alice", UeInput::CallGroup(fire()));
    system.run(seconds(3));
    assert!(system.told("alice", |event| matches!(
        event,
        UeEvent::CallFailed(
            _,
            Refusal::Answered {
                warning: Some(WarningCode(139)),
                ..
            }
        )
    )));
    system.call_group("alice", &fire());
    assert!(is_in_a_call(&system, "alice") && is_in_a_call(&system, "bob"));
}

#[test]
fn a_client_that_cannot_open_an_invitation_brings_a_new_key() {
    let mut system = out_of_step(431);
    system.input("bob", UeInput::CallGroup(fire()));
    system.run(seconds(3));
    assert!(!is_in_a_call(&system, "alice"));
    system.call_group("bob", &fire());
    assert!(is_in_a_call(&system, "alice") && is_in_a_call(&system, "bob"));
}

#[test]
fn settings_that_do_not_open_bring_a_new_key() {
    let mut system = out_of_step(432);
    let before = authorisations(&system, "alice");
    system.input("alice", UeInput::AnswerMode(AnswerMode::Manual));
    system.run(seconds(3));
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
    assert_eq!(authorisations(&system, "alice"), before + 1);
}

#[test]
fn a_revoked_csk_is_replaced_by_the_client_itself() {
    let mut system = in_call(412);
    let old = csk_id(&system, "alice").unwrap();
    let before = authorisations(&system, "alice");
    let subscriptions = sent(&system, "alice", &Method::Subscribe);
    system.order(ParticipatingInput::RevokeKeys(user("alice")));
    system.run(seconds(1));
    assert_eq!(server_keys(&system, "alice"), [ServerKey::Revoked(old)]);
    assert_eq!(authorisations(&system, "alice"), before + 1);
    // The server forgot nothing but the key: no second subscription to affiliations.
    assert_eq!(sent(&system, "alice", &Method::Subscribe), subscriptions);
    assert_ne!(csk_id(&system, "alice"), Some(old));
    talk(&mut system);
}

#[test]
fn a_withdrawn_user_leaves_her_call_and_does_not_come_back_with_the_old_token() {
    let mut system = in_call(413);
    system.run(seconds(20));
    system.forget("alice");
    system.order(ParticipatingInput::Withdraw(user("alice")));
    system.run(seconds(30));
    assert_eq!(not_authorised(&system, "alice"), (403, Some(101)));
    assert!(system.told("alice", |event| matches!(event, UeEvent::CallEnded(_))));
    assert!(!bound(&system, "alice") && bound(&system, "bob"));
    assert_eq!(csk(&system, "alice").map(|csk| csk.csk.id()), None);
    assert_eq!(system.open_sockets(system.host("alice")), 0);
    let before = sent(&system, "alice", &Method::Publish);
    system.publish("alice");
    assert_eq!(sent(&system, "alice", &Method::Publish), before);
    // Registered she still is; after the next log-in everything is as before.
    system.renew_token("alice");
    system.log_in("alice");
    system.publish("alice");
    system.affiliate("alice", &[&fire()]);
    assert!(bound(&system, "alice"));
    system.call_group("bob", &fire());
    assert!(system.told("alice", |event| matches!(
        event,
        UeEvent::CallEstablished(_)
    )));
}

#[test]
fn a_withdrawal_is_learned_from_the_subscription_when_the_message_is_lost() {
    let mut system = ready(414, &["alice"]);
    system.input("alice", UeInput::WatchSettings);
    system.run(seconds(1));
    system.forget("alice");
    system.on_sip(|message| match message.is(&Method::Message) {
        true => SipFate::Drop,
        false => SipFate::Pass,
    });
    system.order(ParticipatingInput::Withdraw(user("alice")));
    assert!(system.told("alice", |event| matches!(
        event,
        UeEvent::NotAuthorised(Refusal::Local(text)) if text.contains("withdrew")
    )));
    assert!(csk(&system, "alice").is_none());
}

#[test]
fn another_user_at_the_same_ue_begins_with_nothing_of_the_former() {
    let mut system = ready(415, &["alice"]);
    let dave = system.user("dave");
    system.input("alice", UeInput::User(Box::new(dave)));
    system.run(seconds(1));
    assert!(csk(&system, "alice").is_none());
    assert!(!bound(&system, "alice"), "the server was told");
    system.forget("alice");
    system.publish("alice");
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
    let impu = system.impu("alice");
    let function = system.participating_function();
    assert_eq!(function.bound(&impu).unwrap().0, &user("dave"));
}

// Forged key downloads -----------------------------------------------------------------------------------------

/// A key download to Alice in the name of anybody.
fn download(
    system: &mut System,
    signer: &str,
    receiver: &str,
    key: &KeyMaterial,
    parameters: Option<&KeyParameters>,
    at: NtpTime,
) -> Vec<u8> {
    let keys = system.domain().key_set_at(signer, at.to_unix());
    let kms = system.domain().kms().clone();
    let message = CreateKeyDownload {
        key,
        server: &keys,
        user: &user(receiver),
        user_domain: &kms,
        parameters,
        now: at,
        options: CreateOptions::PLAIN,
    };
    message.build(system.random()).unwrap()
}

/// What Alice answers to a MESSAGE that comes to her straight from somebody's machine.
fn answer_to(system: &mut System, from: HostId, octets: Vec<u8>) -> (u16, Option<u16>) {
    let target = Target::tcp(System::sip_address(system.host("alice")));
    let to = system.impu("alice");
    system.with_bare(from, |endpoint, now, random| {
        let trust = request::Trust::Asserted;
        let psi = "sip:mcptt-pf@mcptt.example.org";
        let builder = request::start(Method::Message, to.as_str(), psi, trust, random).unwrap();
        let body = Body::new().with(Part::new(media_type::MIKEY, octets));
        let request = request::finish(builder, &body, random).unwrap();
        endpoint.send_request(now, random, request, target).unwrap();
    });
    system.run(seconds(1));
    let answers = system.take_bare(from).into_iter();
    let answer = answers.filter_map(|output| match output {
        Output::Response(answer) if answer.response.status().is_final() => Some(answer.response),
        _ => None,
    });
    let answer = answer.last().unwrap();
    let warning = warning_of(answer.headers()).map(|warning| warning.0);
    (answer.status().as_u16(), warning)
}

#[test]
fn a_key_is_taken_of_the_mdsi_only_in_time_once_and_for_this_user() {
    let mut system = ready(421, &["alice"]);
    let mallory = system.replace_by_bare("dave");
    let held = csk_id(&system, "alice");
    let now = system.utc().to_ntp();
    let past = (system.utc() - seconds(3_600)).to_ntp();
    let new = |system: &mut System| Csk::random(system.random()).unwrap();
    let dave = user("dave").as_str().to_owned();
    let refused = (488, Some(136));
    let cases = [
        (dave.as_str(), "alice", now, "signed by a user"),
        (GMS, "alice", now, "signed by another server"),
        (
            "sip:mcptt-pf@other.example.org",
            "alice",
            now,
            "another domain",
        ),
        (DOMAIN, "bob", now, "for another user"),
        (DOMAIN, "alice", past, "stale"),
    ];
    for (signer, receiver, at, why) in cases {
        let csk = new(&mut system);
        let octets = download(&mut system, signer, receiver, csk.material(), None, at);
        assert_eq!(answer_to(&mut system, mallory, octets), refused, "{why}");
        assert_eq!(csk_id(&system, "alice"), held, "{why}");
    }
    let csk = new(&mut system);
    let good = download(&mut system, DOMAIN, "alice", csk.material(), None, now);
    let mut altered = good.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    for octets in [altered, good[..good.len() - 1].to_vec(), vec![0; 40]] {
        assert_eq!(answer_to(&mut system, mallory, octets), refused);
    }
    assert_eq!(csk_id(&system, "alice"), held);
    assert_eq!(answer_to(&mut system, mallory, good.clone()), (200, None));
    assert_eq!(csk_id(&system, "alice"), Some(csk.id()));
    assert_eq!(answer_to(&mut system, mallory, good), refused, "replayed");
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    let mut system = ready(422, &["alice"]);
    let mallory = system.replace_by_bare("dave");
    let held = csk(&system, "alice").unwrap();
    let now = system.utc().to_ntp();
    let later = KeyParameters {
        activation: Some(system.utc() + seconds(3_600)),
        ..KeyParameters::new(PurposeTag::Csk)
    };
    let musik = Musik::random(system.random()).unwrap();
    let mkfc = Mkfc::random(system.random()).unwrap();
    let csk = Csk::random(system.random()).unwrap();
    let groups = KeyParameters {
        groups: Some(vec![fire()]),
        ..KeyParameters::new(PurposeTag::Mkfc)
    };
    let cases: [(&KeyMaterial, &str, Option<&KeyParameters>); 4] = [
        // The id of the key in use with another key.
        (held.csk.material(), DOMAIN, None),
        (csk.material(), DOMAIN, Some(&later)),
        // For no group; and an MKFC is made by the group management server.
        (musik.material(), DOMAIN, None),
        (mkfc.material(), DOMAIN, Some(&groups)),
    ];
    for (key, signer, parameters) in cases {
        let octets = download(&mut system, signer, "alice", key, parameters, now);
        assert_eq!(answer_to(&mut system, mallory, octets), (488, Some(136)));
    }
    assert_eq!(csk_id(&system, "alice"), Some(held.csk.id()));
}

#[test]
fn a_client_without_a_csk_takes_none() {
    let mut system = system(423);
    system.log_in("alice");
    system.register("alice", Authorisation::None);
    let mallory = system.replace_by_bare("dave");
    let now = system.utc().to_ntp();
    let csk = Csk::random(system.random()).unwrap();
    let octets = download(&mut system, DOMAIN, "alice", csk.material(), None, now);
    assert_eq!(answer_to(&mut system, mallory, octets), (488, Some(136)));
    assert!(self::csk(&system, "alice").is_none());
}

// Multicast ----------------------------------------------------------------------------------------------------

/// Bob has the floor, as the server tells everybody at once.
fn bob_talks() -> Vec<u8> {
    let taken = FloorTaken {
        granted_partys_identity: Some(GrantedPartysIdentity(user("bob"))),
        user_id: None,
        permission: None,
        message_sequence_number: None,
        track_info: None,
        floor_indicator: None,
        ssrc: None,
        functional_alias: None,
        location: None,
        granted_users: None,
        ssrcs: None,
        functional_aliases: None,
        locations: None,
    };
    FloorMessage::new(Ssrc(0xF100), taken).encode().unwrap()
}

fn hears_of_bob(system: &System, name: &str) -> bool {
    system.told(name, |event| {
        matches!(
            event,
            UeEvent::SomebodyTalks(_, talker) if talker.mcptt_id == Some(user("bob"))
        )
    })
}

fn dropped_multicast(system: &System, name: &str) -> usize {
    let is_drop = |event: &&UeEvent| matches!(event, UeEvent::MulticastDropped(..));
    system.events(name).filter(is_drop).count()
}

#[test]
fn one_packet_under_the_musik_is_floor_control_for_everybody_in_the_call() {
    let mut system = ready(431, &["alice", "bob", "carol"]);
    system.call_group("bob", &fire());
    system.release("bob");
    let names = ["alice", "carol"];
    system.order(ParticipatingInput::ShareMulticastKey(fire()));
    for name in names {
        assert!(matches!(
            server_keys(&system, name).as_slice(),
            [ServerKey::Multicast(_, groups)] if *groups == [fire()]
        ));
        system.forget(name);
    }
    let packet = system.multicast_floor(&fire(), &bob_talks()).unwrap();
    for name in names {
        let multicast = |packet: &[u8]| UeInput::MulticastFloor(fire(), packet.to_vec());
        system.input(name, multicast(&bob_talks()));
        assert!(!hears_of_bob(&system, name), "in clear");
        let mut altered = packet.clone();
        altered[20] ^= 1;
        system.input(name, multicast(&altered));
        assert_eq!(dropped_multicast(&system, name), 2);
        system.input(name, multicast(&packet));
        assert!(hears_of_bob(&system, name), "{:?}", system.timeline(name));
        system.input(name, multicast(&packet));
        assert_eq!(dropped_multicast(&system, name), 3, "replayed");
    }
    // After the log-off the key is gone.
    system.input("carol", UeInput::LogOff);
    system.run(seconds(1));
    system.forget("carol");
    let again = system.multicast_floor(&fire(), &bob_talks()).unwrap();
    system.input("carol", UeInput::MulticastFloor(fire(), again));
    assert_eq!(dropped_multicast(&system, "carol"), 1);
}

#[test]
fn the_mkfc_of_the_group_management_server_serves_where_there_is_no_musik() {
    let mut system = ready(432, &["alice", "bob"]);
    let sender = system.replace_by_bare("dave");
    system.call_group("bob", &fire());
    system.release("bob");
    let mkfc = Mkfc::random(system.random()).unwrap();
    let parameters = KeyParameters {
        groups: Some(vec![fire()]),
        ..KeyParameters::new(PurposeTag::Mkfc)
    };
    let now = system.utc().to_ntp();
    let give = |system: &mut System, parameters: &KeyParameters| {
        let key = mkfc.material();
        let octets = download(system, GMS, "alice", key, Some(parameters), now);
        assert_eq!(answer_to(system, sender, octets), (200, None));
    };
    give(&mut system, &parameters);
    system.order(ParticipatingInput::MulticastFloorKey(fire(), mkfc.clone()));
    system.forget("alice");
    let packet = system.multicast_floor(&fire(), &bob_talks()).unwrap();
    let late = system.multicast_floor(&fire(), &bob_talks()).unwrap();
    assert!(packet.ends_with(&mkfc.mki()));
    system.input("alice", UeInput::MulticastFloor(fire(), packet));
    assert!(hears_of_bob(&system, "alice"));
    // Revoked by its maker it opens nothing.
    let revoked = KeyParameters {
        status: Status::REVOKED,
        ..parameters
    };
    give(&mut system, &revoked);
    let dropped = dropped_multicast(&system, "alice");
    system.input("alice", UeInput::MulticastFloor(fire(), late));
    assert_eq!(dropped_multicast(&system, "alice"), dropped + 1);
    assert_eq!(
        server_keys(&system, "alice").last(),
        Some(&ServerKey::Revoked(mkfc.id()))
    );
}

#[test]
fn multicast_for_a_group_without_a_call_is_dropped() {
    let mut system = ready(433, &["alice"]);
    system.order(ParticipatingInput::ShareMulticastKey(fire()));
    let packet = system.multicast_floor(&fire(), &bob_talks()).unwrap();
    system.input("alice", UeInput::MulticastFloor(fire(), packet));
    assert_eq!(dropped_multicast(&system, "alice"), 1);
    assert!(!system.told("alice", |event| matches!(
        event,
        UeEvent::SomebodyTalks(CallNumber(_), _)
    )));
}

// One key, one server ------------------------------------------------------------------------------------------

/// Changes the requests of Alice to one server on their way to the core, so that they have the CSK message of the
/// request to the other server.
fn with_message_of(system: &mut System, method: Method, message: Vec<u8>) {
    let way = (system.host("alice"), System::core());
    let mut random = roger_testkit::SeededRandom::new(5);
    alter(system, way, method, move |sip| {
        let parts = [
            media_type::MCPTT_INFO,
            media_type::RESOURCE_LISTS,
            media_type::POC_SETTINGS,
            media_type::MCPTT_SIGNED,
        ];
        let body = bodies(sip);
        if body.part(media_type::MIKEY).is_none() {
            return sip.octets.clone();
        }
        let kept = parts.iter().filter_map(|kind| body.part(kind).cloned());
        let body = kept.fold(Body::new(), Body::with);
        let body = body.with(Part::new(media_type::MIKEY, message.clone()));
        with_body(&sip.octets, &body, &mut random)
    });
}

/// The CSK message in the last request of Alice of a method.
fn message_in(system: &System, method: &Method) -> Vec<u8> {
    let way = (system.host("alice"), System::core());
    let sip = system.wire().sip.iter();
    let mut found = sip
        .filter(|message| (message.from, message.to) == way && message.is(method))
        .filter_map(|message| Some(bodies(message).octets(media_type::MIKEY)?.to_vec()));
    found.next_back().unwrap()
}

#[test]
fn the_csk_of_one_server_is_refused_by_the_other() {
    let mut system = system(441);
    system.log_in("alice");
    system.register("alice", Authorisation::None);
    system.publish("alice");
    let for_participating = message_in(&system, &Method::Publish);
    system.watch("alice", &[&fire()]);
    let for_management = message_in(&system, &Method::Subscribe);
    let before = bound(&system, "alice");
    with_message_of(&mut system, Method::Subscribe, for_participating);
    system.watch("alice", &[&fire()]);
    assert_eq!(not_watching(&system, "alice"), (403, Some(136)));
    with_message_of(&mut system, Method::Publish, for_management);
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (403, Some(136)));
    assert!(before && bound(&system, "alice"), "the old binding stays");
}

#[test]
fn what_one_server_protects_with_its_csk_the_other_cannot_open() {
    let mut system = ready(442, &["alice"]);
    // The last PUBLISH under the CSK of the participating function, sent to the group management server.
    let way = (system.host("alice"), System::core());
    let publish = last_request(&system, way, &Method::Publish);
    let stolen = bodies(&publish);
    let mut random = roger_testkit::SeededRandom::new(6);
    alter(&mut system, way, Method::Subscribe, move |sip| {
        with_body(&sip.octets, &stolen, &mut random)
    });
    system.watch("alice", &[&fire()]);
    assert_eq!(not_watching(&system, "alice"), (403, Some(139)));
}
