//! Group key transport payloads: the GKTP document of a user (TS 24.481 cl. 7.7).
//!
//! Each `GKTP` is one MIKEY I_MESSAGE. What it says is trusted only after the message verifies; id and activation
//! time written here are for display.

use crate::date_time;
use crate::read::{self, all, attribute, identity};
use crate::{Document, DocumentError};
use roger_base::{GroupId, UnixTime};
use roger_xml::Writer;
use roger_xml::markup::{optional_child, text_of};
use roxmltree::Node;

/// Namespace of GKTP documents.
pub const NAMESPACE: &str = "urn:3gpp:ns:mcpttGKTP:1.0";

/// Longest I_MESSAGE taken, in octets; one with every optional payload stays below 2 KiB.
const MAX_MESSAGE_OCTETS: usize = 8 << 10;

/// The GKTP document of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gktps {
    /// `<GMK-GKTPs>`: group master keys.
    pub gmk: GktpList,
    /// `<MKFC-GKTPs>`: multicast floor control keys (Rel-13).
    pub mkfc: GktpList,
}

/// Keys of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GktpList {
    /// `<GKTP>`.
    pub keys: Vec<Gktp>,
    /// `<on-network-regrouped-GKTPs>`.
    pub regrouped: Vec<RegroupedGktps>,
}

/// Keys of a temporary group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegroupedGktps {
    /// `@temporary-MCPTT-group-ID`.
    pub temporary_group: GroupId,
    /// Its keys.
    pub keys: Vec<Gktp>,
}

/// One I_MESSAGE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gktp {
    /// `@id`: opaque; we write the CSB-ID as eight hex digits.
    pub id: String,
    /// `@activationtime`: unsigned, display only.
    pub activation_time: Option<UnixTime>,
    /// The octets of the I_MESSAGE.
    pub message: Vec<u8>,
}

impl GktpList {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.regrouped.is_empty()
    }

    pub(crate) fn read_node(node: Node<'_, '_>) -> Result<Self, DocumentError> {
        const REGROUPED: &str = "on-network-regrouped-GKTPs";
        let regrouped = |node: Node<'_, '_>| {
            const GROUP: &str = "temporary-MCPTT-group-ID";
            let temporary_group = identity(attribute(node, GROUP)?, GROUP)?;
            Ok(RegroupedGktps {
                temporary_group,
                keys: read_keys(node)?,
            })
        };
        let regrouped = all(node, NAMESPACE, REGROUPED)
            .map(regrouped)
            .collect::<Result<_, DocumentError>>()?;
        Ok(Self {
            keys: read_keys(node)?,
            regrouped,
        })
    }

    /// Writes the element; its children declare their namespace where the element is of another one.
    pub(crate) fn write_into(&self, w: &mut Writer, name: &str, declared: Option<&str>) {
        w.start(name);
        for key in &self.keys {
            key.write_into(w, declared);
        }
        for group in &self.regrouped {
            w.start("on-network-regrouped-GKTPs")
                .optional_attribute("xmlns", declared);
            w.attribute("temporary-MCPTT-group-ID", group.temporary_group.as_str());
            for key in &group.keys {
                key.write_into(w, None);
            }
            w.end("on-network-regrouped-GKTPs");
        }
        w.end(name);
    }
}

impl Gktp {
    fn read_node(node: Node<'_, '_>) -> Result<Self, DocumentError> {
        const TIME: &str = "activationtime";
        const NAME: &str = "GKTP";
        let text = text_of(node, NAME)?;
        if text.is_empty() || text.len() > 2 * MAX_MESSAGE_OCTETS {
            return Err(DocumentError::PeerValue(NAME));
        }
        Ok(Self {
            id: attribute(node, "id")?.to_owned(),
            activation_time: node
                .attribute(TIME)
                .map(|text| read::date_time(text, TIME))
                .transpose()?,
            message: hex::decode(text).map_err(|_| DocumentError::PeerValue(NAME))?,
        })
    }

    fn write_into(&self, w: &mut Writer, declared: Option<&str>) {
        w.start("GKTP")
            .optional_attribute("xmlns", declared)
            .attribute("id", &self.id);
        w.optional_attribute(
            "activationtime",
            self.activation_time.map(date_time::write).as_deref(),
        );
        w.text(&hex::encode_upper(&self.message)).end("GKTP");
    }
}

fn read_keys(node: Node<'_, '_>) -> Result<Vec<Gktp>, DocumentError> {
    all(node, NAMESPACE, "GKTP").map(Gktp::read_node).collect()
}

impl Document for Gktps {
    /// Inferred (TS 24.481); a reader judges by root and namespace.
    const MEDIA_TYPE: &'static str = "application/xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse_stored(octets)?;
        let root = read::root(&document, NAMESPACE, "GKTPs")?;
        let list = |name| -> Result<GktpList, DocumentError> {
            let node = optional_child(root, NAMESPACE, name)?;
            Ok(node
                .map(GktpList::read_node)
                .transpose()?
                .unwrap_or_default())
        };
        Ok(Self {
            gmk: list("GMK-GKTPs")?,
            mkfc: list("MKFC-GKTPs")?,
        })
    }

    fn write(&self) -> String {
        let mut w = Writer::with_declaration();
        w.start("GKTPs").attribute("xmlns", NAMESPACE);
        for (name, list) in [("GMK-GKTPs", &self.gmk), ("MKFC-GKTPs", &self.mkfc)] {
            if !list.is_empty() {
                list.write_into(&mut w, name, None);
            }
        }
        w.end("GKTPs");
        w.finish()
    }
}
