//! The fields of call control over a pre-established session (TS 24.380 cl. 8.3.3).

use super::message::message_name;
use crate::field::SessionUri;
use crate::field::codes::{code16, codes};
use crate::field::identity::user_field;
use crate::field::set::field_set;
use crate::field::value::{FieldValue, exactly, take_octet, text};
use crate::wire::{Profile, RawField};
use crate::{Error, FieldProblem};
use core::fmt;
use roger_base::{GroupId, McpttId};

/// Media Streams, field 0: which lines of the session's SDP the call uses (TS 24.380 cl. 8.3.3).
///
/// ```text
/// +----------------+----------------+----------------+----------------+
/// |  ID = 0        |  Length = 2    | no. of m=audio | m=application  |
/// +----------------+----------------+----------------+----------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MediaStreams {
    /// Number of the `m=audio` line.
    pub audio: u8,
    /// Number of the `m=application` line; 0 on the wire is a call without floor control.
    pub floor: Option<core::num::NonZeroU8>,
}

impl FieldValue for MediaStreams {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let [audio, floor] = exactly(value)?;
        Ok(Self {
            audio,
            floor: core::num::NonZeroU8::new(floor),
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&[self.audio, self.floor.map_or(0, core::num::NonZeroU8::get)]);
        Ok(())
    }
}

impl fmt::Display for MediaStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.floor {
            Some(floor) => write!(f, "audio line {}, floor line {floor}", self.audio),
            None => write!(f, "audio line {}, no floor control", self.audio),
        }
    }
}

codes! {
    /// Type of an MCPTT session, first octet of the MCPTT Session Identity.
    SessionType: u8 {
        /// No type.
        0 None "no session type",
        /// Private call.
        1 Private "private call",
        /// Prearranged group call.
        3 Prearranged "prearranged group call",
        /// Chat group call.
        4 Chat "chat group call",
    }
}

/// MCPTT Session Identity, field 1 (TS 24.380 cl. 8.3.3).
///
/// ```text
/// +----------------+----------------+----------------+----------------+
/// |  ID = 1        |  Length        |  session type  |  URI ...       |
/// +----------------+----------------+----------------+----------------+
/// |  ... zeros up to the next multiple of four                        |
/// +-------------------------------------------------------------------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpttSessionIdentity {
    /// Kind of session.
    pub session_type: SessionType,
    /// Its URI.
    pub uri: SessionUri,
}

impl FieldValue for McpttSessionIdentity {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let mut rest = value;
        let session_type = take_octet(&mut rest).map_err(|_| FieldProblem::Length(0))?;
        Ok(Self {
            session_type: SessionType::from_code(session_type),
            uri: SessionUri::read(rest)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.push(self.session_type.code());
        self.uri.write(out)
    }
}

impl fmt::Display for McpttSessionIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.session_type, self.uri)
    }
}

/// Warning Text, field 2: words for the user (TS 24.380 cl. 8.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningText(pub String);

impl FieldValue for WarningText {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        text(value).map(str::to_owned).map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(())
    }
}

impl fmt::Display for WarningText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_debug())
    }
}

/// MCPTT Group Identity, field 3 (TS 24.380 cl. 8.3.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct McpttGroupIdentity(pub GroupId);

impl FieldValue for McpttGroupIdentity {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        GroupId::read(value).map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.0.write(out)
    }
}

impl fmt::Display for McpttGroupIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

codes! {
    /// Answer State, field 4, 16 bits (TS 24.380 cl. 8.3.3).
    AnswerState: u16 {
        /// No member has answered yet.
        0 Unconfirmed "unconfirmed",
        /// A member has answered.
        1 Confirmed "confirmed",
    }
}
code16!(AnswerState);

user_field!(
    /// Inviting MCPTT User Identity, field 5 (TS 24.380 cl. 8.3.3).
    InvitingMcpttUserIdentity
);
user_field!(
    /// Invited MCPTT User Identity, field 8 (TS 24.380 cl. 8.3.3).
    InvitedMcpttUserIdentity
);

codes! {
    /// Reason Code, field 6, 16 bits: answer of the client (TS 24.380 cl. 8.3.3).
    ReasonCode: u16 {
        /// The call is accepted.
        0 Accepted "accepted",
        /// The client is busy.
        1 Busy "busy",
        /// The call is not accepted.
        2 NotAccepted "not accepted",
        /// The I_MESSAGE could not be authenticated.
        3 IMessageAuthenticationFailed "authentication of the I_MESSAGE failed",
        /// An integrity check failed.
        4 IntegrityCheckFailed "integrity check failed",
        /// XML could not be decrypted.
        5 XmlDecryptionFailed "decryption of XML content failed",
    }
}
code16!(ReasonCode);

/// Reason Cause, field 7: its layout is not known here, the octets are kept (TS 24.380 cl. 8.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCause(pub Vec<u8>);

/// PCK I_MESSAGE, field 192: the MIKEY message that carries the key of a private call; the length has 16 bits
/// (TS 24.380 cl. 8.3.3).
///
/// ```text
/// +----------------+---------------------------------+----------------+
/// |  ID = 192      |  Length, 16 bits                |  MIKEY ...     |
/// +----------------+---------------------------------+----------------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PckIMessage(pub Vec<u8>);

macro_rules! octets_field {
    ($name:ident, $text:literal) => {
        impl FieldValue for $name {
            fn read(value: &[u8]) -> Result<Self, FieldProblem> {
                Ok(Self(value.to_vec()))
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
                out.extend_from_slice(&self.0);
                Ok(())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($text, " of {} octets"), self.0.len())
            }
        }
    };
}
octets_field!(ReasonCause, "value");
octets_field!(PckIMessage, "MIKEY message");

field_set! {
    /// A field of call control over a pre-established session (TS 24.380 cl. 8.3.3).
    CallControlField, names: [b"MCPC"], messages: message_name, ids: same_id;
    /// Lines of the session's SDP.
    0 MediaStreams: MediaStreams = "Media Streams", "8.3.3";
    /// The session.
    1 McpttSessionIdentity: McpttSessionIdentity = "MCPTT Session Identity", "8.3.3";
    /// Words for the user.
    2 WarningText: WarningText = "Warning Text", "8.3.3";
    /// The group.
    3 McpttGroupIdentity: McpttGroupIdentity = "MCPTT Group Identity", "8.3.3";
    /// Whether a member has answered.
    4 AnswerState: AnswerState = "Answer State", "8.3.3";
    /// Who calls.
    5 InvitingMcpttUserIdentity: InvitingMcpttUserIdentity = "Inviting MCPTT User Identity", "8.3.3";
    /// The client's answer.
    6 ReasonCode: ReasonCode = "Reason Code", "8.3.3";
    /// More about the answer.
    7 ReasonCause: ReasonCause = "Reason Cause", "8.3.3";
    /// Who is called.
    8 InvitedMcpttUserIdentity: InvitedMcpttUserIdentity = "Invited MCPTT User Identity", "8.3.3";
    /// The key of a private call.
    192 PckIMessage: PckIMessage = "PCK I_MESSAGE", "8.3.3";
}

fn same_id(raw: &RawField<'_>, _profile: &Profile) -> u8 {
    raw.id
}
