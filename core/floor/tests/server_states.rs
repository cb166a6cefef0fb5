//! Floor control server, TS 24.380 cl. 6.3.4 and 6.3.5: every pair of states by every event.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_floor::field::*;
use roger_floor::server::*;
use roger_floor::{
    AckRequest, FloorMessage, FloorQueuePositionRequest, FloorRevokeRequest, QueuedFloorRequests,
    Ssrc,
};
use support::machines::*;

const NORMAL: FloorIndicator = FloorIndicator::NORMAL_CALL;
const EMERGENCY: FloorIndicator = FloorIndicator::EMERGENCY_CALL;
const NOW: u64 = 10_000;
const ALICE: ParticipantId = ParticipantId(1);
const BOB: ParticipantId = ParticipantId(2);
const CAROL: ParticipantId = ParticipantId(3);

fn words(output: &Output) -> String {
    match output {
        Output::Send { to, message } => format!("{to}<{}", brief(message)),
        Output::AcceptMediaFrom(who) => format!("Accept {who}"),
        Output::StopMedia(who) => format!("Stop {who}"),
        Output::FloorHolderChanged(Some(who)) => format!("Holder {who}"),
        Output::FloorHolderChanged(None) => "Holder -".into(),
        Output::ImplicitRequest {
            participant,
            outcome,
        } => format!("Implicit {participant} {outcome:?}"),
        other => format!("{other:?}"),
    }
}

fn drain(server: &mut FloorControlServer) -> Vec<String> {
    std::iter::from_fn(|| server.poll())
        .map(|output| words(&output))
        .collect()
}

fn join(participant: ParticipantId, implicit_request: Option<roger_floor::FloorRequest>) -> Input {
    let name = ["", "alice", "bob", "carol", "dave"][participant.0 as usize];
    let mut attributes = Attributes::new(user(name));
    attributes.authorised_condition = Condition::Emergency;
    attributes.audio_ssrc = Some(Ssrc(participant.0));
    Input::Join {
        participant,
        attributes: Box::new(attributes),
        implicit_request,
    }
}

fn session(config: ServerConfig) -> FloorControlServer {
    let mut server = FloorControlServer::new(config);
    for participant in [ALICE, BOB, CAROL] {
        server.handle(at(0), join(participant, None)).unwrap();
    }
    server
}

fn floor(from: ParticipantId, message: FloorMessage) -> Input {
    Input::Floor { from, message }
}

/// Led to a state at `NOW`: alice holds, bob is the one looked at unless the state is the holder's.
fn in_state(name: &str) -> FloorControlServer {
    let mut server = session(ServerConfig::new(SERVER));
    let ask = |from, indicator| floor(from, request_message(5, indicator));
    let steps = match name {
        "Start-stop" => {
            server = FloorControlServer::new(ServerConfig::new(SERVER));
            vec![]
        }
        "idle, bob silent" => vec![],
        "idle, bob sends media" => vec![Input::Rtp { from: BOB }],
        "alice talks, bob silent" => vec![ask(ALICE, NORMAL), Input::Rtp { from: ALICE }],
        "alice talks, bob sends media" => vec![ask(ALICE, NORMAL), Input::Rtp { from: BOB }],
        "bob talks" => vec![ask(BOB, NORMAL), Input::Rtp { from: BOB }],
        "bob granted, no RTP" => vec![ask(BOB, NORMAL)],
        "bob revoked for carol" => vec![
            ask(BOB, NORMAL),
            Input::Rtp { from: BOB },
            ask(CAROL, EMERGENCY),
        ],
        "alice revoked for bob" => vec![ask(ALICE, NORMAL), ask(BOB, EMERGENCY)],
        "alice revoked for carol" => vec![ask(ALICE, NORMAL), ask(CAROL, EMERGENCY)],
        "Releasing" => vec![ask(ALICE, NORMAL), Input::ReleaseCall],
        other => panic!("{other}"),
    };
    steps
        .into_iter()
        .for_each(|input| server.handle(at(NOW), input).unwrap());
    drain(&mut server);
    server
}

