//! The names of the MC domain.

use super::SystemError;
use roger_base::{GroupId, KmsUri, McpttId, Mdsi, ServerUri};

/// MC domain: MDSI, and the mark of protected URIs.
pub(crate) const MC_DOMAIN: &str = "mcptt.example.org";
/// Home domain of the SIP core.
pub(crate) const IMS_DOMAIN: &str = "ims.example.org";
/// Host of the IdM server.
pub(crate) const IDM_HOST: &str = "idm.mcptt.example.org";
/// Host of the KMS, also its URI.
pub(crate) const KMS_HOST: &str = "kms.example.org";
/// Host of the group management server.
pub(crate) const GMS_HOST: &str = "gms.mcptt.example.org";
/// Name in the certificate of the participating function.
pub(crate) const PARTICIPATING_HOST: &str = "mcptt-pf.mcptt.example.org";
/// `client_id` of the UEs.
pub(crate) const OAUTH_CLIENT: &str = "roger-ue";
/// Redirect URI of the UEs.
pub(crate) const REDIRECT_URI: &str = "org.example.mcptt:/login";

/// PSIs and other identities of the servers.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    /// MC domain security identifier: receiver of the CSKs.
    pub(crate) mdsi: Mdsi,
    /// KMS URI.
    pub(crate) kms_uri: KmsUri,
    /// Participating function.
    pub(crate) participating: ServerUri,
    /// Controlling function.
    pub(crate) controlling: ServerUri,
    /// Group management server: PSI and identity of its keys.
    pub(crate) group_management: ServerUri,
}

impl Domain {
    /// The names of this program's MC domain.
    pub(crate) fn new() -> Result<Self, SystemError> {
        Ok(Self {
            mdsi: Mdsi::new(MC_DOMAIN)?,
            kms_uri: KmsUri::new(KMS_HOST)?,
            participating: ServerUri::new(format!("sip:mcptt-pf@{MC_DOMAIN}"))?,
            controlling: ServerUri::new(format!("sip:mcptt-cf@{MC_DOMAIN}"))?,
            group_management: ServerUri::new(format!("sip:{GMS_HOST}"))?,
        })
    }
}

/// MCPTT ID of a user.
pub(crate) fn mcptt_id(name: &str) -> Result<McpttId, SystemError> {
    Ok(McpttId::new(format!("sip:{name}@{MC_DOMAIN}"))?)
}

/// ID of a group.
pub(crate) fn group_id(name: &str) -> Result<GroupId, SystemError> {
    Ok(GroupId::new(format!("sip:{name}@{MC_DOMAIN}"))?)
}
