//! Messages that come again.

use crate::bench::{GMK, Member, gmk_saying, parameters};
use crate::support::*;
use roger_mikey::open::ReceiverSettings;
use roger_mikey::{Carriage, Context, OpenError, Receiver};

#[test]
fn the_same_message_twice_unless_it_was_stored() {
    let member = Member::user_1();
    let context = member.context(&[GMS]);
    let mut receiver = Receiver::default();
    let octets = message(GMK);
    assert!(!receiver.has_processed(&octets));
    assert!(receiver.open_gmk(&octets, &context, None).is_ok());
    assert!(receiver.has_processed(&octets));
    let again = receiver.open_gmk(&octets, &context, None);
    assert_eq!(again.err(), Some(OpenError::PeerReplayed));
    let stored = Context {
        carriage: Carriage::Stored,
        ..context
    };
    assert!(receiver.open_gmk(&octets, &stored, None).is_ok());
    assert!(receiver.open_gmk(&octets, &stored, None).is_ok());
}

#[test]
fn as_many_messages_as_the_settings_say_are_remembered() {
    let member = Member::user_1();
    let context = member.context(&[GMS]);
    for remembered in [1, 2] {
        let mut receiver = Receiver::new(ReceiverSettings {
            remembered,
            ..ReceiverSettings::default()
        });
        for octets in [message(GMK), gmk_saying(&parameters())] {
            assert!(receiver.open_gmk(&octets, &context, None).is_ok());
        }
        assert_eq!(receiver.remembered(), remembered);
    }
}

/// ECCSI signatures have a twin: s and q - s both verify. A replay with the twin must not pass as new.
#[test]
fn the_same_message_under_the_twin_of_its_signature() {
    const ORDER: &str = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
    let octets = message(GMK);
    let s_at = octets.len() - 129 + 32;
    let mut twin = octets.clone();
    let mut borrow = 0i32;
    for (n, order) in hex::decode(ORDER).unwrap().iter().enumerate().rev() {
        let digit = i32::from(*order) - i32::from(octets[s_at + n]) - borrow;
        borrow = i32::from(digit < 0);
        twin[s_at + n] = (digit & 0xFF) as u8;
    }
    assert_ne!(twin, octets);
    let member = Member::user_1();
    let context = member.context(&[GMS]);
    assert!(
        Receiver::default().open_gmk(&twin, &context, None).is_ok(),
        "the twin verifies"
    );
    let mut receiver = Receiver::default();
    receiver.open_gmk(&octets, &context, None).unwrap();
    let replay = receiver.open_gmk(&twin, &context, None);
    assert_eq!(replay.err(), Some(OpenError::PeerReplayed));
}

#[test]
fn a_refused_message_is_not_remembered() {
    let member = Member::user_1();
    let mut receiver = Receiver::default();
    let octets = message(GMK);
    assert!(
        receiver
            .open_gmk(&octets, &member.context(&[SERVER]), None)
            .is_err()
    );
    assert!(!receiver.has_processed(&octets));
    assert!(
        receiver
            .open_gmk(&octets, &member.context(&[GMS]), None)
            .is_ok()
    );
}
