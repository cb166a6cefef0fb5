//! A group receiver over the key store of a UE.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_base::{GroupId, KeyId, McpttId, Secret, UnixTime};
use roger_keys::{Gmk, GroupKey, GroupKeyStore, Rand, store::KeyStatus, store::StoreSettings};
use roger_srtp::{
    GroupMki, GroupReceiver, HeldGroupKeys, Profile, RtpFields, SenderContext, SrtpError,
};

const NOW: UnixTime = UnixTime(1_790_000_000);
const EXPIRY: UnixTime = UnixTime(1_790_003_600);

fn group(name: &str) -> GroupId {
    GroupId::new(format!("sip:{name}@mcptt.example.org")).unwrap()
}

fn gmk(id: u32) -> Gmk {
    Gmk::new(
        Secret::new([id as u8; 16]),
        KeyId::from(id),
        Rand::new(&[9; 16]).unwrap(),
    )
    .unwrap()
}

fn store(keys: &[(u32, &str)]) -> GroupKeyStore {
    let mut store = GroupKeyStore::new(StoreSettings::default());
    for (id, name) in keys {
        let key = GroupKey {
            gmk: gmk(*id),
            groups: vec![group(name)],
            time: NOW.to_ntp(),
            activation: None,
            expiry: Some(EXPIRY),
            status: KeyStatus::Valid,
            text: String::new(),
        };
        store.insert(key, NOW).unwrap();
    }
    store
}

fn sender(gmk: &Gmk, name: &str) -> SenderContext {
    let member = McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap();
    SenderContext::for_gmk(gmk, gmk.guk_id(&member)).unwrap()
}

fn rtp(sequence: u16) -> Vec<u8> {
    RtpFields {
        marker: false,
        payload_type: 96,
        sequence,
        timestamp: 0,
        ssrc: 5,
    }
    .packet(&[1, 2, 3])
}

#[test]
fn members_are_heard_with_the_group_key_alone_and_can_be_named() {
    let store = store(&[(1, "fire-1")]);
    let fire = group("fire-1");
    let keys = HeldGroupKeys {
        store: &store,
        group: &fire,
        now: NOW,
    };
    let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
    let members: Vec<McpttId> = ["alice", "bob"]
        .iter()
        .map(|name| McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap())
        .collect();
    for (at, name) in ["alice", "bob"].iter().enumerate() {
        let packet = sender(&gmk(1), name).protect_rtp(&rtp(1)).unwrap();
        let opened = receiver.unprotect_rtp(&keys, &packet).unwrap();
        let mki = GroupMki::from_octets(opened.mki.octets()).unwrap();
        assert_eq!(
            store.sender(mki.gmk_id, mki.guk_id, &members),
            Some(&members[at])
        );
    }
}

#[test]
fn unknown_expired_and_foreign_group_keys_open_nothing() {
    let store = store(&[(1, "fire-1"), (2, "police-1")]);
    let fire = group("fire-1");
    let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
    let long_after = UnixTime(EXPIRY.0 + 3600);
    for (id, now, opens) in [
        (1, NOW, true),
        (2, NOW, false),
        (3, NOW, false),
        (1, long_after, false),
    ] {
        let keys = HeldGroupKeys {
            store: &store,
            group: &fire,
            now,
        };
        let mut sender = sender(&gmk(id), "alice");
        let packet = sender.protect_rtp(&rtp(7)).unwrap();
        let opened = receiver.unprotect_rtp(&keys, &packet);
        if opens {
            assert!(opened.is_ok());
        } else {
            assert!(
                matches!(opened, Err(SrtpError::PeerUnknownMki(_))),
                "GMK {id} at {now:?}"
            );
        }
    }
}

#[test]
fn own_packets_sent_back_are_refused_and_an_other_device_is_heard() {
    let store = store(&[(1, "fire-1")]);
    let fire = group("fire-1");
    let keys = HeldGroupKeys {
        store: &store,
        group: &fire,
        now: NOW,
    };
    let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
    let mut sender = sender(&gmk(1), "alice");
    let mki = GroupMki::from_octets(sender.mki().octets()).unwrap();
    receiver.note_own_stream(mki, 5);
    receiver.note_own_stream(mki, 5);
    let own = sender.protect_rtp(&rtp(1)).unwrap();
    assert_eq!(
        receiver.unprotect_rtp(&keys, &own),
        Err(SrtpError::PeerUsesOwnSsrc(5))
    );
    let report = sender.protect_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 5]).unwrap();
    assert_eq!(
        receiver.unprotect_rtcp(&keys, &report),
        Err(SrtpError::PeerUsesOwnSsrc(5))
    );
    let mut other = rtp(1);
    other[11] = 6;
    assert!(
        receiver
            .unprotect_rtp(&keys, &sender.protect_rtp(&other).unwrap())
            .is_ok()
    );
}

/// A receiver that served another group keeps its keys ready, but does not use them here.
#[test]
fn a_key_that_is_ready_opens_nothing_in_another_group() {
    let store = store(&[(2, "police-1")]);
    let (fire, police) = (group("fire-1"), group("police-1"));
    let in_group = |group| HeldGroupKeys {
        store: &store,
        group,
        now: NOW,
    };
    let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
    let mut sender = sender(&gmk(2), "alice");
    let packet = sender.protect_rtp(&rtp(1)).unwrap();
    assert!(receiver.unprotect_rtp(&in_group(&police), &packet).is_ok());
    let packet = sender.protect_rtp(&rtp(2)).unwrap();
    let refused = receiver.unprotect_rtp(&in_group(&fire), &packet);
    assert!(matches!(refused, Err(SrtpError::PeerUnknownMki(_))));
}
