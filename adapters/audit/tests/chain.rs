//! What was done to a log shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::ops::Range;
use proptest::prelude::*;
use roger_adapter_audit::{
    Anchor, AuditFault, AuditFolder, AuditRecord, MacKey, Options, Report, Verification, verify,
};
use roger_base::{Secret, UnixTime};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

fn record(number: u64) -> AuditRecord {
    AuditRecord {
        time: UnixTime(1_700_000_000 + number),
        who: (!number.is_multiple_of(3)).then(|| format!("sip:user{number}@mc.example")),
        domain: None,
        // A caller who tries to look like the end of a line.
        action: format!("/keymanagement/{number}\",\"hash\":\"00\"}}\n"),
        subjects: vec![("sip:alice@mc.example".to_owned(), number)],
        outcome: "200".to_owned(),
        reason: number
            .is_multiple_of(2)
            .then(|| "ünlesbar \\ \u{1}".to_owned()),
        about: (0..number % 3)
            .map(|other| format!("client app{other}"))
            .collect(),
    }
}

fn key(octet: u8) -> MacKey {
    MacKey::new(Secret::new([octet; 32]))
}

fn write(folder: &Path, records: Range<u64>, largest_file: u64, mac: Option<MacKey>) -> Anchor {
    let options = Options {
        largest_file,
        mac,
        deadline: core::time::Duration::from_secs(20),
    };
    let log = AuditFolder::open(folder, &options).unwrap();
    for number in records {
        log.record(&record(number)).unwrap();
    }
    log.head()
}

fn with_key(octet: u8) -> Verification {
    Verification {
        mac: Some(key(octet)),
        anchor: None,
    }
}

fn broken(result: Result<Report, AuditFault>) -> bool {
    matches!(result, Err(AuditFault::LocalBroken(_)))
}

/// Twelve records in several files, written once; name and content.
fn log() -> &'static [(String, Vec<u8>)] {
    static LOG: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    LOG.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 0..12, 1500, Some(key(1)));
        let mut files: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        assert!(files.len() >= 3, "{} files", files.len());
        files
    })
}

fn put(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
}

#[test]
fn records_are_found_again_over_several_files_and_starts() {
    let folder = tempfile::tempdir().unwrap();
    let first = write(folder.path(), 0..5, 900, None);
    let second = write(folder.path(), 0..4, 900, None);
    let report = verify(folder.path(), &Verification::default()).unwrap();
    assert_eq!((report.records, report.head), (9, second));
    assert_eq!((report.begins_after, report.set_aside), (Anchor::START, 0));
    assert!(report.files >= 3 && first.sequence < second.sequence);
    let text = fs::read_to_string(folder.path().join("audit-00000001.jsonl")).unwrap();
    for line in text.lines() {
        let _: serde_json::Value = serde_json::from_str(line).unwrap();
    }
}

#[test]
fn every_changed_octet_is_found() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), log());
    assert!(verify(folder.path(), &with_key(1)).is_ok());
    let (name, content) = &log()[1];
    let path = folder.path().join(name);
    for position in 0..content.len() {
        for flip in [0x01, 0x20] {
            let mut changed = content.clone();
            changed[position] ^= flip;
            fs::write(&path, changed).unwrap();
            let found = verify(folder.path(), &with_key(1));
            assert!(broken(found), "octet {position}, {flip:#x}");
        }
    }
}

