//! `roger inspect` as people and scripts run it: the built program, its output and its exit status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod common;
mod floor;
mod input;
mod key_file;
mod mikey;
mod srtp;
