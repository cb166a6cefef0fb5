//! The real program plays its story, and says precisely why it cannot.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod kamailio;
mod service_configuration;
mod wire;

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Every step of the story, in order.
const STEPS: [&str; 20] = [
    "servers",
    "UEs",
    "IMS registration",
    "log-in",
    "KMS keys",
    "service authorisation",
    "group key",
    "affiliation",
    "location",
    "outsider",
    "group call",
    "floor denied",
    "late entry",
    "talk burst",
    "private call",
    "removal and new key",
    "call under the new key",
    "evidence",
    "log-off",
    "verdict",
];

/// Every fact of the verdict.
const FACTS: [&str; 9] = [
    "no access token, password, MCPTT ID, group ID or location in clear on any SIP hop",
    "floor control never crosses a socket in clear",
    "the keys of the media servers do not open the speech",
    "a registered non-member opens no key message and no speech",
    "the removed member opens nothing that follows",
    "replayed and altered SRTP is refused",
    "replayed and altered SRTCP is refused",
    "replayed and altered MIKEY is refused",
    "every listener heard what was said, sample for sample",
];

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_roger"))
        .arg("demo")
        .args(arguments)
        .output()
        .unwrap()
}

/// Whether the codec libraries of the system are there; in continuous integration they have to be.
fn has_codec() -> bool {
    match roger_audio::AmrWb::load() {
        Ok(_) => true,
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
            eprintln!("skipped: {error}");
            false
        }
    }
}

fn summary(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
}

fn names<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    let entries = list.as_array().unwrap().iter();
    entries.map(|entry| entry[key].as_str().unwrap()).collect()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn floor_messages(capture: &Path) -> Option<Vec<String>> {
    let output = tshark(
        capture,
        &[
            "-Y",
            "rtcp.app.name == \"MCPT\"",
            "-T",
            "fields",
            "-e",
            "rtcp.app.subtype",
        ],
    )?;
    Some(output.lines().map(str::to_owned).collect())
}

/// What the dissector says; nothing where it is not installed.
fn tshark(capture: &Path, arguments: &[&str]) -> Option<String> {
    let program = roger_testkit::find_program("tshark")?;
    let output = Command::new(program)
        .arg("-r")
        .arg(capture)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    Some(text(&output.stdout))
}

#[test]
fn the_story_is_played_and_every_fact_holds() {
    if !has_codec() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let (pcap, heard) = (folder.path().join("x.pcap"), folder.path().join("heard"));
    let output = demo(&[
        "--json",
        "--users",
        "4",
        "--pcap",
        pcap.to_str().unwrap(),
        "--keep",
        heard.to_str().unwrap(),
    ]);
    let shown = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{shown}");
    let summary = summary(&output);
    assert_eq!(summary["ok"], true, "{shown}");
    assert_eq!(names(&summary["steps"], "name"), STEPS);
    assert_eq!(names(&summary["facts"], "fact"), FACTS);
    let facts = summary["facts"].as_array().unwrap();
    assert!(facts.iter().all(|fact| fact["holds"] == true), "{shown}");
    // Plain lines in a pipe: no escape sequence.
    assert!(!output.stdout.contains(&0x1b));
    check_captures(&pcap);
    check_recordings(&heard);
}

fn check_captures(pcap: &Path) {
    let opened = pcap.with_file_name("x.opened.pcap");
    let malformed = ["-Y", "_ws.malformed && (sip || sdp || mikey)"];
    for capture in [pcap, &opened] {
        assert!(tshark(capture, &malformed).is_none_or(|text| text.is_empty()));
    }
    let mikey = tshark(pcap, &["-Y", "mikey"]);
    assert!(mikey.is_none_or(|text| !text.is_empty()));
    assert!(floor_messages(pcap).is_none_or(|found| found.is_empty()));
    let Some(found) = floor_messages(&opened) else {
        return;
    };
    // Granted, Taken, Request, Deny, Release, Idle, in the order in which they first come.
    let mut first: Vec<&str> = Vec::new();
    for subtype in &found {
        if !first.contains(&subtype.as_str()) {
            first.push(subtype);
        }
    }
    assert_eq!(first, ["1", "2", "0", "3", "4", "5"]);
}

