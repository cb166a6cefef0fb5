//! The embedded SIP core on real sockets, beside the bars of its design:
//! `cargo bench -p roger-adapter-sip --bench sip_core [-- register|legs|overload|abuse [wrong|unknown|malformed|huge|mixed] …]`.
//!
//! The core runs in a process of its own, on the first processor; whatever sends to it runs on the second. CPU
//! time is that of the core's thread as the scheduler counts it (`/proc/PID/schedstat`), so that other work on the
//! machine makes answers late but does not make the core look slower. Ends with 1 when a bar is missed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs
)]

mod abuse;
mod clients;
mod legs;
mod overload;
mod peer;
mod process;
mod register;
mod report;
mod server;

use report::Report;

/// That of the program `roger`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DOMAIN: &str = "ims.example.org";
const PASSWORD: &str = "password-for-benches";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut words = arguments.iter().map(String::as_str);
    match words.next() {
        Some("serve") => return server::run(words.collect()),
        Some("attack") => return abuse::attack(words.collect()),
        Some("hold") => return legs::hold(),
        Some("flood") => return overload::flood(words.collect()),
        _ => {}
    }
    let named: Vec<_> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|word| *word == name);
    process::pin_self();
    let mut report = Report::default();
    if wanted("register") {
        register::run(&mut report);
    }
    if wanted("legs") {
        legs::run(&mut report);
    }
    if wanted("overload") {
        overload::run(&mut report);
    }
    if wanted("abuse") {
        abuse::run(&mut report, &named);
    }
    std::process::exit(report.end());
}
