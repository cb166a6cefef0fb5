//! Bodies of several parts: `multipart/mixed` and its kin, part bodies kept octet for octet (RFC 2046 5.1).
//!
//! ```text
//! preamble, ignored
//! CRLF --boundary [spaces] CRLF
//! header lines CRLF
//! CRLF
//! part body
//! CRLF --boundary [spaces] CRLF     the CRLF before the dashes belongs to the delimiter, not to the part
//! …
//! CRLF --boundary-- [spaces]
//! epilogue, ignored
//! ```

mod build;
mod delimiter;

pub use build::MultipartBuilder;

use crate::header::scan;
use crate::header::{ContentDisposition, ContentType, HeaderError};
use crate::message::{HeaderFault, HeaderName, Headers};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use delimiter::{Boundary, Delimiter};
use std::borrow::Cow;
use thiserror::Error;

/// Largest header section of one part, in octets.
const MAX_PART_HEAD: usize = 8 * 1024;
/// Most header lines of one part.
const MAX_PART_LINES: usize = 32;

/// Bounds on a multipart body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultipartLimits {
    /// Most parts over all levels.
    pub parts: usize,
    /// Most levels of multipart inside multipart; 1 means none inside.
    pub depth: usize,
}

impl Default for MultipartLimits {
    /// 32 parts, 4 levels.
    fn default() -> Self {
        Self {
            parts: 32,
            depth: 4,
        }
    }
}

/// Why a body of several parts is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MultipartError {
    /// The type is not `multipart/…`.
    #[error("the body is not multipart")]
    NotMultipart,
    /// There is a body without Content-Type.
    #[error("the body has no Content-Type")]
    NoContentType,
    /// The boundary is missing, empty, longer than 70 octets, or has characters it must not have.
    #[error("the boundary is missing or malformed (1 to 70 characters of RFC 2046 5.1.1)")]
    Boundary,
    /// The first delimiter is missing.
    #[error("no part begins")]
    NoPart,
    /// The closing delimiter is missing.
    #[error("the closing delimiter is missing")]
    NotClosed,
    /// More parts than allowed.
    #[error("more than {0} parts")]
    TooManyParts(usize),
    /// More levels than allowed.
    #[error("parts inside parts more than {0} levels deep")]
    TooDeep(usize),
    /// The headers of a part are too large.
    #[error("the headers of a part are too large")]
    PartHeadTooLarge,
    /// A header line of a part breaks the grammar.
    #[error("a header line of a part is malformed")]
    PartHeader(HeaderFault),
    /// A header value of a part breaks its grammar.
    #[error("a part: {0}")]
    PartValue(#[from] HeaderError),
    /// Content-Transfer-Encoding that is not read, or base64 around a multipart.
    #[error("the Content-Transfer-Encoding of a part is not supported")]
    TransferEncoding,
    /// The base64 of a part is malformed.
    #[error("the base64 of a part is malformed")]
    Base64,
    /// A part that is to be sent contains the boundary.
    #[error("a part contains the boundary")]
    BoundaryInPart,
    /// A header of a part that is to be sent would break out of its line.
    #[error("a header of a part has a line break")]
    LineBreak,
    /// The source of randomness failed.
    #[error("no randomness for the boundary")]
    Random,
}

/// One part: its headers and its body as transferred.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    headers: Headers,
    octets: &'a [u8],
}

impl<'a> Part<'a> {
    /// The header lines of the part.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The part body as it stands in the message, before any transfer decoding.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The type; `text/plain` when the header is absent (RFC 2046 5.1).
    ///
    /// # Errors
    /// [`HeaderError`] when the header is malformed or repeated.
    pub fn content_type(&self) -> Result<ContentType, HeaderError> {
        match self.headers.content_type()? {
            Some(kind) => Ok(kind),
            None => ContentType::parse(b"text/plain"),
        }
    }

    /// Whether the type is `type/subtype`; a malformed one is none.
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        self.content_type().is_ok_and(|kind| kind.is(media_type))
    }

    /// Content-ID without its angle brackets; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when the header is malformed or repeated.
    pub fn content_id(&self) -> Result<Option<&str>, HeaderError> {
        self.headers.content_id()
    }

    /// Content-Disposition; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when the header is malformed or repeated.
    pub fn disposition(&self) -> Result<Option<ContentDisposition>, HeaderError> {
        self.headers.content_disposition()
    }

    /// The content with the transfer encoding undone: `7bit`, `8bit` and `binary` are as they stand, `base64`
    /// is decoded, white space in it ignored.
    ///
    /// # Errors
    /// [`MultipartError`] for any other encoding, or malformed base64.
    pub fn content(&self) -> Result<Cow<'a, [u8]>, MultipartError> {
        match self.transfer_encoding()? {
            TransferEncoding::Identity => Ok(Cow::Borrowed(self.octets)),
            TransferEncoding::Base64 => {
                let digits: Vec<u8> = self
                    .octets
                    .iter()
                    .copied()
                    .filter(|octet| !scan::is_space(*octet))
                    .collect();
                STANDARD
                    .decode(digits)
                    .map(Cow::Owned)
                    .map_err(|_| MultipartError::Base64)
            }
        }
    }

    fn transfer_encoding(&self) -> Result<TransferEncoding, MultipartError> {
        let Some(value) = self.headers.single(HeaderName::CONTENT_TRANSFER_ENCODING)? else {
            return Ok(TransferEncoding::Identity);
        };
        match value.to_ascii_lowercase().as_slice() {
            b"7bit" | b"8bit" | b"binary" => Ok(TransferEncoding::Identity),
            b"base64" => Ok(TransferEncoding::Base64),
            _ => Err(MultipartError::TransferEncoding),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransferEncoding {
    Identity,
    Base64,
}

/// The parts of a message body, multiparts inside multiparts opened, in order. A body of another type is one
/// part; no body is no part.
///
/// # Errors
/// [`MultipartError`].
pub fn leaves<'a>(
    headers: &Headers,
    body: &'a [u8],
    limits: &MultipartLimits,
) -> Result<Vec<Part<'a>>, MultipartError> {
    let Some(kind) = headers.content_type()? else {
        return if body.is_empty() {
            Ok(Vec::new())
        } else {
            Err(MultipartError::NoContentType)
        };
    };
    if body.is_empty() && !kind.is_multipart() {
        return Ok(Vec::new());
    }
    let whole = Part {
        headers: entity_headers(headers),
        octets: body,
    };
    let mut found = Vec::new();
    open(whole, &kind, limits, limits.depth, &mut found)?;
    Ok(found)
}

