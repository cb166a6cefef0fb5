//! Who is not who she says: authorisation and key distribution against altered messages and foreign keys.

use crate::common::*;
use roger_base::{KeyId, PurposeTag, SecretBytes, UnixTime};
use roger_call::body::{Body, Part};
use roger_documents::Document;
use roger_documents::gktp::{Gktp, Gktps};
use roger_keys::{Gmk, Rand};
use roger_mikey::{CreateGroupKey, CreateOptions, KeyParameters, Status};
use roger_sip::message::Method;
use roger_testkit::SeededRandom;
use roger_testkit_simulator::{Fetching, GMS, SipFate, System, bodies, group, user, with_body};
use roger_ue::client::{Authorisation, GroupKeyState, UeEvent, UeInput};

const MONTH: u64 = 31 * 24 * 3600;

/// A registered Alice, not authorised yet.
fn registered(seed: u64) -> System {
    let mut system = system(seed);
    system.log_in("alice");
    system.register("alice", Authorisation::None);
    system
}

fn bound(system: &System, name: &str) -> bool {
    let impu = system.impu(name);
    system.participating_function().bound(&impu).is_some()
}

#[test]
fn the_token_of_mallory_with_the_csk_of_alice_is_refused() {
    let mut system = registered(101);
    let mut alice = system.user("alice");
    alice.token = SecretBytes::new(system.token("dave").into_bytes());
    system.input("alice", UeInput::User(Box::new(alice)));
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (403, Some(101)));
    assert!(!bound(&system, "alice"));
}

#[test]
fn the_token_of_alice_with_the_csk_of_mallory_is_refused_in_register_and_registration_stands() {
    let mut system = system(102);
    let mut mallory = system.user("dave");
    mallory.token = SecretBytes::new(system.token("alice").into_bytes());
    system.input("dave", UeInput::User(Box::new(mallory)));
    system.register("dave", Authorisation::InRegister);
    assert!(system.told("dave", |event| *event == UeEvent::Registered));
    assert!(!bound(&system, "dave"));
    system.publish("dave");
    assert!(!bound(&system, "dave"));
}

#[test]
fn a_csk_signed_under_a_past_period_with_a_clock_to_match_is_refused() {
    let mut system = registered(103);
    let past = UnixTime(system.utc().0 - MONTH);
    let mut alice = system.user("alice");
    alice.key_sets = vec![system.domain().key_set_at(user("alice").as_str(), past)];
    system.input("alice", UeInput::User(Box::new(alice)));
    system.slow_clock("alice", seconds(MONTH));
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (403, Some(136)));
    assert!(!bound(&system, "alice"));
}

#[test]
fn a_csk_signed_now_with_the_keys_of_a_past_period_is_refused() {
    let mut system = registered(104);
    let now = system.utc();
    let mut alice = system.user("alice");
    let mut old = system
        .domain()
        .key_set_at(user("alice").as_str(), UnixTime(now.0 - MONTH));
    old.period_number = alice.key_sets[0].period_number;
    alice.key_sets = vec![old];
    system.input("alice", UeInput::User(Box::new(alice)));
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (403, Some(136)));
    assert!(!bound(&system, "alice"));
}

#[test]
fn mallory_who_names_herself_alice_cannot_sign_for_her() {
    let mut system = registered(105);
    let mut alice = system.user("alice");
    let mut keys = system.domain().key_set(user("dave").as_str());
    keys.identity = user("alice").as_str().to_owned();
    alice.key_sets = vec![keys];
    system.input("alice", UeInput::User(Box::new(alice)));
    system.publish("alice");
    assert!(!bound(&system, "alice"));
}

#[test]
fn an_expired_token_is_refused() {
    let mut system = registered(106);
    system.run(seconds(25 * 3600));
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (403, Some(101)));
}

#[test]
fn a_token_without_the_scope_of_the_server_is_refused_by_both_servers() {
    let mut system = registered(107);
    let mut alice = system.user("alice");
    let token = system
        .domain()
        .token_with(&user("alice"), "openid", u64::MAX / 4);
    alice.token = SecretBytes::new(token.into_bytes());
    system.input("alice", UeInput::User(Box::new(alice)));
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (403, Some(101)));
    system.watch("alice", &[&fire()]);
    assert_eq!(not_watching(&system, "alice"), (403, Some(101)));
}

#[test]
fn a_user_without_profile_is_refused() {
    let mut system = registered(108);
    system.directory().profiles.remove(&user("alice"));
    system.publish("alice");
    assert!(!bound(&system, "alice"));
    assert_eq!(not_authorised(&system, "alice").0, 403);
}

