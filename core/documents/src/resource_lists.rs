//! Lists of URIs, `application/resource-lists+xml` (RFC 4826, RFC 5366): callees, members, documents to watch.

use crate::read::{self, attribute};
use crate::{Document, DocumentError};
use roger_xml::Writer;

/// Namespace of resource lists.
pub const NAMESPACE: &str = "urn:ietf:params:xml:ns:resource-lists";

/// Longest `entry/@uri`, an XCAP selector with escapes included.
const MAX_URI_OCTETS: usize = 4096;

/// The entries of all lists, in document order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceLists {
    /// `entry/@uri`: what the procedure says, an identity or a path of an XCAP document.
    pub uris: Vec<String>,
}

impl Document for ResourceLists {
    const MEDIA_TYPE: &'static str = "application/resource-lists+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse(octets)?;
        let root = read::root(&document, NAMESPACE, "resource-lists")?;
        let entries = root
            .descendants()
            .filter(|node| node.has_tag_name((NAMESPACE, "entry")));
        let uri = |node| {
            let uri = attribute(node, "uri")?;
            if uri.is_empty() || uri.len() > MAX_URI_OCTETS || uri.chars().any(char::is_control) {
                return Err(DocumentError::PeerValue("entry/@uri"));
            }
            Ok(uri.to_owned())
        };
        Ok(Self {
            uris: entries.map(uri).collect::<Result<_, _>>()?,
        })
    }

    fn write(&self) -> String {
        let mut w = Writer::with_declaration();
        w.start("resource-lists")
            .attribute("xmlns", NAMESPACE)
            .start("list");
        for uri in &self.uris {
            w.start("entry").attribute("uri", uri).end("entry");
        }
        w.end("list").end("resource-lists");
        w.finish()
    }
}
