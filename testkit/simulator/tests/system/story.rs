//! The story of one call: from registration to log-off, as each user lives it.

use crate::common::*;
use roger_documents::affiliation::AffiliationStatus;
use roger_sip::message::Method;
use roger_sipcore::CoreEvent;
use roger_testkit_simulator::{Fetching, System, group, group_document, user};
use roger_ue::client::{
    Authorisation, Button, CallNumber, CallParty, Commencement, GroupKeyState, Refusal, UeEvent,
    UeInput,
};

#[test]
fn a_ue_registers_before_there_is_any_token_and_gets_limited_service() {
    let mut system = system(1);
    system.register("alice", Authorisation::None);
    assert!(system.told("alice", |event| *event == UeEvent::Registered));
    assert!(
        system
            .participating_function()
            .bound(&system.impu("alice"))
            .is_none()
    );
    system.input("alice", UeInput::CallGroup(fire()));
    system.run(seconds(1));
    assert!(system.told("alice", |event| matches!(
        event,
        UeEvent::CallFailed(_, Refusal::Local(_))
    )));
}

#[test]
fn a_user_is_authorised_by_publish() {
    let mut system = system(2);
    system.log_in("alice");
    system.register("alice", Authorisation::None);
    system.publish("alice");
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
    let bound = system.participating_function();
    let bound = bound.bound(&system.impu("alice")).unwrap();
    assert_eq!(
        (bound.0, bound.1),
        (&user("alice"), &system.client_id("alice"))
    );
}

#[test]
fn a_user_is_authorised_by_register_and_publishes_settings_afterwards() {
    let mut system = system(3);
    system.log_in("alice");
    system.register("alice", Authorisation::InRegister);
    assert!(system.told("alice", |event| *event == UeEvent::Registered));
    let impu = system.impu("alice");
    assert_eq!(
        system.participating_function().bound(&impu).unwrap().0,
        &user("alice")
    );
    system.publish("alice");
    assert!(system.told("alice", |event| *event == UeEvent::Authorised));
    let publishes = system
        .wire()
        .sip
        .iter()
        .filter(|message| message.is(&Method::Publish));
    for publish in publishes {
        assert!(
            !publish
                .octets
                .windows(17)
                .any(|part| part == b"application/mikey")
        );
    }
}

#[test]
fn members_get_the_group_key_by_notification_and_get() {
    let mut system = system(4);
    for name in ["alice", "bob"] {
        system.log_in(name);
        system.register(name, Authorisation::None);
        system.publish(name);
        system.watch(name, &[&fire()]);
        assert!(system.told(name, |event| *event == UeEvent::Watching));
    }
    let alice = system.keys_told("alice", GroupKeyState::Valid);
    assert_eq!(alice.len(), 1, "{:?}", system.timeline("alice"));
    assert_eq!(alice, system.keys_told("bob", GroupKeyState::Valid));
}

#[test]
fn a_key_for_a_new_group_reaches_a_ue_that_watches_already() {
    let mut system = ready(5, &["alice", "bob"]);
    let before = system.keys_told("alice", GroupKeyState::Valid);
    let water = group("water-2");
    system.put_group(&group_document(&water, &["alice", "bob"]));
    system.run(seconds(1));
    let after = system.keys_told("alice", GroupKeyState::Valid);
    assert_eq!(
        after.len(),
        before.len() + 1,
        "{:?}",
        system.timeline("alice")
    );
}

#[test]
fn affiliation_is_told_by_notification() {
    let system = ready(6, &["alice"]);
    let affiliated = UeEvent::Affiliation(fire(), AffiliationStatus::Affiliated);
    assert!(
        system.told("alice", |event| *event == affiliated),
        "{:?}",
        system.timeline("alice")
    );
}

#[test]
fn an_affiliation_that_is_refused_or_given_up_is_told() {
    let mut system = ready(24, &["alice", "dave"]);
    let deaffiliated = UeEvent::Affiliation(fire(), AffiliationStatus::Deaffiliated);
    assert!(
        system.told("dave", |event| *event == deaffiliated),
        "no member: {:?}",
        system.timeline("dave")
    );
    assert!(!system.told("alice", |event| *event == deaffiliated));
    system.affiliate("alice", &[]);
    assert!(system.told("alice", |event| *event == deaffiliated));
}

