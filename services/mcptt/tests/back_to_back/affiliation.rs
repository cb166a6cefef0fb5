//! Affiliation and its notifications (TS 24.379).

use crate::bench::{ALICE, BOB, Bench, MALLORY, fire, impu};
use crate::ue::outcome;
use core::sync::atomic::Ordering;
use core::time::Duration;
use roger_base::GroupId;
use roger_call::body::Body;
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER};
use roger_documents::affiliation::{AffiliationDocument, AffiliationStatus};
use roger_sip::endpoint::{DialogId, RequestHandle};
use roger_sip::message::{HeaderName, Method, Response, StatusCode};
use roger_sip::subscription::{SubscriptionState, SubscriptionStatus};
use roger_testkit_domain::{group, user};

/// Watches the own affiliations.
pub(crate) fn subscribe(bench: &mut Bench, index: usize, expires: u32) -> RequestHandle {
    subscribe_to(bench, index, index, expires)
}

/// Watches those of another.
pub(crate) fn subscribe_to(
    bench: &mut Bench,
    index: usize,
    watched: usize,
    expires: u32,
) -> RequestHandle {
    let documents = Body::new().with_document(&bench.ues[watched].own_info());
    let body = bench.protect(index, documents);
    let expires = expires.to_string();
    let headers = [
        (HeaderName::EVENT, "presence"),
        (HeaderName::EXPIRES, expires.as_str()),
    ];
    let request = bench.request(index, Method::Subscribe, &headers, &body);
    let handle = bench.post(index, request);
    bench.settle();
    handle
}

/// Takes the next NOTIFY: state of the subscription, and groups with their status.
type Notified = (SubscriptionState, Vec<(GroupId, AffiliationStatus)>);

fn notified(bench: &mut Bench, index: usize) -> Option<Notified> {
    notified_of(bench, index, index)
}

pub(crate) fn notified_of(bench: &mut Bench, index: usize, watched: usize) -> Option<Notified> {
    let incoming = bench.incoming(index)?;
    let request = &incoming.request;
    assert_eq!(*request.method(), Method::Notify);
    let state = request
        .headers()
        .get(HeaderName::SUBSCRIPTION_STATE)
        .unwrap();
    let state = SubscriptionState::parse(state).unwrap();
    let body = Body::of(request.headers(), request.body()).unwrap();
    let mut groups = Vec::new();
    if !body.is_empty() {
        let opened = bench.ues[index].open(&body);
        let document: AffiliationDocument = opened.required().unwrap();
        assert_eq!(document.user, bench.ues[watched].user);
        for item in document
            .tuples
            .into_iter()
            .flat_map(|tuple| tuple.affiliations)
        {
            groups.push((item.group, item.status.unwrap()));
        }
    }
    let response = Response::to(request, StatusCode::OK);
    bench.respond(index, &incoming, response);
    Some((state, groups))
}

/// Every NOTIFY that comes; the groups of the last one.
pub(crate) fn last_notified(bench: &mut Bench, index: usize) -> Vec<(GroupId, AffiliationStatus)> {
    let mut last = None;
    while let Some((_, groups)) = notified(bench, index) {
        last = Some(groups);
    }
    last.expect("a NOTIFY")
}

#[test]
fn a_member_is_affiliated_and_told_so() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let handle = subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    let accepted = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&accepted), (200, None));
    assert_eq!(last_notified(&mut bench, ALICE), []);
    let response = bench.publish_affiliations(ALICE, &[&fire()]);
    assert_eq!(outcome(&response), (200, None));
    let (state, groups) = notified(&mut bench, ALICE).unwrap();
    assert_eq!(state.status, SubscriptionStatus::Active);
    assert_eq!(groups, [(fire(), AffiliationStatus::Affiliating)]);
    assert_eq!(
        last_notified(&mut bench, ALICE),
        [(fire(), AffiliationStatus::Affiliated)]
    );
}

#[test]
fn a_group_that_refuses_is_simply_absent() {
    let mut bench = Bench::new();
    bench.log_in(MALLORY);
    subscribe(&mut bench, MALLORY, EXPIRES_FOREVER);
    let response = bench.publish_affiliations(MALLORY, &[&fire(), &group("no-such")]);
    assert_eq!(outcome(&response), (200, None));
    assert_eq!(last_notified(&mut bench, MALLORY), []);
}

#[test]
fn a_group_directory_that_does_not_answer_costs_nobody_the_affiliation() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    bench.groups.is_down.store(true, Ordering::Relaxed);
    let response = bench.publish_affiliations(ALICE, &[&fire()]);
    assert_eq!(outcome(&response), (200, None));
    assert_eq!(
        last_notified(&mut bench, ALICE),
        [(fire(), AffiliationStatus::Affiliating)]
    );
    bench.groups.is_down.store(false, Ordering::Relaxed);
    bench.pass(Duration::from_secs(6));
    assert_eq!(
        last_notified(&mut bench, ALICE),
        [(fire(), AffiliationStatus::Affiliated)]
    );
}

