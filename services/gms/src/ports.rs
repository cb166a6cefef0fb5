//! What the group management server needs from the rim.

use roger_base::{GroupId, KeyId, McpttId, UnixTime};
use roger_ibc::KmsDomain;
use roger_keys::Gmk;
use thiserror::Error;

/// The store failed; nothing of the change was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the store of the group management server failed: {0}")]
pub struct RepositoryError(pub String);

/// A document with its entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// The octets as they were PUT or made; they are served back unchanged.
    pub octets: Vec<u8>,
    /// Entity tag.
    pub etag: String,
}

/// A GMK with what the server still has to do about it.
#[derive(Clone)]
pub struct GroupKeyRecord {
    /// The key.
    pub gmk: Gmk,
    /// The group it was made for.
    pub group: GroupId,
    /// From when it is used for sending.
    pub activation: UnixTime,
    /// Until when it is valid.
    pub expiry: Option<UnixTime>,
    /// When the remaining members are told that it is revoked.
    pub revoke_at: Option<UnixTime>,
    /// Whether they were told.
    pub revoked: bool,
}

impl GroupKeyRecord {
    /// GMK-ID.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.gmk.id()
    }
}

/// One change, kept whole or not at all.
#[derive(Clone, Default)]
pub struct Change {
    /// A group document; `None` for the document means that the group is deleted.
    pub group: Option<(GroupId, Option<StoredDocument>)>,
    /// Keys, new or changed.
    pub keys: Vec<GroupKeyRecord>,
    /// GKTP documents, besides those that were set aside.
    pub transport: Vec<TransportChange>,
}

/// The GKTP document of a member; `None` means that no key is left in it.
pub type TransportChange = (McpttId, Option<StoredDocument>);

/// Documents and keys that outlive the process.
pub trait GroupRepository: Send + Sync {
    /// A group document.
    ///
    /// # Errors
    /// [`RepositoryError`].
    fn group(&self, group: &GroupId) -> Result<Option<StoredDocument>, RepositoryError>;

    /// The GKTP document of a member.
    ///
    /// # Errors
    /// [`RepositoryError`].
    fn transport(&self, member: &McpttId) -> Result<Option<StoredDocument>, RepositoryError>;

    /// Every key that is not revoked.
    ///
    /// # Errors
    /// [`RepositoryError`].
    fn keys(&self) -> Result<Vec<GroupKeyRecord>, RepositoryError>;

    /// Forgets documents that were set aside and never committed.
    ///
    /// # Errors
    /// [`RepositoryError`].
    fn discard_set_aside(&self) -> Result<(), RepositoryError>;

    /// Sets GKTP documents aside for the next commit, so that a change of many need not be in memory at once.
    /// Nobody sees them before.
    ///
    /// # Errors
    /// [`RepositoryError`].
    fn set_aside(&self, transport: &[TransportChange]) -> Result<(), RepositoryError>;

    /// Keeps a change and what was set aside, whole or not at all.
    ///
    /// # Errors
    /// [`RepositoryError`]; nothing was kept then.
    fn commit(&self, change: &Change) -> Result<(), RepositoryError>;
}

/// Under which KMS each member is (TS 33.180 cl. 5.2.7).
pub trait KmsDirectory: Send + Sync {
    /// Parameters of the KMS of a user; `None` when no certificate of it is held.
    fn domain_of(&self, user: &McpttId) -> Option<&KmsDomain>;
}
