//! The whole system, in virtual time: see README.md for what each file holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod affiliation;
mod authorisation;
mod common;
mod hostile_authorisation;
mod hostile_calls;
mod hostile_media;
mod location;
mod story;
mod weather;
mod wire;
