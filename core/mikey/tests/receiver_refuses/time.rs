//! Timestamps and key periods.

use crate::bench::{GMK, Member, gmk_saying, gmk_with, identity, parameters};
use crate::support::*;
use roger_base::KmsUri;
use roger_mikey::payload::{Payload, Role, Timestamp};
use roger_mikey::{Carriage, Context, OpenError, Receiver, StructureError};

#[test]
fn a_live_message_outside_the_skew_window() {
    let member = Member::user_1();
    let at = |seconds| {
        let context = Context {
            now: later(seconds),
            ..member.context(&[GMS])
        };
        Receiver::default()
            .open_gmk(&message(GMK), &context, None)
            .err()
    };
    assert_eq!(at(600), None);
    assert_eq!(at(-600), None);
    assert_eq!(
        at(601),
        Some(OpenError::PeerTooOld {
            time: NOW,
            now: later(601)
        })
    );
    assert_eq!(
        at(-601),
        Some(OpenError::PeerFromFuture {
            time: NOW,
            now: later(-601)
        })
    );
}

#[test]
fn a_stored_message_older_than_two_key_periods_or_from_the_future() {
    let member = Member::user_1();
    let said = gmk_saying(&parameters());
    let at = |seconds| {
        let carriage = Carriage::Stored;
        let context = Context {
            now: later(seconds),
            carriage,
            ..member.context(&[GMS])
        };
        Receiver::default().open_gmk(&said, &context, None).err()
    };
    assert_eq!(at(2 * 2_592_000), None);
    let now = later(2 * 2_592_000 + 1);
    assert_eq!(
        at(2 * 2_592_000 + 1),
        Some(OpenError::PeerTooOld { time: NOW, now })
    );
    assert_eq!(
        at(-601),
        Some(OpenError::PeerFromFuture {
            time: NOW,
            now: later(-601)
        })
    );
}

#[test]
fn a_timestamp_that_is_not_utc() {
    let octets = gmk_with(|body| body.payloads[0] = Payload::Timestamp(Timestamp::Ntp(NOW.wire())));
    let expected = OpenError::PeerStructure(StructureError::TimestampType(1));
    assert_eq!(Member::user_1().gmk_error(&octets), expected);
}

#[test]
fn a_kms_without_a_certificate() {
    for role in [Role::InitiatorKms, Role::ResponderKms] {
        let octets = gmk_with(|body| *identity(body, role) = b"kms.example.com".to_vec());
        let kms = KmsUri::new("kms.example.com").unwrap();
        assert_eq!(
            Member::user_1().gmk_error(&octets),
            OpenError::PeerUnknownKms(kms)
        );
    }
}
