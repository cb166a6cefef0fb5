//! The kind of call.

use super::value::{FieldValue, exactly};
use crate::Error;
use crate::error::FieldProblem;
use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// Floor Indicator, field 13: bits about the call, not about the talker (TS 24.380 cl. 8.2.3.15).
///
/// ```text
/// +----------------+----------------+-+-+-+-+-+-+-+-+-+---------------+
/// |  ID = 13       |  Length = 2    |A|B|C|D|E|F|G|H|I|   spare, 0    |
/// +----------------+----------------+-+-+-+-+-+-+-+-+-+---------------+
/// ```
/// Spare bits are kept as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FloorIndicator(u16);

impl FloorIndicator {
    /// A: normal call.
    pub const NORMAL_CALL: Self = Self(0x8000);
    /// B: broadcast group call.
    pub const BROADCAST_GROUP_CALL: Self = Self(0x4000);
    /// C: system call.
    pub const SYSTEM_CALL: Self = Self(0x2000);
    /// D: emergency call.
    pub const EMERGENCY_CALL: Self = Self(0x1000);
    /// E: imminent peril call.
    pub const IMMINENT_PERIL_CALL: Self = Self(0x0800);
    /// F: queueing supported.
    pub const QUEUEING_SUPPORTED: Self = Self(0x0400);
    /// G: dual floor.
    pub const DUAL_FLOOR: Self = Self(0x0200);
    /// H: temporary group call.
    pub const TEMPORARY_GROUP_CALL: Self = Self(0x0100);
    /// I: multi-talker.
    pub const MULTI_TALKER: Self = Self(0x0080);

    const NAMES: [(Self, &'static str); 9] = [
        (Self::NORMAL_CALL, "normal call"),
        (Self::BROADCAST_GROUP_CALL, "broadcast group call"),
        (Self::SYSTEM_CALL, "system call"),
        (Self::EMERGENCY_CALL, "emergency call"),
        (Self::IMMINENT_PERIL_CALL, "imminent peril call"),
        (Self::QUEUEING_SUPPORTED, "queueing supported"),
        (Self::DUAL_FLOOR, "dual floor"),
        (Self::TEMPORARY_GROUP_CALL, "temporary group call"),
        (Self::MULTI_TALKER, "multi-talker"),
    ];

    /// The 16 bits as received.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The 16 bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for FloorIndicator {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for FloorIndicator {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl FieldValue for FloorIndicator {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        exactly(value).map(u16::from_be_bytes).map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(())
    }
}

impl fmt::Display for FloorIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)?;
        let set = Self::NAMES.iter().filter(|(bit, _)| self.contains(*bit));
        set.enumerate().try_for_each(|(index, (_, name))| {
            write!(f, "{} {name}", if index == 0 { ":" } else { "," })
        })
    }
}
