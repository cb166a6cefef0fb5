//! A KMS issues, a user checks, and the two ends of a message meet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use roger_base::{KmsUri, Secret};
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssueError, IssuedKeys, KeyError, KmsMaster, PointError, UserKeySet, sakke};
use roger_testkit::SeededRandom;

const ALICE: &str = "sip:alice@mcptt.example.org";

fn kms(seed: u64) -> (KmsMaster, SeededRandom) {
    let mut random = SeededRandom::new(seed);
    let uri = KmsUri::new("kms.example.org").unwrap();
    let period = KeyPeriod::new(2_592_000, 86_400).unwrap();
    (
        KmsMaster::generate(uri, period, &mut random).unwrap(),
        random,
    )
}

#[test]
fn issued_keys_pass_every_check_and_work() {
    let (kms, mut random) = kms(1);
    let keys = kms.issue(ALICE, 1536).unwrap();
    let alice = UserKeySet::validate(kms.domain(), &keys).unwrap();
    let uid = kms.domain().uid_of(ALICE, 1536);
    assert!(UserKeySet::validate(kms.domain(), &alice.to_issued()).is_ok());
    assert_eq!(
        (alice.uid, alice.identity.as_str(), alice.period_number),
        (uid, ALICE, 1536)
    );

    let signature = alice.signing.sign(b"message", &mut random).unwrap();
    let kpak = &kms.domain().auth;
    assert_eq!(kpak.verify(uid.as_ref(), b"message", &signature), Ok(()));
    assert!(kpak.verify(uid.as_ref(), b"massage", &signature).is_err());

    let ssv = Secret::new([7; 16]);
    let data = sakke::encapsulate(&kms.domain().enc, uid.as_ref(), &ssv);
    assert!(alice.receiver.decapsulate(&data).unwrap() == ssv);
}

/// All octets of a key set that a user gets.
fn octets(keys: &IssuedKeys) -> Vec<u8> {
    [
        keys.ssk.expose().as_slice(),
        &keys.pvt,
        keys.rsk.expose(),
        keys.uid.as_ref(),
    ]
    .concat()
}

#[test]
fn two_instances_and_a_restarted_one_issue_the_same_octets() {
    let (kms, _) = kms(2);
    let domain = kms.domain();
    let restarted = || {
        let (ksak, z_t) = kms.to_secrets();
        KmsMaster::from_secrets(domain.kms_uri.clone(), domain.key_period, &ksak, &z_t).unwrap()
    };
    let first = kms.issue(ALICE, 1).unwrap();
    for instance in [kms.clone(), restarted(), restarted()] {
        let again = instance.issue(ALICE, 1).unwrap();
        assert_eq!(octets(&first), octets(&again));
        assert!(UserKeySet::validate(domain, &again).is_ok());
    }
}

#[test]
fn another_identity_period_or_domain_has_another_v() {
    let (kms, _) = kms(7);
    let (other, _) = self::kms(8);
    let pvts = [
        kms.issue(ALICE, 1).unwrap().pvt,
        kms.issue(ALICE, 2).unwrap().pvt,
        kms.issue("sip:bob@mcptt.example.org", 1).unwrap().pvt,
        other.issue(ALICE, 1).unwrap().pvt,
    ];
    for (place, pvt) in pvts.iter().enumerate() {
        assert!(!pvts[..place].contains(pvt));
    }
}

#[test]
fn a_batch_issues_what_single_calls_issue() {
    let (kms, _) = kms(9);
    let identities: Vec<String> = (0..37)
        .map(|n| format!("sip:u{n}@mcptt.example.org"))
        .collect();
    let mut names: Vec<&str> = identities.iter().map(String::as_str).collect();
    names.push(ALICE);
    names.push(ALICE);
    let batch = kms.issue_batch(&names, 1536).unwrap();
    assert_eq!(batch.len(), names.len());
    for (name, keys) in names.iter().zip(&batch) {
        assert_eq!((keys.identity.as_str(), keys.period_number), (*name, 1536));
        assert_eq!(octets(keys), octets(&kms.issue(name, 1536).unwrap()));
        assert!(UserKeySet::validate(kms.domain(), keys).is_ok());
    }
    assert!(kms.issue_batch(&[], 1).unwrap().is_empty());
}