/// Changes one octet in the first place where the text stands, keeping the length.
fn one_octet(octets: &[u8], after: &str) -> Vec<u8> {
    let mut octets = octets.to_vec();
    let place = octets
        .windows(after.len())
        .position(|part| part == after.as_bytes())
        .unwrap_or_else(|| panic!("no {after} in the message"))
        + after.len();
    octets[place] = if octets[place] == b'A' { b'B' } else { b'A' };
    octets
}

#[test]
fn one_octet_changed_in_a_signed_part_on_the_way_to_the_server_is_refused() {
    let mut system = registered(109);
    let way = (system.host("alice"), System::core());
    let count = alter(&mut system, way, Method::Publish, |message| {
        one_octet(&message.octets, "CipherValue>")
    });
    system.publish("alice");
    assert_eq!(count.get(), 1);
    assert_eq!(not_authorised(&system, "alice"), (403, Some(139)));
    system.leave_alone();
    system.publish("alice");
    assert!(bound(&system, "alice"), "the same user, unaltered");
}

#[test]
fn one_octet_changed_in_the_body_of_a_register_binds_nobody_and_the_registration_stands() {
    let mut system = system(110);
    system.log_in("alice");
    let way = (system.host("alice"), System::core());
    alter(&mut system, way, Method::Register, |message| {
        one_octet(&message.octets, "CipherValue>")
    });
    system.register("alice", Authorisation::InRegister);
    assert!(system.told("alice", |event| *event == UeEvent::Registered));
    assert!(!bound(&system, "alice"));
}

#[test]
fn one_octet_changed_in_a_subscription_to_documents_is_refused() {
    let mut system = registered(111);
    system.publish("alice");
    let way = (system.host("alice"), System::core());
    alter(&mut system, way, Method::Subscribe, |message| {
        one_octet(&message.octets, "CipherValue>")
    });
    system.watch("alice", &[&fire()]);
    assert_eq!(not_watching(&system, "alice"), (403, Some(139)));
}

#[test]
fn one_octet_changed_in_the_csk_message_is_refused() {
    let mut system = registered(112);
    let way = (system.host("alice"), System::core());
    alter(&mut system, way, Method::Publish, |message| {
        let mut body = Body::new();
        for kind in [
            "application/mikey",
            "application/vnd.3gpp.mcptt-info+xml",
            "application/poc-settings+xml",
            "application/vnd.3gpp.mcptt-signed+xml",
        ] {
            let Some(part) = bodies(message).part(kind).cloned() else {
                continue;
            };
            let mut part = part;
            if kind == "application/mikey" {
                let middle = part.octets.len() / 2;
                part.octets[middle] ^= 1;
            }
            body = body.with(part);
        }
        with_body(&message.octets, &body, &mut SeededRandom::new(9))
    });
    system.publish("alice");
    assert_eq!(not_authorised(&system, "alice"), (403, Some(136)));
}

#[test]
fn an_altered_notification_of_documents_is_not_acted_upon() {
    let mut system = registered(113);
    system.publish("alice");
    let way = (System::core(), system.host("alice"));
    let count = alter(&mut system, way, Method::Notify, |message| {
        one_octet(&message.octets, "sel=\"sip:")
    });
    system.watch("alice", &[&fire()]);
    assert_eq!(count.get(), 1);
    assert!(!system.told("alice", |event| matches!(
        event,
        UeEvent::DocumentChanged { .. }
    )));
    assert!(system.keys_told("alice", GroupKeyState::Valid).is_empty());
}

#[test]
fn a_csk_message_replayed_by_another_line_is_refused() {
    let mut system = registered(114);
    system.publish("alice");
    let stolen = last_request(
        &system,
        (system.host("alice"), System::core()),
        &Method::Publish,
    );
    system.log_in("dave");
    system.register("dave", Authorisation::None);
    let way = (system.host("dave"), System::core());
    alter(&mut system, way, Method::Publish, move |message| {
        with_body(&message.octets, &bodies(&stolen), &mut SeededRandom::new(9))
    });
    system.publish("dave");
    assert_eq!(not_authorised(&system, "dave"), (403, Some(136)));
    assert!(!bound(&system, "dave"));
    assert!(bound(&system, "alice"));
}

#[test]
fn the_body_of_bob_under_his_key_opens_nothing_for_alice() {
    let mut system = ready(115, &["alice", "bob", "carol"]);
    system.call_group("bob", &fire());
    let stolen = last_request(
        &system,
        (system.host("bob"), System::core()),
        &Method::Invite,
    );
    system.hang_up("bob");
    system.run(seconds(40));
    let way = (system.host("alice"), System::core());
    alter(&mut system, way, Method::Invite, move |message| {
        with_body(&message.octets, &bodies(&stolen), &mut SeededRandom::new(9))
    });
    system.forget("alice");
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (403, Some(139)));
}

