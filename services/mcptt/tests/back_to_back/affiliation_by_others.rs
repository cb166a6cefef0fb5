//! Affiliations that the user of the client did not ask for: by an authorised user, on the proposal of one, by the user
//! profile (TS 24.379 cl. 9.2.1.2, 9.2.1.4, 9.2.2.2.12); and who may watch whose.

use crate::affiliation::{last_notified, notified_of, subscribe, subscribe_to};
use crate::bench::{ALICE, BOB, Bench, CAROL, MALLORY, fire};
use crate::ue::outcome;
use core::time::Duration;
use roger_base::GroupId;
use roger_call::body::Body;
use roger_call::feature::EXPIRES_FOREVER;
use roger_documents::affiliation::AffiliationStatus;
use roger_documents::affiliation_command::AffiliationCommand;
use roger_documents::mcptt_info::McpttInfo;
use roger_mcptt::ports::{Permission, UserProfile};
use roger_sip::message::{HeaderName, Method, Response, StatusCode};
use roger_sip::subscription::SubscriptionStatus;
use roger_testkit_domain::{group, user};

fn change(bench: &Bench, index: usize, change: impl FnOnce(&mut UserProfile)) {
    bench.profiles.change(&bench.ues[index].user, change);
}

fn logged_in(users: &[usize]) -> Bench {
    let mut bench = Bench::new();
    for index in users {
        bench.log_in(*index);
    }
    bench
}

/// PUBLISH of one user about the client of another.
fn publish_for(
    bench: &mut Bench,
    index: usize,
    target: usize,
    groups: &[&GroupId],
    expires: u32,
) -> Response {
    let target = &bench.ues[target];
    let documents = Body::new()
        .with_document(&target.own_info())
        .with_document(&target.affiliations(groups));
    let body = bench.protect(index, documents);
    bench.publish_presence(index, expires, &body)
}

const AFFILIATED: AffiliationStatus = AffiliationStatus::Affiliated;

// Mandatory mode ---------------------------------------------------------------------------------------------

#[test]
fn an_authorised_user_changes_the_affiliations_of_another() {
    let mut bench = logged_in(&[ALICE, BOB]);
    change(&bench, ALICE, |profile| {
        profile.affiliate_others = Permission::Granted;
    });
    subscribe(&mut bench, BOB, EXPIRES_FOREVER);
    let response = publish_for(&mut bench, ALICE, BOB, &[&fire()], EXPIRES_FOREVER);
    assert_eq!(outcome(&response), (200, None));
    assert_eq!(last_notified(&mut bench, BOB), [(fire(), AFFILIATED)]);
    let response = publish_for(&mut bench, ALICE, BOB, &[], 0);
    assert_eq!(outcome(&response), (200, None));
    assert_eq!(last_notified(&mut bench, BOB), []);
}

#[test]
fn the_publication_for_another_leaves_the_own_one_alone() {
    let mut bench = logged_in(&[ALICE, BOB]);
    change(&bench, ALICE, |profile| {
        profile.affiliate_others = Permission::Granted;
    });
    let response = bench.publish_affiliations(ALICE, &[&fire()]);
    let tag = response.headers().text(HeaderName::SIP_ETAG).unwrap();
    publish_for(&mut bench, ALICE, BOB, &[&fire()], EXPIRES_FOREVER);
    let headers = [
        (HeaderName::EVENT, "presence"),
        (HeaderName::SIP_IF_MATCH, &*tag),
    ];
    let request = bench.request(ALICE, Method::Publish, &headers, &Body::new());
    let response = bench.send_request(ALICE, request).unwrap();
    assert_eq!(outcome(&response), (200, None));
    subscribe(&mut bench, ALICE, 0);
    assert_eq!(last_notified(&mut bench, ALICE), [(fire(), AFFILIATED)]);
}

#[test]
fn without_the_right_nobody_changes_another() {
    let mut bench = logged_in(&[ALICE, BOB]);
    let response = publish_for(&mut bench, ALICE, BOB, &[&fire()], EXPIRES_FOREVER);
    assert_eq!(outcome(&response), (403, Some(100)));
    subscribe(&mut bench, BOB, 0);
    assert_eq!(last_notified(&mut bench, BOB), []);
}

