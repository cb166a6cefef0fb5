//! What the token endpoint did, for a log that must know.

use super::StoreError;
use crate::{GrantId, OauthClientId, Subject};

/// What happened to a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAct {
    /// Tokens for a code.
    Issued,
    /// Tokens for a refresh token.
    Refreshed,
    /// A security token for a partner domain.
    Exchanged,
    /// An access token for a user of a partner domain.
    Admitted,
    /// A code was presented twice, so its grant ended.
    CodeReplayed,
    /// A refresh token was presented twice, so its grant ended.
    RefreshReused,
    /// The client gave a token back, so its grant ended.
    Revoked,
    /// The account is disabled, so the grant ended.
    AccountDisabled,
}

/// One act. It never holds a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenEvent<'a> {
    /// What happened.
    pub act: TokenAct,
    /// Whose grant it is; not known of a code that was presented twice.
    pub subject: Option<&'a Subject>,
    /// The client that asked.
    pub client: &'a OauthClientId,
    /// The grant.
    pub grant: &'a GrantId,
}

/// Hears of every act before the answer leaves.
pub trait TokenLog {
    /// Whether it could keep something now; asked before anything is used up.
    ///
    /// # Errors
    /// [`StoreError`] when it could not: then the request is refused.
    fn ready(&self) -> Result<(), StoreError>;

    /// Keeps an act.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be kept: then no token leaves.
    fn keep(&self, event: &TokenEvent<'_>) -> Result<(), StoreError>;
}
