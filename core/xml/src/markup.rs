//! Bounds before parsing: what is refused here never reaches a parser that builds trees.

use crate::encoding::is_xml_space;
use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use thiserror::Error;

/// Why a document is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MarkupError {
    /// More octets than the limit.
    #[error("the XML document has {0} octets, more than the limit")]
    PeerTooLarge(usize),
    /// The octets are not UTF-8, or another encoding is declared.
    #[error("the XML document is not UTF-8")]
    PeerNotUtf8,
    /// A document type declaration.
    #[error("a document type declaration is not allowed")]
    PeerDocumentType,
    /// A reference to an entity other than the five of XML.
    #[error("a reference to an entity is not allowed")]
    PeerEntity,
    /// A processing instruction.
    #[error("a processing instruction is not allowed")]
    PeerProcessingInstruction,
    /// Elements nested too deeply.
    #[error("elements are nested more deeply than the limit")]
    PeerTooDeep,
    /// Too many elements.
    #[error("the document has more elements than the limit")]
    PeerTooManyElements,
    /// Too many attributes on one element.
    #[error("an element has more attributes than the limit")]
    PeerTooManyAttributes,
    /// A start tag (name and attributes) longer than the limit.
    #[error("a start tag has more octets than the limit")]
    PeerLongTag,
    /// Not well-formed XML with namespaces.
    #[error("the document is not well-formed XML")]
    PeerNotWellFormed,
    /// The element expected at this place is not there, or is there twice.
    #[error("the document has no unique element {0}")]
    PeerStructure(&'static str),
}

/// May stand before a document (XML 1.0 cl. 4.3.3).
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Bounds of a document. Every field is checked before a tree is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the document.
    pub octets: usize,
    /// Nested elements; the root is 1.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Octets of one start tag.
    pub tag_octets: usize,
}

impl Limits {
    /// For bodies in SIP and requests over HTTP: 64 KiB, 413 above it.
    pub const MESSAGE: Self = Self {
        octets: 64 << 10,
        depth: 24,
        elements: 4096,
        attributes: 32,
        tag_octets: 8 << 10,
    };

    /// For documents that a management server holds: groups of thousands of members.
    pub const STORED: Self = Self {
        octets: 4 << 20,
        depth: 24,
        elements: 100_000,
        attributes: 32,
        tag_octets: 8 << 10,
    };
}

/// Checks the bounds and builds the tree.
///
/// # Errors
/// [`MarkupError`] for the first bound that is broken, or when the text is not well-formed.
pub fn parse<'a>(
    octets: &'a [u8],
    limits: &Limits,
) -> Result<roxmltree::Document<'a>, MarkupError> {
    parse_text(check(octets, limits)?, limits)
}

/// Builds the tree of a text whose bounds were checked with [`check`].
pub(crate) fn parse_text<'a>(
    text: &'a str,
    limits: &Limits,
) -> Result<roxmltree::Document<'a>, MarkupError> {
    // One element makes at most itself and the text or comment on either side of it.
    let nodes = limits.elements.saturating_mul(4).min(u32::MAX as usize) as u32;
    let options = roxmltree::ParsingOptions {
        allow_dtd: false,
        nodes_limit: nodes,
        ..Default::default()
    };
    roxmltree::Document::parse_with_options(text, options)
        .map_err(|_| MarkupError::PeerNotWellFormed)
}

/// Checks every bound without building anything; memory does not grow with the input.
///
/// # Errors
/// [`MarkupError`] for the first bound that is broken.
pub fn check<'a>(octets: &'a [u8], limits: &Limits) -> Result<&'a str, MarkupError> {
    if octets.len() > limits.octets {
        return Err(MarkupError::PeerTooLarge(octets.len()));
    }
    let text = core::str::from_utf8(octets).map_err(|_| MarkupError::PeerNotUtf8)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    // One is not part of the document; the readers below would each pass over one more.
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err(MarkupError::PeerNotWellFormed);
    }
    scan(text, limits)?;
    Ok(text)
}

