//! Keys that the participating function gives to clients: new CSKs, revocation, MuSiK (TS 33.180 cl. 5.8).

use crate::bench::{ALICE, BOB, Bench, CAROL, MALLORY, fire, group_of, impu};
use crate::ue::{floor_release, floor_request, outcome};
use core::time::Duration;
use roger_base::{GroupId, PurposeTag};
use roger_call::body::Body;
use roger_call::feature::{EXPIRES_FOREVER, accepts_mcptt, media_type};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::poc_settings::AnswerMode;
use roger_floor::{FloorBody, FloorIdle, FloorMessage, Ssrc};
use roger_keys::signalling::XmlKeyMode;
use roger_keys::{Csk, KeyMaterial, Mkfc, Musik};
use roger_mcptt::participating::ParticipatingInput;
use roger_media::{Discard, MulticastFloor};
use roger_mikey::{Carriage, Context, OpenError, Receiver, Sender, Verified};
use roger_sip::endpoint::Incoming;
use roger_sip::message::{Method, StatusCode};
use roger_srtp::FloorContext;
use roger_testkit_domain::{DOMAIN, user};

pub(crate) fn order(bench: &mut Bench, input: ParticipatingInput) {
    bench.with_pf(|node, clocks, random| node.input(clocks, random, input));
    bench.settle();
}

/// The key download that a UE got.
fn downloaded(bench: &mut Bench, index: usize) -> Incoming {
    let incoming = bench.incoming(index).expect("a key download");
    assert_eq!(*incoming.request.method(), Method::Message);
    incoming
}

/// Opens a download as the client does: it must be of the MDSI.
fn open(
    bench: &Bench,
    index: usize,
    incoming: &Incoming,
) -> Result<Verified<KeyMaterial>, OpenError> {
    let body = Body::of(incoming.request.headers(), incoming.request.body()).unwrap();
    let context = Context {
        key_sets: core::slice::from_ref(&bench.ues[index].keys),
        domains: &[],
        sender: Sender::OneOf(&[DOMAIN]),
        carriage: Carriage::Live,
        now: bench.clocks().utc.to_ntp(),
    };
    let purposes = [PurposeTag::Csk, PurposeTag::Musik];
    let message = body.octets(media_type::MIKEY).unwrap();
    Receiver::default().open_key(message, &context, &purposes)
}

fn offered_csk(bench: &mut Bench, index: usize) -> (Incoming, BoundCsk) {
    let incoming = downloaded(bench, index);
    let verified = open(bench, index, &incoming).unwrap();
    let csk = Csk::try_from(verified.key).unwrap();
    let owner = bench.ues[index].user.clone();
    let bound = BoundCsk::new(csk, owner, Vec::new(), XmlKeyMode::Derived);
    (incoming, bound)
}

/// Alice is logged in and has been offered another CSK: the MESSAGE that waits, the CSK from before and the new one.
fn offering() -> (Bench, Incoming, [BoundCsk; 2]) {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    order(&mut bench, ParticipatingInput::RenewKeys(user("alice")));
    let (incoming, new) = offered_csk(&mut bench, ALICE);
    let old = held(&bench, ALICE);
    (bench, incoming, [old, new])
}

/// What a settings-only PUBLISH under a key comes to.
fn publish_under(bench: &mut Bench, index: usize, csk: &BoundCsk) -> (u16, Option<u16>) {
    let ue = &bench.ues[index];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect_with(csk, documents);
    outcome(&bench.publish_settings(index, EXPIRES_FOREVER, None, &body))
}

fn held(bench: &Bench, index: usize) -> BoundCsk {
    bench.ues[index].csk.clone().unwrap()
}

#[test]
fn a_new_csk_is_one_of_the_mdsi_and_names_nobody() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    order(&mut bench, ParticipatingInput::RenewKeys(user("alice")));
    let (incoming, csk) = offered_csk(&mut bench, ALICE);
    assert!(accepts_mcptt(incoming.request.headers()));
    assert_ne!(csk.csk.id(), held(&bench, ALICE).csk.id());
    let octets = incoming.request.body();
    let name = b"alice@";
    assert!(octets.windows(name.len()).all(|window| window != name));
}

