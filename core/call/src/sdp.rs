//! Session descriptions of MCPTT calls (TS 24.379 cl. 6.2.1, 6.2.2, 6.3.3.1.1; TS 24.380 cl. 4.3, 12.1.2, 14).
//!
//! ```text
//! v=0
//! o=- <id> <version> IN IP4 <address>
//! s=-
//! c=IN IP4 <address>
//! t=0 0
//! m=audio 40100 RTP/AVP 96          one speech stream, RTP or SRTP alike
//! i=speech
//! a=rtpmap:96 AMR-WB/16000/1
//! a=fmtp:96 mode-change-capability=2;max-red=0;octet-align=1
//! a=ptime:20
//! a=maxptime:240
//! a=rtcp:40101
//! a=sendrecv
//! a=key-mgmt:mikey <base64>         private call with end-to-end keys
//! m=application 40102 udp MCPTT     floor control, absent in a call without it
//! a=fmtp:MCPTT mc_queueing;mc_priority=5;mc_granted;mc_implicit_request
//! ```
//!
//! [`SessionDescription::parse`] reads what the call needs, [`Offer::write`] and [`answer`] create, and
//! [`rewrite`] is for servers between the two ends: it replaces addresses and ports and leaves every other
//! line as it is, the key message above all.

mod answer;
mod codec;
mod floor;
mod offer;
mod read;
mod rewrite;

pub use answer::{Agreement, LocalMedia, agree, answer};
pub use codec::{AmrWb, Codec, Encoding};
pub use floor::FloorParameters;
pub use offer::Offer;
pub use rewrite::{FloorAnchor, MediaAnchor, rewrite};

use core::fmt;
use roger_base::Random;
use std::net::IpAddr;
use thiserror::Error;

/// Largest session description that is read, in octets.
pub const MAX_OCTETS: usize = 64 * 1024;
/// Most media lines.
pub const MAX_MEDIA: usize = 16;
/// Most lines.
pub const MAX_LINES: usize = 1024;
/// Longest base64 text of a key message.
pub const MAX_KEY_MANAGEMENT: usize = 16 * 1024;

/// Why a session description cannot be used; the request that carries it is answered 488 (Not Acceptable Here).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unusable {
    /// Larger than [`MAX_OCTETS`], [`MAX_LINES`] or [`MAX_MEDIA`].
    #[error("the session description is too large")]
    TooLarge,
    /// The grammar of RFC 8866 is broken.
    #[error("malformed session description: {0}")]
    Malformed(String),
    /// There is no usable m=audio.
    #[error("no usable m=audio")]
    NoAudio,
    /// There are two m=application for floor control.
    #[error("more than one m=application for MCPTT")]
    TwoFloorChannels,
    /// No codec is common.
    #[error("no codec in common (AMR-WB/16000, one channel)")]
    NoCodec,
    /// A medium that is used has no connection line, or its address is no unicast IP address.
    #[error("no usable connection address")]
    Address,
    /// A port is malformed, or a medium asks for several ports.
    #[error("malformed port")]
    Port,
    /// A payload type is no number from 0 to 127, or occurs twice.
    #[error("malformed payload type")]
    PayloadType,
    /// A number in the attribute is malformed or beyond its range.
    #[error("malformed or too large number in {0}")]
    Number(&'static str),
    /// A floor control parameter is malformed or occurs twice.
    #[error("malformed floor control parameter")]
    FloorParameter,
    /// Two key messages on one level, or one that is too long or no base64.
    #[error("malformed key-mgmt attribute")]
    KeyManagement,
    /// The transport token is none of RTP/AVP, RTP/AVPF, RTP/SAVP and RTP/SAVPF.
    #[error("unknown transport of m=audio")]
    Transport,
    /// An answer does not fit its offer.
    #[error("the answer does not fit the offer: {0}")]
    Answer(&'static str),
}

/// Who created the description and which version it is (the o= line).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Session id, digits.
    pub session_id: u64,
    /// Version; it grows by one with every change.
    pub version: u64,
}

impl Origin {
    /// A fresh session id; 62 bits, so that every reader's signed integer holds it.
    ///
    /// # Errors
    /// [`roger_base::RandomError`].
    pub fn random(random: &mut dyn Random) -> Result<Self, roger_base::RandomError> {
        let mut octets = [0; 8];
        random.fill(&mut octets)?;
        Ok(Self {
            session_id: u64::from_be_bytes(octets) >> 2,
            version: 1,
        })
    }

