//! The names by which a SIP node knows that a message is MCPTT (TS 24.379 cl. 6.2, Annex D.2).

/// IMS communication service identifier, value of P-Preferred-Service and P-Asserted-Service.
pub const ICSI: &str = "urn:urn-7:3gpp-service.ims.icsi.mcptt";

/// The ICSI as feature tags carry it.
pub const ICSI_ENCODED: &str = "urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt";

/// Contact parameters of a client: `;+g.3gpp.mcptt;+g.3gpp.icsi-ref="…"`.
pub const CONTACT_PARAMETERS: &str =
    ";+g.3gpp.mcptt;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\"";

/// Contact parameter of a controlling function.
pub const ISFOCUS: &str = "isfocus";

/// First Accept-Contact header field of every MCPTT request.
pub const ACCEPT_CONTACT_MCPTT: &str = "*;+g.3gpp.mcptt;require;explicit";

/// Second Accept-Contact header field of every MCPTT request.
pub const ACCEPT_CONTACT_ICSI: &str =
    "*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\";require;explicit";

/// `Expires` that means "until told otherwise": 2^32 - 1 (TS 24.379 cl. 7.2.1A).
pub const EXPIRES_FOREVER: u32 = u32::MAX;

/// Media types of the bodies that Roger sends or reads (TS 24.379 cl. 6, IANA).
pub mod media_type {
    /// Session description.
    pub const SDP: &str = "application/sdp";
    /// Identities and indications (Annex F.1).
    pub const MCPTT_INFO: &str = "application/vnd.3gpp.mcptt-info+xml";
    /// Detached signatures (Annex F.6).
    pub const MCPTT_SIGNED: &str = "application/vnd.3gpp.mcptt-signed+xml";
    /// Called users, or documents to watch.
    pub const RESOURCE_LISTS: &str = "application/resource-lists+xml";
    /// Affiliation.
    pub const PIDF: &str = "application/pidf+xml";
    /// Service settings.
    pub const POC_SETTINGS: &str = "application/poc-settings+xml";
    /// Changed documents.
    pub const XCAP_DIFF: &str = "application/xcap-diff+xml";
    /// A MIKEY message as raw octets.
    pub const MIKEY: &str = "application/mikey";
    /// A complete REGISTER of the UE inside a third-party REGISTER.
    pub const MESSAGE_SIP: &str = "message/sip";
    /// Several parts.
    pub const MULTIPART_MIXED: &str = "multipart/mixed";
}
