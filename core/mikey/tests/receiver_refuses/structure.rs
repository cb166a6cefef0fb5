//! Messages that are not whole, or are for another procedure.

use crate::bench::{GMK, Member, gmk_saying, gmk_with, parameters, pck_with};
use crate::support::*;
use roger_base::{KeyId, PurposeTag};
use roger_mikey::payload::Payload;
use roger_mikey::{Context, OpenError, Receiver, Sender, StructureError};

#[test]
fn the_unaltered_messages_open_so_the_refusals_below_mean_something() {
    let member = Member::user_1();
    let resigned = gmk_with(|_| {});
    assert!(
        Receiver::default()
            .open_gmk(&resigned, &member.context(&[GMS]), None)
            .is_ok()
    );
    let said = gmk_saying(&parameters());
    assert!(
        Receiver::default()
            .open_gmk(&said, &member.context(&[GMS]), None)
            .is_ok()
    );
    let callee = Member::user_2();
    assert!(
        Receiver::default()
            .open_pck(&pck_with(|_| {}), &callee.context(&[USER_1]))
            .is_ok()
    );
}

#[test]
fn a_truncated_message() {
    let octets = message(GMK);
    for length in 0..octets.len() {
        let error = Member::user_1().gmk_error(&octets[..length]);
        assert!(
            matches!(error, OpenError::PeerMalformed(_)),
            "{length}: {error}"
        );
    }
}

#[test]
fn one_altered_bit_anywhere() {
    let octets = message(GMK);
    let member = Member::user_1();
    let context = Context {
        sender: Sender::DecidedLater,
        ..member.context(&[])
    };
    // Header and identities octet by octet, the long fields in steps.
    for at in (0..200).chain((200..octets.len()).step_by(7)) {
        let mut altered = octets.clone();
        altered[at] ^= 1 << (at % 8);
        assert!(
            Receiver::default()
                .open_gmk(&altered, &context, None)
                .is_err(),
            "octet {at}"
        );
    }
}

#[test]
fn a_message_without_a_part() {
    let octets = gmk_with(|body| body.payloads.retain(|p| !matches!(p, Payload::Rand(_))));
    assert!(matches!(
        Member::user_1().gmk_error(&octets),
        OpenError::PeerStructure(_)
    ));
}

#[test]
fn a_key_for_another_procedure() {
    let member = Member::user_1();
    let context = member.context(&[GMS, USER_1]);
    let error = Receiver::default()
        .open_pck(&message(GMK), &context)
        .err()
        .unwrap();
    let id = KeyId::from(0x08C4_4583);
    assert_eq!(
        error,
        OpenError::PeerPurpose {
            id,
            found: PurposeTag::Gmk
        }
    );
    let error = Receiver::default()
        .open_gmk(&message("PCK"), &context, None)
        .err()
        .unwrap();
    let id = KeyId::from(0x1699_2638);
    assert_eq!(
        error,
        OpenError::PeerPurpose {
            id,
            found: PurposeTag::Pck
        }
    );
}

#[test]
fn a_reserved_purpose_tag() {
    let octets = pck_with(|body| body.header.csb_id = KeyId::from(0x7699_2638));
    let error = Member::user_2().pck_error(&octets);
    assert!(matches!(
        error,
        OpenError::PeerStructure(StructureError::CsbId(_))
    ));
}
