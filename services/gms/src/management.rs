//! Groups and their keys: what a change of a group document means for the keys (TS 24.481).

use crate::distribution::{
    Announcement, Distribution, DistributionError, Distributor, Kept, draw_key,
};
use crate::ports::{
    Change, GroupKeyRecord, GroupRepository, KmsDirectory, RepositoryError, StoredDocument,
};
use crate::settings::Settings;
use aws_lc_rs::digest;
use roger_base::{GroupId, McpttId, Random, UnixTime};
use roger_documents::gktp::Gktps;
use roger_documents::group::GroupDocument;
use roger_documents::xcap_path::DocumentPath;
use roger_documents::{Document, DocumentError};
use roger_ibc::UserKeySet;
use std::collections::BTreeSet;
use std::sync::Arc;
use thiserror::Error;

/// Most members of one group.
const MAX_MEMBERS: usize = 10_000;

/// Why a group was not changed; nothing was kept then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManagementError {
    /// The document does not read.
    #[error("the group document is refused: {0}")]
    PeerDocument(#[from] DocumentError),
    /// The document is of another group than its path says.
    #[error("the document is of group {0}, not of the one that the path names")]
    PeerOtherGroup(GroupId),
    /// The list is too long.
    #[error("a group has at most {MAX_MEMBERS} members, this one has {0}")]
    PeerTooManyMembers(usize),
    /// The document changed meanwhile.
    #[error("the document is not the one that the request was made for any more")]
    PeerPrecondition,
    /// The store failed.
    #[error(transparent)]
    LocalRepository(#[from] RepositoryError),
    /// The key could not be brought to anybody.
    #[error(transparent)]
    LocalDistribution(#[from] DistributionError),
}

/// A document changed: its subscribers are to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChanged {
    /// Which.
    pub path: DocumentPath,
    /// Its entity tag now; `None` when it is gone.
    pub etag: Option<String>,
    /// Its entity tag before; `None` when it is new.
    pub previous: Option<String>,
}

/// A member whom a key did not reach; the others have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredKey {
    /// Who.
    pub member: McpttId,
    /// Key of which group.
    pub group: GroupId,
    /// Why, for the operator.
    pub reason: String,
}

/// Group documents, group keys and GKTP documents.
pub struct GroupManagement {
    settings: Settings,
    repository: Arc<dyn GroupRepository>,
    kms: Arc<dyn KmsDirectory>,
    key_sets: Vec<UserKeySet>,
    changes: Vec<DocumentChanged>,
    undelivered: Vec<UndeliveredKey>,
}

impl GroupManagement {
    /// Starts on what the repository holds. `key_sets` are those of this server's identity.
    #[must_use]
    pub fn new(
        settings: Settings,
        repository: Arc<dyn GroupRepository>,
        kms: Arc<dyn KmsDirectory>,
        key_sets: Vec<UserKeySet>,
    ) -> Self {
        let (changes, undelivered) = (Vec::new(), Vec::new());
        Self {
            settings,
            repository,
            kms,
            key_sets,
            changes,
            undelivered,
        }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Key sets of this server's identity for a new key period; those of the last one may stay among them.
    pub fn set_key_sets(&mut self, key_sets: Vec<UserKeySet>) {
        self.key_sets = key_sets;
    }

    /// Documents that changed since the last call.
    pub fn take_changes(&mut self) -> Vec<DocumentChanged> {
        core::mem::take(&mut self.changes)
    }

    /// Members whom a key did not reach since the last call, for the operator.
    pub fn take_undelivered(&mut self) -> Vec<UndeliveredKey> {
        core::mem::take(&mut self.undelivered)
    }

    /// A group document as stored.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub fn stored_group(&self, group: &GroupId) -> Result<Option<StoredDocument>, RepositoryError> {
        self.repository.group(group)
    }

    /// A group document as read; `None` when there is no such group.
    ///
    /// # Errors
    /// [`ManagementError`] when the store fails or the stored document is damaged.
    pub fn group(&self, group: &GroupId) -> Result<Option<GroupDocument>, ManagementError> {
        let stored = self.repository.group(group)?;
        Ok(stored
            .map(|stored| GroupDocument::read(&stored.octets))
            .transpose()?)
    }

