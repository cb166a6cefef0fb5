//! Load on whole servers: the real ones, on loopback; IdM and KMS over TLS, with a database and an audit log on the disk.
//!
//! Server and generator share the machine. The CPU time of the generator is that of its threads; the server's is what
//! the process has used besides.

mod cpu;
mod http;
mod idm;
mod kms;
mod percentiles;
mod pre_issue;
mod progress;
mod register;
mod site;
mod slots;
mod subscribers;
mod table;
mod tokens;

pub use http::Connecting;
pub use idm::{Consent, IdmCpu, IdmLoad, IdmReport, log_in};
pub use kms::{KeySets, KmsLoad, KmsReport, ServerCpu, provision};
pub use pre_issue::{PreIssueReport, pre_issue_for};
pub use register::{RegisterLoad, RegisterReport, register};
