//! A group of thousands: its documents are handled in batches and still change all together.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use roger_base::{GroupId, McpttId, UnixTime};
use roger_documents::Document;
use roger_documents::gktp::Gktps;
use roger_documents::group::{GroupDocument, Member};
use roger_gms::memory::{MemoryRepository, SingleKms};
use roger_gms::{
    Change, DocumentPath, GroupKeyRecord, GroupManagement, GroupRepository, RepositoryError,
    Settings, StoredDocument, TransportChange,
};
use roger_testkit::SeededRandom;
use roger_testkit_domain::{GMS, NOW, TestDomain, group, user};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// More than two batches of members.
const MEMBERS: usize = 1100;
/// Members whose documents are in memory at once.
const BATCH: usize = 512;

/// Watches how much comes at once, and fails when told to.
#[derive(Default)]
struct Watched {
    memory: MemoryRepository,
    most: AtomicUsize,
    full: AtomicBool,
}

impl Watched {
    fn watch(&self, transport: &[TransportChange]) -> Result<(), RepositoryError> {
        self.most.fetch_max(transport.len(), Ordering::Relaxed);
        match self.full.load(Ordering::Relaxed) {
            true => Err(RepositoryError("full".to_owned())),
            false => Ok(()),
        }
    }
}

impl GroupRepository for Watched {
    fn group(&self, group: &GroupId) -> Result<Option<StoredDocument>, RepositoryError> {
        self.memory.group(group)
    }

    fn transport(&self, member: &McpttId) -> Result<Option<StoredDocument>, RepositoryError> {
        self.memory.transport(member)
    }

    fn keys(&self) -> Result<Vec<GroupKeyRecord>, RepositoryError> {
        self.memory.keys()
    }

    fn discard_set_aside(&self) -> Result<(), RepositoryError> {
        self.memory.discard_set_aside()
    }

    fn set_aside(&self, transport: &[TransportChange]) -> Result<(), RepositoryError> {
        self.memory.set_aside(transport)?;
        self.watch(transport)
    }

    fn commit(&self, change: &Change) -> Result<(), RepositoryError> {
        self.watch(&change.transport)?;
        self.memory.commit(change)
    }
}

fn name(number: usize) -> String {
    format!("user-{number}")
}

fn document(numbers: impl Iterator<Item = usize>) -> Vec<u8> {
    let mut document = GroupDocument::new(group("fire-1"));
    document.members = numbers.map(|n| Member::new(user(&name(n)))).collect();
    document.write().into_bytes()
}

fn keys(management: &GroupManagement, number: usize) -> usize {
    let stored = management.stored_transport(&user(&name(number))).unwrap();
    stored.map_or(0, |stored| {
        Gktps::read(&stored.octets).unwrap().gmk.keys.len()
    })
}

#[test]
fn a_large_group_changes_in_batches_and_all_together() {
    let mut domain = TestDomain::new(1);
    let repository = Arc::new(Watched::default());
    let mut management = GroupManagement::new(
        Settings::new("https://gms.mcptt.example.org/xcap/".to_owned()),
        repository.clone(),
        Arc::new(SingleKms(domain.kms().clone())),
        vec![domain.key_set(GMS)],
    );
    let mut random = SeededRandom::new(2);
    let mut put = |management: &mut GroupManagement, octets: &[u8], now: UnixTime| {
        management.put_group(&group("fire-1"), octets, None, now, &mut random)
    };

    repository.full.store(true, Ordering::Relaxed);
    let failed = put(&mut management, &document(0..MEMBERS), NOW);
    assert!(failed.is_err() && management.take_changes().is_empty());
    repository.full.store(false, Ordering::Relaxed);

    // What the failed change set aside does not come with the next one.
    put(&mut management, &document(core::iter::once(MEMBERS)), NOW).unwrap();
    assert!((0..MEMBERS).all(|n| keys(&management, n) == 0));
    management.take_changes();

    // One member leaves and the others come: they get the old key and the new one.
    put(&mut management, &document(0..MEMBERS), NOW).unwrap();
    assert!((0..MEMBERS).all(|n| keys(&management, n) == 2));
    assert_eq!(keys(&management, MEMBERS), 0);
    assert!(management.take_undelivered().is_empty());
    let changes = management.take_changes();
    assert_eq!(changes.len(), MEMBERS + 2);
    assert_eq!(changes[0].path, DocumentPath::Group(group("fire-1")));
    assert!(repository.most.load(Ordering::Relaxed) <= 2 * BATCH);
}
