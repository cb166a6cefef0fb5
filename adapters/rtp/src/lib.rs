//! Media sockets: RTP and floor control over UDP.
//!
//! [`MediaPorts`] hands out pairs of sockets, RTP and floor control, on one address. A [`MediaSocket`] sends at
//! once or not at all, since late speech is worthless, and a [`Receiver`] gives every datagram to a handler.
//! Nothing here looks into a packet: what is in it is a matter of the services.

mod ports;
mod receiver;
mod socket;
mod tap;

pub use ports::{MediaPair, MediaPorts, PortRange, PortsError};
pub use receiver::{DatagramHandler, Received, Receiver, ReceiverStatistics};
pub use socket::{MAX_DATAGRAM_OCTETS, MediaSocket, SendError};
pub use tap::{Tap, TapScope};
