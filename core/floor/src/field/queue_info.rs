//! Where a request stands in the queue.

use super::value::{FieldValue, exactly};
use crate::Error;
use crate::error::FieldProblem;
use core::fmt;

/// Position in the queue: two of the numbers are no positions (TS 24.380 cl. 8.2.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueuePosition {
    /// 1 is next. 0 has no defined meaning but is kept.
    Position(u8),
    /// 254: there is no queued request of the receiver.
    NotQueued,
    /// 255: queued, the server does not say where.
    NotDisclosed,
}

impl QueuePosition {
    /// The meaning of the octet.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            254 => Self::NotQueued,
            255 => Self::NotDisclosed,
            position => Self::Position(position),
        }
    }

    /// The octet.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Position(position) => position,
            Self::NotQueued => 254,
            Self::NotDisclosed => 255,
        }
    }
}

/// Queue Info, field 3 (TS 24.380 cl. 8.2.3.5).
///
/// ```text
/// +----------------+----------------+----------------+----------------+
/// |  ID = 3        |  Length = 2    |  position      |  priority      |
/// +----------------+----------------+----------------+----------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueueInfo {
    /// Where the request stands.
    pub position: QueuePosition,
    /// Priority level of the request in the queue.
    pub priority: u8,
}

impl FieldValue for QueueInfo {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let [position, priority] = exactly(value)?;
        Ok(Self {
            position: QueuePosition::from_code(position),
            priority,
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&[self.position.code(), self.priority]);
        Ok(())
    }
}

impl fmt::Display for QueueInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            QueuePosition::Position(position) => {
                write!(f, "position {position}, priority {}", self.priority)
            }
            QueuePosition::NotQueued => f.write_str("not queued"),
            QueuePosition::NotDisclosed => write!(
                f,
                "queued, position not disclosed, priority {}",
                self.priority
            ),
        }
    }
}
