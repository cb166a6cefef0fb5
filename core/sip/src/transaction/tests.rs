//! Table tests: the instants of every timer, and state × event for all four machines.

use super::*;
use core::time::Duration;
use roger_base::Instant;

fn at(milliseconds: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(milliseconds))
}

fn context(now: Instant, reliability: Reliability) -> Context {
    Context {
        now,
        timings: Timings::default(),
        reliability,
    }
}

use Reliability::{Reliable, Unreliable};
use TimerName::{A, B, C, Cancelled, D, E, F, G, H, I, J, K, L, M, Trying, Unanswered};

/// Runs a machine on its timers alone and writes down when which one fired.
macro_rules! run {
    ($machine:expr, $event:ident, $reliability:expr) => {{
        let mut machine = $machine;
        let mut fired = Vec::new();
        while let Some((due, name)) = machine.next_timer() {
            let (next, actions) = machine.on($event::Timer(name), &context(due, $reliability));
            fired.push((
                due.since_origin().as_millis() as u64,
                name,
                actions.iter().collect::<Vec<_>>(),
            ));
            machine = next;
            assert!(fired.len() < 50, "endless");
        }
        fired
    }};
}

fn repeats(
    times: &[u64],
    name: TimerName,
    last: (u64, TimerName, Action),
) -> Vec<(u64, TimerName, Vec<Action>)> {
    let mut all: Vec<_> = times
        .iter()
        .map(|time| (*time, name, vec![Action::Repeat]))
        .collect();
    all.push((last.0, last.1, vec![last.2]));
    all
}

#[test]
fn timers_a_and_b_of_a_silent_peer() {
    let fired = run!(
        ClientInvite::start(&context(at(0), Unreliable)),
        ClientEvent,
        Unreliable
    );
    let times = [500, 1_500, 3_500, 7_500, 15_500, 31_500];
    assert_eq!(fired, repeats(&times, A, (32_000, B, Action::Timeout)));
    let fired = run!(
        ClientInvite::start(&context(at(0), Reliable)),
        ClientEvent,
        Reliable
    );
    assert_eq!(fired, [(32_000, B, vec![Action::Timeout])]);
}

