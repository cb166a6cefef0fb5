//! What each change of a group does to its keys, seen by members and by others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use roger_base::{GroupId, KeyId, McpttId, UnixTime};
use roger_documents::Document;
use roger_documents::gktp::Gktps;
use roger_documents::group::{GroupDocument, Member};
use roger_gms::memory::{MemoryRepository, SingleKms};
use roger_gms::{DocumentPath, GroupManagement, ManagementError, Settings};
use roger_keys::store::{GroupKeyStore, StoreSettings};
use roger_mikey::{Carriage, Context, Receiver, Sender};
use roger_testkit::SeededRandom;
use roger_testkit_domain::{GMS, NOW, TestDomain, group, user};
use std::sync::Arc;

struct Bench {
    domain: TestDomain,
    management: GroupManagement,
    random: SeededRandom,
}

fn bench() -> Bench {
    let mut domain = TestDomain::new(1);
    let kms = Arc::new(SingleKms(domain.kms().clone()));
    let key_sets = vec![domain.key_set(GMS)];
    let settings = Settings::new("https://gms.mcptt.example.org/xcap/".to_owned());
    let repository = Arc::new(MemoryRepository::default());
    let management = GroupManagement::new(settings, repository, kms, key_sets);
    Bench {
        domain,
        management,
        random: SeededRandom::new(2),
    }
}

fn fire() -> GroupId {
    group("fire-1")
}

fn document(members: &[&str]) -> Vec<u8> {
    let mut document = GroupDocument::new(fire());
    document.members = members.iter().map(|name| Member::new(user(name))).collect();
    document.write().into_bytes()
}

impl Bench {
    fn put(&mut self, members: &[&str], now: UnixTime) {
        self.management
            .put_group(&fire(), &document(members), None, now, &mut self.random)
            .unwrap();
    }

    fn messages(&self, member: &McpttId) -> Vec<Vec<u8>> {
        let stored = self.management.stored_transport(member).unwrap();
        let document = stored
            .map(|stored| Gktps::read(&stored.octets).unwrap())
            .unwrap_or_default();
        document
            .gmk
            .keys
            .into_iter()
            .map(|key| key.message)
            .collect()
    }

    /// The key store of a member who fetched her document.
    fn store(&mut self, name: &str, now: UnixTime) -> GroupKeyStore {
        let mut store = GroupKeyStore::new(StoreSettings::default());
        for key in self.open(name, now) {
            store.insert(key, now).unwrap();
        }
        store
    }

    fn open(&mut self, name: &str, now: UnixTime) -> Vec<roger_keys::store::GroupKey> {
        let key_sets = [self.domain.key_set(user(name).as_str())];
        let context = Context {
            key_sets: &key_sets,
            domains: &[],
            sender: Sender::OneOf(&[GMS]),
            carriage: Carriage::Stored,
            now: now.to_ntp(),
        };
        let mut receiver = Receiver::default();
        let messages = self.messages(&user(name));
        messages
            .iter()
            .map(|message| {
                receiver
                    .open_gmk(message, &context, Some(&fire()))
                    .unwrap()
                    .group_key
            })
            .collect()
    }
}