/// Each listener of each burst has a WAV file that the program itself can read.
fn check_recordings(folder: &Path) {
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "1-group-alice-bob.wav",
            "1-group-alice-carol.wav",
            "1-group-alice-dave.wav",
            "2-private-alice-bob.wav",
            "3-private-bob-alice.wav",
            "4-new-key-alice-bob.wav",
            "4-new-key-alice-carol.wav",
        ]
    );
    for file in files {
        let samples = roger_audio::read_wav(&folder.join(&file)).unwrap();
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest > Some(1_000), "{file} is silent: {loudest:?}");
    }
}

/// Starts a demo, interrupts it by Ctrl-C once its servers are up, and checks that it says so and leaves nothing behind.
/// `look` is shown the line of the servers and the folder for temporary files.
fn interrupt(arguments: &[&str], look: impl FnOnce(&str, &Path)) {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_roger"))
        .args(["demo", "--json"])
        .args(arguments)
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let up = lines.find(|line| line.contains("servers")).unwrap();
    look(&up, folder.path());
    let signal = format!("kill -s INT {}", child.id());
    let sent = Command::new("sh").args(["-c", &signal]).status().unwrap();
    assert!(sent.success());
    let last = lines.last().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert_eq!(
        text(&output.stderr),
        "roger: stopped by Ctrl-C; no verdict\n"
    );
    assert_eq!(
        serde_json::from_str::<Value>(&last).unwrap()["ok"],
        Value::Bool(false)
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(processes_in(folder.path()), 0);
}

/// Processes whose command line names a folder.
fn processes_in(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap().as_bytes();
    let entries = std::fs::read_dir("/proc").unwrap();
    let lines = entries.filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    lines
        .filter(|line| line.windows(folder.len()).any(|window| window == folder))
        .count()
}

#[test]
fn ctrl_c_ends_the_story_and_leaves_nothing_behind() {
    if !has_codec() {
        return;
    }
    interrupt(&[], |_, folder| {
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
    });
}

/// Fails with one line that says what is wrong, and with `"ok":false` for programs.
fn refuses(arguments: &[&str], precise: &str) {
    let output = demo(&[arguments, &["--json"]].concat());
    assert!(!output.status.success(), "{arguments:?}");
    let complaint = text(&output.stderr);
    assert!(complaint.contains(precise), "{arguments:?}: {complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    let summary = summary(&output);
    assert_eq!(summary["ok"], false);
    assert_eq!(summary["facts"].as_array().unwrap().len(), 0);
}

#[test]
fn too_few_and_too_many_users_are_refused() {
    refuses(&["--users", "3"], "--users 3: the story needs at least 4");
    refuses(&["--users", "0"], "--users 0: the story needs at least 4");
    refuses(
        &["--users", "100000"],
        "--users 100000: the story needs at least 4 and at most",
    );
}

#[test]
fn an_unusable_wav_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, octets: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, octets).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let absent = folder.path().join("absent.wav");
    refuses(
        &["--wav", absent.to_str().unwrap()],
        "absent.wav: WAV file: No such file",
    );
    refuses(
        &["--wav", &file("text.wav", b"no speech")],
        "text.wav: not a readable WAV file",
    );
    let silent = roger_audio::wav_octets(&[]).unwrap();
    refuses(
        &["--wav", &file("empty.wav", &silent)],
        "empty.wav: the WAV file has no samples",
    );
}

#[test]
fn a_capture_or_folder_that_cannot_be_written_is_refused_before_the_story() {
    if !has_codec() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let nowhere = folder.path().join("nowhere").join("x.pcap");
    refuses(
        &["--pcap", nowhere.to_str().unwrap()],
        "x.pcap: No such file",
    );
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    refuses(&["--keep", file.to_str().unwrap()], "file: File exists");
}
