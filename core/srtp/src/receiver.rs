//! The receiving side: keys by MKI, streams by (MKI, SSRC).

use crate::{
    MasterKey, Mki, Profile, RtcpIndex, RtpHeader, RtpIndex, SrtcpProtection, SrtpError,
    layout::{RtcpParts, RtpParts, open_rtcp, open_rtp, split_rtcp, split_rtp},
    session::SessionCiphers,
    streams::Streams,
};
use std::collections::HashMap;

/// Rollover counters tried for the first packet of a stream that carries none. A sender starts at 0 and,
/// starting below 2^15, stays there for ten minutes (RFC 3711 cl. 3.3.1; late entry of TS 33.180 cl. 7.5).
const FIRST_ROC_GUESSES: u32 = 3;

/// A verified and decrypted RTP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedRtp {
    /// The plain packet: header as received, payload, padding.
    pub packet: Vec<u8>,
    /// Its header.
    pub header: RtpHeader,
    /// ROC and SEQ that authenticated it.
    pub index: RtpIndex,
    /// The MKI it came with; with a group profile, see [`crate::GroupMki::from_octets`].
    pub mki: Mki,
}

impl OpenedRtp {
    /// The payload without padding.
    ///
    /// # Errors
    /// [`SrtpError::PeerPadding`] when the sender's padding count lies.
    pub fn payload(&self) -> Result<&[u8], SrtpError> {
        self.header.payload(&self.packet)
    }
}

/// A verified and decrypted RTCP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedRtcp {
    /// The plain packet.
    pub packet: Vec<u8>,
    /// SSRC of its first header.
    pub ssrc: u32,
    /// SRTCP index.
    pub index: RtcpIndex,
    /// The MKI it came with.
    pub mki: Mki,
}

/// One key and what was received under it.
pub(crate) struct ReceivingKey {
    ciphers: SessionCiphers,
    rtp: Streams,
    rtcp: Streams,
}

impl ReceivingKey {
    pub(crate) fn new(master: &MasterKey, profile: &Profile) -> Result<Self, SrtpError> {
        let ciphers = SessionCiphers::derive(master, profile.suite())?;
        Ok(Self {
            ciphers,
            rtp: Streams::default(),
            rtcp: Streams::default(),
        })
    }

    pub(crate) fn highest_rtp(&self, ssrc: u32) -> Option<u64> {
        self.rtp.highest(ssrc)
    }

