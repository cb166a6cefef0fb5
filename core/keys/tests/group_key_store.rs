//! Which GMK a UE sends with, which it decrypts with, and what it refuses (TS 33.180 cl. 5.2.4, 5.7.1).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use core::time::Duration;
use proptest::prelude::*;
use roger_base::{GroupId, KeyId, McpttId, NtpTime, Secret, UnixTime};
use roger_keys::store::{KeyStatus, LookupError, StoreError, StoreSettings, Stored};
use roger_keys::{CsId, Gmk, GroupKey, GroupKeyStore, Rand};

const NOW: UnixTime = UnixTime(1_800_000_000);

fn at(offset: i64) -> UnixTime {
    UnixTime(NOW.0.checked_add_signed(offset).unwrap())
}

fn group() -> GroupId {
    GroupId::new("sip:fire-1@mcptt.example.org").unwrap()
}

fn id(n: u32) -> KeyId {
    KeyId::from(n)
}

/// A GMK whose key and RAND follow from its id, received at `NOW + time`.
fn key(n: u32, time: i64) -> GroupKey {
    GroupKey {
        gmk: Gmk::new(Secret::new([n as u8; 16]), id(n), Rand::from([n as u8; 16])).unwrap(),
        groups: vec![group()],
        time: at(time).to_ntp(),
        activation: None,
        expiry: None,
        status: KeyStatus::Valid,
        text: String::new(),
    }
}

fn store() -> GroupKeyStore {
    GroupKeyStore::new(StoreSettings::default())
}

fn sending(store: &GroupKeyStore, now: UnixTime) -> Option<KeyId> {
    store.sending(&group(), now).map(|key| key.gmk.id())
}

#[test]
fn sends_with_the_key_activated_last() {
    let mut store = store();
    store.insert(key(1, -100), NOW).unwrap();
    store
        .insert(
            GroupKey {
                activation: Some(at(30)),
                ..key(2, -50)
            },
            NOW,
        )
        .unwrap();
    store
        .insert(
            GroupKey {
                activation: Some(at(-200)),
                ..key(3, -10)
            },
            NOW,
        )
        .unwrap();
    assert_eq!(sending(&store, NOW), Some(id(1)));
    assert_eq!(sending(&store, at(29)), Some(id(1)));
    assert_eq!(sending(&store, at(30)), Some(id(2)));
}

#[test]
fn equal_activation_goes_to_the_later_message_then_the_higher_id() {
    let mut store = store();
    let active = |n, time| GroupKey {
        activation: Some(at(-5)),
        ..key(n, time)
    };
    store.insert(active(9, -50), NOW).unwrap();
    store.insert(active(1, -40), NOW).unwrap();
    assert_eq!(sending(&store, NOW), Some(id(1)));
    store.insert(active(4, -40), NOW).unwrap();
    assert_eq!(sending(&store, NOW), Some(id(4)));
}

#[test]
fn stops_sending_at_expiry_and_receives_through_the_grace_period() {
    let mut store = store();
    store
        .insert(
            GroupKey {
                expiry: Some(at(60)),
                ..key(1, 0)
            },
            NOW,
        )
        .unwrap();
    assert_eq!(sending(&store, at(59)), Some(id(1)));
    assert_eq!(sending(&store, at(60)), None);
    assert!(store.receiving(id(1), at(69)).is_ok());
    assert_eq!(
        store.receiving(id(1), at(70)).err(),
        Some(LookupError::Expired(id(1)))
    );
    assert_eq!(store.purge(at(70)), [id(1)]);
    assert_eq!(
        store.receiving(id(1), at(71)).err(),
        Some(LookupError::Expired(id(1)))
    );
}

#[test]
fn falls_back_to_the_older_key_when_the_newer_one_expires() {
    let mut store = store();
    store.insert(key(1, -100), NOW).unwrap();
    store
        .insert(
            GroupKey {
                expiry: Some(at(60)),
                ..key(2, 0)
            },
            NOW,
        )
        .unwrap();
    assert_eq!(sending(&store, NOW), Some(id(2)));
    assert_eq!(sending(&store, at(61)), Some(id(1)));
}

#[test]
fn decrypts_with_a_key_that_is_not_active_yet() {
    let mut store = store();
    store
        .insert(
            GroupKey {
                activation: Some(at(30)),
                ..key(2, 0)
            },
            NOW,
        )
        .unwrap();
    assert_eq!(sending(&store, NOW), None);
    assert!(store.receiving(id(2), NOW).is_ok());
}

