//! The ports of the IdM server.

mod clients;
mod grants;
mod signing_keys;
mod users;
