//! The group keys of one UE (TS 33.180 cl. 5.2.4, 5.7.1).
//!
//! Several GMKs may be valid for a group. A UE sends with the one activated last and decrypts with every one
//! that is neither expired nor revoked. What a message says about a key it already holds counts only when its
//! time `T` is later. A key id never changes its key or RAND while the key lives, a revoked key never comes
//! back, and an expired one only by a later message: a trace without the secret is kept of both.

use crate::{CsId, Gmk, MasterKey, Rand, srtp};
use core::time::Duration;
use roger_base::{GroupId, KeyId, McpttId, NtpTime, UnixTime};
use std::collections::BTreeMap;
use thiserror::Error;

/// Whether a GMK may be used (TS 33.180 E.6.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// Not revoked.
    Valid,
    /// Revoked: key and id must not be used any more.
    Revoked,
}

/// A GMK with what its message says about it.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey {
    /// Key, id and RAND.
    pub gmk: Gmk,
    /// Groups it serves.
    pub groups: Vec<GroupId>,
    /// `T` of the message that brought it.
    pub time: NtpTime,
    /// Activation time; `None`: from `time` on (TS 33.180 E.6.4).
    pub activation: Option<UnixTime>,
    /// Expiry time; `None`: it does not expire (TS 33.180 E.6.10).
    pub expiry: Option<UnixTime>,
    /// Revoked or not.
    pub status: KeyStatus,
    /// Name of the key for people.
    pub text: String,
}

impl GroupKey {
    /// When sending with this key may begin.
    #[must_use]
    pub const fn effective_activation(&self) -> UnixTime {
        match self.activation {
            Some(time) => time,
            None => self.time.to_unix(),
        }
    }

    fn expired(&self, now: UnixTime) -> bool {
        self.expiry.is_some_and(|expiry| now >= expiry)
    }

    fn serves(&self, group: &GroupId) -> bool {
        self.groups.contains(group)
    }
}

/// Settings of a [`GroupKeyStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreSettings {
    /// \[I\] How long after expiry a key still opens late packets (TS 33.180 leaves it open).
    pub grace: Duration,
    /// Most GMKs held; an insertion beyond it is refused.
    pub max_keys: usize,
    /// Most revoked and expired ids remembered; the oldest are forgotten.
    pub max_traces: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            max_keys: 1024,
            max_traces: 4096,
        }
    }
}

/// What an accepted message changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// A GMK that was not held.
    New,
    /// A held GMK got newer times, groups or text.
    Updated,
    /// The same message again.
    Unchanged,
    /// The GMK is revoked and its secret erased.
    Revoked,
}

/// Why a GMK was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another key or RAND under an id whose key still lives.
    #[error("GMK-ID {0} is held with another key or RAND; the older one is kept")]
    PeerConflict(KeyId),
    /// Older than what is known about this id.
    #[error("this message for GMK-ID {0} is older than the one already processed")]
    PeerStale(KeyId),
    /// The same key was revoked before.
    #[error("GMK {0} was revoked and cannot be used again")]
    PeerRevoked(KeyId),
    /// It had expired when it arrived.
    #[error("GMK {0} has expired")]
    PeerExpired(KeyId),
    /// It would expire before it becomes active.
    #[error("GMK {0} expires before it is activated")]
    PeerNeverValid(KeyId),
    /// It serves no group, so nothing could be sent or received with it.
    #[error("GMK {0} names no group")]
    PeerNoGroup(KeyId),
    /// The store holds as many keys as it may.
    #[error("no room for another GMK, {0} are held")]
    LocalFull(usize),
}

/// Why no key was found for a packet or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No GMK under this id; fetch the group's keys.
    #[error("GMK {0} is not held")]
    Unknown(KeyId),
    /// The GMK was revoked.
    #[error("GMK {0} is revoked")]
    Revoked(KeyId),
    /// The GMK has expired.
    #[error("GMK {0} has expired")]
    Expired(KeyId),
    /// The GMK serves other groups.
    #[error("GMK {0} does not serve this group")]
    OtherGroup(KeyId),
}

/// Why a key is no longer held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Revoked,
    Expired,
}

/// What is remembered of a key that ended: enough to refuse it, not enough to use it.
#[derive(Clone)]
struct Trace {
    time: NtpTime,
    rand: Rand,
    end: End,
}

/// The GMKs a UE holds.
#[derive(Clone, Default)]
pub struct GroupKeyStore {
    settings: StoreSettings,
    keys: BTreeMap<KeyId, GroupKey>,
    traces: BTreeMap<KeyId, Trace>,
}

