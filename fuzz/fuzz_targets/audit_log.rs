#![no_main]
//! Logs of one file: as they are, and with every line of the fuzzer's as an event in a chain that is right.
use aws_lc_rs::digest::{SHA256, digest};
use libfuzzer_sys::fuzz_target;
use roger_adapter_audit::{Verification, verify};
use std::fmt::Write as _;
use std::sync::LazyLock;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// The log of these events.
fn chained(events: &str) -> (Vec<u8>, u64) {
    let (mut log, mut previous, mut count) = (String::new(), vec![0; 32], 0);
    for event in events.lines() {
        count += 1;
        let signed = format!("{{\"seq\":{count},\"prev\":\"{}\",\"event\":{event}", hex(&previous));
        let hashed = [previous, signed.as_bytes().to_vec()].concat();
        previous = digest(&SHA256, &hashed).as_ref().to_vec();
        let _ = writeln!(log, "{signed},\"hash\":\"{}\"}}", hex(&previous));
    }
    (log.into_bytes(), count)
}

fuzz_target!(|data: &[u8]| {
    let events = core::str::from_utf8(data).map(chained);
    let raw = (data.to_vec(), u64::MAX);
    for (log, most) in [Some(raw), events.ok()].into_iter().flatten() {
        std::fs::write(FOLDER.path().join("audit-00000001.jsonl"), log).unwrap();
        if let Ok(report) = verify(FOLDER.path(), &Verification::default()) {
            assert!(report.records + report.set_aside <= most);
        }
    }
});
