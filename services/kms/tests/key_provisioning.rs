//! Log in, fetch the certificate, fetch keys, renew keys: KMS and client joined back to back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod common;

use common::{ALICE, BOB, MDSI, NOW, PERIOD, PF, World, checked};
use roger_base::{KmsUri, NtpTime, UnixTime};
use roger_documents::kms::{CertificateRole, KmsCertificate};
use roger_documents::kms_client::{KmsAnswer, RawKeySet, Resource};
use roger_kms::{Credential, KmsConfig, NextPeriod};

fn sets(answer: KmsAnswer) -> Vec<RawKeySet> {
    match answer {
        KmsAnswer::KeyProv { key_sets, .. } => key_sets,
        other => panic!("{other:?}"),
    }
}

fn own_keys() -> Resource {
    Resource::KeyProv(ALICE.into())
}

fn at(identity: &str, time: UnixTime) -> Resource {
    Resource::KeyProvAt(identity.into(), time.to_ntp())
}

#[test]
fn a_user_gets_a_certificate_and_keys_that_pass_every_check() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let domain = world.domain(&alice);
    let set = sets(world.answer(&alice, &own_keys())).remove(0);
    assert_eq!(
        (set.key_period_no, set.valid_from),
        (1388, Some(UnixTime(1_388_707_200)))
    );
    let keys = checked(&domain, &set).unwrap();
    assert_eq!(keys.uid.0, set.user_id);
    let entries = world.audit.entries();
    assert_eq!(entries[1].released, [(ALICE.to_owned(), 1388)]);
    assert_eq!(
        (entries[1].caller.as_deref(), entries[1].status),
        (Some(ALICE), 200)
    );
    let bob = world.client(BOB);
    let mut other = sets(world.answer(&bob, &Resource::KeyProv(BOB.into()))).remove(0);
    assert!(checked(&domain, &other).is_ok());
    other.user_uri = ALICE.into();
    assert!(
        checked(&domain, &other).is_err(),
        "keys of one UID are not those of another"
    );
}

#[test]
fn asked_again_here_or_at_another_instance_the_key_set_is_the_same() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let domain = world.domain(&alice);
    let first = sets(world.answer(&alice, &own_keys())).remove(0);
    assert!(checked(&domain, &first).is_ok());
    world.now = UnixTime(NOW.0 + 1);
    let second = sets(world.answer(&alice, &own_keys())).remove(0);
    assert!(first == second);
    // Another instance over the same store, with the same master secrets.
    let repository = world.repository.clone();
    let mut other = world.with_repository(repository);
    other.now = UnixTime(NOW.0 + 2);
    let third = sets(other.answer(&alice, &own_keys())).remove(0);
    assert!((&first.rsk, &first.ssk, first.pvt) == (&third.rsk, &third.ssk, third.pvt));
}

#[test]
fn the_next_period_comes_by_its_time_and_near_the_end_by_itself() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let domain = world.domain(&alice);
    let next = UnixTime(NOW.0 + PERIOD);
    let set = sets(world.answer(&alice, &at(ALICE, next))).remove(0);
    assert_eq!(set.key_period_no, 1389);
    assert!(checked(&domain, &set).is_ok());
    let boundary = 1_391_299_200;
    for (now, expected) in [
        (boundary - PERIOD / 10 - 1, vec![1388]),
        (boundary - PERIOD / 10, vec![1388, 1389]),
        (boundary, vec![1389]),
    ] {
        world.now = UnixTime(now);
        let numbers: Vec<u64> = sets(world.answer(&alice, &own_keys()))
            .iter()
            .map(|set| set.key_period_no)
            .collect();
        assert_eq!(numbers, expected, "{now}");
    }
    let mut strict = World::with(
        KmsConfig {
            next_period: NextPeriod::ByTimeOnly,
            ..KmsConfig::default()
        },
        None,
    );
    strict.now = UnixTime(boundary - 1);
    let alice = strict.client(ALICE);
    assert_eq!(sets(strict.answer(&alice, &own_keys())).len(), 1);
}

#[test]
fn past_periods_are_issued_only_where_configured() {
    let past = UnixTime(NOW.0 - PERIOD);
    let mut world = World::with(
        KmsConfig {
            past_periods: 1,
            ..KmsConfig::default()
        },
        None,
    );
    let alice = world.client(ALICE);
    assert_eq!(
        sets(world.answer(&alice, &at(ALICE, past)))[0].key_period_no,
        1387
    );
    let mut world = World::new();
    let alice = world.client(ALICE);
    assert_eq!(world.ask(&alice, &at(ALICE, past)).status, 400);
}

