//! Protection of a whole document: sensitive elements are encrypted and sensitive URIs hidden, in place, so that
//! every other octet stays as it was (TS 24.379 cl. 4.8, 6.6.2).

use crate::element::{ConfidentialityError, decrypt, encrypt};
use crate::encoding::is_xml_space;
use crate::markup::{self, Limits, MarkupError, elements};
use crate::misplaced;
use crate::names::XENC;
use crate::uri::{self, ProtectedDomains};
use crate::writer::{Writer, escape_attribute, escape_text};
use crate::{BoundKeys, XmlKeys};
use core::ops::Range;
use roger_base::Random;
use roxmltree::Node;
use zeroize::Zeroizing;

/// An attribute that holds a sensitive URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensitiveAttribute {
    /// Namespace of the element.
    pub namespace: &'static str,
    /// Local name of the element.
    pub element: &'static str,
    /// Name of the attribute, without namespace.
    pub attribute: &'static str,
}

/// What is sensitive in one kind of document (TS 33.180 cl. 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Namespace of the elements whose content is sensitive; they carry `type="Normal"` or `"Encrypted"`.
    pub elements: Option<&'static str>,
    /// Elements of that namespace that are sensitive also where a peer leaves `type` out (the schema allows it).
    pub content_types: &'static [&'static str],
    /// Attributes with sensitive URIs.
    pub attributes: &'static [SensitiveAttribute],
    /// Elements of type `xs:anyURI` with a sensitive URI as their text: a hidden URI is an `anyURI` too \[I\].
    pub texts: &'static [SensitiveText],
    /// What may stand beside them in clear.
    pub clear: ClearContent,
}

/// An element whose text is a sensitive URI, without a `type` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensitiveText {
    /// Namespace of the element.
    pub namespace: &'static str,
    /// Local name of the element.
    pub element: &'static str,
}

/// What of a document is no sensitive content by itself (TS 24.379 cl. 4.8): everything else outside a protected
/// place is misplaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClearContent {
    /// Everything that is no identity: a URI of a user, group or client has no place outside the protected ones.
    NoIdentities,
    /// Besides, only these elements and attributes may have values at all: the others are locations.
    Named(&'static [&'static str]),
}

const PIDF: &str = "urn:ietf:params:xml:ns:pidf";
const GKTP: &str = "urn:3gpp:ns:mcpttGKTP:1.0";
const PRES_INFO: &str = "urn:3gpp:ns:mcpttPresInfo:1.0";
const CONFERENCE: &str = "urn:ietf:params:xml:ns:conference-info";
const XCAP_DIFF: &str = "urn:ietf:params:xml:ns:xcap-diff";
const SIMPLE_FILTER: &str = "urn:ietf:params:xml:ns:simple-filter";
const AFFILIATION_COMMAND: &str = "urn:3gpp:ns:affiliationCommand:1.0";
const FLOOR_REQUEST: &str = "urn:3gpp:ns:mcpttFloorRequest:1.0";
const REGROUP: &str = "urn:3gpp:ns:preconfiguredRegroup:1.0";

const fn attribute(
    namespace: &'static str,
    element: &'static str,
    attribute: &'static str,
) -> SensitiveAttribute {
    SensitiveAttribute {
        namespace,
        element,
        attribute,
    }
}

const fn text(namespace: &'static str, element: &'static str) -> SensitiveText {
    SensitiveText { namespace, element }
}

/// Names of the elements and attributes of location-info whose values say nothing of where anybody is: what triggers
/// a report, and how reports are numbered (TS 24.379 F.3).
const LOCATION_CLEAR: &[&str] = &[
    "ConfigScope",
    "RequestId",
    "ReportID",
    "ReportType",
    "TriggerId",
    "minimumIntervalLength",
    "PeriodicReport",
    "TravelledDistance",
    "EnterSpecificCell",
    "ExitSpecificCell",
    "EnterSpecificTrackingArea",
    "ExitSpecificTrackingArea",
    "EnterSpecificPlmn",
    "ExitSpecificPlmn",
    "EnterSpecificMbmsSa",
    "ExitSpecificMbmsSa",
    "EnterSpecificMbsfnArea",
    "ExitSpecificMbsfnArea",
];

impl Profile {
    /// Nothing sensitive but what the rule on identities finds.
    const EMPTY: Self = Self {
        elements: None,
        content_types: &[],
        attributes: &[],
        texts: &[],
        clear: ClearContent::NoIdentities,
    };