#[test]
fn a_csk_that_was_taken_replaces_the_old_one() {
    let (mut bench, incoming, [old, new]) = offering();
    bench.decline(ALICE, &incoming, 200, 0);
    assert_eq!(
        publish_under(&mut bench, ALICE, &old),
        (200, None),
        "in transit"
    );
    assert_eq!(publish_under(&mut bench, ALICE, &new), (200, None));
    assert_eq!(publish_under(&mut bench, ALICE, &old), (403, Some(139)));
}

#[test]
fn a_csk_is_taken_before_its_answer_is_here() {
    let (mut bench, incoming, [old, new]) = offering();
    assert_eq!(publish_under(&mut bench, ALICE, &new), (200, None));
    assert_eq!(publish_under(&mut bench, ALICE, &old), (403, Some(139)));
    bench.decline(ALICE, &incoming, 200, 0);
    assert_eq!(publish_under(&mut bench, ALICE, &new), (200, None));
}

#[test]
fn a_client_that_refuses_keeps_its_key() {
    for status in [488, 403, 500, 600] {
        let (mut bench, incoming, [old, new]) = offering();
        bench.decline(ALICE, &incoming, status, 136);
        assert_eq!(publish_under(&mut bench, ALICE, &new), (403, Some(139)));
        assert_eq!(publish_under(&mut bench, ALICE, &old), (200, None));
        // And it can be offered another one.
        order(&mut bench, ParticipatingInput::RenewKeys(user("alice")));
        let (incoming, newer) = offered_csk(&mut bench, ALICE);
        assert_ne!(newer.csk.id(), new.csk.id());
        bench.decline(ALICE, &incoming, 200, 0);
        assert_eq!(publish_under(&mut bench, ALICE, &newer), (200, None));
    }
}

#[test]
fn a_download_without_answer_leaves_both_keys_for_five_minutes() {
    let (mut bench, _, [old, new]) = offering();
    bench.pass(Duration::from_secs(40));
    assert_eq!(publish_under(&mut bench, ALICE, &old), (200, None));
    bench.pass(Duration::from_secs(301));
    assert_eq!(publish_under(&mut bench, ALICE, &new), (403, Some(139)));
    assert_eq!(publish_under(&mut bench, ALICE, &old), (200, None));
}

#[test]
fn a_key_that_the_client_uploads_meanwhile_goes_before() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    order(&mut bench, ParticipatingInput::RenewKeys(user("alice")));
    let (incoming, offered) = offered_csk(&mut bench, ALICE);
    assert_eq!(outcome(&bench.authorise(ALICE)), (200, None));
    bench.decline(ALICE, &incoming, 200, 0);
    assert_eq!(publish_under(&mut bench, ALICE, &offered), (403, Some(139)));
    let own = held(&bench, ALICE);
    assert_eq!(publish_under(&mut bench, ALICE, &own), (200, None));
}

/// A fresh token alone, under a key that the server has (TS 24.379 cl. 7.3.3).
fn token_under(bench: &mut Bench, index: usize, csk: &BoundCsk) -> (u16, Option<u16>) {
    let token = bench.token(index);
    let ue = &bench.ues[index];
    let documents = Body::new()
        .with_document(&ue.token_info(&token))
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect_with(csk, documents);
    outcome(&bench.publish_settings(index, EXPIRES_FOREVER, None, &body))
}

#[test]
fn a_token_alone_does_not_take_back_the_key_on_its_way() {
    let (mut bench, incoming, [old, new]) = offering();
    // The client authorises under its old key; then the new one arrives and is taken.
    assert_eq!(token_under(&mut bench, ALICE, &old), (200, None));
    bench.decline(ALICE, &incoming, 200, 0);
    assert_eq!(publish_under(&mut bench, ALICE, &new), (200, None));
    assert_eq!(publish_under(&mut bench, ALICE, &old), (403, Some(139)));
}

#[test]
fn a_token_comes_under_any_key_that_is_taken() {
    let (mut bench, incoming, [old, new]) = offering();
    bench.decline(ALICE, &incoming, 200, 0);
    // Sent before the new key was there; the new one stays the current one.
    assert_eq!(token_under(&mut bench, ALICE, &old), (200, None));
    order(&mut bench, ParticipatingInput::RenewKeys(user("alice")));
    let (_, newest) = offered_csk(&mut bench, ALICE);
    assert_eq!(publish_under(&mut bench, ALICE, &new), (200, None));
    // Sent before the answer to the download was there.
    assert_eq!(token_under(&mut bench, ALICE, &newest), (200, None));
    assert_eq!(publish_under(&mut bench, ALICE, &new), (403, Some(139)));
    assert_eq!(publish_under(&mut bench, ALICE, &newest), (200, None));
}

