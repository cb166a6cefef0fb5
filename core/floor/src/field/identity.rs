//! Fields that are one URI.
//!
//! ```text
//! +----------------+----------------+---------------------------------+
//! |  ID            |  Length        |  URI in UTF-8 ...               |
//! +----------------+----------------+---------------------------------+
//! |  ... zeros up to the next multiple of four                        |
//! +-------------------------------------------------------------------+
//! ```

use super::value::{FieldValue, text};
use crate::Error;
use crate::error::FieldProblem;
use core::fmt;
use roger_base::{GroupId, IdentityError, McpttId};

macro_rules! user_field {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(pub McpttId);

        impl FieldValue for $name {
            fn read(value: &[u8]) -> Result<Self, FieldProblem> {
                Ok(Self(McpttId::new(text(value)?)?))
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
                out.extend_from_slice(self.0.as_str().as_bytes());
                Ok(())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
pub(crate) use user_field;

user_field!(
    /// Granted Party's Identity, field 4: MCPTT ID of the talker (TS 24.380 cl. 8.2.3.6).
    GrantedPartysIdentity
);
user_field!(
    /// User ID, field 6: an MCPTT ID (TS 24.380 cl. 8.2.3.8).
    UserId
);
user_field!(
    /// Queued User ID, field 9: MCPTT ID of a queued user, off-network only (TS 24.380 cl. 8.2.3.11).
    QueuedUserId
);
user_field!(
    /// Floor Revoke Request User ID, field 25: MCPTT ID of the talker to revoke (TS 24.380 cl. 8.2.3.27).
    FloorRevokeRequestUserId
);

macro_rules! uri {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes the string unchanged after checking it.
            ///
            /// # Errors
            /// [`IdentityError`] when the string is not a URI.
            pub fn new(text: impl Into<String>) -> Result<Self, IdentityError> {
                // The rules of an identity are those of any URI here; only the type differs.
                let text = McpttId::new(text)?;
                Ok(Self(text.as_str().to_owned()))
            }

            /// The URI.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FieldValue for $name {
            fn read(value: &[u8]) -> Result<Self, FieldProblem> {
                Ok(Self::new(text(value)?)?)
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
                out.extend_from_slice(self.0.as_bytes());
                Ok(())
            }
        }
    };
}

uri!(
    /// Functional Alias, field 17: URI of a role such as "leader" (TS 24.380 cl. 8.2.3.19).
    FunctionalAlias
);
uri!(
    /// URI of an MCPTT session, chosen by the controlling function (TS 24.379 cl. 4.5).
    SessionUri
);

impl FieldValue for GroupId {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        Ok(Self::new(text(value)?)?)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(self.as_str().as_bytes());
        Ok(())
    }
}
