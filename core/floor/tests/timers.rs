//! Every timer of both machines, exact in virtual time (TS 24.380 cl. 11).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use core::time::Duration;
use roger_base::Instant;
use roger_floor::field::{FloorIndicator, FloorPriority, QueuePosition, Queueing};
use roger_floor::participant::{self, FloorParticipant, ParticipantConfig, QueuedRelease};
use roger_floor::server::{
    Attributes, Condition, FloorControlServer, Input, OverridePolicy, ParticipantId, ServerConfig,
};
use roger_floor::{FloorMessage, TimerName};
use support::machines::*;

const NORMAL: FloorIndicator = FloorIndicator::NORMAL_CALL;
const EMERGENCY: FloorIndicator = FloorIndicator::EMERGENCY_CALL;
const ALICE: ParticipantId = ParticipantId(1);
const BOB: ParticipantId = ParticipantId(2);

struct Server(FloorControlServer);

impl Server {
    fn new(config: ServerConfig) -> Self {
        let mut server = Self(FloorControlServer::new(config));
        for (participant, name) in [(ALICE, "alice"), (BOB, "bob")] {
            let mut attributes = Attributes::new(user(name));
            attributes.authorised_condition = Condition::Emergency;
            server.input(
                0,
                Input::Join {
                    participant,
                    attributes: Box::new(attributes),
                    implicit_request: None,
                },
            );
        }
        server
    }

    fn input(&mut self, when: u64, input: Input) -> Vec<String> {
        self.0.handle(at(when), input).unwrap();
        self.outputs()
    }

    fn outputs(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.poll())
            .map(|output| match output {
                roger_floor::server::Output::Send { to, message } => {
                    format!("{to}<{}", brief(&message))
                }
                other => format!("{other:?}"),
            })
            .collect()
    }

    fn ask(&mut self, when: u64, from: ParticipantId, indicator: FloorIndicator) -> Vec<String> {
        self.input(
            when,
            Input::Floor {
                from,
                message: request_message(0, indicator),
            },
        )
    }

    fn release(&mut self, when: u64, from: ParticipantId) -> Vec<String> {
        self.input(
            when,
            Input::Floor {
                from,
                message: release(),
            },
        )
    }

    /// Runs to the next deadline, which must be this timer at this time; nothing may happen a microsecond before.
    fn expires(&mut self, timer: TimerName, when: u64) -> Vec<String> {
        assert_eq!(self.0.deadline(), Some((at(when), timer)));
        self.0
            .handle(at(when) - Duration::from_micros(1), Input::Timeout)
            .unwrap();
        assert_eq!(self.outputs(), [""; 0], "too early");
        self.input(when, Input::Timeout)
    }
}

fn server() -> Server {
    Server::new(ServerConfig::new(SERVER))
}

#[test]
fn t1_ends_a_burst_without_media() {
    let mut server = server();
    server.ask(1000, ALICE, NORMAL);
    let outputs = server.expires(TimerName::T1, 5000);
    assert_eq!(
        outputs,
        [
            "StopMedia(ParticipantId(1))",
            "FloorHolderChanged(None)",
            "1<Idle n2",
            "2<Idle n2"
        ]
    );
}

#[test]
fn every_packet_restarts_t1_and_the_first_starts_t2() {
    let mut server = server();
    server.ask(0, ALICE, NORMAL);
    for when in [1000, 4500, 8000] {
        assert_eq!(server.input(when, Input::Rtp { from: ALICE }), [""; 0]);
    }
    assert_eq!(server.0.deadline(), Some((at(12_000), TimerName::T1)));
    for when in (8100..31_000).step_by(100) {
        server.input(when, Input::Rtp { from: ALICE });
    }
    assert_eq!(server.expires(TimerName::T2, 31_000), ["1<Revoke #2"]);
    assert_eq!(server.0.state(), "G: pending Floor Revoke");
}

