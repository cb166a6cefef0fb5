//! What held calls cost, and that they are given back.

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
use memory_bench::{Bench, CALLS, message, resident};
use roger_sip::endpoint::Role;

/// Bar of the design for a held leg, in octets.
const PER_CALL: usize = 2_048;

#[test]
fn held_calls_are_small_and_given_back() {
    let mut bench = Bench::new(Role::UserAgent);
    let before = resident();
    for number in 0..CALLS {
        bench.receive(&message("INVITE", number, 1, ""));
        bench.receive(&message("ACK", number, 1, ";tag=0123456789abcdef"));
    }
    assert_eq!(bench.endpoint.load().dialogs, CALLS);
    bench.pass(Duration::from_secs(33));
    assert_eq!(bench.endpoint.load().server_transactions, 0);
    if let (Some(before), Some(after)) = (before, resident()) {
        let each = after.saturating_sub(before) / CALLS;
        eprintln!("held call: {each} octets");
        assert!(each <= PER_CALL, "{each}");
    }
    for number in 0..CALLS {
        bench.receive(&message("BYE", number, 2, ";tag=0123456789abcdef"));
    }
    assert_eq!(bench.endpoint.load().dialogs, 0);
}
