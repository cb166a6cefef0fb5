//! `KmsResponse` and `SignedKmsResponse` (TS 33.180 D.3).

use super::key_content::xsi_type;
use super::{
    Dialect, KmsCertificate, KmsDocumentError, KmsKeySet, NAMESPACE, NamedKey, NewKey, Release,
    WrappedKey,
};
use crate::date_time;
use crate::error::DocumentError;
use crate::read::{self, all, number, optional_text, text};
use roger_base::{KmsUri, Secret, UnixTime};
use roger_xml::Writer;
use roger_xml::markup::{Limits, child, elements, optional_child};
use roger_xml::names::{DS, XENC, XSI};
use roger_xml::sibling::{ELEMENT_ID, IntegrityError, Shape, sign, verify_document};
use roxmltree::Node;

const SHAPE: Shape = Shape {
    namespace: NAMESPACE,
    root: "SignedKmsResponse",
    element: "KmsResponse",
};
const NAME: &str = "KmsResponse";
const ERROR: &str = "KmsError";
const LOOKUP: &str = "KmsLookup";
/// Most key sets or certificates in one response.
const MAX_ITEMS: usize = 64;

/// `KmsError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsErrorBody {
    /// `ErrorCode`: we send the HTTP status; receivers only display it (inferred, TS 33.180 Annex D).
    pub code: i64,
    /// `ErrorMsg`.
    pub message: String,
}

/// What a response says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KmsMessage {
    /// `KmsInit`: the Root certificate, maybe new keys.
    Init {
        /// The certificate of this KMS.
        certificate: Box<KmsCertificate>,
        /// `NewTransportKey`.
        new_transport_keys: Vec<NewKey>,
        /// `NewIntegrityKey`.
        new_integrity_keys: Vec<NewKey>,
    },
    /// `KmsKeyProv`: key sets, maybe new keys.
    KeyProv {
        /// `KmsKeySet`.
        key_sets: Vec<KmsKeySet>,
        /// `NewTransportKey`.
        new_transport_keys: Vec<NewKey>,
        /// `NewIntegrityKey`.
        new_integrity_keys: Vec<NewKey>,
    },
    /// `KmsCertCache`: certificates of other domains.
    CertCache {
        /// `@CacheNum`.
        cache_num: Option<u64>,
        /// Certificates; none when the client's cache is current.
        certificates: Vec<KmsCertificate>,
    },
    /// `KmsLookup`: the domains of a user (TS 33.180 D.2.7; names and order inferred).
    Lookup {
        /// `UserUri` that was asked for.
        user_uri: String,
        /// `KmsUri` of each domain, the home domain first.
        kms_uris: Vec<KmsUri>,
    },
    /// Neither message nor error: what was uploaded is taken (TS 33.180 D.2.8, inferred).
    Empty,
    /// `KmsError` in place of a message.
    Error(KmsErrorBody),
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsResponse {
    /// `UserUri` of the request.
    pub user_uri: String,
    /// `KmsUri` of the KMS.
    pub kms_uri: String,
    /// `Time` of sending.
    pub time: UnixTime,
    /// `KmsId`.
    pub kms_id: Option<String>,
    /// `ClientReqUrl` of the request.
    pub client_req_url: String,
    /// What it says.
    pub message: KmsMessage,
}

/// A response and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedResponse {
    /// The response; with a signature, what the signature covers.
    pub response: KmsResponse,
    /// `ds:KeyName` of the signature, nothing for an unsigned response.
    pub signer: Option<String>,
}

impl KmsResponse {
    /// Writes a bare response.
    #[must_use]
    pub fn write(&self) -> String {
        self.write_in(Release::Rel14)
    }

    /// Writes a bare response for a client of this release.
    #[must_use]
    pub fn write_in(&self, release: Release) -> String {
        let mut w = Writer::new();
        w.start(NAME).attribute("xmlns", NAMESPACE);
        if self.has_wrapped_keys() {
            w.attribute("xmlns:ds", DS).attribute("xmlns:xenc", XENC);
        }
        if matches!(
            self.message,
            KmsMessage::Init { .. } | KmsMessage::KeyProv { .. }
        ) {
            w.attribute("xmlns:xsi", XSI);
        }
        self.write_content(&mut w, release);
        w.finish()
    }

    /// Writes a signed response.
    ///
    /// # Errors
    /// Never for responses that keep the bounds of a message.
    pub fn sign(&self, key: &NamedKey) -> Result<String, IntegrityError> {
        self.sign_in(key, Release::Rel14)
    }

