//! What a run is told.

use roger_base::ServerUri;
use roger_sip::digest::Algorithm;
use roger_sipcore::{ApplicationServer, Service, Subscriber};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Settings of a run; the meaning is that of [`roger_sipcore::CoreSettings`].
pub struct KamailioSettings {
    /// Home domain and digest realm.
    pub domain: String,
    /// Where datagrams and streams are served; requests to servers leave from its IP address.
    pub address: SocketAddr,
    /// Who may register. Kamailio is given hashes of the passwords.
    pub subscribers: Vec<Subscriber>,
    /// Public service identities.
    pub services: Vec<Service>,
    /// Addresses of the servers, which may assert identities.
    pub servers: Vec<IpAddr>,
    /// Who hears of registrations; Kamailio knows the feature tag of MCPTT only.
    pub application_server: ApplicationServer,
    /// TLS beside TCP and UDP; needs the Debian package kamailio-tls-modules.
    pub tls: Option<TlsSettings>,
    /// SIP over WebSocket at all addresses of streams; needs the Debian package kamailio-websocket-modules.
    pub websocket: bool,
    /// Where streams are served besides [`KamailioSettings::address`]: WebSocket usually has a port of its own.
    pub ue_address: Option<SocketAddr>,
    /// The one digest algorithm offered.
    pub algorithm: Algorithm,
    /// Shortest registration granted, in seconds; a shorter one is refused with 423.
    pub min_expires: u32,
    /// Interval in which expired registrations are looked for, in seconds.
    pub expiry_interval: u32,
}

/// Where TLS is served, and by which certificate.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// Usually the address of [`KamailioSettings::address`] with port 5061.
    pub address: SocketAddr,
    /// PEM file of the certificate with its chain.
    pub certificate: PathBuf,
    /// PEM file of its key.
    pub key: PathBuf,
}

impl KamailioSettings {
    /// The usual values: SHA-256, and a look every ten seconds.
    #[must_use]
    pub fn new(
        domain: impl Into<String>,
        address: SocketAddr,
        application_server: ApplicationServer,
    ) -> Self {
        Self {
            domain: domain.into(),
            address,
            subscribers: Vec::new(),
            services: Vec::new(),
            servers: Vec::new(),
            application_server,
            tls: None,
            websocket: false,
            ue_address: None,
            algorithm: Algorithm::Sha256,
            min_expires: 60,
            expiry_interval: 10,
        }
    }

    /// Adds a server: trusted by its address, with the service that it serves.
    pub fn add_server(&mut self, identity: ServerUri, target: roger_sip::endpoint::Target) {
        self.servers.push(target.peer().ip());
        self.services.push(Service { identity, target });
    }
}