#[test]
fn the_set_replaces_the_former_one() {
    let mut bench = Bench::new();
    let mut second = crate::bench::group_of(&[ALICE]);
    second.id = group("fire-2");
    bench.groups.put(second);
    bench.log_in(ALICE);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    bench.publish_affiliations(ALICE, &[&fire()]);
    bench.publish_affiliations(ALICE, &[&group("fire-2")]);
    assert_eq!(
        last_notified(&mut bench, ALICE),
        [(group("fire-2"), AffiliationStatus::Affiliated)]
    );
    let told: Vec<u32> = bench
        .requests(&Method::Publish, bench.cf_address())
        .iter()
        .map(|request| {
            request
                .headers()
                .seconds(HeaderName::EXPIRES)
                .unwrap()
                .unwrap()
        })
        .collect();
    assert_eq!(told, [EXPIRES_FOREVER, 0, EXPIRES_FOREVER]);
}

#[test]
fn expires_0_drops_all_groups_of_the_client() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    assert_eq!(last_notified(&mut bench, ALICE).len(), 1);
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.affiliations(&[]));
    let body = bench.protect(ALICE, documents);
    let response = bench.publish_presence(ALICE, 0, &body);
    assert_eq!(outcome(&response), (200, None));
    assert_eq!(last_notified(&mut bench, ALICE), []);
}

#[test]
fn a_fetch_gets_one_notify() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    subscribe(&mut bench, ALICE, 0);
    let (state, groups) = notified(&mut bench, ALICE).unwrap();
    assert_eq!(state.status, SubscriptionStatus::Terminated);
    assert_eq!(groups, [(fire(), AffiliationStatus::Affiliated)]);
    bench.publish_affiliations(ALICE, &[]);
    assert!(notified(&mut bench, ALICE).is_none());
}

#[test]
fn log_off_takes_the_affiliations_along() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    last_notified(&mut bench, ALICE);
    bench.register_with(ALICE, CONTACT_PARAMETERS, 0, &Body::new());
    let told = bench.requests(&Method::Publish, bench.cf_address());
    let last = told.last().unwrap().headers().seconds(HeaderName::EXPIRES);
    assert_eq!(last.unwrap(), Some(0));
    // Nobody is left to call: the controlling function has forgotten Alice.
    let handle = bench.call_group(BOB);
    let response = bench.response_to(BOB, handle).unwrap();
    assert_eq!(outcome(&response), (480, Some(112)));
}

#[test]
fn a_member_who_is_removed_from_the_group_is_told() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    assert_eq!(last_notified(&mut bench, ALICE).len(), 1);
    bench.put_group(crate::bench::group_of(&[BOB]));
    assert_eq!(last_notified(&mut bench, ALICE), []);
}

// Refusals ---------------------------------------------------------------------------------------------------

#[test]
fn affiliation_needs_a_binding() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.affiliations(&[&fire()]));
    let body = bench.protect_with(&csk, documents);
    let response = bench.publish_presence(ALICE, EXPIRES_FOREVER, &body);
    assert_eq!(outcome(&response), (404, Some(141)));
}

#[test]
fn an_expiry_that_is_neither_forever_nor_0_is_too_brief() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.affiliations(&[&fire()]));
    let body = bench.protect(ALICE, documents);
    let response = bench.publish_presence(ALICE, 3_600, &body);
    assert_eq!(outcome(&response), (423, None));
    let least = response.headers().seconds(HeaderName::MIN_EXPIRES).unwrap();
    assert_eq!(least, Some(EXPIRES_FOREVER));
}

#[test]
fn more_groups_than_n2_are_refused_and_the_former_set_stays() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench
        .profiles
        .change(&user("alice"), |profile| profile.max_affiliations = 1);
    let response = bench.publish_affiliations(ALICE, &[&fire(), &group("fire-2")]);
    assert_eq!(outcome(&response), (486, Some(102)));
    subscribe(&mut bench, ALICE, 0);
    let (_, groups) = notified(&mut bench, ALICE).unwrap();
    assert_eq!(groups, [(fire(), AffiliationStatus::Affiliated)]);
}

