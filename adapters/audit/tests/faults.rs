//! A fault is an error to the caller in bounded time; after it the log goes on and the chain is whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use core::time::Duration;
use roger_adapter_audit::{
    AuditFault, AuditFolder, AuditRecord, Options, Report, Verification, verify,
};
use roger_base::UnixTime;
use roger_kms::ports::{AuditEntry, AuditLog};
use rustix::fs::{CWD, FileType, Mode};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

fn record() -> AuditRecord {
    AuditRecord {
        time: UnixTime(1_700_000_000),
        who: Some("sip:alice@mc.example".to_owned()),
        domain: None,
        action: "/keymanagement/identity/v1/keyprov".to_owned(),
        subjects: vec![("sip:alice@mc.example".to_owned(), 3969)],
        outcome: "200".to_owned(),
        reason: None,
        about: Vec::new(),
    }
}

fn open(folder: &Path) -> AuditFolder {
    let options = Options {
        deadline: Duration::from_secs(10),
        ..Options::default()
    };
    AuditFolder::open(folder, &options).unwrap()
}

fn whole(folder: &Path) -> Report {
    verify(folder, &Verification::default()).unwrap()
}

/// A folder below the temporary one, so that it can be taken away.
fn begin() -> (tempfile::TempDir, PathBuf, PathBuf, AuditFolder) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("audit");
    fs::create_dir(&folder).unwrap();
    let log = open(&folder);
    log.record(&record()).unwrap();
    let file = folder.join("audit-00000001.jsonl");
    (temporary, folder, file, log)
}

fn refused_in_time(log: &AuditFolder) -> AuditFault {
    let start = Instant::now();
    let fault = log.record(&record()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10));
    fault
}

#[test]
fn a_file_that_was_moved_away_is_an_error_until_it_is_back() {
    let (temporary, folder, file, log) = begin();
    let away = temporary.path().join("away");
    fs::rename(&file, &away).unwrap();
    assert_eq!(
        refused_in_time(&log),
        AuditFault::LocalTampered(file.clone())
    );
    fs::rename(&away, &file).unwrap();
    log.record(&record()).unwrap();
    assert_eq!((whole(&folder).records, whole(&folder).files), (2, 1));
}

#[test]
fn a_file_that_stays_away_is_followed_by_one_that_continues_the_chain() {
    let (temporary, folder, file, log) = begin();
    let away = temporary.path().join("away");
    fs::rename(&file, &away).unwrap();
    assert!(matches!(
        refused_in_time(&log),
        AuditFault::LocalTampered(_)
    ));
    log.record(&record()).unwrap();
    log.record(&record()).unwrap();
    let report = whole(&folder);
    assert_eq!((report.records, report.begins_after.sequence), (2, 2));
    // With the archived file the whole log is there.
    fs::rename(&away, folder.join("audit-00000000.jsonl")).unwrap();
    assert_eq!(whole(&folder).records, 3);
}

#[test]
fn a_file_that_was_deleted_replaced_cut_or_extended_is_an_error_and_shows() {
    let faults: [fn(&Path); 4] = [
        |file| fs::remove_file(file).unwrap(),
        |file| {
            let copy = fs::read(file).unwrap();
            fs::remove_file(file).unwrap();
            fs::write(file, copy).unwrap();
        },
        |file| {
            let opened = fs::OpenOptions::new().write(true).open(file).unwrap();
            opened.set_len(10).unwrap();
        },
        |file| {
            let mut opened = fs::OpenOptions::new().append(true).open(file).unwrap();
            opened.write_all(b"{}\n").unwrap();
        },
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let (_temporary, folder, file, log) = begin();
        fault(&file);
        assert!(
            matches!(refused_in_time(&log), AuditFault::LocalTampered(_)),
            "{number}"
        );
        log.record(&record()).unwrap();
        let report = verify(&folder, &Verification::default());
        match number {
            0 => assert_eq!(report.unwrap().begins_after.sequence, 2),
            1 => assert_eq!(report.unwrap().records, 2, "the copy is as good"),
            _ => assert!(
                matches!(report, Err(AuditFault::LocalBroken(_))),
                "{number}"
            ),
        }
    }
}

#[test]
fn a_probe_writes_nothing_and_shows_a_deleted_file() {
    let (_temporary, folder, file, log) = begin();
    let before = fs::read(&file).unwrap();
    log.probe().unwrap();
    assert_eq!(fs::read(&file).unwrap(), before);
    fs::remove_file(&file).unwrap();
    assert!(matches!(log.probe(), Err(AuditFault::LocalTampered(_))));
    log.probe().unwrap();
    log.record(&record()).unwrap();
    assert!(folder.join("audit-00000002.jsonl").is_file());
}

#[test]
fn a_folder_that_is_gone_is_an_error_until_it_is_back() {
    let (temporary, folder, _, log) = begin();
    let away = temporary.path().join("away");
    fs::rename(&folder, &away).unwrap();
    for _ in 0..3 {
        refused_in_time(&log);
    }
    fs::rename(&away, &folder).unwrap();
    log.record(&record()).unwrap();
    assert_eq!(whole(&folder).records, 2);
}