    /// Writes a signed response for a client of this release.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_in(&self, key: &NamedKey, release: Release) -> Result<String, IntegrityError> {
        let mut w = Writer::new();
        w.start(NAME);
        self.write_content(&mut w, release);
        let declarations = [
            ("xmlns", NAMESPACE),
            ("xmlns:ds", DS),
            ("xmlns:xenc", XENC),
            ("xmlns:xsi", XSI),
        ];
        sign(&SHAPE, &declarations, &w.finish(), &key.name, &key.key)
    }

    fn has_wrapped_keys(&self) -> bool {
        match &self.message {
            KmsMessage::Init {
                new_transport_keys,
                new_integrity_keys,
                ..
            } => !new_transport_keys.is_empty() || !new_integrity_keys.is_empty(),
            KmsMessage::KeyProv {
                key_sets,
                new_transport_keys,
                new_integrity_keys,
            } => {
                !new_transport_keys.is_empty()
                    || !new_integrity_keys.is_empty()
                    || key_sets.iter().any(KmsKeySet::has_wrapped_keys)
            }
            KmsMessage::CertCache { .. }
            | KmsMessage::Lookup { .. }
            | KmsMessage::Empty
            | KmsMessage::Error(_) => false,
        }
    }

    fn write_content(&self, w: &mut Writer, release: Release) {
        w.attribute("Id", ELEMENT_ID).attribute("Version", "1.0.0");
        w.leaf("UserUri", &self.user_uri)
            .leaf("KmsUri", &self.kms_uri);
        w.leaf("Time", &date_time::write(self.time))
            .optional_leaf("KmsId", self.kms_id.as_deref());
        w.leaf("ClientReqUrl", &self.client_req_url);
        match &self.message {
            KmsMessage::Error(error) => {
                w.start(ERROR).attribute("Version", "1.0.0");
                w.leaf("ErrorCode", &error.code.to_string())
                    .leaf("ErrorMsg", &error.message)
                    .end(ERROR);
            }
            KmsMessage::Empty => {}
            message => {
                w.start("KmsMessage");
                write_message(w, message, release);
                w.end("KmsMessage");
            }
        }
        w.end(NAME);
    }

    fn read_node(node: Node<'_, '_>, dialect: Dialect) -> Result<Self, KmsDocumentError> {
        let own = |name| text(node, NAMESPACE, name);
        let message = optional_child(node, NAMESPACE, "KmsMessage")?;
        let error = optional_child(node, NAMESPACE, ERROR)?;
        let message = match (message, error) {
            (Some(message), None) => read_message(message, dialect)?,
            (None, Some(error)) => KmsMessage::Error(read_error(error)?),
            // Both: a client uses neither.
            (Some(_), Some(_)) => return Err(DocumentError::PeerValue(NAME).into()),
            (None, None) => KmsMessage::Empty,
        };
        Ok(Self {
            user_uri: own("UserUri")?,
            kms_uri: own("KmsUri")?,
            time: read::date_time(&own("Time")?, "Time")?,
            kms_id: optional_text(node, NAMESPACE, "KmsId")?,
            client_req_url: own("ClientReqUrl")?,
            message,
        })
    }

    /// Reads a response, signed or not. `key` finds our InK or TrK by name.
    ///
    /// Whether an unsigned response is taken is for the caller to decide.
    ///
    /// # Errors
    /// [`KmsDocumentError`] when it is no response or its signature does not verify.
    pub fn open(
        octets: &[u8],
        dialect: Dialect,
        key: &dyn Fn(&str) -> Option<Secret<32>>,
    ) -> Result<OpenedResponse, KmsDocumentError> {
        let document = roger_xml::markup::parse(octets, &LIMITS)?;
        let root = document.root_element();
        if root.has_tag_name((NAMESPACE, NAME)) {
            return Ok(OpenedResponse {
                response: Self::read_node(root, dialect)?,
                signer: None,
            });
        }
        if !root.has_tag_name((NAMESPACE, SHAPE.root)) {
            return Err(DocumentError::PeerRoot(NAME).into());
        }
        // A SignedKmsResponse may come without a signature (0..1): then it is worth what a bare one is.
        if optional_child(root, DS, "Signature")?.is_none() {
            let response = Self::read_node(child(root, NAMESPACE, NAME)?, dialect)?;
            return Ok(OpenedResponse {
                response,
                signer: None,
            });
        }
        let verified = verify_document(octets, &SHAPE, dialect.layout(), &LIMITS, key)?;
        let covered = roger_xml::markup::parse(&verified.xml, &LIMITS)?;
        let node = match covered.root_element() {
            node if node.has_tag_name((NAMESPACE, NAME)) => node,
            root => child(root, NAMESPACE, NAME)?,
        };
        Ok(OpenedResponse {
            response: Self::read_node(node, dialect)?,
            signer: Some(verified.key_name),
        })
    }
}

