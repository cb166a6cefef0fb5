//! Key sets made beforehand: they are those that would be derived, for everybody, once, whatever happens meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod common;

use common::{ALICE, BOB, BrokenAudit, Client, MDSI, NOW, PERIOD, PF, World};
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use roger_base::KmsUri;
use roger_documents::kms_client::{KmsAnswer, RawKeySet, Resource};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::memory::{MemoryAudit, MemoryRepository};
use roger_kms::pre_issue::{
    BATCH, PreIssue, PreIssueError, PreIssued, PreIssuedSets as _, RootId, Step, forget_old_sets,
    pre_issue,
};
use roger_kms::{KeyAccount, KmsConfig};
use roger_testkit::SeededRandom;

/// The master secrets of [`World`].
fn master(seed: u64) -> KmsMaster {
    let period = KeyPeriod::new(PERIOD, 0).unwrap();
    let uri = KmsUri::new("kms.example.org").unwrap();
    KmsMaster::generate(uri, period, &mut SeededRandom::new(seed)).unwrap()
}

fn order(period: u64) -> PreIssue {
    PreIssue {
        period,
        after: String::new(),
        threads: NonZeroUsize::new(2).unwrap(),
    }
}

fn run(repository: &MemoryRepository, period: u64) -> Result<PreIssued, PreIssueError> {
    let audit = MemoryAudit::default();
    let go_on = &mut |_: Step<'_>| ControlFlow::Continue(());
    pre_issue(&master(7), repository, &audit, &order(period), NOW, go_on)
}

fn key_set(world: &mut World, client: &Client, identity: &str) -> RawKeySet {
    let resource = Resource::KeyProv(identity.into());
    let KmsAnswer::KeyProv { key_sets, .. } = world.answer(client, &resource) else {
        panic!("no key sets")
    };
    key_sets[0].clone()
}

#[test]
fn a_set_made_beforehand_is_the_one_that_would_be_derived() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let derived = key_set(&mut world, &alice, ALICE);
    world.kms = world.kms.with_pre_issued(world.repository.clone());
    let done = run(&world.repository, 1388).unwrap();
    // Alice, Bob, the server, and the server's other identity.
    assert_eq!((done.accounts, done.made), (3, 4));
    world.now = NOW + core::time::Duration::from_secs(1);
    assert!(key_set(&mut world, &alice, ALICE) == derived);
    let root = RootId::of(&master(7));
    for identity in [ALICE, BOB, PF, MDSI] {
        let set = world.repository.pre_issued(root, 1388, identity).unwrap();
        assert!(set.is_some(), "{identity}");
    }
}

#[test]
fn a_set_that_is_not_there_is_derived() {
    let mut world = World::new();
    world.kms = world.kms.with_pre_issued(world.repository.clone());
    let bob = world.client(BOB);
    assert_eq!(key_set(&mut world, &bob, BOB).user_uri, BOB);
}

#[test]
fn a_set_under_another_name_is_not_given() {
    let mut world = World::new();
    world.kms = world.kms.with_pre_issued(world.repository.clone());
    // As if a row had been moved and still opened.
    let mut foreign = master(7).issue(BOB, 1388).unwrap();
    foreign.identity = ALICE.to_owned();
    let root = RootId::of(&master(7));
    world.repository.keep(root, &[foreign]).unwrap();
    let alice = world.client(ALICE);
    let domain = world.domain(&alice);
    let set = key_set(&mut world, &alice, ALICE);
    assert!(common::checked(&domain, &set).is_ok());
}

#[test]
fn other_periods_are_refused_and_nothing_is_made() {
    let world = World::new();
    for period in [0, 1387, 1390, u64::MAX] {
        let refused = run(&world.repository, period);
        let current = 1388;
        let asked = period;
        assert_eq!(refused, Err(PreIssueError::LocalPeriod { asked, current }));
    }
    for period in [1388, 1389] {
        assert_eq!(run(&world.repository, period).unwrap().made, 4);
    }
}

#[test]
fn revoked_identities_are_passed_over() {
    let world = World::new();
    world.repository.revoke(ALICE, 1389);
    let done = run(&world.repository, 1389).unwrap();
    assert_eq!((done.made, done.revoked), (3, 1));
    let root = RootId::of(&master(7));
    let set = world.repository.pre_issued(root, 1389, ALICE).unwrap();
    assert!(set.is_none());
}

#[test]
fn a_set_revoked_after_it_was_made_is_not_given() {
    let mut world = World::new();
    world.kms = world.kms.with_pre_issued(world.repository.clone());
    run(&world.repository, 1388).unwrap();
    world.repository.revoke(ALICE, 1388);
    let alice = world.client(ALICE);
    let set = key_set(&mut world, &alice, ALICE);
    assert!(set.revoked && set.rsk.expose().iter().all(|octet| *octet == 0));
}

#[test]
fn a_run_that_is_stopped_anywhere_goes_on_and_makes_nothing_twice() {
    let repository = MemoryRepository::default();
    let users = 2 * BATCH + 5;
    for index in 0..users {
        let user = format!("sip:user-{index:05}@mcptt.example.org");
        repository
            .put_account(KeyAccount::unprotected(user))
            .unwrap();
    }
    let audit = MemoryAudit::default();
    let stop = &mut |_: Step<'_>| ControlFlow::Break(());
    let stopped = pre_issue(&master(7), &repository, &audit, &order(1389), NOW, stop).unwrap();
    assert!(
        stopped.stopped && stopped.made <= BATCH as u64,
        "{stopped:?}"
    );
    let root = RootId::of(&master(7));
    let first = (0..users)
        .map(|index| format!("sip:user-{index:05}@mcptt.example.org"))
        .find_map(|user| repository.pre_issued(root, 1389, &user).unwrap());
    let first = first.unwrap();
    let rest = run(&repository, 1389).unwrap();
    assert_eq!(rest.made + stopped.made, users as u64);
    assert_eq!(rest.there, stopped.made);
    let again = repository.pre_issued(root, 1389, &first.identity).unwrap();
    assert!(again.unwrap().rsk == first.rsk);
    let nothing = run(&repository, 1389).unwrap();
    assert_eq!((nothing.made, nothing.there), (0, users as u64));
}

#[test]
fn nothing_is_made_when_the_audit_log_is_broken() {
    let world = World::with(KmsConfig::default(), None);
    let go_on = &mut |_: Step<'_>| ControlFlow::Continue(());
    let order = order(1388);
    let refused = pre_issue(
        &master(7),
        &*world.repository,
        &BrokenAudit,
        &order,
        NOW,
        go_on,
    );
    assert!(matches!(refused, Err(PreIssueError::LocalStore(_))));
    let root = RootId::of(&master(7));
    assert!(
        world
            .repository
            .pre_issued(root, 1388, ALICE)
            .unwrap()
            .is_none()
    );
}

#[test]
fn old_periods_and_other_master_secrets_are_forgotten() {
    let world = World::new();
    run(&world.repository, 1388).unwrap();
    run(&world.repository, 1389).unwrap();
    let (own, other) = (master(7), master(8));
    let later = NOW + core::time::Duration::from_secs(PERIOD);
    let table = &*world.repository;
    assert_eq!(forget_old_sets(&[&own], 1, table, later), Ok(0));
    assert_eq!(forget_old_sets(&[&own], 0, table, later), Ok(4));
    assert_eq!(forget_old_sets(&[&other], 5, table, later), Ok(4));
}
