//! Media of a call in the servers (TS 23.379 cl. 7.4, TS 24.380 cl. 4.2); no sockets, no clock.
//!
//! * [`Distribution`], in the controlling function: RTP of who may talk goes to every other leg.
//! * [`Relay`], in the participating function: RTP and floor messages between a client and the controlling
//!   function; floor messages change their key on the way, RTP changes nothing.
//! * [`FloorLeg`]: one floor control flow of either function, protected or clear.
//! * [`FloorKeyring`]: the CSK and SPK contexts of a function, living as long as the keys.
//! * [`MulticastFloor`]: floor messages to all clients of a group at once, under its MuSiK or MKFC.
//!
//! There is no GMK and no PCK here, and no octet of an RTP packet is changed: SSRC, sequence number, timestamp and
//! payload type are all part of what the end points authenticate, as AAD or nonce (TS 33.180 cl. 7.5, RFC 7714 cl. 8).

mod address;
mod counters;
mod discard;
mod distribution;
mod floor_leg;
mod keyring;
mod multicast;
mod packet;
mod relay;
mod sockets;

pub use address::{AddressRule, RemoteAddress};
pub use counters::Counters;
pub use discard::Discard;
pub use distribution::{
    Direction, Distribution, DistributionInput, DistributionOutput, FloorRule, HoldSettings, LegId,
    LegSettings, MediaEvent,
};
pub use floor_leg::{FloorLeg, FloorProtection};
pub use keyring::FloorKeyring;
pub use multicast::MulticastFloor;
pub use relay::{Downlink, Flow, Relay, RelayInput, RelayOutput, RelaySettings, Side};
pub use sockets::{MediaPacket, MediaPorts, MediaTransmit, NoPorts, Pair, PairId};

/// Longest packet handled, in octets; media and floor messages are far shorter.
pub const MAX_PACKET_OCTETS: usize = 4_096;