/// A response with several key sets is longer than a message.
const LIMITS: Limits = Limits {
    octets: 512 << 10,
    ..Limits::MESSAGE
};

fn write_message(w: &mut Writer, message: &KmsMessage, release: Release) {
    match message {
        KmsMessage::Init {
            certificate,
            new_transport_keys,
            new_integrity_keys,
        } => {
            w.start("KmsInit").attribute("Version", "1.0.0");
            let extended = !new_transport_keys.is_empty() || !new_integrity_keys.is_empty();
            let extended = extended && release != Release::Rel13;
            w.optional_attribute("xsi:type", extended.then_some("KmsInitTkIkType"));
            certificate.write_into(w, release);
            if extended {
                write_new_keys(w, new_transport_keys, new_integrity_keys);
            }
            w.end("KmsInit");
        }
        KmsMessage::KeyProv {
            key_sets,
            new_transport_keys,
            new_integrity_keys,
        } => {
            w.start("KmsKeyProv").attribute("Version", "1.0.0");
            let extended = !new_transport_keys.is_empty() || !new_integrity_keys.is_empty();
            let extended = extended && release != Release::Rel13;
            w.optional_attribute("xsi:type", extended.then_some("KmsKeyProvTkIkType"));
            for key_set in key_sets {
                key_set.write_into(w);
            }
            if extended {
                write_new_keys(w, new_transport_keys, new_integrity_keys);
            }
            w.end("KmsKeyProv");
        }
        KmsMessage::CertCache {
            cache_num,
            certificates,
        } => {
            w.start("KmsCertCache");
            w.optional_attribute(
                "CacheNum",
                cache_num.map(|number| number.to_string()).as_deref(),
            );
            w.attribute("Version", "1.0.0");
            for certificate in certificates {
                certificate.write_into(w, release);
            }
            w.end("KmsCertCache");
        }
        KmsMessage::Lookup { user_uri, kms_uris } => {
            w.start(LOOKUP).attribute("Version", "1.0.0");
            w.leaf("UserUri", user_uri);
            for kms_uri in kms_uris {
                w.leaf("KmsUri", kms_uri.as_str());
            }
            w.end(LOOKUP);
        }
        KmsMessage::Empty | KmsMessage::Error(_) => {}
    }
}

fn write_new_keys(w: &mut Writer, transport: &[NewKey], integrity: &[NewKey]) {
    for (name, keys) in [
        ("NewTransportKey", transport),
        ("NewIntegrityKey", integrity),
    ] {
        for key in keys {
            w.start(name);
            key.0.write_into(w);
            w.end(name);
        }
    }
}

fn read_message(node: Node<'_, '_>, dialect: Dialect) -> Result<KmsMessage, KmsDocumentError> {
    let init = optional_child(node, NAMESPACE, "KmsInit")?;
    let key_prov = optional_child(node, NAMESPACE, "KmsKeyProv")?;
    let cert_cache = optional_child(node, NAMESPACE, "KmsCertCache")?;
    let lookup = optional_child(node, NAMESPACE, LOOKUP)?;
    match (init, key_prov, cert_cache, lookup) {
        (Some(init), None, None, None) => read_init(init, dialect),
        (None, Some(key_prov), None, None) => read_key_prov(key_prov, dialect),
        (None, None, Some(cache), None) => read_cert_cache(cache),
        (None, None, None, Some(lookup)) => Ok(read_lookup(lookup)?),
        _ => Err(DocumentError::PeerValue("KmsMessage").into()),
    }
}

