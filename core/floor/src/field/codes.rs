//! Fields that are one code of a short table.

use super::value::{FieldValue, exactly};
use crate::Error;
use crate::error::FieldProblem;
use core::fmt;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident : $int:ty { $($(#[$vdoc:meta])* $code:literal $variant:ident $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// A code that the table does not have.
            Reserved($int),
        }

        impl $name {
            /// The meaning of a code.
            #[must_use]
            pub const fn from_code(code: $int) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Reserved(other),
                }
            }

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> $int {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Reserved(code) => code,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)*
                    Self::Reserved(code) => write!(f, "reserved code {code}"),
                }
            }
        }
    };
}
pub(crate) use codes;

macro_rules! code16 {
    ($name:ident) => {
        impl $crate::field::value::FieldValue for $name {
            fn read(value: &[u8]) -> Result<Self, $crate::error::FieldProblem> {
                $crate::field::value::exactly(value)
                    .map(u16::from_be_bytes)
                    .map(Self::from_code)
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), $crate::Error> {
                out.extend_from_slice(&self.code().to_be_bytes());
                Ok(())
            }
        }
    };
}
pub(crate) use code16;

macro_rules! code8_spare {
    ($name:ident) => {
        impl FieldValue for $name {
            fn read(value: &[u8]) -> Result<Self, FieldProblem> {
                let [code, _spare] = exactly(value)?;
                Ok(Self::from_code(code))
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
                out.extend_from_slice(&[self.code(), 0]);
                Ok(())
            }
        }
    };
}

codes! {
    /// Permission to Request the Floor, 16 bits (TS 24.380 cl. 8.2.3.7).
    ///
    /// ```text
    /// +----------------+----------------+---------------------------------+
    /// |  ID = 5        |  Length = 2    |  0 may not, 1 may               |
    /// +----------------+----------------+---------------------------------+
    /// ```
    PermissionToRequestTheFloor: u16 {
        /// The receiver may not request the floor.
        0 NotPermitted "the receiver may not request the floor",
        /// The receiver may request the floor.
        1 Permitted "the receiver may request the floor",
    }
}
code16!(PermissionToRequestTheFloor);

codes! {
    /// Source, 16 bits: who sends a Floor Ack (TS 24.380 cl. 8.2.3.12).
    ///
    /// ```text
    /// +----------------+----------------+---------------------------------+
    /// |  ID = 10       |  Length = 2    |  source                         |
    /// +----------------+----------------+---------------------------------+
    /// ```
    Source: u16 {
        /// The floor participant.
        0 FloorParticipant "floor participant",
        /// The participating MCPTT function.
        1 ParticipatingFunction "participating MCPTT function",
        /// The controlling MCPTT function.
        2 ControllingFunction "controlling MCPTT function",
        /// The non-controlling MCPTT function.
        3 NonControllingFunction "non-controlling MCPTT function",
    }
}
code16!(Source);

codes! {
    /// Queued Floor Requests Purpose, 8 bits and a spare octet (TS 24.380 cl. 8.2.3.23).
    ///
    /// ```text
    /// +----------------+----------------+----------------+----------------+
    /// |  ID = 21       |  Length = 2    |  purpose       |  spare, 0      |
    /// +----------------+----------------+----------------+----------------+
    /// ```
    QueuedFloorRequestsPurpose: u8 {
        /// Requests shall be taken out of the queue.
        0 CancelRequest "cancel request",
        /// What became of it.
        1 CancelResult "cancel result",
        /// The receiver's own request was taken out.
        2 CancelNotification "cancel notification",
    }
}
code8_spare!(QueuedFloorRequestsPurpose);

codes! {
    /// Response State, 8 bits and a spare octet: result of a cancellation (TS 24.380 cl. 8.2.3.25). Code 4 has no
    /// known meaning.
    ///
    /// ```text
    /// +----------------+----------------+----------------+----------------+
    /// |  ID = 23       |  Length = 2    |  state         |  spare, 0      |
    /// +----------------+----------------+----------------+----------------+
    /// ```
    ResponseState: u8 {
        /// All requests were removed.
        0 AllRemoved "all requests removed",
        /// The sender may not cancel.
        1 NotAuthorised "not authorised",
        /// There is no queued request.
        2 QueueEmpty "the queue is empty",
        /// None of the named users is queued.
        3 NotQueued "the named users are not queued",
        /// Some requests were removed.
        5 PartlyRemoved "some requests removed",
        /// Any other outcome.
        255 Other "other reason",
    }
}
code8_spare!(ResponseState);

/// Message Type: the type of the message that a Floor Ack answers, without its acknowledgement bit
/// (TS 24.380 cl. 8.2.3.14).
///
/// ```text
/// +----------------+----------------+----------------+----------------+
/// |  ID = 12       |  Length = 2    |  type 0 to 15  |  spare, 0      |
/// +----------------+----------------+----------------+----------------+
/// ```
/// A receiver clears an acknowledgement bit left set (inferred tolerance); numbers beyond five bits are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageType(u8);

impl MessageType {
    /// Takes the four low bits.
    #[must_use]
    pub const fn new(message_type: u8) -> Self {
        Self(message_type & 0x0F)
    }

    /// The type, 0 to 15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl FieldValue for MessageType {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let [subtype, _spare] = exactly(value)?;
        if subtype > 0x1F {
            return Err(FieldProblem::Number(subtype.into()));
        }
        Ok(Self::new(subtype))
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&[self.0, 0]);
        Ok(())
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subtype = crate::Subtype::new(self.0, crate::AckRequest::NotRequested);
        let name = crate::message::message_name(subtype, &crate::Profile::default());
        write!(
            f,
            "type {}, {}",
            self.0,
            name.map_or("unassigned", |(name, _)| name)
        )
    }
}

/// Media Flow Control Indicator: bit 7 of the first octet; the rest is spare (TS 24.380 cl. 8.2.3.26).
///
/// ```text
/// +----------------+----------------+-+--------------+----------------+
/// |  ID = 24       |  Length = 2    |R|  spare, 0    |  spare, 0      |
/// +----------------+----------------+-+--------------+----------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaFlowControlIndicator {
    /// Stop the unicast downlink media.
    Stop,
    /// Send them again.
    Resume,
}

const RESUME_BIT: u8 = 0x80;

impl FieldValue for MediaFlowControlIndicator {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let [flags, _spare] = exactly(value)?;
        Ok(if flags & RESUME_BIT == 0 {
            Self::Stop
        } else {
            Self::Resume
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let flags = match self {
            Self::Stop => 0,
            Self::Resume => RESUME_BIT,
        };
        out.extend_from_slice(&[flags, 0]);
        Ok(())
    }
}

impl fmt::Display for MediaFlowControlIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "stop",
            Self::Resume => "resume",
        })
    }
}
