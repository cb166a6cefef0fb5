//! Canonical XML of one element (RFC 3076, exclusive canonical XML 1.0).

use crate::markup::MarkupError;
use bergshamra_c14n::C14nMode;
use bergshamra_xml::NodeSet;
use uppsala::{Document, NodeId, Parser};

/// A canonicalisation that a signature may name; every other one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanonicalForm {
    /// Canonical XML 1.0, what we send.
    Inclusive,
    /// The same with comments; fielded products write it.
    InclusiveWithComments,
    /// Exclusive canonical XML 1.0.
    Exclusive,
}

impl CanonicalForm {
    const ALL: [Self; 3] = [
        Self::Inclusive,
        Self::InclusiveWithComments,
        Self::Exclusive,
    ];

    /// The algorithm's URI.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Inclusive => "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
            Self::InclusiveWithComments => {
                "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
            }
            Self::Exclusive => "http://www.w3.org/2001/10/xml-exc-c14n#",
        }
    }

    /// Reads the algorithm's URI.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.uri() == uri)
    }

    const fn mode(self) -> C14nMode {
        match self {
            Self::Inclusive => C14nMode::Inclusive,
            Self::InclusiveWithComments => C14nMode::InclusiveWithComments,
            Self::Exclusive => C14nMode::Exclusive,
        }
    }
}

/// Nesting that the second parser accepts; the bounds of [`crate::markup`] are narrower.
const MAX_DEPTH: u32 = 64;

/// The way from the root element to another one: the place among the element children at each step.
pub(crate) type Path<'a> = &'a [usize];

/// Canonical octets of the element at `path`, its subtree included.
///
/// The text must have passed [`crate::markup::check`].
pub(crate) fn canonicalise(
    text: &str,
    path: Path<'_>,
    form: CanonicalForm,
) -> Result<Vec<u8>, MarkupError> {
    let document = parse(text)?;
    let nodes = subtree(&document, find(&document, path)?, form);
    render(&document, &nodes, form)
}

/// As [`canonicalise`], with the element at `left_out` and its subtree taken away (enveloped signature).
pub(crate) fn canonicalise_without(
    text: &str,
    path: Path<'_>,
    left_out: Path<'_>,
    form: CanonicalForm,
) -> Result<Vec<u8>, MarkupError> {
    let document = parse(text)?;
    let nodes = subtree(&document, find(&document, path)?, form);
    let signature = NodeSet::tree_with_comments(find(&document, left_out)?, &document);
    render(&document, &nodes.subtract(&signature), form)
}

fn parse(text: &str) -> Result<Document<'_>, MarkupError> {
    let parser = Parser::new()
        .with_max_depth(MAX_DEPTH)
        .with_forbid_dtd(true)
        .with_forbid_entities(true);
    parser
        .parse(text)
        .map_err(|_| MarkupError::PeerNotWellFormed)
}

fn find(document: &Document<'_>, path: Path<'_>) -> Result<NodeId, MarkupError> {
    let missing = MarkupError::PeerStructure("to canonicalise");
    let mut node = document.document_element().ok_or_else(|| missing.clone())?;
    for place in path {
        let mut elements = document
            .children_iter(node)
            .filter(|child| document.element(*child).is_some());
        node = elements.nth(*place).ok_or_else(|| missing.clone())?;
    }
    Ok(node)
}

fn subtree(document: &Document<'_>, root: NodeId, form: CanonicalForm) -> NodeSet {
    match form {
        CanonicalForm::InclusiveWithComments => NodeSet::tree_with_comments(root, document),
        CanonicalForm::Inclusive | CanonicalForm::Exclusive => {
            NodeSet::tree_without_comments(root, document)
        }
    }
}

fn render(
    document: &Document<'_>,
    nodes: &NodeSet,
    form: CanonicalForm,
) -> Result<Vec<u8>, MarkupError> {
    const NO_PREFIXES: [&str; 0] = [];
    bergshamra_c14n::canonicalize_doc(document, form.mode(), Some(nodes), &NO_PREFIXES)
        .map_err(|_| MarkupError::PeerNotWellFormed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<a xmlns='n' xmlns:q='r' z='1'>\r\n<q:b y='&quot;&#xD;' x=\"2\"/><!-- c --><d>e<!-- f --></d></a>";

    fn canonical(path: Path<'_>, form: CanonicalForm) -> String {
        String::from_utf8(canonicalise(TEXT, path, form).unwrap()).unwrap()
    }

    #[test]
    fn namespaces_in_scope_move_to_the_apex() {
        let expected = r#"<q:b xmlns="n" xmlns:q="r" x="2" y="&quot;&#xD;"></q:b>"#;
        assert_eq!(canonical(&[0], CanonicalForm::Inclusive), expected);
        assert_eq!(
            canonical(&[0], CanonicalForm::InclusiveWithComments),
            expected
        );
    }

    #[test]
    fn the_exclusive_form_takes_only_what_is_used() {
        let expected = r#"<q:b xmlns:q="r" x="2" y="&quot;&#xD;"></q:b>"#;
        assert_eq!(canonical(&[0], CanonicalForm::Exclusive), expected);
    }

    #[test]
    fn comments_are_kept_only_where_the_form_says_so() {
        assert_eq!(
            canonical(&[1], CanonicalForm::Exclusive),
            r#"<d xmlns="n">e</d>"#
        );
        let with = canonical(&[1], CanonicalForm::InclusiveWithComments);
        assert_eq!(with, r#"<d xmlns="n" xmlns:q="r">e<!-- f --></d>"#);
    }

    #[test]
    fn an_element_can_be_left_out() {
        let octets = canonicalise_without(TEXT, &[], &[0], CanonicalForm::Inclusive).unwrap();
        let expected = "<a xmlns=\"n\" xmlns:q=\"r\" z=\"1\">\n<d>e</d></a>";
        assert_eq!(String::from_utf8(octets).unwrap(), expected);
    }

    #[test]
    fn a_path_that_leads_nowhere_is_an_error() {
        assert!(canonicalise(TEXT, &[2], CanonicalForm::Inclusive).is_err());
        assert!(canonicalise(TEXT, &[0, 0], CanonicalForm::Inclusive).is_err());
    }
}
