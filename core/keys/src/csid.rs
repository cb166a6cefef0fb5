//! Crypto session identifiers.

/// CS-ID: which stream of a key is meant (TS 33.180 table E.1.3-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CsId(pub u8);

impl CsId {
    /// Stream sent by the initiator of an MCPTT private call.
    pub const PRIVATE_CALL_INITIATOR: Self = Self(0);
    /// Stream sent by the receiver of an MCPTT private call.
    pub const PRIVATE_CALL_RECEIVER: Self = Self(1);
    /// Stream sent by the initiator of an MCVideo private call.
    pub const VIDEO_CALL_INITIATOR: Self = Self(2);
    /// Stream sent by the receiver of an MCVideo private call.
    pub const VIDEO_CALL_RECEIVER: Self = Self(3);
    /// MCPTT group call.
    pub const GROUP_CALL: Self = Self(4);
    /// MCVideo group call.
    pub const VIDEO_GROUP_CALL: Self = Self(5);
    /// SRTCP under a CSK, MCPTT.
    pub const CSK: Self = Self(6);
    /// SRTCP under a MuSiK, MCPTT.
    pub const MUSIK: Self = Self(7);
    /// SRTCP under a CSK, MCVideo.
    pub const VIDEO_CSK: Self = Self(8);
    /// SRTCP under a MuSiK, MCVideo.
    pub const VIDEO_MUSIK: Self = Self(9);
    /// \[I\] SRTCP under an SPK; TS 33.180 tabulates none, this is the rule of 33.179 cl. 9.4.5.
    pub const SPK: Self = Self(0);
    /// SRTCP under an MKFC (33.179 cl. 9.4.5, from one implementation).
    pub const MKFC: Self = Self(0);
    /// \[I\] SRTCP under an MSCCK (33.179 cl. 7.7.3 leaves it open).
    pub const MSCCK: Self = Self(0);
}
