//! What the servers look at in a packet, without any key.

use crate::{Discard, MAX_PACKET_OCTETS};
use roger_srtp::RtpHeader;

/// RTCP packet types on an RTP port (RFC 5761 cl. 4).
const RTCP_TYPES: core::ops::RangeInclusive<u8> = 192..=223;
const APP: u8 = 204;
/// Applications of MCPTT (TS 24.380 cl. 8.2, 8.3, 8.4).
const NAMES: [&[u8; 4]; 3] = [b"MCPT", b"MCPC", b"MCMC"];

/// The SSRC of an RTP packet.
pub(crate) fn rtp_ssrc(octets: &[u8]) -> Result<u32, Discard> {
    if octets.len() > MAX_PACKET_OCTETS {
        return Err(Discard::PeerTooLong(octets.len()));
    }
    let header = RtpHeader::parse(octets).map_err(Discard::PeerNotRtp)?;
    if octets.get(1).is_some_and(|kind| RTCP_TYPES.contains(kind)) {
        return Err(Discard::PeerRtcpOnRtpPort);
    }
    Ok(header.ssrc())
}

/// Checks that these are whole RTCP APP packets, the first one of MCPTT; gives the SSRC of the first.
///
/// ```text
/// V=2 P subtype | PT 204 | length in words - 1 | SSRC | name | data
/// ```
pub(crate) fn floor_ssrc(octets: &[u8]) -> Result<u32, Discard> {
    if octets.len() > MAX_PACKET_OCTETS {
        return Err(Discard::PeerTooLong(octets.len()));
    }
    let head = octets
        .first_chunk::<12>()
        .ok_or(Discard::PeerNotFloorMessage)?;
    let [first, kind, high, low, a, b, c, d, name @ ..] = head;
    let length = 4 * (usize::from(u16::from_be_bytes([*high, *low])) + 1);
    let whole = length >= 12 && length <= octets.len() && octets.len().is_multiple_of(4);
    if first >> 6 != 2 || *kind != APP || !NAMES.contains(&name) || !whole {
        return Err(Discard::PeerNotFloorMessage);
    }
    Ok(u32::from_be_bytes([*a, *b, *c, *d]))
}

/// The same packet with another SSRC in its header.
pub(crate) fn with_ssrc(octets: &[u8], ssrc: u32) -> Vec<u8> {
    let mut out = octets.to_vec();
    out.iter_mut()
        .skip(4)
        .zip(ssrc.to_be_bytes())
        .for_each(|(to, from)| *to = from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message() -> Vec<u8> {
        [
            &[0x80, 204, 0, 3, 1, 2, 3, 4],
            b"MCPT".as_slice(),
            &[0, 2, 0, 0],
        ]
        .concat()
    }

    #[test]
    fn a_floor_message_gives_its_ssrc() {
        assert_eq!(floor_ssrc(&message()), Ok(0x0102_0304));
        assert_eq!(floor_ssrc(&with_ssrc(&message(), 9)), Ok(9));
    }

    #[test]
    fn every_deviation_is_no_floor_message() {
        let changes: [(usize, u8); 5] = [(0, 0x40), (1, 200), (3, 4), (3, 1), (8, b'X')];
        for (at, value) in changes {
            let mut octets = message();
            octets[at] = value;
            assert_eq!(
                floor_ssrc(&octets),
                Err(Discard::PeerNotFloorMessage),
                "octet {at} = {value}"
            );
        }
        for length in 0..message().len() {
            assert_eq!(
                floor_ssrc(&message()[..length]),
                Err(Discard::PeerNotFloorMessage),
                "{length} octets"
            );
        }
        assert_eq!(floor_ssrc(&[0x80; 5000]), Err(Discard::PeerTooLong(5000)));
    }

    #[test]
    fn rtp_is_told_from_rtcp_and_noise() {
        assert_eq!(rtp_ssrc(&[0x80, 0xE0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]), Ok(7));
        assert_eq!(rtp_ssrc(&message()), Err(Discard::PeerRtcpOnRtpPort));
        assert!(matches!(rtp_ssrc(&[0; 12]), Err(Discard::PeerNotRtp(_))));
        assert!(matches!(rtp_ssrc(&[]), Err(Discard::PeerNotRtp(_))));
        assert_eq!(rtp_ssrc(&[0x80; 4097]), Err(Discard::PeerTooLong(4097)));
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (rtp_ssrc(&noise), floor_ssrc(&noise), with_ssrc(&noise, 1));
        }
    }
}
