//! The sending side of one master key.

use crate::{
    MasterKey, Mki, Profile, RtcpIndex, RtpHeader, RtpIndex, SrtpError,
    layout::{rtcp_ssrc, seal_rtcp, seal_rtp},
    session::SessionCiphers,
};
use std::collections::HashMap;

/// SSRCs counted under one key. A counter is never forgotten while the key lives, since the next packet
/// would use a nonce again.
const MAX_SSRCS: usize = 65_536;

/// Protects packets under one master key and counts, for each SSRC, the indices used.
///
/// Keep one context for each key id as long as the key lives, across all calls (TS 33.180 cl. 7.5.1,
/// RFC 3711 cl. 9.1): (MKI, SSRC, index) never comes twice. A process that lost it takes new SSRCs.
pub struct SenderContext {
    profile: Profile,
    mki: Mki,
    ciphers: SessionCiphers,
    rtp: HashMap<u32, RtpIndex>,
    rtcp: HashMap<u32, RtcpIndex>,
}

impl SenderContext {
    /// A context that has sent nothing.
    ///
    /// # Errors
    /// [`SrtpError::LocalMkiLength`] or [`SrtpError::LocalSaltLength`] when MKI or master key do not fit the profile.
    pub fn new(profile: Profile, mki: Mki, master: &MasterKey) -> Result<Self, SrtpError> {
        profile.require_mki(&mki)?;
        let ciphers = SessionCiphers::derive(master, profile.suite())?;
        Ok(Self {
            profile,
            mki,
            ciphers,
            rtp: HashMap::new(),
            rtcp: HashMap::new(),
        })
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The MKI every packet carries.
    #[must_use]
    pub const fn mki(&self) -> &Mki {
        &self.mki
    }

    /// Goes on with a stream of another key, in the middle of a talk burst: SSRC, SEQ, ROC and SRTCP index
    /// stay, only key and MKI change (RFC 3711 cl. 3.3.1, 3.4). Never goes behind what this key has sent.
    ///
    /// # Errors
    /// [`SrtpError::LocalTooManyStreams`].
    pub fn take_over(&mut self, previous: &Self, ssrc: u32) -> Result<(), SrtpError> {
        have_room(&self.rtp, ssrc)?;
        have_room(&self.rtcp, ssrc)?;
        if let Some(last) = previous.rtp.get(&ssrc) {
            let sent = self.rtp.entry(ssrc).or_insert(*last);
            *sent = (*sent).max(*last);
        }
        if let Some(last) = previous.rtcp.get(&ssrc) {
            let sent = self.rtcp.entry(ssrc).or_insert(*last);
            *sent = (*sent).max(*last);
        }
        Ok(())
    }

    /// The last SRTP index sent with an SSRC; `None` when it was never used under this key.
    #[must_use]
    pub fn last_rtp_index(&self, ssrc: u32) -> Option<RtpIndex> {
        self.rtp.get(&ssrc).copied()
    }

    /// The last SRTCP index sent with an SSRC.
    #[must_use]
    pub fn last_rtcp_index(&self, ssrc: u32) -> Option<RtcpIndex> {
        self.rtcp.get(&ssrc).copied()
    }

    /// Says that indices up to `last` are used, for a stream begun elsewhere under this key.
    ///
    /// # Errors
    /// [`SrtpError::LocalIndexUsed`] when more was sent already, [`SrtpError::LocalTooManyStreams`].
    pub fn continue_rtp(&mut self, ssrc: u32, last: RtpIndex) -> Result<(), SrtpError> {
        if self.rtp.get(&ssrc).is_some_and(|sent| *sent > last) {
            return Err(SrtpError::LocalIndexUsed(ssrc));
        }
        have_room(&self.rtp, ssrc)?;
        self.rtp.insert(ssrc, last);
        Ok(())
    }

    /// As [`Self::continue_rtp`] for SRTCP.
    ///
    /// # Errors
    /// [`SrtpError::LocalIndexUsed`] when more was sent already, [`SrtpError::LocalTooManyStreams`].
    pub fn continue_rtcp(&mut self, ssrc: u32, last: RtcpIndex) -> Result<(), SrtpError> {
        if self.rtcp.get(&ssrc).is_some_and(|sent| *sent > last) {
            return Err(SrtpError::LocalIndexUsed(ssrc));
        }
        have_room(&self.rtcp, ssrc)?;
        self.rtcp.insert(ssrc, last);
        Ok(())
    }

    /// Protects an RTP packet: exactly [`Profile::rtp_overhead`] octets longer.
    ///
    /// The first sequence number of an SSRC is free, ROC 0; every other one must move forward by less
    /// than half a round. Start below 2^15 (TS 33.180 cl. 7.5.1).
    ///
    /// # Errors
    /// [`SrtpError::LocalPacket`], [`SrtpError::LocalIndexNotIncreasing`], [`SrtpError::LocalIndexExhausted`],
    /// [`SrtpError::LocalTooManyStreams`]; the index counts as unused after an error.
    pub fn protect_rtp(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        let header = RtpHeader::parse(packet).map_err(SrtpError::of_own_packet)?;
        let index = self.next_rtp_index(&header)?;
        let out = seal_rtp(
            &self.ciphers.rtp,
            &self.profile,
            self.mki.octets(),
            &header,
            packet,
            index,
        )?;
        self.rtp.insert(header.ssrc(), index);
        Ok(out)
    }

    /// Protects an RTP packet into a buffer; gives the octets written. Nothing is written after an error.
    ///
    /// # Errors
    /// As [`Self::protect_rtp`], and [`SrtpError::LocalOutputTooSmall`].
    pub fn protect_rtp_into(&mut self, packet: &[u8], out: &mut [u8]) -> Result<usize, SrtpError> {
        let header = RtpHeader::parse(packet).map_err(SrtpError::of_own_packet)?;
        let needed = packet.len() + self.profile.rtp_overhead(header.sequence());
        let given = out.len();
        let room = out
            .get_mut(..needed)
            .ok_or(SrtpError::LocalOutputTooSmall { needed, given })?;
        room.copy_from_slice(&self.protect_rtp(packet)?);
        Ok(needed)
    }

    /// Protects an RTCP packet, single or compound: exactly [`Profile::rtcp_overhead`] octets longer.
    ///
    /// # Errors
    /// [`SrtpError::LocalPacket`], [`SrtpError::LocalIndexExhausted`], [`SrtpError::LocalTooManyStreams`].
    pub fn protect_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        let ssrc = rtcp_ssrc(packet).map_err(SrtpError::of_own_packet)?;
        have_room(&self.rtcp, ssrc)?;
        let index = match self.rtcp.get(&ssrc) {
            None => RtcpIndex::FIRST,
            Some(last) => last.next().ok_or(SrtpError::LocalIndexExhausted(ssrc))?,
        };
        let out = seal_rtcp(
            &self.ciphers.rtcp,
            &self.profile,
            self.mki.octets(),
            packet,
            ssrc,
            index,
        )?;
        self.rtcp.insert(ssrc, index);
        Ok(out)
    }