/// A talker that has talked for 30 s; T2 expires at 30 000.
fn too_long(config: ServerConfig) -> Server {
    let mut server = Server::new(config);
    server.ask(0, ALICE, NORMAL);
    (0..30_000)
        .step_by(1000)
        .for_each(|when| drop(server.input(when, Input::Rtp { from: ALICE })));
    assert_eq!(server.input(30_000, Input::Timeout), ["1<Revoke #2"]);
    server
}

#[test]
fn t8_repeats_the_revoke_and_t3_ends_the_grace() {
    let mut server = too_long(ServerConfig::new(SERVER));
    server.input(30_500, Input::Rtp { from: ALICE });
    assert!(
        server.0.accepts_media_from(ALICE),
        "media go on in the grace time"
    );
    assert_eq!(server.expires(TimerName::T8, 31_000), ["1<Revoke #2"]);
    assert_eq!(server.expires(TimerName::T8, 32_000), ["1<Revoke #2"]);
    let outputs = server.expires(TimerName::T3, 33_000);
    assert_eq!(
        outputs[..2],
        ["StopMedia(ParticipantId(1))", "FloorHolderChanged(None)"]
    );
    assert!(!server.0.accepts_media_from(ALICE));
    let revoke = server.input(33_050, Input::Rtp { from: ALICE });
    assert_eq!(
        revoke,
        ["1<Revoke #3"],
        "media after the grace time are media without permission"
    );
}

#[test]
fn t1_in_the_grace_time_counts_from_the_last_packet() {
    let mut config = ServerConfig::new(SERVER);
    config.timers.t3 = Duration::from_secs(60);
    config.timers.t8 = Duration::from_secs(90);
    let mut server = too_long(config);
    assert_eq!(
        server.0.deadline(),
        Some((at(90_000), TimerName::T3)),
        "T2 has stopped T1"
    );
    server.input(30_020, Input::Rtp { from: ALICE });
    let outputs = server.expires(TimerName::T1, 34_020);
    assert_eq!(outputs[1], "FloorHolderChanged(None)");
}

#[test]
fn a_release_obeys_the_revoke() {
    let mut server = too_long(ServerConfig::new(SERVER));
    assert_eq!(server.release(30_100, ALICE)[1], "FloorHolderChanged(None)");
    assert_eq!(
        server.input(30_200, Input::Rtp { from: ALICE }),
        [""; 0],
        "packets under way are no offence"
    );
    assert_eq!(
        server.input(30_300, Input::Rtp { from: ALICE }),
        ["1<Revoke #3"]
    );
}

#[test]
fn t9_denies_with_4_until_it_expires() {
    let mut config = ServerConfig::new(SERVER);
    config.timers.t9 = Some(Duration::from_secs(5));
    let mut server = too_long(config);
    server.release(30_000, ALICE);
    assert_eq!(
        server.ask(34_999, ALICE, NORMAL).last().unwrap(),
        "1<Deny #4"
    );
    assert_eq!(
        server.ask(34_999, BOB, NORMAL)[2],
        "2<Granted 30s",
        "others are not affected"
    );
    server.release(34_999, BOB);
    assert_eq!(server.ask(35_000, ALICE, NORMAL)[2], "1<Granted 30s");
}

#[test]
fn t7_repeats_idle_with_the_same_number_ten_times_in_all() {
    let mut server = server();
    server.ask(0, ALICE, NORMAL);
    server.release(500, ALICE);
    for second in 1..10 {
        let outputs = server.expires(TimerName::T7, 500 + second * 1000);
        assert_eq!(outputs, ["1<Idle n2", "2<Idle n2"]);
    }
    assert_eq!(server.expires(TimerName::T7, 10_500), [""; 0]);
    assert_eq!(server.0.deadline(), Some((at(30_500), TimerName::T4)));
}

