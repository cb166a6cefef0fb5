//! The mcptt-info body (TS 24.379 F.1): identities, session type and indications of a request.

use crate::gktp::GktpList;
use crate::read;
use crate::{Document, DocumentError};
use core::fmt;
use roger_base::{ClientId, GroupId, IdentityError, McpttId, SecretBytes};

/// Namespace of mcptt-info.
pub const NAMESPACE: &str = "urn:3gpp:ns:mcpttInfo:1.0";

/// `<session-type>`: what kind of call the request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionType {
    /// Chat group call.
    Chat,
    /// Prearranged group call.
    Prearranged,
    /// Private call.
    Private,
    /// First-to-answer call (Rel-14).
    FirstToAnswer,
    /// Ambient listening call (Rel-14).
    AmbientListening,
    /// Ad hoc group call (Rel-18).
    Adhoc,
    /// A value of a later release.
    Other(String),
}

impl SessionType {
    /// The value as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Chat => "chat",
            Self::Prearranged => "prearranged",
            Self::Private => "private",
            Self::FirstToAnswer => "first-to-answer",
            Self::AmbientListening => "ambient-listening",
            Self::Adhoc => "adhoc",
            Self::Other(text) => text,
        }
    }

    /// Reads the value.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let known = [
            Self::Chat,
            Self::Prearranged,
            Self::Private,
            Self::FirstToAnswer,
            Self::AmbientListening,
            Self::Adhoc,
        ];
        let found = known.into_iter().find(|kind| kind.as_str() == text);
        found.unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

/// `<mcptt-request-uri>`: a user or a group, as the procedure says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestUri(String);

impl RequestUri {
    /// Takes a URI.
    ///
    /// # Errors
    /// [`IdentityError`] when the text is not one.
    pub fn new(uri: &str) -> Result<Self, IdentityError> {
        GroupId::new(uri).map(|id| Self(id.as_str().to_owned()))
    }

    /// The octets of the URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URI as an MCPTT ID.
    ///
    /// # Errors
    /// [`IdentityError`], never for a value that was accepted before.
    pub fn user(&self) -> Result<McpttId, IdentityError> {
        McpttId::new(self.0.as_str())
    }

    /// The URI as a group ID.
    ///
    /// # Errors
    /// [`IdentityError`], never for a value that was accepted before.
    pub fn group(&self) -> Result<GroupId, IdentityError> {
        GroupId::new(self.0.as_str())
    }
}

impl From<&McpttId> for RequestUri {
    fn from(id: &McpttId) -> Self {
        Self(id.as_str().to_owned())
    }
}

impl From<&GroupId> for RequestUri {
    fn from(id: &GroupId) -> Self {
        Self(id.as_str().to_owned())
    }
}

/// The value of an element under `<anyExt>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionValue {
    /// `contentType` with `<mcpttURI>`: encrypted on a protected hop.
    Uri(String),
    /// `contentType` with `<mcpttString>`: encrypted on a protected hop.
    String(String),
    /// `contentType` with `<mcpttBoolean>`: encrypted on a protected hop.
    Boolean(bool),
    /// Plain text: never encrypted.
    Text(String),
}

/// An element under `<anyExt>`, added by Rel-14 or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Local name, in the namespace of mcptt-info.
    pub name: String,
    /// Its value.
    pub value: ExtensionValue,
}

/// Names of elements under `<anyExt>` (schema of TS 24.379 V20.0.0).
pub mod extension {
    #![allow(missing_docs)]
    pub const AMBIENT_LISTENING_TYPE: &str = "ambient-listening-type";
    pub const RELEASE_REASON: &str = "release-reason";
    pub const REQUEST_TYPE: &str = "request-type";
    pub const RESPONSE_TYPE: &str = "response-type";
    pub const REQ_TYPE: &str = "req-type";
    pub const RESP_TYPE: &str = "resp-type";
    pub const URGENCY_IND: &str = "urgency-ind";
    pub const TIME_OF_REQUEST: &str = "time-of-request";
    pub const FORWARDING_REASON: &str = "forwarding-reason";
    pub const SELECTED_GROUP_CHANGE_OUTCOME: &str = "selected-group-change-outcome";
    pub const AFFILIATION_REQUIRED: &str = "affiliation-required";
    pub const FUNCTIONAL_ALIAS_URI: &str = "functional-alias-URI";
    pub const CALLED_FUNCTIONAL_ALIAS_URI: &str = "called-functional-alias-URI";
    pub const CALL_TO_FUNCTIONAL_ALIAS_IND: &str = "call-to-functional-alias-ind";
    pub const USER_REQUESTED_PRIORITY: &str = "user-requested-priority";
    pub const NON_ACKNOWLEDGED_USER: &str = "non-acknowledged-user";
    pub const EMERGENCY_IND_RCVD: &str = "emergency-ind-rcvd";
    pub const EMERGENCY_ALERT_AREA_IND: &str = "emergency-alert-area-ind";
    pub const GROUP_GEO_AREA_IND: &str = "group-geo-area-ind";
    pub const MULTIPLE_DEVICES_IND: &str = "multiple-devices-ind";
    pub const PRIVATE_CALL_KMS_URI: &str = "PrivateCallKMSURI";
    pub const END_TO_END_SECURITY: &str = "end-to-end-security";
    pub const PRECONFIGURED_GROUP_ID: &str = "preconfigured-group-id";
    pub const PARTNER_MCPTT_ID: &str = "partner-mcptt-id";
    pub const PRIMARY_MCPTT_ID: &str = "primary-mcptt-id";
    pub const MIGRATION_AUTH_RESULT: &str = "migration-auth-result";
    pub const SELECTED_USER_PROFILE_INDEX: &str = "selected-user-profile-index";
    pub const ADHOC_EMERGENCY_IND: &str = "adhoc-emergency-ind";
    pub const ADHOC_ALERT_IND: &str = "adhoc-alert-ind";
    pub const ADHOC_EMERGENCY_IND_RCVD: &str = "adhoc-emergency-ind-rcvd";
    pub const ADHOC_ALERT_IND_RCVD: &str = "adhoc-alert-ind-rcvd";
    pub const CALL_PARTICIPANTS_CRITERIAS: &str = "call-participants-criterias";
    pub const PF_QUERY_ACCESS_TOKEN: &str = "pf-query-access-token";
}

