//! A whole MCPTT system in virtual time, on a network in memory, for tests.
//!
//! ```text
//!   UeClient ──┐                                   ┌── ParticipatingFunction
//!   UeClient ──┼── streams, in order ── SipCore ───┼── ControllingFunction
//!   UeClient ──┘                                   └── GroupServer ── GroupManagement (GET called directly)
//!       └────────── datagrams: seeded loss, delay, reorder ──────────┘
//! ```
//!
//! Nothing here opens a socket or reads a clock. The services and UEs are the real ones; what crosses the network
//! is recorded, and a test may alter, drop or add to it. One seed gives one run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc
)]

mod craft;
mod directory;
mod host;
mod network;
mod ports;
mod setup;
mod shell;
mod streams;
mod system;
mod wire;

pub use craft::{bodies, reprotected, with_body};
pub use directory::Directory;
pub use host::{HostEvent, HostId};
pub use network::{DatagramFate, NetworkConditions, SipFate};
pub use setup::{Setup, group_document};
pub use shell::{Fetching, Heard};
pub use system::System;
pub use wire::{Datagram, SipMessage, Wire, spellings};

pub use roger_testkit_domain::{DOMAIN, GMS, NOW, group, user};

/// PSI of the participating function.
pub const PARTICIPATING: &str = "sip:mcptt-pf@mcptt.example.org";
/// PSI of the controlling function.
pub const CONTROLLING: &str = "sip:mcptt-cf@mcptt.example.org";
/// Home domain of the SIP core.
pub const IMS_DOMAIN: &str = "ims.example.org";
/// Administrator of the groups.
pub const ADMINISTRATOR: &str = "chief";
