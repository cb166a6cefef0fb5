//! The ports of the IdM server.

mod browsers;
mod clients;
mod grants;
mod passkeys;
mod registry;
mod roster;
mod second_factors;
mod signing_keys;
mod users;

pub use roster::Enlisted;
