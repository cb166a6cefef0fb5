//! The ports of the IdM server.

mod browsers;
mod clients;
mod grants;
mod second_factors;
mod signing_keys;
mod users;