fn read_init(node: Node<'_, '_>, dialect: Dialect) -> Result<KmsMessage, KmsDocumentError> {
    let mut certificates = read_certificates(node)?;
    let (Some(certificate), true) = (certificates.pop(), certificates.is_empty()) else {
        return Err(DocumentError::PeerValue("KmsInit").into());
    };
    let (new_transport_keys, new_integrity_keys) = read_new_keys(node, "KmsInitTkIkType", dialect)?;
    Ok(KmsMessage::Init {
        certificate: Box::new(certificate),
        new_transport_keys,
        new_integrity_keys,
    })
}

fn read_key_prov(node: Node<'_, '_>, dialect: Dialect) -> Result<KmsMessage, KmsDocumentError> {
    let found: Vec<_> = all(node, NAMESPACE, "KmsKeySet").collect();
    if found.len() > MAX_ITEMS {
        return Err(DocumentError::PeerValue("KmsKeyProv").into());
    }
    let key_sets = found
        .into_iter()
        .map(|set| KmsKeySet::read_node(set, dialect))
        .collect::<Result<_, _>>()?;
    let (new_transport_keys, new_integrity_keys) =
        read_new_keys(node, "KmsKeyProvTkIkType", dialect)?;
    Ok(KmsMessage::KeyProv {
        key_sets,
        new_transport_keys,
        new_integrity_keys,
    })
}

fn read_lookup(node: Node<'_, '_>) -> Result<KmsMessage, DocumentError> {
    let found: Vec<_> = all(node, NAMESPACE, "KmsUri").collect();
    if found.len() > MAX_ITEMS {
        return Err(DocumentError::PeerValue(LOOKUP));
    }
    let kms_uris = found
        .into_iter()
        .map(|uri| read::identity(&roger_xml::markup::text_of(uri, "KmsUri")?, "KmsUri"));
    Ok(KmsMessage::Lookup {
        user_uri: text(node, NAMESPACE, "UserUri")?,
        kms_uris: kms_uris.collect::<Result<_, _>>()?,
    })
}

fn read_cert_cache(node: Node<'_, '_>) -> Result<KmsMessage, KmsDocumentError> {
    let cache_num = node
        .attribute("CacheNum")
        .map(|text| number(text, "CacheNum"))
        .transpose()?;
    Ok(KmsMessage::CertCache {
        cache_num,
        certificates: read_certificates(node)?,
    })
}

/// Certificates, bare or in a `SignedKmsCertificate`. They are trusted through the response that carries them; the
/// signature of a certificate of its own is under a key that its receiver does not have.
fn read_certificates(node: Node<'_, '_>) -> Result<Vec<KmsCertificate>, KmsDocumentError> {
    const CERTIFICATE: &str = "KmsCertificate";
    let mut certificates = Vec::new();
    for item in elements(node) {
        let certificate = if item.has_tag_name((NAMESPACE, CERTIFICATE)) {
            item
        } else if item.has_tag_name((NAMESPACE, "SignedKmsCertificate")) {
            child(item, NAMESPACE, CERTIFICATE)?
        } else {
            continue;
        };
        if certificates.len() == MAX_ITEMS {
            return Err(DocumentError::PeerValue(CERTIFICATE).into());
        }
        certificates.push(KmsCertificate::read_node(certificate)?);
    }
    Ok(certificates)
}

/// New keys stand only in the extended type; the product of the first release does without the label.
fn read_new_keys(
    node: Node<'_, '_>,
    extended: &str,
    dialect: Dialect,
) -> Result<(Vec<NewKey>, Vec<NewKey>), KmsDocumentError> {
    let keys = |name: &'static str| -> Result<Vec<NewKey>, KmsDocumentError> {
        let found: Vec<_> = all(node, NAMESPACE, name).collect();
        let labelled = dialect == Dialect::EarlyProduct || xsi_type(node) == Some(extended);
        if found.len() > MAX_ITEMS || (!found.is_empty() && !labelled) {
            return Err(DocumentError::PeerValue(name).into());
        }
        found
            .into_iter()
            .map(|key| Ok(NewKey(WrappedKey::read_in(key, dialect)?)))
            .collect::<Result<_, _>>()
    };
    Ok((keys("NewTransportKey")?, keys("NewIntegrityKey")?))
}

fn read_error(node: Node<'_, '_>) -> Result<KmsErrorBody, DocumentError> {
    const CODE: &str = "ErrorCode";
    let code = text(node, NAMESPACE, CODE)?
        .parse()
        .map_err(|_| DocumentError::PeerValue(CODE))?;
    Ok(KmsErrorBody {
        code,
        message: text(node, NAMESPACE, "ErrorMsg")?,
    })
}