    /// The next version of the same session.
    #[must_use]
    pub const fn next(&self) -> Self {
        Self {
            session_id: self.session_id,
            version: self.version.wrapping_add(1),
        }
    }
}

/// Which way media flow, seen from the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendReceive,
    /// The writer only sends.
    SendOnly,
    /// The writer only listens.
    ReceiveOnly,
    /// Held.
    Inactive,
}

impl Direction {
    const ALL: [Self; 4] = [
        Self::SendReceive,
        Self::SendOnly,
        Self::ReceiveOnly,
        Self::Inactive,
    ];

    /// The attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether the writer sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    /// Whether the writer listens.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }

    /// What is left for an answerer who would like `wish` (RFC 3264 6.1).
    #[must_use]
    pub const fn answered(self, wish: Self) -> Self {
        match (
            self.receives() && wish.sends(),
            self.sends() && wish.receives(),
        ) {
            (true, true) => Self::SendReceive,
            (true, false) => Self::SendOnly,
            (false, true) => Self::ReceiveOnly,
            (false, false) => Self::Inactive,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key message in `a=key-mgmt:mikey`, its base64 text kept as written (RFC 4567 3.1). Equal text is the same
/// key (TS 33.180 cl. 5.2, Annex E).
#[derive(Clone, PartialEq, Eq)]
pub struct KeyManagement(String);

impl KeyManagement {
    /// Takes an I_MESSAGE.
    #[must_use]
    pub fn from_message(message: &[u8]) -> Self {
        use base64::Engine;
        Self(base64::engine::general_purpose::STANDARD.encode(message))
    }

    /// The I_MESSAGE.
    ///
    /// # Errors
    /// [`Unusable::KeyManagement`] when the text is no base64.
    pub fn message(&self) -> Result<Vec<u8>, Unusable> {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD
            .decode(&self.0)
            .map_err(|_| Unusable::KeyManagement)
    }

    /// The base64 text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyManagement({} characters)", self.0.len())
    }
}

/// The speech stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// Place among the media lines.
    pub index: usize,
    /// Where it is to be sent.
    pub address: IpAddr,
    /// RTP port, not zero.
    pub port: u16,
    /// RTCP port.
    pub rtcp_port: u16,
    /// Transport token as written; it does not decide whether SRTP is used.
    pub transport: String,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// Direction seen from the writer.
    pub direction: Direction,
    /// Whether the stream is labelled `i=speech`.
    pub is_speech: bool,
    /// Key message of the medium, or else of the session.
    pub key_management: Option<KeyManagement>,
}

/// The floor control channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorChannel {
    /// Place among the media lines.
    pub index: usize,
    /// Where it is to be sent.
    pub address: IpAddr,
    /// Port, not zero.
    pub port: u16,
    /// Parameters.
    pub parameters: FloorParameters,
}

/// One media line that the call does not use, or that is switched off by port 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLine {
    /// Media type.
    pub media: String,
    /// Transport.
    pub transport: String,
    /// Formats as written.
    pub formats: String,
}

/// What a call needs from a session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// Session id as written.
    pub session_id: String,
    /// Version.
    pub version: u64,
    /// The speech stream; `None` when it is absent or switched off.
    pub audio: Option<Audio>,
    /// The floor control channel; `None` in a call without floor control.
    pub floor: Option<FloorChannel>,
    /// All media lines in order, those of `audio` and `floor` included.
    pub media: Vec<MediaLine>,
}

impl SessionDescription {
    /// Reads a description. Lines and attributes that a call does not need are ignored.
    ///
    /// # Errors
    /// [`Unusable`]. That there is no speech stream is no error here, since an answer may refuse it.
    pub fn parse(octets: &[u8]) -> Result<Self, Unusable> {
        read::read(octets)
    }

    /// The speech stream.
    ///
    /// # Errors
    /// [`Unusable::NoAudio`] when it is absent or switched off.
    pub fn speech(&self) -> Result<&Audio, Unusable> {
        self.audio.as_ref().ok_or(Unusable::NoAudio)
    }
}
