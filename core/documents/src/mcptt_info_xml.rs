//! Elements of mcptt-info: the `contentType` of TS 24.379 F.1.3 and the order of the sequence.

use crate::error::DocumentError;
use crate::gktp::GktpList;
use crate::mcptt_info::{Extension, ExtensionValue, McpttInfo, NAMESPACE, RequestUri, SessionType};
use crate::read::{boolean, identity, optional_boolean, optional_text};
use core::str::FromStr;
use roger_base::{IdentityError, SecretBytes};
use roger_xml::Writer;
use roger_xml::markup::{elements, optional_child, text_of};
use roger_xml::names::XENC;
use roxmltree::Node;

/// Most elements under `<anyExt>` that are kept.
const MAX_EXTENSIONS: usize = 256;
/// Longest access token.
const MAX_TOKEN_OCTETS: usize = 16 << 10;

pub(crate) fn read(root: Node<'_, '_>) -> Result<McpttInfo, DocumentError> {
    let Some(params) = optional_child(root, NAMESPACE, "mcptt-Params")? else {
        return Ok(McpttInfo::default());
    };
    let mkfc = optional_child(params, NAMESPACE, "MKFC-GKTPs")?;
    Ok(McpttInfo {
        access_token: access_token(params)?,
        session_type: optional_text(params, NAMESPACE, "session-type")?
            .map(|text| SessionType::from_text(&text)),
        request_uri: request_uri(params)?,
        calling_user_id: id(params, "mcptt-calling-user-id")?,
        called_party_id: id(params, "mcptt-called-party-id")?,
        calling_group_id: id(params, "mcptt-calling-group-id")?,
        required: indication(params, "required")?,
        emergency_ind: indication(params, "emergency-ind")?,
        alert_ind: indication(params, "alert-ind")?,
        imminent_peril_ind: indication(params, "imminentperil-ind")?,
        broadcast_ind: optional_boolean(params, NAMESPACE, "broadcast-ind")?,
        mc_org: optional_text(params, NAMESPACE, "mc-org")?,
        floor_state: optional_text(params, NAMESPACE, "floor-state")?,
        associated_group_id: id(params, "associated-group-id")?,
        originated_by: id(params, "originated-by")?,
        mkfc_gktps: mkfc.map(GktpList::read_node).transpose()?,
        client_id: id(params, "mcptt-client-id")?,
        alert_ind_rcvd: indication(params, "alert-ind-rcvd")?,
        gw_mcptt_usage: optional_boolean(params, NAMESPACE, "gw-mcptt-usage")?,
        extensions: extensions(params)?,
    })
}

/// The value of a `contentType` element. A plain text value in place of the child element is taken too.
fn content(params: Node<'_, '_>, name: &'static str) -> Result<Option<String>, DocumentError> {
    let Some(element) = optional_child(params, NAMESPACE, name)? else {
        return Ok(None);
    };
    if is_encrypted(element) {
        return Err(DocumentError::PeerEncrypted(name));
    }
    let mut values = elements(element).filter(|child| value_kind(*child).is_some());
    let Some(value) = values.next() else {
        return Ok(Some(text_of(element, name)?));
    };
    if values.next().is_some() {
        return Err(DocumentError::PeerValue(name));
    }
    Ok(Some(text_of(value, name)?))
}

fn is_encrypted(element: Node<'_, '_>) -> bool {
    element.attribute("type") == Some("Encrypted")
        || elements(element).any(|child| child.tag_name().namespace() == Some(XENC))
}

fn value_kind(node: Node<'_, '_>) -> Option<&'static str> {
    let kinds = ["mcpttURI", "mcpttString", "mcpttBoolean"];
    kinds
        .into_iter()
        .find(|kind| node.has_tag_name((NAMESPACE, *kind)))
}