#[test]
fn timers_e_and_f_of_a_silent_peer() {
    let fired = run!(
        ClientNonInvite::start(&context(at(0), Unreliable)),
        ClientEvent,
        Unreliable
    );
    let times = [
        500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(fired, repeats(&times, E, (32_000, F, Action::Timeout)));
    let fired = run!(
        ClientNonInvite::start(&context(at(0), Reliable)),
        ClientEvent,
        Reliable
    );
    assert_eq!(fired, [(32_000, F, vec![Action::Timeout])]);
}

#[test]
fn timer_e_has_the_interval_t2_once_a_provisional_came() {
    let start = ClientNonInvite::start(&context(at(0), Unreliable));
    let (proceeding, actions) = start.on(ClientEvent::Trying, &context(at(100), Unreliable));
    assert_eq!(actions, Actions::one(Action::Deliver));
    let fired = run!(proceeding, ClientEvent, Unreliable);
    let times = [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500];
    assert_eq!(fired, repeats(&times, E, (32_000, F, Action::Timeout)));
}

#[test]
fn timer_c_cancels_and_then_gives_up() {
    let start = ClientInvite::start(&context(at(0), Unreliable));
    let (state, _) = start.on(ClientEvent::Trying, &context(at(100), Unreliable));
    assert_eq!(state.next_timer(), Some((at(185_100), C)));
    let (state, _) = state.on(ClientEvent::Trying, &context(at(1_000), Unreliable));
    assert_eq!(
        state.next_timer(),
        Some((at(185_100), C)),
        "a 100 does not reset timer C"
    );
    let (state, _) = state.on(ClientEvent::Provisional, &context(at(60_000), Unreliable));
    let fired = run!(state, ClientEvent, Unreliable);
    let expected = [
        (245_000, C, vec![Action::Cancel]),
        (277_000, Cancelled, vec![Action::Timeout]),
    ];
    assert_eq!(fired, expected);
}

#[test]
fn timers_d_and_m_of_an_answered_invite() {
    for (event, reliability, expected) in [
        (ClientEvent::Failure, Unreliable, Some((at(33_000), D))),
        (ClientEvent::Failure, Reliable, None),
        (ClientEvent::Success, Unreliable, Some((at(33_000), M))),
        (ClientEvent::Success, Reliable, Some((at(33_000), M))),
    ] {
        let start = ClientInvite::start(&context(at(0), reliability));
        let (state, _) = start.on(event, &context(at(1_000), reliability));
        assert_eq!(state.next_timer(), expected, "{event:?} {reliability:?}");
    }
}

#[test]
fn timer_k_of_an_answered_request() {
    for (reliability, expected) in [(Unreliable, Some((at(6_000), K))), (Reliable, None)] {
        let start = ClientNonInvite::start(&context(at(0), reliability));
        let (state, _) = start.on(ClientEvent::Success, &context(at(1_000), reliability));
        assert_eq!(state.next_timer(), expected);
    }
}

#[test]
fn timers_g_and_h_without_an_ack() {
    for (reliability, times) in [
        (
            Unreliable,
            vec![
                1_500, 2_500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500, 32_500,
            ],
        ),
        (Reliable, vec![]),
    ] {
        let start = ServerInvite::start(&context(at(0), reliability));
        let (state, _) = start.on(ServerEvent::SendFailure, &context(at(1_000), reliability));
        let fired = run!(state, ServerEvent, reliability);
        assert_eq!(fired, repeats(&times, G, (33_000, H, Action::Timeout)));
    }
}

#[test]
fn timer_i_after_the_ack() {
    for (reliability, expected) in [(Unreliable, Some((at(7_000), I))), (Reliable, None)] {
        let start = ServerInvite::start(&context(at(0), reliability));
        let (state, _) = start.on(ServerEvent::SendFailure, &context(at(1_000), reliability));
        let (state, actions) = state.on(ServerEvent::Ack, &context(at(2_000), reliability));
        assert_eq!(actions, Actions::NONE);
        assert_eq!(state.next_timer(), expected);
    }
}

#[test]
fn timer_l_after_an_accepted_invite() {
    for reliability in [Unreliable, Reliable] {
        let start = ServerInvite::start(&context(at(0), reliability));
        let (state, _) = start.on(ServerEvent::SendSuccess, &context(at(1_000), reliability));
        assert_eq!(run!(state, ServerEvent, reliability), [(33_000, L, vec![])]);
    }
}

#[test]
fn timer_j_after_the_answer() {
    for (reliability, expected) in [(Unreliable, Some((at(33_000), J))), (Reliable, None)] {
        let start = ServerNonInvite::start(&context(at(0), reliability));
        let (state, _) = start.on(ServerEvent::SendSuccess, &context(at(1_000), reliability));
        assert_eq!(state.next_timer(), expected);
    }
}

#[test]
fn the_automatic_100_is_due_after_200_ms() {
    let start = ServerInvite::start(&context(at(0), Unreliable));
    let fired = run!(start, ServerEvent, Unreliable);
    let expected = [
        (200, Trying, vec![Action::AnswerTrying]),
        (600_000, Unanswered, vec![Action::Timeout]),
    ];
    assert_eq!(fired, expected);
    let (answered, _) = start.on(ServerEvent::SendProvisional, &context(at(100), Unreliable));
    assert_eq!(answered.next_timer(), Some((at(600_000), Unanswered)));
}

#[test]
fn an_unanswered_request_ends_when_its_client_has_given_up() {
    let start = ServerNonInvite::start(&context(at(0), Unreliable));
    assert_eq!(
        run!(start, ServerEvent, Unreliable),
        [(32_000, Unanswered, vec![Action::Timeout])]
    );
}

/// `state × event` as text: one row a state, one column an event, each cell `next state: actions`.
macro_rules! table {
    ($states:expr, $events:expr, $expected:expr) => {
        for (name, state) in $states {
            for (index, event) in $events.into_iter().enumerate() {
                let (next, actions) = state.on(event, &context(at(10_000), Unreliable));
                let next = format!("{next:?}");
                let next = next.split([' ', '{']).next().unwrap_or_default().to_owned();
                let actions: Vec<String> =
                    actions.iter().map(|action| format!("{action:?}")).collect();
                let cell = format!("{next}:{}", actions.join("+"));
                let row = $expected.iter().find(|row| row.0 == name).unwrap();
                assert_eq!(cell, row.1[index], "{name} × {event:?}");
            }
        }
    };
}

#[test]
fn client_invite_state_by_event() {
    use ClientEvent as Ev;
    let events = [
        Ev::Trying,
        Ev::Provisional,
        Ev::Success,
        Ev::Failure,
        Ev::TransportError,
        Ev::Cancelled,
        Ev::Timer(A),
        Ev::Timer(B),
        Ev::Timer(C),
        Ev::Timer(Cancelled),
        Ev::Timer(D),
        Ev::Timer(M),
    ];
    let start = ClientInvite::start(&context(at(0), Unreliable));
    let states = [
        ("Calling", start),
        (
            "Proceeding",
            ClientInvite::Proceeding {
                c: at(185_000),
                cancelled: Some(at(32_000)),
            },
        ),
        ("Completed", ClientInvite::Completed { d: at(32_000) }),
        ("Accepted", ClientInvite::Accepted { m: at(32_000) }),
        ("Terminated", ClientInvite::Terminated),
    ];
    let expected = [
        (
            "Calling",
            [
                "Proceeding:Deliver",
                "Proceeding:Deliver",
                "Accepted:Deliver",
                "Completed:SendAck+Deliver",
                "Terminated:TransportFailed",
                "Calling:",
                "Calling:Repeat",
                "Terminated:Timeout",
                "Calling:",
                "Calling:",
                "Calling:",
                "Calling:",
            ],
        ),
        (
            "Proceeding",
            [
                "Proceeding:Deliver",
                "Proceeding:Deliver",
                "Accepted:Deliver",
                "Completed:SendAck+Deliver",
                "Proceeding:",
                "Proceeding:",
                "Proceeding:",
                "Proceeding:",
                "Proceeding:Cancel",
                "Terminated:Timeout",
                "Proceeding:",
                "Proceeding:",
            ],
        ),
        (
            "Completed",
            [
                "Completed:",
                "Completed:",
                "Completed:",
                "Completed:SendAck",
                "Terminated:TransportFailed",
                "Completed:",
                "Completed:",
                "Completed:",
                "Completed:",
                "Completed:",
                "Terminated:",
                "Completed:",
            ],
        ),
        (
            "Accepted",
            [
                "Accepted:",
                "Accepted:",
                "Accepted:Deliver",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Terminated:",
            ],
        ),
        ("Terminated", ["Terminated:"; 12]),
    ];
    table!(states, events, expected);
}

#[test]
fn client_non_invite_state_by_event() {
    use ClientEvent as Ev;
    let events = [
        Ev::Trying,
        Ev::Provisional,
        Ev::Success,
        Ev::Failure,
        Ev::TransportError,
        Ev::Cancelled,
        Ev::Timer(E),
        Ev::Timer(F),
        Ev::Timer(K),
        Ev::Timer(A),
    ];
    let start = ClientNonInvite::start(&context(at(0), Unreliable));
    let (proceeding, _) = start.on(Ev::Trying, &context(at(0), Unreliable));
    let states = [
        ("Trying", start),
        ("Proceeding", proceeding),
        ("Completed", ClientNonInvite::Completed { k: at(15_000) }),
        ("Terminated", ClientNonInvite::Terminated),
    ];
    let expected = [
        (
            "Trying",
            [
                "Proceeding:Deliver",
                "Proceeding:Deliver",
                "Completed:Deliver",
                "Completed:Deliver",
                "Terminated:TransportFailed",
                "Trying:",
                "Trying:Repeat",
                "Terminated:Timeout",
                "Trying:",
                "Trying:",
            ],
        ),
        (
            "Proceeding",
            [
                "Proceeding:Deliver",
                "Proceeding:Deliver",
                "Completed:Deliver",
                "Completed:Deliver",
                "Terminated:TransportFailed",
                "Proceeding:",
                "Proceeding:Repeat",
                "Terminated:Timeout",
                "Proceeding:",
                "Proceeding:",
            ],
        ),
        (
            "Completed",
            [
                "Completed:",
                "Completed:",
                "Completed:",
                "Completed:",
                "Completed:",
                "Completed:",
                "Completed:",
                "Completed:",
                "Terminated:",
                "Completed:",
            ],
        ),
        ("Terminated", ["Terminated:"; 10]),
    ];
    table!(states, events, expected);
}

#[test]
fn server_invite_state_by_event() {
    use ServerEvent as Ev;
    let events = [
        Ev::Retransmission,
        Ev::Ack,
        Ev::SendProvisional,
        Ev::SendSuccess,
        Ev::SendFailure,
        Ev::TransportError,
        Ev::Timer(Trying),
        Ev::Timer(Unanswered),
        Ev::Timer(G),
        Ev::Timer(H),
        Ev::Timer(I),
        Ev::Timer(L),
    ];
    let fresh = ServerInvite::start(&context(at(0), Unreliable));
    let answered = ServerInvite::Proceeding {
        trying: None,
        unanswered: at(600_000),
    };
    let (completed, _) = fresh.on(Ev::SendFailure, &context(at(0), Unreliable));
    let states = [
        ("fresh", fresh),
        ("answered 1xx", answered),
        ("Completed", completed),
        ("Confirmed", ServerInvite::Confirmed { i: at(15_000) }),
        ("Accepted", ServerInvite::Accepted { l: at(32_000) }),
        ("Terminated", ServerInvite::Terminated),
    ];
    let expected = [
        (
            "fresh",
            [
                "Proceeding:",
                "Proceeding:",
                "Proceeding:Send",
                "Accepted:Send",
                "Completed:Send",
                "Proceeding:TransportFailed",
                "Proceeding:AnswerTrying",
                "Terminated:Timeout",
                "Proceeding:",
                "Proceeding:",
                "Proceeding:",
                "Proceeding:",
            ],
        ),
        (
            "answered 1xx",
            [
                "Proceeding:Repeat",
                "Proceeding:",
                "Proceeding:Send",
                "Accepted:Send",
                "Completed:Send",
                "Proceeding:TransportFailed",
                "Proceeding:AnswerTrying",
                "Terminated:Timeout",
                "Proceeding:",
                "Proceeding:",
                "Proceeding:",
                "Proceeding:",
            ],
        ),
        (
            "Completed",
            [
                "Completed:Repeat",
                "Confirmed:",
                "Completed:Refuse",
                "Completed:Refuse",
                "Completed:Refuse",
                "Completed:TransportFailed",
                "Completed:",
                "Completed:",
                "Completed:Repeat",
                "Terminated:Timeout",
                "Completed:",
                "Completed:",
            ],
        ),
        (
            "Confirmed",
            [
                "Confirmed:",
                "Confirmed:",
                "Confirmed:Refuse",
                "Confirmed:Refuse",
                "Confirmed:Refuse",
                "Confirmed:TransportFailed",
                "Confirmed:",
                "Confirmed:",
                "Confirmed:",
                "Confirmed:",
                "Terminated:",
                "Confirmed:",
            ],
        ),
        (
            "Accepted",
            [
                "Accepted:",
                "Accepted:Deliver",
                "Accepted:Refuse",
                "Accepted:Send",
                "Accepted:Refuse",
                "Accepted:TransportFailed",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Accepted:",
                "Terminated:",
            ],
        ),
        (
            "Terminated",
            [
                "Terminated:",
                "Terminated:",
                "Terminated:Refuse",
                "Terminated:Refuse",
                "Terminated:Refuse",
                "Terminated:",
                "Terminated:",
                "Terminated:",
                "Terminated:",
                "Terminated:",
                "Terminated:",
                "Terminated:",
            ],
        ),
    ];
    table!(states, events, expected);
}

#[test]
fn server_non_invite_state_by_event() {
    use ServerEvent as Ev;
    let events = [
        Ev::Retransmission,
        Ev::Ack,
        Ev::SendProvisional,
        Ev::SendSuccess,
        Ev::SendFailure,
        Ev::TransportError,
        Ev::Timer(Unanswered),
        Ev::Timer(J),
    ];
    let states = [
        (
            "Trying",
            ServerNonInvite::Trying {
                unanswered: at(32_000),
            },
        ),
        (
            "Proceeding",
            ServerNonInvite::Proceeding {
                unanswered: at(32_000),
            },
        ),
        ("Completed", ServerNonInvite::Completed { j: at(32_000) }),
        ("Terminated", ServerNonInvite::Terminated),
    ];
    let expected = [
        (
            "Trying",
            [
                "Trying:",
                "Trying:",
                "Proceeding:Send",
                "Completed:Send",
                "Completed:Send",
                "Terminated:TransportFailed",
                "Terminated:Timeout",
                "Trying:",
            ],
        ),
        (
            "Proceeding",
            [
                "Proceeding:Repeat",
                "Proceeding:",
                "Proceeding:Send",
                "Completed:Send",
                "Completed:Send",
                "Terminated:TransportFailed",
                "Terminated:Timeout",
                "Proceeding:",
            ],
        ),
        (
            "Completed",
            [
                "Completed:Repeat",
                "Completed:",
                "Completed:Refuse",
                "Completed:Refuse",
                "Completed:Refuse",
                "Terminated:TransportFailed",
                "Completed:",
                "Terminated:",
            ],
        ),
        (
            "Terminated",
            [
                "Terminated:",
                "Terminated:",
                "Terminated:Refuse",
                "Terminated:Refuse",
                "Terminated:Refuse",
                "Terminated:",
                "Terminated:",
                "Terminated:",
            ],
        ),
    ];
    table!(states, events, expected);
}
