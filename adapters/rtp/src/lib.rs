//! Media sockets: RTP and floor control over UDP.
//!
//! [`MediaPorts`] hands out pairs of sockets, RTP and floor control, on one address. A [`MediaSocket`] sends at
//! once or not at all, since late speech is worthless, and a [`Receiver`] gives every datagram to a handler.
//! [`LegSockets`] gives a sans-IO function its sockets. Nothing here looks into a packet: what is in it is a matter of the services.

mod mcptt_ports;
mod ports;
mod receiver;
mod socket;
mod tap;

pub use mcptt_ports::{LegSender, LegSockets};
pub use ports::{MediaPair, MediaPorts, PortRange, PortsError};
pub use receiver::{DatagramHandler, Received, Receiver, ReceiverStatistics};
pub use socket::{MAX_DATAGRAM_OCTETS, MediaSocket, SendError};
pub use tap::{Tap, TapScope};
