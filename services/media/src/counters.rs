//! Counting packets.

use crate::Discard;

/// Packets of one leg or flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Packets that arrived from the peer and were taken.
    pub taken: u64,
    /// Packets sent to the peer.
    pub sent: u64,
    /// Dropped: from a foreign address.
    pub foreign_source: u64,
    /// Dropped: not what belongs on this flow.
    pub malformed: u64,
    /// Dropped: without the floor, or on a leg that may not send.
    pub denied: u64,
    /// Dropped: protection failed, replays included.
    pub protection: u64,
    /// Dropped for a reason on our side.
    pub local: u64,
}

impl Counters {
    pub(crate) fn drop_for(&mut self, reason: &Discard) {
        let counter = match reason {
            Discard::PeerForeignSource(_) => &mut self.foreign_source,
            Discard::PeerProtection(_) => &mut self.protection,
            Discard::PeerNotRtp(_)
            | Discard::PeerRtcpOnRtpPort
            | Discard::PeerTooLong(_)
            | Discard::PeerNotFloorMessage => &mut self.malformed,
            Discard::DeniedNoFloor(_) | Discard::DeniedDirection(_) => &mut self.denied,
            Discard::LocalUnknownLeg(_)
            | Discard::LocalNoKey(_)
            | Discard::LocalNoMulticastKey
            | Discard::LocalTooManyGroups
            | Discard::LocalPurpose(_)
            | Discard::LocalProtection(_)
            | Discard::LocalNoSsrc
            | Discard::LocalRandom(_)
            | Discard::LocalHoldFull => &mut self.local,
        };
        *counter += 1;
    }

    /// All dropped packets.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.foreign_source + self.malformed + self.denied + self.protection + self.local
    }
}
