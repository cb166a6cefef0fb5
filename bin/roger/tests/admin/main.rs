//! `roger admin` as an operator has it: processes on files, and `roger serve` beside them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod audit;
mod ceremony;
mod kill;
mod roster;
mod site;
mod token;