#[test]
fn floor_control_takes_the_key_on_its_way_after_a_token_too() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench.group_call(ALICE, &[BOB]);
    bench.send_floor(ALICE, floor_release());
    bench.ues[BOB].floor_messages();
    order(&mut bench, ParticipatingInput::RenewKeys(user("bob")));
    let (_, new) = offered_csk(&mut bench, BOB);
    let old = held(&bench, BOB);
    assert_eq!(token_under(&mut bench, BOB, &old), (200, None));
    let mut under_new = FloorContext::for_csk(&new.csk).unwrap();
    let packet = under_new
        .protect(&bench.ues[BOB].plain(floor_request()))
        .unwrap();
    bench.send_floor_octets(BOB, &packet);
    assert_eq!(bench.ues[BOB].floor_names(), ["Floor Granted"]);
}

#[test]
fn one_download_at_a_time_and_none_for_who_is_not_there() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    for name in ["alice", "alice", "bob", "nobody"] {
        order(&mut bench, ParticipatingInput::RenewKeys(user(name)));
    }
    downloaded(&mut bench, ALICE);
    assert!(bench.incoming(ALICE).is_none());
    assert!(bench.incoming(BOB).is_none());
}

#[test]
fn floor_control_of_a_running_call_goes_on_under_the_new_csk() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench.group_call(ALICE, &[BOB]);
    bench.send_floor(ALICE, floor_release());
    bench.ues[BOB].floor_messages();
    order(&mut bench, ParticipatingInput::RenewKeys(user("bob")));
    let (incoming, new) = offered_csk(&mut bench, BOB);
    // Bob's next packet overtakes his answer; the server still answers under the old key.
    let mut under_new = FloorContext::for_csk(&new.csk).unwrap();
    let packet = under_new
        .protect(&bench.ues[BOB].plain(floor_request()))
        .unwrap();
    bench.send_floor_octets(BOB, &packet);
    assert_eq!(bench.ues[BOB].floor_names(), ["Floor Granted"]);
    bench.decline(BOB, &incoming, 200, 0);
    bench.ues[BOB].csk = Some(new);
    bench.ues[BOB].floor = Some(under_new);
    bench.send_floor(BOB, floor_release());
    assert!(bench.ues[BOB].floor_names().contains(&"Floor Idle"));
}

// Revocation ---------------------------------------------------------------------------------------------------

#[test]
fn a_revoked_csk_opens_nothing_and_the_client_is_told() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench.group_call(ALICE, &[BOB]);
    let old = held(&bench, ALICE);
    order(&mut bench, ParticipatingInput::RevokeKeys(user("alice")));
    let incoming = downloaded(&mut bench, ALICE);
    let refused = open(&bench, ALICE, &incoming).err();
    assert_eq!(refused, Some(OpenError::PeerRevoked(old.csk.id())));
    bench.decline(ALICE, &incoming, 200, 0);
    // Under the old key nothing is taken, of SIP or of floor control; the client is asked to authorise.
    assert_eq!(publish_under(&mut bench, ALICE, &old), (404, Some(141)));
    bench.ues[ALICE].floor_heard.clear();
    bench.send_floor(ALICE, floor_release());
    assert!(bench.ues[ALICE].floor_heard.is_empty());
    // The same key again, in a new message, is refused; a fresh one is taken, and the call goes on under it.
    let again = wrap_again(&mut bench, ALICE, &old);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &again, &token);
    let response = bench.publish_settings(ALICE, EXPIRES_FOREVER, None, &body);
    assert_eq!(outcome(&response), (403, Some(136)));
    assert_eq!(outcome(&bench.authorise(ALICE)), (200, None));
    bench.send_floor(ALICE, floor_release());
    assert!(bench.ues[ALICE].floor_names().contains(&"Floor Idle"));
}

