//! The RTP payload of AMR-WB (RFC 4867 cl. 4.3, 4.4).
//!
//! ```text
//! bandwidth-efficient  CMR(4) | F(1) FT(4) Q(1) per frame | bits of each frame | zero bits to the octet
//! octet-aligned        CMR(4) 0000 | F(1) FT(4) Q(1) 00 per frame | octets of each frame
//! ```

use crate::{FrameType, Mode, Quality, SpeechFrame};
use thiserror::Error;

/// Frames taken from one packet: `maxptime` 240 ms (TS 26.114 cl. 6.2.2).
pub const MAX_FRAMES_PER_PACKET: usize = 12;

/// CMR 15: no mode is asked for.
const NO_REQUEST: u8 = 15;

/// The two payload formats; SDP says which (`octet-align=1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadFormat {
    /// The default without `octet-align`.
    BandwidthEfficient,
    /// `octet-align=1`.
    OctetAligned,
}

/// Why a payload was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload ends before what its table of contents promises.
    #[error("AMR-WB payload of {given} octets is too short")]
    PeerTooShort {
        /// Octets of the payload.
        given: usize,
    },
    /// Octets are left after the last frame.
    #[error("AMR-WB payload has {0} octets too many")]
    PeerTooLong(usize),
    /// Frame types 10 to 13 are reserved; the packet is discarded.
    #[error("reserved AMR-WB frame type {0}")]
    PeerFrameType(u8),
    /// More frames than `maxptime` allows.
    #[error("AMR-WB payload with more than {MAX_FRAMES_PER_PACKET} frames")]
    PeerTooManyFrames,
    /// A payload to send needs 1 to 12 frames.
    #[error("an AMR-WB payload has 1 to {MAX_FRAMES_PER_PACKET} frames, not {0}")]
    LocalFrameCount(usize),
    /// A frame was given another number of octets than its type has.
    #[error("an AMR-WB frame of this type has {wanted} octets, {given} given")]
    LocalFrameLength {
        /// Octets of the type.
        wanted: usize,
        /// Octets given.
        given: usize,
    },
}

/// A payload: the mode asked of the peer, and frames in the order of time, 20 ms apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The mode the sender would like to receive; reserved values count as none.
    pub mode_request: Option<Mode>,
    /// The frames.
    pub frames: Vec<SpeechFrame>,
}

impl Payload {
    /// One frame and no mode request: the usual packet.
    #[must_use]
    pub fn of_frame(frame: SpeechFrame) -> Self {
        Self {
            mode_request: None,
            frames: vec![frame],
        }
    }

    /// The octets after the RTP header.
    ///
    /// # Errors
    /// [`PayloadError::LocalFrameCount`] without a frame or with more than twelve.
    pub fn pack(&self, format: PayloadFormat) -> Result<Vec<u8>, PayloadError> {
        if self.frames.is_empty() || self.frames.len() > MAX_FRAMES_PER_PACKET {
            return Err(PayloadError::LocalFrameCount(self.frames.len()));
        }
        Ok(match format {
            PayloadFormat::BandwidthEfficient => self.pack_bits(),
            PayloadFormat::OctetAligned => self.pack_octets(),
        })
    }

    fn mode_request_number(&self) -> u8 {
        self.mode_request.map_or(NO_REQUEST, |mode| mode as u8)
    }

