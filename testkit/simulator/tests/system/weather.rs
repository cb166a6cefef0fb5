//! Calls on a bad network: a fifth of all datagrams lost, others late, overtaken or doubled.

use crate::common::*;
use roger_base::Instant;
use roger_documents::affiliation::AffiliationStatus;
use roger_sip::message::Method;
use roger_testkit::SeededRandom;
use roger_testkit_simulator::{NetworkConditions, Setup, System, group_document, user};
use roger_ue::client::{Authorisation, Button, GroupKeyState, UeEvent, UeInput};
use rstest::rstest;

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// A minute in which everybody presses, talks and lets go as the seed wants it, into the words of others too.
fn quarrel(system: &mut System, seed: u64) {
    let mut dice = SeededRandom::new(seed);
    let call = NAMES.map(|name| system.call(name));
    for _ in 0..60 {
        let who = (dice.next_u64() % 3) as usize;
        let (name, call) = (NAMES[who], call[who]);
        system.input(name, UeInput::Ptt(call, Button::Pressed));
        system.run(Duration::from_millis(100 + dice.next_u64() % 700));
        for name in NAMES {
            system.speak_on(name, 20);
        }
        system.run(Duration::from_millis(dice.next_u64() % 600));
        if !dice.next_u64().is_multiple_of(4) {
            system.input(name, UeInput::Ptt(call, Button::Released));
        }
    }
    for (name, call) in NAMES.into_iter().zip(call) {
        system.input(name, UeInput::Ptt(call, Button::Released));
    }
}

/// Whether somebody was a talker at some moment of the time in which a packet may have passed the server.
fn could_be_heard(system: &System, speaker: &str, heard_at: Instant) -> bool {
    let slowest = (NetworkConditions::BAD.delay + NetworkConditions::BAD.jitter) * 2;
    let from = heard_at - slowest;
    let changes = system.talkers();
    let first = changes.iter().rposition(|(at, _)| *at <= from).unwrap_or(0);
    changes[first..]
        .iter()
        .take_while(|(at, _)| *at <= heard_at)
        .any(|(_, talkers)| talkers.contains(&user(speaker)))
}

fn check_invariants(system: &System) {
    for (at, talkers) in system.talkers() {
        assert!(talkers.len() <= 1, "two may talk at {at:?}: {talkers:?}");
    }
    for name in NAMES {
        let heard = system.heard(name);
        let mut words: Vec<&str> = heard.iter().map(|heard| heard.words.as_str()).collect();
        for one in &heard {
            let speaker = one.words.split('-').next().unwrap();
            assert_ne!(speaker, name, "nobody hears herself");
            assert!(
                could_be_heard(system, speaker, one.at),
                "{name} heard {} at {:?}",
                one.words,
                one.at
            );
        }
        words.sort_unstable();
        let all = words.len();
        words.dedup();
        assert_eq!(words.len(), all, "{name} heard a packet twice");
    }
}

#[rstest]
fn a_bad_network_breaks_neither_the_floor_nor_the_call(
    #[values(1, 2, 3, 4, 5, 6, 7, 8)] seed: u64,
) {
    let mut system = ready(400 + seed, &NAMES);
    system.call_group("alice", &fire());
    system.set_conditions(NetworkConditions::BAD);
    quarrel(&mut system, seed);
    check_invariants(&system);
    let heard: usize = NAMES.iter().map(|name| system.words(name).len()).sum();
    assert!(heard > 100, "only {heard} packets were heard");
    for name in NAMES {
        assert!(
            !system.told(name, |event| matches!(event, UeEvent::CallEnded(_))),
            "{name} lost the call"
        );
    }
    // The weather clears: everybody gets the floor and is heard by all others.
    system.set_conditions(NetworkConditions::GOOD);
    system.run(seconds(12));
    for name in NAMES {
        for name in NAMES {
            system.forget_speech(name);
        }
        system.press(name);
        let said = system.speak(name, 5);
        system.release(name);
        system.run(seconds(1));
        for other in NAMES.into_iter().filter(|other| *other != name) {
            assert_eq!(system.words(other), said, "{name} to {other}, seed {seed}");
        }
    }
    check_invariants(&system);
}

#[rstest]
fn speech_of_a_fifth_lost_is_heard_but_for_what_was_lost(#[values(11, 12, 13)] seed: u64) {
    let mut system = ready(seed, &NAMES);
    system.call_group("alice", &fire());
    system.set_conditions(NetworkConditions::BAD);
    let said = system.speak("alice", 500);
    for name in ["bob", "carol"] {
        let heard = system.words(name);
        // Four hops, three of them on the bad network: 0.8^4 of the packets arrive, doubled ones help.
        assert!(heard.len() > 150 && heard.len() < 350, "{}", heard.len());
        assert!(heard.iter().all(|word| said.contains(word)));
    }
    check_invariants(&system);
}

#[rstest]
fn a_call_on_a_network_that_loses_all_datagrams_ends_by_itself(#[values(21, 22)] seed: u64) {
    let mut system = ready(seed, &NAMES);
    let lost = NetworkConditions {
        loss_percent: 100,
        ..NetworkConditions::GOOD
    };
    system.set_conditions(lost);
    system.call_group("alice", &fire());
    system.speak("alice", 50);
    assert!(system.words("bob").is_empty());
    system.run(seconds(60));
    for name in NAMES {
        assert!(
            system.told(name, |event| matches!(event, UeEvent::CallEnded(_))),
            "{name}"
        );
    }
}

