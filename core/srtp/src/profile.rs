//! What both sides of a flow have agreed on.

use crate::{Mki, SrtpError, mki::MAX_MKI_OCTETS};
use core::num::NonZeroU16;

/// Cipher and authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AEAD_AES_128_GCM`, mandatory (RFC 7714, TS 33.180 cl. 7.5.1).
    AeadAes128Gcm,
    /// `AES_CM_128_HMAC_SHA1_80`, no default profile of TS 33.180 (RFC 3711 cl. 4).
    AesCm128HmacSha1Tag80,
}

impl Suite {
    /// Octets of the authentication tag.
    #[must_use]
    pub const fn tag_octets(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 16,
            Self::AesCm128HmacSha1Tag80 => 10,
        }
    }

    /// Octets of the master salt.
    #[must_use]
    pub const fn salt_octets(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::AesCm128HmacSha1Tag80 => 14,
        }
    }
}

/// Whether SRTP packets end with the sender's rollover counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RocTransport {
    /// Never; the receiver estimates it.
    Absent,
    /// RCCm3: after the MKI of every packet whose sequence number is a multiple of the rate (RFC 4771 cl. 2).
    Every(NonZeroU16),
}

/// Whether SRTCP is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SrtcpProtection {
    /// E = 1, the only value in an MC system (TS 33.180 cl. 9.4).
    Encrypted,
    /// E = 0: authenticated, readable. For peers whose security policy switches encryption off.
    AuthenticatedOnly,
}

/// Suite, MKI length, ROC transport and SRTCP protection of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Profile {
    suite: Suite,
    mki_octets: usize,
    roc: RocTransport,
    srtcp: SrtcpProtection,
}

impl Profile {
    /// Group call, key GMK: MKI of 8 octets, ROC in every packet (TS 33.180 cl. 7.4.2, table E.2-1).
    pub const GROUP: Self = Self {
        suite: Suite::AeadAes128Gcm,
        mki_octets: 8,
        roc: RocTransport::Every(NonZeroU16::MIN),
        srtcp: SrtcpProtection::Encrypted,
    };

    /// Private call, key PCK: MKI of 4 octets, no ROC (TS 33.180 cl. 7.4.1, table E.3-1).
    pub const PRIVATE: Self = Self {
        mki_octets: 4,
        roc: RocTransport::Absent,
        ..Self::GROUP
    };

    /// Floor control, key CSK, SPK or `MuSiK`: MKI of 4 octets, no ROC (TS 33.180 cl. 9.4, TS 24.380 cl. 13).
    pub const FLOOR: Self = Self::PRIVATE;

    /// The same with another suite.
    ///
    /// # Errors
    /// [`SrtpError::LocalRocWithoutAead`] when this profile carries the ROC and the suite is no AEAD.
    pub const fn with_suite(self, suite: Suite) -> Result<Self, SrtpError> {
        match (suite, self.roc) {
            (Suite::AesCm128HmacSha1Tag80, RocTransport::Every(_)) => {
                Err(SrtpError::LocalRocWithoutAead)
            }
            _ => Ok(Self { suite, ..self }),
        }
    }

    /// The same with another MKI length, zero for none.
    ///
    /// # Errors
    /// [`SrtpError::LocalMkiTooLong`] past 128 octets.
    pub const fn with_mki_octets(self, mki_octets: usize) -> Result<Self, SrtpError> {
        if mki_octets > MAX_MKI_OCTETS {
            return Err(SrtpError::LocalMkiTooLong(mki_octets));
        }
        Ok(Self { mki_octets, ..self })
    }

    /// The same with another ROC transport; the rate comes from type 13 of the security policy (RFC 4771 cl. 3).
    ///
    /// # Errors
    /// [`SrtpError::LocalRocWithoutAead`] when a ROC is asked for and the suite is no AEAD.
    pub const fn with_roc(self, roc: RocTransport) -> Result<Self, SrtpError> {
        Self { roc, ..self }.with_suite(self.suite)
    }

    /// The same with another protection of SRTCP.
    #[must_use]
    pub const fn with_srtcp(self, srtcp: SrtcpProtection) -> Self {
        Self { srtcp, ..self }
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Octets of the MKI.
    #[must_use]
    pub const fn mki_octets(&self) -> usize {
        self.mki_octets
    }

    /// The ROC transport.
    #[must_use]
    pub const fn roc(&self) -> RocTransport {
        self.roc
    }

    /// The protection of SRTCP.
    #[must_use]
    pub const fn srtcp(&self) -> SrtcpProtection {
        self.srtcp
    }

    pub(crate) fn require_mki(&self, mki: &Mki) -> Result<(), SrtpError> {
        let (wanted, given) = (self.mki_octets, mki.octets().len());
        if given == wanted {
            return Ok(());
        }
        Err(SrtpError::LocalMkiLength { wanted, given })
    }

    /// Octets of the ROC field in the packet with this sequence number: 4 or 0.
    #[must_use]
    pub const fn roc_octets(&self, sequence: u16) -> usize {
        match self.roc {
            RocTransport::Every(rate) if sequence.is_multiple_of(rate.get()) => 4,
            _ => 0,
        }
    }

    /// Octets that protection adds to the RTP packet with this sequence number.
    #[must_use]
    pub const fn rtp_overhead(&self, sequence: u16) -> usize {
        self.suite.tag_octets() + self.mki_octets + self.roc_octets(sequence)
    }

    /// Octets that protection adds to an RTCP packet: tag, E and index, MKI.
    #[must_use]
    pub const fn rtcp_overhead(&self) -> usize {
        self.suite.tag_octets() + 4 + self.mki_octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overheads_are_those_of_the_digest() {
        assert_eq!(Profile::GROUP.rtp_overhead(7), 28);
        assert_eq!(Profile::PRIVATE.rtp_overhead(7), 20);
        assert_eq!(Profile::FLOOR.rtcp_overhead(), 24);
        assert_eq!(Profile::GROUP.rtcp_overhead(), 28);
    }

    #[test]
    fn a_rate_of_five_puts_the_roc_into_every_fifth_packet() {
        let rate = RocTransport::Every(NonZeroU16::new(5).unwrap());
        let profile = Profile::GROUP.with_roc(rate).unwrap();
        let with_roc: Vec<u16> = (0..12).filter(|&s| profile.roc_octets(s) == 4).collect();
        assert_eq!(with_roc, [0, 5, 10]);
    }

    #[test]
    fn the_roc_needs_an_aead_suite() {
        let refused = Err(SrtpError::LocalRocWithoutAead);
        assert_eq!(
            Profile::GROUP.with_suite(Suite::AesCm128HmacSha1Tag80),
            refused
        );
        let cm = Profile::PRIVATE
            .with_suite(Suite::AesCm128HmacSha1Tag80)
            .unwrap();
        assert_eq!(cm.with_roc(RocTransport::Every(NonZeroU16::MIN)), refused);
    }
}
