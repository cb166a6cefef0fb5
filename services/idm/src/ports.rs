//! What the IdM server needs of the world. `roger_oidc` defines the ports of its flow; the rest are here.

use crate::{Failures, LoginName, StoredSigningKey, User};
use roger_base::UnixTime;
use roger_oidc::provider::AuthorizationRequest;
use roger_oidc::{Subject, TokenDigest};

pub use roger_oidc::provider::{ClientRepository, GrantRepository, StoreError};

/// Users.
pub trait UserRepository: Send + Sync {
    /// The user with this login name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError>;

    /// The user with this subject.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn by_subject(&self, subject: &Subject) -> Result<Option<User>, StoreError>;

    /// Adds a user; subject, login name and MCPTT ID are each taken once only.
    ///
    /// # Errors
    /// [`StoreError::LocalDuplicate`] when one of them is taken.
    fn add(&self, user: &User) -> Result<(), StoreError>;

    /// Replaces the failures of a user if they are still `from`; `false` when somebody was faster.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn replace_failures(
        &self,
        subject: &Subject,
        from: Failures,
        to: Failures,
    ) -> Result<bool, StoreError>;
}

/// A log-in in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSession {
    /// The checked request that began it.
    pub request: AuthorizationRequest,
    /// When it ends.
    pub expires_at: UnixTime,
    /// Forms answered wrongly so far.
    pub attempts: u32,
}

/// Log-ins in progress, keyed by the digest of what the browser holds.
pub trait LoginSessionRepository: Send + Sync {
    /// Begins a session.
    ///
    /// # Errors
    /// [`StoreError`] when there is no room.
    fn put(
        &self,
        key: &TokenDigest,
        session: &LoginSession,
        now: UnixTime,
    ) -> Result<(), StoreError>;

    /// The session, when it has not ended; its attempts are counted up by one.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn attempt(&self, key: &TokenDigest, now: UnixTime)
    -> Result<Option<LoginSession>, StoreError>;

    /// Ends a session; `true` for the one caller who ended it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn end(&self, key: &TokenDigest) -> Result<bool, StoreError>;
}

/// Signing keys of the IdM server.
pub trait SigningKeyRepository: Send + Sync {
    /// Every key that is still published, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn add_signing_key(&self, key: &StoredSigningKey) -> Result<(), StoreError>;

    /// Forgets a key by its id.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot do it.
    fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError>;
}