    /// `application/vnd.3gpp.mcptt-info+xml`: every element of `contentType`, and the group in keys of MKFC.
    pub const MCPTT_INFO: Self = Self {
        elements: Some("urn:3gpp:ns:mcpttInfo:1.0"),
        content_types: &[
            "mcptt-access-token",
            "mcptt-request-uri",
            "mcptt-calling-user-id",
            "mcptt-called-party-id",
            "mcptt-calling-group-id",
            "required",
            "emergency-ind",
            "alert-ind",
            "imminentperil-ind",
            "associated-group-id",
            "originated-by",
            "mcptt-client-id",
            "alert-ind-rcvd",
        ],
        // A group ID in an attribute: hidden by the rule of TS 33.180 cl. 9.3, not by name (inferred).
        attributes: &[attribute(
            GKTP,
            "on-network-regrouped-GKTPs",
            "temporary-MCPTT-group-ID",
        )],
        ..Self::EMPTY
    };
    /// `application/vnd.3gpp.mcptt-location-info+xml`.
    pub const LOCATION_INFO: Self = Self {
        elements: Some("urn:3gpp:ns:mcpttLocationInfo:1.0"),
        content_types: &[
            "CurrentServingEcgi",
            "NeighbouringEcgi",
            "MbmsSaId",
            "MbsfnArea",
            "CurrentServingNcgi",
            "NeighbouringNcgi",
            "longitude",
            "latitude",
            "altitude",
            "horizontalaccuracy",
            "verticalaccuracy",
            "speed",
            "bearing",
        ],
        clear: ClearContent::Named(LOCATION_CLEAR),
        ..Self::EMPTY
    };
    /// `application/resource-lists+xml`.
    pub const RESOURCE_LISTS: Self = Self {
        attributes: &[attribute(
            "urn:ietf:params:xml:ns:resource-lists",
            "entry",
            "uri",
        )],
        ..Self::EMPTY
    };
    /// `application/pidf+xml` with affiliations.
    pub const PIDF: Self = Self {
        attributes: &[
            attribute(PIDF, "presence", "entity"),
            attribute(PIDF, "tuple", "id"),
            attribute(PRES_INFO, "affiliation", "group"),
            attribute(PRES_INFO, "affiliation", "client"),
            // Sensitive from Rel-15 on; that it is hidden like the others is inferred.
            attribute(PRES_INFO, "functionalAlias", "functionalAliasID"),
        ],
        ..Self::EMPTY
    };
    /// `application/conference-info+xml`.
    pub const CONFERENCE_INFO: Self = Self {
        attributes: &[
            attribute(CONFERENCE, "conference-info", "entity"),
            attribute(CONFERENCE, "user", "entity"),
            attribute(CONFERENCE, "endpoint", "entity"),
        ],
        ..Self::EMPTY
    };
    /// `application/xcap-diff+xml`: selectors name users and groups (inferred, TS 24.481).
    pub const XCAP_DIFF: Self = Self {
        attributes: &[
            attribute(XCAP_DIFF, "document", "sel"),
            attribute(XCAP_DIFF, "element", "sel"),
            attribute(XCAP_DIFF, "attribute", "sel"),
        ],
        ..Self::EMPTY
    };
    /// `application/simple-filter+xml`: the resource filtered, and selectors that name clients (inferred, RFC 4661).
    pub const SIMPLE_FILTER: Self = Self {
        attributes: &[attribute(SIMPLE_FILTER, "filter", "uri")],
        texts: &[
            text(SIMPLE_FILTER, "include"),
            text(SIMPLE_FILTER, "exclude"),
        ],
        ..Self::EMPTY
    };
    /// `application/vnd.3gpp.mcptt-affiliation-command+xml`: the groups (inferred, TS 24.379 F.4).
    pub const AFFILIATION_COMMAND: Self = Self {
        texts: &[text(AFFILIATION_COMMAND, "group")],
        ..Self::EMPTY
    };
    /// `application/vnd.3gpp.mcptt-floor-request+xml`: the participant (inferred, TS 24.379 F.5).
    pub const FLOOR_REQUEST: Self = Self {
        texts: &[text(FLOOR_REQUEST, "mcptt-id")],
        ..Self::EMPTY
    };
    /// `application/vnd.3gpp.mcptt-regroup+xml`: groups and users (inferred, TS 24.379 cl. 16).
    pub const REGROUP: Self = Self {
        texts: &[
            text(REGROUP, "mcptt-regroup-uri"),
            text(REGROUP, "preconfigured-group"),
            text(REGROUP, "group"),
            text(REGROUP, "user"),
        ],
        ..Self::EMPTY
    };
    /// `application/vnd.3gpp.mcptt-mbms-usage-info+xml` names bearers; nothing in it names a user or a group.
    pub const MBMS_USAGE: Self = Self::EMPTY;

