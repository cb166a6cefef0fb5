//! What the flow must remember, as traits: a store implements them, each operation atomic in itself.
//!
//! Codes and tokens reach a store only as digests, so a stolen database logs nobody in.

use super::Client;
use crate::{
    Acr, Amr, CodeChallenge, GrantId, Nonce, OauthClientId, OtherServiceIds, RedirectUri, ScopeSet,
    SessionId, Subject, TokenDigest,
};
use roger_base::{McpttId, UnixTime};
use thiserror::Error;

/// The store could not answer; the request fails and nothing half-made is left.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not reachable, full, locked too long.
    #[error("the store is unavailable: {0}")]
    LocalUnavailable(String),
    /// A row that does not read back as what was written.
    #[error("the store holds a malformed {0}")]
    LocalCorrupt(&'static str),
    /// Something with this name is there already.
    #[error("{0} exists already")]
    LocalDuplicate(&'static str),
}

/// Registered clients.
pub trait ClientRepository: Send + Sync {
    /// The client of this id, if registered.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn client(&self, id: &OauthClientId) -> Result<Option<Client>, StoreError>;
}

/// What the token endpoint must know of a user at the moment a token is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's subject.
    pub subject: Subject,
    /// The MC service identity put into tokens.
    pub mcptt_id: McpttId,
    /// Those of other MC services.
    pub others: OtherServiceIds,
    /// What the user may have.
    pub entitlement: ScopeSet,
}

/// Users that may have tokens; a disabled user is not in it.
pub trait AccountDirectory: Send + Sync {
    /// The account, when it exists and is enabled.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn account(&self, subject: &Subject) -> Result<Option<Account>, StoreError>;
}

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeGrant {
    /// Names everything issued after this log-in.
    pub grant: GrantId,
    /// The client the code was made for.
    pub client_id: OauthClientId,
    /// The redirect URI of the request.
    pub redirect_uri: RedirectUri,
    /// The PKCE challenge of the request.
    pub challenge: CodeChallenge,
    /// Who logged in.
    pub subject: Subject,
    /// What was granted.
    pub scopes: ScopeSet,
    /// `nonce` of the request.
    pub nonce: Option<Nonce>,
    /// When the user authenticated.
    pub authenticated_at: UnixTime,
    /// How the user authenticated.
    pub acr: Acr,
    /// What the user showed.
    pub amr: Amr,
    /// The browser's session, when there was one.
    pub session: Option<SessionId>,
    /// When the code ends.
    pub expires_at: UnixTime,
}

/// What a refresh token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshGrant {
    /// Names everything issued after the log-in.
    pub grant: GrantId,
    /// The client it was issued to.
    pub client_id: OauthClientId,
    /// Who logged in.
    pub subject: Subject,
    /// What was granted at most.
    pub scopes: ScopeSet,
    /// When the user authenticated.
    pub authenticated_at: UnixTime,
    /// How the user authenticated.
    pub acr: Acr,
    /// What the user showed.
    pub amr: Amr,
    /// The browser's session, when there was one.
    pub session: Option<SessionId>,
    /// When the whole family ends; rotation does not move it.
    pub expires_at: UnixTime,
}

/// Whose grants end together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantOwner {
    /// Everything given in one session of a browser (log-out).
    Session(SessionId),
    /// Everything a user has (password change, lost device).
    Subject(Subject),
    /// Everything an application has (its registration was deleted).
    Client(OauthClientId),
}

impl GrantOwner {
    /// Whether a grant with these marks is the owner's.
    pub(super) fn owns(
        &self,
        session: Option<&SessionId>,
        subject: &Subject,
        client: &OauthClientId,
    ) -> bool {
        match self {
            Self::Session(own) => session == Some(own),
            Self::Subject(own) => subject == own,
            Self::Client(own) => client == own,
        }
    }
}

/// Answer to the presentation of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redemption {
    /// First presentation; the code is used up from now on.
    Fresh(Box<CodeGrant>),
    /// Presented before.
    Replayed(GrantId),
    /// Never issued, or forgotten after its end.
    Unknown,
}

/// Answer to storing a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// Stored.
    Stored,
    /// The grant was revoked in the meantime; nothing was stored.
    GrantRevoked,
}

/// Answer to a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The old token is used up, the new one stored.
    Rotated,
    /// The old token had been used before: somebody holds a copy.
    Reused,
    /// The grant was revoked.
    GrantRevoked,
    /// Never issued.
    Unknown,
}

/// Codes, refresh tokens and revoked grants. Every method is one transaction.
pub trait GrantRepository: Send + Sync {
    /// Stores a code.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn put_code(&self, code: &TokenDigest, grant: &CodeGrant) -> Result<(), StoreError>;

    /// Uses a code up and says whether this was the first time. Of two at once exactly one is first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn redeem_code(&self, code: &TokenDigest) -> Result<Redemption, StoreError>;

    /// Stores the first refresh token of a grant unless the grant is revoked.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn put_refresh(
        &self,
        token: &TokenDigest,
        grant: &RefreshGrant,
    ) -> Result<PutOutcome, StoreError>;

    /// What a refresh token stands for, used up or not, revoked or not.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn refresh(&self, token: &TokenDigest) -> Result<Option<RefreshGrant>, StoreError>;

    /// Uses the old token up and stores the new one for the same grant. Of two at once exactly one rotates.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn rotate_refresh(&self, old: &TokenDigest, new: &TokenDigest) -> Result<Rotation, StoreError>;

    /// Revokes a grant: its refresh tokens are dead, no new one can be stored, its access tokens are known as revoked.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn revoke_grant(&self, grant: &GrantId) -> Result<(), StoreError>;

    /// Revokes every grant of one owner.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn revoke_grants_of(&self, owner: &GrantOwner) -> Result<(), StoreError>;

    /// Whether a grant was revoked.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn is_revoked(&self, grant: &GrantId) -> Result<bool, StoreError>;
}
