//! The RTP stream of a talker: SSRC, sequence numbers and timestamps (RFC 3550 cl. 5.1).

use crate::RtpFields;
use roger_base::{Random, RandomError};

/// First sequence numbers lie below this, so that the ROC stays 0 for the first ten minutes and a late joiner
/// without a ROC in the packets guesses right (RFC 3711 cl. 3.3.1).
const FIRST_SEQUENCE_LIMIT: u16 = 1 << 15;

/// Numbers the packets of one source.
///
/// Sequence numbers go on from burst to burst while the SSRC is kept; the marker bit is set on the first packet of
/// a burst and after a pause.
#[derive(Debug, Clone)]
pub struct RtpStream {
    next: RtpFields,
}

impl RtpStream {
    /// A stream with a random SSRC, a random sequence number below 2^15 and a random timestamp.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn new(payload_type: u8, random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut octets = [0; 4];
        random.fill(&mut octets)?;
        Self::with_ssrc(payload_type, u32::from_be_bytes(octets), random)
    }

    /// As [`Self::new`] with an SSRC that the floor server assigned. Use one only when this sender never used it
    /// under its key, see [`crate::SenderContext::last_rtp_index`] (TS 33.180 cl. 7.5.1).
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn with_ssrc(
        payload_type: u8,
        ssrc: u32,
        random: &mut dyn Random,
    ) -> Result<Self, RandomError> {
        let mut octets = [0; 6];
        random.fill(&mut octets)?;
        let [a, b, c, d, e, f] = octets;
        let sequence = u16::from_be_bytes([a, b]) % FIRST_SEQUENCE_LIMIT;
        let timestamp = u32::from_be_bytes([c, d, e, f]);
        Ok(Self {
            next: RtpFields {
                marker: true,
                payload_type,
                sequence,
                timestamp,
                ssrc,
            },
        })
    }

    /// The source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.next.ssrc
    }

    /// Nothing was sent for `samples` units of the clock: a new burst, or a pause of the voice. The next packet has
    /// the marker bit.
    pub const fn pause(&mut self, samples: u32) {
        self.next.timestamp = self.next.timestamp.wrapping_add(samples);
        self.next.marker = true;
    }

    /// The next plain packet; its payload lasts `samples` units of the clock, 320 for one AMR-WB frame.
    pub fn packet(&mut self, payload: &[u8], samples: u32) -> Vec<u8> {
        let packet = self.next.packet(payload);
        self.next.marker = false;
        self.next.sequence = self.next.sequence.wrapping_add(1);
        self.next.timestamp = self.next.timestamp.wrapping_add(samples);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RtpHeader;
    use roger_testkit::SeededRandom;

    fn fields(packet: &[u8]) -> RtpFields {
        RtpHeader::parse(packet).unwrap().fields()
    }

    #[test]
    fn sequence_goes_on_and_the_marker_begins_each_burst() {
        let mut stream = RtpStream::new(96, &mut SeededRandom::new(1)).unwrap();
        let first = fields(&stream.packet(&[1], 320));
        let second = fields(&stream.packet(&[2], 320));
        stream.pause(16_000);
        let third = fields(&stream.packet(&[3], 320));
        assert_eq!(
            (first.marker, second.marker, third.marker),
            (true, false, true)
        );
        assert_eq!(third.sequence, first.sequence.wrapping_add(2));
        assert_eq!(
            third.timestamp.wrapping_sub(first.timestamp),
            2 * 320 + 16_000
        );
        assert_eq!((first.ssrc, third.ssrc), (stream.ssrc(), stream.ssrc()));
    }

    #[test]
    fn streams_differ_and_start_in_the_lower_half() {
        let mut random = SeededRandom::new(2);
        let streams: Vec<RtpStream> = (0..200)
            .map(|_| RtpStream::new(96, &mut random).unwrap())
            .collect();
        assert!(streams.iter().all(|stream| stream.next.sequence < 1 << 15));
        let ssrcs: std::collections::HashSet<u32> = streams.iter().map(RtpStream::ssrc).collect();
        assert_eq!(ssrcs.len(), 200);
        assert_eq!(
            RtpStream::with_ssrc(96, 77, &mut random).unwrap().ssrc(),
            77
        );
    }
}
