//! TLS as TS 33.310 Annex E and TS 33.210 6.2 demand it: versions 1.2 and 1.3, ECDHE, AEAD only.
//!
//! X25519MLKEM768 comes first in both directions: these links carry keys that must stay secret for years.

use base64::Engine as _;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a TLS side cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Certificate or key cannot be read or do not fit; the text is the library's, without key material.
    #[error("TLS cannot be set up: {0}")]
    LocalConfiguration(String),
    /// A file is not PEM of what it should be.
    #[error("the PEM file has no {0}")]
    LocalPem(&'static str),
}

fn configuration(error: impl core::fmt::Display) -> TlsError {
    TlsError::LocalConfiguration(error.to_string())
}

/// The one provider; nothing is ever installed process-wide.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![
        kx_group::X25519MLKEM768,
        kx_group::X25519,
        kx_group::SECP256R1,
        kx_group::SECP384R1,
    ];
    Arc::new(provider)
}

/// A certificate chain with its private key.
pub struct ServerIdentity {
    /// The chain, own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

impl ServerIdentity {
    /// Writes chain and key as PEM files; the key for its owner only.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_pem(&self, chain: &Path, key: &Path) -> io::Result<()> {
        let certificates = self.chain.iter().map(|der| pem("CERTIFICATE", der));
        std::fs::write(chain, certificates.collect::<String>())?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(key)?;
        file.write_all(Zeroizing::new(pem("PRIVATE KEY", self.key.secret_der())).as_bytes())
    }
}

fn pem(tag: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {tag}-----\n{text}\n-----END {tag}-----\n")
}

impl Clone for ServerIdentity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl ServerIdentity {
    /// Reads a PEM text with certificates and one with a key.
    ///
    /// # Errors
    /// [`TlsError::LocalPem`] saying which of them is missing.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self {
            chain: certificates(chain)?,
            key: private_key(key)?,
        })
    }
}

/// Reads the private key of a PEM text.
pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| TlsError::LocalPem("private key"))
}

/// Reads the certificates of a PEM text.
///
/// # Errors
/// [`TlsError::LocalPem`] when there is none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = read.map_err(|_| TlsError::LocalPem("certificate"))?;
    if certificates.is_empty() {
        return Err(TlsError::LocalPem("certificate"));
    }
    Ok(certificates)
}

/// Sessions that a server remembers for resumption.
const REMEMBERED_SESSIONS: usize = 8192;

