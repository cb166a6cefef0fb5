//! Every check of the receiver procedure has a message that fails just this check (TS 33.180 cl. 5.2).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod bench;
mod key_parameters;
mod people;
mod policy;
mod replay;
mod structure;
#[path = "../support/mod.rs"]
mod support;
mod time;
