//! Why a packet went no further.

use crate::{LegId, MAX_PACKET_OCTETS};
use core::net::SocketAddr;
use roger_base::{KeyId, RandomError};
use roger_srtp::SrtpError;
use thiserror::Error;

/// Why a packet was dropped. Dropping is normal on a hostile network; it is counted and the flow goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Discard {
    /// Not an RTP packet.
    #[error("not an RTP packet: {0}")]
    PeerNotRtp(SrtpError),
    /// RTCP on the RTP port, where multiplexing was not negotiated.
    #[error("RTCP packet on the RTP port")]
    PeerRtcpOnRtpPort,
    /// Longer than media is.
    #[error("packet of {0} octets, at most {MAX_PACKET_OCTETS} handled")]
    PeerTooLong(usize),
    /// From an address other than the negotiated or learned one.
    #[error("packet from {0}, which is not the address of this leg")]
    PeerForeignSource(SocketAddr),
    /// The floor message failed its protection: unprotected, unknown key, altered, replayed.
    #[error("floor message refused: {0}")]
    PeerProtection(SrtpError),
    /// Not one complete RTCP APP packet of MCPTT.
    #[error("not a floor control message")]
    PeerNotFloorMessage,
    /// The sender does not have the floor; the floor server revokes with cause 3 (TS 24.380 cl. 8.2.6).
    #[error("{0} sent media without the floor")]
    DeniedNoFloor(LegId),
    /// The leg may not send, by its SDP direction.
    #[error("{0} is not a sending leg")]
    DeniedDirection(LegId),
    /// No such leg in this call.
    #[error("{0} is not in this call")]
    LocalUnknownLeg(LegId),
    /// The key of the flow is not (any more) in the key ring; the flow stays closed rather than clear.
    #[error("no key {0} for this floor control flow")]
    LocalNoKey(KeyId),
    /// The group has no key for floor control by multicast, or it has expired.
    #[error("no valid key for multicast floor control of this group")]
    LocalNoMulticastKey,
    /// The key is no MuSiK and no MKFC.
    #[error("key {0} is not one for floor control by multicast")]
    LocalPurpose(KeyId),
    /// Too many groups have keys for multicast.
    #[error("too many groups with multicast floor control")]
    LocalTooManyGroups,
    /// Protection failed on our side, such as a key whose indices are used up.
    #[error("floor message cannot be protected: {0}")]
    LocalProtection(SrtpError),
    /// No SSRC could be found that the peer does not use.
    #[error("no free SSRC under this key")]
    LocalNoSsrc,
    /// The source of randomness failed.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
    /// The media held for an unconfirmed call have reached their limit.
    #[error("too much media held before anybody answered")]
    LocalHoldFull,
}
