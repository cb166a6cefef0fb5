//! What the machines say in the cases the state tables do not show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_floor::field::*;
use roger_floor::participant::{
    self, Answer, FloorParticipant, ImplicitRequest, ParticipantConfig,
};
use roger_floor::server::*;
use roger_floor::{
    AckRequest, Error, FloorBody, FloorMessage, FloorRequest, FloorRevokeRequest, Ssrc,
};
use support::machines::*;

const NORMAL: FloorIndicator = FloorIndicator::NORMAL_CALL;
const EMERGENCY: FloorIndicator = FloorIndicator::EMERGENCY_CALL;
const ALICE: ParticipantId = ParticipantId(1);
const BOB: ParticipantId = ParticipantId(2);

fn attributes(name: &str) -> Attributes {
    Attributes::new(user(name))
}

fn server_with(
    config: ServerConfig,
    members: &[(ParticipantId, Attributes)],
) -> FloorControlServer {
    let mut server = FloorControlServer::new(config);
    for (participant, attributes) in members {
        let attributes = Box::new(attributes.clone());
        let join = Input::Join {
            participant: *participant,
            attributes,
            implicit_request: None,
        };
        server.handle(at(0), join).unwrap();
    }
    while server.poll().is_some() {}
    server
}

/// The messages sent after a request.
fn after_request(
    server: &mut FloorControlServer,
    from: ParticipantId,
    request: FloorRequest,
) -> Vec<(ParticipantId, FloorMessage)> {
    let message = FloorMessage::new(CLIENT, request);
    server
        .handle(at(0), Input::Floor { from, message })
        .unwrap();
    sent(server)
}

fn sent(server: &mut FloorControlServer) -> Vec<(ParticipantId, FloorMessage)> {
    std::iter::from_fn(|| server.poll())
        .filter_map(|output| match output {
            Output::Send { to, message } => Some((to, message)),
            _ => None,
        })
        .collect()
}

fn taken_to(
    messages: &[(ParticipantId, FloorMessage)],
    who: ParticipantId,
) -> roger_floor::FloorTaken {
    let found = messages
        .iter()
        .find_map(|(to, message)| match &message.body {
            FloorBody::FloorTaken(taken) if *to == who => Some(taken.clone()),
            _ => None,
        });
    found.expect("Floor Taken")
}

#[test]
fn only_one_participant_is_denied_with_3() {
    let mut server = server_with(ServerConfig::new(SERVER), &[(ALICE, attributes("alice"))]);
    let messages = after_request(&mut server, ALICE, request(0, NORMAL));
    assert_eq!(brief(&messages[0].1), "Deny #3");
}

#[test]
fn the_originator_gets_the_floor_with_the_answer_although_alone() {
    let mut server = FloorControlServer::new(ServerConfig::new(SERVER));
    let implicit_request = Some(request(0, NORMAL));
    let join = Input::Join {
        participant: ALICE,
        attributes: Box::new(attributes("alice")),
        implicit_request,
    };
    server.handle(at(0), join).unwrap();
    let outputs: Vec<_> = std::iter::from_fn(|| server.poll()).collect();
    assert!(outputs.contains(&Output::ImplicitRequest {
        participant: ALICE,
        outcome: ImplicitOutcome::Granted
    }));
    let late = Input::Join {
        participant: BOB,
        attributes: Box::new(attributes("bob")),
        implicit_request: None,
    };
    server.handle(at(100), late).unwrap();
    assert_eq!(
        brief(&sent(&mut server)[0].1),
        "Taken ali n1",
        "the invited member is told who talks"
    );
}

#[test]
fn a_receive_only_member_is_denied_with_5_and_told_so_in_taken() {
    let listener = Attributes {
        request_right: RequestRight::ReceiveOnly,
        ..attributes("bob")
    };
    let members = [(ALICE, attributes("alice")), (BOB, listener)];
    let mut server = server_with(ServerConfig::new(SERVER), &members);
    assert_eq!(
        brief(&after_request(&mut server, BOB, request(0, EMERGENCY))[0].1),
        "Deny #5"
    );
    let messages = after_request(&mut server, ALICE, request(0, NORMAL));
    assert_eq!(
        taken_to(&messages, BOB).permission,
        Some(PermissionToRequestTheFloor::NotPermitted)
    );
}

