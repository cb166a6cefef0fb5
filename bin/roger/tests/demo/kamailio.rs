//! Kamailio as a child of the demo: gone after Ctrl-C. That the story is played behind it is shown by the tests of the
//! wire.

use super::{Value, demo, has_codec, text};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const KAMAILIO: [&str; 2] = ["--sip-core", "kamailio"];

fn installed() -> bool {
    roger_testkit::find_program_beside("kamailio", "/usr/sbin").is_some()
}

/// Processes whose command line names a folder.
fn processes_in(folder: &TempDir) -> usize {
    let folder = folder.path().to_str().unwrap().as_bytes();
    let entries = std::fs::read_dir("/proc").unwrap();
    let lines = entries.filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    lines
        .filter(|line| line.windows(folder.len()).any(|window| window == folder))
        .count()
}

#[test]
fn an_unknown_core_is_refused_by_the_command_line() {
    let output = demo(&["--sip-core", "asterisk"]);
    assert!(!output.status.success());
    let complaint = text(&output.stderr);
    assert!(complaint.contains("embedded, kamailio"), "{complaint}");
}

#[test]
fn ctrl_c_ends_it_too() {
    if !has_codec() || !installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_roger"))
        .args(["demo", "--json"])
        .args(KAMAILIO)
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let up = lines.find(|line| line.as_ref().unwrap().contains("servers"));
    assert!(up.unwrap().unwrap().contains("(Kamailio)"));
    assert!(processes_in(&folder) > 1);
    let signal = format!("kill -s INT {}", child.id());
    let sent = Command::new("sh").args(["-c", &signal]).status().unwrap();
    assert!(sent.success());
    let last = lines.last().unwrap().unwrap();
    assert!(!child.wait().unwrap().success());
    let summary: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(summary["ok"], Value::Bool(false));
    assert_eq!(processes_in(&folder), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
