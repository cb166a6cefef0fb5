//! Building new requests.

use crate::message::{HeaderName, Headers, Method, Request, set_body};
use crate::uri::Uri;
use thiserror::Error;

/// Why a message cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A header name is not a token.
    #[error("a header name must be a token")]
    Name,
    /// A value has a line break and would break out of its line.
    #[error("a header value must not contain a line break")]
    LineBreak,
    /// A tag or parameter is not a token.
    #[error("a tag must be a token")]
    Tag,
    /// The header section is larger than 4 MiB.
    #[error("the header section is too large")]
    TooLarge,
    /// A header that every request needs is missing.
    #[error("the request lacks the header {0}")]
    Missing(&'static str),
}

/// Collects a new request; an error is kept until [`RequestBuilder::build`].
#[derive(Debug, Clone)]
pub struct RequestBuilder {
    method: Method,
    uri: Uri,
    headers: Headers,
    body: Vec<u8>,
    content_type: Option<String>,
    error: Option<BuildError>,
}

/// Headers without which no request leaves; Via is added by the transaction layer (RFC 3261 8.1.1).
const NEEDED: [HeaderName<'static>; 4] = [
    HeaderName::FROM,
    HeaderName::TO,
    HeaderName::CALL_ID,
    HeaderName::CSEQ,
];

impl RequestBuilder {
    pub(super) fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            headers: Headers::new(),
            body: Vec::new(),
            content_type: None,
            error: None,
        }
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: HeaderName<'_>, value: impl AsRef<[u8]>) -> Self {
        if let Err(error) = self.headers.push(name, value) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Puts the body in.
    #[must_use]
    pub fn body(mut self, content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        self.content_type = Some(content_type.into());
        self.body = body.into();
        self
    }

    /// The request. `CSeq` gets the method when the value given is only a number; Max-Forwards is 70 unless
    /// given; Content-Length is computed.
    ///
    /// # Errors
    /// The first [`BuildError`] met: a header that breaks its line, or From, To, Call-ID or CSeq missing.
    pub fn build(mut self) -> Result<Request, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        for name in NEEDED {
            if !self.headers.contains(name) {
                return Err(BuildError::Missing(name.as_str()));
            }
        }
        let number = self
            .headers
            .get(HeaderName::CSEQ)
            .and_then(crate::header::scan::number_u32);
        if let Some(number) = number {
            self.headers
                .set(HeaderName::CSEQ, format!("{number} {}", self.method))?;
        }
        if !self.headers.contains(HeaderName::MAX_FORWARDS) {
            self.headers.push(HeaderName::MAX_FORWARDS, "70")?;
        }
        set_body(
            &mut self.headers,
            self.content_type.as_deref(),
            self.body.len(),
        )?;
        let mut request = Request {
            line: Vec::new(),
            method: self.method,
            uri: 0..0,
            headers: self.headers,
            body: self.body,
        };
        request.set_uri(&self.uri);
        Ok(request)
    }
}
