//! Fields that are one number in two octets.

use super::value::{FieldValue, exactly};
use crate::error::FieldProblem;
use crate::{Error, Ssrc};
use core::fmt;

/// Floor Priority: 0 is the lowest and the default, 255 the highest (TS 24.380 cl. 8.2.3.2).
///
/// ```text
/// +----------------+----------------+----------------+----------------+
/// |  ID = 0        |  Length = 2    |  priority      |  spare, 0      |
/// +----------------+----------------+----------------+----------------+
/// ```
/// The spare octet is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FloorPriority(pub u8);

impl FieldValue for FloorPriority {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let [priority, _spare] = exactly(value)?;
        Ok(Self(priority))
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&[self.0, 0]);
        Ok(())
    }
}

impl fmt::Display for FloorPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}", self.0)
    }
}

macro_rules! number16 {
    ($(#[$doc:meta])* $name:ident, $format:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub u16);

        impl FieldValue for $name {
            fn read(value: &[u8]) -> Result<Self, FieldProblem> {
                exactly(value).map(u16::from_be_bytes).map(Self)
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
                out.extend_from_slice(&self.0.to_be_bytes());
                Ok(())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
    };
}

number16!(
    /// Duration: seconds that the granted party may talk, the rest of T2 rounded down (TS 24.380 cl. 8.2.3.3).
    ///
    /// ```text
    /// +----------------+----------------+---------------------------------+
    /// |  ID = 1        |  Length = 2    |  seconds                        |
    /// +----------------+----------------+---------------------------------+
    /// ```
    Duration,
    "{} s"
);
number16!(
    /// Queue Size: number of queued requests, off-network only (TS 24.380 cl. 8.2.3.9).
    ///
    /// ```text
    /// +----------------+----------------+---------------------------------+
    /// |  ID = 7        |  Length = 2    |  number                         |
    /// +----------------+----------------+---------------------------------+
    /// ```
    QueueSize,
    "{} queued"
);
number16!(
    /// Message Sequence Number: one higher for each Taken or Idle of the session, 0 after 65535; copies and repeats
    /// carry the same number (TS 24.380 cl. 8.2.3.10).
    ///
    /// ```text
    /// +----------------+----------------+---------------------------------+
    /// |  ID = 8        |  Length = 2    |  number                         |
    /// +----------------+----------------+---------------------------------+
    /// ```
    MessageSequenceNumber,
    "number {}"
);

impl MessageSequenceNumber {
    /// The number of the next event.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// SSRC, from release 18 "Audio SSRC of Granted Participant" (TS 24.380 cl. 8.2.3.16). The length is six.
///
/// ```text
/// +----------------+----------------+---------------------------------+
/// |  ID = 14       |  Length = 6    |  SSRC, high half                |
/// +----------------+----------------+---------------------------------+
/// |  SSRC, low half                 |  spare, 0                       |
/// +---------------------------------+---------------------------------+
/// ```
impl FieldValue for Ssrc {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let [a, b, c, d, _, _] = exactly(value)?;
        Ok(Self(u32::from_be_bytes([a, b, c, d])))
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&self.0.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        Ok(())
    }
}