#[test]
fn nobody_affiliates_or_watches_another() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.log_in(MALLORY);
    let (alice, mallory) = (&bench.ues[ALICE], &bench.ues[MALLORY]);
    let cases = [
        (alice.own_info(), mallory.affiliations(&[&fire()]), 100),
        (mallory.own_info(), alice.affiliations(&[&fire()]), 100),
    ];
    let mut foreign_client = mallory.affiliations(&[&fire()]);
    foreign_client.tuples[0].client = alice.client.clone();
    let info = mallory.own_info();
    for (info, document, code) in cases.into_iter().chain([(info, foreign_client, 150)]) {
        let documents = Body::new().with_document(&info).with_document(&document);
        let body = bench.protect(MALLORY, documents);
        let response = bench.publish_presence(MALLORY, EXPIRES_FOREVER, &body);
        assert_eq!(outcome(&response), (403, Some(code)));
    }
    let documents = Body::new().with_document(&bench.ues[ALICE].own_info());
    let body = bench.protect(MALLORY, documents);
    let headers = [(HeaderName::EVENT, "presence"), (HeaderName::EXPIRES, "60")];
    let request = bench.request(MALLORY, Method::Subscribe, &headers, &body);
    let response = bench.send_request(MALLORY, request).unwrap();
    assert_eq!(outcome(&response), (403, Some(100)));
}

#[test]
fn functional_aliases_are_not_taken_for_an_empty_set() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    let ue = &bench.ues[ALICE];
    let mut document = ue.affiliations(&[]);
    document.tuples[0].functional_aliases = vec!["sip:chief@mcptt.example.org".to_owned()];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&document);
    let body = bench.protect(ALICE, documents);
    let response = bench.publish_presence(ALICE, EXPIRES_FOREVER, &body);
    assert_eq!(outcome(&response), (403, Some(100)));
    subscribe(&mut bench, ALICE, 0);
    assert_eq!(notified(&mut bench, ALICE).unwrap().1.len(), 1);
}

#[test]
fn an_affiliation_under_another_users_key_is_refused() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.log_in(MALLORY);
    let ue = &bench.ues[MALLORY];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.affiliations(&[&fire()]));
    let body = bench.protect(ALICE, documents);
    let response = bench.publish_presence(MALLORY, EXPIRES_FOREVER, &body);
    assert_eq!(outcome(&response), (403, Some(139)));
}

#[test]
fn a_subscription_ends_with_the_log_off() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    last_notified(&mut bench, ALICE);
    bench.publish_settings(ALICE, 0, None, &Body::new());
    assert!(!bench.is_bound(ALICE));
    let (state, _) = notified(&mut bench, ALICE).unwrap();
    assert_eq!(state.status, SubscriptionStatus::Terminated);
    bench.pass(Duration::from_secs(40));
    assert!(bench.pf.application().bound(&impu(ALICE)).is_none());
}

/// A SUBSCRIBE in the dialog of one; status and Warning of its answer.
fn resubscribe(bench: &mut Bench, index: usize, dialog: DialogId) -> (u16, Option<u16>) {
    let handle = bench.with_ue(index, |ue, clocks, random| {
        let request = ue.endpoint.request_in_dialog(dialog, Method::Subscribe);
        let request = request
            .unwrap()
            .header(HeaderName::EVENT, "presence")
            .header(HeaderName::EXPIRES, EXPIRES_FOREVER.to_string());
        let request = request.build().unwrap();
        let endpoint = &mut ue.endpoint;
        endpoint
            .send_in_dialog(clocks.now, random, dialog, request)
            .unwrap()
    });
    bench.settle();
    outcome(&bench.response_to(index, handle).unwrap())
}

#[test]
fn a_subscription_is_not_refreshed_for_a_token_that_is_over() {
    let mut bench = Bench::with(|settings| settings.token_grace = Duration::ZERO, |_| {});
    bench.register_with(ALICE, CONTACT_PARAMETERS, 600_000, &Body::new());
    bench.authorise(ALICE);
    let handle = subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    let (_, dialog) = bench.answer_to(ALICE, handle).unwrap();
    let dialog = dialog.unwrap();
    last_notified(&mut bench, ALICE);
    assert_eq!(resubscribe(&mut bench, ALICE, dialog), (200, None));
    last_notified(&mut bench, ALICE);
    bench.pass(Duration::from_secs(3_700));
    assert_eq!(resubscribe(&mut bench, ALICE, dialog), (404, Some(141)));
    let (state, _) = notified(&mut bench, ALICE).unwrap();
    assert_eq!(state.status, SubscriptionStatus::Terminated);
    assert_eq!(bench.pf.application().load().subscriptions, 0);
}

#[test]
fn a_notification_has_the_id_of_its_subscription() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let documents = Body::new().with_document(&bench.ues[ALICE].own_info());
    let body = bench.protect(ALICE, documents);
    let headers = [
        (HeaderName::EVENT, "presence ; ID=7a"),
        (HeaderName::EXPIRES, "600"),
    ];
    let request = bench.request(ALICE, Method::Subscribe, &headers, &body);
    bench.post(ALICE, request);
    bench.settle();
    let incoming = bench.incoming(ALICE).unwrap();
    let event = incoming.request.headers().text(HeaderName::EVENT).unwrap();
    assert_eq!(event, "presence;id=7a");
}