#[test]
fn t4_reports_an_inactive_call_and_runs_again_when_it_is_kept() {
    let mut server = server();
    assert_eq!(server.expires(TimerName::T4, 30_000), ["CallInactive"]);
    assert_eq!(server.0.deadline(), None);
    server.input(31_000, Input::KeepCall);
    assert_eq!(server.expires(TimerName::T4, 61_000), ["CallInactive"]);
    assert_eq!(server.ask(62_000, ALICE, NORMAL)[2], "1<Granted 30s");
}

#[test]
fn a_granted_request_stops_t4_and_a_denied_one_does_not() {
    let mut config = ServerConfig::new(SERVER);
    config.broadcast_originator = Some(ALICE);
    let mut server = Server::new(config);
    assert_eq!(server.ask(1000, BOB, NORMAL), ["2<Deny #5"]);
    assert_eq!(server.0.deadline(), Some((at(30_000), TimerName::T4)));
    server.ask(2000, ALICE, NORMAL);
    assert_eq!(server.0.deadline(), Some((at(6000), TimerName::T1)));
}

#[test]
fn t20_repeats_a_grant_that_had_waited() {
    let mut server = server();
    server.ask(0, ALICE, NORMAL);
    assert_eq!(server.ask(100, BOB, EMERGENCY), ["1<Revoke #4"]);
    assert_eq!(server.release(200, ALICE)[4], "2<Granted 30s");
    assert_eq!(server.expires(TimerName::T20, 1200), ["2<Granted 30s"]);
    assert_eq!(server.expires(TimerName::T20, 2200), ["2<Granted 30s"]);
    assert_eq!(
        server.expires(TimerName::T20, 3200),
        [""; 0],
        "C20 counts all sendings"
    );
    assert_eq!(server.0.deadline(), Some((at(4200), TimerName::T1)));
}

#[test]
fn media_stop_t20() {
    let mut server = server();
    server.ask(0, ALICE, NORMAL);
    server.ask(100, BOB, EMERGENCY);
    server.release(200, ALICE);
    server.input(300, Input::Rtp { from: BOB });
    assert_eq!(server.0.deadline(), Some((at(4300), TimerName::T1)));
}

#[test]
fn the_grace_time_does_not_begin_again_with_a_further_emergency() {
    let mut config = ServerConfig::new(SERVER);
    config.override_policy = OverridePolicy::ByPriority;
    let mut server = Server::new(config);
    let mut attributes = Attributes::new(user("carol"));
    attributes.authorised_condition = Condition::Emergency;
    attributes.member_priority = FloorPriority(9);
    let carol = ParticipantId(3);
    server.input(
        0,
        Input::Join {
            participant: carol,
            attributes: Box::new(attributes),
            implicit_request: None,
        },
    );
    server.ask(0, ALICE, NORMAL);
    server.ask(1000, BOB, EMERGENCY);
    assert_eq!(
        server.ask(3000, carol, EMERGENCY),
        ["1<Revoke #4", "2<Deny #1"],
        "the one that waited is told"
    );
    let outputs = server.input(4000, Input::Timeout);
    assert_eq!(outputs[2], "FloorHolderChanged(Some(ParticipantId(3)))");
}

#[test]
fn duration_of_a_repeated_grant_is_the_rest_of_t2_rounded_down() {
    let mut server = server();
    server.ask(0, ALICE, NORMAL);
    server.input(0, Input::Rtp { from: ALICE });
    assert_eq!(server.ask(3001, ALICE, NORMAL), ["1<Granted 26s"]);
}

#[test]
fn a_late_driver_makes_each_timer_expire_once() {
    let mut server = server();
    server.input(0, Input::Rtp { from: BOB });
    let day = 24 * 60 * 60 * 1000;
    assert_eq!(
        server.input(day, Input::Timeout),
        ["CallInactive", "2<Revoke #3"]
    );
}