#[test]
fn a_talk_burst_is_heard_by_every_other_member_and_by_nobody_else() {
    let mut system = ready(7, &["alice", "bob", "carol", "dave"]);
    system.call_group("alice", &fire());
    for name in ["alice", "bob", "carol"] {
        assert!(
            established(&system, name),
            "{name}: {:?}",
            system.timeline(name)
        );
    }
    assert!(may_talk(&system, "alice"), "the call is a floor request");
    assert!(system.told(
        "bob",
        |event| matches!(event, UeEvent::SomebodyTalks(_, talker)
        if talker.mcptt_id.as_ref() == Some(&user("alice")))
    ));
    let said = system.speak("alice", 50);
    assert_eq!(system.words("bob"), said);
    assert_eq!(system.words("carol"), said);
    assert!(system.words("alice").is_empty());
    assert!(system.words("dave").is_empty());
    assert!(!established(&system, "dave"));
}

#[test]
fn the_caller_is_told_who_calls_and_in_which_group() {
    let mut system = ready(8, &["alice", "bob"]);
    system.call_group("alice", &fire());
    assert!(system.told("bob", |event| matches!(event,
        UeEvent::IncomingCall { party: CallParty::Group(of), caller, rings: false, .. }
        if *of == fire() && *caller == user("alice"))));
}

#[test]
fn a_second_talker_is_denied_and_talks_after_the_release() {
    let mut system = ready(9, &["alice", "bob", "carol"]);
    system.call_group("alice", &fire());
    system.speak_on("alice", 100);
    system.run(seconds(1));
    system.press("bob");
    assert!(!may_talk(&system, "bob"));
    assert!(system.told("bob", |event| matches!(event, UeEvent::FloorDenied(..))));
    system.release("bob");
    system.run(seconds(2));
    system.forget("bob");
    system.release("alice");
    assert!(system.told("bob", |event| matches!(event, UeEvent::FloorIdle(_))));
    system.press("carol");
    assert!(may_talk(&system, "carol"));
    let said = system.speak("carol", 5);
    assert!(system.words("bob").ends_with(&said));
}

#[test]
fn after_the_release_the_floor_is_idle_and_another_member_talks() {
    let mut system = ready(10, &["alice", "bob", "carol"]);
    system.call_group("alice", &fire());
    system.speak("alice", 10);
    system.release("alice");
    for name in ["bob", "carol"] {
        assert!(
            system.told(name, |event| matches!(event, UeEvent::FloorIdle(_))),
            "{name}"
        );
    }
    system.press("bob");
    assert!(may_talk(&system, "bob"), "{:?}", system.timeline("bob"));
    let said = system.speak("bob", 20);
    assert_eq!(system.words("alice"), said);
    assert!(system.words("carol").ends_with(&said));
}

#[test]
fn a_late_entrant_hears_the_middle_of_a_burst_without_signalling_about_keys() {
    let mut system = ready(11, &["alice", "bob"]);
    system.log_in("carol");
    system.register("carol", Authorisation::None);
    system.publish("carol");
    system.watch("carol", &[&fire()]);
    system.call_group("alice", &fire());
    let said = system.speak_on("alice", 200);
    system.run(seconds(1));
    let before = system.wire().sip.len();
    system.affiliate("carol", &[&fire()]);
    system.run(seconds(5));
    assert!(
        established(&system, "carol"),
        "{:?}",
        system.timeline("carol")
    );
    assert!(system.told(
        "carol",
        |event| matches!(event, UeEvent::SomebodyTalks(_, talker)
        if talker.mcptt_id.as_ref() == Some(&user("alice")))
    ));
    let heard = system.words("carol");
    assert!(heard.len() > 100 && heard.len() < 160, "{}", heard.len());
    assert!(said.ends_with(&heard));
    for message in &system.wire().sip[before..] {
        let text = String::from_utf8_lossy(&message.octets).to_ascii_lowercase();
        assert!(!text.contains("mikey"), "a key crossed SIP: {text}");
    }
}

#[test]
fn a_member_who_left_rejoins_the_running_call() {
    let mut system = ready(12, &["alice", "bob", "carol"]);
    system.call_group("alice", &fire());
    system.speak_on("alice", 400);
    system.run(seconds(1));
    system.hang_up("carol");
    let before = system.words("carol").len();
    system.run(seconds(1));
    assert_eq!(system.words("carol").len(), before);
    system.forget("carol");
    system.call_group("carol", &fire());
    assert!(
        established(&system, "carol"),
        "{:?}",
        system.timeline("carol")
    );
    assert!(!may_talk(&system, "carol"), "somebody talks already");
    system.run(seconds(2));
    assert!(system.words("carol").len() > 80);
}

