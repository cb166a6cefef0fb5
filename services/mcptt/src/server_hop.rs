//! The hop between two MCPTT servers, protected by the SPK (TS 33.180 cl. 5.5, 9.3, 9.4).

use roger_base::KeyId;
use roger_call::protection::{Protection, ReceivingHop, SendingHop};
use roger_keys::Spk;
use roger_keys::signalling::XmlKeyMode;
use roger_srtp::{FloorContext, SrtpError};
use roger_xml::signed_body::Coverage;
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use roger_xml::{BoundKeys, XmlKeys};

/// Keys and rules of the hop; both ends are provisioned with the same.
#[derive(Clone)]
pub struct ServerHop {
    spk: Spk,
    sending: SendingHop,
    receiving: ReceivingHop,
}

impl ServerHop {
    /// A hop under one SPK. `p0` is the string agreed for its derivations, by default the MDSI of the domain that
    /// made it \[I, TS 33.180 cl. 9.3\]; `domain` marks protected URIs.
    #[must_use]
    pub fn new(spk: Spk, p0: &str, domain: &str, protection: Protection) -> Self {
        let derived = spk.xml_keys(XmlKeyMode::Derived, p0);
        let keys = XmlKeys::new(spk.id(), derived.confidentiality, derived.integrity);
        let sending = SendingHop {
            keys: keys.clone(),
            domain: domain.to_owned(),
            protection,
        };
        let receiving = ReceivingHop {
            keys: BoundKeys::one(keys),
            domains: ProtectedDomains::new(vec![domain.to_owned()], UriTolerance::AsSent),
            protection,
            coverage: Coverage::EveryXmlPart,
        };
        Self {
            spk,
            sending,
            receiving,
        }
    }

    /// How to send XML.
    #[must_use]
    pub const fn sending(&self) -> &SendingHop {
        &self.sending
    }

    /// How to receive XML.
    #[must_use]
    pub const fn receiving(&self) -> &ReceivingHop {
        &self.receiving
    }

    /// SPK-ID.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.spk.id()
    }

    /// The SRTCP context of floor control; one for each function, for all its calls.
    ///
    /// # Errors
    /// [`SrtpError`] when the session keys cannot be derived.
    pub fn floor_context(&self) -> Result<FloorContext, SrtpError> {
        FloorContext::new(self.spk.id(), &self.spk.control_key().into())
    }
}
