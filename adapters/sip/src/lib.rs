//! SIP transports on tokio: UDP, TCP, TLS, WebSocket around a sans-IO [`Element`](roger_sip::endpoint::Element).
//!
//! ```text
//!   UDP socket ─► receive task ─────┐                                  ┌─► UDP socket
//!   listener ─► accept ─► handshake ┼─► lock: element.handle ──► pump ─┼─► writer task of a connection
//!   connection ─► reader task ──────┘        ▲                         └─► bounded queue of events ──► the user
//!                                 timer task, SipHandle::with
//! ```
//!
//! ```no_run
//! use roger_adapter_sip::{SipNode, TransportSettings};
//! use roger_sip::endpoint::{Endpoint, Output, Role, Settings};
//! use roger_sip::message::{Response, StatusCode};
//!
//! # async fn serve(random: Box<dyn roger_base::Random>) -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::new(Settings::new(Role::UserAgent));
//! let sockets = TransportSettings::at("127.0.0.1:5060".parse()?);
//! let (node, mut events) = SipNode::start(endpoint, sockets, random).await?;
//! while let Some(event) = events.recv().await {
//!     if let Output::Incoming(incoming) = event {
//!         let response = Response::to(&incoming.request, StatusCode::OK);
//!         node.with(|endpoint, clocks, random| {
//!             endpoint.respond(clocks.now, random, incoming.transaction, response)
//!         })?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! TLS and WebSocket shake hands in a task of their own, within a deadline and a bound; the tap is above both, where
//! the octets are SIP. Names of servers are looked up with [`SipHandle::targets`].
//!
//! Everything that can grow has a bound: connections, octets of a message, time for a message, messages that
//! wait for a slow connection, events that wait for the user. A listener never stops: what one message
//! breaks is logged and counted.

mod accept;
mod bind;
mod clock;
mod connections;
mod dns;
mod keep_alive;
mod names;
mod node;
mod resolver;
mod security;
mod settings;
mod stream;
mod udp;
mod websocket;

pub use clock::Clock;
pub use dns::{Asking, Dns, DnsSettings, DnsSetupError, HostTable, SystemDns};
pub use keep_alive::UdpKeepAlive;
pub use node::{NodeCounters, SipHandle, SipNode, StartError};
pub use resolver::{ResolverSettings, SipResolver};
pub use settings::{Origins, TapScope, TransportSettings, WebSocketSettings};