    /// The GKTP document of a user as stored.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub fn stored_transport(
        &self,
        user: &McpttId,
    ) -> Result<Option<StoredDocument>, RepositoryError> {
        self.repository.transport(user)
    }

    /// The keys of one group in the GKTP document of a user.
    ///
    /// # Errors
    /// [`ManagementError`] when the store fails or the stored document is damaged.
    pub fn transport_of_group(
        &self,
        user: &McpttId,
        group: &GroupId,
    ) -> Result<Option<StoredDocument>, ManagementError> {
        let Some(stored) = self.repository.transport(user)? else {
            return Ok(None);
        };
        let keys = self.repository.keys()?;
        let of_group = keys.iter().filter(|key| key.group == *group);
        let ids: BTreeSet<String> = of_group
            .map(|key| key.gmk.guk_id(user).to_string())
            .collect();
        let mut document = Gktps::read(&stored.octets)?;
        document.gmk.keys.retain(|entry| ids.contains(&entry.id));
        if document.gmk.keys.is_empty() {
            return Ok(None);
        }
        let octets = document.write().into_bytes();
        let etag = entity_tag(&octets);
        Ok(Some(StoredDocument { octets, etag }))
    }

    /// Takes a new or changed group document in and makes, brings and withdraws keys as the change demands.
    ///
    /// `if_match` is the entity tag that the document must have now. The entity tag of the stored document is
    /// returned.
    ///
    /// # Errors
    /// [`ManagementError`]; nothing was changed then.
    pub fn put_group(
        &mut self,
        group: &GroupId,
        octets: &[u8],
        if_match: Option<&str>,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<String, ManagementError> {
        let document = GroupDocument::read(octets)?;
        check(group, &document)?;
        let old = self.repository.group(group)?;
        if if_match.is_some_and(|tag| old.as_ref().is_none_or(|old| old.etag != tag)) {
            return Err(ManagementError::PeerPrecondition);
        }
        let before = old
            .as_ref()
            .map(|old| GroupDocument::read(&old.octets))
            .transpose()?;
        let stored = StoredDocument {
            octets: octets.to_vec(),
            etag: entity_tag(octets),
        };
        let mut distribution = Distribution::begin(self.repository.as_ref())?;
        let keys = self.rekey(before.as_ref(), &document, now, random, &mut distribution)?;
        let change = Change {
            group: Some((group.clone(), Some(stored.clone()))),
            keys,
            transport: Vec::new(),
        };
        let kept = distribution.commit(change)?;
        self.changes.extend(changed_group(group, &stored, old));
        self.told(kept);
        Ok(stored.etag)
    }

    /// Revokes what is due (TS 24.481).
    ///
    /// # Errors
    /// [`ManagementError`]; what was not revoked is tried again at the next call.
    pub fn handle_timeout(
        &mut self,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<(), ManagementError> {
        let due = |key: &GroupKeyRecord| key.revoke_at.is_some_and(|at| at <= now);
        for mut key in self.repository.keys()?.into_iter().filter(due) {
            let members = self.members(&key.group)?;
            let mut distribution = Distribution::begin(self.repository.as_ref())?;
            self.distributor(now).bring(
                &[&key],
                &members,
                Announcement::Revoked,
                random,
                &mut distribution,
            )?;
            key.revoked = true;
            let change = Change {
                keys: vec![key],
                ..Change::default()
            };
            let kept = distribution.commit(change)?;
            self.told(kept);
        }
        Ok(())
    }

    /// When [`GroupManagement::handle_timeout`] is due.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub fn deadline(&self) -> Result<Option<UnixTime>, RepositoryError> {
        Ok(self
            .repository
            .keys()?
            .iter()
            .filter_map(|key| key.revoke_at)
            .min())
    }

    fn members(&self, group: &GroupId) -> Result<Vec<McpttId>, ManagementError> {
        Ok(self
            .group(group)?
            .map(|document| ids(&document))
            .unwrap_or_default())
    }

    fn distributor(&self, now: UnixTime) -> Distributor<'_> {
        Distributor {
            kms: self.kms.as_ref(),
            key_sets: &self.key_sets,
            threads: self.settings.threads,
            now,
        }
    }

    /// The keys to keep after a change of a group document; the GKTP documents go into the distribution.
    fn rekey(
        &self,
        before: Option<&GroupDocument>,
        after: &GroupDocument,
        now: UnixTime,
        random: &mut dyn Random,
        into: &mut Distribution<'_>,
    ) -> Result<Vec<GroupKeyRecord>, ManagementError> {
        let all_keys = self.repository.keys()?;
        let distributor = self.distributor(now);
        let removed = missing(before, after);
        for member in &removed {
            distributor.withdraw(&all_keys, &after.id, member, into)?;
        }
        if !after.protects_media() || !after.mcptt_speech {
            return Ok(Vec::new());
        }
        let of_group = all_keys.into_iter().filter(|key| key.group == after.id);
        let current: Vec<GroupKeyRecord> = of_group.collect();
        let in_use = current.iter().any(|key| key.revoke_at.is_none());
        let (added, others) = split(before, after);
        let valid = Announcement::Valid;
        if in_use && removed.is_empty() {
            let keys: Vec<&GroupKeyRecord> = current.iter().collect();
            distributor.bring(&keys, &added, valid, random, into)?;
            return Ok(Vec::new());
        }
        let activation = if in_use {
            now + self.settings.activation_delay
        } else {
            now
        };
        let key = GroupKeyRecord {
            gmk: draw_key(&ids(after), random)?,
            group: after.id.clone(),
            activation,
            expiry: self.settings.key_life.map(|life| activation + life),
            revoke_at: None,
            revoked: false,
        };
        let revoke_at = activation + self.settings.revocation_delay;
        let mut keys = superseded(current, revoke_at);
        // A new member needs the old key until the new one is activated.
        let for_added: Vec<&GroupKeyRecord> = core::iter::once(&key).chain(&keys).collect();
        distributor.bring(&for_added, &added, valid, random, into)?;
        distributor.bring(&[&key], &others, valid, random, into)?;
        keys.push(key);
        Ok(keys)
    }

    fn told(&mut self, kept: Kept) {
        self.changes.extend(kept.changes);
        self.undelivered.extend(kept.undelivered);
    }
}