    /// The profile of a media type (lower case, without parameters); nothing when it holds nothing sensitive.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Some(match media_type {
            "application/vnd.3gpp.mcptt-info+xml" => Self::MCPTT_INFO,
            "application/vnd.3gpp.mcptt-location-info+xml" => Self::LOCATION_INFO,
            "application/resource-lists+xml" => Self::RESOURCE_LISTS,
            "application/pidf+xml" => Self::PIDF,
            "application/conference-info+xml" => Self::CONFERENCE_INFO,
            "application/xcap-diff+xml" => Self::XCAP_DIFF,
            "application/simple-filter+xml" => Self::SIMPLE_FILTER,
            "application/vnd.3gpp.mcptt-affiliation-command+xml" => Self::AFFILIATION_COMMAND,
            "application/vnd.3gpp.mcptt-mbms-usage-info+xml" => Self::MBMS_USAGE,
            "application/vnd.3gpp.mcptt-floor-request+xml" => Self::FLOOR_REQUEST,
            "application/vnd.3gpp.mcptt-regroup+xml" => Self::REGROUP,
            _ => return None,
        })
    }

    fn in_namespace(&self, node: Node<'_, '_>) -> bool {
        node.is_element() && self.elements.is_some() && node.tag_name().namespace() == self.elements
    }

    /// Whether an element is of `contentType`: it has the attribute, a name we know, or a value element in it.
    fn is_content_type(&self, node: Node<'_, '_>) -> bool {
        const VALUES: [&str; 3] = ["mcpttURI", "mcpttString", "mcpttBoolean"];
        let value = |child: Node<'_, '_>| {
            self.in_namespace(child) && VALUES.contains(&child.tag_name().name())
        };
        self.in_namespace(node)
            && (node.has_attribute("type")
                || self.content_types.contains(&node.tag_name().name())
                || elements(node).any(value))
    }

    /// Whether everything in an element is protected with it.
    pub(crate) fn is_protected_place(&self, node: Node<'_, '_>) -> bool {
        self.is_content_type(node)
            || self.has_sensitive_text(node)
            || matches!(node.tag_name().namespace(), Some(XENC))
    }

    /// Whether an attribute has a protected form.
    pub(crate) fn has_place(&self, node: Node<'_, '_>, attribute: &str) -> bool {
        self.attributes.iter().any(|rule| {
            rule.attribute == attribute && node.has_tag_name((rule.namespace, rule.element))
        })
    }

    fn has_sensitive_text(&self, node: Node<'_, '_>) -> bool {
        self.texts
            .iter()
            .any(|rule| node.has_tag_name((rule.namespace, rule.element)))
    }

    fn sensitive_attributes<'a, 'i>(
        &self,
        node: Node<'a, 'i>,
    ) -> Vec<roxmltree::Attribute<'a, 'i>> {
        let rules = self
            .attributes
            .iter()
            .filter(|rule| node.has_tag_name((rule.namespace, rule.element)));
        rules
            .filter_map(|rule| node.attribute_node(rule.attribute))
            .collect()
    }
}

/// A document as it reads after decryption, and what was found in it.
pub struct Opened {
    /// The document in clear.
    pub xml: Zeroizing<String>,
    /// Elements decrypted and URIs opened.
    pub protected: usize,
    /// Sensitive elements and URIs that came in clear. With confidentiality protection on, this has to be 0.
    pub clear: usize,
    /// Sensitive values in places that have no protected form. With confidentiality protection on, this has to be 0.
    pub misplaced: usize,
}

/// Encrypts every sensitive element and hides every sensitive URI.
///
/// # Errors
/// [`ConfidentialityError::PeerMarkup`] when the document does not keep its bounds, [`ConfidentialityError::LocalRandom`],
/// [`ConfidentialityError::LocalMisplaced`] when a sensitive value stands where it has no protected form (TS 24.379
/// cl. 4.8): such a document is not sent.
pub fn protect(
    document: &[u8],
    profile: &Profile,
    keys: &XmlKeys,
    domain: &str,
    random: &mut dyn Random,
) -> Result<String, ConfidentialityError> {
    let text = markup::check(document, &Limits::MESSAGE)?;
    let tree = markup::parse_text(text, &Limits::MESSAGE)?;
    if let Some(name) = misplaced::names(&tree, profile, &|_| false).first() {
        return Err(ConfidentialityError::LocalMisplaced(name.clone()));
    }
    let mut edits = Edits::default();
    let mut done: Range<usize> = 0..0;
    for node in tree.descendants().filter(Node::is_element) {
        if done.contains(&node.range().start) {
            continue;
        }
        if profile.is_content_type(node)
            && matches!(node.attribute("type"), Some("Normal") | None)
            && let Some(content) = content_range(text, node)
        {
            let fragment = text.get(content.clone()).unwrap_or_default();
            set_type(&mut edits, text, node, "Encrypted");
            edits.replace(content, encrypt(fragment, keys, random)?);
            done = node.range();
            continue;
        }
        for attribute in profile.sensitive_attributes(node) {
            let hidden = uri::protect(attribute.value(), keys, domain, random)?;
            edits.replace(attribute.range_value(), escape_attribute(&hidden));
        }
        if let Some((place, value)) = sensitive_text(text, profile, node)? {
            let hidden = uri::protect(&value, keys, domain, random)?;
            edits.replace(place, escape_text(&hidden));
        }
    }
    Ok(edits.apply(text).to_string())
}