#[test]
fn the_limit_is_that_of_the_user_who_is_affiliated() {
    let mut bench = logged_in(&[ALICE, BOB]);
    change(&bench, ALICE, |profile| {
        profile.affiliate_others = Permission::Granted;
    });
    change(&bench, BOB, |profile| profile.max_affiliations = 0);
    let response = publish_for(&mut bench, ALICE, BOB, &[&fire()], EXPIRES_FOREVER);
    assert_eq!(outcome(&response), (486, Some(102)));
}

#[test]
fn a_client_that_is_not_here_is_not_found_and_groups_still_refuse_strangers() {
    let mut bench = logged_in(&[ALICE, MALLORY]);
    change(&bench, ALICE, |profile| {
        profile.affiliate_others = Permission::Granted;
    });
    let response = publish_for(&mut bench, ALICE, BOB, &[&fire()], EXPIRES_FOREVER);
    assert_eq!(outcome(&response), (404, None));
    let response = publish_for(&mut bench, ALICE, MALLORY, &[&fire()], EXPIRES_FOREVER);
    assert_eq!(outcome(&response), (200, None));
    subscribe(&mut bench, MALLORY, 0);
    assert_eq!(last_notified(&mut bench, MALLORY), []);
}

// Negotiated mode --------------------------------------------------------------------------------------------

fn propose(
    bench: &mut Bench,
    index: usize,
    target: usize,
    command: &AffiliationCommand,
) -> (u16, Option<u16>) {
    let documents = Body::new()
        .with_document(&McpttInfo {
            client_id: None,
            ..bench.ues[target].own_info()
        })
        .with_document(command);
    let body = bench.protect(index, documents);
    let request = bench.request(index, Method::Message, &[], &body);
    outcome(&bench.send_request(index, request).unwrap())
}

fn command() -> AffiliationCommand {
    AffiliationCommand {
        affiliate: vec![fire()],
        deaffiliate: vec![group("fire-2")],
    }
}

#[test]
fn a_proposal_reaches_the_user_and_changes_nothing_by_itself() {
    let mut bench = logged_in(&[ALICE, BOB]);
    change(&bench, ALICE, |profile| {
        profile.recommend_affiliations = Permission::Granted;
    });
    assert_eq!(propose(&mut bench, ALICE, BOB, &command()), (200, None));
    let incoming = bench.incoming(BOB).unwrap();
    let request = &incoming.request;
    let body = Body::of(request.headers(), request.body()).unwrap();
    let opened = bench.ues[BOB].open(&body);
    assert_eq!(opened.required::<AffiliationCommand>().unwrap(), command());
    let info: McpttInfo = opened.required().unwrap();
    assert_eq!(info.calling_user_id, Some(user("alice")));
    let response = Response::to(request, StatusCode::OK);
    bench.respond(BOB, &incoming, response);
    subscribe(&mut bench, BOB, 0);
    assert_eq!(last_notified(&mut bench, BOB), []);
}

#[test]
fn a_proposal_needs_the_right_a_content_and_somebody_there() {
    let mut bench = logged_in(&[ALICE, BOB]);
    assert_eq!(
        propose(&mut bench, ALICE, BOB, &command()),
        (403, Some(100))
    );
    change(&bench, ALICE, |profile| {
        profile.recommend_affiliations = Permission::Granted;
    });
    let nothing = AffiliationCommand::default();
    assert_eq!(propose(&mut bench, ALICE, BOB, &nothing), (403, Some(150)));
    assert_eq!(propose(&mut bench, ALICE, CAROL, &command()), (404, None));
    assert!(bench.incoming(BOB).is_none());
}

// By the user profile ----------------------------------------------------------------------------------------

