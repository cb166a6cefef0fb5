//! TLS as both the HTTPS and the SIP adapters use it.
//!
//! * [`tls`]: versions 1.2 and 1.3 with an explicit provider, hybrid key exchange preferred;
//! * [`tls_files`]: certificates in files, read again when they change;
//! * [`dev_ca`]: a certificate authority for development.

pub mod dev_ca;
pub mod tls;
pub mod tls_files;

pub use dev_ca::{DevelopmentCa, DevelopmentCaError};
pub use tls::{ClientCertificates, ClientTls, ServerIdentity, ServerTls, TlsError};
pub use tls_files::{ClientCertificateFiles, Reload, TlsFileError, TlsFiles, WatchedTls};
