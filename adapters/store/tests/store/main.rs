//! Every port on a file of SQLite and on a server of PostgreSQL: what was kept comes back after closing, what must
//! happen once happens once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod bench;
mod clients;
mod grants;
mod groups;
mod idm;
mod kms;
mod opening;
mod pre_issue;
mod races;
mod secrets;
mod server;
mod sign_on;
mod subscribers;
mod users;
