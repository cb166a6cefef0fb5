//! Packet indices and the estimate of the rollover counter (RFC 3711 cl. 3.3.1).

use core::fmt;

const HALF: u16 = 1 << 15;

/// The 48-bit index of an SRTP packet: ROC * 2^16 + SEQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RtpIndex(u64);

impl RtpIndex {
    /// The last index of a stream.
    pub const LAST: Self = Self((1 << 48) - 1);

    /// From its parts.
    #[must_use]
    pub const fn new(roc: u32, sequence: u16) -> Self {
        Self(((roc as u64) << 16) | sequence as u64)
    }

    /// The rollover counter.
    #[must_use]
    pub const fn roc(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The sequence number.
    #[must_use]
    pub const fn sequence(self) -> u16 {
        self.0 as u16
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number & Self::LAST.0)
    }

    /// The index nearest to this one, the highest so far, that has this sequence number.
    /// It never goes below ROC 0 or above the last ROC.
    #[must_use]
    pub const fn estimate(self, sequence: u16) -> Self {
        let roc = self.roc();
        let last = self.sequence();
        let guess = if last < HALF && sequence.saturating_sub(last) > HALF {
            roc.saturating_sub(1)
        } else if last >= HALF && last - HALF > sequence {
            roc.saturating_add(1)
        } else {
            roc
        };
        Self::new(guess, sequence)
    }

    /// The index of the next packet of a sender: less than half a round ahead.
    /// `None` when the sequence number does not move forward or the counter is at its end.
    pub(crate) const fn advance(self, sequence: u16) -> Option<Self> {
        let step = sequence.wrapping_sub(self.sequence());
        if step == 0 || step >= HALF {
            return None;
        }
        let next = self.0 + step as u64;
        if next > Self::LAST.0 {
            None
        } else {
            Some(Self(next))
        }
    }

    /// True when the step forward runs past the last index.
    pub(crate) const fn is_exhausted_by(self, sequence: u16) -> bool {
        let step = sequence.wrapping_sub(self.sequence());
        step != 0 && step < HALF && self.0 + step as u64 > Self::LAST.0
    }
}

impl fmt::Display for RtpIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ROC {} SEQ {}", self.roc(), self.sequence())
    }
}

/// The 31-bit index of an SRTCP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RtcpIndex(u32);

impl RtcpIndex {
    /// The first one sent. RFC 3711 cl. 3.4 says 0, the common library sends 1; receivers take both.
    pub const FIRST: Self = Self(1);
    /// The last usable one.
    pub const LAST: Self = Self((1 << 31) - 1);

    /// `None` past 31 bits.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number > Self::LAST.0 {
            None
        } else {
            Some(Self(number))
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(crate) const fn next(self) -> Option<Self> {
        Self::new(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_wrap_raises_the_roc_and_a_late_packet_lowers_it_again() {
        let before = RtpIndex::new(0, 65_535);
        assert_eq!(before.estimate(0), RtpIndex::new(1, 0));
        assert_eq!(
            RtpIndex::new(1, 0).estimate(65_534),
            RtpIndex::new(0, 65_534)
        );
        assert_eq!(RtpIndex::new(1, 0).estimate(1), RtpIndex::new(1, 1));
    }

    #[test]
    fn there_is_no_roc_before_zero_nor_after_the_last() {
        assert_eq!(
            RtpIndex::new(0, 5).estimate(65_530),
            RtpIndex::new(0, 65_530)
        );
        assert_eq!(
            RtpIndex::new(u32::MAX, 65_530).estimate(5),
            RtpIndex::new(u32::MAX, 5)
        );
    }

    #[test]
    fn a_sender_stops_at_the_last_index() {
        let last = RtpIndex::new(u32::MAX, 65_535);
        assert_eq!(last, RtpIndex::LAST);
        assert_eq!(last.advance(0), None);
        assert!(last.is_exhausted_by(0));
        assert!(!RtpIndex::new(0, 9).is_exhausted_by(9));
    }

    #[test]
    fn srtcp_indices_have_31_bits() {
        assert_eq!(RtcpIndex::LAST.next(), None);
        assert_eq!(RtcpIndex::new(1 << 31), None);
        assert_eq!(RtcpIndex::FIRST.next().map(RtcpIndex::get), Some(2));
    }

    proptest! {
        /// Model: the estimate is the candidate nearest to the highest index, while ROC > 0.
        #[test]
        fn the_estimate_is_the_nearest_index(highest in 1u64 << 16..1 << 40, offset in -32_767i64..32_767) {
            let truth = RtpIndex::from_number(highest.checked_add_signed(offset).unwrap());
            let estimate = RtpIndex::from_number(highest).estimate(truth.sequence());
            prop_assert_eq!(estimate, truth);
        }
    }
}
