//! What finished transactions cost, and that they are given back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs
)]

mod memory_bench;

use core::time::Duration;
use memory_bench::{Bench, message, resident};
use roger_sip::endpoint::Role;

const TRANSACTIONS: usize = 40_000;

/// Bar of the design for a finished non-INVITE transaction, in octets.
const PER_TRANSACTION: usize = 1_024;

#[test]
fn finished_transactions_are_small_and_given_back() {
    let mut bench = Bench::new(Role::Proxy);
    let before = resident();
    for number in 0..TRANSACTIONS {
        bench.receive(&message("REGISTER", number, 1, ""));
    }
    assert_eq!(bench.endpoint.load().server_transactions, TRANSACTIONS);
    if let (Some(before), Some(after)) = (before, resident()) {
        let each = after.saturating_sub(before) / TRANSACTIONS;
        eprintln!("finished REGISTER transaction: {each} octets");
        assert!(each <= PER_TRANSACTION, "{each}");
    }
    bench.pass(Duration::from_secs(33));
    assert_eq!(bench.endpoint.load().server_transactions, 0);
    assert_eq!(bench.endpoint.deadline(), None);
}
