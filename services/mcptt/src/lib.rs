//! MCPTT server: participating and controlling functions (TS 24.379, TS 24.380).
//!
//! ```text
//!   UE ── CSK ──► participating ── SPK ──► controlling ── SPK ──► participating ── CSK ──► UE
//!                 function                 function               function
//! ```
//!
//! The roles are logical: each is a sans-IO SIP application of its own, with its own sockets at the rim, also when
//! both run in one process. Between them travels what the standard defines, and nothing else.

pub mod controlling;
pub mod media;
pub mod participating;
pub mod ports;
mod server_hop;

pub use server_hop::ServerHop;
