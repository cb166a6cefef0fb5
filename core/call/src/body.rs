//! The body of an MCPTT message: one part, or several in multipart/mixed (TS 24.379 cl. 6).
//!
//! Parts are found by their media type, never by their place. Two parts of one type are refused
//! (Warning 150), so that no two readers can take different ones.

use crate::feature::media_type;
use crate::protection::{
    OpenedParts, ProtectionError, ReceivingHop, SendingHop, open_parts, protect_parts,
};
use crate::warning::WarningCode;
use roger_base::Random;
use roger_documents::{Document, DocumentError};
use roger_sip::message::{HeaderName, Headers};
use roger_sip::multipart::{MultipartBuilder, MultipartError, MultipartLimits, leaves};
use thiserror::Error;
use zeroize::Zeroizing;

/// One part of a body, after removal of the transfer encoding.
#[derive(Clone)]
pub struct Part {
    /// Value of Content-Type, parameters included.
    pub content_type: String,
    /// Value of Content-ID without angle brackets.
    pub content_id: Option<String>,
    /// The octets exactly as they stand between the delimiters; erased on drop, they may hold a token.
    pub octets: Zeroizing<Vec<u8>>,
}

impl Part {
    /// A part without Content-ID.
    #[must_use]
    pub fn new(content_type: impl Into<String>, octets: Vec<u8>) -> Self {
        Self {
            content_type: content_type.into(),
            content_id: None,
            octets: Zeroizing::new(octets),
        }
    }

    /// Type and subtype in lower case, without parameters.
    #[must_use]
    pub fn media_type(&self) -> String {
        let media_type = self.content_type.split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }

    /// Whether the media type says that this is XML.
    #[must_use]
    pub fn is_xml(&self) -> bool {
        self.media_type().ends_with("+xml")
    }
}

/// Why a body cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The multipart structure is broken.
    #[error(transparent)]
    PeerMultipart(#[from] MultipartError),
    /// Two parts of one media type.
    #[error("there are two parts of type {0}")]
    PeerTwice(String),
    /// A part that the procedure needs is not there.
    #[error("there is no part of type {0}")]
    PeerMissing(&'static str),
    /// A part does not read as the document that its media type promises.
    #[error(transparent)]
    PeerDocument(#[from] DocumentError),
    /// A part is not protected as it has to be.
    #[error(transparent)]
    PeerProtection(#[from] ProtectionError),
}

impl BodyError {
    /// The Warning code of the 403 that answers it.
    #[must_use]
    pub const fn warning(&self) -> WarningCode {
        match self {
            Self::PeerProtection(error) => error.warning(),
            _ => WarningCode::INVALID_BODY,
        }
    }
}

/// The parts of a body.
#[derive(Clone, Default)]
pub struct Body {
    parts: Vec<Part>,
}

impl Body {
    /// No parts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part.
    #[must_use]
    pub fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// Adds a document in plain form.
    #[must_use]
    pub fn with_document<D: Document>(self, document: &D) -> Self {
        self.with(Part::new(D::MEDIA_TYPE, document.write().into_bytes()))
    }

    /// Reads the parts of a received message.
    ///
    /// # Errors
    /// [`BodyError`] when the structure is broken or a media type is there twice.
    pub fn of(headers: &Headers, octets: &[u8]) -> Result<Self, BodyError> {
        let mut body = Self::new();
        for part in leaves(headers, octets, &MultipartLimits::default())? {
            let content_type = part.content_type().map_err(MultipartError::from)?;
            let content_id = part.content_id().map_err(MultipartError::from)?;
            body.parts.push(Part {
                content_type: content_type.to_string(),
                content_id: content_id.map(str::to_owned),
                octets: Zeroizing::new(part.content()?.into_owned()),
            });
        }
        body.check_each_type_once()?;
        Ok(body)
    }

    fn check_each_type_once(&self) -> Result<(), BodyError> {
        let mut types: Vec<String> = self.parts.iter().map(Part::media_type).collect();
        types.sort_unstable();
        match types
            .windows(2)
            .find(|pair| matches!(pair, [a, b] if a == b))
        {
            Some(pair) => Err(BodyError::PeerTwice(pair.concat())),
            None => Ok(()),
        }
    }

    /// Content-Type value and octets to send; `None` for a body without parts. An empty part is sent inside a multipart:
    /// bare, it would be no body at all.
    ///
    /// # Errors
    /// [`BodyError::PeerMultipart`] when a header breaks its line or randomness fails.
    pub fn encode(&self, random: &mut dyn Random) -> Result<Option<(String, Vec<u8>)>, BodyError> {
        match self.parts.as_slice() {
            [] => Ok(None),
            [only] if only.content_id.is_none() && !only.octets.is_empty() => {
                Ok(Some((only.content_type.clone(), only.octets.to_vec())))
            }
            several => Ok(Some(multipart(several, random)?)),
        }
    }

    /// The part of a media type.
    #[must_use]
    pub fn part(&self, media_type: &str) -> Option<&Part> {
        self.parts
            .iter()
            .find(|part| part.media_type() == media_type)
    }

    /// The octets of the part of a media type.
    #[must_use]
    pub fn octets(&self, media_type: &str) -> Option<&[u8]> {
        self.part(media_type).map(|part| part.octets.as_slice())
    }

    /// The document of a type, in plain form.
    ///
    /// # Errors
    /// [`BodyError::PeerDocument`] when the part is there and does not read.
    pub fn document<D: Document>(&self) -> Result<Option<D>, BodyError> {
        let part = self.part(D::MEDIA_TYPE);
        Ok(part.map(|part| D::read(&part.octets)).transpose()?)
    }

    /// The document of a type, which has to be there.
    ///
    /// # Errors
    /// [`BodyError`] when the part is missing or does not read.
    pub fn required<D: Document>(&self) -> Result<D, BodyError> {
        self.document()?
            .ok_or(BodyError::PeerMissing(D::MEDIA_TYPE))
    }

    /// Whether there is no part.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The same body encrypted and signed for a hop; nothing may change in it afterwards.
    ///
    /// # Errors
    /// [`ProtectionError`].
    pub fn protected(
        self,
        hop: &SendingHop,
        random: &mut dyn Random,
    ) -> Result<Self, ProtectionError> {
        Ok(Self {
            parts: protect_parts(self.parts, hop, random)?,
        })
    }

    /// The same body verified and decrypted.
    ///
    /// # Errors
    /// [`ProtectionError`]; nothing of the body may then be used.
    pub fn opened(&self, hop: &ReceivingHop) -> Result<Self, ProtectionError> {
        let OpenedParts { parts, .. } = open_parts(&self.parts, hop)?;
        Ok(Self { parts })
    }
}

fn multipart(parts: &[Part], random: &mut dyn Random) -> Result<(String, Vec<u8>), MultipartError> {
    let mut builder = MultipartBuilder::new();
    for part in parts {
        let content_id = part.content_id.as_ref().map(|id| format!("<{id}>"));
        let mut headers = Vec::new();
        if let Some(content_id) = &content_id {
            headers.push((HeaderName::CONTENT_ID, content_id.as_str()));
        }
        match part.media_type().as_str() {
            media_type::MIKEY => headers.push((HeaderName::CONTENT_TRANSFER_ENCODING, "binary")),
            media_type::RESOURCE_LISTS => {
                headers.push((HeaderName::CONTENT_DISPOSITION, "recipient-list"));
            }
            _ => {}
        }
        builder = builder.part_with(&part.content_type, &headers, part.octets.to_vec());
    }
    builder.build(random)
}