fn id<T: FromStr<Err = IdentityError>>(
    params: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<T>, DocumentError> {
    content(params, name)?
        .map(|text| identity(&text, name))
        .transpose()
}

fn indication(params: Node<'_, '_>, name: &'static str) -> Result<Option<bool>, DocumentError> {
    content(params, name)?
        .map(|text| boolean(&text, name))
        .transpose()
}

fn request_uri(params: Node<'_, '_>) -> Result<Option<RequestUri>, DocumentError> {
    const NAME: &str = "mcptt-request-uri";
    let uri = content(params, NAME)?.map(|text| RequestUri::new(&text));
    uri.transpose()
        .map_err(|source| DocumentError::PeerIdentity { name: NAME, source })
}

fn access_token(params: Node<'_, '_>) -> Result<Option<SecretBytes>, DocumentError> {
    const NAME: &str = "mcptt-access-token";
    let Some(text) = content(params, NAME)? else {
        return Ok(None);
    };
    if text.is_empty() || text.len() > MAX_TOKEN_OCTETS {
        return Err(DocumentError::PeerValue(NAME));
    }
    Ok(Some(SecretBytes::new(text.into_bytes())))
}

fn extensions(params: Node<'_, '_>) -> Result<Vec<Extension>, DocumentError> {
    let Some(any_ext) = optional_child(params, NAMESPACE, "anyExt")? else {
        return Ok(Vec::new());
    };
    let ours = elements(any_ext).filter(|node| node.tag_name().namespace() == Some(NAMESPACE));
    let read: Vec<_> = ours
        .take(MAX_EXTENSIONS)
        .map(extension)
        .collect::<Result<_, _>>()?;
    Ok(read.into_iter().flatten().collect())
}

/// One element under `<anyExt>`; nothing when it has a structure that we do not know.
fn extension(node: Node<'_, '_>) -> Result<Option<Extension>, DocumentError> {
    const NAME: &str = "anyExt";
    if is_encrypted(node) {
        return Err(DocumentError::PeerEncrypted(NAME));
    }
    let name = node.tag_name().name().to_owned();
    let mut children = elements(node);
    let value = match (children.next(), children.next()) {
        (None, _) => ExtensionValue::Text(text_of(node, NAME)?),
        (Some(child), None) => match value_kind(child) {
            Some("mcpttURI") => ExtensionValue::Uri(text_of(child, NAME)?),
            Some("mcpttString") => ExtensionValue::String(text_of(child, NAME)?),
            Some(_) => ExtensionValue::Boolean(boolean(&text_of(child, NAME)?, NAME)?),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(Extension { name, value }))
}

pub(crate) fn write(info: &McpttInfo) -> String {
    let token = info
        .access_token
        .as_ref()
        .map(|token| String::from_utf8_lossy(token.expose()));
    let mut writer = Writer::with_declaration();
    let w = &mut writer;
    w.start("mcpttinfo")
        .attribute("xmlns", NAMESPACE)
        .start("mcptt-Params");
    put(w, "mcptt-access-token", "mcpttString", token.as_deref());
    w.optional_leaf(
        "session-type",
        info.session_type.as_ref().map(SessionType::as_str),
    );
    put(
        w,
        "mcptt-request-uri",
        "mcpttURI",
        info.request_uri.as_ref().map(RequestUri::as_str),
    );
    put(
        w,
        "mcptt-calling-user-id",
        "mcpttURI",
        info.calling_user_id.as_ref().map(AsRef::as_ref),
    );
    put(
        w,
        "mcptt-called-party-id",
        "mcpttURI",
        info.called_party_id.as_ref().map(AsRef::as_ref),
    );
    put(
        w,
        "mcptt-calling-group-id",
        "mcpttURI",
        info.calling_group_id.as_ref().map(AsRef::as_ref),
    );
    put(w, "required", "mcpttBoolean", info.required.map(truth));
    put(
        w,
        "emergency-ind",
        "mcpttBoolean",
        info.emergency_ind.map(truth),
    );
    put(w, "alert-ind", "mcpttBoolean", info.alert_ind.map(truth));
    put(
        w,
        "imminentperil-ind",
        "mcpttBoolean",
        info.imminent_peril_ind.map(truth),
    );
    w.optional_leaf("broadcast-ind", info.broadcast_ind.map(truth));
    w.optional_leaf("mc-org", info.mc_org.as_deref());
    w.optional_leaf("floor-state", info.floor_state.as_deref());
    put(
        w,
        "associated-group-id",
        "mcpttURI",
        info.associated_group_id.as_ref().map(AsRef::as_ref),
    );
    put(
        w,
        "originated-by",
        "mcpttURI",
        info.originated_by.as_ref().map(AsRef::as_ref),
    );
    if let Some(keys) = &info.mkfc_gktps {
        // The content is of the type of another namespace, whose elements are qualified by it.
        keys.write_into(w, "MKFC-GKTPs", Some(crate::gktp::NAMESPACE));
    }
    put(
        w,
        "mcptt-client-id",
        "mcpttString",
        info.client_id.as_ref().map(AsRef::as_ref),
    );
    put(
        w,
        "alert-ind-rcvd",
        "mcpttBoolean",
        info.alert_ind_rcvd.map(truth),
    );
    w.optional_leaf("gw-mcptt-usage", info.gw_mcptt_usage.map(truth));
    write_extensions(w, &info.extensions);
    w.end("mcptt-Params").end("mcpttinfo");
    writer.finish()
}

fn write_extensions(w: &mut Writer, extensions: &[Extension]) {
    if extensions.is_empty() {
        return;
    }
    w.start("anyExt");
    for item in extensions {
        match &item.value {
            ExtensionValue::Uri(text) => put(w, &item.name, "mcpttURI", Some(text)),
            ExtensionValue::String(text) => put(w, &item.name, "mcpttString", Some(text)),
            ExtensionValue::Boolean(value) => {
                put(w, &item.name, "mcpttBoolean", Some(truth(*value)))
            }
            ExtensionValue::Text(text) => {
                w.leaf(&item.name, text);
            }
        }
    }
    w.end("anyExt");
}

/// A `contentType` element: `type` is always written.
fn put(w: &mut Writer, name: &str, kind: &str, value: Option<&str>) {
    if let Some(value) = value {
        w.start(name)
            .attribute("type", "Normal")
            .leaf(kind, value)
            .end(name);
    }
}

const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
