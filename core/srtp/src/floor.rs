//! A CSK, SPK or `MuSiK` in both directions.

use crate::{
    MasterKey, Mki, OpenedRtcp, Profile, ReceiverContext, SenderContext, SrtpError,
    layout::rtcp_ssrc,
};
use roger_base::KeyId;

/// SRTCP of floor control under one key (TS 33.180 cl. 9.4, TS 24.380 cl. 13).
///
/// Client and server use the same master key, so a packet sent back by an attacker would authenticate.
/// The context therefore refuses packets with an SSRC it sends with, and refuses to send with an SSRC it hears.
/// Keep one for each key id as long as the key lives, in all calls of that client.
pub struct FloorContext {
    key_id: KeyId,
    sender: SenderContext,
    receiver: ReceiverContext,
}

impl FloorContext {
    /// With [`Profile::FLOOR`].
    ///
    /// # Errors
    /// [`SrtpError::LocalSaltLength`] when the master key belongs to another suite.
    pub fn new(key_id: KeyId, master: &MasterKey) -> Result<Self, SrtpError> {
        Self::with_profile(Profile::FLOOR, key_id, master)
    }

    /// With another profile, such as the second suite.
    ///
    /// # Errors
    /// [`SrtpError::LocalMkiLength`] or [`SrtpError::LocalSaltLength`] when key id or key do not fit the profile.
    pub fn with_profile(
        profile: Profile,
        key_id: KeyId,
        master: &MasterKey,
    ) -> Result<Self, SrtpError> {
        let sender = SenderContext::new(profile, Mki::from(key_id), master)?;
        let mut receiver = ReceiverContext::new(profile);
        receiver.add_key(Mki::from(key_id), master)?;
        Ok(Self {
            key_id,
            sender,
            receiver,
        })
    }

    /// The key id, also the MKI.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Protects a floor message.
    ///
    /// # Errors
    /// [`SrtpError::PeerUsesOwnSsrc`] when the peer uses this SSRC under this key (take another one),
    /// else as [`SenderContext::protect_rtcp`].
    pub fn protect(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        let ssrc = rtcp_ssrc(packet).map_err(SrtpError::of_own_packet)?;
        if self.is_used_by_peer(ssrc) {
            return Err(SrtpError::PeerUsesOwnSsrc(ssrc));
        }
        self.sender.protect_rtcp(packet)
    }

    /// Verifies and decrypts a floor message.
    ///
    /// # Errors
    /// [`SrtpError::PeerUsesOwnSsrc`] for a packet with an SSRC this side sends with, else as
    /// [`ReceiverContext::unprotect_rtcp`].
    pub fn unprotect(&mut self, packet: &[u8]) -> Result<OpenedRtcp, SrtpError> {
        let ssrc = rtcp_ssrc(packet)?;
        if self.is_used_by_us(ssrc) {
            return Err(SrtpError::PeerUsesOwnSsrc(ssrc));
        }
        self.receiver.unprotect_rtcp(packet)
    }

    /// True when the peer has sent with this SSRC.
    #[must_use]
    pub fn is_used_by_peer(&self, ssrc: u32) -> bool {
        self.receiver.has_heard(ssrc)
    }

    /// True when this side has sent with this SSRC.
    #[must_use]
    pub fn is_used_by_us(&self, ssrc: u32) -> bool {
        self.sender.last_rtcp_index(ssrc).is_some()
    }
}
