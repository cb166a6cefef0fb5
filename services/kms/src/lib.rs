//! Key management server (TS 33.180 Annex D, cl. 5.3): the certificate of its domain, and the keys of each identity
//! and key period, to whom proves to be that identity.
//!
//! [`Kms`] is the whole server without its sockets: the HTTP adapter hands it method, path, credential and body and
//! sends what it answers. Accounts, replay memory, other domains' certificates and the audit log lie behind the
//! [`ports`]; [`memory`] has them for simulators and tests.
//!
//! The server keeps its master secrets and the keys it shares with clients, and nothing that it issued: a set asked for
//! again, here or at another instance with the same master secrets, is the same set
//! (`docs/decisions/derived-key-sets.md`). [`KmsDirectory`] serves several domains side by side.

mod account;
mod address_index;
mod config;
mod cpu_mark;
mod directory;
mod issue;
pub mod memory;
pub mod ports;
pub mod pre_issue;
mod refusal;
mod renewal;
mod root;
mod server;
mod target;
mod together;

pub use account::{AccountError, KeyAccount, KeyPair, SecurityLevel};
pub use config::{KmsConfig, MissingTokenAnswer, NextPeriod, UnprovisionedUsers};
pub use directory::{DirectoryError, DomainAddress, KmsDirectory, too_many_requests};
pub use refusal::Refusal;
pub use root::{CertificateTerms, RootError, certificate};
pub use server::{Channel, Credential, HttpAnswer, HttpRequest, Kms, Method, Ports};
pub use target::Target;