fn wrap_again(bench: &mut Bench, index: usize, old: &BoundCsk) -> BoundCsk {
    let clocks = bench.clocks();
    let ue = &bench.ues[index];
    ue.wrap_csk(
        old.csk.clone(),
        &ue.keys,
        &bench.domain,
        clocks,
        &mut bench.random,
    )
}

#[test]
fn nothing_is_sent_to_a_client_in_clear_after_a_revocation() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.log_in(BOB);
    order(&mut bench, ParticipatingInput::RevokeKeys(user("alice")));
    downloaded(&mut bench, ALICE);
    let body = bench.private_invite_body(BOB, &[&user("alice")], None);
    let body = bench.protect(BOB, body);
    let handle = bench.invite(BOB, &[], &body);
    let response = bench.response_to(BOB, handle).unwrap();
    assert_eq!(outcome(&response), (488, None));
    assert!(bench.incoming(ALICE).is_none());
    bench.assert_no_media_ports();
}

// MuSiK --------------------------------------------------------------------------------------------------------

fn idle() -> Vec<u8> {
    let idle = FloorBody::from(FloorIdle {
        message_sequence_number: None,
        track_info: None,
        floor_indicator: None,
    });
    FloorMessage::new(Ssrc(0xF100), idle).encode().unwrap()
}

/// Takes the MuSiK that a UE got; the keys it holds.
fn take_musik(bench: &mut Bench, index: usize) -> (MulticastFloor, Musik) {
    let incoming = downloaded(bench, index);
    let verified = open(bench, index, &incoming).unwrap();
    let groups = verified.parameters.unwrap().groups.unwrap();
    assert_eq!(groups, [fire()]);
    let musik = Musik::try_from(verified.key).unwrap();
    let mut keys = MulticastFloor::new();
    keys.add(FloorContext::for_musik(&musik).unwrap(), &groups, None)
        .unwrap();
    bench.decline(index, &incoming, 200, 0);
    (keys, musik)
}

fn multicast(bench: &mut Bench, group: &GroupId) -> Result<Vec<u8>, Discard> {
    let mut packet = None;
    bench.with_pf(|node, clocks, _| {
        let function = node.application_mut();
        packet = Some(function.multicast_floor(group, &idle(), clocks.utc));
    });
    packet.unwrap()
}

#[test]
fn one_packet_under_the_musik_reaches_every_affiliated_client() {
    let mut bench = Bench::new();
    bench.put_group(group_of(&[ALICE, BOB]));
    for index in [ALICE, BOB] {
        bench.join_group(index);
    }
    bench.log_in(CAROL);
    order(&mut bench, ParticipatingInput::ShareMulticastKey(fire()));
    let (mut alice, one) = take_musik(&mut bench, ALICE);
    let (mut bob, two) = take_musik(&mut bench, BOB);
    assert_eq!(one.id(), two.id());
    assert!(bench.incoming(CAROL).is_none(), "Carol is not affiliated");
    let packet = multicast(&mut bench, &fire()).unwrap();
    assert!(packet.ends_with(&one.mki()));
    let now = bench.clocks().utc;
    for keys in [&mut alice, &mut bob] {
        assert_eq!(keys.receive(&fire(), &packet, now).unwrap(), idle());
        assert!(keys.receive(&fire(), &packet, now).is_err(), "replayed");
        assert!(keys.receive(&fire(), &idle(), now).is_err(), "in clear");
    }
    // Who has it does not get it again.
    order(&mut bench, ParticipatingInput::ShareMulticastKey(fire()));
    assert!(bench.incoming(ALICE).is_none() && bench.incoming(BOB).is_none());
    order(&mut bench, ParticipatingInput::RenewMulticastKey(fire()));
    let (_, new) = take_musik(&mut bench, ALICE);
    assert_ne!(new.id(), one.id());
    assert!(
        multicast(&mut bench, &fire())
            .unwrap()
            .ends_with(&new.mki())
    );
}

#[test]
fn a_client_that_did_not_take_the_musik_is_asked_again() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    order(&mut bench, ParticipatingInput::ShareMulticastKey(fire()));
    let incoming = downloaded(&mut bench, ALICE);
    bench.decline(ALICE, &incoming, 488, 136);
    order(&mut bench, ParticipatingInput::ShareMulticastKey(fire()));
    take_musik(&mut bench, ALICE);
}