fn later(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

#[test]
fn each_member_opens_her_own_message_and_all_hold_one_key() {
    let mut bench = bench();
    bench.put(&["alice", "bob"], NOW);
    let alice = bench.open("alice", NOW);
    let bob = bench.open("bob", NOW);
    assert_eq!((alice.len(), bob.len()), (1, 1));
    assert!(alice[0].gmk == bob[0].gmk);
    assert_eq!(alice[0].groups, [fire()]);
}

#[test]
fn a_user_who_is_no_member_opens_no_message_of_others() {
    let mut bench = bench();
    bench.put(&["alice", "bob"], NOW);
    let key_sets = [bench.domain.key_set(user("mallory").as_str())];
    let context = Context {
        key_sets: &key_sets,
        domains: &[],
        sender: Sender::OneOf(&[GMS]),
        carriage: Carriage::Stored,
        now: NOW.to_ntp(),
    };
    for message in bench.messages(&user("alice")) {
        assert!(
            Receiver::default()
                .open_gmk(&message, &context, None)
                .is_err()
        );
    }
    assert!(bench.messages(&user("mallory")).is_empty());
}

#[test]
fn a_new_member_gets_the_key_in_use() {
    let mut bench = bench();
    bench.put(&["alice", "bob"], NOW);
    bench.management.take_changes();
    bench.put(&["alice", "bob", "carol"], later(60));
    let alice = bench.open("alice", later(60));
    let carol = bench.open("carol", later(60));
    assert!(alice.len() == 1 && alice[0].gmk == carol[0].gmk);
    let changed: Vec<_> = bench
        .management
        .take_changes()
        .into_iter()
        .map(|change| change.path)
        .collect();
    assert_eq!(
        changed,
        [
            DocumentPath::Group(fire()),
            DocumentPath::Transport(user("carol"))
        ]
    );
}

#[test]
fn a_removed_member_gets_nothing_of_what_follows() {
    let mut bench = bench();
    bench.put(&["alice", "bob", "carol"], NOW);
    let old = bench.open("bob", NOW)[0].gmk.id();
    bench.put(&["alice", "carol"], later(100));
    assert!(bench.messages(&user("bob")).is_empty());
    let store = bench.store("alice", later(100));
    assert_eq!(store.len(), 2);
    let sending = |at| store.sending(&fire(), at).unwrap().gmk.id();
    assert_eq!(
        sending(later(129)),
        old,
        "the new key is not used before every member can have it"
    );
    assert_ne!(sending(later(130)), old);
}

#[test]
fn the_old_key_is_revoked_after_the_overlap() {
    let mut bench = bench();
    bench.put(&["alice", "bob", "carol"], NOW);
    let old = bench.open("alice", NOW)[0].gmk.id();
    bench.put(&["alice", "carol"], later(100));
    assert_eq!(bench.management.deadline().unwrap(), Some(later(140)));
    let mut random = SeededRandom::new(3);
    bench
        .management
        .handle_timeout(later(139), &mut random)
        .unwrap();
    assert!(receives(&bench.store("alice", later(139)), old, later(139)));
    bench
        .management
        .handle_timeout(later(140), &mut random)
        .unwrap();
    assert!(!receives(
        &bench.store("alice", later(140)),
        old,
        later(140)
    ));
    assert!(
        bench
            .store("alice", later(140))
            .sending(&fire(), later(140))
            .is_some()
    );
    assert_eq!(bench.management.deadline().unwrap(), None);
    assert!(bench.messages(&user("bob")).is_empty());
}

fn receives(store: &GroupKeyStore, id: KeyId, now: UnixTime) -> bool {
    store.receiving(id, now).is_ok()
}

#[test]
fn a_member_who_comes_while_a_key_is_replaced_gets_both() {
    let mut bench = bench();
    bench.put(&["alice", "bob"], NOW);
    bench.put(&["alice", "carol"], later(100));
    assert_eq!(bench.open("carol", later(100)).len(), 2);
}

#[test]
fn a_group_without_protection_has_no_key() {
    let mut bench = bench();
    let mut document = GroupDocument::new(fire());
    document.members = vec![Member::new(user("alice"))];
    document.protect_media = Some(false);
    let octets = document.write().into_bytes();
    bench
        .management
        .put_group(&fire(), &octets, None, NOW, &mut bench.random)
        .unwrap();
    assert!(bench.messages(&user("alice")).is_empty());
}

#[test]
fn a_document_that_cannot_be_is_refused_and_changes_nothing() {
    let mut bench = bench();
    bench.put(&["alice"], NOW);
    bench.management.take_changes();
    let mut put = |group: &GroupId, octets: &[u8], if_match: Option<&str>| {
        bench
            .management
            .put_group(group, octets, if_match, NOW, &mut bench.random)
            .unwrap_err()
    };
    assert!(matches!(
        put(&fire(), b"<group/>", None),
        ManagementError::PeerDocument(_)
    ));
    let other = group("police-1");
    assert!(matches!(
        put(&other, &document(&["bob"]), None),
        ManagementError::PeerOtherGroup(_)
    ));
    let twice = document(&["bob", "bob"]);
    assert!(matches!(
        put(&fire(), &twice, None),
        ManagementError::PeerDocument(_)
    ));
    let stale = put(&fire(), &document(&["bob"]), Some("another"));
    assert!(matches!(stale, ManagementError::PeerPrecondition));
    assert!(bench.management.take_changes().is_empty());
    assert!(bench.messages(&user("bob")).is_empty());
}
