//! Bringing one key to the members: a GMK message for each of them, put into her GKTP document
//! (TS 33.180 cl. 5.7.1, TS 24.481 cl. 7.7).

use crate::management::{DocumentChanged, UndeliveredKey, entity_tag};
use crate::ports::{
    Change, GroupKeyRecord, GroupRepository, KmsDirectory, RepositoryError, StoredDocument,
    TransportChange,
};
use core::num::NonZeroUsize;
use roger_base::{GroupId, KeyId, McpttId, NtpTime, PurposeTag, Random, UnixTime};
use roger_documents::gktp::{Gktp, Gktps};
use roger_documents::xcap_path::DocumentPath;
use roger_documents::{Document, DocumentError};
use roger_ibc::UserKeySet;
use roger_keys::Gmk;
use roger_mikey::{
    CreateError, CreateOptions, GroupKeyDistribution, KeyParameters, Status,
    group_key_messages_in_bulk,
};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Draws of a key until no two members have the same GUK-ID; the chance of one collision in a group of
/// 2,000 is below one per cent.
const MAX_DRAWS: usize = 16;

/// Why a key was not brought to anybody.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// The store failed.
    #[error(transparent)]
    LocalRepository(#[from] RepositoryError),
    /// A stored GKTP document does not read any more.
    #[error("a stored GKTP document is damaged: {0}")]
    LocalDocument(#[from] DocumentError),
    /// No randomness for a key.
    #[error(transparent)]
    LocalRandom(#[from] roger_base::RandomError),
    /// This server holds no keys for the key period of now.
    #[error(
        "the group management server has no key set for the key period of now; fetch it from the KMS"
    )]
    LocalKeySetMissing,
    /// Every key drawn gives two members the same GUK-ID.
    #[error("no key gives every member a GUK-ID of her own; is a member listed twice?")]
    LocalCollision,
}

/// A fresh GMK whose GUK-IDs differ for all members: equal ids would mean equal SRTP keys (TS 33.180 Annex F).
pub(crate) fn draw_key(
    members: &[McpttId],
    random: &mut dyn Random,
) -> Result<Gmk, DistributionError> {
    for _ in 0..MAX_DRAWS {
        let gmk = Gmk::random(random)?;
        let ids: BTreeSet<KeyId> = members.iter().map(|member| gmk.guk_id(member)).collect();
        if ids.len() == members.len() {
            return Ok(gmk);
        }
    }
    Err(DistributionError::LocalCollision)
}

/// What the message of a key says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announcement {
    /// The key is to be used.
    Valid,
    /// The key must not be used any more.
    Revoked,
}

/// Members whose documents are in memory at once; those of larger groups are set aside batch by batch.
const MEMBERS_AT_ONCE: usize = 512;

/// One distribution: the documents that change, and who could not be served.
pub(crate) struct Distribution<'a> {
    repository: &'a dyn GroupRepository,
    /// The documents of this batch.
    documents: BTreeMap<McpttId, ChangedDocument>,
    changes: Vec<DocumentChanged>,
    undelivered: Vec<UndeliveredKey>,
}

struct ChangedDocument {
    document: Gktps,
    /// Entity tag of what is stored.
    previous: Option<String>,
}

/// Where a distribution happens.
pub(crate) struct Distributor<'a> {
    pub(crate) kms: &'a dyn KmsDirectory,
    pub(crate) key_sets: &'a [UserKeySet],
    pub(crate) threads: NonZeroUsize,
    pub(crate) now: UnixTime,
}

impl Distributor<'_> {
    /// Brings keys to members, all of them to each. A member who cannot be served does not stop the others.
    pub(crate) fn bring(
        &self,
        keys: &[&GroupKeyRecord],
        members: &[McpttId],
        announcement: Announcement,
        random: &mut dyn Random,
        into: &mut Distribution<'_>,
    ) -> Result<(), DistributionError> {
        for batch in members.chunks(MEMBERS_AT_ONCE) {
            into.make_room()?;
            for key in keys {
                self.distribute(key, batch, announcement, random, into)?;
            }
        }
        Ok(())
    }

    /// Puts the message of one key into the documents of members.
    fn distribute(
        &self,
        key: &GroupKeyRecord,
        members: &[McpttId],
        announcement: Announcement,
        random: &mut dyn Random,
        into: &mut Distribution<'_>,
    ) -> Result<(), DistributionError> {
        let now = self.now.to_ntp();
        let parameters = parameters(key, announcement);
        let distribution = GroupKeyDistribution {
            gmk: &key.gmk,
            gms: self.signer(now)?,
            parameters: &parameters,
            now,
            options: CreateOptions::GROUP_KEY,
        };
        let (served, unserved): (Vec<_>, Vec<_>) = members
            .iter()
            .map(|member| (member, self.kms.domain_of(member)))
            .partition(|(_, kms)| kms.is_some());
        into.undelivered
            .extend(unserved.into_iter().map(|(member, _)| UndeliveredKey {
                member: member.clone(),
                group: key.group.clone(),
                reason: "no certificate of the member's KMS is held".to_owned(),
            }));
        let served = served
            .into_iter()
            .filter_map(|(member, kms)| Some((member, kms?)));
        let put = |member: &McpttId, message| into.put(key, member, message);
        group_key_messages_in_bulk(distribution, served, self.threads, random, put)
    }

    /// Takes a key out of the document of somebody who is no member any more.
    pub(crate) fn withdraw(
        &self,
        keys: &[GroupKeyRecord],
        group: &GroupId,
        member: &McpttId,
        into: &mut Distribution<'_>,
    ) -> Result<(), DistributionError> {
        let of_group = keys.iter().filter(|key| key.group == *group);
        let ids: BTreeSet<String> = of_group
            .map(|key| key.gmk.guk_id(member).to_string())
            .collect();
        into.make_room()?;
        let document = into.document(member)?;
        document.gmk.keys.retain(|entry| !ids.contains(&entry.id));
        Ok(())
    }

    fn signer(&self, now: NtpTime) -> Result<&UserKeySet, DistributionError> {
        self.key_sets
            .iter()
            .find(|set| set.domain.key_period.number_at(now) == set.period_number)
            .ok_or(DistributionError::LocalKeySetMissing)
    }
}

