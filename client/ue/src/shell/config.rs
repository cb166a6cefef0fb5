//! What a UE with sockets is configured with.

use crate::client::UeSettings;
use core::net::SocketAddr;
use roger_adapter_rtp::{PortRange, Tap};
use roger_adapter_sip::TapScope;
use roger_base::{KmsUri, SecretBytes, WireTap};
use roger_documents::kms_client::ClientKeys;
use roger_documents::service_config::ServiceConfiguration;
use roger_oidc::ScopeSet;
use roger_oidc::client::RelyingParty;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

/// The IdM server (TS 24.483, `IDMSAuthEndpoint`, `IDMSTokenEndpoint`).
#[derive(Clone)]
pub struct IdmAccess {
    /// This application at the IdM server.
    pub party: RelyingParty,
    /// Where the issuer's keys are.
    pub jwks_url: String,
    /// Scopes to ask for.
    pub scopes: ScopeSet,
}

/// The KMS, and what this client shares with it.
#[derive(Clone)]
pub struct KmsAccess {
    /// `https://` and host of the KMS, without a path.
    pub base_url: String,
    /// KMS URI.
    pub kms_uri: KmsUri,
    /// TrK and InK, brought here out of band.
    pub keys: ClientKeys,
}

/// The group management server's documents.
#[derive(Debug, Clone)]
pub struct GroupManagementAccess {
    /// XCAP root with a slash at its end; the token is sent nowhere else.
    pub xcap_root: String,
}

/// Addresses of this UE.
#[derive(Debug, Clone, Copy)]
pub struct Local {
    /// SIP over TCP; the port is known beforehand, since it stands in Contact.
    pub sip: SocketAddr,
    /// Media ports on the same address.
    pub media: PortRange,
}

/// A tap of SIP.
#[derive(Clone)]
pub struct SipTap {
    /// Sees what crosses the sockets.
    pub tap: Arc<dyn WireTap>,
    /// How much it sees; what a SIP core of another program sends is seen only as received.
    pub scope: TapScope,
}

/// Taps of a program that shows what crosses the sockets.
#[derive(Clone, Default)]
pub struct Taps {
    /// SIP.
    pub sip: Option<SipTap>,
    /// RTP and floor control.
    pub media: Tap,
}

/// Configuration of a UE.
pub struct UeConfig {
    /// Of the client; its Contact is set by the shell.
    pub settings: UeSettings,
    /// Password at the SIP core.
    pub sip_password: SecretBytes,
    /// Own addresses.
    pub local: Local,
    /// IdM server.
    pub idm: IdmAccess,
    /// KMS.
    pub kms: KmsAccess,
    /// Group management server.
    pub group_management: GroupManagementAccess,
    /// The service configuration, where it is given to the UE rather than fetched: what it says of protection holds from
    /// the first request on, in place of what `settings` say.
    pub service_configuration: Option<ServiceConfiguration>,
    /// The authority whose certificates are trusted, and no other.
    pub authority: Vec<CertificateDer<'static>>,
    /// Addresses of host names; other names go to the resolver of the system.
    pub hosts: Vec<(String, SocketAddr)>,
    /// Taps.
    pub taps: Taps,
}
