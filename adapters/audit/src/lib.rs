//! Audit log: who asked for what, and what came of it, on the disk before anything is released.
//!
//! A folder holds `audit-00000001.jsonl` and so on, one JSON object a line ([`line`] has the layout). Each line has
//! the SHA-256 of the line before, across files, so that a changed, removed, inserted or exchanged line shows.
//!
//! What a reader can know:
//!
//! | done to the log | shows |
//! |---|---|
//! | a line changed, removed, inserted, exchanged, doubled | always |
//! | a file removed from the middle | always |
//! | the whole log written anew with right hashes | with a [`MacKey`] that the forger does not have |
//! | lines cut off at the end | with an [`Anchor`] (number and hash of a line) that was noted elsewhere |
//! | files removed at the beginning | the report says where the log begins; archiving looks the same |
//! | lines cut off behind the last anchor | cannot be shown by any file on the same disk |
//!
//! [`AuditFolder::record`] fails closed: it returns without error only when the line has been written and synced, and
//! it returns in bounded time. Whoever releases a key asks first (design lesson: key issue fails closed).

mod fault;
mod files;
mod idm;
mod kms;
pub mod line;
mod log;
mod record;
mod tail;
mod verify;
mod writer;

pub use fault::{AuditFault, BrokenLog};
pub use line::{Anchor, MacKey};
pub use log::{AuditFolder, Options};
pub use record::AuditRecord;
pub use verify::{Report, Verification, verify};
