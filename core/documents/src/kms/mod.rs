//! KMS documents (TS 33.180 Annex D).
//!
//! Requests and responses may be signed; what a signature covers is read from the octets it covers. Errors are
//! [`KmsDocumentError`].

mod certificate;
mod key_content;
mod key_set;
mod krr;
mod request;
mod response;

pub use certificate::{CertificateRole, KPAK_OCTETS, KmsCertificate, SAKKE_POINT_OCTETS};
pub use key_content::{KeyContent, KeyKind, NewKey, WrappedKey};
pub use key_set::KmsKeySet;
pub use krr::{KRR_NAMESPACE, KrrList};
pub use request::{KmsRequest, OpenedRequest};
pub use response::{KmsErrorBody, KmsMessage, KmsResponse, OpenedResponse};

use crate::DocumentError;
use roger_base::Secret;
use roger_xml::key_wrap::KeyWrapError;
use roger_xml::sibling::IntegrityError;
use thiserror::Error;

/// Namespace of KMS documents.
pub const NAMESPACE: &str = "urn:3gpp:ns:mcsecKMSInterface:1.0";
/// Root of all paths of the KMS (TS 33.180 D.2).
pub const ROOT_PATH: &str = "/keymanagement/identity/v1";
/// Media type of requests and responses (TS 33.180 Annex D).
pub const MEDIA_TYPE: &str = "application/xml";

/// A key shared between one client and the KMS, with the name that documents use for it.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedKey {
    /// `ds:KeyName`, a free string such as `tk.12.user@example.org`.
    pub name: String,
    /// 256 bits.
    pub key: Secret<32>,
}

/// Shows the name only.
impl core::fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NamedKey({})", self.name)
    }
}

/// The release that a peer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Release {
    /// TS 33.179: TrK alone wraps and signs; no InK, no new keys in answers, certificates of version 1.0.0.
    Rel13,
    /// TS 33.180.
    #[default]
    Rel14,
}

/// How the peer writes; the second only by configuration of that peer (TS 33.180 Annex D).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// TS 33.180 Annex D.
    #[default]
    Standard,
    /// A product of the first release: enveloped signature, `EncryptedData` for keys, hexadecimal cipher values.
    EarlyProduct,
}

impl Dialect {
    pub(crate) const fn layout(self) -> roger_xml::sibling::Layout {
        match self {
            Self::Standard => roger_xml::sibling::Layout::Sibling,
            Self::EarlyProduct => roger_xml::sibling::Layout::Enveloped,
        }
    }
}

/// Why a KMS document is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KmsDocumentError {
    /// It is not such a document.
    #[error(transparent)]
    PeerDocument(#[from] DocumentError),
    /// Its signature does not verify.
    #[error(transparent)]
    PeerIntegrity(#[from] IntegrityError),
    /// A wrapped key does not open.
    #[error(transparent)]
    PeerKeyWrap(#[from] KeyWrapError),
    /// A key has another length than its element demands.
    #[error("{0} does not have the length of such a key")]
    PeerKeyLength(&'static str),
    /// A key is wrapped under a transport key that this client does not have.
    #[error("the key is wrapped under a transport key that is not known here")]
    DeniedTransportKey,
}

impl From<roger_xml::markup::MarkupError> for KmsDocumentError {
    fn from(error: roger_xml::markup::MarkupError) -> Self {
        Self::PeerDocument(error.into())
    }
}
