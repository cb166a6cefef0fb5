//! The ports in memory, for tests and for servers that keep nothing.

use crate::ports::{
    Change, GroupKeyRecord, GroupRepository, KmsDirectory, RepositoryError, StoredDocument,
    TransportChange,
};
use roger_base::{GroupId, KeyId, McpttId};
use roger_ibc::KmsDomain;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Tables {
    groups: HashMap<GroupId, StoredDocument>,
    transport: HashMap<McpttId, StoredDocument>,
    set_aside: Vec<TransportChange>,
    keys: HashMap<KeyId, GroupKeyRecord>,
}

/// A [`GroupRepository`] in memory.
#[derive(Default)]
pub struct MemoryRepository(Mutex<Tables>);

impl MemoryRepository {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GroupRepository for MemoryRepository {
    fn group(&self, group: &GroupId) -> Result<Option<StoredDocument>, RepositoryError> {
        Ok(self.tables().groups.get(group).cloned())
    }

    fn transport(&self, member: &McpttId) -> Result<Option<StoredDocument>, RepositoryError> {
        Ok(self.tables().transport.get(member).cloned())
    }

    fn keys(&self) -> Result<Vec<GroupKeyRecord>, RepositoryError> {
        let tables = self.tables();
        Ok(tables
            .keys
            .values()
            .filter(|key| !key.revoked)
            .cloned()
            .collect())
    }

    fn discard_set_aside(&self) -> Result<(), RepositoryError> {
        self.tables().set_aside.clear();
        Ok(())
    }

    fn set_aside(&self, transport: &[TransportChange]) -> Result<(), RepositoryError> {
        self.tables().set_aside.extend_from_slice(transport);
        Ok(())
    }

    fn commit(&self, change: &Change) -> Result<(), RepositoryError> {
        let mut tables = self.tables();
        if let Some((group, document)) = &change.group {
            put(&mut tables.groups, group, document.as_ref());
        }
        let set_aside = core::mem::take(&mut tables.set_aside);
        for (member, document) in set_aside.iter().chain(&change.transport) {
            put(&mut tables.transport, member, document.as_ref());
        }
        for key in &change.keys {
            tables.keys.insert(key.id(), key.clone());
        }
        Ok(())
    }
}

fn put<K: Clone + Eq + std::hash::Hash>(
    table: &mut HashMap<K, StoredDocument>,
    key: &K,
    document: Option<&StoredDocument>,
) {
    match document {
        Some(document) => table.insert(key.clone(), document.clone()),
        None => table.remove(key),
    };
}

/// One KMS for everybody.
pub struct SingleKms(pub KmsDomain);

impl KmsDirectory for SingleKms {
    fn domain_of(&self, _: &McpttId) -> Option<&KmsDomain> {
        Some(&self.0)
    }
}
