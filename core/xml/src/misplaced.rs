//! Sensitive values in places that have no protected form (TS 24.379 cl. 4.8): they belong in an element of
//! `contentType` or in an attribute with a URI form, and nowhere else.

use crate::encoding::is_xml_space;
use crate::names::{DS, XENC};
use crate::protect::{ClearContent, Profile};
use roxmltree::{Document, Node};

/// Schemes of the identities of users, groups and clients.
const IDENTITY_SCHEMES: [&str; 4] = ["sip:", "sips:", "tel:", "urn:uuid:"];

/// Whether a value reads as the identity of a user, a group or a client.
fn is_identity(value: &str) -> bool {
    let value = value.trim_matches(|c| is_xml_space(c) || matches!(c, '<' | '"' | '\''));
    IDENTITY_SCHEMES.into_iter().any(|scheme| {
        value
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// Names of the elements and attributes that hold such values, in document order; never the values. What `hidden`
/// takes for a protected URI is none.
pub(crate) fn names(
    document: &Document<'_>,
    profile: &Profile,
    hidden: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    visit(document.root_element(), profile, hidden, &mut found);
    found
}

fn visit(
    root: Node<'_, '_>,
    profile: &Profile,
    hidden: &dyn Fn(&str) -> bool,
    found: &mut Vec<String>,
) {
    // The depth of a document is bounded, its width too; a stack of our own needs no trust in either.
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        let protected = profile.is_protected_place(node);
        let misplaced = |name: &str, value: &str| {
            let value = value.trim_matches(is_xml_space);
            let foreign = match profile.clear {
                ClearContent::NoIdentities => is_identity(value),
                ClearContent::Named(names) => !value.is_empty() && !names.contains(&name),
            };
            foreign && !hidden(value)
        };
        for attribute in node.attributes() {
            let name = attribute.name();
            let has_place = profile.has_place(node, name) || is_technical(node, name);
            if attribute.namespace().is_none() && !has_place && misplaced(name, attribute.value()) {
                found.push(name.to_owned());
            }
        }
        if protected {
            continue;
        }
        let name = node.tag_name().name();
        let mut texts = node.children().filter(Node::is_text);
        if texts.any(|text| misplaced(name, text.text().unwrap_or_default())) {
            found.push(name.to_owned());
        }
        let mut children: Vec<_> = node.children().filter(Node::is_element).collect();
        children.reverse();
        waiting.extend(children);
    }
}

/// Attributes that say how content is protected.
fn is_technical(node: Node<'_, '_>, name: &str) -> bool {
    name == "type" || matches!(node.tag_name().namespace(), Some(XENC | DS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(xml: &str, profile: &Profile) -> Vec<String> {
        let document = Document::parse(xml).unwrap();
        names(&document, profile, &|value| value.contains(";key-id="))
    }

    #[test]
    fn an_identity_outside_its_place_is_found_by_name() {
        let info = |inner: &str| {
            format!(
                r#"<mcpttinfo xmlns="urn:3gpp:ns:mcpttInfo:1.0"><mcptt-Params>{inner}</mcptt-Params></mcpttinfo>"#
            )
        };
        let profile = &Profile::MCPTT_INFO;
        let cases = [
            (
                "<mcptt-request-uri type='Normal'><mcpttURI>sip:a@b</mcpttURI></mcptt-request-uri>",
                None,
            ),
            ("<mcptt-request-uri>sip:a@b</mcptt-request-uri>", None),
            (
                "<mcptt-request-uri user='sip:a@b' type='Normal'/>",
                Some("user"),
            ),
            ("<mc-org>sip:a@b</mc-org>", Some("mc-org")),
            ("<mc-org>\n SIPS:a@b</mc-org>", Some("mc-org")),
            ("<floor-state>tel:+49</floor-state>", Some("floor-state")),
            ("<mc-org>Fire brigade</mc-org>", None),
            ("<mc-org>sip:x;key-id=y</mc-org>", None),
            ("<x xmlns='urn:other'>urn:uuid:1</x>", Some("x")),
            (
                "<session-type>a<!-- -->sip:b</session-type>",
                Some("session-type"),
            ),
        ];
        for (inner, expected) in cases {
            let names = found(&info(inner), profile);
            assert_eq!(names.first().map(String::as_str), expected, "{inner}");
        }
    }

    #[test]
    fn a_location_outside_its_place_is_found_by_name() {
        let info = |inner: &str| {
            format!(
                r#"<location-info xmlns="urn:3gpp:ns:mcpttLocationInfo:1.0">{inner}</location-info>"#
            )
        };
        let cases = [
            (
                "<Report ReportID='1' ReportType='Emergency'><TriggerId>t</TriggerId></Report>",
                None,
            ),
            (
                "<Report><CurrentLocation><longitude><threebytes>1</threebytes></longitude></CurrentLocation></Report>",
                None,
            ),
            ("<Report where='48.1'/>", Some("where")),
            (
                "<Report><CurrentLocation longitude='11'/></Report>",
                Some("longitude"),
            ),
            ("<Report><place>Marienplatz</place></Report>", Some("place")),
        ];
        for (inner, expected) in cases {
            let names = found(&info(inner), &Profile::LOCATION_INFO);
            assert_eq!(names.first().map(String::as_str), expected, "{inner}");
        }
    }
}
