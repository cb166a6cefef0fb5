//! Responses (RFC 3261 7.2) and how they follow from a request (8.2.6).

use crate::message::{BuildError, HeaderName, Headers, Request, StatusCode, print, set_body};
use core::ops::Range;
use std::borrow::Cow;

/// A response: status line, header section and body, octets as received.
#[derive(Debug, Clone)]
pub struct Response {
    pub(super) line: Vec<u8>,
    pub(super) status: StatusCode,
    pub(super) reason: Range<usize>,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// Headers every response copies from its request, in this order (RFC 3261 8.2.6.2).
const COPIED: [HeaderName<'static>; 5] = [
    HeaderName::VIA,
    HeaderName::FROM,
    HeaderName::TO,
    HeaderName::CALL_ID,
    HeaderName::CSEQ,
];

impl Response {
    /// The response a request is owed, with the standard reason phrase: Via, From, To, Call-ID and CSeq are
    /// copied octet for octet (RFC 3261 8.2.6.2), Timestamp into a 100 (8.2.6.1), Record-Route into 101 to
    /// 299 (12.1.1). There is no body yet; the To tag is added with [`Response::add_to_tag`].
    #[must_use]
    pub fn to(request: &Request, status: StatusCode) -> Self {
        let mut headers = Headers::new();
        for name in COPIED {
            copy(&mut headers, request, name);
        }
        match status.as_u16() {
            100 => copy(&mut headers, request, HeaderName::TIMESTAMP),
            101..=299 => copy(&mut headers, request, HeaderName::RECORD_ROUTE),
            _ => {}
        }
        let length = headers.push(HeaderName::CONTENT_LENGTH, "0");
        debug_assert!(
            length.is_ok(),
            "copied headers are within the limit of the parser"
        );
        let mut response = Self {
            line: Vec::new(),
            status,
            reason: 0..0,
            headers,
            body: Vec::new(),
        };
        response.write_line(status.reason());
        response
    }

    /// Splits a status line `SIP/2.0 SP code SP reason CRLF`; `None` when it is not one of SIP 2.0.
    pub(super) fn from_line(line: &[u8], headers: Headers, body: Vec<u8>) -> Option<Self> {
        let content = line.strip_suffix(b"\r\n").unwrap_or(line);
        let (version, rest) = content.split_at_checked(8)?;
        if !version.eq_ignore_ascii_case(b"SIP/2.0 ") {
            return None;
        }
        let digits = rest
            .iter()
            .position(|octet| *octet == b' ')
            .unwrap_or(rest.len());
        let status = StatusCode::parse(rest.get(..digits)?)?;
        let reason = (8 + digits + 1).min(content.len())..content.len();
        Some(Self {
            line: line.to_vec(),
            status,
            reason,
            headers,
            body,
        })
    }

    /// The status code.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase, octets that are not UTF-8 as U+FFFD.
    #[must_use]
    pub fn reason(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.line.get(self.reason.clone()).unwrap_or_default())
    }

    /// Another reason phrase than the standard one.
    ///
    /// # Errors
    /// [`BuildError::LineBreak`] when the phrase has control characters.
    pub fn set_reason(&mut self, reason: &str) -> Result<(), BuildError> {
        if reason.chars().any(char::is_control) {
            return Err(BuildError::LineBreak);
        }
        self.write_line(reason);
        Ok(())
    }

    fn write_line(&mut self, reason: &str) {
        self.line = format!("SIP/2.0 {} {reason}\r\n", self.status).into_bytes();
        self.reason = 12..12 + reason.len();
    }

    /// Adds a tag to To unless it has one (RFC 3261 8.2.6.2).
    ///
    /// # Errors
    /// [`BuildError`] when the tag is not a token.
    pub fn add_to_tag(&mut self, tag: &str) -> Result<(), BuildError> {
        if !crate::header::scan::is_token(tag.as_bytes()) {
            return Err(BuildError::Tag);
        }
        let Some(to) = self.headers.get(HeaderName::TO) else {
            return Ok(());
        };
        if crate::header::has_tag(to) {
            return Ok(());
        }
        let tagged = [to, b";tag=", tag.as_bytes()].concat();
        self.headers.set(HeaderName::TO, tagged)
    }

    /// The status line with its CRLF.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
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

    /// The response as it goes on the wire.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        print(&self.line, &self.headers, &self.body)
    }
}

/// Copies lines of one name; those of a parsed request fit, since the parser's limit is below that of edits.
fn copy(headers: &mut Headers, request: &Request, name: HeaderName<'_>) {
    let copied = headers.copy_from(request.headers(), name);
    debug_assert!(copied.is_ok(), "headers of a request are within the limit");
}