/// Decrypts every encrypted element and opens every protected URI, with the keys bound to the sender.
///
/// A document without protected content comes back as it is, so that a receiver can take both.
///
/// # Errors
/// [`ConfidentialityError`] for the first element or attribute that does not open or is outside the profile.
pub fn open(
    document: &[u8],
    profile: &Profile,
    keys: &BoundKeys,
    domains: &ProtectedDomains,
) -> Result<Opened, ConfidentialityError> {
    let text = markup::check(document, &Limits::MESSAGE)?;
    let tree = markup::parse_text(text, &Limits::MESSAGE)?;
    let mut edits = Edits::default();
    let (mut protected, mut clear) = (0, 0);
    let mut done: Range<usize> = 0..0;
    for node in tree.descendants().filter(Node::is_element) {
        if done.contains(&node.range().start) {
            continue;
        }
        if node.tag_name().namespace() == Some(XENC) {
            return Err(ConfidentialityError::PeerForbidden(
                node.tag_name().name().to_owned(),
            ));
        }
        match content_kind(profile, node)? {
            Kind::Encrypted(encrypted) => {
                open_element(text, node, encrypted, keys, &mut edits)?;
                done = node.range();
                protected += 1;
            }
            Kind::Clear => clear += 1,
            Kind::Other => {}
        }
        for attribute in profile.sensitive_attributes(node) {
            if !uri::is_protected(attribute.value(), domains) {
                clear += 1;
                continue;
            }
            let shown = uri::unprotect(attribute.value(), keys, domains)?;
            edits.replace(attribute.range_value(), escape_attribute(&shown));
            protected += 1;
        }
        if let Some((place, value)) = sensitive_text(text, profile, node)? {
            if uri::is_protected(&value, domains) {
                let shown = uri::unprotect(&value, keys, domains)?;
                edits.replace(place, escape_text(&shown));
                protected += 1;
            } else {
                clear += 1;
            }
        }
    }
    let misplaced = misplaced::names(&tree, profile, &|value| uri::is_protected(value, domains));
    let xml = edits.apply(text);
    check_not_nested(&xml)?;
    Ok(Opened {
        xml,
        protected,
        clear,
        misplaced: misplaced.len(),
    })
}

/// Place and value of a sensitive URI.
type PlacedUri = (Range<usize>, Zeroizing<String>);

/// Place and value of a sensitive URI that is the text of an element; nothing where there is none.
fn sensitive_text(
    text: &str,
    profile: &Profile,
    node: Node<'_, '_>,
) -> Result<Option<PlacedUri>, ConfidentialityError> {
    if !profile.has_sensitive_text(node) {
        return Ok(None);
    }
    let value = Zeroizing::new(markup::text_of(node, "a sensitive URI")?);
    let value = Zeroizing::new(value.trim_matches(is_xml_space).to_owned());
    Ok(content_range(text, node)
        .filter(|_| !value.is_empty())
        .map(|place| (place, value)))
}

enum Kind<'a, 'i> {
    Encrypted(Node<'a, 'i>),
    Clear,
    Other,
}

/// What a sensitive element holds; its `type` attribute and its content must agree.
fn content_kind<'a, 'i>(
    profile: &Profile,
    node: Node<'a, 'i>,
) -> Result<Kind<'a, 'i>, ConfidentialityError> {
    let encrypted = elements(node).find(|child| child.has_tag_name((XENC, "EncryptedData")));
    let sensitive =
        profile.is_content_type(node) || (profile.in_namespace(node) && encrypted.is_some());
    if !sensitive {
        return Ok(Kind::Other);
    }
    match (node.attribute("type"), encrypted) {
        (Some("Encrypted") | None, Some(data)) if is_alone(node) => Ok(Kind::Encrypted(data)),
        (Some("Normal") | None, None) if node.has_children() => Ok(Kind::Clear),
        (Some("Normal") | None, None) => Ok(Kind::Other),
        _ => Err(ConfidentialityError::PeerTypeMismatch(
            node.tag_name().name().to_owned(),
        )),
    }
}

