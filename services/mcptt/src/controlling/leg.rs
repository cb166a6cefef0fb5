//! One leg of a call: a member behind its participating function.

use crate::media::Pair;
use roger_base::McpttId;
use roger_call::sdp::{Direction as SdpDirection, SessionDescription};
use roger_floor::server::{Attributes, ParticipantId};
use roger_media::{
    AddressRule, Direction, FloorLeg, FloorProtection, LegId, LegSettings, RemoteAddress,
};
use roger_sip::endpoint::{DialogId, RequestHandle, TransactionId};
use roger_sip::message::Request;
use std::net::SocketAddr;

/// A leg of a call, numbered by it; floor control and media distribution use the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LegNumber(pub(crate) u32);

impl LegNumber {
    pub(crate) const fn participant(self) -> ParticipantId {
        ParticipantId(self.0)
    }

    pub(crate) const fn leg_id(self) -> LegId {
        LegId(self.0 as u64)
    }

    /// The number of a leg of the distribution, which has it from here.
    pub(crate) fn of(leg: LegId) -> Self {
        Self(u32::try_from(leg.0).unwrap_or(u32::MAX))
    }
}

impl From<ParticipantId> for LegNumber {
    fn from(participant: ParticipantId) -> Self {
        Self(participant.0)
    }
}

/// Where the SIP side of a leg stands.
pub(crate) enum LegState {
    /// The originator waits for our answer.
    Originating {
        transaction: TransactionId,
        request: Box<Request>,
    },
    /// A member was invited.
    Invited(RequestHandle),
    /// The dialog is established.
    Connected(DialogId),
}

/// A leg.
pub(crate) struct Leg {
    pub(crate) user: McpttId,
    pub(crate) pair: Pair,
    pub(crate) state: LegState,
    pub(crate) attributes: Attributes,
    /// Floor control flow, once the other side's address is known.
    pub(crate) floor: Option<FloorLeg>,
    media: Option<LegSettings>,
}

impl Leg {
    pub(crate) fn new(user: McpttId, pair: Pair, state: LegState, attributes: Attributes) -> Self {
        Self {
            user,
            pair,
            state,
            attributes,
            floor: None,
            media: None,
        }
    }

    pub(crate) const fn is_connected(&self) -> bool {
        matches!(self.state, LegState::Connected(_))
    }

    /// Takes the addresses out of the other side's session description. Servers are at the addresses that they
    /// say, so nothing is learned.
    pub(crate) fn use_description(
        &mut self,
        description: &SessionDescription,
        protection: &FloorProtection,
    ) {
        let remote =
            |address, port| RemoteAddress::new(SocketAddr::new(address, port), AddressRule::Pinned);
        self.media = description.audio.as_ref().map(|audio| LegSettings {
            remote: remote(audio.address, audio.port),
            direction: direction(audio.direction),
        });
        self.floor = description
            .floor
            .as_ref()
            .map(|channel| FloorLeg::new(remote(channel.address, channel.port), protection));
    }

    pub(crate) const fn distribution_settings(&self) -> Option<LegSettings> {
        self.media
    }
}

const fn direction(sdp: SdpDirection) -> Direction {
    match (sdp.sends(), sdp.receives()) {
        (true, true) => Direction::SendReceive,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::ReceiveOnly,
        (false, false) => Direction::Inactive,
    }
}
