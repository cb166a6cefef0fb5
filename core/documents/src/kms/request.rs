//! `KmsRequest` and `SignedKmsRequest` (TS 33.180 D.2).

use super::krr::{self, KrrList};
use super::{Dialect, KmsDocumentError, NAMESPACE, NamedKey};
use crate::date_time;
use crate::error::DocumentError;
use crate::read::{self, optional_text, text};
use roger_base::{Secret, UnixTime};
use roger_xml::Writer;
use roger_xml::markup::{Limits, elements, optional_child};
use roger_xml::names::DS;
use roger_xml::sibling::{ELEMENT_ID, IntegrityError, Shape, sign, verify_document};
use roxmltree::Node;

const SHAPE: Shape = Shape {
    namespace: NAMESPACE,
    root: "SignedKmsRequest",
    element: "KmsRequest",
};
const NAME: &str = "KmsRequest";

/// A request. Fields are compared octet by octet, so they are strings as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsRequest {
    /// `UserUri`: MC service ID, or URI of a server or group management server.
    pub user_uri: String,
    /// `KmsUri`: the KMS asked.
    pub kms_uri: String,
    /// `Time` of sending.
    pub time: UnixTime,
    /// `ClientId`.
    pub client_id: Option<String>,
    /// `DeviceId`.
    pub device_id: Option<String>,
    /// `ClientReqUrl`: the URL that this was posted to.
    pub client_req_url: String,
    /// `KrrList`, only with `/redirect`.
    pub krr_list: Option<KrrList>,
    /// `TrK-ID`, under any namespace: never sent by us, honoured when it names a TrK of this client.
    pub trk_id: Option<String>,
}

/// A request and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedRequest {
    /// The request; with a signature, what the signature covers.
    pub request: KmsRequest,
    /// `ds:KeyName` of the signature, nothing for an unsigned request.
    pub signer: Option<String>,
}

impl KmsRequest {
    /// Writes a bare request.
    #[must_use]
    pub fn write(&self) -> String {
        self.element(Some(NAMESPACE))
    }

    /// Writes a signed request.
    ///
    /// # Errors
    /// Never for requests that keep the bounds of a message.
    pub fn sign(&self, key: &NamedKey) -> Result<String, IntegrityError> {
        let declarations = [("xmlns", NAMESPACE), ("xmlns:ds", DS)];
        sign(
            &SHAPE,
            &declarations,
            &self.element(None),
            &key.name,
            &key.key,
        )
    }

    fn element(&self, namespace: Option<&str>) -> String {
        let mut w = Writer::new();
        w.start(NAME).optional_attribute("xmlns", namespace);
        w.attribute("Id", ELEMENT_ID).attribute("Version", "1.1.0");
        w.leaf("UserUri", &self.user_uri)
            .leaf("KmsUri", &self.kms_uri);
        w.leaf("Time", &date_time::write(self.time));
        w.optional_leaf("ClientId", self.client_id.as_deref());
        w.optional_leaf("DeviceId", self.device_id.as_deref());
        w.leaf("ClientReqUrl", &self.client_req_url);
        if let Some(list) = &self.krr_list {
            w.raw(list.as_str());
        }
        w.end(NAME);
        w.finish()
    }

    /// `ClientReqUrl` of a request whose signature is not verified: only for the answer that refuses it.
    #[must_use]
    pub fn unverified_url(octets: &[u8]) -> Option<String> {
        Self::unverified(octets, "ClientReqUrl")
    }

    /// `KmsUri` of a request whose signature is not verified: only to find the domain that will verify it.
    #[must_use]
    pub fn unverified_kms_uri(octets: &[u8]) -> Option<String> {
        Self::unverified(octets, "KmsUri")
    }

    fn unverified(octets: &[u8], name: &'static str) -> Option<String> {
        let document = read::parse(octets).ok()?;
        let root = document.root_element();
        let bare = root.has_tag_name((NAMESPACE, NAME)).then_some(root);
        let request = bare.or_else(|| read::all(root, NAMESPACE, NAME).next())?;
        text(request, NAMESPACE, name).ok()
    }

    fn read_node(node: Node<'_, '_>) -> Result<Self, DocumentError> {
        let own = |name| text(node, NAMESPACE, name);
        Ok(Self {
            user_uri: own("UserUri")?,
            kms_uri: own("KmsUri")?,
            time: read::date_time(&own("Time")?, "Time")?,
            client_id: optional_text(node, NAMESPACE, "ClientId")?,
            device_id: optional_text(node, NAMESPACE, "DeviceId")?,
            client_req_url: own("ClientReqUrl")?,
            krr_list: optional_child(node, NAMESPACE, krr::NAME)?
                .map(KrrList::read_node)
                .transpose()?,
            trk_id: trk_id(node)?,
        })
    }

    /// Reads a request, signed or not. `key` finds the InK or TrK of this client by name.
    ///
    /// Whether an unsigned request is taken is for the caller to decide.
    ///
    /// # Errors
    /// [`KmsDocumentError`] when it is no request or its signature does not verify.
    pub fn open(
        octets: &[u8],
        key: &dyn Fn(&str) -> Option<Secret<32>>,
    ) -> Result<OpenedRequest, KmsDocumentError> {
        let document = read::parse(octets)?;
        let root = document.root_element();
        if root.has_tag_name((NAMESPACE, NAME)) {
            return Ok(OpenedRequest {
                request: Self::read_node(root)?,
                signer: None,
            });
        }
        if !root.has_tag_name((NAMESPACE, SHAPE.root)) {
            return Err(DocumentError::PeerRoot(NAME).into());
        }
        let verified = verify_document(
            octets,
            &SHAPE,
            Dialect::Standard.layout(),
            &Limits::MESSAGE,
            key,
        )?;
        let covered = read::parse(&verified.xml)?;
        let request = Self::read_node(read::root(&covered, NAMESPACE, NAME)?)?;
        Ok(OpenedRequest {
            request,
            signer: Some(verified.key_name),
        })
    }
}

fn trk_id(node: Node<'_, '_>) -> Result<Option<String>, DocumentError> {
    const TRK_ID: &str = "TrK-ID";
    let mut found = elements(node).filter(|child| child.tag_name().name() == TRK_ID);
    let first = found.next();
    if found.next().is_some() {
        return Err(DocumentError::PeerValue(TRK_ID));
    }
    Ok(first
        .map(|child| roger_xml::markup::text_of(child, TRK_ID))
        .transpose()?)
}