impl GroupKeyStore {
    /// An empty store.
    #[must_use]
    pub fn new(settings: StoreSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Takes a GMK whose message was verified.
    ///
    /// # Errors
    /// [`StoreError`]; the store is unchanged then.
    pub fn insert(&mut self, key: GroupKey, now: UnixTime) -> Result<Stored, StoreError> {
        self.purge(now);
        self.check_trace(&key)?;
        if let Some(held) = self.keys.get(&key.gmk.id()) {
            check_successor(held, &key, now)?;
            if key.time == held.time {
                return same_time(held, &key);
            }
        }
        if key.status == KeyStatus::Revoked {
            self.end(&key, End::Revoked);
            return Ok(Stored::Revoked);
        }
        check_times(&key, now)?;
        self.place(key)
    }

    /// The GMK to send with in a group: unexpired, unrevoked, active, and activated last (TS 33.180 cl. 5.7.1).
    ///
    /// Equal activation: the later `T`, then the higher GMK-ID \[I\].
    #[must_use]
    pub fn sending(&self, group: &GroupId, now: UnixTime) -> Option<&GroupKey> {
        self.live(now)
            .filter(|key| key.serves(group) && key.effective_activation() <= now)
            .max_by_key(|key| (key.effective_activation(), key.time, key.gmk.id()))
    }

    /// The GMK to decrypt with, by the GMK-ID of the MKI; also before its activation and shortly after its expiry.
    ///
    /// # Errors
    /// [`LookupError`] saying why there is none.
    pub fn receiving(&self, gmk_id: KeyId, now: UnixTime) -> Result<&GroupKey, LookupError> {
        if let Some(key) = self.keys.get(&gmk_id) {
            return match self.past_grace(key, now) {
                true => Err(LookupError::Expired(gmk_id)),
                false => Ok(key),
            };
        }
        Err(match self.traces.get(&gmk_id).map(|trace| trace.end) {
            Some(End::Revoked) => LookupError::Revoked(gmk_id),
            Some(End::Expired) => LookupError::Expired(gmk_id),
            None => LookupError::Unknown(gmk_id),
        })
    }

    /// As [`Self::receiving`], and the key must serve `group`.
    ///
    /// # Errors
    /// [`LookupError`] saying why there is none.
    pub fn receiving_in_group(
        &self,
        group: &GroupId,
        gmk_id: KeyId,
        now: UnixTime,
    ) -> Result<&GroupKey, LookupError> {
        let key = self.receiving(gmk_id, now)?;
        if !key.serves(group) {
            return Err(LookupError::OtherGroup(gmk_id));
        }
        Ok(key)
    }

    /// Master key of the sender behind an MKI (GMK-ID, GUK-ID); late entry needs nothing else.
    ///
    /// # Errors
    /// [`LookupError`] saying why there is none.
    pub fn sender_key(
        &self,
        gmk_id: KeyId,
        guk_id: KeyId,
        cs_id: CsId,
        now: UnixTime,
    ) -> Result<MasterKey, LookupError> {
        let gmk = &self.receiving(gmk_id, now)?.gmk;
        Ok(srtp::master_key(
            gmk.secret(),
            cs_id,
            guk_id,
            gmk.rand().octets(),
        ))
    }

    /// The member whose GUK-ID it is, among `members`; for display and audit.
    #[must_use]
    pub fn sender<'m>(
        &self,
        gmk_id: KeyId,
        guk_id: KeyId,
        members: impl IntoIterator<Item = &'m McpttId>,
    ) -> Option<&'m McpttId> {
        let gmk = &self.keys.get(&gmk_id)?.gmk;
        members
            .into_iter()
            .find(|member| gmk.guk_id(member) == guk_id)
    }

    /// Every GMK held for a group, usable or not, oldest activation first.
    #[must_use]
    pub fn of_group(&self, group: &GroupId) -> Vec<&GroupKey> {
        let mut keys: Vec<_> = self.keys.values().filter(|key| key.serves(group)).collect();
        keys.sort_by_key(|key| (key.effective_activation(), key.time, key.gmk.id()));
        keys
    }

    /// Forgets a GMK, for instance because the GMS lists it no longer; its secret is erased.
    ///
    /// Returns whether it was held.
    pub fn remove(&mut self, gmk_id: KeyId) -> bool {
        self.keys.remove(&gmk_id).is_some()
    }

    /// Forgets a group, as after removal from it; keys that serve no other group are erased.
    pub fn remove_group(&mut self, group: &GroupId) {
        self.keys.retain(|_, key| {
            key.groups.retain(|served| served != group);
            !key.groups.is_empty()
        });
    }

    /// Erases keys past expiry and grace and returns their ids.
    pub fn purge(&mut self, now: UnixTime) -> Vec<KeyId> {
        let over = self.keys.values().filter(|key| self.past_grace(key, now));
        let ids: Vec<_> = over.map(|key| key.gmk.id()).collect();
        for id in &ids {
            if let Some(key) = self.keys.remove(id) {
                self.end(&key, End::Expired);
            }
        }
        ids
    }

    /// When next a key activates, expires or is to be purged.
    #[must_use]
    pub fn next_change(&self, now: UnixTime) -> Option<UnixTime> {
        let times = self.keys.values().flat_map(|key| {
            let purge = key.expiry.map(|expiry| expiry + self.settings.grace);
            [Some(key.effective_activation()), key.expiry, purge]
        });
        times.flatten().filter(|time| *time > now).min()
    }

    /// How many GMKs are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no GMK is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn live(&self, now: UnixTime) -> impl Iterator<Item = &GroupKey> {
        self.keys.values().filter(move |key| !key.expired(now))
    }

    fn past_grace(&self, key: &GroupKey, now: UnixTime) -> bool {
        key.expiry
            .is_some_and(|expiry| now >= expiry + self.settings.grace)
    }

    fn check_trace(&self, key: &GroupKey) -> Result<(), StoreError> {
        let id = key.gmk.id();
        let Some(trace) = self.traces.get(&id) else {
            return Ok(());
        };
        let same = key.gmk.rand() == &trace.rand;
        if trace.end == End::Revoked && same && key.status == KeyStatus::Valid {
            return Err(StoreError::PeerRevoked(id));
        }
        if key.time < trace.time {
            return Err(StoreError::PeerStale(id));
        }
        if trace.end == End::Expired && key.time == trace.time {
            return Err(StoreError::PeerExpired(id));
        }
        Ok(())
    }

    /// Erases the secret and keeps a trace; the oldest trace goes when there are too many.
    fn end(&mut self, key: &GroupKey, end: End) {
        let id = key.gmk.id();
        self.keys.remove(&id);
        let trace = Trace {
            time: key.time,
            rand: key.gmk.rand().clone(),
            end,
        };
        self.traces.insert(id, trace);
        if self.traces.len() <= self.settings.max_traces {
            return;
        }
        let oldest = self.traces.iter().min_by_key(|(_, trace)| trace.time);
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.traces.remove(&id);
        }
    }

    fn place(&mut self, key: GroupKey) -> Result<Stored, StoreError> {
        let id = key.gmk.id();
        let held = self.keys.get(&id);
        let known = held.is_some_and(|held| held.gmk == key.gmk);
        if held.is_none() && self.keys.len() >= self.settings.max_keys {
            return Err(StoreError::LocalFull(self.keys.len()));
        }
        self.keys.insert(id, key);
        self.traces.remove(&id);
        Ok(if known { Stored::Updated } else { Stored::New })
    }
}

/// A living key keeps its secret and RAND, and only later messages count (TS 33.180 cl. 5.2.2).
fn check_successor(held: &GroupKey, key: &GroupKey, now: UnixTime) -> Result<(), StoreError> {
    let id = key.gmk.id();
    if held.gmk != key.gmk && !held.expired(now) {
        return Err(StoreError::PeerConflict(id));
    }
    if key.time < held.time {
        return Err(StoreError::PeerStale(id));
    }
    Ok(())
}

/// Two messages of the same `T` must say the same.
fn same_time(held: &GroupKey, key: &GroupKey) -> Result<Stored, StoreError> {
    if held == key {
        return Ok(Stored::Unchanged);
    }
    Err(StoreError::PeerStale(key.gmk.id()))
}

fn check_times(key: &GroupKey, now: UnixTime) -> Result<(), StoreError> {
    let id = key.gmk.id();
    if key.expired(now) {
        return Err(StoreError::PeerExpired(id));
    }
    if key
        .expiry
        .is_some_and(|expiry| expiry <= key.effective_activation())
    {
        return Err(StoreError::PeerNeverValid(id));
    }
    if key.groups.is_empty() {
        return Err(StoreError::PeerNoGroup(id));
    }
    Ok(())
}
