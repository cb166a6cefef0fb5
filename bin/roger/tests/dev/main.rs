//! `roger dev` and `roger ue` as a person uses them: the built program in several processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod location;
mod processes;
mod withdrawal;

use processes::{Dev, Process, Said, finish, roger, wait_until};
use roger_audio::{FRAME_SAMPLES, SAMPLE_RATE, read_wav, read_wav_from, write_wav};
use roger_ue::shell::Speech;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SPEECH: &[u8] = include_bytes!("../../../../client/audio/assets/speech.wav");

/// A WAV file of so many seconds.
fn recording(folder: &Path, name: &str, seconds: u32) -> PathBuf {
    let samples = read_wav_from(SPEECH).unwrap();
    let wanted = (seconds * SAMPLE_RATE) as usize;
    let samples: Vec<i16> = samples.iter().copied().cycle().take(wanted).collect();
    let path = folder.join(name);
    write_wav(&path, &samples).unwrap();
    path
}

/// What the codec itself makes of a recording.
fn decoded(path: &Path) -> Vec<i16> {
    let codec = Speech::load().unwrap();
    let frames = codec.encode(&read_wav(path).unwrap()).unwrap();
    codec.decode(&frames).unwrap()
}

fn is_silent(samples: &[i16]) -> bool {
    samples.iter().all(|sample| sample.unsigned_abs() < 1_000)
}

/// Sample for sample; tells where they part, not the samples.
fn assert_same(what: &str, heard: &[i16], said: &[i16]) {
    let alike = heard.iter().zip(said).take_while(|(a, b)| a == b).count();
    assert!(
        heard == said,
        "{what}: {} samples for {}, alike up to {alike}",
        heard.len(),
        said.len()
    );
}

/// The file that a UE says it has saved of a speaker.
fn saved(listener: &Process, speaker: &str) -> Vec<i16> {
    let event = listener.expect_event("saved", Some(speaker));
    let path = PathBuf::from(event["file"].as_str().unwrap());
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.ends_with(&format!("Z-{speaker}.wav")), "{name}");
    read_wav(&path).unwrap()
}

fn assert_refused(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.status.code(), Some(code), "{}{}", said.out, said.err);
    for part in parts {
        assert!(
            said.err.contains(part),
            "{part:?} is missing in: {}",
            said.err
        );
    }
}

#[test]
fn a_talk_burst_is_heard_and_a_second_talker_is_denied_until_the_first_has_finished() {
    let dev = Dev::start(3);
    let folder = dev.folder.path();
    let (long, short) = (
        recording(folder, "long.wav", 25),
        recording(folder, "short.wav", 2),
    );
    let heard = folder.join("heard");
    let alice = Process::start(dev.member("alice").arg("--keep").arg(&heard));
    alice.expect_event("on-air", None);

    let mut bob = Process::start(dev.member("bob").arg("--say").arg(&long));
    bob.expect_event("permit", None);
    alice.expect_event("talks", Some("bob"));

    // Carol comes late: she is called in, hears bob, and may not talk as long as he does.
    let carol = Process::start(
        dev.member("carol")
            .arg("--say")
            .arg(&short)
            .arg("--keep")
            .arg(folder.join("late")),
    );
    let called = carol.expect_event("called", None);
    assert_eq!(called["party"], "group fire-1");
    carol.expect_event("talks", Some("bob"));
    let denied = carol.expect_event("deny", None);
    assert!(denied["cause"].as_str().unwrap().len() > 5, "{denied}");
    assert!(!bob.lines().iter().any(|line| line.contains("\"said\"")));

    // Bob leaves in mid-burst; now the floor is carol's, who asks again by herself.
    assert_eq!(
        bob.interrupt().code(),
        Some(1),
        "his recording was not said to its end"
    );
    carol.expect_event("permit", None);
    carol.expect_event("said", None);

    let of_bob = saved(&alice, "bob");
    let whole = decoded(&long);
    assert!(of_bob.len() >= 10 * FRAME_SAMPLES && !is_silent(&of_bob));
    assert_eq!(of_bob, whole[..of_bob.len()], "what alice heard of bob");
    let of_carol = saved(&alice, "carol");
    assert!(!is_silent(&of_carol));
    assert_same("what alice heard of carol", &of_carol, &decoded(&short));
    assert!(
        !is_silent(&saved(&carol, "bob")),
        "what carol heard of bob's end"
    );

    for mut ue in [alice, carol] {
        assert_eq!(ue.interrupt().code(), Some(0));
    }
}

#[test]
fn a_private_call_is_heard_by_the_called_user_alone() {
    private_call(&Dev::start(3));
}