#[test]
fn timers_of_zero_do_not_loop() {
    let mut config = ServerConfig::new(SERVER);
    let zero = Duration::ZERO;
    config.timers.t1 = zero;
    config.timers.t2 = zero;
    config.timers.t3 = zero;
    config.timers.t4 = zero;
    config.timers.t7 = zero;
    config.timers.t8 = zero;
    config.timers.t20 = zero;
    let mut server = Server::new(config);
    for when in 0..50 {
        server.input(when, Input::Timeout);
        server.ask(when, ALICE, NORMAL);
        server.input(when, Input::Rtp { from: ALICE });
        server.input(when, Input::Rtp { from: BOB });
        server.ask(when, BOB, EMERGENCY);
    }
}

struct Client(FloorParticipant);

impl Client {
    fn new(config: ParticipantConfig) -> Self {
        let mut client = Self(FloorParticipant::new(config));
        client.input(0, participant::Input::CallAccepted);
        client
    }

    fn input(&mut self, when: u64, input: participant::Input) -> Vec<String> {
        self.at(at(when), input)
    }

    fn at(&mut self, when: Instant, input: participant::Input) -> Vec<String> {
        self.0.handle(when, input).unwrap();
        std::iter::from_fn(|| self.0.poll())
            .map(|output| match output {
                participant::Output::Send(message) => brief(&message),
                other => format!("{other:?}")
                    .chars()
                    .take_while(|c| c.is_alphanumeric())
                    .collect(),
            })
            .collect()
    }

    fn floor(&mut self, when: u64, message: FloorMessage) -> Vec<String> {
        self.input(when, participant::Input::Floor(message))
    }

    fn expires(&mut self, timer: TimerName, when: u64) -> Vec<String> {
        assert_eq!(self.0.deadline(), Some((at(when), timer)));
        let early = self.at(
            at(when) - Duration::from_micros(1),
            participant::Input::Timeout,
        );
        assert_eq!(early, [""; 0], "too early");
        self.input(when, participant::Input::Timeout)
    }
}

fn client() -> Client {
    Client::new(ParticipantConfig::new(CLIENT))
}

#[test]
fn t101_repeats_the_request_three_times_in_all() {
    let mut client = client();
    assert_eq!(
        client.input(100, participant::Input::PttPressed),
        ["Request"]
    );
    assert_eq!(client.expires(TimerName::T101, 1100), ["Request"]);
    assert_eq!(client.expires(TimerName::T101, 2100), ["Request"]);
    assert_eq!(client.expires(TimerName::T101, 3100), ["RequestTimedOut"]);
    assert_eq!(
        (client.0.state(), client.0.deadline()),
        ("U: has no permission", None)
    );
}

#[test]
fn a_grant_after_the_last_request_counts_while_the_button_is_pressed() {
    let mut client = client();
    client.input(0, participant::Input::PttPressed);
    (1..4).for_each(|second| drop(client.input(second * 1000, participant::Input::Timeout)));
    assert_eq!(client.0.state(), "U: has no permission");
    assert_eq!(client.floor(3100, granted(NORMAL)), ["MayTalk"]);
}

#[test]
fn t100_repeats_the_release_three_times_in_all() {
    let mut client = client();
    client.input(0, participant::Input::PttPressed);
    client.floor(10, granted(NORMAL));
    assert_eq!(
        client.input(5000, participant::Input::PttReleased),
        ["MustStop", "Release"]
    );
    assert_eq!(client.expires(TimerName::T100, 6000), ["Release"]);
    assert_eq!(client.expires(TimerName::T100, 7000), ["Release"]);
    assert_eq!(client.expires(TimerName::T100, 8000), [""; 0]);
    assert_eq!(
        (client.0.state(), client.0.deadline()),
        ("U: has no permission", None)
    );
}

