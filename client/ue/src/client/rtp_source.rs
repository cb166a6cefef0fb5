//! The RTP stream that a UE sends in a call (RFC 3550, RFC 4867).

use roger_base::{Random, RandomError};
use roger_srtp::RtpFields;

/// Step of the timestamp: 20 ms at 16 kHz (RFC 4867 cl. 4.1).
const TIMESTAMP_STEP: u32 = 320;

/// The RTP stream that this UE sends in a call. SSRC and first numbers are random, and never those of another
/// session under the same key (TS 33.180 cl. 7.5.1).
pub(super) struct RtpSource {
    pub(super) ssrc: u32,
    sequence: u16,
    timestamp: u32,
    payload_type: u8,
    pub(super) marker: bool,
}

impl RtpSource {
    pub(super) fn random(payload_type: u8, random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut octets = [0; 10];
        random.fill(&mut octets)?;
        let [a, b, c, d, e, f, g, h, i, j] = octets;
        Ok(Self {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            // Below 2^15, so that the ROC stays 0 for ten minutes (RFC 3711 cl. 3.3.1).
            sequence: u16::from_be_bytes([e & 0x7F, f]),
            timestamp: u32::from_be_bytes([g, h, i, j]),
            payload_type,
            marker: true,
        })
    }

    pub(super) fn next(&mut self, payload: &[u8]) -> Vec<u8> {
        let fields = RtpFields {
            marker: self.marker,
            payload_type: self.payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.marker = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(TIMESTAMP_STEP);
        fields.packet(payload)
    }
}