/// Keys that a new one takes over from; those that were superseded before keep their time.
fn superseded(current: Vec<GroupKeyRecord>, revoke_at: UnixTime) -> Vec<GroupKeyRecord> {
    let open = current.into_iter().filter(|key| key.revoke_at.is_none());
    open.map(|key| GroupKeyRecord {
        revoke_at: Some(revoke_at),
        ..key
    })
    .collect()
}

/// What is told about a group document, unless it is the same.
fn changed_group(
    group: &GroupId,
    now: &StoredDocument,
    before: Option<StoredDocument>,
) -> Option<DocumentChanged> {
    let previous = before.map(|document| document.etag);
    let changed = previous.as_ref() != Some(&now.etag);
    changed.then(|| DocumentChanged {
        path: DocumentPath::Group(group.clone()),
        etag: Some(now.etag.clone()),
        previous,
    })
}

fn ids(document: &GroupDocument) -> Vec<McpttId> {
    document
        .members
        .iter()
        .map(|member| member.id.clone())
        .collect()
}

/// Members of `before` who are not in `after`.
fn missing(before: Option<&GroupDocument>, after: &GroupDocument) -> Vec<McpttId> {
    let Some(before) = before else {
        return Vec::new();
    };
    let remaining = set(after);
    let mut members = ids(before);
    members.retain(|id| !remaining.contains(id));
    members
}

/// Members who are new since `before`, and the others. In a new group nobody is.
fn split(before: Option<&GroupDocument>, after: &GroupDocument) -> (Vec<McpttId>, Vec<McpttId>) {
    let known = before.map(set);
    let is_new = |id: &McpttId| known.as_ref().is_some_and(|known| !known.contains(id));
    ids(after).into_iter().partition(is_new)
}

fn set(document: &GroupDocument) -> BTreeSet<&McpttId> {
    document.members.iter().map(|member| &member.id).collect()
}

fn check(group: &GroupId, document: &GroupDocument) -> Result<(), ManagementError> {
    if document.id != *group {
        return Err(ManagementError::PeerOtherGroup(document.id.clone()));
    }
    if document.members.len() > MAX_MEMBERS {
        return Err(ManagementError::PeerTooManyMembers(document.members.len()));
    }
    Ok(())
}

/// Entity tag of a document: a digest of its octets, so that equal documents have equal tags.
pub(crate) fn entity_tag(octets: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, octets);
    digest
        .as_ref()
        .iter()
        .take(12)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}
