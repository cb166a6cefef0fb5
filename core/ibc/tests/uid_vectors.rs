//! The UID vectors of TS 33.180 F.2.1.2, computed ones, and those of third parties.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use roger_base::{KmsUri, NtpTime};
use roger_ibc::uid::{KeyPeriod, KeyPeriodError, uid};
use serde_json::Value;

/// How many vectors hold; one whose offset is not below its period must be refused instead.
fn check(set: &Value) -> usize {
    let list = set["uid"].as_array().unwrap();
    for vector in list {
        let text = |name: &str| vector[name].as_str().unwrap();
        let number = |name: &str| vector[name].as_u64().unwrap();
        let period = KeyPeriod::new(number("period"), number("offset"));
        if number("offset") >= number("period") {
            assert!(matches!(
                period,
                Err(KeyPeriodError::OffsetNotBelowPeriod { .. })
            ));
            continue;
        }
        let kms = KmsUri::new(text("kms_uri")).unwrap();
        let uid = uid(text("uri"), &kms, period.unwrap(), number("period_no"));
        assert_eq!(uid.to_string().to_uppercase(), text("UID"));
    }
    list.len()
}

#[test]
fn published_and_computed_vectors_hold() {
    let set = serde_json::from_str(include_str!("vectors/uid.json")).unwrap();
    assert_eq!(check(&set), 4);
}

#[test]
fn third_party_vectors_hold() {
    let Some(path) = roger_testkit::third_party_vectors("kdf.json") else {
        return;
    };
    let set = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(check(&set), 5);
}

#[test]
fn the_published_time_is_in_the_published_period() {
    let period = KeyPeriod::new(2_592_000, 0).unwrap();
    let time = NtpTime {
        seconds: 3_599_719_634,
        fraction: 0,
    };
    assert_eq!(period.number_at(time), 1388);
}
