//! Affiliations that others see, set and propose; subscriptions, and what becomes of them (TS 24.379 cl. 9.2).

use crate::common::*;
use roger_documents::affiliation::AffiliationStatus;
use roger_documents::affiliation_command::AffiliationCommand;
use roger_mcptt::ports::{Permission, UserProfile};
use roger_sip::message::Method;
use roger_testkit::SeededRandom;
use roger_testkit_simulator::{SipFate, System, bodies, user, with_body};
use roger_ue::client::{Authorisation, UeEvent, UeInput};

fn permit(system: &System, name: &str, change: impl FnOnce(&mut UserProfile)) {
    let mut directory = system.directory();
    change(directory.profiles.get_mut(&user(name)).unwrap());
}

/// Groups of the last notification that `watcher` had about `watched`.
fn seen(
    system: &System,
    watcher: &str,
    watched: &str,
) -> Option<Vec<(GroupId, AffiliationStatus)>> {
    let states = system.events(watcher).filter_map(|event| match event {
        UeEvent::AffiliationsOf(who, tuples) if *who == user(watched) => {
            let items = tuples.iter().flat_map(|tuple| &tuple.affiliations);
            Some(
                items
                    .map(|item| (item.group.clone(), item.status.unwrap()))
                    .collect(),
            )
        }
        _ => None,
    });
    states.last()
}

fn affiliated(system: &System, name: &str) -> bool {
    let states = system.events(name).filter_map(|event| match event {
        UeEvent::Affiliation(_, status) => Some(*status),
        _ => None,
    });
    states.last() == Some(AffiliationStatus::Affiliated)
}

#[test]
fn a_dispatcher_sees_sets_and_ends_the_affiliations_of_another() {
    let mut system = ready(1, &["alice"]);
    system.bring_up(&["bob"], &[]);
    permit(&system, "alice", |profile| {
        profile.see_affiliations_of_others = Permission::Granted;
        profile.affiliate_others = Permission::Granted;
    });
    system.input("bob", UeInput::WatchAffiliationsOf(user("bob")));
    system.input("alice", UeInput::WatchAffiliationsOf(user("bob")));
    system.run(seconds(1));
    assert_eq!(seen(&system, "alice", "bob"), Some(vec![]));
    let client = system.client_id("bob");
    let set = |groups| UeInput::AffiliateOther(user("bob"), client.clone(), groups);
    system.input("alice", set(vec![fire()]));
    system.run(seconds(1));
    let expected = vec![(fire(), AffiliationStatus::Affiliated)];
    assert_eq!(seen(&system, "alice", "bob"), Some(expected));
    assert!(affiliated(&system, "bob"));
    system.input("alice", set(vec![]));
    system.run(seconds(1));
    assert_eq!(seen(&system, "alice", "bob"), Some(vec![]));
    assert!(!affiliated(&system, "bob"));
}

#[test]
fn who_may_not_watch_or_set_is_told_so() {
    let mut system = ready(2, &["alice", "bob"]);
    let client = system.client_id("bob");
    system.input("alice", UeInput::WatchAffiliationsOf(user("bob")));
    system.input(
        "alice",
        UeInput::AffiliateOther(user("bob"), client, vec![]),
    );
    system.run(seconds(120));
    assert_eq!(seen(&system, "alice", "bob"), None);
    assert!(system.told("alice", |event| matches!(event,
        UeEvent::NotWatchingAffiliations(who, _) if *who == user("bob"))));
    assert!(system.told("alice", |event| matches!(event, UeEvent::NotAffiliated(_))));
    assert!(affiliated(&system, "bob"));
    let asked =
        system.wire().sip.iter().filter(|message| {
            message.from == system.host("alice") && message.is(&Method::Subscribe)
        });
    // Groups, own affiliations, and Bob's once: a refusal is not asked again.
    assert_eq!(asked.count(), 3);
}