#[test]
fn without_a_musik_the_mkfc_protects() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    assert!(matches!(
        multicast(&mut bench, &fire()),
        Err(Discard::LocalNoMulticastKey)
    ));
    let mkfc = Mkfc::random(&mut bench.random).unwrap();
    let input = ParticipatingInput::MulticastFloorKey(fire(), mkfc.clone());
    order(&mut bench, input);
    assert!(
        multicast(&mut bench, &fire())
            .unwrap()
            .ends_with(&mkfc.mki())
    );
    order(&mut bench, ParticipatingInput::ShareMulticastKey(fire()));
    let (_, musik) = take_musik(&mut bench, ALICE);
    assert!(
        multicast(&mut bench, &fire())
            .unwrap()
            .ends_with(&musik.mki())
    );
}

// Withdrawal ---------------------------------------------------------------------------------------------------

fn withdraw(bench: &mut Bench, name: &str) {
    order(bench, ParticipatingInput::Withdraw(user(name)));
}

fn fresh_token(bench: &Bench, index: usize) -> String {
    let now = bench.clocks().utc.0;
    let scope = roger_oidc::Resource::McpttServer.scope();
    let user = &bench.ues[index].user;
    bench.domain.token_issued(user, scope, now, now + 3_600)
}

#[test]
fn a_withdrawn_user_is_told_loses_everything_and_needs_a_new_token() {
    let mut bench = Bench::new();
    for index in [ALICE, BOB, CAROL] {
        bench.join_group(index);
    }
    bench.group_call(BOB, &[ALICE, CAROL]);
    let old = held(&bench, ALICE);
    bench.pass(Duration::from_secs(20));
    withdraw(&mut bench, "alice");
    let (mut told, mut hung_up) = (false, false);
    while let Some(incoming) = bench.incoming(ALICE) {
        match incoming.request.method() {
            Method::Message => {
                let refused = open(&bench, ALICE, &incoming).err();
                told = refused == Some(OpenError::PeerRevoked(old.csk.id()));
            }
            Method::Bye => hung_up = true,
            other => panic!("{other}"),
        }
        bench.decline(ALICE, &incoming, 200, 0);
    }
    assert!(told && hung_up);
    assert!(!bench.is_bound(ALICE) && bench.is_bound(BOB));
    assert_eq!(publish_under(&mut bench, ALICE, &old), (404, Some(141)));
    // The old token does not open this server again, the next log-in does.
    assert_eq!(outcome(&bench.authorise(ALICE)), (403, Some(101)));
    bench.pass(Duration::from_secs(5));
    let (csk, token) = (bench.new_csk(ALICE), fresh_token(&bench, ALICE));
    let body = bench.authorising_body(ALICE, &csk, &token);
    let response = bench.publish_settings(ALICE, EXPIRES_FOREVER, None, &body);
    assert_eq!(outcome(&response), (200, None));
    // Bob's service went on all the time.
    bench.ues[BOB].floor_heard.clear();
    bench.send_floor(BOB, floor_release());
    assert!(bench.ues[BOB].floor_names().contains(&"Floor Idle"));
}

#[test]
fn a_withdrawal_ends_every_client_of_the_user_and_nobody_else() {
    let mut bench = Bench::new();
    for index in [ALICE, BOB, CAROL] {
        if index == BOB {
            bench.ues[BOB].user = user("alice");
            bench.ues[BOB].keys = bench.domain.key_set(user("alice").as_str());
        }
        bench.log_in(index);
    }
    withdraw(&mut bench, "alice");
    withdraw(&mut bench, "nobody");
    assert!(!bench.is_bound(ALICE) && !bench.is_bound(BOB) && bench.is_bound(CAROL));
    assert!(bench.pf.application().bound(&impu(MALLORY)).is_none());
}

#[test]
fn a_register_with_the_old_token_after_a_withdrawal_is_limited_service() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    withdraw(&mut bench, "alice");
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let documents = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let body = bench.with_csk_message(&csk, documents);
    let tags = roger_call::feature::CONTACT_PARAMETERS;
    let response = bench.register_with(ALICE, tags, 3_600, &body);
    assert_eq!(response.status(), StatusCode::OK, "the registration stands");
    assert!(!bench.is_bound(ALICE));
}
