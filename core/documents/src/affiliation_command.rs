//! Wishes about the affiliations of another user, `application/vnd.3gpp.mcptt-affiliation-command+xml`
//! (TS 24.379 cl. 9.2.1.4, F.4): a user whom they reach decides for herself.
//!
//! ```xml
//! <command-list><affiliate><group>sip:…</group></affiliate><de-affiliate><group>sip:…</group></de-affiliate></command-list>
//! ```
//! The names of the elements are not verified \[I\].

use crate::read::{self, all, identity};
use crate::{Document, DocumentError};
use roger_base::GroupId;
use roger_xml::Writer;
use roger_xml::markup::{optional_child, text_of};
use roxmltree::Node;

/// Namespace of the document.
pub const NAMESPACE: &str = "urn:3gpp:ns:affiliationCommand:1.0";

/// Most groups of one command.
const MAX_GROUPS: usize = 256;

/// Groups to be affiliated to, and groups to be left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AffiliationCommand {
    /// `<affiliate><group>`.
    pub affiliate: Vec<GroupId>,
    /// `<de-affiliate><group>`.
    pub deaffiliate: Vec<GroupId>,
}

impl Document for AffiliationCommand {
    const MEDIA_TYPE: &'static str = "application/vnd.3gpp.mcptt-affiliation-command+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse(octets)?;
        let root = read::root(&document, NAMESPACE, "command-list")?;
        let command = Self {
            affiliate: groups(root, "affiliate")?,
            deaffiliate: groups(root, "de-affiliate")?,
        };
        // A group that is to be joined and left says nothing.
        let both = |group| command.deaffiliate.contains(group);
        if command.affiliate.iter().any(both) {
            return Err(DocumentError::PeerValue("command-list"));
        }
        Ok(command)
    }

    fn write(&self) -> String {
        let mut w = Writer::with_declaration();
        w.start("command-list").attribute("xmlns", NAMESPACE);
        write_groups(&mut w, "affiliate", &self.affiliate);
        write_groups(&mut w, "de-affiliate", &self.deaffiliate);
        w.end("command-list");
        w.finish()
    }
}

fn groups(root: Node<'_, '_>, name: &'static str) -> Result<Vec<GroupId>, DocumentError> {
    let Some(command) = optional_child(root, NAMESPACE, name)? else {
        return Ok(Vec::new());
    };
    if all(command, NAMESPACE, "group").nth(MAX_GROUPS).is_some() {
        return Err(DocumentError::PeerValue(name));
    }
    let group = |node| identity(text_of(node, "group")?.trim(), "group");
    all(command, NAMESPACE, "group").map(group).collect()
}

fn write_groups(w: &mut Writer, name: &str, groups: &[GroupId]) {
    if groups.is_empty() {
        return;
    }
    w.start(name);
    for group in groups {
        w.leaf("group", group.as_str());
    }
    w.end(name);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> GroupId {
        GroupId::new(format!("sip:{name}@mc")).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        for (affiliate, deaffiliate) in [
            (vec![], vec![]),
            (vec![group("a"), group("b")], vec![]),
            (vec![group("a")], vec![group("c")]),
        ] {
            let command = AffiliationCommand {
                affiliate,
                deaffiliate,
            };
            let read = AffiliationCommand::read(command.write().as_bytes());
            assert_eq!(read, Ok(command));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let list = |inner: &str| {
            let text = format!("<command-list xmlns=\"{NAMESPACE}\">{inner}</command-list>");
            AffiliationCommand::read(text.as_bytes())
        };
        assert!(list("<affiliate><group>sip:a@b</group></affiliate>").is_ok());
        let many = "<group>sip:a@b</group>".repeat(MAX_GROUPS + 1);
        for bad in [
            "<affiliate><group>no identity</group></affiliate>",
            "<affiliate/><affiliate/>",
            "<affiliate><group>sip:a@b</group></affiliate><de-affiliate><group>sip:a@b</group></de-affiliate>",
            &format!("<affiliate>{many}</affiliate>"),
        ] {
            assert!(list(bad).is_err(), "{bad}");
        }
        assert!(AffiliationCommand::read(b"<command-list/>").is_err());
    }
}