/// Writes the `type` attribute, in place of the one there or right after the name of the element.
fn set_type(edits: &mut Edits, text: &str, node: Node<'_, '_>, value: &str) {
    if let Some(kind) = node.attribute_node("type") {
        edits.replace(kind.range_value(), value.to_owned());
        return;
    }
    let start = node.range().start;
    let tag = text.get(start..).unwrap_or_default();
    let name = tag
        .find(|c: char| is_xml_space(c) || matches!(c, '/' | '>'))
        .unwrap_or(tag.len());
    let place = start.saturating_add(name);
    edits.replace(place..place, format!(" type=\"{value}\""));
}

/// One child element and no text beside it.
fn is_alone(node: Node<'_, '_>) -> bool {
    let text = |child: &Node<'_, '_>| {
        child.is_text()
            && !child
                .text()
                .unwrap_or_default()
                .trim_matches(is_xml_space)
                .is_empty()
    };
    elements(node).count() == 1 && !node.children().any(|child| text(&child))
}

fn open_element(
    text: &str,
    node: Node<'_, '_>,
    encrypted: Node<'_, '_>,
    keys: &BoundKeys,
    edits: &mut Edits,
) -> Result<(), ConfidentialityError> {
    let fragment = decrypt(encrypted, keys)?;
    check_fragment(&fragment, node)?;
    let content = content_range(text, node).ok_or(MarkupError::PeerNotWellFormed)?;
    set_type(edits, text, node, "Normal");
    edits.replace(content, fragment.to_string());
    Ok(())
}

/// The decrypted fragment has to be balanced by itself in the namespaces of its parent, so that it cannot
/// close the parent and add elements after it.
fn check_fragment(fragment: &str, parent: Node<'_, '_>) -> Result<(), ConfidentialityError> {
    let mut writer = Writer::new();
    writer.start("fragment");
    for namespace in parent.namespaces() {
        match namespace.name() {
            Some("xml") => {}
            Some(prefix) => {
                writer.attribute(&format!("xmlns:{prefix}"), namespace.uri());
            }
            None => {
                writer.attribute("xmlns", namespace.uri());
            }
        }
    }
    writer.raw(fragment).end("fragment");
    let wrapped = Zeroizing::new(writer.finish());
    let tree = markup::parse(wrapped.as_bytes(), &Limits::MESSAGE)?;
    if tree
        .descendants()
        .any(|node| node.tag_name().namespace() == Some(XENC))
    {
        return Err(ConfidentialityError::PeerNested);
    }
    Ok(())
}

fn check_not_nested(xml: &str) -> Result<(), ConfidentialityError> {
    let tree = markup::parse(xml.as_bytes(), &Limits::MESSAGE)?;
    if tree
        .descendants()
        .any(|node| node.tag_name().namespace() == Some(XENC))
    {
        return Err(ConfidentialityError::PeerNested);
    }
    Ok(())
}

/// The octets between start tag and end tag; nothing for an empty element tag.
fn content_range(text: &str, node: Node<'_, '_>) -> Option<Range<usize>> {
    let range = node.range();
    let element = text.get(range.clone())?;
    let start = start_tag_end(element)?;
    let end = element.rfind("</")?;
    (start < end).then(|| range.start + start..range.start + end)
}

/// The place after the `>` that ends the start tag; a `>` inside quotation marks does not.
fn start_tag_end(element: &str) -> Option<usize> {
    let mut quote = None;
    for (place, c) in element.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(place + 1),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// Replacements in a text, applied at once.
#[derive(Default)]
struct Edits(Vec<(Range<usize>, Zeroizing<String>)>);

impl Edits {
    fn replace(&mut self, range: Range<usize>, with: String) {
        self.0.push((range, Zeroizing::new(with)));
    }

    fn apply(mut self, text: &str) -> Zeroizing<String> {
        self.0.sort_by_key(|(range, _)| range.start);
        let mut result = Zeroizing::new(String::with_capacity(text.len() * 2));
        let mut place = 0;
        for (range, with) in &self.0 {
            result.push_str(text.get(place..range.start).unwrap_or_default());
            result.push_str(with);
            place = range.end;
        }
        result.push_str(text.get(place..).unwrap_or_default());
        result
    }
}