#[rstest]
fn a_private_call_on_a_bad_network_goes_both_ways(#[values(31, 32, 33)] seed: u64) {
    let mut system = ready(seed, &["alice", "bob"]);
    system.call_user("alice", "bob", roger_ue::client::Commencement::Automatic);
    system.set_conditions(NetworkConditions::BAD);
    for _ in 0..4 {
        for name in ["alice", "bob"] {
            system.press(name);
            system.run(seconds(2));
            system.speak(name, 50);
            system.release(name);
            system.run(seconds(2));
        }
    }
    assert!(
        system.words("alice").len() > 20,
        "{}",
        system.words("alice").len()
    );
    assert!(
        system.words("bob").len() > 20,
        "{}",
        system.words("bob").len()
    );
    assert!(
        system
            .talkers()
            .iter()
            .all(|(_, talkers)| talkers.len() <= 1)
    );
}

#[test]
fn a_ue_whose_connection_breaks_registers_again_and_is_called() {
    let mut system = ready(41, &NAMES);
    system.cut_connections(system.host("bob"));
    system.run(seconds(1));
    system.register("bob", roger_ue::client::Authorisation::None);
    system.call_group("alice", &fire());
    assert!(established(&system, "bob"), "{:?}", system.timeline("bob"));
    let said = system.speak("alice", 5);
    assert_eq!(system.words("bob"), said);
}

const CROWD: [&str; 16] = [
    "u00", "u01", "u02", "u03", "u04", "u05", "u06", "u07", "u08", "u09", "u10", "u11", "u12",
    "u13", "u14", "u15",
];

/// Everybody does the same at the same moment.
fn all_at_once(system: &mut System, input: impl Fn() -> UeInput) {
    for name in CROWD {
        system.input(name, input());
    }
    system.run(seconds(2));
}

#[test]
fn a_crowd_that_comes_back_at_once_after_an_outage_gets_full_service() {
    let mut system = System::new(&Setup::new(42, &CROWD));
    system.put_group(&group_document(&fire(), &CROWD));
    system.bring_up(&CROWD, &[&fire()]);
    for name in CROWD {
        system.cut_connections(system.host(name));
    }
    all_at_once(&mut system, || UeInput::Register(Authorisation::None));
    all_at_once(&mut system, || UeInput::Publish);
    all_at_once(&mut system, || UeInput::Affiliate(vec![fire()]));
    system.call_group(CROWD[0], &fire());
    let said = system.speak(CROWD[0], 5);
    for name in &CROWD[1..] {
        assert_eq!(system.words(name), said, "{name}");
    }
    let held = system.open_sockets(System::participating());
    assert_eq!(held, 2 * CROWD.len());
    system.hang_up(CROWD[0]);
    for name in CROWD {
        system.input(name, UeInput::LogOff);
    }
    system.run(seconds(10));
    for host in [System::participating(), System::controlling()] {
        assert_eq!(system.open_sockets(host), 0);
    }
}

#[test]
fn a_call_goes_on_while_a_connection_breaks_and_ends_for_everybody() {
    let mut system = ready(43, &NAMES);
    system.call_group("alice", &fire());
    system.cut_connections(system.host("bob"));
    let said = system.speak("alice", 5);
    assert_eq!(system.words("bob"), said, "speech needs no SIP");
    system.register("bob", Authorisation::None);
    system.hang_up("alice");
    system.hang_up("carol");
    system.run(seconds(60));
    let ended = |event: &UeEvent| matches!(event, UeEvent::CallEnded(_));
    assert!(system.told("bob", ended), "{:?}", system.timeline("bob"));
    for host in [
        System::participating(),
        System::controlling(),
        system.host("bob"),
    ] {
        assert_eq!(system.open_sockets(host), 0, "{host:?}");
    }
}

#[test]
fn a_ue_that_vanishes_in_mid_call_is_given_up_when_the_call_ends() {
    let mut system = ready(44, &NAMES);
    system.call_group("alice", &fire());
    system.replace_by_bare("bob");
    system.cut_connections(system.host("bob"));
    system.hang_up("alice");
    system.hang_up("carol");
    system.run(seconds(120));
    for host in [System::participating(), System::controlling()] {
        assert_eq!(system.open_sockets(host), 0, "{host:?}");
    }
}

/// The next NOTIFY to Alice is the last of its subscription.
fn end_next_subscription(system: &mut System) {
    let way = (System::core(), system.host("alice"));
    alter(system, way, Method::Notify, |message| {
        let text = String::from_utf8_lossy(&message.octets).into_owned();
        let (head, tail) = text.split_once("Subscription-State: active").unwrap();
        format!("{head}Subscription-State: terminated{tail}").into_bytes()
    });
}

#[test]
fn a_subscription_that_the_server_ends_is_told_and_made_anew() {
    let mut system = ready(45, &NAMES);
    end_next_subscription(&mut system);
    system.affiliate("alice", &[]);
    system.leave_alone();
    system.forget("alice");
    system.affiliate("alice", &[&fire()]);
    let affiliated = UeEvent::Affiliation(fire(), AffiliationStatus::Affiliated);
    assert!(
        system.told("alice", |event| *event == affiliated),
        "{:?}",
        system.timeline("alice")
    );
    end_next_subscription(&mut system);
    system.put_group(&group_document(&fire(), &["alice", "bob"]));
    system.leave_alone();
    assert!(system.told("alice", |event| matches!(event, UeEvent::NotWatching(_))));
    system.watch("alice", &[&fire()]);
    assert_eq!(
        system.keys_told("alice", GroupKeyState::Valid).len(),
        1,
        "the new key"
    );
}
