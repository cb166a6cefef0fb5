//! Participating and controlling function, the embedded SIP core and scripted UEs on one network in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod affiliation;
mod affiliation_by_others;
mod authorisation;
mod authorisation_refused;
mod bench;
mod call_refusals;
mod floor_protection;
mod group_call;
mod hostile;
mod hostile_bodies;
mod key_download;
mod location;
mod membership;
mod private_call;
mod revoked_grants;
mod settings_subscription;
mod ue;
mod wire;
mod xmlsec;