#[test]
fn a_server_gets_the_keys_of_every_identity_bound_to_its_certificate() {
    let mut world = World::new();
    let server = world.client(PF);
    let domain = world.domain(&world.client(ALICE));
    for identity in [PF, MDSI] {
        let resource = Resource::KeyProv(identity.into());
        let body = server.body(&resource, world.now);
        let answer = world.post(
            &resource.path(),
            Credential::Certificate("CN=pf"),
            body.as_bytes(),
        );
        let set = sets(server.open(&answer, &resource, NOW).unwrap()).remove(0);
        assert_eq!(set.user_uri, identity);
        assert!(checked(&domain, &set).is_ok());
    }
    let resource = Resource::KeyProv(ALICE.into());
    let body = server.body(&resource, world.now);
    assert_eq!(
        world
            .post(
                &resource.path(),
                Credential::Certificate("CN=pf"),
                body.as_bytes()
            )
            .status,
        403
    );
}

#[test]
fn new_keys_replace_the_old_ones_when_they_are_first_used() {
    let mut world = World::new();
    let mut alice = world.client(ALICE);
    let old = world.client(ALICE);
    let before = world.account(ALICE);
    let mut after = before.clone();
    after.order_renewal(&mut world.random).unwrap();
    after.order_renewal(&mut world.random).unwrap();
    assert_eq!(after.generation, 2, "a pair on its way stays the one");
    world.repository.put_account(after).unwrap();
    let KmsAnswer::Init { new_keys, .. } = world.answer(&alice, &Resource::Init) else {
        panic!()
    };
    assert_eq!(new_keys.transport[0].name, "tk.2.alice@mcptt.example.org");
    // Asked again before they are used: the same keys.
    world.now = UnixTime(NOW.0 + 1);
    let KmsAnswer::KeyProv {
        new_keys: again, ..
    } = world.answer(&alice, &own_keys())
    else {
        panic!()
    };
    assert_eq!(again, new_keys);
    alice.keys.adopt(new_keys);
    world.now = UnixTime(NOW.0 + 2);
    let KmsAnswer::KeyProv { new_keys, key_sets } = world.answer(&alice, &own_keys()) else {
        panic!()
    };
    assert!(new_keys.transport.is_empty() && key_sets.len() == 1);
    assert_eq!(
        world.account(ALICE).current.unwrap().transport.name,
        "tk.2.alice@mcptt.example.org"
    );
    assert!(world.account(ALICE).pending.is_none());
    world.now = UnixTime(NOW.0 + 3);
    assert_eq!(
        world.ask(&old, &own_keys()).status,
        403,
        "the old keys are gone"
    );
}

#[test]
fn certificates_of_other_domains_are_sent_once_a_cache_number() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let KmsAnswer::Certificates {
        cache_num,
        certificates,
    } = world.answer(&alice, &Resource::CertCache(None))
    else {
        panic!()
    };
    assert_eq!((cache_num, certificates.len()), (Some(0), 0));
    let other = KmsUri::new("kms.other.example").unwrap();
    let external = KmsCertificate {
        role: CertificateRole::External,
        kms_uri: other.clone(),
        ..world.kms.certificate().clone()
    };
    world.repository.put_certificate(external);
    let KmsAnswer::Certificates {
        cache_num,
        certificates,
    } = world.answer(&alice, &Resource::CertCache(Some(0)))
    else {
        panic!()
    };
    assert_eq!((cache_num, &certificates[0].kms_uri), (Some(1), &other));
    let KmsAnswer::Certificates { certificates, .. } =
        world.answer(&alice, &Resource::CertCache(Some(1)))
    else {
        panic!()
    };
    assert!(certificates.is_empty());
    let KmsAnswer::Certificates { certificates, .. } = world.answer(&alice, &Resource::Cert(other))
    else {
        panic!()
    };
    assert_eq!(certificates[0].role, CertificateRole::External);
    let unknown = Resource::Cert(KmsUri::new("kms.unknown.example").unwrap());
    let answer = world.ask(&alice, &unknown);
    let KmsAnswer::Refused(error) = alice.open(&answer, &unknown, NOW).unwrap() else {
        panic!()
    };
    assert_eq!((answer.status, error.code), (404, 404));
    assert_eq!(error.message, "no certificate held for kms.unknown.example");
}

#[test]
fn a_time_after_2036_is_understood() {
    let mut world = World::new();
    world.now = UnixTime(2_085_978_500);
    let alice = world.client(ALICE);
    let resource = Resource::KeyProvAt(
        ALICE.into(),
        NtpTime {
            seconds: (1 << 32) + 100,
            fraction: 0,
        },
    );
    let number = sets(world.answer(&alice, &resource))[0].key_period_no;
    assert_eq!(number, ((1_u64 << 32) + 100) / PERIOD);
}
