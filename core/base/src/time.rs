//! Time, handed in by the rim: a monotonic instant for timers, wall clocks for keys and tokens.

use core::ops::{Add, Sub};
use core::time::Duration;

/// Seconds between 1900-01-01 and 1970-01-01 UTC.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// A monotonic instant: the time since an origin that the rim chose, microseconds of resolution or better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Instant(Duration);

impl Instant {
    /// The origin.
    pub const ORIGIN: Self = Self(Duration::ZERO);

    /// The instant `since_origin` after the origin.
    #[must_use]
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// Time since the origin.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Time since `earlier`, zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

/// Whole seconds since 1970-01-01 UTC, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The same second counted from 1900.
    #[must_use]
    pub const fn to_ntp(self) -> NtpTime {
        NtpTime {
            seconds: self.0.saturating_add(NTP_TO_UNIX),
            fraction: 0,
        }
    }
}

impl Add<Duration> for UnixTime {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }
}

impl Sub<Duration> for UnixTime {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }
}

/// Seconds since 1900-01-01 UTC, counted on beyond 2036 with 64 bits so that key periods stay
/// monotonic (TS 33.180 F.2.1), and the 32-bit fraction of the NTP format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NtpTime {
    /// Seconds since 1900.
    pub seconds: u64,
    /// Fraction of a second in units of 2^-32.
    pub fraction: u32,
}

impl NtpTime {
    /// The same second counted from 1970; zero for times before 1970.
    #[must_use]
    pub const fn to_unix(self) -> UnixTime {
        UnixTime(self.seconds.saturating_sub(NTP_TO_UNIX))
    }

    /// The 64-bit wire form: the low 32 bits of the seconds, then the fraction (RFC 5905 6).
    #[must_use]
    pub const fn wire(self) -> u64 {
        ((self.seconds & 0xFFFF_FFFF) << 32) | self.fraction as u64
    }

    /// Reads the wire form; the era is the one that puts it nearest to `reference`.
    #[must_use]
    pub fn from_wire(wire: u64, reference: Self) -> Self {
        const ERA: u64 = 1 << 32;
        let low = wire >> 32;
        let era = reference.seconds & !(ERA - 1);
        let candidates = [era.checked_sub(ERA), Some(era), era.checked_add(ERA)];
        let seconds = candidates
            .into_iter()
            .flatten()
            .map(|base| base | low)
            .min_by_key(|seconds| seconds.abs_diff(reference.seconds))
            .unwrap_or(low);
        Self {
            seconds,
            fraction: wire as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_is_in_2014() {
        let time = NtpTime {
            seconds: 3_599_719_634,
            fraction: 0,
        };
        assert_eq!(time.to_unix(), UnixTime(1_390_730_834));
        assert_eq!(UnixTime(1_390_730_834).to_ntp(), time);
    }

    #[test]
    fn the_wire_form_survives_the_change_of_era() {
        let after_2036 = NtpTime {
            seconds: (1 << 32) + 5,
            fraction: 7,
        };
        let reference = NtpTime {
            seconds: (1 << 32) - 3,
            fraction: 0,
        };
        assert_eq!(NtpTime::from_wire(after_2036.wire(), reference), after_2036);
        let before_2036 = NtpTime {
            seconds: (1 << 32) - 9,
            fraction: 0,
        };
        let later = NtpTime {
            seconds: (1 << 32) + 9,
            fraction: 0,
        };
        assert_eq!(NtpTime::from_wire(before_2036.wire(), later), before_2036);
    }
}
