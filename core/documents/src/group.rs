//! Group documents, `application/vnd.oma.poc.groups+xml` (TS 24.481 cl. 7.2).
//!
//! The model has what call control and key management need. A server that stores documents keeps the octets that
//! were PUT and serves those; [`GroupDocument::write`] is for documents that we make ourselves.

use crate::duration;
use crate::group_rule::{GroupRule, read_rules, write_rules};
use crate::read::{
    self, all, attribute, identity, optional_boolean, optional_number, optional_text,
};
use crate::{Document, DocumentError};
use core::time::Duration;
use roger_base::{GroupId, McpttId};
use roger_xml::Writer;
use roger_xml::markup::{child, elements, optional_child};
use roxmltree::Node;

pub(crate) const LIST_SERVICE: &str = "urn:oma:xml:poc:list-service";
pub(crate) const RESOURCE_LISTS: &str = "urn:ietf:params:xml:ns:resource-lists";
pub(crate) const COMMON_POLICY: &str = "urn:ietf:params:xml:ns:common-policy";
pub(crate) const XDM_EXTENSIONS: &str = "urn:oma:xml:xdm:extensions";
pub(crate) const GROUP_INFO: &str = "urn:3gpp:ns:mcpttGroupInfo:1.0";
const MCPTT_SERVICE: &str = "urn:urn-7:3gpp-service.ims.icsi.mcptt";

/// What happens when not all required members answered in time (TS 24.379 annex B.2.1, TNG1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcknowledgementExpiry {
    /// The call goes on.
    Proceed,
    /// The call is given up; also for values that we do not know.
    Abandon,
}

/// `<entry>` of the list: a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `@uri`.
    pub id: McpttId,
    /// `<display-name>`.
    pub display_name: Option<String>,
    /// `<user-priority>`.
    pub user_priority: Option<u8>,
    /// `<participant-type>`: a role named by the operator.
    pub participant_type: Option<String>,
    /// `<on-network-required>`: the call needs this member.
    pub required: bool,
}

impl Member {
    /// A member without attributes.
    #[must_use]
    pub const fn new(id: McpttId) -> Self {
        Self {
            id,
            display_name: None,
            user_priority: None,
            participant_type: None,
            required: false,
        }
    }
}

/// `<on-network-regrouped>`: the temporary group that this group is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regrouped {
    /// `@temporary-MCPTT-group-ID`.
    pub temporary_group: GroupId,
    /// `@temporary-MCPTT-group-requestor`.
    pub requestor: Option<McpttId>,
    /// `<constituent-MCPTT-group-IDs>`: the groups in it.
    pub constituents: Vec<GroupId>,
    /// `<protect-media>` of the temporary group.
    pub protect_media: Option<bool>,
    /// `<protect-floor-control-signalling>` of the temporary group.
    pub protect_floor_control: Option<bool>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDocument {
    /// `list-service/@uri`.
    pub id: GroupId,
    /// `<display-name>`.
    pub display_name: Option<String>,
    /// `<list>`.
    pub members: Vec<Member>,
    /// The MCPTT service is among `<supported-services>`; without it this is no MCPTT group (cl. 7.2.8).
    pub mcptt_speech: bool,
    /// `<ruleset>`.
    pub rules: Vec<GroupRule>,
    /// `<on-network-invite-members>`: prearranged (true) or chat (false).
    pub invite_members: Option<bool>,
    /// `<on-network-max-participant-count>`.
    pub max_participant_count: Option<u32>,
    /// `<on-network-maximum-duration>`, timer TNG3.
    pub maximum_duration: Option<Duration>,
    /// `<on-network-minimum-number-to-start>`.
    pub minimum_number_to_start: Option<u32>,
    /// `<on-network-timeout-for-acknowledgement-of-required-members>`, timer TNG1.
    pub acknowledgement_timeout: Option<Duration>,
    /// `<on-network-action-upon-expiration-of-timeout-for-acknowledgement-of-required-members>`.
    pub acknowledgement_expiry: Option<AcknowledgementExpiry>,
    /// `<on-network-group-priority>`.
    pub group_priority: Option<u8>,
    /// `<preferred-voice-encodings>`: encoding names in order.
    pub preferred_voice_encodings: Vec<String>,
    /// `<protect-media>` as written; see [`GroupDocument::protects_media`].
    pub protect_media: Option<bool>,
    /// `<protect-floor-control-signalling>` as written; see [`GroupDocument::protects_floor_control`].
    pub protect_floor_control: Option<bool>,
    /// `<require-multicast-floor-control-signalling>` is present.
    pub requires_multicast_floor_control: bool,
    /// `<on-network-regrouped>`.
    pub regrouped: Option<Regrouped>,
    /// `<on-network-temporary>`: this is a temporary group of these groups.
    pub temporary_of: Option<Vec<GroupId>>,
    /// `<on-network-disabled>` is present.
    pub disabled: bool,
}

