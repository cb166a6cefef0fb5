//! Affiliations in a presence document, `application/pidf+xml` with the extension of TS 24.379 cl. 9.3.

use crate::date_time;
use crate::read::{self, all, attribute, identity, optional_text};
use crate::{Document, DocumentError};
use roger_base::{ClientId, GroupId, McpttId, UnixTime};
use roger_xml::Writer;
use roger_xml::markup::optional_child;
use roxmltree::Node;

const PIDF: &str = "urn:ietf:params:xml:ns:pidf";
const PRES_INFO: &str = "urn:3gpp:ns:mcpttPresInfo:1.0";

/// `affiliation/@status`, set by servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AffiliationStatus {
    /// Asked for, not yet confirmed.
    Affiliating,
    /// Affiliated.
    Affiliated,
    /// To be ended, not yet confirmed.
    Deaffiliating,
    /// Ended.
    Deaffiliated,
}

impl AffiliationStatus {
    const ALL: [Self; 4] = [
        Self::Affiliating,
        Self::Affiliated,
        Self::Deaffiliating,
        Self::Deaffiliated,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Affiliating => "affiliating",
            Self::Affiliated => "affiliated",
            Self::Deaffiliating => "deaffiliating",
            Self::Deaffiliated => "deaffiliated",
        }
    }
}

/// `<affiliation>`: one group of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affiliation {
    /// `@group`.
    pub group: GroupId,
    /// `@client`, in documents of a group.
    pub client: Option<ClientId>,
    /// `@status`, in notifications.
    pub status: Option<AffiliationStatus>,
    /// `@expires`, in notifications.
    pub expires: Option<UnixTime>,
}

impl Affiliation {
    /// A group that the client wants to be affiliated to.
    #[must_use]
    pub const fn wanted(group: GroupId) -> Self {
        Self {
            group,
            client: None,
            status: None,
            expires: None,
        }
    }
}

/// `<tuple>`: the affiliations of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple {
    /// `@id`: the client ID. Read as a string: it is not an `xs:ID` (TS 24.379).
    pub client: ClientId,
    /// The complete set; it replaces what was known of this client.
    pub affiliations: Vec<Affiliation>,
    /// `functionalAlias/@functionalAliasID` (Rel-15): the same event package carries both.
    pub functional_aliases: Vec<String>,
}

/// A presence document about the affiliations of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffiliationDocument {
    /// `presence/@entity`: the user.
    pub user: McpttId,
    /// One for each client.
    pub tuples: Vec<Tuple>,
    /// `<p-id>`: links notifications to the request.
    pub p_id: Option<String>,
}

impl Document for AffiliationDocument {
    const MEDIA_TYPE: &'static str = "application/pidf+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse(octets)?;
        let root = read::root(&document, PIDF, "presence")?;
        Ok(Self {
            user: identity(attribute(root, "entity")?, "presence/@entity")?,
            tuples: all(root, PIDF, "tuple")
                .map(read_tuple)
                .collect::<Result<_, _>>()?,
            p_id: optional_text(root, PRES_INFO, "p-id")?,
        })
    }

    fn write(&self) -> String {
        let mut w = Writer::with_declaration();
        w.start("presence")
            .attribute("xmlns", PIDF)
            .attribute("xmlns:mcpttPI10", PRES_INFO);
        w.attribute("entity", self.user.as_str());
        for tuple in &self.tuples {
            write_tuple(&mut w, tuple);
        }
        w.optional_leaf("mcpttPI10:p-id", self.p_id.as_deref())
            .end("presence");
        w.finish()
    }
}

fn read_tuple(node: Node<'_, '_>) -> Result<Tuple, DocumentError> {
    let client = identity(attribute(node, "id")?, "tuple/@id")?;
    let Some(status) = optional_child(node, PIDF, "status")? else {
        return Ok(Tuple {
            client,
            affiliations: Vec::new(),
            functional_aliases: Vec::new(),
        });
    };
    let affiliations = all(status, PRES_INFO, "affiliation").map(read_affiliation);
    let alias = |node| attribute(node, "functionalAliasID").map(str::to_owned);
    Ok(Tuple {
        client,
        affiliations: affiliations.collect::<Result<_, _>>()?,
        functional_aliases: all(status, PRES_INFO, "functionalAlias")
            .map(alias)
            .collect::<Result<_, _>>()?,
    })
}

fn read_affiliation(node: Node<'_, '_>) -> Result<Affiliation, DocumentError> {
    let status = |text: &str| {
        let known = AffiliationStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == text);
        known.ok_or(DocumentError::PeerValue("affiliation/@status"))
    };
    Ok(Affiliation {
        group: identity(attribute(node, "group")?, "affiliation/@group")?,
        client: node
            .attribute("client")
            .map(|text| identity(text, "affiliation/@client"))
            .transpose()?,
        status: node.attribute("status").map(status).transpose()?,
        expires: node
            .attribute("expires")
            .map(|text| read::date_time(text, "affiliation/@expires"))
            .transpose()?,
    })
}

fn write_tuple(w: &mut Writer, tuple: &Tuple) {
    w.start("tuple")
        .attribute("id", tuple.client.as_str())
        .start("status");
    for item in &tuple.affiliations {
        w.start("mcpttPI10:affiliation")
            .attribute("group", item.group.as_str());
        w.optional_attribute("client", item.client.as_ref().map(AsRef::as_ref));
        w.optional_attribute("status", item.status.map(AffiliationStatus::as_str));
        w.optional_attribute("expires", item.expires.map(date_time::write).as_deref());
        w.end("mcpttPI10:affiliation");
    }
    for alias in &tuple.functional_aliases {
        w.start("mcpttPI10:functionalAlias")
            .attribute("functionalAliasID", alias)
            .end("mcpttPI10:functionalAlias");
    }
    w.end("status").end("tuple");
}
