//! A writer that is killed has kept whatever it said it kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use roger_adapter_audit::{AuditFolder, AuditRecord, Options, Verification, verify};
use roger_base::UnixTime;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

const CHILD: &str = "ROGER_TEST_AUDIT_WRITER";
const ACKNOWLEDGED: &str = "kept ";
const THREADS: u64 = 4;

fn record(action: String) -> AuditRecord {
    AuditRecord {
        time: UnixTime(1_700_000_000),
        who: None,
        domain: None,
        action,
        subjects: Vec::new(),
        outcome: "done".to_owned(),
        reason: None,
        about: Vec::new(),
    }
}

fn options() -> Options {
    Options {
        largest_file: 20_000,
        deadline: core::time::Duration::from_secs(20),
        mac: None,
    }
}

/// Writes until it is killed, and says what was kept.
fn write(folder: &Path) {
    let log = AuditFolder::open(folder, &options()).unwrap();
    let process = std::process::id();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                for number in 0u64.. {
                    let action = format!("{process}/{thread}/{number}/");
                    log.record(&record(action.clone())).unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "{ACKNOWLEDGED}{action}").unwrap();
                }
            });
        }
    });
}

#[test]
fn every_acknowledged_record_survives_the_death_of_its_writer() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return write(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "every_acknowledged_record_survives_the_death_of_its_writer",
            ])
            .arg("--nocapture")
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kept = lines.map_while(Result::ok);
        let kept = kept.filter_map(|line| Some(line.split_once(ACKNOWLEDGED)?.1.to_owned()));
        let mut kept = kept.fuse();
        acknowledged.extend(kept.by_ref().take(60 * round));
        child.kill().unwrap();
        // What was said between the last line read and the death counts too, whole lines that is.
        acknowledged.extend(kept.filter(|line| line.ends_with('/')));
        child.wait().unwrap();
        // The next writer repairs what this one left; here that is us.
        drop(AuditFolder::open(folder.path(), &options()).unwrap());
    }
    let report = verify(folder.path(), &Verification::default()).unwrap();
    assert!(report.files > 1 && acknowledged.len() >= 600, "{report:?}");
    let mut log = String::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            log.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    for action in &acknowledged {
        assert!(log.contains(&format!("\"{action}\"")), "{action} is lost");
    }
}