impl GroupDocument {
    /// An MCPTT group without members; everything else absent.
    #[must_use]
    pub const fn new(id: GroupId) -> Self {
        Self {
            id,
            display_name: None,
            members: Vec::new(),
            mcptt_speech: true,
            rules: Vec::new(),
            invite_members: None,
            max_participant_count: None,
            maximum_duration: None,
            minimum_number_to_start: None,
            acknowledgement_timeout: None,
            acknowledgement_expiry: None,
            group_priority: None,
            preferred_voice_encodings: Vec::new(),
            protect_media: None,
            protect_floor_control: None,
            requires_multicast_floor_control: false,
            regrouped: None,
            temporary_of: None,
            disabled: false,
        }
    }

    /// Media needs the group key; absent means yes (TS 24.481 cl. 7.2.8).
    #[must_use]
    pub fn protects_media(&self) -> bool {
        self.protect_media.unwrap_or(true)
    }

    /// Floor control is protected; absent means yes (TS 24.481 cl. 7.2.8).
    #[must_use]
    pub fn protects_floor_control(&self) -> bool {
        self.protect_floor_control.unwrap_or(true)
    }

    /// The member of this identity.
    #[must_use]
    pub fn member(&self, id: &McpttId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == *id)
    }
}

impl Document for GroupDocument {
    const MEDIA_TYPE: &'static str = "application/vnd.oma.poc.groups+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse_stored(octets)?;
        let service = child(
            read::root(&document, LIST_SERVICE, "group")?,
            LIST_SERVICE,
            "list-service",
        )?;
        let list = optional_child(service, LIST_SERVICE, "list")?;
        Ok(Self {
            id: identity(attribute(service, "uri")?, "list-service/@uri")?,
            display_name: optional_text(service, LIST_SERVICE, "display-name")?,
            members: list.map(read_members).transpose()?.unwrap_or_default(),
            mcptt_speech: supports_mcptt_speech(service)?,
            rules: read_rules(service)?,
            invite_members: flag(service, "on-network-invite-members")?,
            max_participant_count: optional_number(
                service,
                GROUP_INFO,
                "on-network-max-participant-count",
            )?,
            maximum_duration: duration::optional(service, "on-network-maximum-duration")?,
            minimum_number_to_start: optional_number(
                service,
                GROUP_INFO,
                "on-network-minimum-number-to-start",
            )?,
            acknowledgement_timeout: duration::optional(service, ACKNOWLEDGEMENT_TIMEOUT)?,
            acknowledgement_expiry: acknowledgement_expiry(service)?,
            group_priority: optional_number(service, GROUP_INFO, "on-network-group-priority")?,
            preferred_voice_encodings: voice_encodings(service)?,
            protect_media: flag(service, "protect-media")?,
            protect_floor_control: flag(service, "protect-floor-control-signalling")?,
            requires_multicast_floor_control: is_present(
                service,
                "require-multicast-floor-control-signalling",
            )?,
            regrouped: optional_child(service, GROUP_INFO, "on-network-regrouped")?
                .map(read_regrouped)
                .transpose()?,
            temporary_of: optional_child(service, GROUP_INFO, "on-network-temporary")?
                .map(constituents)
                .transpose()?,
            disabled: is_present(service, "on-network-disabled")?,
        })
    }

    fn write(&self) -> String {
        let mut writer = Writer::with_declaration();
        let w = &mut writer;
        w.start("group")
            .attribute("xmlns", LIST_SERVICE)
            .attribute("xmlns:rl", RESOURCE_LISTS);
        w.attribute("xmlns:cp", COMMON_POLICY)
            .attribute("xmlns:oxe", XDM_EXTENSIONS);
        w.attribute("xmlns:mcpttgi", GROUP_INFO);
        w.start("list-service").attribute("uri", self.id.as_str());
        w.optional_leaf("display-name", self.display_name.as_deref())
            .start("list");
        for member in &self.members {
            write_member(w, member);
        }
        w.end("list");
        if self.mcptt_speech {
            write_supported_services(w);
        }
        write_rules(w, &self.rules);
        self.write_settings(w);
        w.end("list-service").end("group");
        writer.finish()
    }
}