fn scan(text: &str, limits: &Limits) -> Result<(), MarkupError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut depth, mut elements) = (0_usize, 0_usize);
    loop {
        match reader
            .read_event()
            .map_err(|_| MarkupError::PeerNotWellFormed)?
        {
            Event::Start(tag) => {
                depth += 1;
                elements += 1;
                check_tag(&tag, depth, elements, limits)?;
            }
            Event::Empty(tag) => {
                elements += 1;
                check_tag(&tag, depth + 1, elements, limits)?;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::GeneralRef(reference) => check_reference(&reference)?,
            Event::DocType(_) => return Err(MarkupError::PeerDocumentType),
            Event::PI(_) => return Err(MarkupError::PeerProcessingInstruction),
            Event::Decl(declaration) => check_declaration(&declaration)?,
            Event::Text(_) | Event::CData(_) | Event::Comment(_) => {}
            Event::Eof => return Ok(()),
        }
    }
}

fn check_tag(
    tag: &BytesStart<'_>,
    depth: usize,
    elements: usize,
    limits: &Limits,
) -> Result<(), MarkupError> {
    if depth > limits.depth {
        return Err(MarkupError::PeerTooDeep);
    }
    if elements > limits.elements {
        return Err(MarkupError::PeerTooManyElements);
    }
    if tag.len() > limits.tag_octets {
        return Err(MarkupError::PeerLongTag);
    }
    // Without the check for equal names, which costs the square of the count; the tree builder makes it again.
    let mut attributes = tag.attributes();
    for (count, attribute) in attributes.with_checks(false).enumerate() {
        let attribute = attribute.map_err(|_| MarkupError::PeerNotWellFormed)?;
        if count >= limits.attributes {
            return Err(MarkupError::PeerTooManyAttributes);
        }
        check_attribute_references(&attribute.value)?;
    }
    Ok(())
}

fn check_attribute_references(value: &str) -> Result<(), MarkupError> {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('&') {
        let (name, tail) = after
            .split_once(';')
            .ok_or(MarkupError::PeerNotWellFormed)?;
        check_reference_name(name)?;
        rest = tail;
    }
    Ok(())
}

fn check_reference(reference: &str) -> Result<(), MarkupError> {
    check_reference_name(reference)
}

fn check_reference_name(name: &str) -> Result<(), MarkupError> {
    let predefined = matches!(name, "lt" | "gt" | "amp" | "quot" | "apos");
    if predefined || name.starts_with('#') {
        Ok(())
    } else {
        Err(MarkupError::PeerEntity)
    }
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), MarkupError> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(Ok(_)) => Err(MarkupError::PeerNotUtf8),
        Some(Err(_)) => Err(MarkupError::PeerNotWellFormed),
    }
}

/// Element children, in document order.
pub fn elements<'a, 'i>(
    node: roxmltree::Node<'a, 'i>,
) -> impl Iterator<Item = roxmltree::Node<'a, 'i>> {
    node.children().filter(roxmltree::Node::is_element)
}

/// The one child element of this name, if there; two are an error.
///
/// # Errors
/// [`MarkupError::PeerStructure`] when the element is there twice.
pub fn optional_child<'a, 'i>(
    node: roxmltree::Node<'a, 'i>,
    namespace: &str,
    name: &'static str,
) -> Result<Option<roxmltree::Node<'a, 'i>>, MarkupError> {
    let mut found = elements(node).filter(|child| child.has_tag_name((namespace, name)));
    let first = found.next();
    if found.next().is_some() {
        return Err(MarkupError::PeerStructure(name));
    }
    Ok(first)
}

/// The one child element of this name.
///
/// # Errors
/// [`MarkupError::PeerStructure`] when the element is missing or there twice.
pub fn child<'a, 'i>(
    node: roxmltree::Node<'a, 'i>,
    namespace: &str,
    name: &'static str,
) -> Result<roxmltree::Node<'a, 'i>, MarkupError> {
    optional_child(node, namespace, name)?.ok_or(MarkupError::PeerStructure(name))
}

