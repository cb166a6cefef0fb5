//! Why a system does not start.

use super::addresses::AddressError;
use thiserror::Error;

/// Why a system does not start, in words for its user.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SystemError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Identity(#[from] roger_base::IdentityError),
    #[error(transparent)]
    Random(#[from] roger_base::RandomError),
    #[error("temporary folder: {0}")]
    Folder(std::io::Error),
    #[error("database: {0}")]
    Store(#[from] roger_adapter_store::StoreFault),
    #[error("database: {0}")]
    OidcStore(#[from] roger_oidc::provider::StoreError),
    #[error(transparent)]
    Password(#[from] roger_idm::PasswordError),
    #[error("{0}")]
    Configuration(String),
    #[error("IdM server: {0}")]
    Idm(#[from] roger_idm::IdmError),
    #[error(transparent)]
    Certificate(#[from] roger_adapter_http::DevelopmentCaError),
    #[error(transparent)]
    Tls(#[from] roger_adapter_http::TlsError),
    #[error(transparent)]
    HttpServer(#[from] roger_adapter_http::ServerError),
    #[error(transparent)]
    HttpClient(#[from] roger_adapter_http::HttpsClientError),
    #[error("log-in of the dispatcher: {0}")]
    Login(#[from] roger_adapter_http::IdmClientError),
    #[error("keys of the servers: {0}")]
    Keys(#[from] roger_ue::shell::KeyProvisioningError),
    #[error(transparent)]
    Sip(#[from] roger_adapter_sip::StartError),
    #[error(transparent)]
    Kamailio(#[from] roger_adapter_kamailio::KamailioError),
    #[error("media ports: {0}")]
    Ports(#[from] roger_adapter_rtp::PortsError),
    #[error("media keys: {0}")]
    Srtp(#[from] roger_srtp::SrtpError),
    #[error("SPK: {0}")]
    KeyId(#[from] roger_base::KeyIdError),
}

impl SystemError {
    /// A value of our own configuration that a library refuses.
    pub(crate) fn configuration(error: impl core::fmt::Display) -> Self {
        Self::Configuration(error.to_string())
    }
}
