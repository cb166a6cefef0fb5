//! Floor participant, TS 24.380 cl. 6.2.4: every state by every event.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_floor::field::{
    DenyCause, FloorIndicator, PermissionToRequestTheFloor as May, QueuePosition, RevokeCause,
};
use roger_floor::participant::*;
use roger_floor::{AckRequest, FloorMessage, Ssrc};
use support::machines::*;

const NORMAL: FloorIndicator = FloorIndicator::NORMAL_CALL;
const DUAL: FloorIndicator = FloorIndicator::DUAL_FLOOR;
const NOW: u64 = 10_000;

pub(crate) fn words(output: &Output) -> String {
    match output {
        Output::Send(message) => format!("Send {}", brief(message)),
        Output::MayTalk(_) => "MayTalk".into(),
        Output::GrantChanged(_) => "GrantChanged".into(),
        Output::MustStop(StopReason::Revoked(why)) => {
            format!("MustStop revoked #{}", why.cause.code())
        }
        Output::MustStop(why) => format!("MustStop {why:?}"),
        Output::Denied(why) => format!("Denied #{}", why.cause.code()),
        Output::SomebodyTalks(talker) => {
            format!("SomebodyTalks {}", talker.mcptt_id.as_ref().unwrap())
        }
        Output::Queued(info) => format!("Queued {}", info.position.code()),
        other => format!("{other:?}"),
    }
}

fn drain(machine: &mut FloorParticipant) -> Vec<String> {
    std::iter::from_fn(|| machine.poll())
        .map(|output| words(&output))
        .collect()
}

fn new() -> FloorParticipant {
    FloorParticipant::new(ParticipantConfig::new(CLIENT))
}

fn listening() -> FloorParticipant {
    let mut machine = new();
    machine.handle(at(0), Input::CallAccepted).unwrap();
    machine
}

/// A machine that has been led to a state by `NOW`, its outputs taken.
fn in_state(name: &str) -> FloorParticipant {
    let mut machine = listening();
    let mut lead = |inputs: Vec<Input>| {
        for input in inputs {
            machine.handle(at(NOW), input).unwrap();
        }
    };
    match name {
        "Start-stop" => machine = new(),
        "U: has no permission" => {}
        "U: pending Request" => lead(vec![Input::PttPressed]),
        "U: has permission" => lead(vec![Input::PttPressed, Input::Floor(granted(NORMAL))]),
        "U: pending Release" => lead(vec![
            Input::PttPressed,
            Input::Floor(granted(NORMAL)),
            Input::PttReleased,
        ]),
        "U: queued" => lead(vec![
            Input::PttPressed,
            Input::Floor(position(QueuePosition::Position(3))),
        ]),
        "Releasing" => lead(vec![Input::ReleaseCall]),
        other => panic!("{other}"),
    }
    assert_eq!(machine.state(), name);
    drain(&mut machine);
    machine
}

const STATES: [&str; 7] = [
    "Start-stop",
    "U: has no permission",
    "U: pending Request",
    "U: has permission",
    "U: pending Release",
    "U: queued",
    "Releasing",
];

fn acked(message: FloorMessage) -> FloorMessage {
    message.with_ack(AckRequest::Requested)
}

fn events() -> Vec<(&'static str, u64, Input)> {
    let floor = |message| Input::Floor(message);
    vec![
        ("R: Floor Granted", NOW, floor(granted(NORMAL))),
        ("R: Floor Granted, ack", NOW, floor(acked(granted(NORMAL)))),
        (
            "R: Floor Granted, other SSRC",
            NOW,
            floor(granted(NORMAL | DUAL)),
        ),
        (
            "R: Floor Taken",
            NOW,
            floor(taken(1, May::Permitted, NORMAL)),
        ),
        (
            "R: Floor Taken, ack",
            NOW,
            floor(acked(taken(1, May::NotPermitted, NORMAL))),
        ),
        (
            "R: Floor Taken, bit G",
            NOW,
            floor(taken(1, May::Permitted, NORMAL | DUAL)),
        ),
        (
            "R: Floor Deny",
            NOW,
            floor(deny(DenyCause::AnotherClientHasPermission)),
        ),
        (
            "R: Floor Deny, ack",
            NOW,
            floor(acked(deny(DenyCause::QueueFull))),
        ),
        ("R: Floor Idle", NOW, floor(idle(2, NORMAL))),
        ("R: Floor Idle, ack", NOW, floor(acked(idle(2, NORMAL)))),
        ("R: Floor Idle, bit G", NOW, floor(idle(2, NORMAL | DUAL))),
        (
            "R: Floor Revoke",
            NOW,
            floor(revoke(RevokeCause::MediaBurstTooLong)),
        ),
        (
            "R: Queue Position Info",
            NOW,
            floor(position(QueuePosition::Position(2))),
        ),
        (
            "R: Queue Position Info, ack",
            NOW,
            floor(acked(position(QueuePosition::NotDisclosed))),
        ),
        (
            "R: Queue Position Info, not queued",
            NOW,
            floor(position(QueuePosition::NotQueued)),
        ),
        (
            "R: Floor Ack",
            NOW,
            floor(ack(roger_floor::field::Source::ControllingFunction, 4)),
        ),
        ("R: Floor Request", NOW, floor(request_message(5, NORMAL))),
        ("R: RTP", NOW, Input::Rtp(Ssrc(0x5566_7788))),
        ("PTT pressed", NOW, Input::PttPressed),
        ("PTT released", NOW, Input::PttReleased),
        ("ask position", NOW, Input::AskQueuePosition),
        ("cancel queued request", NOW, Input::CancelQueuedRequest),
        ("1 s later", NOW + 1000, Input::Timeout),
        ("release step 1", NOW, Input::ReleaseCall),
        ("release step 2", NOW, Input::CallReleased),
        (
            "INVITE, implicit request",
            NOW,
            Input::InviteSent(ImplicitRequest::Sent),
        ),
        ("INVITE", NOW, Input::InviteSent(ImplicitRequest::NotSent)),
        ("call accepted", NOW, Input::CallAccepted),
        ("200 OK, granted", NOW, Input::CallAnswered(Answer::Granted)),
    ]
}

#[test]
fn every_state_by_every_event() {
    let mut table = String::new();
    for state in STATES {
        for (name, when, input) in events() {
            let mut machine = in_state(state);
            let result = machine.handle(at(when), input);
            let mut outputs = drain(&mut machine);
            if result.is_err() {
                assert_eq!(machine.state(), state, "an error changes nothing");
                outputs.push("error".into());
            }
            table += &format!(
                "{state} | {name} | {} | {}\n",
                machine.state(),
                outputs.join("; ")
            );
        }
    }
    support::machines::compare("participant_states.txt", &table);
}