/// All text of an element that has no child elements, outer white space removed.
///
/// # Errors
/// [`MarkupError::PeerStructure`] when there is a child element.
pub fn text_of(node: roxmltree::Node<'_, '_>, name: &'static str) -> Result<String, MarkupError> {
    if elements(node).next().is_some() {
        return Err(MarkupError::PeerStructure(name));
    }
    let text: String = node
        .children()
        .filter(roxmltree::Node::is_text)
        .filter_map(|n| n.text())
        .collect();
    Ok(text.trim_matches(is_xml_space).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> MarkupError {
        parse(text.as_bytes(), &Limits::MESSAGE).unwrap_err()
    }

    #[test]
    fn a_plain_document_is_read() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<a b='&lt;&#x41;'>&amp;<c/><!-- d --></a>";
        let document = parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
        assert_eq!(document.root_element().attribute("b"), Some("<A"));
    }

    #[test]
    fn refuses_a_second_byte_order_mark() {
        assert!(parse("\u{feff}<a/>".as_bytes(), &Limits::MESSAGE).is_ok());
        let twice = "\u{feff}\u{feff}<a/>";
        assert_eq!(refused(twice), MarkupError::PeerNotWellFormed);
    }

    #[test]
    fn refuses_document_types_and_entities() {
        let bomb =
            "<!DOCTYPE z [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><z>&b;</z>";
        assert_eq!(refused(bomb), MarkupError::PeerDocumentType);
        assert_eq!(
            refused("<!DOCTYPE z SYSTEM \"http://peer.example/x.dtd\"><z/>"),
            MarkupError::PeerDocumentType
        );
        assert_eq!(refused("<z>&b;</z>"), MarkupError::PeerEntity);
        assert_eq!(refused("<z y='&b;'/>"), MarkupError::PeerEntity);
    }

    #[test]
    fn refuses_processing_instructions() {
        assert_eq!(
            refused("<?xml-stylesheet href='x'?><z/>"),
            MarkupError::PeerProcessingInstruction
        );
        assert_eq!(
            refused("<z><?p x?></z>"),
            MarkupError::PeerProcessingInstruction
        );
    }

    #[test]
    fn refuses_what_is_not_utf_8() {
        assert_eq!(
            parse(b"<z>\xff</z>", &Limits::MESSAGE).unwrap_err(),
            MarkupError::PeerNotUtf8
        );
        assert_eq!(
            refused("<?xml version='1.0' encoding='UTF-16'?><z/>"),
            MarkupError::PeerNotUtf8
        );
    }

    #[test]
    fn refuses_deep_nesting() {
        let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
        assert_eq!(refused(&deep), MarkupError::PeerTooDeep);
        let limit = Limits::MESSAGE.depth;
        let legal = format!("{}{}", "<a>".repeat(limit), "</a>".repeat(limit));
        assert!(parse(legal.as_bytes(), &Limits::MESSAGE).is_ok());
    }

    #[test]
    fn refuses_many_elements_attributes_and_octets() {
        let many = format!("<a>{}</a>", "<b/>".repeat(5000));
        assert_eq!(refused(&many), MarkupError::PeerTooManyElements);
        let attributes: String = (0..40).map(|n| format!(" a{n}='1'")).collect();
        assert_eq!(
            refused(&format!("<a{attributes}/>")),
            MarkupError::PeerTooManyAttributes
        );
        assert_eq!(
            refused(&format!("<a b='{}'/>", "x".repeat(9000))),
            MarkupError::PeerLongTag
        );
        assert_eq!(
            refused(&" ".repeat(70_000)),
            MarkupError::PeerTooLarge(70_000)
        );
    }

    #[test]
    fn refuses_what_is_not_well_formed() {
        for text in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a b='1' b='2'/>",
            "<p:a/>",
            "<a>&amp</a>",
            "a",
        ] {
            assert_eq!(refused(text), MarkupError::PeerNotWellFormed, "{text}");
        }
    }

    #[test]
    fn a_child_that_is_there_twice_is_refused() {
        let document = parse(b"<a xmlns='n'><b/><b/><c>x</c></a>", &Limits::MESSAGE).unwrap();
        let root = document.root_element();
        assert_eq!(
            optional_child(root, "n", "b"),
            Err(MarkupError::PeerStructure("b"))
        );
        assert_eq!(child(root, "n", "d"), Err(MarkupError::PeerStructure("d")));
        assert_eq!(text_of(child(root, "n", "c").unwrap(), "c").unwrap(), "x");
        assert_eq!(text_of(root, "a"), Err(MarkupError::PeerStructure("a")));
    }
}