#[test]
fn a_known_gmk_id_with_another_rand_is_refused() {
    let mut store = store();
    store.insert(key(1, -10), NOW).unwrap();
    let gmk = Gmk::new(Secret::new([1; 16]), id(1), Rand::from([9; 16])).unwrap();
    let other = GroupKey { gmk, ..key(1, 0) };
    assert_eq!(
        store.insert(other, NOW),
        Err(StoreError::PeerConflict(id(1)))
    );
    let held = store.receiving(id(1), NOW).unwrap();
    assert_eq!(held.gmk.rand(), &Rand::from([1; 16]));
}

#[test]
fn a_known_gmk_id_with_another_key_is_refused_even_to_revoke_it() {
    let mut store = store();
    store.insert(key(1, -10), NOW).unwrap();
    let gmk = Gmk::new(Secret::new([9; 16]), id(1), Rand::from([1; 16])).unwrap();
    let other = GroupKey { gmk, ..key(1, 0) };
    assert_eq!(
        store.insert(other.clone(), NOW),
        Err(StoreError::PeerConflict(id(1)))
    );
    let revoking = GroupKey {
        status: KeyStatus::Revoked,
        ..other
    };
    assert_eq!(
        store.insert(revoking, NOW),
        Err(StoreError::PeerConflict(id(1)))
    );
    assert!(store.receiving(id(1), NOW).is_ok());
}

#[test]
fn an_expired_id_may_carry_another_key() {
    let mut store = store();
    store
        .insert(
            GroupKey {
                expiry: Some(at(5)),
                ..key(1, 0)
            },
            NOW,
        )
        .unwrap();
    let gmk = Gmk::new(Secret::new([9; 16]), id(1), Rand::from([9; 16])).unwrap();
    let other = GroupKey { gmk, ..key(1, 6) };
    assert_eq!(store.insert(other, at(6)), Ok(Stored::New));
}

#[test]
fn only_a_later_message_changes_a_key() {
    let mut store = store();
    assert_eq!(store.insert(key(1, 0), NOW), Ok(Stored::New));
    assert_eq!(store.insert(key(1, 0), NOW), Ok(Stored::Unchanged));
    assert_eq!(
        store.insert(key(1, -1), NOW),
        Err(StoreError::PeerStale(id(1)))
    );
    let altered = GroupKey {
        expiry: Some(at(9)),
        ..key(1, 0)
    };
    assert_eq!(
        store.insert(altered, NOW),
        Err(StoreError::PeerStale(id(1)))
    );
    let later = GroupKey {
        expiry: Some(at(9)),
        ..key(1, 1)
    };
    assert_eq!(store.insert(later, NOW), Ok(Stored::Updated));
    assert_eq!(sending(&store, at(9)), None);
}

#[test]
fn a_replayed_older_message_does_not_bring_an_expired_key_back() {
    let mut store = store();
    store.insert(key(1, -20), NOW).unwrap();
    store
        .insert(
            GroupKey {
                expiry: Some(at(5)),
                ..key(1, 0)
            },
            NOW,
        )
        .unwrap();
    store.purge(at(100));
    assert_eq!(
        store.insert(key(1, -20), at(100)),
        Err(StoreError::PeerStale(id(1)))
    );
    let same = GroupKey {
        expiry: Some(at(5)),
        ..key(1, 0)
    };
    assert_eq!(
        store.insert(same, at(100)),
        Err(StoreError::PeerExpired(id(1)))
    );
    assert_eq!(store.insert(key(1, 50), at(100)), Ok(Stored::New));
}

#[test]
fn revocation_is_final_for_the_key() {
    let mut store = store();
    store.insert(key(1, -20), NOW).unwrap();
    let revoking = GroupKey {
        status: KeyStatus::Revoked,
        ..key(1, -10)
    };
    assert_eq!(store.insert(revoking.clone(), NOW), Ok(Stored::Revoked));
    assert_eq!(store.insert(revoking, NOW), Ok(Stored::Revoked));
    assert_eq!(sending(&store, NOW), None);
    assert_eq!(
        store.receiving(id(1), NOW).err(),
        Some(LookupError::Revoked(id(1)))
    );
    assert_eq!(
        store.insert(key(1, 0), NOW),
        Err(StoreError::PeerRevoked(id(1)))
    );
    let gmk = Gmk::new(Secret::new([9; 16]), id(1), Rand::from([9; 16])).unwrap();
    let older = GroupKey {
        gmk: gmk.clone(),
        ..key(1, -15)
    };
    assert_eq!(store.insert(older, NOW), Err(StoreError::PeerStale(id(1))));
    assert_eq!(
        store.insert(GroupKey { gmk, ..key(1, 0) }, NOW),
        Ok(Stored::New)
    );
}