const ACKNOWLEDGEMENT_TIMEOUT: &str = "on-network-timeout-for-acknowledgement-of-required-members";
const ACKNOWLEDGEMENT_ACTION: &str =
    "on-network-action-upon-expiration-of-timeout-for-acknowledgement-of-required-members";

impl GroupDocument {
    fn write_settings(&self, w: &mut Writer) {
        setting(w, "on-network-invite-members", self.invite_members);
        setting(
            w,
            "on-network-max-participant-count",
            self.max_participant_count,
        );
        setting(
            w,
            "on-network-maximum-duration",
            self.maximum_duration.map(duration::write),
        );
        setting(
            w,
            "on-network-minimum-number-to-start",
            self.minimum_number_to_start,
        );
        setting(
            w,
            ACKNOWLEDGEMENT_TIMEOUT,
            self.acknowledgement_timeout.map(duration::write),
        );
        setting(
            w,
            ACKNOWLEDGEMENT_ACTION,
            self.acknowledgement_expiry.map(expiry_text),
        );
        setting(w, "on-network-group-priority", self.group_priority);
        if !self.preferred_voice_encodings.is_empty() {
            w.start("mcpttgi:preferred-voice-encodings");
            for name in &self.preferred_voice_encodings {
                w.start("mcpttgi:encoding")
                    .attribute("name", name)
                    .end("mcpttgi:encoding");
            }
            w.end("mcpttgi:preferred-voice-encodings");
        }
        setting(w, "protect-media", self.protect_media);
        setting(
            w,
            "protect-floor-control-signalling",
            self.protect_floor_control,
        );
        setting(
            w,
            "require-multicast-floor-control-signalling",
            self.requires_multicast_floor_control.then_some(""),
        );
        if let Some(regrouped) = &self.regrouped {
            write_regrouped(w, regrouped);
        }
        if let Some(groups) = &self.temporary_of {
            w.start("mcpttgi:on-network-temporary");
            write_constituents(w, groups);
            w.end("mcpttgi:on-network-temporary");
        }
        setting(w, "on-network-disabled", self.disabled.then_some(""));
    }
}

fn setting<T: ToString>(w: &mut Writer, name: &str, value: Option<T>) {
    let Some(value) = value.map(|value| value.to_string()) else {
        return;
    };
    let name = format!("mcpttgi:{name}");
    match value.as_str() {
        "" => w.start(&name).end(&name),
        value => w.leaf(&name, value),
    };
}

fn flag(service: Node<'_, '_>, name: &'static str) -> Result<Option<bool>, DocumentError> {
    optional_boolean(service, GROUP_INFO, name)
}

fn is_present(service: Node<'_, '_>, name: &'static str) -> Result<bool, DocumentError> {
    Ok(optional_child(service, GROUP_INFO, name)?.is_some())
}

fn read_members(list: Node<'_, '_>) -> Result<Vec<Member>, DocumentError> {
    let mut members: Vec<Member> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for entry in all(list, LIST_SERVICE, "entry") {
        let member = Member {
            id: identity(attribute(entry, "uri")?, "entry/@uri")?,
            display_name: display_name(entry)?,
            user_priority: optional_number(entry, GROUP_INFO, "user-priority")?,
            participant_type: optional_text(entry, GROUP_INFO, "participant-type")?,
            required: is_present(entry, "on-network-required")?,
        };
        if !seen.insert(member.id.clone()) {
            return Err(DocumentError::PeerValue("entry/@uri"));
        }
        members.push(member);
    }
    Ok(members)
}

/// In the namespace of resource lists or of the list service: both are seen.
fn display_name(entry: Node<'_, '_>) -> Result<Option<String>, DocumentError> {
    const NAME: &str = "display-name";
    match optional_text(entry, RESOURCE_LISTS, NAME)? {
        Some(text) => Ok(Some(text)),
        None => optional_text(entry, LIST_SERVICE, NAME),
    }
}

fn write_member(w: &mut Writer, member: &Member) {
    w.start("entry").attribute("uri", member.id.as_str());
    w.optional_leaf("rl:display-name", member.display_name.as_deref());
    setting(w, "user-priority", member.user_priority);
    setting(w, "participant-type", member.participant_type.as_deref());
    setting(w, "on-network-required", member.required.then_some(""));
    w.end("entry");
}