#[test]
fn only_the_originator_talks_in_a_broadcast_call() {
    let config = ServerConfig {
        broadcast_originator: Some(ALICE),
        ..ServerConfig::new(SERVER)
    };
    let emergency = Attributes {
        authorised_condition: Condition::Emergency,
        ..attributes("bob")
    };
    let mut server = server_with(config, &[(ALICE, attributes("alice")), (BOB, emergency)]);
    assert_eq!(
        brief(&after_request(&mut server, BOB, request(0, NORMAL))[0].1),
        "Deny #5"
    );
    let messages = after_request(&mut server, ALICE, request(0, NORMAL));
    assert_eq!(
        taken_to(&messages, BOB).permission,
        Some(PermissionToRequestTheFloor::NotPermitted)
    );
    assert_eq!(
        brief(&after_request(&mut server, BOB, request(0, EMERGENCY))[0].1),
        "Deny #5"
    );
}

#[test]
fn an_emergency_bit_without_authority_takes_nothing() {
    let members = [(ALICE, attributes("alice")), (BOB, attributes("bob"))];
    let mut server = server_with(ServerConfig::new(SERVER), &members);
    after_request(&mut server, ALICE, request(0, NORMAL));
    assert_eq!(
        brief(&after_request(&mut server, BOB, request(255, EMERGENCY))[0].1),
        "Deny #1"
    );
    assert_eq!(server.holder(), Some(ALICE));
}

#[test]
fn priority_counts_only_as_negotiated_and_only_if_the_policy_says_so() {
    let negotiated = |limit: Option<u8>| Attributes {
        negotiated: Negotiated {
            queueing: Queueing::NotSupported,
            priority: limit.map(FloorPriority),
        },
        member_priority: FloorPriority(3),
        ..attributes("bob")
    };
    let talker = Attributes {
        member_priority: FloorPriority(4),
        ..attributes("alice")
    };
    let outcome = |policy, bob: Attributes| {
        let config = ServerConfig {
            override_policy: policy,
            ..ServerConfig::new(SERVER)
        };
        let mut server = server_with(config, &[(ALICE, talker.clone()), (BOB, bob)]);
        after_request(&mut server, ALICE, request(0, NORMAL));
        brief(&after_request(&mut server, BOB, request(9, NORMAL))[0].1)
    };
    assert_eq!(
        outcome(OverridePolicy::ByPriority, negotiated(Some(9))),
        "Revoke #4"
    );
    assert_eq!(
        outcome(OverridePolicy::ByPriority, negotiated(Some(4))),
        "Deny #1",
        "equals do not override"
    );
    assert_eq!(
        outcome(OverridePolicy::ByPriority, negotiated(None)),
        "Deny #1",
        "not negotiated: the member's own"
    );
    assert_eq!(
        outcome(OverridePolicy::ByCondition, negotiated(Some(9))),
        "Deny #1"
    );
    assert_eq!(
        outcome(OverridePolicy::Never, negotiated(Some(9))),
        "Deny #1"
    );
}

#[test]
fn a_talker_that_comes_into_an_emergency_cannot_be_overridden_by_another_emergency() {
    let emergency = |name| Attributes {
        authorised_condition: Condition::Emergency,
        ..attributes(name)
    };
    let members = [(ALICE, emergency("alice")), (BOB, emergency("bob"))];
    let mut server = server_with(ServerConfig::new(SERVER), &members);
    after_request(&mut server, ALICE, request(0, NORMAL));
    after_request(&mut server, ALICE, request(0, EMERGENCY));
    assert_eq!(
        brief(&after_request(&mut server, BOB, request(0, EMERGENCY))[0].1),
        "Deny #1"
    );
}