#[test]
fn a_private_call_answered_automatically_carries_speech_both_ways() {
    let mut system = ready(13, &["alice", "bob", "carol"]);
    system.call_user("alice", "bob", Commencement::Automatic);
    assert!(
        established(&system, "alice"),
        "{:?}",
        system.timeline("alice")
    );
    assert!(established(&system, "bob"));
    if !may_talk(&system, "alice") {
        system.press("alice");
    }
    let said = system.speak("alice", 20);
    assert_eq!(system.words("bob"), said);
    system.release("alice");
    system.press("bob");
    assert!(may_talk(&system, "bob"), "{:?}", system.timeline("bob"));
    let answer = system.speak("bob", 20);
    assert_eq!(system.words("alice"), answer);
    assert!(system.words("carol").is_empty());
    system.hang_up("bob");
    assert!(system.told("alice", |event| matches!(event, UeEvent::CallEnded(_))));
    for host in [
        System::participating(),
        System::controlling(),
        system.host("alice"),
        system.host("bob"),
    ] {
        assert_eq!(system.open_sockets(host), 0, "{host:?} keeps media sockets");
    }
}

#[test]
fn a_private_call_with_manual_answer_rings_until_it_is_accepted() {
    let mut system = ready(14, &["alice", "bob"]);
    system.call_user("alice", "bob", Commencement::Manual);
    assert!(system.told("bob", |event| matches!(event,
        UeEvent::IncomingCall { party: CallParty::User(caller), rings: true, .. } if *caller == user("alice"))));
    assert!(system.told("alice", |event| matches!(event, UeEvent::Ringing(_))));
    assert!(!established(&system, "alice"));
    system.run(seconds(5));
    assert!(!established(&system, "bob"));
    let call = system.call("bob");
    system.input("bob", UeInput::Accept(call));
    system.run(seconds(1));
    assert!(established(&system, "alice") && established(&system, "bob"));
    if !may_talk(&system, "alice") {
        system.press("alice");
    }
    let said = system.speak("alice", 10);
    assert_eq!(system.words("bob"), said);
}

#[test]
fn a_declined_private_call_is_refused_with_480_and_110() {
    let mut system = ready(15, &["alice", "bob"]);
    system.call_user("alice", "bob", Commencement::Manual);
    let call = system.call("bob");
    system.input("bob", UeInput::HangUp(call));
    system.run(seconds(1));
    assert_eq!(failure(&system, "alice"), (480, Some(110)));
}

#[test]
fn a_caller_who_gives_up_ends_the_ringing() {
    let mut system = ready(16, &["alice", "bob"]);
    system.call_user("alice", "bob", Commencement::Manual);
    system.input("alice", UeInput::HangUp(CallNumber(1)));
    system.run(seconds(1));
    assert!(
        system.told("bob", |event| matches!(event, UeEvent::CallEnded(_))),
        "{:?}",
        system.timeline("bob")
    );
    assert!(!established(&system, "bob"));
    for host in [
        System::participating(),
        System::controlling(),
        system.host("alice"),
        system.host("bob"),
    ] {
        assert_eq!(system.open_sockets(host), 0, "{host:?} keeps media sockets");
    }
}

#[test]
fn a_removed_member_is_put_out_of_the_call_and_opens_nothing_that_follows() {
    let mut system = ready(17, &["alice", "bob", "carol"]);
    let old = system.keys_told("alice", GroupKeyState::Valid);
    system.call_group("alice", &fire());
    system.speak("alice", 10);
    let heard = system.words("carol").len();
    system.put_group(&group_document(&fire(), &["alice", "bob"]));
    system.run(seconds(1));
    assert!(
        system.told("carol", |event| matches!(event, UeEvent::CallEnded(_))),
        "{:?}",
        system.timeline("carol")
    );
    let valid = system.keys_told("alice", GroupKeyState::Valid);
    assert_eq!(valid.len(), old.len() + 1, "a new key for those who stay");
    assert_eq!(system.keys_told("carol", GroupKeyState::Valid), old);
    // Until the activation all talk under the old key; 10 s after it the old key is revoked.
    system.run(seconds(45));
    assert_eq!(system.keys_told("alice", GroupKeyState::Revoked), old);
    assert!(system.keys_told("carol", GroupKeyState::Revoked).is_empty());
    if !established(&system, "alice") {
        panic!("{:?}", system.timeline("alice"));
    }
    system.forget("alice");
    system.forget("bob");
    system.call_group("alice", &fire());
    let said = system.speak("alice", 10);
    assert_eq!(system.words("bob"), said);
    assert_eq!(system.words("carol").len(), heard);
    // Carol gets every packet off the air and still cannot open one.
    let new = valid.last().unwrap();
    assert!(
        system
            .client("carol")
            .group_keys()
            .receiving(*new, system.utc())
            .is_err()
    );
    system.forget("carol");
    system.call_group("carol", &fire());
    assert_eq!(failure(&system, "carol"), (403, Some(116)));
}

