//! Transactions: the four machines of RFC 3261 17 with the corrections of RFC 6026, and how messages find them.
//!
//! A machine holds only its timers; it is told an event and says what is to be done. The
//! [`Endpoint`](crate::endpoint::Endpoint) keeps the messages and does it.

mod action;
mod client_invite;
mod client_non_invite;
mod key;
mod server_invite;
mod server_non_invite;
pub(crate) mod timed;
mod timers;

#[cfg(test)]
mod tests;

pub use action::{Action, Actions, ClientEvent, ServerEvent};
pub use client_invite::ClientInvite;
pub use client_non_invite::ClientNonInvite;
pub use key::TransactionKey;
pub use server_invite::ServerInvite;
pub use server_non_invite::ServerNonInvite;
pub(crate) use timers::earlier;
pub use timers::{Context, Reliability, Retransmission, TimerName, Timings};
