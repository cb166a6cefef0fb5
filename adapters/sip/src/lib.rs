//! SIP transports on tokio: UDP and TCP around a sans-IO [`Element`](roger_sip::endpoint::Element).
//!
//! ```text
//!   UDP socket ──► receive task ─┐                       ┌─► UDP socket
//!   TCP listener ► accept task   ├─► lock: element.handle ─► pump ──► writer task of a connection
//!   TCP connection ► reader task ┘        ▲               └─► bounded queue of events ──► the user
//!                                  timer task, SipHandle::with
//! ```
//!
//! Everything that can grow has a bound: connections, octets of a message, time for a message, messages that
//! wait for a slow connection, events that wait for the user. A listener never stops: what one message
//! breaks is logged and counted.

mod clock;
mod connections;
mod node;
mod settings;
mod tcp;
mod udp;

pub use clock::Clock;
pub use node::{NodeCounters, SipHandle, SipNode, StartError};
pub use settings::{TapScope, TransportSettings};
