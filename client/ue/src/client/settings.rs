//! What a UE is configured with (UE initial configuration, TS 24.484 cl. 7.2; service configuration, cl. 8.4).

use core::time::Duration;
use roger_base::{ClientId, Impu, Mdsi, ServerUri};
use roger_call::protection::Protection;
use roger_sip::endpoint::Target;

/// Whether floor control towards the participating function is protected; absent configuration means yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FloorControlProtection {
    /// SRTCP under the CSK.
    #[default]
    On,
    /// Plain RTCP.
    Off,
}

/// Whether the client names itself in the MIKEY messages that cross the SIP core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityHiding {
    /// UIDs stand in place of MCPTT IDs (TS 33.180 cl. 5.2.6).
    #[default]
    On,
    /// MCPTT IDs stand in clear.
    Off,
}

/// Settings of a UE.
#[derive(Debug, Clone)]
pub struct UeSettings {
    /// Public user identity in the SIP core.
    pub impu: Impu,
    /// Digest user name of the SIP core.
    pub sip_username: String,
    /// Home domain of the SIP core: Request-URI of REGISTER.
    pub sip_domain: String,
    /// The SIP core.
    pub core: Target,
    /// Host and port of Contact, such as `192.0.2.9:5060;transport=tcp`.
    pub contact: String,
    /// This client instance.
    pub client_id: ClientId,
    /// PSI of the participating function.
    pub participating: ServerUri,
    /// Receiver of the CSK for the participating function.
    pub mdsi: Mdsi,
    /// PSI of the group management server, also its identity: receiver of a CSK of its own, and the only signer
    /// of group keys.
    pub group_management: ServerUri,
    /// Domain that marks protected URIs.
    pub domain: String,
    /// Protection of XML in SIP.
    pub protection: Protection,
    /// Protection of floor control.
    pub floor_protection: FloorControlProtection,
    /// Hidden identities in MIKEY messages.
    pub hiding: IdentityHiding,
    /// Life asked for in REGISTER.
    pub registration_life: Duration,
}