#[test]
fn taken_says_what_may_be_said_of_the_talker() {
    let alias = FunctionalAlias::new("sip:leader@mcx.example").unwrap();
    let ask = FloorRequest {
        functional_alias: Some(alias.clone()),
        location: Some(Location::MbsfnArea(9)),
        ..request(0, NORMAL)
    };
    let taken = |alice: Attributes| {
        let mut server = server_with(
            ServerConfig::new(SERVER),
            &[(ALICE, alice), (BOB, attributes("bob"))],
        );
        taken_to(&after_request(&mut server, ALICE, ask.clone()), BOB)
    };
    let active = Attributes {
        functional_aliases: vec![alias.clone()],
        audio_ssrc: Some(AUDIO),
        ..attributes("alice")
    };
    let open = taken(active.clone());
    assert_eq!(
        open.granted_partys_identity,
        Some(GrantedPartysIdentity(user("alice")))
    );
    assert_eq!(
        (open.functional_alias, open.ssrc),
        (Some(alias), Some(AUDIO))
    );
    assert_eq!(open.location, Some(Location::MbsfnArea(9)));
    assert_eq!(
        taken(attributes("alice")).functional_alias,
        None,
        "an alias that was not activated is not shown"
    );
    let private = taken(Attributes {
        identity_disclosure: IdentityDisclosure::Withheld,
        ..active
    });
    assert_eq!(
        (
            private.granted_partys_identity,
            private.functional_alias,
            private.location
        ),
        (None, None, None)
    );
    assert_eq!(private.ssrc, Some(AUDIO));
}

#[test]
fn track_info_comes_back_in_every_answer() {
    let track_info = Some(TrackInfo {
        queueing: Queueing::Supported,
        participant_type: "unit".into(),
        references: vec![0xC0FF_EE01],
    });
    let ask = FloorRequest {
        track_info: track_info.clone(),
        ..request(0, NORMAL)
    };
    let mut server = server_with(
        ServerConfig::new(SERVER),
        &[(ALICE, attributes("alice")), (BOB, attributes("bob"))],
    );
    let granted = &after_request(&mut server, ALICE, ask.clone())[0].1;
    assert!(
        matches!(&granted.body, FloorBody::FloorGranted(body) if body.track_info == track_info)
    );
    let denied = &after_request(&mut server, BOB, ask)[0].1;
    assert!(matches!(&denied.body, FloorBody::FloorDeny(body) if body.track_info == track_info));
}

#[test]
fn the_header_carries_the_number_the_client_asked_for() {
    let bob = Attributes {
        floor_ssrc: Some(Ssrc(77)),
        ..attributes("bob")
    };
    let mut server = server_with(
        ServerConfig::new(SERVER),
        &[(ALICE, attributes("alice")), (BOB, bob)],
    );
    let messages = after_request(&mut server, ALICE, request(0, NORMAL));
    let ssrcs: Vec<_> = messages
        .iter()
        .map(|(to, message)| (*to, message.ssrc))
        .collect();
    assert_eq!(ssrcs, [(ALICE, SERVER), (BOB, Ssrc(77))]);
}

#[test]
fn the_kind_of_call_is_in_every_message_from_its_change_on() {
    let mut server = server_with(
        ServerConfig::new(SERVER),
        &[(ALICE, attributes("alice")), (BOB, attributes("bob"))],
    );
    server
        .handle(at(0), Input::FloorIndicator(EMERGENCY))
        .unwrap();
    let messages = after_request(&mut server, ALICE, request(0, NORMAL));
    assert!(
        matches!(&messages[0].1.body, FloorBody::FloorGranted(body) if body.floor_indicator == Some(EMERGENCY))
    );
    assert_eq!(taken_to(&messages, BOB).floor_indicator, Some(EMERGENCY));
}

#[test]
fn a_grant_asks_for_acknowledgement_when_configured() {
    let config = ServerConfig {
        acknowledge_granted: AckRequest::Requested,
        ..ServerConfig::new(SERVER)
    };
    let mut server = server_with(
        config,
        &[(ALICE, attributes("alice")), (BOB, attributes("bob"))],
    );
    assert_eq!(
        brief(&after_request(&mut server, ALICE, request(0, NORMAL))[0].1),
        "Granted 30s +ack"
    );
}