#[test]
fn lines_cut_off_at_the_end_show_against_an_anchor() {
    let folder = tempfile::tempdir().unwrap();
    let head = write(folder.path(), 0..6, 1_000_000, None);
    let anchored = Verification {
        mac: None,
        anchor: Some(head),
    };
    assert!(verify(folder.path(), &anchored).is_ok());
    let path = folder.path().join("audit-00000001.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    fs::write(&path, lines[..lines.len() - 1].concat()).unwrap();
    assert!(broken(verify(folder.path(), &anchored)));
    // What no file on the same disk can show.
    assert!(verify(folder.path(), &Verification::default()).is_ok());
    fs::remove_file(&path).unwrap();
    assert!(broken(verify(folder.path(), &anchored)));
}

#[test]
fn a_log_that_was_written_anew_shows_with_the_key_or_an_anchor() {
    let (folder, forged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let head = write(folder.path(), 0..3, 1_000_000, Some(key(1)));
    write(forged.path(), 20..24, 1_000_000, Some(key(2)));
    assert!(verify(folder.path(), &with_key(1)).is_ok());
    assert!(verify(forged.path(), &Verification::default()).is_ok());
    assert!(broken(verify(forged.path(), &with_key(1))));
    let anchored = Verification {
        mac: None,
        anchor: Some(head),
    };
    write(forged.path(), 0..1, 1_000_000, Some(key(2)));
    assert!(broken(verify(forged.path(), &anchored)));
    // A log without MACs is not taken for one with them.
    let plain = tempfile::tempdir().unwrap();
    write(plain.path(), 0..1, 1_000_000, None);
    assert!(broken(verify(plain.path(), &with_key(1))));
}

#[test]
fn a_file_removed_from_the_middle_is_found_and_one_at_the_beginning_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), log());
    fs::remove_file(folder.path().join(&log()[0].0)).unwrap();
    let report = verify(folder.path(), &with_key(1)).unwrap();
    assert!(report.begins_after.sequence > 0);
    put(folder.path(), log());
    fs::remove_file(folder.path().join(&log()[1].0)).unwrap();
    assert!(broken(verify(folder.path(), &with_key(1))));
}

/// Where a line stands: file and line.
fn places() -> Vec<(usize, usize)> {
    let lines = |content: &[u8]| content.iter().filter(|octet| **octet == b'\n').count();
    let files = log().iter().enumerate();
    files
        .flat_map(|(file, (_, content))| (0..lines(content)).map(move |line| (file, line)))
        .collect()
}

fn lines() -> Vec<Vec<Vec<u8>>> {
    let split = |content: &Vec<u8>| {
        let lines = content.split_inclusive(|octet| *octet == b'\n');
        lines.map(<[u8]>::to_vec).collect()
    };
    log().iter().map(|(_, content)| split(content)).collect()
}

fn put_lines(folder: &Path, lines: &[Vec<Vec<u8>>]) {
    for ((name, _), lines) in log().iter().zip(lines) {
        fs::write(folder.join(name), lines.concat()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_changed_octet_is_found(
        file in any::<prop::sample::Index>(),
        position in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut files = log().to_vec();
        let content = &mut files[file.index(log().len())].1;
        let position = position.index(content.len());
        content[position] ^= flip;
        put(folder.path(), &files);
        prop_assert!(broken(verify(folder.path(), &with_key(1))));
    }

    #[test]
    fn any_two_lines_exchanged_any_line_removed_or_doubled_is_found(
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let places = places();
        let (one, other) = (places[one.index(places.len())], places[other.index(places.len())]);
        let last = places[places.len() - 1];
        if one != other {
            let mut exchanged = lines();
            exchanged[one.0][one.1] = lines()[other.0][other.1].clone();
            exchanged[other.0][other.1] = lines()[one.0][one.1].clone();
            put_lines(folder.path(), &exchanged);
            prop_assert!(broken(verify(folder.path(), &Verification::default())));
        }
        let mut inserted = lines();
        inserted[other.0].insert(other.1, lines()[one.0][one.1].clone());
        put_lines(folder.path(), &inserted);
        prop_assert!(broken(verify(folder.path(), &Verification::default())));
        // The first line begins the log, the last one ends it: their absence is told otherwise.
        if one != (0, 0) && one != last {
            let mut removed = lines();
            removed[one.0].remove(one.1);
            put_lines(folder.path(), &removed);
            prop_assert!(broken(verify(folder.path(), &Verification::default())));
        }
    }

    #[test]
    fn any_octets_are_refused(octets in prop::collection::vec(any::<u8>(), 1..300)) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("audit-00000001.jsonl"), &octets).unwrap();
        prop_assert!(broken(verify(folder.path(), &Verification::default())));
    }
}
