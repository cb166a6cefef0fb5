//! Changes of documents, `application/xcap-diff+xml` (RFC 5874, RFC 5875).

use crate::read::{self, all, attribute};
use crate::{Document, DocumentError};
use roger_xml::Writer;
use roxmltree::Node;

/// Namespace of XCAP diff.
pub const NAMESPACE: &str = "urn:ietf:params:xml:ns:xcap-diff";

/// What happened to one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChange {
    /// `@sel`: exactly the URI that was subscribed to, relative to the root.
    pub selector: String,
    /// `@new-etag`: absent when the document was deleted.
    pub new_etag: Option<String>,
    /// `@previous-etag`: absent when the document is new.
    pub previous_etag: Option<String>,
}

/// A notification of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XcapDiff {
    /// `@xcap-root`.
    pub root: String,
    /// `<document>`.
    pub documents: Vec<DocumentChange>,
}

impl Document for XcapDiff {
    const MEDIA_TYPE: &'static str = "application/xcap-diff+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse(octets)?;
        let root = read::root(&document, NAMESPACE, "xcap-diff")?;
        let changes = all(root, NAMESPACE, "document").map(read_change);
        Ok(Self {
            root: attribute(root, "xcap-root")?.to_owned(),
            documents: changes.collect::<Result<_, _>>()?,
        })
    }

    fn write(&self) -> String {
        let mut w = Writer::with_declaration();
        w.start("xcap-diff")
            .attribute("xmlns", NAMESPACE)
            .attribute("xcap-root", &self.root);
        for change in &self.documents {
            w.start("document")
                .optional_attribute("new-etag", change.new_etag.as_deref());
            w.optional_attribute("previous-etag", change.previous_etag.as_deref());
            w.attribute("sel", &change.selector).end("document");
        }
        w.end("xcap-diff");
        w.finish()
    }
}

fn read_change(node: Node<'_, '_>) -> Result<DocumentChange, DocumentError> {
    let selector = attribute(node, "sel")?;
    if selector.is_empty()
        || selector
            .chars()
            .any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(DocumentError::PeerValue("document/@sel"));
    }
    Ok(DocumentChange {
        selector: selector.to_owned(),
        new_etag: node.attribute("new-etag").map(str::to_owned),
        previous_etag: node.attribute("previous-etag").map(str::to_owned),
    })
}