const STATES: [&str; 11] = [
    "Start-stop",
    "idle, bob silent",
    "idle, bob sends media",
    "alice talks, bob silent",
    "alice talks, bob sends media",
    "bob talks",
    "bob granted, no RTP",
    "bob revoked for carol",
    "alice revoked for bob",
    "alice revoked for carol",
    "Releasing",
];

fn events() -> Vec<(&'static str, u64, Input)> {
    let bob = |message| floor(BOB, message);
    let position_request = FloorQueuePositionRequest {
        user_id: None,
        track_info: None,
    };
    let revoke_request = FloorRevokeRequest {
        user: FloorRevokeRequestUserId(user("alice")),
    };
    let cancel = QueuedFloorRequests {
        purpose: QueuedFloorRequestsPurpose::CancelRequest,
        response_state: None,
        queued_users: None,
        user_id: None,
    };
    vec![
        ("R: Floor Request", NOW, bob(request_message(5, NORMAL))),
        (
            "R: Floor Request, emergency",
            NOW,
            bob(request_message(5, EMERGENCY)),
        ),
        ("R: Floor Release", NOW, bob(release())),
        (
            "R: Floor Release, ack",
            NOW,
            bob(release().with_ack(AckRequest::Requested)),
        ),
        ("R: RTP", NOW, Input::Rtp { from: BOB }),
        (
            "R: Queue Position Request",
            NOW,
            bob(FloorMessage::new(CLIENT, position_request)),
        ),
        (
            "R: Revoke Request, not authorised",
            NOW,
            bob(FloorMessage::new(CLIENT, revoke_request)),
        ),
        (
            "R: Queued Floor Requests",
            NOW,
            bob(FloorMessage::new(CLIENT, cancel)),
        ),
        ("R: Floor Ack", NOW, bob(ack(Source::FloorParticipant, 1))),
        ("R: Floor Granted", NOW, bob(granted(NORMAL))),
        (
            "R: Floor Idle, ack",
            NOW,
            bob(idle(9, NORMAL).with_ack(AckRequest::Requested)),
        ),
        (
            "re-INVITE, implicit request",
            NOW,
            Input::ImplicitRequest {
                from: BOB,
                request: request(5, EMERGENCY),
            },
        ),
        ("bob leaves", NOW, Input::Leave(BOB)),
        ("dave joins", NOW, join(ParticipantId(4), None)),
        (
            "dave joins, implicit request",
            NOW,
            join(ParticipantId(4), Some(request(5, NORMAL))),
        ),
        ("bob joins again", NOW, join(BOB, None)),
        ("1 s later", NOW + 1000, Input::Timeout),
        ("3 s later", NOW + 3000, Input::Timeout),
        ("4 s later", NOW + 4000, Input::Timeout),
        ("keep call", NOW, Input::KeepCall),
        ("release step 1", NOW, Input::ReleaseCall),
        ("release step 2", NOW, Input::CallReleased),
        (
            "R: RTP of a stranger",
            NOW,
            Input::Rtp {
                from: ParticipantId(9),
            },
        ),
    ]
}

#[test]
fn every_state_by_every_event() {
    let mut table = String::new();
    for state in STATES {
        for (name, when, input) in events() {
            let mut server = in_state(state);
            let before = (server.state(), server.participant_state(BOB));
            let result = server.handle(at(when), input);
            let mut outputs = drain(&mut server);
            if result.is_err() {
                assert_eq!(
                    (server.state(), server.participant_state(BOB)),
                    before,
                    "an error changes nothing"
                );
                outputs.push("error".into());
            }
            let bob = server.participant_state(BOB).unwrap_or("-");
            table += &format!(
                "{state} | {name} | {} | {bob} | {}\n",
                server.state(),
                outputs.join("; ")
            );
        }
    }
    compare("server_states.txt", &table);
}