#[test]
fn a_grant_that_comes_after_the_release_is_handed_back_at_once() {
    let mut client = client();
    client.input(0, participant::Input::PttPressed);
    assert_eq!(
        client.input(10, participant::Input::PttReleased),
        ["Release"]
    );
    assert_eq!(
        client.floor(20, granted(NORMAL)),
        ["Release"],
        "while the release is pending"
    );
    client.floor(30, idle(2, NORMAL));
    assert_eq!(
        client.floor(40, granted(NORMAL)),
        ["Release"],
        "and after it was answered"
    );
    assert!(!client.0.may_talk());
}

#[test]
fn t103_runs_from_the_last_packet() {
    let mut client = client();
    client.floor(
        0,
        taken(
            1,
            roger_floor::field::PermissionToRequestTheFloor::Permitted,
            NORMAL,
        ),
    );
    client.input(1500, participant::Input::Rtp(AUDIO));
    assert_eq!(client.expires(TimerName::T103, 5500), ["TalkerSilent"]);
    assert_eq!(client.0.deadline(), None);
}

#[test]
fn t104_repeats_the_question_three_times_in_all() {
    let mut client = client();
    client.input(0, participant::Input::PttPressed);
    client.floor(0, position(QueuePosition::Position(2)));
    assert_eq!(
        client.input(100, participant::Input::AskQueuePosition),
        ["Queue Position Request"]
    );
    assert_eq!(
        client.expires(TimerName::T104, 1100),
        ["Queue Position Request"]
    );
    assert_eq!(
        client.expires(TimerName::T104, 2100),
        ["Queue Position Request"]
    );
    assert_eq!(client.expires(TimerName::T104, 3100), [""; 0]);
    assert_eq!((client.0.state(), client.0.deadline()), ("U: queued", None));
}

#[test]
fn t132_gives_a_queued_grant_back_when_nobody_presses() {
    let mut config = ParticipantConfig::new(CLIENT);
    config.queued_release = QueuedRelease::KeepsPlace;
    let mut client = Client::new(config.clone());
    client.input(0, participant::Input::PttPressed);
    client.floor(0, position(QueuePosition::Position(2)));
    client.input(0, participant::Input::PttReleased);
    assert_eq!(client.floor(1000, granted(NORMAL)), ["GrantWaits"]);
    assert_eq!(
        client.floor(1500, granted(NORMAL)),
        [""; 0],
        "a repeated grant does not prolong T132"
    );
    assert_eq!(client.expires(TimerName::T132, 3000), ["Release"]);

    let mut client = Client::new(config);
    client.input(0, participant::Input::PttPressed);
    client.floor(0, position(QueuePosition::Position(2)));
    client.input(0, participant::Input::PttReleased);
    client.floor(1000, granted(NORMAL));
    assert_eq!(
        client.input(2999, participant::Input::PttPressed),
        ["MayTalk"]
    );
}

#[test]
fn t101_of_an_implicit_request_sends_nothing_before_the_answer() {
    let mut client = Client(FloorParticipant::new(ParticipantConfig::new(CLIENT)));
    client.input(
        0,
        participant::Input::InviteSent(participant::ImplicitRequest::Sent),
    );
    for second in 1..10 {
        assert_eq!(client.expires(TimerName::T101, second * 1000), [""; 0]);
    }
    client.input(
        9500,
        participant::Input::CallAnswered(participant::Answer::Accepted),
    );
    assert_eq!(client.expires(TimerName::T101, 10_500), ["Request"]);
}

#[test]
fn the_server_denies_without_telling_a_queue_position_unless_queueing_was_negotiated() {
    let mut server = server();
    server.ask(0, ALICE, NORMAL);
    let mut attributes = Attributes::new(user("bob"));
    attributes.authorised_condition = Condition::Emergency;
    attributes.negotiated.queueing = Queueing::Supported;
    server.input(
        0,
        Input::Attributes {
            participant: BOB,
            attributes: Box::new(attributes),
        },
    );
    assert_eq!(
        server.ask(0, BOB, EMERGENCY),
        ["1<Revoke #4", "2<Queue Position Info 1"]
    );
}
