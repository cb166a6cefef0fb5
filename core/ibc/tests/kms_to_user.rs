//! A KMS issues, a user checks, and the two ends of a message meet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use roger_base::{KmsUri, Secret};
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssuedKeys, KeyError, KmsMaster, PointError, UserKeySet, sakke};
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
    let keys = kms.issue(ALICE, 1536, &mut random).unwrap();
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

#[test]
fn a_second_device_gets_another_valid_pair() {
    let (kms, mut random) = kms(2);
    let [first, second] = [(); 2].map(|()| kms.issue(ALICE, 1, &mut random).unwrap());
    assert!(first.pvt != second.pvt);
    for keys in [first, second] {
        let user = UserKeySet::validate(kms.domain(), &keys).unwrap();
        let signature = user.signing.sign(b"m", &mut random).unwrap();
        assert!(
            kms.domain()
                .auth
                .verify(user.uid.as_ref(), b"m", &signature)
                .is_ok()
        );
    }
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
    let (kms, mut random) = kms(4);
    let (other_kms, _) = self::kms(5);
    let keys = kms.issue(ALICE, 1, &mut random).unwrap();
    let bob = kms
        .issue("sip:bob@mcptt.example.org", 1, &mut random)
        .unwrap();
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
    let (kms, mut random) = kms(6);
    let [now, next] = [1, 2].map(|number| {
        let keys = kms.issue(ALICE, number, &mut random).unwrap();
        UserKeySet::validate(kms.domain(), &keys).unwrap()
    });
    let ssv = Secret::new([9; 16]);
    let data = sakke::encapsulate(&kms.domain().enc, next.uid.as_ref(), &ssv);
    assert!(next.receiver.decapsulate(&data).is_ok());
    assert!(now.receiver.decapsulate(&data).is_err());
}
