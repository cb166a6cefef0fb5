//! The identifiers of an MC system, one type each, so that parameters cannot be swapped.
//!
//! An identity is the octet string configured for it and is compared octet by octet:
//! no case folding, no scheme stripping (TS 33.180 F.2.1).

use core::fmt;
use thiserror::Error;

/// Longest identity accepted, in octets; MIKEY carries a 16-bit length, SIP lines stay far below.
const MAX_IDENTITY_OCTETS: usize = 1024;

/// Why a string is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The string is empty.
    #[error("an identity must not be empty")]
    Empty,
    /// The string is longer than the limit.
    #[error("an identity has at most {MAX_IDENTITY_OCTETS} octets, this one has {0}")]
    TooLong(usize),
    /// White space, a control character, or one of `<>"` inside the string.
    #[error("an identity must not contain white space, control characters or any of <>\"")]
    ForbiddenCharacter,
    /// A URI scheme is missing where the identity must be a URI.
    #[error("an identity of this kind is a URI and needs a scheme such as sip:")]
    NoScheme,
}

fn check(text: &str) -> Result<(), IdentityError> {
    if text.is_empty() {
        return Err(IdentityError::Empty);
    }
    if text.len() > MAX_IDENTITY_OCTETS {
        return Err(IdentityError::TooLong(text.len()));
    }
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"');
    if text.chars().any(forbidden) {
        return Err(IdentityError::ForbiddenCharacter);
    }
    Ok(())
}

fn check_uri(text: &str) -> Result<(), IdentityError> {
    check(text)?;
    let (scheme, rest) = text.split_once(':').ok_or(IdentityError::NoScheme)?;
    let letter = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if !letter || !scheme.chars().all(legal) || rest.is_empty() {
        return Err(IdentityError::NoScheme);
    }
    Ok(())
}

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes the string unchanged after checking it.
            ///
            /// # Errors
            /// [`IdentityError`] when the string is empty, too long, or not of this kind.
            pub fn new(text: impl Into<String>) -> Result<Self, IdentityError> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The octets as configured.
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

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl core::str::FromStr for $name {
            type Err = IdentityError;
            fn from_str(text: &str) -> Result<Self, IdentityError> {
                Self::new(text)
            }
        }
    };
}

identity!(
    /// MCPTT ID: the MC service ID of a user, a URI such as `sip:alice@mcptt.example.org` (TS 23.280 cl. 8).
    McpttId, check_uri
);
identity!(
    /// MCPTT group ID, a URI (TS 23.280 cl. 8).
    GroupId, check_uri
);
identity!(
    /// MCPTT client ID, a `urn:uuid:` of one client instance (TS 24.379 cl. 4.10).
    ClientId, check_uri
);
identity!(
    /// IP multimedia public identity of the SIP core; it says nothing about the MC user.
    Impu, check_uri
);
identity!(
    /// Public service identity of a server, a SIP URI without a user identity.
    ServerUri, check_uri
);
identity!(
    /// MC Domain Security Identifier, receiver of a CSK upload; a bare name or a URI (TS 33.180 cl. 5.4).
    Mdsi, check
);
identity!(
    /// `KmsUri` of a KMS certificate, a bare name or a URI (TS 33.180 Annex D).
    KmsUri, check
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_octets_of_a_uri() {
        let id = McpttId::new("sip:Alice@MCPTT.example.org").unwrap();
        assert_eq!(id.as_str(), "sip:Alice@MCPTT.example.org");
    }

    #[test]
    fn refuses_what_is_not_a_uri() {
        assert_eq!(McpttId::new("alice"), Err(IdentityError::NoScheme));
        assert_eq!(McpttId::new("1sip:alice"), Err(IdentityError::NoScheme));
        assert_eq!(McpttId::new("sip:"), Err(IdentityError::NoScheme));
        assert_eq!(McpttId::new(""), Err(IdentityError::Empty));
    }

    #[test]
    fn refuses_characters_that_would_break_a_header() {
        assert_eq!(
            GroupId::new("sip:a\r\nX: y"),
            Err(IdentityError::ForbiddenCharacter)
        );
        assert_eq!(
            GroupId::new("sip:a>b"),
            Err(IdentityError::ForbiddenCharacter)
        );
    }

    #[test]
    fn refuses_an_endless_identity() {
        let text = format!("sip:{}", "a".repeat(2000));
        assert_eq!(GroupId::new(text), Err(IdentityError::TooLong(2004)));
    }

    #[test]
    fn accepts_a_bare_name_where_the_standard_has_one() {
        assert!(Mdsi::new("mcptt.example.org").is_ok());
        assert!(KmsUri::new("kms.example.org").is_ok());
    }
}
