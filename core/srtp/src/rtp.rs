//! RTP headers (RFC 3550 cl. 5.1).
//!
//! ```text
//! V(2) P X CC(4) | M PT(7) | sequence number 16
//! timestamp 32
//! SSRC 32
//! CC * CSRC 32
//! when X: profile 16 | length 16 in words | words
//! ```

use crate::{MAX_PACKET_OCTETS, SrtpError};

const FIXED_OCTETS: usize = 12;
const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const CSRC_COUNT: u8 = 0x0F;
const MARKER_BIT: u8 = 0x80;
const PAYLOAD_TYPE: u8 = 0x7F;

/// The fields a sender chooses for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpFields {
    /// First packet of a talk burst or after a gap.
    pub marker: bool,
    /// Payload type; the low seven bits count.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in units of the clock, 16 kHz for AMR-WB.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
}

impl RtpFields {
    /// The plain packet: a fixed header without CSRC, extension or padding, then the payload.
    #[must_use]
    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(FIXED_OCTETS + payload.len());
        let marker = if self.marker { MARKER_BIT } else { 0 };
        packet.extend([VERSION << 6, marker | (self.payload_type & PAYLOAD_TYPE)]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        packet
    }
}

/// A parsed header: the fields and how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpHeader {
    fields: RtpFields,
    padding: bool,
    csrc_count: usize,
    extension_octets: usize,
}

impl RtpHeader {
    /// Reads the fixed header, the CSRC list and the extension.
    ///
    /// # Errors
    /// [`SrtpError::PeerTooShort`], [`SrtpError::PeerTooLong`] or [`SrtpError::PeerVersion`].
    pub fn parse(packet: &[u8]) -> Result<Self, SrtpError> {
        if packet.len() > MAX_PACKET_OCTETS {
            return Err(SrtpError::PeerTooLong(packet.len()));
        }
        let too_short = |needed| SrtpError::PeerTooShort {
            needed,
            given: packet.len(),
        };
        let fixed = packet
            .first_chunk::<FIXED_OCTETS>()
            .ok_or_else(|| too_short(FIXED_OCTETS))?;
        let [first, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = *fixed;
        if first >> 6 != VERSION {
            return Err(SrtpError::PeerVersion(first >> 6));
        }
        let csrc_count = usize::from(first & CSRC_COUNT);
        let before_extension = FIXED_OCTETS + 4 * csrc_count;
        let extension_octets = match first & EXTENSION_BIT {
            0 => 0,
            _ => extension_octets(packet, before_extension)?,
        };
        if packet.len() < before_extension + extension_octets {
            return Err(too_short(before_extension + extension_octets));
        }
        Ok(Self {
            fields: RtpFields {
                marker: second & MARKER_BIT != 0,
                payload_type: second & PAYLOAD_TYPE,
                sequence: u16::from_be_bytes([s0, s1]),
                timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
                ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            },
            padding: first & PADDING_BIT != 0,
            csrc_count,
            extension_octets,
        })
    }

    /// The fields of the fixed header.
    #[must_use]
    pub const fn fields(&self) -> RtpFields {
        self.fields
    }

    /// Source of the packet.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.fields.ssrc
    }

    /// Sequence number.
    #[must_use]
    pub const fn sequence(&self) -> u16 {
        self.fields.sequence
    }

    /// Number of contributing sources.
    #[must_use]
    pub const fn csrc_count(&self) -> usize {
        self.csrc_count
    }

    /// Octets of the extension with its four-octet head, 0 without one.
    #[must_use]
    pub const fn extension_octets(&self) -> usize {
        self.extension_octets
    }

    /// Whether the padding bit is set.
    #[must_use]
    pub const fn has_padding(&self) -> bool {
        self.padding
    }

    /// Octets of the whole header: the AAD of GCM (RFC 7714 cl. 8).
    #[must_use]
    pub const fn octets(&self) -> usize {
        FIXED_OCTETS + 4 * self.csrc_count + self.extension_octets
    }