#[test]
fn a_proposal_is_shown_and_the_user_decides() {
    let mut system = ready(3, &["alice"]);
    system.bring_up(&["bob"], &[]);
    permit(&system, "alice", |profile| {
        profile.recommend_affiliations = Permission::Granted;
    });
    let command = AffiliationCommand {
        affiliate: vec![fire()],
        deaffiliate: vec![],
    };
    system.input(
        "alice",
        UeInput::ProposeAffiliations(user("bob"), command.clone()),
    );
    system.run(seconds(1));
    assert!(system.told("bob", |event| matches!(event,
        UeEvent::AffiliationProposed { by, command: shown } if *by == user("alice") && *shown == command)));
    assert!(!affiliated(&system, "bob"));
    system.affiliate("bob", &[&fire()]);
    system.run(seconds(1));
    assert!(affiliated(&system, "bob"));
    // Without the right nobody is bothered.
    system.forget("alice");
    system.input("bob", UeInput::ProposeAffiliations(user("alice"), command));
    system.run(seconds(1));
    assert!(!system.told("alice", |event| matches!(
        event,
        UeEvent::AffiliationProposed { .. }
    )));
    assert!(system.told("bob", |event| matches!(event, UeEvent::NotProposed(_))));
}

#[test]
fn the_profile_affiliates_a_client_at_log_on() {
    let mut system = system(4);
    permit(&system, "alice", |profile| {
        profile.implicit_affiliations = vec![fire()];
    });
    system.log_in("alice");
    system.register("alice", Authorisation::InRegister);
    system.publish("alice");
    system.input("alice", UeInput::WatchAffiliationsOf(user("alice")));
    system.run(seconds(1));
    assert!(affiliated(&system, "alice"));
}

#[test]
fn a_right_that_is_taken_away_ends_the_subscription_for_good() {
    let mut system = ready(5, &["alice", "bob"]);
    permit(&system, "alice", |profile| {
        profile.see_affiliations_of_others = Permission::Granted;
    });
    system.input("alice", UeInput::WatchAffiliationsOf(user("bob")));
    system.run(seconds(1));
    assert_eq!(seen(&system, "alice", "bob").unwrap().len(), 1);
    permit(&system, "alice", |profile| {
        profile.see_affiliations_of_others = Permission::Refused;
    });
    system.affiliate("bob", &[]);
    system.run(seconds(200));
    assert_eq!(
        seen(&system, "alice", "bob").unwrap().len(),
        1,
        "she saw no more"
    );
    assert!(system.told("alice", |event| matches!(event,
        UeEvent::NotWatchingAffiliations(who, _) if *who == user("bob"))));
}

/// Every NOTIFY of affiliations to Alice is altered while the hook is in place.
fn alter_notifications(system: &mut System) {
    let way = (System::core(), system.host("alice"));
    let mut random = SeededRandom::new(9);
    system.on_sip(move |message| {
        let affiliation = (message.from, message.to) == way
            && message.is(&Method::Notify)
            && bodies(message).part("application/pidf+xml").is_some();
        if !affiliation {
            return SipFate::Pass;
        }
        let mut body = roger_call::body::Body::new();
        for kind in [
            "application/pidf+xml",
            "application/vnd.3gpp.mcptt-signed+xml",
        ] {
            let mut part = bodies(message).part(kind).unwrap().clone();
            if kind == "application/pidf+xml" {
                part.octets.push(b' ');
            }
            body = body.with(part);
        }
        SipFate::Replace(with_body(&message.octets, &body, &mut random))
    });
}

#[test]
fn a_notification_that_does_not_open_brings_a_new_csk_and_a_new_subscription() {
    let mut system = ready(6, &["alice", "bob"]);
    let key = |system: &System| system.client("alice").client_server_key().unwrap().csk.id();
    let before = key(&system);
    alter_notifications(&mut system);
    system.affiliate("alice", &[]);
    system.leave_alone();
    system.run(seconds(5));
    assert_ne!(key(&system), before);
    system.forget("alice");
    system.affiliate("alice", &[&fire()]);
    system.run(seconds(2));
    assert!(affiliated(&system, "alice"), "the new subscription tells");
}

#[test]
fn nonsense_in_notifications_does_not_drive_the_client() {
    let mut system = ready(7, &["alice", "bob"]);
    alter_notifications(&mut system);
    let keys = |system: &System| {
        let sent = system.wire().sip.iter().filter(|message| {
            message.from == system.host("alice")
                && message.is(&Method::Publish)
                && bodies(message).part("application/mikey").is_some()
        });
        sent.count()
    };
    let before = keys(&system);
    system.affiliate("alice", &[]);
    for _ in 0..5 {
        system.affiliate("alice", &[&fire()]);
        system.affiliate("alice", &[]);
        system.run(seconds(5));
    }
    assert_eq!(keys(&system) - before, 1);
}
