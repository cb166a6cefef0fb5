//! Embedded SIP core: registrar, digest authentication, routing, third-party REGISTER.
//!
//! One home domain on one machine; replaceable by an IMS. What it does for MCPTT:
//!
//! - a UE is reached over the flow it registered from, also inside dialogs and behind NAT (RFC 5626), or over
//!   the Path of its REGISTER when a proxy of the trust domain stands before it (RFC 3327);
//! - it can assert no identity but its own: P-Asserted-Identity is set from its registration;
//! - application servers are recognised by address, hear of registrations by third-party REGISTER with the
//!   UE's complete REGISTER inside, and cannot undo a registration by refusing one;
//! - public service identities are routed to their servers.
//!
//! The core learns no MC identity: bodies pass unread.

mod core;
mod event;
mod flow_token;
mod identity;
mod location;
mod outbound;
mod proxy;
mod registrar;
mod settings;
mod subscriber;
mod third_party;

pub use crate::core::SipCore;
pub use event::CoreEvent;
pub use settings::{ApplicationServer, Authentication, CoreSettings, Service, TrustedPeer};
pub use subscriber::{MemorySubscribers, Subscriber, SubscriberRepository};