    /// Opens a packet; `hint` is the highest index of the same SSRC under another key.
    /// Nothing is stored before the tag was verified.
    pub(crate) fn open_rtp(
        &mut self,
        parts: &RtpParts<'_>,
        hint: Option<u64>,
    ) -> Result<OpenedRtp, SrtpError> {
        let ssrc = parts.header.ssrc();
        let mut refusal = SrtpError::PeerAuthentication;
        for index in self.candidates(parts, hint) {
            match self.try_rtp(parts, index) {
                Ok(packet) => {
                    self.rtp.accept(ssrc, index.get());
                    let mki = Mki::new(parts.mki)?;
                    return Ok(OpenedRtp {
                        packet,
                        header: parts.header,
                        index,
                        mki,
                    });
                }
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn try_rtp(&self, parts: &RtpParts<'_>, index: RtpIndex) -> Result<Vec<u8>, SrtpError> {
        self.rtp.check(parts.header.ssrc(), index.get())?;
        open_rtp(&self.ciphers.rtp, parts, index)
    }

    /// The indices the packet may have: the carried ROC alone, or one estimate in a running stream, or the
    /// first few for an unknown one.
    fn candidates(&self, parts: &RtpParts<'_>, hint: Option<u64>) -> Vec<RtpIndex> {
        let sequence = parts.header.sequence();
        if let Some(roc) = parts.roc {
            return vec![RtpIndex::new(roc, sequence)];
        }
        if let Some(highest) = self.rtp.highest(parts.header.ssrc()) {
            return vec![RtpIndex::from_number(highest).estimate(sequence)];
        }
        let continued = hint.map(|highest| RtpIndex::from_number(highest).estimate(sequence));
        let first = (0..FIRST_ROC_GUESSES).map(|roc| RtpIndex::new(roc, sequence));
        continued.into_iter().chain(first).collect()
    }

    pub(crate) fn open_rtcp(
        &mut self,
        parts: &RtcpParts<'_>,
        profile: &Profile,
    ) -> Result<OpenedRtcp, SrtpError> {
        let encryption_wanted = matches!(profile.srtcp(), SrtcpProtection::Encrypted);
        if parts.is_encrypted() != encryption_wanted {
            return Err(SrtpError::PeerEncryptionBit);
        }
        let number = u64::from(parts.index());
        self.rtcp.check(parts.ssrc, number)?;
        let packet = open_rtcp(&self.ciphers.rtcp, parts)?;
        self.rtcp.accept(parts.ssrc, number);
        let index = RtcpIndex::new(parts.index()).ok_or(SrtpError::PeerAuthentication)?;
        Ok(OpenedRtcp {
            packet,
            ssrc: parts.ssrc,
            index,
            mki: Mki::new(parts.mki)?,
        })
    }

    /// True when a packet of this SSRC was accepted, in either flow.
    pub(crate) fn has_heard(&self, ssrc: u32) -> bool {
        self.rtp.highest(ssrc).is_some() || self.rtcp.highest(ssrc).is_some()
    }
}

/// Opens packets under keys given beforehand: private calls (PCK) and floor control (CSK, SPK, `MuSiK`).
///
/// The profile, decided by the call, says how a packet is cut; its MKI then selects the key.
pub struct ReceiverContext {
    profile: Profile,
    keys: HashMap<Mki, ReceivingKey>,
}

impl ReceiverContext {
    /// A context without keys; it refuses everything.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            keys: HashMap::new(),
        }
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Adds a key. A key that is there already stays with its replay lists.
    ///
    /// # Errors
    /// [`SrtpError::LocalMkiLength`] or [`SrtpError::LocalSaltLength`] when MKI or master key do not fit the profile.
    pub fn add_key(&mut self, mki: Mki, master: &MasterKey) -> Result<(), SrtpError> {
        self.profile.require_mki(&mki)?;
        if self.keys.contains_key(&mki) {
            return master.require(self.profile.suite());
        }
        let key = ReceivingKey::new(master, &self.profile)?;
        self.keys.insert(mki, key);
        Ok(())
    }

    /// Removes an expired or revoked key; says whether it was there.
    pub fn remove_key(&mut self, mki: &Mki) -> bool {
        self.keys.remove(mki).is_some()
    }

    /// Verifies and decrypts an SRTP packet.
    ///
    /// # Errors
    /// A `Peer…` error of [`SrtpError`]; the context is then unchanged.
    pub fn unprotect_rtp(&mut self, packet: &[u8]) -> Result<OpenedRtp, SrtpError> {
        let parts = split_rtp(packet, &self.profile)?;
        let hint = self.highest_under_any_key(parts.header.ssrc());
        let key = self
            .keys
            .get_mut(parts.mki)
            .ok_or_else(|| unknown(parts.mki))?;
        key.open_rtp(&parts, hint)
    }

    /// Verifies and decrypts an SRTP packet into a buffer; gives the octets written. Nothing is written and
    /// nothing remembered after an error.
    ///
    /// # Errors
    /// As [`Self::unprotect_rtp`], and [`SrtpError::LocalOutputTooSmall`].
    pub fn unprotect_rtp_into(
        &mut self,
        packet: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let needed = split_rtp(packet, &self.profile)?.body.len();
        let given = out.len();
        let room = out
            .get_mut(..needed)
            .ok_or(SrtpError::LocalOutputTooSmall { needed, given })?;
        room.copy_from_slice(&self.unprotect_rtp(packet)?.packet);
        Ok(needed)
    }

    /// Verifies and decrypts an SRTCP packet.
    ///
    /// # Errors
    /// A `Peer…` error of [`SrtpError`]; the context is then unchanged.
    pub fn unprotect_rtcp(&mut self, packet: &[u8]) -> Result<OpenedRtcp, SrtpError> {
        let parts = split_rtcp(packet, &self.profile)?;
        let key = self
            .keys
            .get_mut(parts.mki)
            .ok_or_else(|| unknown(parts.mki))?;
        key.open_rtcp(&parts, &self.profile)
    }

    /// As [`Self::unprotect_rtp_into`] for SRTCP.
    ///
    /// # Errors
    /// As [`Self::unprotect_rtcp`], and [`SrtpError::LocalOutputTooSmall`].
    pub fn unprotect_rtcp_into(
        &mut self,
        packet: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let needed = split_rtcp(packet, &self.profile)?.body.len();
        let given = out.len();
        let room = out
            .get_mut(..needed)
            .ok_or(SrtpError::LocalOutputTooSmall { needed, given })?;
        room.copy_from_slice(&self.unprotect_rtcp(packet)?.packet);
        Ok(needed)
    }

    /// True when a packet of this SSRC was accepted under any key.
    #[must_use]
    pub fn has_heard(&self, ssrc: u32) -> bool {
        self.keys.values().any(|key| key.has_heard(ssrc))
    }

    /// After a re-key the ROC goes on, so the other key knows it (RFC 3711 cl. 3.3.1).
    fn highest_under_any_key(&self, ssrc: u32) -> Option<u64> {
        self.keys
            .values()
            .filter_map(|key| key.highest_rtp(ssrc))
            .max()
    }
}

pub(crate) fn unknown(mki: &[u8]) -> SrtpError {
    Mki::new(mki).map_or_else(|error| error, SrtpError::PeerUnknownMki)
}
