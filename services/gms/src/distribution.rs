//! Bringing one key to the members: a GMK message for each of them, put into her GKTP document
//! (TS 33.180 cl. 5.7.1, TS 24.481 cl. 7.7).

use crate::management::{UndeliveredKey, entity_tag};
use crate::ports::{
    GroupKeyRecord, GroupRepository, KmsDirectory, RepositoryError, StoredDocument,
};
use core::num::NonZeroUsize;
use roger_base::{GroupId, KeyId, McpttId, NtpTime, PurposeTag, Random, UnixTime};
use roger_documents::gktp::{Gktp, Gktps};
use roger_documents::{Document, DocumentError};
use roger_ibc::UserKeySet;
use roger_keys::Gmk;
use roger_mikey::{
    CreateError, CreateOptions, GroupKeyDistribution, KeyParameters, Status,
    group_key_messages_in_bulk,
};
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

/// One distribution: the documents that change, and who could not be served.
pub(crate) struct Distribution {
    pub(crate) documents: BTreeMap<McpttId, Gktps>,
    pub(crate) undelivered: Vec<UndeliveredKey>,
}

/// Where a distribution happens.
pub(crate) struct Distributor<'a> {
    pub(crate) repository: &'a dyn GroupRepository,
    pub(crate) kms: &'a dyn KmsDirectory,
    pub(crate) key_sets: &'a [UserKeySet],
    pub(crate) threads: NonZeroUsize,
    pub(crate) now: UnixTime,
}

impl Distributor<'_> {
    /// The GKTP document of a member as stored, or an empty one.
    pub(crate) fn document(&self, member: &McpttId) -> Result<Gktps, DistributionError> {
        match self.repository.transport(member)? {
            Some(stored) => Ok(Gktps::read(&stored.octets)?),
            None => Ok(Gktps::default()),
        }
    }

    /// Puts the message of one key into the documents of its members. A member who cannot be served does
    /// not stop the others.
    pub(crate) fn distribute(
        &self,
        key: &GroupKeyRecord,
        members: &[McpttId],
        announcement: Announcement,
        random: &mut dyn Random,
        into: &mut Distribution,
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
        let put = |member: &McpttId, message| self.put(key, member, message, into);
        group_key_messages_in_bulk(distribution, served, self.threads, random, put)
    }

    fn put(
        &self,
        key: &GroupKeyRecord,
        member: &McpttId,
        message: Result<Vec<u8>, CreateError>,
        into: &mut Distribution,
    ) -> Result<(), DistributionError> {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                let (member, group) = (member.clone(), key.group.clone());
                into.undelivered.push(UndeliveredKey {
                    member,
                    group,
                    reason: error.to_string(),
                });
                return Ok(());
            }
        };
        if !into.documents.contains_key(member) {
            into.documents
                .insert(member.clone(), self.document(member)?);
        }
        if let Some(document) = into.documents.get_mut(member) {
            let id = key.gmk.guk_id(member).to_string();
            document.gmk.keys.retain(|entry| entry.id != id);
            document.gmk.keys.push(Gktp {
                id,
                activation_time: Some(key.activation),
                message,
            });
        }
        Ok(())
    }

    /// Takes a key out of the document of somebody who is no member any more.
    pub(crate) fn withdraw(
        &self,
        keys: &[GroupKeyRecord],
        group: &GroupId,
        member: &McpttId,
        into: &mut Distribution,
    ) -> Result<(), DistributionError> {
        let mut document = self.document(member)?;
        let of_group = keys.iter().filter(|key| key.group == *group);
        let ids: BTreeSet<String> = of_group
            .map(|key| key.gmk.guk_id(member).to_string())
            .collect();
        document.gmk.keys.retain(|entry| !ids.contains(&entry.id));
        into.documents.insert(member.clone(), document);
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

impl Distribution {
    pub(crate) const fn new() -> Self {
        Self {
            documents: BTreeMap::new(),
            undelivered: Vec::new(),
        }
    }

    /// The documents as they are stored; one without keys is deleted.
    pub(crate) fn stored(&self) -> Vec<(McpttId, Option<StoredDocument>)> {
        let stored = |document: &Gktps| {
            if *document == Gktps::default() {
                return None;
            }
            let octets = document.write().into_bytes();
            let etag = entity_tag(&octets);
            Some(StoredDocument { octets, etag })
        };
        self.documents
            .iter()
            .map(|(member, document)| (member.clone(), stored(document)))
            .collect()
    }
}