fn supports_mcptt_speech(service: Node<'_, '_>) -> Result<bool, DocumentError> {
    let Some(services) = optional_child(service, XDM_EXTENSIONS, "supported-services")? else {
        return Ok(false);
    };
    let mcptt = all(services, XDM_EXTENSIONS, "service")
        .filter(|one| one.attribute("enabler") == Some(MCPTT_SERVICE));
    let mut media = mcptt.flat_map(|one| all(one, XDM_EXTENSIONS, "group-media"));
    Ok(media
        .any(|media| elements(media).any(|kind| kind.has_tag_name((GROUP_INFO, "mcptt-speech")))))
}

fn write_supported_services(w: &mut Writer) {
    w.start("oxe:supported-services")
        .start("oxe:service")
        .attribute("enabler", MCPTT_SERVICE);
    w.start("oxe:group-media")
        .start("mcpttgi:mcptt-speech")
        .end("mcpttgi:mcptt-speech")
        .end("oxe:group-media");
    w.end("oxe:service").end("oxe:supported-services");
}

fn acknowledgement_expiry(
    service: Node<'_, '_>,
) -> Result<Option<AcknowledgementExpiry>, DocumentError> {
    let text = optional_text(service, GROUP_INFO, ACKNOWLEDGEMENT_ACTION)?;
    Ok(text.map(|text| match text.as_str() {
        "proceed" => AcknowledgementExpiry::Proceed,
        _ => AcknowledgementExpiry::Abandon,
    }))
}

const fn expiry_text(action: AcknowledgementExpiry) -> &'static str {
    match action {
        AcknowledgementExpiry::Proceed => "proceed",
        AcknowledgementExpiry::Abandon => "abandon",
    }
}

fn voice_encodings(service: Node<'_, '_>) -> Result<Vec<String>, DocumentError> {
    let Some(encodings) = optional_child(service, GROUP_INFO, "preferred-voice-encodings")? else {
        return Ok(Vec::new());
    };
    let name = |node| attribute(node, "name").map(str::to_owned);
    all(encodings, GROUP_INFO, "encoding").map(name).collect()
}

fn read_regrouped(node: Node<'_, '_>) -> Result<Regrouped, DocumentError> {
    const GROUP: &str = "temporary-MCPTT-group-ID";
    const REQUESTOR: &str = "temporary-MCPTT-group-requestor";
    Ok(Regrouped {
        temporary_group: identity(attribute(node, GROUP)?, GROUP)?,
        requestor: node
            .attribute(REQUESTOR)
            .map(|text| identity(text, REQUESTOR))
            .transpose()?,
        constituents: constituents(node)?,
        protect_media: flag(node, "protect-media")?,
        protect_floor_control: flag(node, "protect-floor-control-signalling")?,
    })
}

/// The groups in `<constituent-MCPTT-group-IDs>`: one child element with a URI for each; its name was not verified.
fn constituents(node: Node<'_, '_>) -> Result<Vec<GroupId>, DocumentError> {
    const NAME: &str = "constituent-MCPTT-group-IDs";
    let Some(list) = optional_child(node, GROUP_INFO, NAME)? else {
        return Ok(Vec::new());
    };
    let group = |node| identity(&roger_xml::markup::text_of(node, NAME)?, NAME);
    elements(list)
        .filter(|child| child.tag_name().namespace() == Some(GROUP_INFO))
        .map(group)
        .collect()
}

fn write_regrouped(w: &mut Writer, regrouped: &Regrouped) {
    w.start("mcpttgi:on-network-regrouped");
    w.attribute(
        "temporary-MCPTT-group-ID",
        regrouped.temporary_group.as_str(),
    );
    w.optional_attribute(
        "temporary-MCPTT-group-requestor",
        regrouped.requestor.as_ref().map(AsRef::as_ref),
    );
    write_constituents(w, &regrouped.constituents);
    setting(w, "protect-media", regrouped.protect_media);
    setting(
        w,
        "protect-floor-control-signalling",
        regrouped.protect_floor_control,
    );
    w.end("mcpttgi:on-network-regrouped");
}

fn write_constituents(w: &mut Writer, groups: &[GroupId]) {
    w.start("mcpttgi:constituent-MCPTT-group-IDs");
    for group in groups {
        w.leaf("mcpttgi:constituent-MCPTT-group-ID", group.as_str());
    }
    w.end("mcpttgi:constituent-MCPTT-group-IDs");
}
