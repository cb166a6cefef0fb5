//! Settings of the participating function.

use crate::controlling::FloorControlProtection;
use crate::server_hop::ServerHop;
use core::time::Duration;
use roger_base::{GroupId, McpttId, ServerUri};
use roger_call::protection::Protection;
use roger_call::service_authorisation::UserDirectory;
use roger_documents::service_config::ServiceConfiguration;
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::signalling::XmlKeyMode;
use roger_media::AddressRule;
use roger_oidc::AccessTokenVerifier;
use roger_sip::endpoint::Target;
use roger_xml::signed_body::Coverage;
use std::sync::Arc;

/// Keys of this function and whom it believes; renewed while it runs.
#[derive(Clone)]
pub struct Credentials {
    /// Key sets of every identity that may stand in IDRr of a CSK message: the MDSI first, which also signs key
    /// downloads, and the PSI for Release 13 clients.
    pub key_sets: Vec<UserKeySet>,
    /// KMSs with a valid certificate.
    pub kms: Vec<KmsDomain>,
    /// Checks access tokens.
    pub tokens: AccessTokenVerifier,
}

/// Which controlling function serves the groups and users of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllingRoute {
    /// Host part of group IDs and MCPTT IDs.
    pub domain: String,
    /// PSI of the controlling function.
    pub controlling: ServerUri,
}

/// Settings of the participating function.
#[derive(Clone)]
pub struct ParticipatingSettings {
    /// PSI of this function.
    pub psi: ServerUri,
    /// Host name in Warning headers.
    pub host: String,
    /// Host and port of Contact, such as `192.0.2.7:5060;transport=tcp`.
    pub contact: String,
    /// The SIP core, by which every request comes and goes; nothing is believed that comes from elsewhere.
    pub core: Target,
    /// Controlling functions by domain; a group of another domain is refused with Warning 142.
    pub controlling: Vec<ControllingRoute>,
    /// Keys of the hop to the controlling functions.
    pub hop: ServerHop,
    /// Floor control towards the controlling functions.
    pub server_floor_protection: FloorControlProtection,
    /// Domain that marks protected URIs on the hop to clients.
    pub domain: String,
    /// XML protection on the hop to clients; absent configuration means full (TS 24.484 cl. 8.4.2.6).
    pub protection: Protection,
    /// Which parts clients must sign.
    pub coverage: Coverage,
    /// How XML keys come from a CSK.
    pub key_mode: XmlKeyMode,
    /// Floor control of private calls on the hop to clients (`<allow-private-call-floor-control-protection>`; absent
    /// means on \[I\]). That of group calls is in the group document.
    pub private_floor_protection: FloorControlProtection,
    /// How media addresses of clients are taken: as their SDP says, or learned.
    pub client_addresses: AddressRule,
    /// Keys and trust.
    pub credentials: Credentials,
    /// Finds hidden initiators.
    pub users: Arc<dyn UserDirectory + Send + Sync>,
    /// How long a binding outlives its access token before requests are answered 404 "141", so that the client
    /// authorises anew; zero is strict \[I, TS 24.379 cl. 7\]. Calls go on, and calls to the client still
    /// reach it.
    pub token_grace: Duration,
    /// Most bindings; a further authorisation is answered 503.
    pub max_bindings: usize,
    /// Most calls at a time, both roles together; a further one is refused with 500 and Retry-After.
    pub max_sessions: usize,
}

impl ParticipatingSettings {
    /// Default of [`Self::token_grace`].
    pub const TOKEN_GRACE: Duration = Duration::from_secs(24 * 3600);

    /// Takes over what the service configuration says of protection; what it leaves out is on (TS 24.484
    /// cl. 8.4.2.6). XML between servers is a matter of [`ServerHop`], made with [`Protection::of_servers`].
    pub const fn follow(&mut self, configuration: &ServiceConfiguration) {
        self.protection =
            Protection::of_flags(configuration.confidentiality, configuration.integrity);
        let allowed = configuration.floor_control_between_servers;
        self.server_floor_protection = FloorControlProtection::of_flag(allowed);
    }

    /// CSK messages that are remembered against replay: every client may authorise twice while one is fresh, as
    /// after a failure of the network.
    #[must_use]
    pub fn max_processed_key_messages(&self) -> usize {
        self.max_bindings.saturating_mul(2).max(65_536)
    }

    /// The controlling function of a group.
    pub(super) fn controlling_of_group(&self, group: &GroupId) -> Option<&ServerUri> {
        self.route(group.as_str())
    }

    /// The controlling function of a user's private calls: that of the user's own system (TS 24.379 cl. 11.1.1.3).
    pub(super) fn controlling_of_user(&self, user: &McpttId) -> Option<&ServerUri> {
        self.route(user.as_str())
    }

    /// Whether a PSI is that of a controlling function known here.
    pub(super) fn is_controlling(&self, identity: &str) -> bool {
        let known = |route: &ControllingRoute| route.controlling.as_str() == identity;
        self.controlling.iter().any(known)
    }

    fn route(&self, uri: &str) -> Option<&ServerUri> {
        let host = host(uri)?;
        let serves = |route: &&ControllingRoute| route.domain.eq_ignore_ascii_case(host);
        self.controlling
            .iter()
            .find(serves)
            .map(|route| &route.controlling)
    }
}

/// Host of a SIP URI, without port and parameters.
fn host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once(':')?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    rest.split([';', ':', '?'])
        .next()
        .filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_uri_is_what_stands_after_the_at_sign() {
        assert_eq!(host("sip:fire-1@mc.example.org"), Some("mc.example.org"));
        assert_eq!(host("sip:a;b@mc:5060;x=y"), Some("mc"));
        assert_eq!(host("sip:mc"), Some("mc"));
        assert_eq!(host("tel:+49"), Some("+49"));
        assert_eq!(host("mc"), None);
        assert_eq!(host("sip:a@"), None);
    }
}
