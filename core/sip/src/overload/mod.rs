//! Who is served first, and who is not served, when more comes than can be served (RFC 4412, RFC 8101).
//!
//! ```text
//!   datagram ─► glance: response? in a dialog? Resource-Priority?
//!                  │                                   Standing of the sender (stranger, known, trusted)
//!                  ▼                                     │
//!               Rank ◄───────────────────────────────────┘
//!                  │
//!                  ▼
//!   Inbox: highest rank first, one message of each sender in turn ─► Endpoint: admitted, or 503 without state
//! ```
//!
//! Everything here is decided before a transaction exists and takes memory of a fixed bound. What a message
//! says of itself counts only for a sender who is known: a stranger's Resource-Priority or To tag is worth nothing.

mod budget;
mod glance;
mod inbox;
mod rank;

pub use budget::Budget;
pub use glance::Glance;
pub use inbox::{Inbox, InboxLimits, Next, Sender};
pub use rank::{Rank, Standing};