#[test]
fn the_last_listener_leaving_revokes_with_1() {
    let mut server = server_with(
        ServerConfig::new(SERVER),
        &[(ALICE, attributes("alice")), (BOB, attributes("bob"))],
    );
    after_request(&mut server, ALICE, request(0, NORMAL));
    server.handle(at(10), Input::Leave(BOB)).unwrap();
    assert_eq!(brief(&sent(&mut server)[0].1), "Revoke #1");
}

#[test]
fn an_authorised_participant_has_the_talker_revoked_with_7() {
    let chair = Attributes {
        revoke_right: RevokeRight::AnyTalker,
        ..attributes("bob")
    };
    let mut server = server_with(
        ServerConfig::new(SERVER),
        &[(ALICE, attributes("alice")), (BOB, chair)],
    );
    after_request(&mut server, ALICE, request(0, NORMAL));
    let name = |name| {
        FloorMessage::new(
            CLIENT,
            FloorRevokeRequest {
                user: FloorRevokeRequestUserId(user(name)),
            },
        )
    };
    server
        .handle(
            at(0),
            Input::Floor {
                from: BOB,
                message: name("carol"),
            },
        )
        .unwrap();
    assert_eq!(sent(&mut server), [], "carol does not talk");
    server
        .handle(
            at(0),
            Input::Floor {
                from: ALICE,
                message: name("alice"),
            },
        )
        .unwrap();
    assert_eq!(sent(&mut server), [], "alice has no right to revoke");
    server
        .handle(
            at(0),
            Input::Floor {
                from: BOB,
                message: name("alice"),
            },
        )
        .unwrap();
    assert_eq!(brief(&sent(&mut server)[0].1), "Revoke #7");
}

#[test]
fn an_identity_that_no_field_can_carry_is_not_let_in() {
    let long = roger_base::McpttId::new(format!("sip:{}", "a".repeat(252))).unwrap();
    let mut server = FloorControlServer::new(ServerConfig::new(SERVER));
    let attributes = Box::new(Attributes::new(long));
    let join = Input::Join {
        participant: ALICE,
        attributes,
        implicit_request: None,
    };
    assert_eq!(
        server.handle(at(0), join),
        Err(Error::LocalFieldTooLong { id: 6, length: 256 })
    );
    assert_eq!(server.state(), "Start-stop");
}

fn client(config: ParticipantConfig) -> FloorParticipant {
    let mut client = FloorParticipant::new(config);
    client
        .handle(at(0), participant::Input::CallAccepted)
        .unwrap();
    client
}

fn outputs(client: &mut FloorParticipant, input: participant::Input) -> Vec<participant::Output> {
    client.handle(at(0), input).unwrap();
    std::iter::from_fn(|| client.poll()).collect()
}

#[test]
fn a_request_carries_what_the_user_is() {
    let alias = FunctionalAlias::new("sip:leader@mcx.example").unwrap();
    let config = ParticipantConfig {
        floor_priority: FloorPriority(7),
        functional_alias: Some(alias.clone()),
        ..ParticipantConfig::new(CLIENT)
    };
    let mut client = client(config);
    outputs(&mut client, participant::Input::FloorIndicator(EMERGENCY));
    outputs(
        &mut client,
        participant::Input::Location(Some(Location::NotProvided)),
    );
    let wanted = FloorRequest {
        functional_alias: Some(alias),
        location: Some(Location::NotProvided),
        ..request(7, EMERGENCY)
    };
    let sent = outputs(&mut client, participant::Input::PttPressed);
    assert_eq!(
        sent,
        [participant::Output::Send(FloorMessage::new(CLIENT, wanted))]
    );
}

#[test]
fn a_client_that_may_not_ask_does_not_ask() {
    let mut client = client(ParticipantConfig::new(CLIENT));
    let listen = taken(1, PermissionToRequestTheFloor::NotPermitted, NORMAL);
    outputs(&mut client, participant::Input::Floor(listen));
    let refused = [participant::Output::NoRequest(
        participant::NoRequest::NotPermitted,
    )];
    assert_eq!(
        outputs(&mut client, participant::Input::PttPressed),
        refused
    );
    outputs(&mut client, participant::Input::PttReleased);
    outputs(&mut client, participant::Input::Floor(idle(2, NORMAL)));
    assert_eq!(
        outputs(&mut client, participant::Input::PttPressed).len(),
        1,
        "after Idle it asks again"
    );
    assert_eq!(client.state(), "U: pending Request");
}