#[test]
fn a_revocation_that_overtakes_its_key_wins() {
    let mut store = store();
    let revoking = GroupKey {
        status: KeyStatus::Revoked,
        ..key(1, -10)
    };
    assert_eq!(store.insert(revoking, NOW), Ok(Stored::Revoked));
    assert_eq!(
        store.insert(key(1, -20), NOW),
        Err(StoreError::PeerRevoked(id(1)))
    );
}

#[test]
fn an_older_revocation_does_not_touch_a_newer_key() {
    let mut store = store();
    store.insert(key(1, 0), NOW).unwrap();
    let revoking = GroupKey {
        status: KeyStatus::Revoked,
        ..key(1, -10)
    };
    assert_eq!(
        store.insert(revoking, NOW),
        Err(StoreError::PeerStale(id(1)))
    );
    assert!(store.receiving(id(1), NOW).is_ok());
}

#[test]
fn refuses_keys_that_can_never_be_used() {
    let mut store = store();
    let expired = GroupKey {
        expiry: Some(NOW),
        ..key(1, -10)
    };
    assert_eq!(
        store.insert(expired, NOW),
        Err(StoreError::PeerExpired(id(1)))
    );
    let never = GroupKey {
        activation: Some(at(50)),
        expiry: Some(at(50)),
        ..key(1, 0)
    };
    assert_eq!(
        store.insert(never, NOW),
        Err(StoreError::PeerNeverValid(id(1)))
    );
    let nowhere = GroupKey {
        groups: Vec::new(),
        ..key(1, 0)
    };
    assert_eq!(
        store.insert(nowhere, NOW),
        Err(StoreError::PeerNoGroup(id(1)))
    );
    assert!(store.is_empty());
}

#[test]
fn holds_no_more_than_its_limit() {
    let settings = StoreSettings {
        max_keys: 2,
        max_traces: 2,
        ..StoreSettings::default()
    };
    let mut store = GroupKeyStore::new(settings);
    store.insert(key(1, 0), NOW).unwrap();
    store.insert(key(2, 0), NOW).unwrap();
    assert_eq!(store.insert(key(3, 0), NOW), Err(StoreError::LocalFull(2)));
    assert_eq!(store.insert(key(2, 1), NOW), Ok(Stored::Updated));
    for n in 10..20 {
        let revoking = GroupKey {
            status: KeyStatus::Revoked,
            ..key(n, n.into())
        };
        store.insert(revoking, NOW).unwrap();
    }
    assert_eq!(
        store.receiving(id(19), NOW).err(),
        Some(LookupError::Revoked(id(19)))
    );
    assert_eq!(
        store.receiving(id(10), NOW).err(),
        Some(LookupError::Unknown(id(10)))
    );
}

#[test]
fn a_key_of_another_group_is_not_used() {
    let mut store = store();
    store.insert(key(1, 0), NOW).unwrap();
    let other = GroupId::new("sip:police-1@mcptt.example.org").unwrap();
    assert!(store.sending(&other, NOW).is_none());
    let found = store.receiving_in_group(&other, id(1), NOW);
    assert_eq!(found.err(), Some(LookupError::OtherGroup(id(1))));
    assert!(store.receiving_in_group(&group(), id(1), NOW).is_ok());
}

#[test]
fn leaving_a_group_erases_the_keys_that_serve_no_other() {
    let mut store = store();
    let other = GroupId::new("sip:police-1@mcptt.example.org").unwrap();
    store.insert(key(1, 0), NOW).unwrap();
    store
        .insert(
            GroupKey {
                groups: vec![group(), other.clone()],
                ..key(2, 0)
            },
            NOW,
        )
        .unwrap();
    store.remove_group(&group());
    assert_eq!(store.len(), 1);
    assert!(store.sending(&other, NOW).is_some());
    assert!(sending(&store, NOW).is_none());
    assert!(store.remove(id(2)) && !store.remove(id(2)));
    assert_eq!(store.insert(key(1, 0), NOW), Ok(Stored::New));
}

