//! UE library: log in, fetch keys, register, affiliate, call, floor, media.
//!
//! [`client`] is the UE as a sans-IO SIP application, [`shell`] runs it on sockets.

pub mod client;
pub mod shell;
