//! Coded frames of AMR-WB (TS 26.201, RFC 4867 table 2).

use crate::payload::PayloadError;

/// The nine rates of AMR-WB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Mode {
    /// 6.60 kbit/s.
    Rate660 = 0,
    /// 8.85 kbit/s.
    Rate885 = 1,
    /// 12.65 kbit/s, the usual one of wideband telephony.
    Rate1265 = 2,
    /// 14.25 kbit/s.
    Rate1425 = 3,
    /// 15.85 kbit/s.
    Rate1585 = 4,
    /// 18.25 kbit/s.
    Rate1825 = 5,
    /// 19.85 kbit/s.
    Rate1985 = 6,
    /// 23.05 kbit/s.
    Rate2305 = 7,
    /// 23.85 kbit/s.
    Rate2385 = 8,
}

impl Mode {
    /// All modes, slowest first.
    pub const ALL: [Self; 9] = [
        Self::Rate660,
        Self::Rate885,
        Self::Rate1265,
        Self::Rate1425,
        Self::Rate1585,
        Self::Rate1825,
        Self::Rate1985,
        Self::Rate2305,
        Self::Rate2385,
    ];

    /// The mode with this number, 0 to 8.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Speech bits of a frame.
    #[must_use]
    pub const fn bits(self) -> usize {
        match self {
            Self::Rate660 => 132,
            Self::Rate885 => 177,
            Self::Rate1265 => 253,
            Self::Rate1425 => 285,
            Self::Rate1585 => 317,
            Self::Rate1825 => 365,
            Self::Rate1985 => 397,
            Self::Rate2305 => 461,
            Self::Rate2385 => 477,
        }
    }
}

/// What a frame is: the FT field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameType {
    /// Speech, FT 0 to 8.
    Speech(Mode),
    /// Comfort noise, FT 9.
    Sid,
    /// A frame known to be lost, FT 14.
    SpeechLost,
    /// Nothing was sent, FT 15.
    NoData,
}

impl FrameType {
    /// From the FT field.
    ///
    /// # Errors
    /// [`PayloadError::PeerFrameType`] for 10 to 13: the whole packet is then discarded (RFC 4867 cl. 4.3.2).
    pub fn from_number(number: u8) -> Result<Self, PayloadError> {
        match number {
            9 => Ok(Self::Sid),
            14 => Ok(Self::SpeechLost),
            15 => Ok(Self::NoData),
            other => Mode::from_number(other)
                .map(Self::Speech)
                .ok_or(PayloadError::PeerFrameType(other)),
        }
    }

    /// The FT field.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Speech(mode) => mode as u8,
            Self::Sid => 9,
            Self::SpeechLost => 14,
            Self::NoData => 15,
        }
    }

    /// Bits of the frame.
    #[must_use]
    pub const fn bits(self) -> usize {
        match self {
            Self::Speech(mode) => mode.bits(),
            Self::Sid => 40,
            Self::SpeechLost | Self::NoData => 0,
        }
    }

    /// Octets that hold the bits.
    #[must_use]
    pub const fn octets(self) -> usize {
        self.bits().div_ceil(8)
    }
}

/// The Q bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Q = 1.
    Good,
    /// Q = 0: severely damaged on the way, the decoder conceals it.
    Damaged,
}

/// A coded frame of 20 ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechFrame {
    frame_type: FrameType,
    quality: Quality,
    bits: Vec<u8>,
}

impl SpeechFrame {
    /// A frame whose bits, most significant first, fill `octets`; bits past the last one are cleared.
    ///
    /// # Errors
    /// [`PayloadError::LocalFrameLength`] when the octets are not exactly those of the type.
    pub fn new(
        frame_type: FrameType,
        quality: Quality,
        octets: &[u8],
    ) -> Result<Self, PayloadError> {
        let wanted = frame_type.octets();
        if octets.len() != wanted {
            return Err(PayloadError::LocalFrameLength {
                wanted,
                given: octets.len(),
            });
        }
        let mut bits = octets.to_vec();
        let unused = 8 * wanted - frame_type.bits();
        if let Some(last) = bits.last_mut() {
            *last = *last >> unused << unused;
        }
        Ok(Self {
            frame_type,
            quality,
            bits,
        })
    }

    /// A frame in which nothing was sent.
    #[must_use]
    pub const fn no_data() -> Self {
        Self {
            frame_type: FrameType::NoData,
            quality: Quality::Good,
            bits: Vec::new(),
        }
    }

    /// A frame that did not arrive; the decoder conceals it.
    #[must_use]
    pub const fn lost() -> Self {
        Self {
            frame_type: FrameType::SpeechLost,
            quality: Quality::Damaged,
            bits: Vec::new(),
        }
    }

    /// What it is.
    #[must_use]
    pub const fn frame_type(&self) -> FrameType {
        self.frame_type
    }

    /// The Q bit.
    #[must_use]
    pub const fn quality(&self) -> Quality {
        self.quality
    }

    /// The bits, padded with zeros to whole octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_table() {
        let octets: Vec<usize> = Mode::ALL
            .iter()
            .map(|mode| FrameType::Speech(*mode).octets())
            .collect();
        assert_eq!(octets, [17, 23, 32, 36, 40, 46, 50, 58, 60]);
        assert_eq!(FrameType::Sid.octets(), 5);
    }

    #[test]
    fn reserved_frame_types_are_refused() {
        for number in 10..=13 {
            assert_eq!(
                FrameType::from_number(number),
                Err(PayloadError::PeerFrameType(number))
            );
        }
        for number in [0, 8, 9, 14, 15] {
            assert_eq!(FrameType::from_number(number).unwrap().number(), number);
        }
    }

    #[test]
    fn a_frame_of_another_length_is_refused_and_spare_bits_are_cleared() {
        let kind = FrameType::Speech(Mode::Rate660);
        let refused = PayloadError::LocalFrameLength {
            wanted: 17,
            given: 16,
        };
        assert_eq!(
            SpeechFrame::new(kind, Quality::Good, &[0; 16]),
            Err(refused)
        );
        let frame = SpeechFrame::new(kind, Quality::Good, &[0xFF; 17]).unwrap();
        assert_eq!(frame.octets()[16], 0xF0);
    }
}