#[test]
fn a_client_is_affiliated_by_the_profile_when_it_is_authorised() {
    let mut bench = Bench::new();
    change(&bench, ALICE, |profile| {
        profile.implicit_affiliations = vec![fire(), group("no-such")];
    });
    bench.log_in(ALICE);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    assert_eq!(last_notified(&mut bench, ALICE), [(fire(), AFFILIATED)]);
    // A new key is no new log-on: what the user has left stays left.
    bench.publish_affiliations(ALICE, &[]);
    assert_eq!(last_notified(&mut bench, ALICE), []);
    bench.authorise(ALICE);
    bench.pass(Duration::from_secs(1));
    subscribe(&mut bench, ALICE, 0);
    assert_eq!(last_notified(&mut bench, ALICE), []);
}

#[test]
fn the_profile_does_not_outdo_its_own_limit() {
    let mut bench = Bench::new();
    let mut second = crate::bench::group_of(&[ALICE]);
    second.id = group("fire-2");
    bench.groups.put(second);
    change(&bench, ALICE, |profile| {
        profile.implicit_affiliations = vec![fire(), group("fire-2")];
        profile.max_affiliations = 1;
    });
    bench.log_in(ALICE);
    subscribe(&mut bench, ALICE, 0);
    assert_eq!(last_notified(&mut bench, ALICE), [(fire(), AFFILIATED)]);
}

// Who watches whom -------------------------------------------------------------------------------------------

fn let_watch(bench: &Bench, index: usize, permission: Permission) {
    change(bench, index, |profile| {
        profile.see_affiliations_of_others = permission;
    });
}

#[test]
fn who_may_watch_is_told_under_the_own_key_until_the_right_is_taken_away() {
    let mut bench = logged_in(&[ALICE, BOB]);
    let_watch(&bench, ALICE, Permission::Granted);
    let handle = subscribe_to(&mut bench, ALICE, BOB, EXPIRES_FOREVER);
    assert_eq!(
        outcome(&bench.response_to(ALICE, handle).unwrap()),
        (200, None)
    );
    let (state, groups) = notified_of(&mut bench, ALICE, BOB).unwrap();
    assert_eq!((state.status, groups), (SubscriptionStatus::Active, vec![]));
    bench.publish_affiliations(BOB, &[&fire()]);
    let mut last = None;
    while let Some((_, groups)) = notified_of(&mut bench, ALICE, BOB) {
        last = Some(groups);
    }
    assert_eq!(last, Some(vec![(fire(), AFFILIATED)]));
    let_watch(&bench, ALICE, Permission::Refused);
    bench.publish_affiliations(BOB, &[]);
    let (state, groups) = notified_of(&mut bench, ALICE, BOB).unwrap();
    assert_eq!(state.status, SubscriptionStatus::Terminated);
    assert_eq!(state.reason(), Some("rejected"));
    assert_eq!(groups, []);
}

#[test]
fn nobody_learns_who_exists() {
    let mut bench = logged_in(&[ALICE, BOB]);
    let handle = subscribe_to(&mut bench, ALICE, BOB, EXPIRES_FOREVER);
    let refused = outcome(&bench.response_to(ALICE, handle).unwrap());
    assert_eq!(refused, (403, Some(100)));
    let_watch(&bench, ALICE, Permission::Granted);
    bench.ues[CAROL].user = user("nobody");
    let handle = subscribe_to(&mut bench, ALICE, CAROL, EXPIRES_FOREVER);
    assert_eq!(outcome(&bench.response_to(ALICE, handle).unwrap()), refused);
}

#[test]
fn a_watcher_who_logs_off_watches_nobody() {
    let mut bench = logged_in(&[ALICE, BOB]);
    let_watch(&bench, ALICE, Permission::Granted);
    subscribe_to(&mut bench, ALICE, BOB, EXPIRES_FOREVER);
    notified_of(&mut bench, ALICE, BOB).unwrap();
    bench.publish_settings(ALICE, 0, None, &Body::new());
    let (state, _) = notified_of(&mut bench, ALICE, BOB).unwrap();
    assert_eq!(state.status, SubscriptionStatus::Terminated);
    assert_eq!(state.reason(), Some("deactivated"));
    bench.publish_affiliations(BOB, &[&fire()]);
    assert!(bench.incoming(ALICE).is_none());
}