#[test]
fn a_burst_goes_on_over_the_activation_of_a_new_key() {
    let mut system = ready(18, &["alice", "bob", "carol"]);
    system.call_group("alice", &fire());
    system.release("alice");
    system.put_group(&group_document(&fire(), &["alice", "bob"]));
    // 25 s after the change: the activation at 30 s falls into the burst.
    system.run(seconds(23));
    system.forget("bob");
    system.press("alice");
    let said = system.speak("alice", 500);
    assert_eq!(system.words("bob"), said);
    let keys: std::collections::BTreeSet<Vec<u8>> = system
        .wire()
        .datagrams
        .iter()
        .filter(|datagram| datagram.octets.len() == 74)
        .map(|datagram| datagram.octets[62..66].to_vec())
        .collect();
    assert_eq!(keys.len(), 2, "two GMK-IDs in one burst");
}

#[test]
fn a_ue_without_the_group_key_is_in_the_call_and_hears_nothing_until_it_fetches() {
    let mut system = system(19);
    system.set_fetching("bob", Fetching::ByHand);
    system.bring_up(&["alice", "bob"], &[&fire()]);
    system.call_group("alice", &fire());
    assert!(established(&system, "bob"));
    system.speak("alice", 10);
    assert!(system.words("bob").is_empty());
    assert!(system.told("bob", |event| matches!(event, UeEvent::Dropped(..))));
    let url = system
        .events("bob")
        .find_map(|event| match event {
            UeEvent::DocumentChanged { url, .. } if url.contains("GKTP") => Some(url.clone()),
            _ => None,
        })
        .unwrap();
    system.fetch("bob", &url);
    system.run(seconds(1));
    let said = system.speak("alice", 10);
    assert_eq!(system.words("bob"), said);
}

#[test]
fn log_off_erases_keys_and_binding_and_the_next_log_in_works() {
    let mut system = ready(20, &["alice", "bob"]);
    system.call_group("alice", &fire());
    system.input("bob", UeInput::LogOff);
    system.run(seconds(1));
    assert!(system.client("bob").client_server_key().is_none());
    assert!(
        system
            .participating_function()
            .bound(&system.impu("bob"))
            .is_none()
    );
    let identity = system.impu("bob").to_string();
    assert!(
        system
            .core_events()
            .contains(&CoreEvent::Deregistered { identity })
    );
    assert!(
        system.told("alice", |event| matches!(event, UeEvent::CallEnded(_))),
        "nobody is left to talk to"
    );
    system.forget("alice");
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (480, Some(112)));
    system.forget("bob");
    system.bring_up(&["bob"], &[&fire()]);
    let affiliated = UeEvent::Affiliation(fire(), AffiliationStatus::Affiliated);
    assert!(
        system.told("bob", |event| *event == affiliated),
        "{:?}",
        system.timeline("bob")
    );
    system.forget("alice");
    system.call_group("alice", &fire());
    let said = system.speak("alice", 5);
    assert_eq!(system.words("bob"), said);
}

#[test]
fn a_new_csk_in_mid_call_carries_the_floor_on() {
    let mut system = ready(25, &["alice", "bob"]);
    system.call_group("alice", &fire());
    system.speak("alice", 5);
    let before = system.client("alice").client_server_key().unwrap().csk.id();
    for name in ["alice", "bob"] {
        system.publish(name);
    }
    let after = system.client("alice").client_server_key().unwrap().csk.id();
    assert_ne!(before, after);
    system.release("alice");
    system.press("bob");
    assert!(may_talk(&system, "bob"), "{:?}", system.timeline("bob"));
    let said = system.speak("bob", 5);
    assert_eq!(system.words("alice"), said);
    system.release("bob");
    system.press("alice");
    let grants = |event: &&UeEvent| matches!(event, UeEvent::MayTalk(_));
    assert_eq!(system.events("alice").filter(grants).count(), 2);
}

