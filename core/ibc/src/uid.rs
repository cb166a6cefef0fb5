//! UID generation, `UserIdFormat` 2 (TS 33.180 cl. F.2.1, TS 33.179 cl. F.2.1).

use crate::hash::sha256;
use core::fmt;
use roger_base::{KmsUri, NtpTime};
use thiserror::Error;

/// P0 of the UID (TS 33.180 cl. F.2.1).
const UID_STRING: &[u8] = b"MIKEY-SAKKE-UID";

/// The first octet of the hash input; the KDF of TS 33.220 is not used, but its FC has a place.
const DUMMY_FC: u8 = 0x00;

/// A UID: 32 octets, the identifier of ECCSI and SAKKE, used raw.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(pub [u8; 32]);

impl Uid {
    /// The octets.
    #[must_use]
    pub const fn as_octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl AsRef<[u8]> for Uid {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uid({self})")
    }
}

/// Why two numbers are not a key period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyPeriodError {
    /// A period of no seconds.
    #[error("UserKeyPeriod must not be zero")]
    Zero,
    /// The offset must be less than the period (TS 33.180 cl. F.2.1).
    #[error("UserKeyOffset {offset} is not below UserKeyPeriod {period}")]
    OffsetNotBelowPeriod {
        /// Seconds of the offset.
        offset: u64,
        /// Seconds of the period.
        period: u64,
    },
}

/// `UserKeyPeriod` and `UserKeyOffset` of a KMS certificate, in seconds since 1900.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyPeriod {
    period_secs: u64,
    offset_secs: u64,
}

impl KeyPeriod {
    /// Takes both numbers after checking them.
    ///
    /// # Errors
    /// [`KeyPeriodError`] when the period is zero or the offset is not below it.
    pub const fn new(period_secs: u64, offset_secs: u64) -> Result<Self, KeyPeriodError> {
        if period_secs == 0 {
            return Err(KeyPeriodError::Zero);
        }
        if offset_secs >= period_secs {
            return Err(KeyPeriodError::OffsetNotBelowPeriod {
                offset: offset_secs,
                period: period_secs,
            });
        }
        Ok(Self {
            period_secs,
            offset_secs,
        })
    }

    /// `UserKeyPeriod`.
    #[must_use]
    pub const fn period_secs(self) -> u64 {
        self.period_secs
    }

    /// `UserKeyOffset`.
    #[must_use]
    pub const fn offset_secs(self) -> u64 {
        self.offset_secs
    }

    /// The number of the key period that holds `time`: floor((TIME - offset) / period), 0 before the first one.
    #[must_use]
    pub const fn number_at(self, time: NtpTime) -> u64 {
        time.seconds.saturating_sub(self.offset_secs) / self.period_secs
    }

    /// The first second of a key period; the period ends where the next one starts.
    #[must_use]
    pub const fn start_of(self, number: u64) -> NtpTime {
        let start = number.saturating_mul(self.period_secs);
        NtpTime {
            seconds: start.saturating_add(self.offset_secs),
            fraction: 0,
        }
    }
}

/// The UID of an identity under a KMS in a key period (TS 33.180 cl. F.2.1).
///
/// The identity is hashed octet by octet as written in `IDRi` or `IDRr`: no case folding, no scheme stripping.
/// Its length has 16 bits on the wire; a longer identity gets the largest length, which no legal identity has
/// with the same octets, so it never shares the UID of one.
#[must_use]
pub fn uid(identity: &str, kms_uri: &KmsUri, key_period: KeyPeriod, number: u64) -> Uid {
    let parameters = [
        UID_STRING,
        identity.as_bytes(),
        kms_uri.as_str().as_bytes(),
        &minimal_octets(key_period.period_secs),
        &minimal_octets(key_period.offset_secs),
        &minimal_octets(number),
    ];
    let mut input = vec![DUMMY_FC];
    for parameter in parameters {
        let length = u16::try_from(parameter.len()).unwrap_or(u16::MAX);
        input.extend_from_slice(parameter);
        input.extend_from_slice(&length.to_be_bytes());
    }
    Uid(sha256(&[&input]))
}

/// Big endian without leading zeros; zero is one octet (TS 33.220 cl. B.2.1.2).
fn minimal_octets(number: u64) -> Vec<u8> {
    let octets = number.to_be_bytes();
    let leading = (number.leading_zeros() / 8).min(7) as usize;
    octets.into_iter().skip(leading).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_leading_zeros_but_zero_has_an_octet() {
        assert_eq!(minimal_octets(0), [0]);
        assert_eq!(minimal_octets(255), [255]);
        assert_eq!(minimal_octets(256), [1, 0]);
        assert_eq!(minimal_octets(u64::MAX), [255; 8]);
    }

    #[test]
    fn a_period_holds_its_first_second_and_not_that_of_the_next() {
        let period = KeyPeriod::new(2_592_000, 86_400).unwrap();
        for number in [0, 1, 1388, 1536, 5000] {
            let start = period.start_of(number);
            assert_eq!(period.number_at(start), number);
            let end = period.start_of(number + 1).seconds - 1;
            let last = NtpTime {
                seconds: end,
                fraction: u32::MAX,
            };
            assert_eq!(period.number_at(last), number);
        }
    }

    #[test]
    fn times_before_the_first_period_and_numbers_without_end_do_not_overflow() {
        let period = KeyPeriod::new(100, 99).unwrap();
        let early = NtpTime {
            seconds: 5,
            fraction: 0,
        };
        assert_eq!(period.number_at(early), 0);
        assert_eq!(period.start_of(u64::MAX).seconds, u64::MAX);
    }

    #[test]
    fn a_period_must_be_longer_than_its_offset() {
        assert_eq!(KeyPeriod::new(0, 0), Err(KeyPeriodError::Zero));
        assert!(KeyPeriod::new(10, 10).is_err());
        assert!(KeyPeriod::new(10, 9).is_ok());
    }
}
