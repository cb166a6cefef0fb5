//! Why a document is not understood.

use roger_base::IdentityError;
use roger_xml::markup::MarkupError;
use thiserror::Error;

/// Why a document is refused. Values are never shown: they may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// A bound is broken, the text is not well-formed, or an element is missing or there twice.
    #[error(transparent)]
    PeerMarkup(#[from] MarkupError),
    /// The root element is another one, or of another namespace.
    #[error("the root element is not {0}")]
    PeerRoot(&'static str),
    /// An element or attribute that has to be there is not.
    #[error("{0} is missing")]
    PeerMissing(&'static str),
    /// An element or attribute has a value that is not allowed.
    #[error("{0} has a value that is not allowed")]
    PeerValue(&'static str),
    /// An identity that is none.
    #[error("{name} is not an identity: {source}")]
    PeerIdentity {
        /// Element or attribute.
        name: &'static str,
        /// What is wrong with it.
        source: IdentityError,
    },
    /// The content is encrypted; the protection has to be removed first.
    #[error("{0} is encrypted")]
    PeerEncrypted(&'static str),
}
