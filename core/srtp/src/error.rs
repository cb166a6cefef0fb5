//! What goes wrong, grouped by who is at fault.

use crate::{MAX_PACKET_OCTETS, Mki, mki::MAX_MKI_OCTETS};
use thiserror::Error;

/// Why a packet or a key was refused. No variant carries key material.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SrtpError {
    /// The packet ends before the fields its profile demands; also plain packets where protection is on.
    #[error("packet of {given} octets, at least {needed} needed")]
    PeerTooShort {
        /// Octets the layout needs.
        needed: usize,
        /// Octets received.
        given: usize,
    },
    /// The packet is longer than a datagram.
    #[error("packet of {0} octets, at most {MAX_PACKET_OCTETS} allowed")]
    PeerTooLong(usize),
    /// RTP and RTCP have version 2 (RFC 3550 cl. 5.1).
    #[error("RTP version {0}, not 2")]
    PeerVersion(u8),
    /// No valid key has this MKI; typical after a key change that has not reached this side.
    #[error("no key with MKI {0}")]
    PeerUnknownMki(Mki),
    /// The tag does not fit: altered, made with another key, or with another ROC.
    #[error("authentication failed")]
    PeerAuthentication,
    /// This index was accepted before (RFC 3711 cl. 3.3.2).
    #[error("replayed packet, index {0}")]
    PeerReplay(u64),
    /// The index lies before the replay window, so a replay cannot be excluded.
    #[error("packet index {index} is too old, highest is {highest}")]
    PeerTooOld {
        /// Index of the packet.
        index: u64,
        /// Highest index accepted.
        highest: u64,
    },
    /// The E bit is not the one of the profile: SRTCP must be encrypted, or must not be.
    #[error("the E bit of the SRTCP packet contradicts the profile")]
    PeerEncryptionBit,
    /// The SSRC is one that this side sends with under the same key: a reflected packet or a collision.
    /// The caller drops it and takes a new SSRC (TS 33.180 cl. 7.5.1).
    #[error("SSRC {0:08x} is our own under this key")]
    PeerUsesOwnSsrc(u32),
    /// The padding count runs past the payload (RFC 3550 cl. 5.1).
    #[error("RTP padding of {padding} octets in a payload of {payload}")]
    PeerPadding {
        /// Count in the last octet.
        padding: usize,
        /// Octets of the payload with padding.
        payload: usize,
    },
    /// The packet to protect is no RTP or RTCP packet.
    #[error("not a packet to protect: {0}")]
    LocalPacket(Box<SrtpError>),
    /// The sequence number does not follow the last one sent, so its index may have been used.
    #[error("index must grow: sequence number {sequence} after {last} would use an index again")]
    LocalIndexNotIncreasing {
        /// Sequence number of the packet.
        sequence: u16,
        /// Last sequence number sent.
        last: u16,
    },
    /// All indices of this SSRC are used; a new key or a new SSRC is needed (RFC 3711 cl. 9.2).
    #[error("all packet indices of SSRC {0:08x} are used under this key")]
    LocalIndexExhausted(u32),
    /// A stream may only be continued ahead of what was sent.
    #[error("stream {0:08x} has already sent that index")]
    LocalIndexUsed(u32),
    /// The sender keeps one counter for each SSRC as long as the key lives and has no room for more.
    #[error("{0} SSRCs under one key, no more can be counted")]
    LocalTooManyStreams(usize),
    /// The buffer is shorter than the result.
    #[error("output buffer of {given} octets, {needed} needed")]
    LocalOutputTooSmall {
        /// Octets of the result.
        needed: usize,
        /// Octets of the buffer.
        given: usize,
    },
    /// An MKI has at most 128 octets here.
    #[error("MKI of {0} octets, at most {MAX_MKI_OCTETS} allowed")]
    LocalMkiTooLong(usize),
    /// The MKI has not the length of the profile.
    #[error("MKI of {given} octets, the profile has {wanted}")]
    LocalMkiLength {
        /// Length of the profile.
        wanted: usize,
        /// Length given.
        given: usize,
    },
    /// The master salt has not the length of the suite: 12 octets for GCM, 14 for AES-CM.
    #[error("master salt of {given} octets, the suite needs {wanted}")]
    LocalSaltLength {
        /// Length the suite needs.
        wanted: usize,
        /// Length given.
        given: usize,
    },
    /// RCCm3 has no MAC of its own, so the ROC travels only with an AEAD suite (RFC 4771 cl. 2).
    #[error("the ROC can be carried with an AEAD suite only")]
    LocalRocWithoutAead,
    /// The cryptographic library refused.
    #[error("the cryptographic library failed")]
    LocalCrypto,
}

impl SrtpError {
    /// The same fault seen from the sending side.
    pub(crate) fn of_own_packet(self) -> Self {
        Self::LocalPacket(Box::new(self))
    }
}