#[test]
fn a_private_call_goes_through_kamailio_too() {
    if roger_testkit::find_program_beside("kamailio", "/usr/sbin").is_some() {
        private_call(&Dev::start_with(3, &["--sip-core", "kamailio"]));
    }
}

fn private_call(dev: &Dev) {
    let short = recording(dev.folder.path(), "short.wav", 2);
    let mut alice = Process::start(
        dev.member("alice")
            .arg("--keep")
            .arg(dev.folder.path().join("a")),
    );
    let mut carol = Process::start(
        dev.member("carol")
            .arg("--keep")
            .arg(dev.folder.path().join("c")),
    );
    alice.expect_event("on-air", None);
    carol.expect_event("on-air", None);
    let mut bob = Process::start(
        dev.ue("bob")
            .args(["--json", "--call", "alice", "--say"])
            .arg(&short),
    );
    bob.expect_event("said", None);
    assert_same(
        "what alice heard of bob",
        &saved(&alice, "bob"),
        &decoded(&short),
    );
    assert_eq!(bob.interrupt().code(), Some(0));
    for ue in [&mut alice, &mut carol] {
        assert_eq!(ue.interrupt().code(), Some(0));
    }
    let lines = carol.lines().join("\n");
    assert!(
        !lines.contains("\"called\"") && !lines.contains("\"talks\""),
        "{lines}"
    );
}

/// A command of the shell at a terminal of its own.
fn at_terminal(shell: &str) -> Process {
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--flush", "--command", shell])
        .arg("/dev/null")
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm");
    Process::start(&mut command)
}

#[test]
fn a_user_whose_terminal_is_gone_leaves() {
    let dev = Dev::start(2);
    let shell = format!(
        "echo pid=$$; exec {} ue --user alice --group fire-1 --state {}",
        env!("CARGO_BIN_EXE_roger"),
        dev.state_file().display(),
    );
    let mut terminal = at_terminal(&shell);
    let line = terminal.expect("the process", |line| line.contains("pid="));
    let pid = line.trim().rsplit_once('=').unwrap().1.to_owned();
    terminal.expect("alice on the air", |line| line.contains("on the air"));
    terminal.signal("KILL");
    terminal.wait();
    dev.process
        .expect("her farewell", |line| line.contains("client logged off"));
    let process = PathBuf::from("/proc").join(pid).join("exe");
    wait_until("the end of her UE", || {
        std::fs::read_link(&process).is_err()
    });
}

#[test]
fn the_space_bar_is_the_button_and_the_terminal_is_restored() {
    let dev = Dev::start(2);
    let bob = Process::start(&mut dev.member("bob"));
    bob.expect_event("on-air", None);
    let shell = format!(
        "stty -F /dev/tty -a > {before}; {roger} ue --user alice --group fire-1 --state {state}; echo status=$?; stty -F /dev/tty -a > {after}",
        roger = env!("CARGO_BIN_EXE_roger"),
        state = dev.state_file().display(),
        before = dev.folder.path().join("before").display(),
        after = dev.folder.path().join("after").display(),
    );
    let mut alice = at_terminal(&shell);
    alice.expect("alice on the air", |line| line.contains("on the air"));
    alice.press(" ");
    bob.expect_event("talks", Some("alice"));
    let permit = alice.expect("the permit tone", |line| line.contains("TALK PERMIT"));
    assert!(
        permit.ends_with("\x07\r"),
        "bell and carriage return: {permit:?}"
    );
    // Two taps at once would be taken for a held key that repeats.
    std::thread::sleep(Duration::from_millis(400));
    alice.press(" ");
    let silent = bob.expect_event("silent", Some("alice"));
    assert!(silent["heard_seconds"].as_f64().unwrap() > 0.0, "{silent}");
    alice.press("q");
    alice.expect("the end", |line| line.contains("status=0"));
    alice.wait();
    let read = |name: &str| std::fs::read_to_string(dev.folder.path().join(name)).unwrap();
    assert!(read("before").contains(" icanon"));
    assert_eq!(read("before"), read("after"));
}

#[test]
fn addresses_that_are_not_on_loopback_are_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for (address, parts) in [
        ("192.0.2.1", "192.0.2.1 is not a loopback address"),
        ("0.0.0.0", "0.0.0.0 is not a loopback address"),
        ("10.1.2.0/24", "10.1.2.0 is not a loopback address"),
        ("::", ":: is not a loopback address"),
    ] {
        let said = finish(&mut Dev::command(address, &state));
        assert_refused(&said, 1, &[parts, "DEVELOPMENT"]);
        assert_eq!(said.out, "");
    }
    let said = finish(&mut Dev::command("127.0.0.0/8", &state));
    assert_refused(&said, 2, &["/8 is not a block of 256 addresses"]);
    assert!(!state.exists());
}

