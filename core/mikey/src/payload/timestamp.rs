//! T, the timestamp (RFC 3830 6.6).
//!
//! ```text
//! next payload(1) TS type(1) TS value(8, or 4 for a counter)
//! ```

use crate::Field;
use crate::wire::{DecodeError, Fault, Reader, Writer};
use roger_base::NtpTime;

/// TS type NTP-UTC, the only one of MCPTT (TS 33.180 cl. E.1.2).
pub const TS_NTP_UTC: u8 = 0;
/// TS type NTP, local time; not allowed.
pub const TS_NTP: u8 = 1;
/// TS type COUNTER, 4 octets; not allowed.
pub const TS_COUNTER: u8 = 2;

/// T as it stands on the wire; an era is chosen only when the time now is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timestamp {
    /// NTP-UTC: 32-bit seconds since 1900 modulo 2^32, then the fraction.
    NtpUtc(u64),
    /// NTP in local time.
    Ntp(u64),
    /// A counter.
    Counter(u32),
}

impl Timestamp {
    /// NTP-UTC for a time.
    #[must_use]
    pub const fn new(time: NtpTime) -> Self {
        Self::NtpUtc(time.wire())
    }

    /// Its number in the field TS type.
    #[must_use]
    pub const fn ts_type(self) -> u8 {
        match self {
            Self::NtpUtc(_) => TS_NTP_UTC,
            Self::Ntp(_) => TS_NTP,
            Self::Counter(_) => TS_COUNTER,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        match reader.u8(Field::TimestampType)? {
            TS_NTP_UTC => reader
                .array(Field::TimestampValue)
                .map(u64::from_be_bytes)
                .map(Self::NtpUtc),
            TS_NTP => reader
                .array(Field::TimestampValue)
                .map(u64::from_be_bytes)
                .map(Self::Ntp),
            TS_COUNTER => reader.u32(Field::TimestampValue).map(Self::Counter),
            other => Err(reader.error_before(1, Fault::TimestampType(other))),
        }
    }

    pub(crate) fn write(self, writer: &mut Writer) {
        writer.u8(self.ts_type());
        match self {
            Self::NtpUtc(value) | Self::Ntp(value) => writer.octets(&value.to_be_bytes()),
            Self::Counter(value) => writer.u32(value),
        }
    }
}