/// Whether a server asks its clients for certificates, and the authorities that may have signed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Not asked for.
    None,
    /// Asked for. A client may show none; one that shows a certificate of another authority is refused.
    Accepted(Vec<CertificateDer<'static>>),
    /// A client without a certificate of these authorities is refused.
    Required(Vec<CertificateDer<'static>>),
}

/// The server's side of TLS. Clones share it: what [`ServerTls::replace`] puts in holds for every server that has one.
///
/// Sessions are resumed from the server's memory, once each in TLS 1.3 and always with a fresh key exchange there;
/// early data is never taken. A server that asks for client certificates resumes nothing, since a resumed session
/// would go on when the certificate has expired. A replaced configuration forgets the sessions of the old one.
#[derive(Clone)]
pub struct ServerTls(Arc<RwLock<Arc<ServerConfig>>>);

impl ServerTls {
    /// A server known by its certificate; clients show none.
    ///
    /// # Errors
    /// [`TlsError`] when certificate and key do not fit.
    pub fn new(identity: ServerIdentity) -> Result<Self, TlsError> {
        Self::with_client_certificates(identity, &ClientCertificates::None)
    }

    /// A server whose clients may show a certificate of this authority (MCX servers at the KMS and GMS). One that
    /// shows a certificate of another authority is refused; what a good one may do is the service's decision.
    ///
    /// # Errors
    /// [`TlsError`] when certificate, key or authority cannot be used.
    pub fn with_client_authority(
        identity: ServerIdentity,
        authority: &[CertificateDer<'static>],
    ) -> Result<Self, TlsError> {
        let clients = ClientCertificates::Accepted(authority.to_vec());
        Self::with_client_certificates(identity, &clients)
    }

    /// A server that asks its clients for certificates or not.
    ///
    /// # Errors
    /// [`TlsError`] when certificate, key or authority cannot be used.
    pub fn with_client_certificates(
        identity: ServerIdentity,
        clients: &ClientCertificates,
    ) -> Result<Self, TlsError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(configuration)?;
        let builder = match client_verifier(clients)? {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let mut config = builder
            .with_single_cert(identity.chain, identity.key)
            .map_err(configuration)?;
        config.session_storage = match clients {
            ClientCertificates::None => ServerSessionMemoryCache::new(REMEMBERED_SESSIONS),
            _ => Arc::new(NoServerSessionStorage {}),
        };
        if *clients != ClientCertificates::None {
            config.send_tls13_tickets = 0;
        }
        config.max_early_data_size = 0;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(RwLock::new(Arc::new(config)))))
    }

    /// Puts another certificate or other authorities in: they hold from the next handshake on, connections go on.
    pub fn replace(&self, with: &Self) {
        let with = with.current();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = with;
    }

    /// The configuration for the next handshake.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn client_verifier(
    clients: &ClientCertificates,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let verifier = |authority: &[CertificateDer<'static>]| {
        let roots = Arc::new(roots(authority)?);
        Ok::<_, TlsError>(WebPkiClientVerifier::builder_with_provider(
            roots,
            provider(),
        ))
    };
    let builder = match clients {
        ClientCertificates::None => return Ok(None),
        ClientCertificates::Accepted(authority) => verifier(authority)?.allow_unauthenticated(),
        ClientCertificates::Required(authority) => verifier(authority)?,
    };
    builder.build().map(Some).map_err(configuration)
}

/// The client's side of TLS: trusts the given authority and no other.
#[derive(Clone)]
pub struct ClientTls {
    config: ClientConfig,
    roots: Arc<RootCertStore>,
}

impl ClientTls {
    /// A client that shows no certificate.
    ///
    /// # Errors
    /// [`TlsError`] when the authority cannot be read.
    pub fn new(authority: &[CertificateDer<'static>]) -> Result<Self, TlsError> {
        Self::build(authority, None)
    }

    /// A client that shows no certificate and trusts the authorities of a PEM file.
    ///
    /// # Errors
    /// [`TlsError`] when the file cannot be read or holds no certificate.
    pub fn from_pem_file(authorities: &Path) -> Result<Self, TlsError> {
        let path = authorities.display();
        let wrong = |error| configuration(format!("{path}: {error}"));
        let authorities = CertificateDer::pem_file_iter(authorities).map_err(wrong)?;
        let authorities: Vec<_> = authorities.collect::<Result<_, _>>().map_err(wrong)?;
        Self::new(&authorities)
    }

    /// A client that shows its certificate when asked (an MCX server at the KMS).
    ///
    /// # Errors
    /// [`TlsError`] when the authority or the own certificate cannot be used.
    pub fn with_identity(
        authority: &[CertificateDer<'static>],
        own: ServerIdentity,
    ) -> Result<Self, TlsError> {
        Self::build(authority, Some(own))
    }

    fn build(
        authority: &[CertificateDer<'static>],
        own: Option<ServerIdentity>,
    ) -> Result<Self, TlsError> {
        let roots = Arc::new(roots(authority)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider())
            .build()
            .map_err(configuration)?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(configuration)?
            .with_webpki_verifier(verifier);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => builder
                .with_client_auth_cert(own.chain, own.key)
                .map_err(configuration)?,
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config, roots })
    }

    /// The configuration, for HTTP/1.1.
    #[must_use]
    pub fn config(&self) -> ClientConfig {
        self.config.clone()
    }

    /// The authorities it trusts.
    #[must_use]
    pub fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }
}

fn roots(authority: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in authority {
        roots.add(certificate.clone()).map_err(configuration)?;
    }
    Ok(roots)
}