#[test]
fn a_pipe_that_nobody_reads_never_makes_a_caller_wait() {
    let (_temporary, folder, file, log) = begin();
    fs::remove_file(&file).unwrap();
    rustix::fs::mknodat(CWD, &file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert!(matches!(
        refused_in_time(&log),
        AuditFault::LocalTampered(_)
    ));
    // Neither the number of the pipe nor a link is taken for the next file.
    std::os::unix::fs::symlink("/dev/full", folder.join("audit-00000002.jsonl")).unwrap();
    log.record(&record()).unwrap();
    assert!(folder.join("audit-00000003.jsonl").is_file());
    drop(log);
    // Found at a start, or by a reader, a pipe is refused.
    fs::remove_file(folder.join("audit-00000002.jsonl")).unwrap();
    fs::remove_file(folder.join("audit-00000003.jsonl")).unwrap();
    let start = Instant::now();
    let refused = AuditFolder::open(&folder, &Options::default()).err();
    assert_eq!(refused, Some(AuditFault::LocalNotAFile(file.clone())));
    let refused = verify(&folder, &Verification::default()).err();
    assert_eq!(refused, Some(AuditFault::LocalNotAFile(file)));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn two_processes_do_not_write_one_log() {
    let (_temporary, folder, _, log) = begin();
    let refused = AuditFolder::open(&folder, &Options::default()).err();
    assert_eq!(refused, Some(AuditFault::LocalInUse(folder.clone())));
    drop(log);
    assert!(AuditFolder::open(&folder, &Options::default()).is_ok());
}

#[test]
fn half_a_line_is_set_aside_and_recorded() {
    let (_temporary, folder, file, log) = begin();
    drop(log);
    let before = fs::read(&file).unwrap();
    for half in [b"{\"seq\":3,\"prev\"".as_slice(), &[0; 5000]] {
        let mut torn = fs::OpenOptions::new().append(true).open(&file).unwrap();
        torn.write_all(half).unwrap();
        assert!(verify(&folder, &Verification::default()).is_err());
        let log = open(&folder);
        log.record(&record()).unwrap();
        drop(log);
        let kept = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| fs::read(entry.unwrap().path()).unwrap());
        assert!(kept.into_iter().any(|content| content == half));
    }
    let report = whole(&folder);
    assert_eq!((report.records, report.set_aside), (3, 2));
    assert!(fs::read(&file).unwrap().starts_with(&before));
}

#[test]
fn a_file_that_a_crash_left_without_a_line_does_not_break_the_chain() {
    for half in [b"".as_slice(), b"{\"seq\":3,\"pr"] {
        let (_temporary, folder, _, log) = begin();
        drop(log);
        fs::write(folder.join("audit-00000002.jsonl"), half).unwrap();
        let log = open(&folder);
        log.record(&record()).unwrap();
        let report = whole(&folder);
        assert_eq!(
            (report.records, report.set_aside),
            (2, u64::from(!half.is_empty()))
        );
    }
}

#[test]
fn a_log_that_was_changed_is_not_continued() {
    let (_temporary, folder, file, log) = begin();
    drop(log);
    let text = fs::read_to_string(&file).unwrap().replace("alice", "malic");
    fs::write(&file, text).unwrap();
    let refused = AuditFolder::open(&folder, &Options::default()).err();
    assert!(matches!(refused, Some(AuditFault::LocalBroken(broken)) if broken.line == 2));
}

#[test]
fn a_record_longer_than_a_line_is_refused_alone() {
    let (_temporary, folder, _, log) = begin();
    let mut long = record();
    long.action = "x".repeat(70_000);
    assert!(matches!(
        log.record(&long),
        Err(AuditFault::LocalTooLong(_))
    ));
    log.record(&record()).unwrap();
    assert_eq!(whole(&folder).records, 2);
}

#[test]
fn the_kms_is_told_when_nothing_was_kept() {
    let (_temporary, folder, file, log) = begin();
    let entry = AuditEntry {
        time: UnixTime(1_700_000_000),
        kms_uri: "kms.example.org".to_owned(),
        caller: None,
        path: "/keymanagement/identity/v1/init".to_owned(),
        released: Vec::new(),
        status: 401,
        refusal: Some("no access token".to_owned()),
    };
    let port: &dyn AuditLog = &log;
    port.record(&entry).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("no access token") && text.contains("\"outcome\":\"401\""));
    fs::remove_file(&file).unwrap();
    assert!(port.record(&entry).is_err());
    drop(folder);
}

const CHILD: &str = "ROGER_TEST_FULL_DISK";

/// The limit of a process for the size of files stands for the end of the disk: a write stops in the middle of a line.
/// The signal that comes with it is ignored by the shell that starts this test again.
#[test]
fn a_full_disk_is_an_error_until_there_is_room() {
    const RAN: &str = "the disk was full";
    if std::env::var_os(CHILD).is_some() {
        full_disk();
        println!("{RAN}");
        return;
    }
    let run = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_full_disk_is_an_error_until_there_is_room",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let output = [run.stdout, run.stderr].concat();
    let output = String::from_utf8_lossy(&output);
    assert!(run.status.success() && output.contains(RAN), "{output}");
}

fn full_disk() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let (_temporary, folder, file, log) = begin();
    let unlimited = getrlimit(Resource::Fsize);
    let full = fs::metadata(&file).unwrap().len() + 100;
    let limit = Rlimit {
        current: Some(full),
        ..unlimited
    };
    setrlimit(Resource::Fsize, limit).unwrap();
    for _ in 0..3 {
        assert!(matches!(refused_in_time(&log), AuditFault::LocalIo { .. }));
        assert_eq!(whole(&folder).records, 1);
    }
    setrlimit(Resource::Fsize, unlimited).unwrap();
    log.record(&record()).unwrap();
    assert_eq!(whole(&folder).records, 2);
}