/// The parts of one level, multiparts inside left closed.
///
/// # Errors
/// [`MultipartError`].
pub fn parts<'a>(
    content_type: &ContentType,
    body: &'a [u8],
    limits: &MultipartLimits,
) -> Result<Vec<Part<'a>>, MultipartError> {
    if !content_type.is_multipart() {
        return Err(MultipartError::NotMultipart);
    }
    let boundary = content_type
        .params
        .get("boundary")
        .ok_or(MultipartError::Boundary)?;
    let boundary = Boundary::new(&boundary)?;
    let mut delimiters = boundary.delimiters(body);
    let first = delimiters
        .next()
        .filter(|first| !first.closes)
        .ok_or(MultipartError::NoPart)?;
    let mut found = Vec::new();
    let mut begin = first.end;
    for Delimiter { start, end, closes } in delimiters {
        if found.len() == limits.parts {
            return Err(MultipartError::TooManyParts(limits.parts));
        }
        found.push(part(body.get(begin..start).unwrap_or_default())?);
        if closes {
            return Ok(found);
        }
        begin = end;
    }
    Err(MultipartError::NotClosed)
}

fn open<'a>(
    whole: Part<'a>,
    kind: &ContentType,
    limits: &MultipartLimits,
    depth_left: usize,
    found: &mut Vec<Part<'a>>,
) -> Result<(), MultipartError> {
    if !kind.is_multipart() {
        if found.len() == limits.parts {
            return Err(MultipartError::TooManyParts(limits.parts));
        }
        found.push(whole);
        return Ok(());
    }
    let depth_left = depth_left
        .checked_sub(1)
        .ok_or(MultipartError::TooDeep(limits.depth))?;
    if whole.transfer_encoding()? != TransferEncoding::Identity {
        return Err(MultipartError::TransferEncoding);
    }
    for part in parts(kind, whole.octets, limits)? {
        let kind = part.content_type()?;
        open(part, &kind, limits, depth_left, found)?;
    }
    Ok(())
}

/// Splits what stands between two delimiters. Without an empty line there are headers only (RFC 2046 5.1.1).
fn part(octets: &[u8]) -> Result<Part<'_>, MultipartError> {
    let (head, body) = match octets.strip_prefix(b"\r\n") {
        Some(body) => (&[][..], body),
        None => split_head(octets)?,
    };
    if head.len() > MAX_PART_HEAD {
        return Err(MultipartError::PartHeadTooLarge);
    }
    let lines = if head.is_empty() || head.ends_with(b"\r\n") {
        head.to_vec()
    } else {
        [head, b"\r\n"].concat()
    };
    let headers = Headers::split(&lines, MAX_PART_LINES).ok_or(MultipartError::PartHeadTooLarge)?;
    match headers.fault() {
        Some(fault) => Err(MultipartError::PartHeader(fault)),
        None => Ok(Part {
            headers,
            octets: body,
        }),
    }
}

fn split_head(octets: &[u8]) -> Result<(&[u8], &[u8]), MultipartError> {
    let window = octets.get(..MAX_PART_HEAD + 4).unwrap_or(octets);
    let end = window.windows(4).position(|four| four == b"\r\n\r\n");
    match end {
        Some(end) => Ok((
            octets.get(..end + 2).unwrap_or_default(),
            octets.get(end + 4..).unwrap_or_default(),
        )),
        None if window.len() < octets.len() => Err(MultipartError::PartHeadTooLarge),
        None => Ok((octets, &[])),
    }
}

/// The headers of a message that describe its body.
fn entity_headers(headers: &Headers) -> Headers {
    const ENTITY: [HeaderName<'static>; 4] = [
        HeaderName::CONTENT_TYPE,
        HeaderName::CONTENT_ID,
        HeaderName::CONTENT_DISPOSITION,
        HeaderName::CONTENT_TRANSFER_ENCODING,
    ];
    let mut entity = Headers::new();
    for name in ENTITY {
        let copied = entity.copy_from(headers, name);
        debug_assert!(copied.is_ok(), "a copy is not larger than its source");
    }
    entity
}
