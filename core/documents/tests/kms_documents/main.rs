//! Requests and responses of the KMS (TS 33.180 annex D): the vectors, and every refusal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs
)]

mod bench;
mod exchange;
mod first_release;
mod krr_list;
mod malformed;
mod properties;
mod refusals;
