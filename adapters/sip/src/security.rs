//! TLS of SIP connections: whose certificate is good (RFC 3261 26.3.1, RFC 5922).

use roger_adapter_tls::{ClientTls, ServerTls};
use roger_sip::uri::Uri;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What a TLS connection carries, by its name in ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// SIP messages.
    Sip,
    /// The HTTP request that opens a WebSocket.
    Http,
}

impl Carried {
    /// A client that names other protocols only is refused: it meant another server.
    fn protocols(self) -> Vec<Vec<u8>> {
        match self {
            Self::Sip => vec![b"sip/2".to_vec()],
            Self::Http => vec![b"http/1.1".to_vec()],
        }
    }
}

/// The server's configuration for one kind of listener; follows what is put into the [`ServerTls`].
pub(crate) struct Acceptor {
    tls: ServerTls,
    carried: Carried,
    /// The configuration it was derived from, and the derived one.
    derived: Mutex<(Arc<ServerConfig>, Arc<ServerConfig>)>,
}

impl Acceptor {
    pub(crate) fn new(tls: ServerTls, carried: Carried) -> Self {
        let source = tls.current();
        let derived = derive(&source, carried);
        Self {
            tls,
            carried,
            derived: Mutex::new((source, derived)),
        }
    }

    /// For the next handshake.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let current = self.tls.current();
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&derived.0, &current) {
            let config = derive(&current, self.carried);
            *derived = (current, config);
        }
        Arc::clone(&derived.1)
    }
}

fn derive(source: &Arc<ServerConfig>, carried: Carried) -> Arc<ServerConfig> {
    let mut config = ServerConfig::clone(source);
    config.alpn_protocols = carried.protocols();
    Arc::new(config)
}

/// The client's configuration: the authorities and certificate of the settings, names as SIP has them.
pub(crate) fn connector(tls: &ClientTls, carried: Carried) -> Arc<ClientConfig> {
    let mut config = tls.config();
    config.alpn_protocols = carried.protocols();
    let verifier = SipVerifier {
        roots: tls.roots(),
        provider: Arc::clone(config.crypto_provider()),
    };
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(verifier));
    Arc::new(config)
}

/// Checks the chain as usual and the name as RFC 5922 7.2 says.
#[derive(Debug)]
struct SipVerifier {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SipVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )?;
        match server_name {
            ServerName::DnsName(name) => {
                let shows = identities(end_entity)
                    .iter()
                    .any(|identity| identity.eq_ignore_ascii_case(name.as_ref()));
                if !shows {
                    return Err(CertificateError::NotValidForName.into());
                }
            }
            other => verify_server_name(&parsed, other)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Identities taken from one certificate.
const MAX_IDENTITIES: usize = 16;

/// SIP domains that a certificate shows: its SIP URIs without a user and its DNS names. A wildcard is no identity
/// and so stands for no domain; the common name is not looked at (RFC 5922 7.1, 7.2).
pub(crate) fn identities(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else {
        return Vec::new();
    };
    let domains = parsed.valid_uri_names().filter_map(|text| {
        let uri = Uri::parse(text.as_bytes()).ok()?;
        let domain = uri.is_sip() && !uri.is_secure() && uri.user().is_none();
        domain.then(|| uri.host().unwrap_or_default().to_ascii_lowercase())
    });
    let hosts = parsed
        .valid_dns_names()
        .filter(|name| !name.contains('*'))
        .map(str::to_ascii_lowercase);
    domains.chain(hosts).take(MAX_IDENTITIES).collect()
}

/// The name that the peer's certificate is checked against.
pub(crate) fn expected_name(name: Option<&str>, peer: IpAddr) -> Option<ServerName<'static>> {
    match name {
        Some(name) => ServerName::try_from(name.to_owned()).ok(),
        None => Some(ServerName::from(peer)),
    }
}