#[test]
fn a_user_who_is_taken_back_into_the_group_gets_the_new_key_and_hears_again() {
    let mut system = ready(26, &["alice", "bob", "carol"]);
    system.put_group(&group_document(&fire(), &["alice", "bob"]));
    system.run(seconds(60));
    let before = system.keys_told("carol", GroupKeyState::Valid).len();
    system.put_group(&group_document(&fire(), &["alice", "bob", "carol"]));
    system.run(seconds(1));
    assert_eq!(
        system.keys_told("carol", GroupKeyState::Valid).len(),
        before + 1
    );
    system.affiliate("carol", &[&fire()]);
    system.call_group("alice", &fire());
    let said = system.speak("alice", 5);
    assert_eq!(system.words("carol"), said);
}

#[test]
fn a_new_key_period_is_lived_through() {
    let mut system = ready(28, &["alice", "bob"]);
    system.run(seconds(31 * 24 * 3600));
    system.renew_servers();
    for name in ["alice", "bob"] {
        system.renew_token(name);
        system.forget(name);
        system.log_in(name);
        system.publish(name);
        system.watch(name, &[&fire()]);
        system.affiliate(name, &[&fire()]);
        assert!(system.told(name, |event| *event == UeEvent::Watching));
    }
    // A change of members makes a key under the new period, which both open.
    system.put_group(&group_document(&fire(), &["alice", "bob"]));
    for name in ["alice", "bob"] {
        assert_eq!(
            system.keys_told(name, GroupKeyState::Valid).len(),
            1,
            "{:?}",
            system.timeline(name)
        );
    }
    system.call_group("alice", &fire());
    let said = system.speak("alice", 5);
    assert_eq!(system.words("bob"), said);
    system.hang_up("alice");
    system.call_user("bob", "alice", Commencement::Automatic);
    let said = system.speak("bob", 5);
    assert_eq!(system.words("alice"), said);
}

#[test]
fn two_calls_at_a_time_do_not_mix() {
    let mut system = ready(27, &["alice", "bob", "carol"]);
    let water = group("water-2");
    system.put_group(&group_document(&water, &["alice", "bob"]));
    for name in ["alice", "bob"] {
        system.watch(name, &[&fire(), &water]);
        system.affiliate(name, &[&fire(), &water]);
    }
    system.call_group("alice", &fire());
    system.call_group("bob", &water);
    let (fires, waters) = (CallNumber(1), system.call("bob"));
    assert_ne!(fires, waters);
    assert!(may_talk(&system, "alice") && may_talk(&system, "bob"));
    system.speak("bob", 5);
    let heard = system.heard("alice");
    assert_eq!(heard.len(), 5);
    assert!(heard.iter().all(|heard| heard.call == system.call("alice")));
    assert!(system.words("carol").is_empty(), "not of that group");
    system.input("alice", UeInput::HangUp(system.call("alice")));
    system.run(seconds(1));
    assert!(!system.told("carol", |event| matches!(event, UeEvent::CallEnded(_))));
}

#[test]
fn a_call_in_which_nobody_talks_ends_by_itself() {
    let mut system = ready(21, &["alice", "bob"]);
    system.call_group("alice", &fire());
    system.speak("alice", 5);
    system.release("alice");
    system.run(seconds(40));
    for name in ["alice", "bob"] {
        assert!(
            system.told(name, |event| matches!(event, UeEvent::CallEnded(_))),
            "{name}"
        );
    }
    for host in [
        System::participating(),
        System::controlling(),
        system.host("alice"),
        system.host("bob"),
    ] {
        assert_eq!(system.open_sockets(host), 0, "{host:?} keeps media sockets");
    }
    assert!(
        system.refused_sip().is_empty(),
        "{:?}",
        system.refused_sip()
    );
}

#[test]
fn a_press_and_a_release_before_the_answer_hand_the_floor_back() {
    let mut system = ready(22, &["alice", "bob", "carol"]);
    system.call_group("alice", &fire());
    system.release("alice");
    let call = system.call("bob");
    system.input("bob", UeInput::Ptt(call, Button::Pressed));
    system.input("bob", UeInput::Ptt(call, Button::Released));
    system.run(seconds(2));
    assert!(
        !may_talk(&system, "bob"),
        "a grant that comes too late is handed back"
    );
    system.press("carol");
    assert!(may_talk(&system, "carol"), "{:?}", system.timeline("carol"));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut system = ready(23, &["alice", "bob", "carol"]);
        system.call_group("alice", &fire());
        system.speak("alice", 20);
        let lengths: Vec<(u128, usize)> = system
            .wire()
            .sip
            .iter()
            .map(|message| (message.at.since_origin().as_micros(), message.octets.len()))
            .collect();
        (
            lengths,
            system.timeline("bob").len(),
            system.wire().datagrams.len(),
        )
    };
    assert_eq!(run(), run());
}
