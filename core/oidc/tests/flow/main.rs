//! Provider and relying party joined back to back: the whole flow and every refusal on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod authorization;
mod bench;
mod client_secret;
mod refresh;
mod relying_party;
mod token_exchange;
mod token_request;