#[test]
fn a_part_left_out_of_the_signature_is_refused() {
    let mut system = ready(116, &["alice", "bob"]);
    let way = (system.host("alice"), System::core());
    alter(&mut system, way, Method::Invite, |message| {
        let extra = br#"<?xml version="1.0"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"/>"#;
        let mut extra = Part::new("application/resource-lists+xml", extra.to_vec());
        extra.content_id = Some("extra@mcptt.example.org".to_owned());
        with_body(
            &message.octets,
            &bodies(message).with(extra),
            &mut SeededRandom::new(9),
        )
    });
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (403, Some(139)));
}

#[test]
fn two_parts_with_one_content_id_are_refused() {
    let mut system = ready(117, &["alice", "bob"]);
    let way = (system.host("alice"), System::core());
    alter(&mut system, way, Method::Invite, |message| {
        let signed = bodies(message);
        let id = signed
            .part("application/vnd.3gpp.mcptt-info+xml")
            .unwrap()
            .content_id
            .clone();
        let extra = br#"<?xml version="1.0"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"/>"#;
        let mut extra = Part::new("application/resource-lists+xml", extra.to_vec());
        extra.content_id = id;
        with_body(
            &message.octets,
            &signed.with(extra),
            &mut SeededRandom::new(9),
        )
    });
    system.call_group("alice", &fire());
    let (status, warning) = failure(&system, "alice");
    assert_eq!(status, 403);
    assert!(matches!(warning, Some(139 | 150)), "{warning:?}");
}

#[test]
fn a_signature_that_is_taken_away_is_missed() {
    let mut system = ready(118, &["alice", "bob"]);
    let way = (system.host("alice"), System::core());
    alter(&mut system, way, Method::Invite, |message| {
        let body = bodies(message);
        let unsigned = ["application/sdp", "application/vnd.3gpp.mcptt-info+xml"]
            .into_iter()
            .filter_map(|kind| body.part(kind).cloned())
            .fold(Body::new(), Body::with);
        with_body(&message.octets, &unsigned, &mut SeededRandom::new(9))
    });
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (403, Some(139)));
}

// Group keys ----------------------------------------------------------------------------------------------------

/// A GKTP document with one key message for Alice.
fn document(
    system: &mut System,
    gmk: &Gmk,
    change: impl FnOnce(&mut roger_ibc::UserKeySet),
    signer: &str,
    status: Status,
) -> Vec<u8> {
    let now = system.utc();
    let mut keys = system.domain().key_set_at(signer, now);
    change(&mut keys);
    let parameters = KeyParameters {
        groups: Some(vec![fire()]),
        status,
        ..KeyParameters::new(PurposeTag::Gmk)
    };
    let kms = system.domain().kms().clone();
    let member = user("alice");
    let message = CreateGroupKey {
        gmk,
        member: &member,
        member_domain: &kms,
        gms: &keys,
        parameters: &parameters,
        now: now.to_ntp(),
        options: CreateOptions::GROUP_KEY,
    }
    .build(system.random())
    .unwrap();
    let mut document = Gktps::default();
    document.gmk.keys.push(Gktp {
        id: gmk.guk_id(&member).to_string(),
        activation_time: None,
        message,
    });
    document.write().into_bytes()
}

fn fresh(system: &mut System) -> Gmk {
    Gmk::random(system.random()).unwrap()
}

fn refusals(system: &System) -> usize {
    let refused = |event: &&UeEvent| matches!(event, UeEvent::GroupKeyRefused(_));
    system.events("alice").filter(refused).count()
}

fn held(system: &System) -> KeyId {
    system
        .client("alice")
        .group_keys()
        .sending(&fire(), system.utc())
        .unwrap()
        .gmk
        .id()
}

#[test]
fn a_gmk_signed_by_a_user_is_refused_and_the_key_held_stays() {
    let mut system = ready(130, &["alice"]);
    let before = held(&system);
    let gmk = fresh(&mut system);
    let bob = user("bob");
    let forged = document(&mut system, &gmk, |_| {}, bob.as_str(), Status::VALID);
    system.input("alice", UeInput::GroupKeys(forged));
    assert_eq!((refusals(&system), held(&system)), (1, before));
    // The same under the name of the server.
    let as_server = |keys: &mut roger_ibc::UserKeySet| keys.identity = GMS.to_owned();
    let forged = document(&mut system, &gmk, as_server, bob.as_str(), Status::VALID);
    system.input("alice", UeInput::GroupKeys(forged));
    assert_eq!((refusals(&system), held(&system)), (2, before));
    // The control: the server's own is taken.
    let good = document(&mut system, &gmk, |_| {}, GMS, Status::VALID);
    system.input("alice", UeInput::GroupKeys(good));
    assert_eq!(refusals(&system), 2);
    assert!(
        system
            .keys_told("alice", GroupKeyState::Valid)
            .contains(&gmk.id())
    );
}