    /// The payload of the plain packet this header was read from, without padding.
    ///
    /// # Errors
    /// [`SrtpError::PeerPadding`] when the count is zero or runs past the payload.
    pub fn payload<'a>(&self, packet: &'a [u8]) -> Result<&'a [u8], SrtpError> {
        let payload = packet.get(self.octets()..).unwrap_or_default();
        if !self.padding {
            return Ok(payload);
        }
        let padding = payload.last().copied().map_or(0, usize::from);
        let error = SrtpError::PeerPadding {
            padding,
            payload: payload.len(),
        };
        if padding == 0 {
            return Err(error);
        }
        let kept = payload
            .len()
            .checked_sub(padding)
            .ok_or_else(|| error.clone())?;
        payload.get(..kept).ok_or(error)
    }
}

/// Four octets of head and the words it promises.
fn extension_octets(packet: &[u8], at: usize) -> Result<usize, SrtpError> {
    let head =
        packet
            .get(at..)
            .and_then(<[u8]>::first_chunk::<4>)
            .ok_or(SrtpError::PeerTooShort {
                needed: at + 4,
                given: packet.len(),
            })?;
    let [_, _, high, low] = *head;
    Ok(4 + 4 * usize::from(u16::from_be_bytes([high, low])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    #[test]
    fn csrc_and_extension_belong_to_the_header() {
        let octets = packet("91601016000102805566778811111111BEDE000210AB000000000000F014");
        let header = RtpHeader::parse(&octets).unwrap();
        assert_eq!(
            (
                header.csrc_count(),
                header.extension_octets(),
                header.octets()
            ),
            (1, 12, 28)
        );
        assert_eq!(header.payload(&octets).unwrap(), [0xF0, 0x14]);
    }

    #[test]
    fn every_cut_of_a_header_is_too_short() {
        let octets = packet("91601016000102805566778811111111BEDE000210AB000000000000");
        for length in 0..octets.len() {
            let error = RtpHeader::parse(&octets[..length]).unwrap_err();
            assert!(
                matches!(error, SrtpError::PeerTooShort { given, .. } if given == length),
                "{length}"
            );
        }
    }

    #[test]
    fn another_version_is_refused() {
        let mut octets = packet("80601016000102805566778811111111");
        octets[0] = 0x40;
        assert_eq!(RtpHeader::parse(&octets), Err(SrtpError::PeerVersion(1)));
    }

    #[test]
    fn a_packet_longer_than_a_datagram_is_refused() {
        let octets = vec![0x80; 65_536];
        assert_eq!(
            RtpHeader::parse(&octets),
            Err(SrtpError::PeerTooLong(65_536))
        );
    }

    #[test]
    fn padding_is_cut_and_lying_padding_refused() {
        let octets = packet("A06010180001050055667788AABB000003");
        let header = RtpHeader::parse(&octets).unwrap();
        assert_eq!(header.payload(&octets).unwrap(), [0xAA, 0xBB]);
        for lie in ["00", "06"] {
            let octets = packet(&format!("A06010180001050055667788AABB0000{lie}"));
            assert!(matches!(
                header.payload(&octets),
                Err(SrtpError::PeerPadding { .. })
            ));
        }
        let empty = packet("A06010180001050055667788");
        assert!(header.payload(&empty).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32,
            payload in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let fields = RtpFields { marker, payload_type, sequence, timestamp, ssrc };
            let octets = fields.packet(&payload);
            let header = RtpHeader::parse(&octets).unwrap();
            prop_assert_eq!(header.fields(), fields);
            prop_assert_eq!(header.payload(&octets).unwrap(), payload);
        }

        #[test]
        fn any_octets_give_a_header_inside_the_packet_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(header) = RtpHeader::parse(&octets) {
                prop_assert!(header.octets() <= octets.len());
            }
        }
    }
}
