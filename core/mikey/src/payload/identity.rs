//! IDR, an identity with a role (RFC 6043 6.6; hidden identities TS 33.180 cl. E.7).
//!
//! ```text
//! next payload(1) ID role(1) ID type(1) ID len(2) ID data
//! ```

use crate::Field;
use crate::wire::{DecodeError, EncodeError, Reader, Writer};
use core::fmt;

/// ID type URI.
pub const TYPE_URI: u8 = 1;
/// ID type byte string (RFC 4563).
pub const TYPE_BYTE_STRING: u8 = 2;

/// What an identity is in the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// 1, IDRi: the initiator, who signs.
    Initiator,
    /// 2, IDRr: the responder, for whom the key is encapsulated.
    Responder,
    /// 6, IDRkmsi: KMS of the initiator.
    InitiatorKms,
    /// 7, IDRkmsr: KMS of the responder.
    ResponderKms,
    /// 8, IDRuidi: UID in place of the initiator's URI (TS 33.180 cl. E.7).
    InitiatorUid,
    /// 9, IDRuidr: UID in place of the responder's URI (TS 33.180 cl. E.7).
    ResponderUid,
    /// A role that MCPTT does not use (3 KMS, 4 PSK, 5 application) or does not know.
    Other(u8),
}

impl From<u8> for Role {
    fn from(role: u8) -> Self {
        match role {
            1 => Self::Initiator,
            2 => Self::Responder,
            6 => Self::InitiatorKms,
            7 => Self::ResponderKms,
            8 => Self::InitiatorUid,
            9 => Self::ResponderUid,
            other => Self::Other(other),
        }
    }
}

impl From<Role> for u8 {
    fn from(role: Role) -> Self {
        match role {
            Role::Initiator => 1,
            Role::Responder => 2,
            Role::InitiatorKms => 6,
            Role::ResponderKms => 7,
            Role::InitiatorUid => 8,
            Role::ResponderUid => 9,
            Role::Other(other) => other,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initiator => "IDRi",
            Self::Responder => "IDRr",
            Self::InitiatorKms => "IDRkmsi",
            Self::ResponderKms => "IDRkmsr",
            Self::InitiatorUid => "IDRuidi",
            Self::ResponderUid => "IDRuidr",
            Self::Other(other) => return write!(f, "IDR with role {other}"),
        })
    }
}

/// IDR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Role.
    pub role: Role,
    /// ID type; [`TYPE_URI`] for URIs and, as others send it, for UIDs.
    pub id_type: u8,
    /// The octets of the URI as configured, or the 32 octets of the UID.
    pub data: Vec<u8>,
}

impl Identity {
    /// An identity of ID type URI; UIDs are sent with this type too, as others do.
    #[must_use]
    pub fn new(role: Role, data: &[u8]) -> Self {
        Self {
            role,
            id_type: TYPE_URI,
            data: data.to_vec(),
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        let role = Role::from(reader.u8(Field::IdentityRole)?);
        let id_type = reader.u8(Field::IdentityType)?;
        let data = reader
            .long(Field::IdentityLength, Field::Identity)?
            .to_vec();
        Ok(Self {
            role,
            id_type,
            data,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.u8(self.role.into());
        writer.u8(self.id_type);
        writer.long(Field::IdentityLength, &self.data)
    }
}