    /// Six bits for each frame: F, FT, Q.
    fn table_of_contents(&self) -> impl Iterator<Item = u8> + '_ {
        let last = self.frames.len().saturating_sub(1);
        self.frames.iter().enumerate().map(move |(at, frame)| {
            let more = u8::from(at < last) << 5;
            let quality = u8::from(frame.quality() == Quality::Good);
            more | (frame.frame_type().number() << 1) | quality
        })
    }

    fn pack_octets(&self) -> Vec<u8> {
        let mut out = vec![self.mode_request_number() << 4];
        out.extend(self.table_of_contents().map(|entry| entry << 2));
        self.frames
            .iter()
            .for_each(|frame| out.extend(frame.octets()));
        out
    }

    fn pack_bits(&self) -> Vec<u8> {
        let mut out = BitWriter::default();
        out.push(self.mode_request_number(), 4);
        self.table_of_contents()
            .for_each(|entry| out.push(entry, 6));
        for frame in &self.frames {
            let mut left = frame.frame_type().bits();
            for octet in frame.octets() {
                let count = left.min(8);
                out.push(octet >> (8 - count), count);
                left -= count;
            }
        }
        out.octets
    }

    /// Reads the octets after the RTP header.
    ///
    /// # Errors
    /// A `Peer…` error of [`PayloadError`]; the packet is then discarded as a whole.
    pub fn unpack(octets: &[u8], format: PayloadFormat) -> Result<Self, PayloadError> {
        match format {
            PayloadFormat::BandwidthEfficient => Self::unpack_bits(octets),
            PayloadFormat::OctetAligned => Self::unpack_octets(octets),
        }
    }

    fn unpack_octets(octets: &[u8]) -> Result<Self, PayloadError> {
        let too_short = PayloadError::PeerTooShort {
            given: octets.len(),
        };
        let (first, mut rest) = octets.split_first().ok_or(too_short)?;
        let mut entries = Vec::new();
        loop {
            let (entry, after) = rest.split_first().ok_or(too_short)?;
            rest = after;
            entries.push(Entry::read(entry >> 2)?);
            if entry & 0x80 == 0 {
                break;
            }
            if entries.len() == MAX_FRAMES_PER_PACKET {
                return Err(PayloadError::PeerTooManyFrames);
            }
        }
        let mut frames = Vec::with_capacity(entries.len());
        for entry in entries {
            let (speech, after) = rest
                .split_at_checked(entry.kind.octets())
                .ok_or(too_short)?;
            rest = after;
            frames.push(SpeechFrame::new(entry.kind, entry.quality, speech)?);
        }
        if !rest.is_empty() {
            return Err(PayloadError::PeerTooLong(rest.len()));
        }
        Ok(Self {
            mode_request: Mode::from_number(first >> 4),
            frames,
        })
    }

    fn unpack_bits(octets: &[u8]) -> Result<Self, PayloadError> {
        let too_short = PayloadError::PeerTooShort {
            given: octets.len(),
        };
        let mut reader = BitReader { octets, at: 0 };
        let request = reader.take(4).ok_or(too_short)?;
        let mut entries = Vec::new();
        loop {
            let entry = reader.take(6).ok_or(too_short)?;
            entries.push(Entry::read(entry)?);
            if entry & 0x20 == 0 {
                break;
            }
            if entries.len() == MAX_FRAMES_PER_PACKET {
                return Err(PayloadError::PeerTooManyFrames);
            }
        }
        let mut frames = Vec::with_capacity(entries.len());
        for entry in entries {
            let speech = reader.take_octets(entry.kind.bits()).ok_or(too_short)?;
            frames.push(SpeechFrame::new(entry.kind, entry.quality, &speech)?);
        }
        let unread = octets.len() - reader.at.div_ceil(8);
        if unread > 0 {
            return Err(PayloadError::PeerTooLong(unread));
        }
        Ok(Self {
            mode_request: Mode::from_number(request),
            frames,
        })
    }
}

/// One entry of the table of contents.
struct Entry {
    kind: FrameType,
    quality: Quality,
}

impl Entry {
    /// From F(1) FT(4) Q(1).
    fn read(bits: u8) -> Result<Self, PayloadError> {
        let quality = if bits & 1 == 1 {
            Quality::Good
        } else {
            Quality::Damaged
        };
        Ok(Self {
            kind: FrameType::from_number((bits >> 1) & 0x0F)?,
            quality,
        })
    }
}

#[derive(Default)]
struct BitWriter {
    octets: Vec<u8>,
    used: usize,
}

impl BitWriter {
    /// Appends the `count` low bits of `value`.
    fn push(&mut self, value: u8, count: usize) {
        for shift in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.octets.push(0);
            }
            let bit = (value >> shift) & 1;
            if let Some(last) = self.octets.last_mut() {
                *last |= bit << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }
}

struct BitReader<'a> {
    octets: &'a [u8],
    /// Bits read.
    at: usize,
}

