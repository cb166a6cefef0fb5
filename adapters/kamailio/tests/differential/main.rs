//! The same to both SIP cores, the same answers: what Kamailio does with the packaged configuration is what the
//! embedded core does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod dialogs;
mod link;
#[path = "../modules/mod.rs"]
mod modules;
mod registration;
mod routing;
mod stage;
mod takeover;

use roger_sip::message::{HeaderName, Headers};
use stage::{Kind, Stage, Terms};

/// Plays a scene before each core. The expected lines are in the scene's test: both must say them.
fn both(terms: Terms, scene: impl Fn(&Stage) -> Vec<String>, expected: &[&str]) {
    for kind in [Kind::Embedded, Kind::Kamailio] {
        if let Some(stage) = Stage::start(kind, terms) {
            assert_eq!(scene(&stage), expected, "{kind:?} {}", stage.log());
        }
    }
}

/// Every value of a header.
fn header(headers: &Headers, name: HeaderName<'_>) -> String {
    let values = headers.values(name).map(String::from_utf8_lossy);
    values.collect::<Vec<_>>().join(" | ")
}
