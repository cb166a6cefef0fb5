//! The ports of the IdM server.

mod browsers;
mod clients;
mod grants;
mod registry;
mod second_factors;
mod signing_keys;
mod users;
