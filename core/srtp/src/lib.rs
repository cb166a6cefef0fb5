//! The MCPTT profile of SRTP and SRTCP (RFC 3711, RFC 7714, RFC 4771, TS 33.180 cl. 7.5).
//!
//! Three profiles are used, told apart by the call and never by the packet (TS 33.180 cl. 7.5):
//!
//! ```text
//! group    RTP header | ciphertext | tag 16 | MKI 8 = GMK-ID, GUK-ID | ROC 4 when SEQ mod r = 0
//! private  RTP header | ciphertext | tag 16 | MKI 4 = PCK-ID
//! SRTCP    8 octets   | ciphertext | tag 16 | E, index 4 | MKI (8 group, 4 otherwise)
//! ```
//!
//! With the second suite, AES-CM-128 and HMAC-SHA1-80, the tag has 10 octets and comes after the MKI.
//!
//! * [`SenderContext`] protects; it refuses to use a (MKI, SSRC, index) twice.
//! * [`ReceiverContext`] opens packets under keys it was given, [`GroupReceiver`] under keys it derives
//!   from the GUK-ID of each packet.
//! * [`FloorContext`] is one CSK or SPK in both directions.
//! * [`describe_rtp`] and [`describe_rtcp`] name every field of a packet.
//!
//! A receiver verifies before it copies, stores or answers anything.

mod cipher;
mod describe;
mod error;
mod floor;
mod group;
mod index;
mod keys;
mod layout;
mod master;
mod mki;
mod profile;
mod receiver;
mod replay;
mod rtp;
mod sender;
mod session;
mod stream;
mod streams;

pub use describe::{
    Description, Field, Guess, describe_plain_rtp, describe_rtcp, describe_rtp, guess,
};
pub use error::SrtpError;
pub use floor::FloorContext;
pub use group::{GroupKeys, GroupReceiver};
pub use index::{RtcpIndex, RtpIndex};
pub use keys::HeldGroupKeys;
pub use master::MasterKey;
pub use mki::{GroupMki, MAX_MKI_OCTETS, Mki};
pub use profile::{Profile, RocTransport, SrtcpProtection, Suite};
pub use receiver::{OpenedRtcp, OpenedRtp, ReceiverContext};
pub use replay::REPLAY_WINDOW;
pub use rtp::{RtpFields, RtpHeader};
pub use sender::SenderContext;
pub use stream::RtpStream;

/// Longest packet taken or given, in octets: a UDP datagram. It also keeps AES-CM below 2^16 blocks
/// (RFC 3711 cl. 4.1.1).
pub const MAX_PACKET_OCTETS: usize = 65_535;