/// mcptt-info. Every field is optional in the schema; the order of fields is that of the schema.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct McpttInfo {
    /// `<mcptt-access-token>`: the access token of the user.
    pub access_token: Option<SecretBytes>,
    /// `<session-type>`; never encrypted.
    pub session_type: Option<SessionType>,
    /// `<mcptt-request-uri>`: whom the request is for.
    pub request_uri: Option<RequestUri>,
    /// `<mcptt-calling-user-id>`: written by servers only.
    pub calling_user_id: Option<McpttId>,
    /// `<mcptt-called-party-id>`.
    pub called_party_id: Option<McpttId>,
    /// `<mcptt-calling-group-id>`.
    pub calling_group_id: Option<GroupId>,
    /// `<required>`: the invited member is required.
    pub required: Option<bool>,
    /// `<emergency-ind>`.
    pub emergency_ind: Option<bool>,
    /// `<alert-ind>`.
    pub alert_ind: Option<bool>,
    /// `<imminentperil-ind>`.
    pub imminent_peril_ind: Option<bool>,
    /// `<broadcast-ind>`; never encrypted.
    pub broadcast_ind: Option<bool>,
    /// `<mc-org>`: the mission critical organisation; never encrypted.
    pub mc_org: Option<String>,
    /// `<floor-state>`; never encrypted.
    pub floor_state: Option<String>,
    /// `<associated-group-id>`.
    pub associated_group_id: Option<GroupId>,
    /// `<originated-by>`: who started what a third party cancels.
    pub originated_by: Option<McpttId>,
    /// `<MKFC-GKTPs>`: multicast floor control keys (Rel-13).
    pub mkfc_gktps: Option<GktpList>,
    /// `<mcptt-client-id>`.
    pub client_id: Option<ClientId>,
    /// `<alert-ind-rcvd>`.
    pub alert_ind_rcvd: Option<bool>,
    /// `<gw-mcptt-usage>`: the request comes from a gateway UE.
    pub gw_mcptt_usage: Option<bool>,
    /// Elements under `<anyExt>`, in their order.
    pub extensions: Vec<Extension>,
}

impl McpttInfo {
    /// The value of the first element of this name under `<anyExt>`; see [`extension`].
    #[must_use]
    pub fn extension(&self, name: &str) -> Option<&ExtensionValue> {
        self.extensions
            .iter()
            .find(|item| item.name == name)
            .map(|item| &item.value)
    }

    /// Adds an element under `<anyExt>`.
    pub fn add_extension(&mut self, name: &'static str, value: ExtensionValue) {
        self.extensions.push(Extension {
            name: name.to_owned(),
            value,
        });
    }
}

/// Shows everything but the access token.
impl fmt::Debug for McpttInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpttInfo")
            .field("access_token", &self.access_token.as_ref().map(|_| "…"))
            .field("session_type", &self.session_type)
            .field("request_uri", &self.request_uri)
            .field("calling_user_id", &self.calling_user_id)
            .field("called_party_id", &self.called_party_id)
            .field("calling_group_id", &self.calling_group_id)
            .field("emergency_ind", &self.emergency_ind)
            .field("alert_ind", &self.alert_ind)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Document for McpttInfo {
    const MEDIA_TYPE: &'static str = "application/vnd.3gpp.mcptt-info+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse(octets)?;
        crate::mcptt_info_xml::read(read::root(&document, NAMESPACE, "mcpttinfo")?)
    }

    fn write(&self) -> String {
        crate::mcptt_info_xml::write(self)
    }
}