#[test]
fn a_refusal_names_server_user_and_key() {
    let dev = Dev::start(2);
    let wrong = "not-her-password-7";
    let said = finish(
        dev.ue("alice")
            .args(["--group", "fire-1", "--for", "1"])
            .env("ROGER_PASSWORD", wrong),
    );
    assert_refused(
        &said,
        1,
        &[
            "log-in of alice at the IdM server https://idm.mcptt.example.org:4431",
            "refused user name and password",
            "the environment (ROGER_PASSWORD)",
        ],
    );
    assert!(!said.err.contains(wrong) && !said.out.contains(wrong));

    let said = finish(dev.ue("alice").args(["--group", "fire-9", "--for", "1"]));
    assert_refused(
        &said,
        1,
        &[
            "group document of sip:fire-9@mcptt.example.org",
            "from the group management server",
            "asked for by sip:alice@mcptt.example.org",
            "there is no group",
        ],
    );
    let said = finish(dev.ue("zoe").args(["--group", "fire-1", "--for", "1"]));
    assert_refused(&said, 2, &["there is no user zoe", "it has alice, bob"]);
    let said = finish(dev.ue("alice").args(["--call", "bob", "--for", "20"]));
    assert_refused(&said, 1, &["the call did not come about"]);
    assert!(
        said.out.contains("no call: the MCPTT server answered 4"),
        "{}",
        said.out
    );
}

#[test]
fn one_user_has_one_ue() {
    let dev = Dev::start(2);
    let alice = Process::start(&mut dev.member("alice"));
    alice.expect_event("on-air", None);
    let said = finish(dev.ue("alice").args(["--group", "fire-1", "--for", "1"]));
    assert_refused(
        &said,
        1,
        &["alice cannot use 127.", ":5060 on this machine", "in use"],
    );
}

#[test]
fn files_that_cannot_be_used_are_found_before_anything_is_sent() {
    let dev = Dev::start(2);
    let folder = dev.folder.path();
    let text = folder.join("text.wav");
    std::fs::write(&text, "no speech").unwrap();
    let said = finish(dev.member("alice").arg("--say").arg(&text));
    assert_refused(&said, 2, &["text.wav: not a readable WAV file"]);
    let said = finish(dev.member("alice").arg("--keep").arg(text.join("below")));
    assert_refused(&said, 2, &["text.wav"]);
    assert_eq!(said.out, "", "nothing was sent");
    let missing = folder.join("missing");
    let said = finish(
        roger()
            .args(["ue", "--user", "alice", "--group", "fire-1", "--state"])
            .arg(&missing),
    );
    assert_refused(
        &said,
        2,
        &["missing does not exist", "start `roger dev` first"],
    );
}

#[test]
fn the_state_file_is_private_and_goes_with_the_servers() {
    let mut dev = Dev::start(2);
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(dev.state_folder()), 0o700);
    assert_eq!(mode(dev.state_file()), 0o600);

    // A second one finds the addresses taken; on other addresses it finds the state file taken.
    let elsewhere = dev.folder.path().join("elsewhere");
    let said = finish(&mut Dev::command(&dev.block, &elsewhere));
    assert_refused(&said, 1, &[&dev.block, "in use by another run"]);
    assert!(!elsewhere.exists());
    let said = finish(&mut Dev::command("127.99.99.0/24", &dev.state_folder()));
    assert_refused(
        &said,
        1,
        &["dev.json belongs to another `roger dev` that is running"],
    );

    assert_eq!(dev.process.interrupt().code(), Some(0));
    assert!(!dev.state_file().exists());
    for line in dev.process.lines() {
        assert!(line.starts_with("DEVELOPMENT "), "{line}");
    }
}

#[test]
fn what_killed_servers_left_behind_is_told_apart_and_replaced() {
    let mut dev = Dev::start(2);
    let mut bob = Process::start(&mut dev.member("bob"));
    bob.expect_event("on-air", None);
    dev.process.signal("KILL");
    dev.process.wait();
    bob.expect("the end", |line| {
        line == "roger: the development servers have ended"
    });
    assert_eq!(bob.wait().code(), Some(1));
    assert!(dev.state_file().exists());
    let said = finish(dev.ue("alice").args(["--group", "fire-1", "--for", "1"]));
    assert_refused(
        &said,
        2,
        &["was left behind by development servers that have ended"],
    );
    let mut again = Process::start(&mut Dev::command(&dev.block, &dev.state_folder()));
    again.expect("the servers", |line| line.contains("Ctrl-C stops"));
    again.signal("TERM");
    assert_eq!(again.wait().code(), Some(0));
    assert!(!dev.state_file().exists());
}