    /// Protects an RTCP packet into a buffer; gives the octets written. Nothing is written after an error.
    ///
    /// # Errors
    /// As [`Self::protect_rtcp`], and [`SrtpError::LocalOutputTooSmall`].
    pub fn protect_rtcp_into(&mut self, packet: &[u8], out: &mut [u8]) -> Result<usize, SrtpError> {
        let needed = packet.len() + self.profile.rtcp_overhead();
        let given = out.len();
        let room = out
            .get_mut(..needed)
            .ok_or(SrtpError::LocalOutputTooSmall { needed, given })?;
        room.copy_from_slice(&self.protect_rtcp(packet)?);
        Ok(needed)
    }

    fn next_rtp_index(&self, header: &RtpHeader) -> Result<RtpIndex, SrtpError> {
        let (ssrc, sequence) = (header.ssrc(), header.sequence());
        have_room(&self.rtp, ssrc)?;
        let Some(last) = self.rtp.get(&ssrc) else {
            return Ok(RtpIndex::new(0, sequence));
        };
        if last.is_exhausted_by(sequence) {
            return Err(SrtpError::LocalIndexExhausted(ssrc));
        }
        let last_sequence = last.sequence();
        last.advance(sequence)
            .ok_or(SrtpError::LocalIndexNotIncreasing {
                sequence,
                last: last_sequence,
            })
    }
}

fn have_room<T>(counters: &HashMap<u32, T>, ssrc: u32) -> Result<(), SrtpError> {
    if counters.len() < MAX_SSRCS || counters.contains_key(&ssrc) {
        return Ok(());
    }
    Err(SrtpError::LocalTooManyStreams(counters.len()))
}
