//! A person who can log in.

use crate::{Failures, PasswordHash};
use core::fmt;
use roger_base::McpttId;
use roger_oidc::{OtherServiceIds, ScopeSet, Subject};
use thiserror::Error;

/// Why a text is not a login name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoginNameError {
    /// Nothing but white space.
    #[error("a login name must not be empty")]
    Empty,
    /// Longer than 128 octets.
    #[error("a login name has at most 128 octets")]
    TooLong,
    /// A control character.
    #[error("a login name must not contain control characters")]
    ForbiddenCharacter,
}

/// MC ID: the name typed into the log-in form (TS 23.280 cl. 8). It never appears in SIP or in tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoginName(String);

impl LoginName {
    /// Takes the text without the white space around it, which phones like to add.
    ///
    /// # Errors
    /// [`LoginNameError`] when it is empty, too long or has control characters.
    pub fn new(text: &str) -> Result<Self, LoginNameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LoginNameError::Empty);
        }
        if text.len() > 128 {
            return Err(LoginNameError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(LoginNameError::ForbiddenCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a user may have tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserState {
    /// May log in.
    Enabled,
    /// May not log in, and refreshes nothing.
    Disabled,
}

/// A registered user.
#[derive(Clone)]
pub struct User {
    /// Internal name, never reassigned.
    pub subject: Subject,
    /// Name for the log-in form.
    pub login: LoginName,
    /// argon2id of the password.
    pub password: PasswordHash,
    /// MC service identity for MCPTT.
    pub mcptt_id: McpttId,
    /// MC service identities for MCVideo and MCData.
    pub others: OtherServiceIds,
    /// Scopes the user may have.
    pub entitlement: ScopeSet,
    /// Whether the user may have tokens.
    pub state: UserState,
    /// Recent wrong passwords.
    pub failures: Failures,
}