#[test]
fn copies_of_one_taken_are_told_once_and_lower_numbers_are_not_dropped() {
    let mut client = client(ParticipantConfig::new(CLIENT));
    let message = |number| {
        participant::Input::Floor(taken(
            number,
            PermissionToRequestTheFloor::Permitted,
            NORMAL,
        ))
    };
    assert_eq!(outputs(&mut client, message(7)).len(), 1);
    assert_eq!(outputs(&mut client, message(7)).len(), 0);
    assert_eq!(outputs(&mut client, message(3)).len(), 1);
    let idle = || participant::Input::Floor(idle(2, NORMAL));
    assert_eq!(outputs(&mut client, idle()), [participant::Output::Idle]);
    assert_eq!(outputs(&mut client, idle()), []);
}

#[test]
fn only_the_announced_talker_is_heard() {
    let mut client = client(ParticipantConfig::new(CLIENT));
    assert!(
        client.renders(AUDIO),
        "nothing announced: a lost Floor Taken must not make a call silent"
    );
    outputs(
        &mut client,
        participant::Input::Floor(taken(1, PermissionToRequestTheFloor::Permitted, NORMAL)),
    );
    assert!(client.renders(Ssrc(0x5566_7788)));
    assert!(!client.renders(AUDIO));
}

#[test]
fn the_originator_of_a_broadcast_call_leaves_after_its_burst() {
    let role = participant::CallRole::BroadcastOriginator;
    let mut client = client(ParticipantConfig {
        role,
        ..ParticipantConfig::new(CLIENT)
    });
    outputs(&mut client, participant::Input::PttPressed);
    outputs(&mut client, participant::Input::Floor(granted(NORMAL)));
    outputs(&mut client, participant::Input::PttReleased);
    let last = outputs(&mut client, participant::Input::Floor(idle(2, NORMAL)));
    assert_eq!(last.last(), Some(&participant::Output::LeaveCall));
    assert_eq!(client.state(), "Releasing");
}

#[test]
fn an_unasked_grant_opens_the_microphone_only_in_ambient_listening() {
    let role = participant::CallRole::AmbientListening;
    let mut ambient = client(ParticipantConfig {
        role,
        ..ParticipantConfig::new(CLIENT)
    });
    outputs(&mut ambient, participant::Input::Floor(granted(NORMAL)));
    assert!(ambient.may_talk());
    let mut other = client(ParticipantConfig::new(CLIENT));
    outputs(&mut other, participant::Input::Floor(granted(NORMAL)));
    assert!(!other.may_talk());
}

#[test]
fn a_button_pressed_again_while_the_release_is_pending_asks_again() {
    let mut client = client(ParticipantConfig::new(CLIENT));
    outputs(&mut client, participant::Input::PttPressed);
    outputs(&mut client, participant::Input::Floor(granted(NORMAL)));
    outputs(&mut client, participant::Input::PttReleased);
    outputs(&mut client, participant::Input::PttPressed);
    outputs(&mut client, participant::Input::Floor(idle(2, NORMAL)));
    assert_eq!(client.state(), "U: pending Request");
}

#[test]
fn a_revoked_talker_that_keeps_pressing_does_not_ask_again() {
    let mut client = client(ParticipantConfig::new(CLIENT));
    outputs(&mut client, participant::Input::PttPressed);
    outputs(&mut client, participant::Input::Floor(granted(NORMAL)));
    outputs(
        &mut client,
        participant::Input::Floor(revoke(RevokeCause::MediaBurstTooLong)),
    );
    outputs(&mut client, participant::Input::Floor(idle(2, NORMAL)));
    assert_eq!(client.state(), "U: has no permission");
}

/// An originator with an implicit request, up to before the answer.
fn originator() -> FloorParticipant {
    let mut client = FloorParticipant::new(ParticipantConfig::new(CLIENT));
    assert_eq!(
        outputs(
            &mut client,
            participant::Input::InviteSent(ImplicitRequest::Sent)
        ),
        []
    );
    client
}