#[test]
fn a_rand_that_changes_for_a_known_gmk_id_is_refused() {
    let mut system = ready(131, &["alice"]);
    let gmk = fresh(&mut system);
    let good = document(&mut system, &gmk, |_| {}, GMS, Status::VALID);
    system.input("alice", UeInput::GroupKeys(good));
    let rand = Rand::random(system.random()).unwrap();
    let other = Gmk::new(gmk.secret().clone(), gmk.id(), rand).unwrap();
    system.run(seconds(2));
    let changed = document(&mut system, &other, |_| {}, GMS, Status::VALID);
    system.input("alice", UeInput::GroupKeys(changed));
    assert_eq!(refusals(&system), 1, "{:?}", system.timeline("alice"));
    let store = system.client("alice").group_keys();
    let key = store.receiving(gmk.id(), system.utc()).unwrap();
    assert!(key.gmk == gmk, "the key held stays as it was");
}

#[test]
fn an_old_message_does_not_bring_a_revoked_key_back() {
    let mut system = ready(132, &["alice"]);
    let gmk = fresh(&mut system);
    let valid = document(&mut system, &gmk, |_| {}, GMS, Status::VALID);
    system.input("alice", UeInput::GroupKeys(valid.clone()));
    system.run(seconds(2));
    let revoked = document(&mut system, &gmk, |_| {}, GMS, Status::REVOKED);
    system.input("alice", UeInput::GroupKeys(revoked));
    assert_eq!(
        system.keys_told("alice", GroupKeyState::Revoked),
        [gmk.id()]
    );
    system.input("alice", UeInput::GroupKeys(valid));
    system.run(seconds(2));
    let again = document(&mut system, &gmk, |_| {}, GMS, Status::VALID);
    system.input("alice", UeInput::GroupKeys(again));
    let store = system.client("alice").group_keys();
    assert!(store.receiving(gmk.id(), system.utc()).is_err());
}

#[test]
fn a_user_reads_neither_the_keys_of_another_nor_a_group_that_is_not_hers() {
    let mut system = ready(133, &["alice", "dave"]);
    let root = system.management().settings().xcap_root.clone();
    let alices = format!("{root}org.3gpp.MCPTT-GKTP/users/sip:alice@mcptt.example.org/gktp.xml");
    assert_eq!(system.get("alice", &alices).status, 200);
    assert_eq!(system.get("dave", &alices).status, 403);
    let group = format!(
        "{root}org.openmobilealliance.groups/global/byGroupID/{}",
        fire()
    );
    assert_eq!(system.get("alice", &group).status, 200);
    assert_eq!(system.get("dave", &group).status, 403);
    assert_eq!(not_watching(&system, "dave").0, 403);
}

#[test]
fn the_keys_of_another_open_no_message_of_alice() {
    let mut system = ready(134, &["alice", "dave"]);
    let root = system.management().settings().xcap_root.clone();
    let url = format!("{root}org.3gpp.MCPTT-GKTP/users/sip:alice@mcptt.example.org/gktp.xml");
    let stolen = system.get("alice", &url).body;
    system.input("dave", UeInput::GroupKeys(stolen));
    assert!(system.told("dave", |event| matches!(event, UeEvent::GroupKeyRefused(_))));
    assert!(system.client("dave").group_keys().is_empty());
}

#[test]
fn a_lost_notification_is_made_good_by_the_next() {
    let mut system = ready(135, &["alice", "bob"]);
    let way = (System::core(), system.host("alice"));
    system.on_sip(move |message| {
        let lost = (message.from, message.to) == way && message.is(&Method::Notify);
        if lost { SipFate::Drop } else { SipFate::Pass }
    });
    let water = group("water-2");
    let members = ["alice", "bob"];
    system.put_group(&roger_testkit_simulator::group_document(&water, &members));
    system.leave_alone();
    system.run(seconds(60));
    assert_eq!(system.keys_told("alice", GroupKeyState::Valid).len(), 1);
    system.set_fetching("alice", Fetching::AtOnce);
    system.watch("alice", &[&fire(), &water]);
    assert_eq!(system.keys_told("alice", GroupKeyState::Valid).len(), 2);
}
