//! SIP, sans-IO: byte-exact messages, transactions, dialogs, subscriptions (RFC 3261, 6026, 6665).

pub mod application;
pub mod dialog;
pub mod digest;
pub mod endpoint;
pub mod header;
pub mod locate;
pub mod message;
pub mod multipart;
pub mod overload;
pub mod subscription;
pub mod transaction;
pub mod uri;
pub mod validate;