#[test]
fn finds_the_master_key_and_the_name_of_a_sender() {
    let mut store = store();
    store.insert(key(1, 0), NOW).unwrap();
    let alice = McpttId::new("sip:alice@mcptt.example.org").unwrap();
    let bob = McpttId::new("sip:bob@mcptt.example.org").unwrap();
    let gmk = key(1, 0).gmk;
    let guk_id = gmk.guk_id(&bob);
    let found = store
        .sender_key(id(1), guk_id, CsId::GROUP_CALL, NOW)
        .unwrap();
    assert!(found == gmk.media_key(guk_id));
    assert_eq!(store.sender(id(1), guk_id, [&alice, &bob]), Some(&bob));
    assert_eq!(store.sender(id(1), guk_id, [&alice]), None);
    assert!(
        store
            .sender_key(id(2), guk_id, CsId::GROUP_CALL, NOW)
            .is_err()
    );
}

#[test]
fn tells_when_it_will_change() {
    let mut store = store();
    assert_eq!(store.next_change(NOW), None);
    let key = GroupKey {
        activation: Some(at(30)),
        expiry: Some(at(90)),
        ..key(1, 0)
    };
    store.insert(key, NOW).unwrap();
    assert_eq!(store.next_change(NOW), Some(at(30)));
    assert_eq!(store.next_change(at(30)), Some(at(90)));
    assert_eq!(
        store.next_change(at(90)),
        Some(at(90) + Duration::from_secs(10))
    );
    assert_eq!(store.next_change(at(100)), None);
}

proptest! {
    /// Whatever arrives in whatever order, the key for sending is unexpired, unrevoked, active and the latest.
    #[test]
    fn the_sending_key_is_always_the_latest_usable_one(
        messages in prop::collection::vec(
            (1u32..6, -50i64..50, prop::option::of(-60i64..60), prop::option::of(1i64..90), any::<bool>()),
            1..40,
        ),
        later in 0i64..100,
    ) {
        let mut store = store();
        let mut accepted: Vec<GroupKey> = Vec::new();
        for (n, time, activation, expiry, valid) in messages {
            let key = GroupKey {
                activation: activation.map(at),
                expiry: expiry.map(at),
                status: if valid { KeyStatus::Valid } else { KeyStatus::Revoked },
                ..key(n, time)
            };
            if store.insert(key.clone(), NOW).is_ok() {
                accepted.retain(|held| held.gmk.id() != key.gmk.id());
                accepted.push(key);
            }
        }
        let now = at(later);
        let usable = accepted.iter().filter(|key| {
            key.status == KeyStatus::Valid
                && key.expiry.is_none_or(|expiry| now < expiry)
                && key.effective_activation() <= now
        });
        let best = usable.max_by_key(|key| (key.effective_activation(), key.time, key.gmk.id()));
        prop_assert_eq!(sending(&store, now), best.map(|key| key.gmk.id()));
    }

    /// The user salt is its own inverse and leaves the purpose tag alone.
    #[test]
    fn a_guk_id_leads_back_to_its_gmk_id(secret: [u8; 16], low: u32, name in "[a-z0-9.]{1,40}") {
        let member = McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap();
        let gmk_id = KeyId::from(low & 0x0FFF_FFFF);
        let secret = Secret::new(secret);
        let guk_id = roger_keys::group::guk_id(&secret, gmk_id, &member);
        prop_assert!(guk_id.purpose().is_ok_and(|tag| tag == Gmk::PURPOSE));
        prop_assert_eq!(roger_keys::group::gmk_id(&secret, guk_id, &member), gmk_id);
    }

    /// What is sealed opens, under the same key, IV and additional data.
    #[test]
    fn gcm_opens_what_it_sealed(
        key: [u8; 16],
        iv in prop::collection::vec(any::<u8>(), 1..40),
        aad in prop::collection::vec(any::<u8>(), 0..40),
        plain in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let key = Secret::new(key);
        let sealed = roger_keys::gcm::seal(&key, &iv, &aad, &plain).unwrap();
        let opened = roger_keys::gcm::open(&key, &iv, &aad, &sealed).unwrap();
        prop_assert_eq!(&*opened, &plain);
    }
}

#[test]
fn time_is_compared_with_its_fraction() {
    let mut store = store();
    let half = NtpTime {
        fraction: 1 << 31,
        ..NOW.to_ntp()
    };
    store
        .insert(
            GroupKey {
                time: half,
                ..key(1, 0)
            },
            NOW,
        )
        .unwrap();
    assert_eq!(
        store.insert(key(1, 0), NOW),
        Err(StoreError::PeerStale(id(1)))
    );
}
