//! Floor control never in clear, and all of it opened by the keys that should open it.

use super::{Checked, Evidence, Violation};
use crate::capture::CapturedPacket;
use crate::demo::opened::FloorOpener;
use crate::demo::wire::{Kind, distinct};

/// Name of the application in RTCP APP (TS 24.380 cl. 8.2.1), at octet 8.
const NAME: &[u8; 4] = b"MCPT";
const NAME_AT: core::ops::Range<usize> = 8..12;

/// Whether floor control can be read off a packet.
fn is_in_clear(octets: &[u8]) -> bool {
    octets.windows(NAME.len()).any(|window| window == NAME)
}

/// Every floor packet is closed to everybody but the holders of its key.
pub(super) fn check(evidence: &Evidence) -> Checked {
    let packets = distinct(&evidence.packets, Kind::Floor);
    let mut opener = FloorOpener::new(&evidence.csks, &evidence.spk)
        .map_err(|error| Violation::of(format!("control: {error}")))?;
    closed(&packets)?;
    opens(&packets, &mut |octets| opener.open(octets))?;
    Ok(format!(
        "{} packets; the CSKs and the SPK open them all",
        packets.len()
    ))
}

fn closed(packets: &[&CapturedPacket]) -> Result<(), Violation> {
    if packets.is_empty() {
        return Err(Violation::of(
            "there is no floor control: nothing was looked at",
        ));
    }
    match packets.iter().find(|packet| is_in_clear(&packet.octets)) {
        Some(packet) => Err(Violation::of(format!(
            "floor control in clear from {} to {}",
            packet.source, packet.destination
        ))),
        None => Ok(()),
    }
}

/// Control: opened, each of them is what the first check would have found.
fn opens(
    packets: &[&CapturedPacket],
    open: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), Violation> {
    for packet in packets {
        let plain = open(&packet.octets);
        let name = plain.as_deref().and_then(|plain| plain.get(NAME_AT));
        if name != Some(NAME) {
            return Err(Violation::of(format!(
                "control: a floor packet from {} does not open with the keys of its hop",
                packet.source
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::wire::tests::packet;
    use roger_base::Transport;

    const CLEAR: &[u8] = b"\x80\xcc\x00\x03\x00\x00\x00\x01MCPT\x00\x00\x00\x00";

    #[test]
    fn a_floor_packet_in_clear_is_found() {
        let clear = packet(Transport::Udp, (20_002, 20_006), CLEAR);
        let closed_one = packet(
            Transport::Udp,
            (20_002, 20_006),
            &[0x80, 0xcc, 0, 9, 0, 0, 0, 1, 7, 7, 7, 7],
        );
        assert_eq!(closed(&[&closed_one]), Ok(()));
        assert!(closed(&[&closed_one, &clear]).is_err());
        assert!(closed(&[]).is_err());
    }

    #[test]
    fn a_packet_that_nobody_opens_is_found() {
        let closed_one = packet(Transport::Udp, (20_002, 20_006), &[0x80, 0xcc, 0, 9]);
        assert!(opens(&[&closed_one], &mut |_| None).is_err());
        assert!(opens(&[&closed_one], &mut |_| Some(b"something else".to_vec())).is_err());
        assert_eq!(opens(&[&closed_one], &mut |_| Some(CLEAR.to_vec())), Ok(()));
    }
}
