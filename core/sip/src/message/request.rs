//! Requests (RFC 3261 7.1).

use crate::message::build::RequestBuilder;
use crate::message::{BuildError, Headers, Method, print, set_body};
use crate::uri::{Uri, UriError};
use core::ops::Range;

/// A request: request line, header section and body, octets as received.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) line: Vec<u8>,
    pub(super) method: Method,
    pub(super) uri: Range<usize>,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Starts a new request; see [`RequestBuilder`].
    #[must_use]
    pub fn builder(method: Method, uri: Uri) -> RequestBuilder {
        RequestBuilder::new(method, uri)
    }

    /// Splits a request line `METHOD SP uri SP version CRLF` leniently: first and last space separate.
    /// `None` when it has no space or the method is not a token.
    pub(super) fn from_line(line: &[u8], headers: Headers, body: Vec<u8>) -> Option<Self> {
        let content = line.strip_suffix(b"\r\n").unwrap_or(line);
        let first = content.iter().position(|octet| *octet == b' ')?;
        let last = content.iter().rposition(|octet| *octet == b' ')?;
        let method = Method::parse(content.get(..first)?)?;
        let uri = (first + 1).min(last)..last;
        Some(Self {
            line: line.to_vec(),
            method,
            uri,
            headers,
            body,
        })
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as received; may be anything until the request is validated.
    #[must_use]
    pub fn uri_octets(&self) -> &[u8] {
        self.line.get(self.uri.clone()).unwrap_or_default()
    }

    /// The Request-URI.
    ///
    /// # Errors
    /// [`UriError`] when it is none.
    pub fn uri(&self) -> Result<Uri, UriError> {
        Uri::parse(self.uri_octets())
    }

    /// The version as received, `SIP/2.0` when valid.
    #[must_use]
    pub fn version(&self) -> &[u8] {
        let version = self.line.get(self.uri.end..).unwrap_or_default();
        let version = version.strip_prefix(b" ").unwrap_or(version);
        version.strip_suffix(b"\r\n").unwrap_or(version)
    }

    /// The request line with its CRLF.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Replaces the Request-URI; method and headers stay.
    pub fn set_uri(&mut self, uri: &Uri) {
        let start = self.method.as_str().len() + 1;
        self.line = format!("{} {} SIP/2.0\r\n", self.method, uri).into_bytes();
        self.uri = start..start + uri.as_str().len();
    }

    /// The header section.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The header section, for edits.
    pub const fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The body octets.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Replaces the body; Content-Type and Content-Length follow.
    ///
    /// # Errors
    /// [`BuildError`] when the content type would break out of its line.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) -> Result<(), BuildError> {
        set_body(&mut self.headers, Some(content_type), body.len())?;
        self.body = body;
        Ok(())
    }

    /// Removes body and Content-Type; Content-Length becomes 0.
    ///
    /// # Errors
    /// [`BuildError::TooLarge`].
    pub fn clear_body(&mut self) -> Result<(), BuildError> {
        set_body(&mut self.headers, None, 0)?;
        self.body.clear();
        Ok(())
    }

    /// The request as it goes on the wire.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        print(&self.line, &self.headers, &self.body)
    }
}
