//! Virtual randomness, third-party vectors and processes of other people's programs for tests.

mod clear_text;
mod line_peer;
mod peer;
mod postgres;
mod random;
mod soft_token;
mod third_party;

pub use clear_text::{ClearText, Found};
pub use line_peer::LinePeer;
pub use peer::{compile_c_peer, find_program, find_program_beside};
pub use postgres::Postgres;
pub use random::SeededRandom;
pub use soft_token::{LABEL as TOKEN_LABEL, SoftToken};
pub use third_party::third_party_vectors;

/// Says that a test was skipped for want of something; in continuous integration that is a failure,
/// because a test that skips counts as green and hides a hole.
///
/// # Panics
/// When the variable `CI` is `true`.
#[allow(clippy::panic, clippy::print_stderr)]
pub fn skip(reason: &str) {
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        panic!("{reason}");
    }
    eprintln!("skipped: {reason}");
}
