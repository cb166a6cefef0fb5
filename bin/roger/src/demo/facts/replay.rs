//! Copies and altered packets: fresh receivers that took the original refuse them and go on.

use super::key_messages::{altered, positions};
use super::keys::time_of;
use super::{Checked, Evidence, PhaseKind, Violation};
use crate::capture::CapturedPacket;
use crate::demo::opened::FloorOpener;
use crate::demo::wire::{Kind, distinct};
use roger_keys::CallSide;
use roger_srtp::{GroupReceiver, HeldGroupKeys, Profile, ReceiverContext};

/// Packets of each call that are tried.
const TRIED: usize = 20;

/// Takes a packet, or not.
type Take<'a> = dyn FnMut(&CapturedPacket, &[u8]) -> bool + 'a;

/// Group and private speech.
pub(super) fn srtp(evidence: &Evidence) -> Checked {
    let keys = Evidence::member(&evidence.keys_before, 1)?;
    let broken = |error: roger_srtp::SrtpError| Violation::of(error.to_string());
    let mut receiver = GroupReceiver::new(Profile::GROUP).map_err(broken)?;
    let mut take = |packet: &CapturedPacket, octets: &[u8]| {
        let held = HeldGroupKeys {
            store: &keys.store,
            group: &evidence.group,
            now: time_of(packet),
        };
        receiver.unprotect_rtp(&held, octets).is_ok()
    };
    let group = distinct(evidence.phase(PhaseKind::First), Kind::Speech);
    let mut altered = refuses(&group, &mut take)?;
    let pck = super::key_messages::pck(evidence, PhaseKind::Private)?;
    // The called user hears the caller: side by side with the group, the other profile.
    let mut receiver = ReceiverContext::for_pck(&pck, CallSide::Receiver).map_err(broken)?;
    let mut take = |_: &CapturedPacket, octets: &[u8]| receiver.unprotect_rtp(octets).is_ok();
    let private = distinct(evidence.phase(PhaseKind::Private), Kind::Speech);
    altered += refuses(&private, &mut take)?;
    Ok(format!(
        "{} packets taken once, their copies and {altered} altered ones refused",
        group.len().min(TRIED) + private.len().min(TRIED)
    ))
}

/// Floor control under every CSK and the SPK.
pub(super) fn srtcp(evidence: &Evidence) -> Checked {
    let mut opener = FloorOpener::new(&evidence.csks, &evidence.spk)
        .map_err(|error| Violation::of(error.to_string()))?;
    let packets = distinct(&evidence.packets, Kind::Floor);
    let mut take = |_: &CapturedPacket, octets: &[u8]| opener.open(octets).is_some();
    let altered = refuses(&packets, &mut take)?;
    Ok(format!(
        "{} packets taken once, their copies and {altered} altered ones refused",
        packets.len().min(TRIED)
    ))
}

/// For each packet: altered copies first, then the original, then the original again; gives the number of altered
/// copies. That the original is taken after its altered copies shows that these left no trace.
fn refuses(packets: &[&CapturedPacket], take: &mut Take<'_>) -> Result<usize, Violation> {
    if packets.is_empty() {
        return Err(Violation::of("there are no packets: nothing was looked at"));
    }
    let mut count = 0;
    for packet in packets.iter().take(TRIED) {
        for position in positions(packet.octets.len()) {
            if take(packet, &altered(&packet.octets, position)) {
                return Err(Violation::of(format!(
                    "a packet with octet {position} altered is taken"
                )));
            }
            count += 1;
        }
        if !take(packet, &packet.octets) {
            return Err(Violation::of("control: the original is refused"));
        }
        if take(packet, &packet.octets) {
            return Err(Violation::of("a replayed packet is taken"));
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::wire::tests::packet;
    use roger_base::Transport;
    use std::collections::HashSet;

    fn speech() -> Vec<CapturedPacket> {
        [&b"one packet"[..], b"another one"]
            .map(|octets| packet(Transport::Udp, (20_000, 20_004), octets))
            .to_vec()
    }

    fn judge(take: &mut Take<'_>) -> Result<usize, Violation> {
        let packets = speech();
        refuses(&packets.iter().collect::<Vec<_>>(), take)
    }

    #[test]
    fn a_careful_receiver_passes() {
        let (packets, mut taken) = (speech(), HashSet::new());
        let genuine = |octets: &[u8]| packets.iter().any(|packet| packet.octets == octets);
        let mut take =
            |_: &CapturedPacket, octets: &[u8]| genuine(octets) && taken.insert(octets.to_vec());
        assert!(judge(&mut take).is_ok_and(|altered| altered > 10));
    }

    #[test]
    fn receivers_that_take_copies_or_altered_packets_or_nothing_are_found() {
        let genuine = |octets: &[u8]| speech().iter().any(|packet| packet.octets == octets);
        assert!(judge(&mut |_, octets| genuine(octets)).is_err());
        assert!(judge(&mut |_, _| true).is_err());
        assert!(judge(&mut |_, _| false).is_err());
        assert!(refuses(&[], &mut |_, _| true).is_err());
    }
}