impl BitReader<'_> {
    /// The next `count` bits, at most eight.
    fn take(&mut self, count: usize) -> Option<u8> {
        let mut value = 0;
        for _ in 0..count {
            let octet = self.octets.get(self.at / 8)?;
            value = (value << 1) | ((octet >> (7 - self.at % 8)) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// The next `bits` bits, most significant first, padded to whole octets.
    fn take_octets(&mut self, bits: usize) -> Option<Vec<u8>> {
        if self.at + bits > 8 * self.octets.len() {
            return None;
        }
        let mut out = Vec::with_capacity(bits.div_ceil(8));
        let mut left = bits;
        while left > 0 {
            let count = left.min(8);
            out.push(self.take(count)? << (8 - count));
            left -= count;
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMATS: [PayloadFormat; 2] = [
        PayloadFormat::BandwidthEfficient,
        PayloadFormat::OctetAligned,
    ];

    fn all_types() -> Vec<FrameType> {
        (0..=9)
            .chain(14..=15)
            .map(|number| FrameType::from_number(number).unwrap())
            .collect()
    }

    fn frame(kind: FrameType, fill: u8) -> SpeechFrame {
        SpeechFrame::new(kind, Quality::Good, &vec![fill; kind.octets()]).unwrap()
    }

    #[test]
    fn sizes_are_those_of_the_table() {
        let aligned = [19, 25, 34, 38, 42, 48, 52, 60, 62, 7, 2, 2];
        let efficient = [18, 24, 33, 37, 41, 47, 51, 59, 61, 7, 2, 2];
        for ((kind, aligned), efficient) in all_types().into_iter().zip(aligned).zip(efficient) {
            let payload = Payload::of_frame(frame(kind, 0xA5));
            assert_eq!(
                payload.pack(PayloadFormat::OctetAligned).unwrap().len(),
                aligned,
                "{kind:?}"
            );
            assert_eq!(
                payload
                    .pack(PayloadFormat::BandwidthEfficient)
                    .unwrap()
                    .len(),
                efficient,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn the_first_octets_are_those_of_the_digest() {
        let payload = Payload::of_frame(frame(FrameType::Speech(Mode::Rate1265), 0));
        assert_eq!(
            payload.pack(PayloadFormat::OctetAligned).unwrap()[..2],
            [0xF0, 0x14]
        );
        assert_eq!(
            payload.pack(PayloadFormat::BandwidthEfficient).unwrap()[..2],
            [0xF1, 0x40]
        );
    }

    #[test]
    fn every_frame_type_survives_both_formats() {
        for kind in all_types() {
            for format in FORMATS {
                let payload = Payload {
                    mode_request: Some(Mode::Rate885),
                    frames: vec![frame(kind, 0x5B); 3],
                };
                let packed = payload.pack(format).unwrap();
                assert_eq!(
                    Payload::unpack(&packed, format),
                    Ok(payload.clone()),
                    "{kind:?} {format:?}"
                );
            }
        }
    }

    #[test]
    fn every_cut_is_too_short_and_more_is_too_long() {
        for format in FORMATS {
            let payload = Payload {
                mode_request: None,
                frames: vec![frame(FrameType::Speech(Mode::Rate660), 9); 2],
            };
            let mut packed = payload.pack(format).unwrap();
            for length in 0..packed.len() {
                let short = PayloadError::PeerTooShort { given: length };
                assert_eq!(
                    Payload::unpack(&packed[..length], format),
                    Err(short),
                    "{format:?}"
                );
            }
            packed.push(0);
            assert_eq!(
                Payload::unpack(&packed, format),
                Err(PayloadError::PeerTooLong(1)),
                "{format:?}"
            );
        }
    }

    #[test]
    fn reserved_frame_types_and_endless_tables_are_refused() {
        assert_eq!(
            Payload::unpack(&[0xF0, 10 << 3], PayloadFormat::OctetAligned),
            Err(PayloadError::PeerFrameType(10))
        );
        assert_eq!(
            Payload::unpack(
                &[0xF0 | 0b0110, 0b1100_0000],
                PayloadFormat::BandwidthEfficient
            ),
            Err(PayloadError::PeerFrameType(13))
        );
        let endless = [[0xF0].as_slice(), &[0x80 | (15 << 3) | 4; 300]].concat();
        assert_eq!(
            Payload::unpack(&endless, PayloadFormat::OctetAligned),
            Err(PayloadError::PeerTooManyFrames)
        );
        assert_eq!(
            Payload::unpack(&[0xFF; 300], PayloadFormat::BandwidthEfficient),
            Err(PayloadError::PeerTooManyFrames)
        );
    }

    #[test]
    fn a_payload_to_send_needs_one_to_twelve_frames() {
        for count in [0, 13] {
            let payload = Payload {
                mode_request: None,
                frames: vec![SpeechFrame::no_data(); count],
            };
            assert_eq!(
                payload.pack(PayloadFormat::OctetAligned),
                Err(PayloadError::LocalFrameCount(count))
            );
        }
    }

    #[test]
    fn reserved_mode_requests_are_ignored() {
        for request in 9..=15u8 {
            let payload =
                Payload::unpack(&[request << 4, (15 << 3) | 4], PayloadFormat::OctetAligned)
                    .unwrap();
            assert_eq!(payload.mode_request, None);
        }
    }

    fn any_frame() -> impl Strategy<Value = SpeechFrame> {
        (
            prop::sample::select(all_types()),
            any::<bool>(),
            prop::collection::vec(any::<u8>(), 60),
        )
            .prop_map(|(kind, good, octets)| {
                let quality = if good {
                    Quality::Good
                } else {
                    Quality::Damaged
                };
                SpeechFrame::new(kind, quality, &octets[..kind.octets()]).unwrap()
            })
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            frames in prop::collection::vec(any_frame(), 1..=MAX_FRAMES_PER_PACKET),
            request in prop::option::of(prop::sample::select(Mode::ALL.to_vec())),
            aligned: bool,
        ) {
            let format = FORMATS[usize::from(aligned)];
            let payload = Payload { mode_request: request, frames };
            prop_assert_eq!(Payload::unpack(&payload.pack(format).unwrap(), format), Ok(payload));
        }

        #[test]
        fn noise_gives_a_payload_that_packs_again_or_an_error(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            for format in FORMATS {
                if let Ok(payload) = Payload::unpack(&noise, format) {
                    let packed = payload.pack(format).unwrap();
                    prop_assert_eq!(packed.len(), noise.len());
                    prop_assert_eq!(Payload::unpack(&packed, format), Ok(payload));
                }
            }
        }
    }
}
