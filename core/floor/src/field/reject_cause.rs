//! Why the floor is denied or revoked: one field, two code spaces.

use super::Field;
use super::codes::codes;
use super::set::TypedField;
use super::value::{FieldValue, take_array, text};
use crate::Error;
use crate::error::FieldProblem;
use core::fmt;

/// Reject Cause, field 2, as on the wire: the code means one thing in Floor Deny, another in Floor Revoke
/// (TS 24.380 cl. 8.2.3.4). Messages carry [`Rejection`].
///
/// ```text
/// +----------------+----------------+---------------------------------+
/// |  ID = 2        |  Length = 2+n  |  cause                          |
/// +----------------+----------------+---------------------------------+
/// |  phrase, n octets of UTF-8, zeros up to the next multiple of four |
/// +-------------------------------------------------------------------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectCause {
    /// The code.
    pub cause: u16,
    /// The phrase, absent when empty.
    pub phrase: Option<String>,
}

impl FieldValue for RejectCause {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let mut rest = value;
        let cause = take_array(&mut rest).map_err(|_| FieldProblem::Length(value.len()))?;
        let phrase = text(rest)?;
        let phrase = (!phrase.is_empty()).then(|| phrase.to_owned());
        Ok(Self {
            cause: u16::from_be_bytes(cause),
            phrase,
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&self.cause.to_be_bytes());
        out.extend_from_slice(self.phrase.as_deref().unwrap_or_default().as_bytes());
        Ok(())
    }
}

impl fmt::Display for RejectCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cause {}", self.cause)?;
        self.phrase.as_ref().map_or(Ok(()), |phrase| {
            write!(f, ", \"{}\"", phrase.escape_debug())
        })
    }
}

codes! {
    /// Cause of a Floor Deny (TS 24.380 cl. 8.2.6.2). Not to be mixed with [`RevokeCause`].
    DenyCause: u16 {
        /// #1: somebody talks; no queueing, no pre-emption.
        1 AnotherClientHasPermission "another MCPTT client has permission",
        /// #2.
        2 InternalFloorControlServerError "internal floor control server error",
        /// #3: nobody would hear.
        3 OnlyOneParticipant "only one participant",
        /// #4: T9 runs after a revoked burst that was too long.
        4 RetryAfterTimerHasNotExpired "retry-after timer has not expired",
        /// #5: the member may only listen.
        5 ReceiveOnly "receive only",
        /// #6: congestion.
        6 NoResourcesAvailable "no resources available",
        /// #7.
        7 QueueFull "queue full",
        /// #255: policy.
        255 OtherReason "other reason",
    }
}

codes! {
    /// Cause of a Floor Revoke (TS 24.380 cl. 8.2.10.2). Not to be mixed with [`DenyCause`].
    RevokeCause: u16 {
        /// #1: nobody hears.
        1 OnlyOneMcpttClient "only one MCPTT client left",
        /// #2: T2 expired.
        2 MediaBurstTooLong "media burst too long",
        /// #3: media without permission.
        3 NoPermissionToSendMediaBurst "no permission to send a media burst",
        /// #4: somebody with a higher priority talks.
        4 MediaBurstPreempted "media burst pre-empted",
        /// #6: congestion.
        6 NoResourcesAvailable "no resources available",
        /// #7: another client asked for it (release 19).
        7 RevokedByAnotherClient "revoked by another MCPTT client",
        /// #255: policy.
        255 OtherReason "other reason",
    }
}

/// A cause of one of the two code spaces, with the phrase of the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection<C> {
    /// The cause.
    pub cause: C,
    /// Words of the sender, absent when empty.
    pub phrase: Option<String>,
}

impl<C> From<C> for Rejection<C> {
    fn from(cause: C) -> Self {
        Self {
            cause,
            phrase: None,
        }
    }
}

impl<C: fmt::Display> fmt::Display for Rejection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        self.phrase.as_ref().map_or(Ok(()), |phrase| {
            write!(f, ", \"{}\"", phrase.escape_debug())
        })
    }
}

macro_rules! rejection {
    ($cause:ident) => {
        impl TypedField<Field> for Rejection<$cause> {
            const NAME: &'static str = "Reject Cause";

            fn take(field: &Field) -> Option<Self> {
                let RejectCause { cause, phrase } = RejectCause::take(field)?;
                Some(Self {
                    cause: $cause::from_code(cause),
                    phrase,
                })
            }

            fn give(self) -> Field {
                Field::RejectCause(RejectCause {
                    cause: self.cause.code(),
                    phrase: self.phrase,
                })
            }
        }
    };
}
rejection!(DenyCause);
rejection!(RevokeCause);
