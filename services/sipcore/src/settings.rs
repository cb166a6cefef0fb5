//! What the core is told at its creation.

use core::time::Duration;
use roger_base::ServerUri;
use roger_sip::digest::Algorithm;
use roger_sip::endpoint::{Capacity, Shedding, Target};
use roger_sip::transaction::Timings;
use std::net::{IpAddr, SocketAddr};

/// Who may assert identities: the application servers, recognised by where their messages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrustedPeer {
    /// Every port of an address (connections leave from any port).
    Address(IpAddr),
    /// One socket.
    Socket(SocketAddr),
}

impl TrustedPeer {
    pub(crate) fn matches(&self, peer: SocketAddr) -> bool {
        match self {
            Self::Address(address) => *address == peer.ip(),
            Self::Socket(socket) => *socket == peer,
        }
    }
}

/// A public service identity and where it is served.
#[derive(Debug, Clone)]
pub struct Service {
    /// The PSI.
    pub identity: ServerUri,
    /// Its server.
    pub target: Target,
}

/// An application server that hears of registrations (TS 24.229 cl. 5.4.1.7).
#[derive(Debug, Clone)]
pub struct ApplicationServer {
    /// Request-URI of the third-party REGISTER.
    pub identity: ServerUri,
    /// Its server; a complete REGISTER does not fit a datagram, so this should be TCP.
    pub target: Target,
    /// Feature tag of the Contact that makes a registration its business, such as `+g.3gpp.mcptt`.
    pub feature_tag: String,
}

/// How a REGISTER proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Digest with the subscriber's password (RFC 3261 22).
    Digest,
    /// The network below has authenticated the UE (a test bench, a tunnel). The subscriber is the user of To.
    None,
}

/// Settings of the SIP core.
#[derive(Debug, Clone)]
pub struct CoreSettings {
    /// Home domain: host of the registrar's Request-URI and of all identities, and the digest realm.
    pub domain: String,
    /// Further host names that mean this core in Route.
    pub aliases: Vec<String>,
    /// Proof asked from a REGISTER.
    pub authentication: Authentication,
    /// Peers that may assert identities and reach every registered UE.
    pub trusted: Vec<TrustedPeer>,
    /// Public service identities.
    pub services: Vec<Service>,
    /// Who hears of registrations.
    pub application_servers: Vec<ApplicationServer>,
    /// Shortest registration granted; a shorter one is refused with 423.
    pub min_expires: u32,
    /// Longest registration granted.
    pub max_expires: u32,
    /// Registration granted when none was asked for.
    pub default_expires: u32,
    /// Contacts of one identity.
    pub max_contacts: usize,
    /// Identities registered at a time.
    pub max_registrations: usize,
    /// How often a UE that supports outbound is to show that its flow is alive, in seconds (RFC 5626 4.4.1).
    pub flow_timer: u32,
    /// Life of a digest nonce.
    pub nonce_life: Duration,
    /// Digest algorithms offered, the preferred one first.
    pub algorithms: Vec<Algorithm>,
    /// Timer values.
    pub timings: Timings,
    /// Bounds of the transaction tables.
    pub capacity: Capacity,
    /// When requests are refused although there is room for them.
    pub shedding: Shedding,
    /// Shortest time after which a client that was refused with 503 may come back.
    pub retry_after: Duration,
}

impl CoreSettings {
    /// The usual values for a domain; no service is known yet.
    #[must_use]
    pub fn new(domain: impl Into<String>) -> Self {
        Self {
            domain: domain.into(),
            aliases: Vec::new(),
            authentication: Authentication::Digest,
            trusted: Vec::new(),
            services: Vec::new(),
            application_servers: Vec::new(),
            min_expires: 60,
            max_expires: 600_000,
            default_expires: 3_600,
            max_contacts: 8,
            max_registrations: 100_000,
            flow_timer: 120,
            nonce_life: Duration::from_secs(3_600),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            timings: Timings::default(),
            capacity: Capacity::default(),
            shedding: Shedding::default(),
            retry_after: Duration::from_secs(5),
        }
    }
}