#[test]
fn the_answer_decides_an_implicit_request() {
    let after = |answer| {
        let mut client = originator();
        let sent = outputs(&mut client, participant::Input::CallAnswered(answer));
        (client.state(), sent.len())
    };
    assert_eq!(after(Answer::Granted), ("U: has permission", 1));
    assert_eq!(after(Answer::Accepted), ("U: pending Request", 0));
    assert_eq!(
        after(Answer::NotAccepted),
        ("U: pending Request", 1),
        "the request is sent as a message"
    );
}

#[test]
fn a_button_let_go_before_the_answer_gives_the_grant_back() {
    for (answer, state) in [
        (Answer::Granted, "U: pending Release"),
        (Answer::Accepted, "U: pending Release"),
        (Answer::NotAccepted, "U: has no permission"),
    ] {
        let mut client = originator();
        assert_eq!(outputs(&mut client, participant::Input::PttReleased), []);
        let sent = outputs(&mut client, participant::Input::CallAnswered(answer));
        assert!(
            !sent
                .iter()
                .any(|output| matches!(output, participant::Output::MayTalk(_)))
        );
        assert_eq!(client.state(), state);
    }
}

#[test]
fn messages_ahead_of_the_answer_are_kept_in_their_order() {
    let mut client = originator();
    let early = granted(NORMAL).with_ack(AckRequest::Requested);
    assert_eq!(outputs(&mut client, participant::Input::Floor(early)), []);
    assert_eq!(outputs(&mut client, participant::Input::Rtp(AUDIO)), []);
    let late = outputs(
        &mut client,
        participant::Input::CallAnswered(Answer::Granted),
    );
    assert!(matches!(late[0], participant::Output::MayTalk(_)));
    assert!(matches!(&late[1], participant::Output::Send(message) if brief(message) == "Ack of 1"));
    assert!(
        matches!(late[2], participant::Output::GrantChanged(_)),
        "the message says how long"
    );
}

#[test]
fn endless_early_messages_do_not_fill_the_memory() {
    let mut client = originator();
    for number in 0..10_000 {
        let early = taken(number, PermissionToRequestTheFloor::Permitted, NORMAL);
        client
            .handle(at(0), participant::Input::Floor(early))
            .unwrap();
    }
    let told = outputs(
        &mut client,
        participant::Input::CallAnswered(Answer::Accepted),
    );
    assert!(told.len() <= 65, "{}", told.len());
}

/// Alice talks, bob's emergency waits for her to stop.
fn emergency_waits() -> FloorControlServer {
    let emergency = Attributes {
        authorised_condition: Condition::Emergency,
        ..attributes("bob")
    };
    let carol = (ParticipantId(3), attributes("carol"));
    let members = [(ALICE, attributes("alice")), (BOB, emergency), carol];
    let mut server = server_with(ServerConfig::new(SERVER), &members);
    after_request(&mut server, ALICE, request(0, NORMAL));
    after_request(&mut server, BOB, request(0, EMERGENCY));
    server
}

#[test]
fn a_waiting_request_that_is_released_gets_no_floor() {
    let mut server = emergency_waits();
    for from in [BOB, ALICE] {
        server
            .handle(
                at(10),
                Input::Floor {
                    from,
                    message: release(),
                },
            )
            .unwrap();
    }
    assert_eq!((server.state(), server.holder()), ("G: Floor Idle", None));
}

#[test]
fn a_participant_that_comes_back_does_not_find_its_old_request() {
    let mut server = emergency_waits();
    server.handle(at(10), Input::Leave(BOB)).unwrap();
    let join = Input::Join {
        participant: BOB,
        attributes: Box::new(attributes("bob")),
        implicit_request: None,
    };
    server.handle(at(20), join).unwrap();
    server
        .handle(
            at(30),
            Input::Floor {
                from: ALICE,
                message: release(),
            },
        )
        .unwrap();
    assert_eq!((server.state(), server.holder()), ("G: Floor Idle", None));
}