fn parameters(key: &GroupKeyRecord, announcement: Announcement) -> KeyParameters {
    KeyParameters {
        status: match announcement {
            Announcement::Valid => Status::VALID,
            Announcement::Revoked => Status::REVOKED,
        },
        activation: Some(key.activation),
        expiry: key.expiry,
        groups: Some(vec![key.group.clone()]),
        ..KeyParameters::new(PurposeTag::Gmk)
    }
}

impl<'a> Distribution<'a> {
    /// Begins; what an earlier one left behind is forgotten.
    pub(crate) fn begin(repository: &'a dyn GroupRepository) -> Result<Self, RepositoryError> {
        repository.discard_set_aside()?;
        Ok(Self {
            repository,
            documents: BTreeMap::new(),
            changes: Vec::new(),
            undelivered: Vec::new(),
        })
    }

    /// Keeps a change with all documents.
    pub(crate) fn commit(mut self, mut change: Change) -> Result<Kept, RepositoryError> {
        change.transport = self.take_batch();
        self.repository.commit(&change)?;
        Ok(Kept {
            changes: self.changes,
            undelivered: self.undelivered,
        })
    }

    /// The document of a member as it will be.
    fn document(&mut self, member: &McpttId) -> Result<&mut Gktps, DistributionError> {
        let changed = match self.documents.entry(member.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let stored = self.repository.transport(member)?;
                let document = stored.as_ref().map(|stored| Gktps::read(&stored.octets));
                unknown.insert(ChangedDocument {
                    document: document.transpose()?.unwrap_or_default(),
                    previous: stored.map(|stored| stored.etag),
                })
            }
        };
        Ok(&mut changed.document)
    }

    fn put(
        &mut self,
        key: &GroupKeyRecord,
        member: &McpttId,
        message: Result<Vec<u8>, CreateError>,
    ) -> Result<(), DistributionError> {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                self.undelivered.push(UndeliveredKey {
                    member: member.clone(),
                    group: key.group.clone(),
                    reason: error.to_string(),
                });
                return Ok(());
            }
        };
        let id = key.gmk.guk_id(member).to_string();
        let document = self.document(member)?;
        document.gmk.keys.retain(|entry| entry.id != id);
        document.gmk.keys.push(Gktp {
            id,
            activation_time: Some(key.activation),
            message,
        });
        Ok(())
    }

    /// Sets a whole batch aside.
    fn make_room(&mut self) -> Result<(), RepositoryError> {
        if self.documents.len() < MEMBERS_AT_ONCE {
            return Ok(());
        }
        let batch = self.take_batch();
        self.repository.set_aside(&batch)
    }

    /// The documents of this batch as they are stored; one without keys is deleted.
    fn take_batch(&mut self) -> Vec<TransportChange> {
        let documents = core::mem::take(&mut self.documents).into_iter();
        documents
            .map(|(member, changed)| {
                let document = stored(&changed.document);
                let etag = document.as_ref().map(|document| document.etag.clone());
                if etag != changed.previous {
                    self.changes.push(DocumentChanged {
                        path: DocumentPath::Transport(member.clone()),
                        etag,
                        previous: changed.previous,
                    });
                }
                (member, document)
            })
            .collect()
    }
}

fn stored(document: &Gktps) -> Option<StoredDocument> {
    if *document == Gktps::default() {
        return None;
    }
    let octets = document.write().into_bytes();
    let etag = entity_tag(&octets);
    Some(StoredDocument { octets, etag })
}

/// What is told after a commit.
pub(crate) struct Kept {
    pub(crate) changes: Vec<DocumentChanged>,
    pub(crate) undelivered: Vec<UndeliveredKey>,
}
