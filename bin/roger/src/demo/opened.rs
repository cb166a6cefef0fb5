//! The capture with floor control opened by the keys that the demo holds, for people and dissectors.

use super::facts::Evidence;
use super::wire::{Kind, kind};
use crate::capture::CapturedPacket;
use roger_keys::{Csk, Spk};
use roger_srtp::{Mki, Profile, ReceiverContext, SrtpError};

/// Says what was done to the packets.
pub(super) const COMMENT: &str = "Roger DEVELOPMENT demo: every byte that crossed a socket, but floor control \
    (RTCP APP on the ports of m=application) was OPENED with the CSKs and the SPK that the demo holds: on the wire \
    it is SRTCP. Speech is as it was. The IP, UDP and TCP headers are made here.";

/// Opens SRTCP under any of the given keys; the MKI says which.
pub(super) struct FloorOpener(ReceiverContext);

impl FloorOpener {
    pub(super) fn new(csks: &[Csk], spk: &Spk) -> Result<Self, SrtpError> {
        let mut receiver = ReceiverContext::new(Profile::FLOOR);
        for csk in csks {
            receiver.add_key(Mki::from(csk.id()), &csk.control_key().into())?;
        }
        receiver.add_key(Mki::from(spk.id()), &spk.control_key().into())?;
        Ok(Self(receiver))
    }

    pub(super) fn open(&mut self, octets: &[u8]) -> Option<Vec<u8>> {
        self.0
            .unprotect_rtcp(octets)
            .ok()
            .map(|opened| opened.packet)
    }
}

/// The packets, floor control opened where it opens.
pub(super) fn opened_packets(evidence: &Evidence) -> Vec<CapturedPacket> {
    let Ok(mut opener) = FloorOpener::new(&evidence.csks, &evidence.spk) else {
        return evidence.packets.clone();
    };
    let mut opened = |packet: &CapturedPacket| {
        let plain = (kind(packet) == Kind::Floor)
            .then(|| opener.open(&packet.octets))
            .flatten();
        CapturedPacket {
            octets: plain.unwrap_or_else(|| packet.octets.clone()),
            ..packet.clone()
        }
    };
    evidence.packets.iter().map(&mut opened).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_srtp::FloorContext;
    use roger_testkit::SeededRandom;

    #[test]
    fn a_packet_opens_under_its_key_and_no_other() {
        let mut random = SeededRandom::new(81);
        let (csk, other) = (
            Csk::random(&mut random).unwrap(),
            Csk::random(&mut random).unwrap(),
        );
        let spk = Spk::random(&mut random).unwrap();
        let plain = b"\x80\xcc\x00\x03\x00\x00\x00\x01MCPT\x00\x00\x00\x00";
        let mut sender = FloorContext::for_csk(&csk).unwrap();
        let closed = sender.protect(plain).unwrap();
        let opener = |keys: &[Csk]| FloorOpener::new(keys, &spk).unwrap();
        assert_eq!(
            opener(&[other.clone(), csk]).open(&closed).as_deref(),
            Some(&plain[..])
        );
        assert_eq!(opener(&[other]).open(&closed), None);
    }
}
