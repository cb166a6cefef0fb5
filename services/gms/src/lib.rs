//! Group management server: group documents and group key transport (TS 24.481, TS 33.180 cl. 5.7, 7.3).
//!
//! ```text
//!   administrator ── PUT group ──► GroupManagement ── GMK message for each member ──► her GKTP document
//!                                        │
//!                                        ├── change ──► GroupServer (SIP) ── NOTIFY xcap-diff ──► UE, MCPTT server
//!   UE ── GET document ── Bearer ───────►┘
//! ```
//!
//! A group key is independent of calls and reaches each member by a message of her own, encrypted to her and
//! signed by this server. [`GroupManagement`] holds the documents and keys; [`GroupServer`] is its SIP side.

mod distribution;
mod management;
pub mod memory;
mod ports;
mod server;
mod settings;
mod xcap;

pub use distribution::DistributionError;
pub use management::{DocumentChanged, GroupManagement, ManagementError, UndeliveredKey};
pub use ports::{
    Change, GroupKeyRecord, GroupRepository, KmsDirectory, RepositoryError, StoredDocument,
    TransportChange,
};
pub use roger_documents::xcap_path::{DocumentPath, PathError};
pub use server::{GroupServer, GroupServerCredentials, GroupServerInput, GroupServerSettings};
pub use settings::Settings;
pub use xcap::{XcapAnswer, XcapMethod, XcapRequest};
