//! Where a UE is: said by its user, reported to the servers as they want it, and written in no log.

use super::at_terminal;
use crate::processes::{Dev, Process, finish};

/// Never in a log: the degrees that were said, and what they are in a report (TS 23.032 cl. 6.1).
const PRIVATE: [&str; 6] = [
    "61.497752",
    "61.507752",
    "23.760954",
    "5732005",
    "5732938",
    "1107340",
];

#[test]
fn a_ue_that_is_told_its_place_reports_it_as_configured_and_no_log_says_where() {
    let dev = Dev::start(2);
    let mut alice = Process::start(dev.member("alice").args(["--at", "61.497752,23.760954"]));
    alice.expect_event("place", None);
    alice.expect_event("location-reported", None);
    let of_trigger = |trigger: &str| {
        let (reported, trigger) = ("location reported", format!("\"{trigger}\""));
        dev.process.expect(&trigger, |line| {
            line.contains(reported) && line.contains(&trigger)
        })
    };
    of_trigger("log-on");
    // A kilometre to the north.
    alice.press("at 61.507752 23.760954\n");
    of_trigger("moved");
    assert_eq!(alice.interrupt().code(), Some(0));
    for line in dev.process.lines().iter().chain(&alice.lines()) {
        assert!(!PRIVATE.iter().any(|text| line.contains(text)), "{line}");
    }
}

#[test]
fn a_line_that_is_no_command_is_answered_with_what_to_say() {
    let dev = Dev::start(2);
    let mut alice = Process::start(&mut dev.member("alice"));
    alice.expect_event("on-air", None);
    for (line, answer) in [
        ("where am I", "there is: at LATITUDE LONGITUDE"),
        ("at 60,1699 24,9384", "such as 60.1699 24.9384"),
        ("at 151.2 -33.8", "the latitude is not from -90 to 90"),
        ("at 33.8 -190", "the longitude is not from -180 to 180"),
    ] {
        alice.press(&format!("{line}\n"));
        alice.expect(answer, |line| {
            line.contains("\"refused\"") && line.contains(answer)
        });
    }
    assert_eq!(alice.interrupt().code(), Some(0));
    let lines = alice.lines();
    assert!(!lines.iter().any(|line| line.contains("location-reported")));

    let said = finish(dev.member("bob").args(["--at", "-91,0"]));
    assert_eq!(said.status.code(), Some(2));
    let answer = "the latitude is not from -90 to 90";
    assert!(said.err.contains(answer), "{}", said.err);
}

#[test]
fn at_a_terminal_the_key_p_asks_for_the_place() {
    let dev = Dev::start(2);
    let shell = format!(
        "{} ue --user alice --group fire-1 --state {}",
        env!("CARGO_BIN_EXE_roger"),
        dev.state_file().display(),
    );
    let mut alice = at_terminal(&shell);
    alice.expect("alice on the air", |line| line.contains("on the air"));
    alice.press("p");
    alice.press("61.497752 23.760954\r");
    alice.expect("the place", |line| line.contains("knows where it is"));
    alice.expect("the report", |line| line.contains("location reported"));
    alice.press("q");
    alice.wait();
}
