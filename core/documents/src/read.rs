//! Reading of elements and attributes, shared by all documents.

use crate::error::DocumentError;
use core::str::FromStr;
use roger_base::{IdentityError, UnixTime};
use roger_xml::markup::{self, Limits};
use roxmltree::{Document, Node};

/// Builds the tree within the limits of a message.
pub(crate) fn parse(octets: &[u8]) -> Result<Document<'_>, DocumentError> {
    Ok(markup::parse(octets, &Limits::MESSAGE)?)
}

/// Builds the tree within the limits of a document that a server keeps.
pub(crate) fn parse_stored(octets: &[u8]) -> Result<Document<'_>, DocumentError> {
    Ok(markup::parse(octets, &Limits::STORED)?)
}

/// The root element, of this namespace and name.
pub(crate) fn root<'a, 'i>(
    document: &'a Document<'i>,
    namespace: &str,
    name: &'static str,
) -> Result<Node<'a, 'i>, DocumentError> {
    let root = document.root_element();
    if root.has_tag_name((namespace, name)) {
        Ok(root)
    } else {
        Err(DocumentError::PeerRoot(name))
    }
}

/// Text of a child element that has to be there.
pub(crate) fn text(
    node: Node<'_, '_>,
    namespace: &str,
    name: &'static str,
) -> Result<String, DocumentError> {
    optional_text(node, namespace, name)?.ok_or(DocumentError::PeerMissing(name))
}

/// Text of a child element.
pub(crate) fn optional_text(
    node: Node<'_, '_>,
    namespace: &str,
    name: &'static str,
) -> Result<Option<String>, DocumentError> {
    let child = markup::optional_child(node, namespace, name)?;
    Ok(child
        .map(|child| markup::text_of(child, name))
        .transpose()?)
}

/// A child element whose text is a boolean of XML Schema.
pub(crate) fn optional_boolean(
    node: Node<'_, '_>,
    namespace: &str,
    name: &'static str,
) -> Result<Option<bool>, DocumentError> {
    optional_text(node, namespace, name)?
        .map(|text| boolean(&text, name))
        .transpose()
}

/// A child element whose text is a decimal number.
pub(crate) fn optional_number<T: FromStr>(
    node: Node<'_, '_>,
    namespace: &str,
    name: &'static str,
) -> Result<Option<T>, DocumentError> {
    optional_text(node, namespace, name)?
        .map(|text| number(&text, name))
        .transpose()
}

/// `true`, `false`, `1` or `0`.
pub(crate) fn boolean(text: &str, name: &'static str) -> Result<bool, DocumentError> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(DocumentError::PeerValue(name)),
    }
}

/// Decimal digits only: no sign, no white space.
pub(crate) fn number<T: FromStr>(text: &str, name: &'static str) -> Result<T, DocumentError> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let value = digits.then(|| text.parse().ok()).flatten();
    value.ok_or(DocumentError::PeerValue(name))
}

/// A `dateTime` of XML Schema.
pub(crate) fn date_time(text: &str, name: &'static str) -> Result<UnixTime, DocumentError> {
    crate::date_time::parse(text).ok_or(DocumentError::PeerValue(name))
}

/// An identity of `roger-base`.
pub(crate) fn identity<T: FromStr<Err = IdentityError>>(
    text: &str,
    name: &'static str,
) -> Result<T, DocumentError> {
    text.parse()
        .map_err(|source| DocumentError::PeerIdentity { name, source })
}

/// An attribute without namespace that has to be there.
pub(crate) fn attribute<'a>(
    node: Node<'a, '_>,
    name: &'static str,
) -> Result<&'a str, DocumentError> {
    node.attribute(name).ok_or(DocumentError::PeerMissing(name))
}

/// All child elements of this name.
pub(crate) fn all<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    markup::elements(node).filter(move |child| child.has_tag_name((namespace, name)))
}
