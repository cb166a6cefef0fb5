//! One leg of a distribution.

use crate::{Counters, Discard, RemoteAddress, address::Proof, packet::rtp_ssrc};
use core::fmt;
use core::net::SocketAddr;
use roger_base::Instant;

/// A leg of the call: one participant, or one other server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u64);

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg {}", self.0)
    }
}

/// Direction of the media, seen from the participant (RFC 8866 cl. 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Talks and hears.
    SendReceive,
    /// Only talks.
    SendOnly,
    /// Only hears.
    ReceiveOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    pub(super) const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    pub(super) const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }
}

/// What was negotiated for a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegSettings {
    /// Address of its RTP.
    pub remote: RemoteAddress,
    /// Direction.
    pub direction: Direction,
}

pub(super) struct Leg {
    pub(super) settings: LegSettings,
    pub(super) counters: Counters,
    /// When media without the floor was last reported.
    pub(super) reported: Option<Instant>,
}

impl Leg {
    pub(super) fn new(settings: LegSettings) -> Self {
        Self {
            settings,
            counters: Counters::default(),
            reported: None,
        }
    }

    /// Checks everything but the floor; gives the SSRC.
    pub(super) fn check(
        &self,
        id: LegId,
        source: SocketAddr,
        octets: &[u8],
    ) -> Result<u32, Discard> {
        self.settings.remote.check(source, Proof::None)?;
        let ssrc = rtp_ssrc(octets)?;
        if !self.settings.direction.sends() {
            return Err(Discard::DeniedDirection(id));
        }
        Ok(ssrc)
    }

    pub(super) fn take(&mut self, source: SocketAddr) {
        self.settings.remote.learn(source);
        self.counters.taken += 1;
    }
}
