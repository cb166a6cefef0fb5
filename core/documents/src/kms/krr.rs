//! `KrrList`: KMS redirect responses that a client received and tells its home KMS (TS 33.180 cl. 5.2.8, D.2.8, D.4).

use super::NAMESPACE;
use crate::error::DocumentError;
use roger_xml::markup::{Limits, parse};
use roxmltree::Node;

/// The element in a request.
pub(super) const NAME: &str = "KrrList";
/// Namespace of KMS redirect responses (TS 33.180 D.4.1).
pub const KRR_NAMESPACE: &str = "urn:3gpp:ns:mcsecKMSKRR:1.0";
/// Root of a KMS redirect response; one may embed another that it replaces (TS 33.180 D.4.3).
const RESPONSE: &str = "KmsRedirectResponse";
/// Most redirect responses in one list, embedded ones included.
const MAX_RESPONSES: usize = 8;
/// Longest list kept.
const MAX_OCTETS: usize = 16 << 10;

/// The element `KrrList` as text, with every namespace declaration that it needs.
///
/// The names inside the root are not known here (TS 33.180 D.4.4, inferred), so it is held to its bounds and kept as it came
/// (out of a signed request: in the canonical form that the signature covers), for whoever knows the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KrrList(String);

impl KrrList {
    /// Takes the text of one element `KrrList` of the KMS namespace.
    ///
    /// # Errors
    /// [`DocumentError`] when it is another element, not well-formed alone, too long, or holds too many responses.
    pub fn new(xml: impl Into<String>) -> Result<Self, DocumentError> {
        let xml = xml.into();
        if xml.len() > MAX_OCTETS {
            return Err(DocumentError::PeerValue(NAME));
        }
        let document = parse(xml.as_bytes(), &Limits::MESSAGE)?;
        let root = document.root_element();
        if !root.has_tag_name((NAMESPACE, NAME)) {
            return Err(DocumentError::PeerRoot(NAME));
        }
        // Nothing but the element: a comment before it would end up inside the request.
        if root.range() != (0..xml.len()) {
            return Err(DocumentError::PeerValue(NAME));
        }
        let responses = root
            .descendants()
            .filter(|node| node.has_tag_name((KRR_NAMESPACE, RESPONSE)));
        if responses.count() > MAX_RESPONSES {
            return Err(DocumentError::PeerValue(NAME));
        }
        Ok(Self(xml))
    }

    /// The element.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the element out of a request: its text, and the declarations that its ancestors made for it.
    pub(super) fn read_node(node: Node<'_, '_>) -> Result<Self, DocumentError> {
        let bad = DocumentError::PeerValue(NAME);
        let text = node
            .document()
            .input_text()
            .get(node.range())
            .ok_or(bad.clone())?;
        let end_of_name = text
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))
            .ok_or(bad.clone())?;
        let (name, rest) = text.split_at(end_of_name);
        let own = rest.split_once('>').map_or(rest, |(tag, _)| tag);
        let mut complete = name.to_owned();
        for namespace in node.namespaces() {
            let declaration = match namespace.name() {
                Some("xml") => continue,
                Some(prefix) => format!("xmlns:{prefix}"),
                None => "xmlns".to_owned(),
            };
            if !declares(own, &declaration) {
                let uri = namespace.uri().replace('&', "&amp;").replace('<', "&lt;");
                let uri = uri.replace('"', "&quot;");
                complete.push_str(&format!(" {declaration}=\"{uri}\""));
            }
        }
        complete.push_str(rest);
        Self::new(complete)
    }
}

/// Whether a start tag has this declaration. A value that looks like one only makes the result ill-formed, which
/// [`KrrList::new`] refuses.
fn declares(tag: &str, declaration: &str) -> bool {
    let mut places = tag.match_indices(declaration);
    places.any(|(place, found)| {
        let before = tag.get(..place).and_then(|text| text.chars().next_back());
        let after = tag
            .get(place.saturating_add(found.len())..)
            .unwrap_or_default();
        before.is_some_and(|c| c.is_ascii_whitespace()) && after.trim_start().starts_with('=')
    })
}
