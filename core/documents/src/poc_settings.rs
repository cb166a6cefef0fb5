//! Service settings of a client, `application/poc-settings+xml` (RFC 4354, TS 24.379 cl. 7.4.1.2.2).

use crate::read::{self, attribute, identity};
use crate::{Document, DocumentError};
use roger_base::ClientId;
use roger_xml::Writer;
use roger_xml::markup::{child, optional_child};
use roxmltree::Node;

const NAMESPACE: &str = "urn:oma:params:xml:ns:poc:poc-settings";
const SETTINGS: &str = "urn:3gpp:mcsSettings:1.0";

/// `<answer-mode>`: how the client answers an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerMode {
    /// Without the user.
    Automatic,
    /// By the user.
    Manual,
}

impl AnswerMode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }
}

/// Settings of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PocSettings {
    /// `entity/@id`: the instance, for MCPTT the client ID.
    pub client_id: ClientId,
    /// `<am-settings><answer-mode>`.
    pub answer_mode: Option<AnswerMode>,
    /// `<selected-user-profile-index><user-profile-index>`.
    pub user_profile_index: Option<u8>,
    /// `<multiplex-support>`: the client can take several media on one port (Rel-16).
    pub multiplex_support: bool,
}

impl Document for PocSettings {
    const MEDIA_TYPE: &'static str = "application/poc-settings+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse(octets)?;
        let entity = child(
            read::root(&document, NAMESPACE, "poc-settings")?,
            NAMESPACE,
            "entity",
        )?;
        Ok(Self {
            client_id: identity(attribute(entity, "id")?, "entity/@id")?,
            answer_mode: answer_mode(entity)?,
            user_profile_index: profile_index(entity)?,
            multiplex_support: multiplex_support(entity)?,
        })
    }

    fn write(&self) -> String {
        let mut w = Writer::with_declaration();
        w.start("poc-settings")
            .attribute("xmlns", NAMESPACE)
            .attribute("xmlns:mcs10Set", SETTINGS);
        w.start("entity").attribute("id", self.client_id.as_str());
        if let Some(mode) = self.answer_mode {
            w.start("am-settings")
                .leaf("answer-mode", mode.as_str())
                .end("am-settings");
        }
        if let Some(index) = self.user_profile_index {
            w.start("mcs10Set:selected-user-profile-index");
            w.leaf("mcs10Set:user-profile-index", &index.to_string())
                .end("mcs10Set:selected-user-profile-index");
        }
        if self.multiplex_support {
            w.leaf("mcs10Set:multiplex-support", "true");
        }
        w.end("entity").end("poc-settings");
        w.finish()
    }
}

fn answer_mode(entity: Node<'_, '_>) -> Result<Option<AnswerMode>, DocumentError> {
    const NAME: &str = "answer-mode";
    let Some(settings) = optional_child(entity, NAMESPACE, "am-settings")? else {
        return Ok(None);
    };
    match read::optional_text(settings, NAMESPACE, NAME)?.as_deref() {
        None => Ok(None),
        Some("automatic") => Ok(Some(AnswerMode::Automatic)),
        Some("manual") => Ok(Some(AnswerMode::Manual)),
        Some(_) => Err(DocumentError::PeerValue(NAME)),
    }
}

fn profile_index(entity: Node<'_, '_>) -> Result<Option<u8>, DocumentError> {
    let Some(selected) = optional_child(entity, SETTINGS, "selected-user-profile-index")? else {
        return Ok(None);
    };
    read::optional_number(selected, SETTINGS, "user-profile-index")
}

/// Present without text means yes: whether the schema has text there was not verified.
fn multiplex_support(entity: Node<'_, '_>) -> Result<bool, DocumentError> {
    const NAME: &str = "multiplex-support";
    match read::optional_text(entity, SETTINGS, NAME)?.as_deref() {
        None => Ok(false),
        Some("") => Ok(true),
        Some(text) => read::boolean(text, NAME),
    }
}
