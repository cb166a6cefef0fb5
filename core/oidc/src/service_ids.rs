//! The MC service identities of a user besides the MCPTT ID (TS 33.180 B.2.1.3, TS 23.280 cl. 8).

use core::fmt;
use roger_base::IdentityError;
use roger_base::McpttId;

macro_rules! service_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes a URI unchanged, under the rules of an MCPTT ID.
            ///
            /// # Errors
            /// [`IdentityError`] when it is no such URI.
            pub fn new(text: impl Into<String>) -> Result<Self, IdentityError> {
                let text = text.into();
                McpttId::new(text.clone())?;
                Ok(Self(text))
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
    };
}

service_id!(
    /// MCVideo ID: the user towards MCVideo servers.
    McVideoId
);
service_id!(
    /// MCData ID: the user towards MCData servers.
    McDataId
);

/// MCVideo and MCData identities; which claims a token has follows from its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OtherServiceIds {
    /// `mcvideo_id`.
    pub mcvideo: Option<McVideoId>,
    /// `mcdata_id`.
    pub mcdata: Option<McDataId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uris_are_service_identities() {
        assert!(McVideoId::new("sip:alice@mcvideo.example.org").is_ok());
        assert!(McDataId::new("alice").is_err());
        assert!(McVideoId::new("").is_err());
    }
}