#[test]
fn the_kms_finds_any_wrong_key_of_a_batch_before_it_is_released() {
    let (kms, _) = kms(10);
    let identities: Vec<String> = (0..33)
        .map(|n| format!("sip:u{n}@mcptt.example.org"))
        .collect();
    let names: Vec<&str> = identities.iter().map(String::as_str).collect();
    let good = kms.issue_batch(&names, 1).unwrap();
    assert_eq!(kms.confirm(&good), Ok(()));
    let other = kms.issue(ALICE, 1).unwrap();
    let refused = |place: usize, change: &dyn Fn(&mut IssuedKeys)| {
        let mut wrong = good.clone();
        change(&mut wrong[place]);
        kms.confirm(&wrong).err()
    };
    let rsk = Some(IssueError::LocalKeys(KeyError::ReceiverKeyMismatch));
    let signing = Some(IssueError::LocalKeys(KeyError::SigningKeyMismatch));
    let uid = Some(IssueError::LocalKeys(KeyError::UidMismatch));
    for place in [0, 16, 31, 32] {
        assert_eq!(refused(place, &|keys| keys.rsk = other.rsk.clone()), rsk);
        assert_eq!(
            refused(place, &|keys| keys.ssk = other.ssk.clone()),
            signing
        );
        assert_eq!(
            refused(place, &|keys| keys.pvt = other.pvt.clone()),
            signing
        );
        assert_eq!(refused(place, &|keys| keys.uid = other.uid), uid);
        assert_eq!(refused(place, &|keys| keys.identity = ALICE.into()), uid);
        let bent = refused(place, &|keys| {
            let mut octets = *keys.rsk.expose();
            octets[200] ^= 1;
            keys.rsk = Secret::new(octets);
        });
        assert_eq!(
            bent,
            Some(IssueError::LocalKeys(KeyError::Rsk(PointError::NotOnCurve)))
        );
    }
    // Two right keys in each other's place.
    let mut swapped = good.clone();
    let first = swapped[0].rsk.clone();
    swapped[0].rsk = swapped[1].rsk.clone();
    swapped[1].rsk = first;
    assert_eq!(kms.confirm(&swapped).err(), rsk);
}

#[test]
fn stored_master_secrets_make_the_same_domain() {
    let (kms, _) = kms(3);
    let (ksak, z_t) = kms.to_secrets();
    let domain = kms.domain();
    let again = KmsMaster::from_secrets(domain.kms_uri.clone(), domain.key_period, &ksak, &z_t);
    assert_eq!(again.unwrap().domain(), domain);
}

#[test]
fn key_sets_that_are_not_the_users_are_refused() {
    let (kms, _) = kms(4);
    let (other_kms, _) = self::kms(5);
    let keys = kms.issue(ALICE, 1).unwrap();
    let bob = kms.issue("sip:bob@mcptt.example.org", 1).unwrap();
    let refused = |keys: &IssuedKeys| UserKeySet::validate(kms.domain(), keys).err();
    assert_eq!(refused(&keys), None);
    let under_other = UserKeySet::validate(other_kms.domain(), &keys).err();
    assert_eq!(under_other, Some(KeyError::SigningKeyMismatch));

    let changed = |change: fn(&mut IssuedKeys, &IssuedKeys)| {
        let mut wrong = keys.clone();
        change(&mut wrong, &bob);
        refused(&wrong)
    };
    let uid = Some(KeyError::UidMismatch);
    assert_eq!(changed(|keys, _| keys.uid = Uid([0; 32])), uid);
    assert_eq!(changed(|keys, _| keys.period_number = 2), uid);
    assert_eq!(
        changed(|keys, bob| keys.identity = bob.identity.clone()),
        uid
    );
    let pair = Some(KeyError::SigningKeyMismatch);
    assert_eq!(changed(|keys, bob| keys.ssk = bob.ssk.clone()), pair);
    assert_eq!(changed(|keys, bob| keys.pvt = bob.pvt.clone()), pair);
    let rsk = Some(KeyError::ReceiverKeyMismatch);
    assert_eq!(changed(|keys, bob| keys.rsk = bob.rsk.clone()), rsk);
    let length = PointError::Length {
        wanted: 65,
        given: 64,
    };
    assert_eq!(
        changed(|keys, _| keys.pvt.truncate(64)),
        Some(KeyError::Pvt(length))
    );
}

#[test]
fn the_next_period_has_other_keys() {
    let (kms, _) = kms(6);
    let [now, next] = [1, 2].map(|number| {
        let keys = kms.issue(ALICE, number).unwrap();
        UserKeySet::validate(kms.domain(), &keys).unwrap()
    });
    let ssv = Secret::new([9; 16]);
    let data = sakke::encapsulate(&kms.domain().enc, next.uid.as_ref(), &ssv);
    assert!(next.receiver.decapsulate(&data).is_ok());
    assert!(now.receiver.decapsulate(&data).is_err());
}
