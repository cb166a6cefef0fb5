//! From octets to a message: the framing every transport shares.

use crate::header::scan;
use crate::message::line::find_crlf;
use crate::message::{HeaderName, Headers, Message, Request, Response};
use thiserror::Error;

/// Bounds on what is read, checked before memory is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest start line and header section together, in octets.
    pub head: usize,
    /// Largest number of header lines.
    pub lines: usize,
    /// Largest body, in octets.
    pub body: usize,
}

impl Default for Limits {
    /// 64 KiB of headers in 512 lines, 1 MiB of body.
    fn default() -> Self {
        Self {
            head: 64 * 1024,
            lines: 512,
            body: 1024 * 1024,
        }
    }
}

/// Why octets are no message that could be answered; they are to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but line breaks: a keep-alive.
    #[error("no message, only line breaks (keep-alive)")]
    KeepAlive,
    /// The empty line after the headers is missing, on a stream.
    #[error("the header section does not end")]
    NoEndOfHeaders,
    /// Start line and headers exceed [`Limits::head`].
    #[error("start line and headers are longer than {0} octets")]
    HeadTooLarge(usize),
    /// More than [`Limits::lines`] header lines.
    #[error("more than {0} header lines")]
    TooManyLines(usize),
    /// The body exceeds [`Limits::body`].
    #[error("the body is longer than {0} octets")]
    BodyTooLarge(usize),
    /// The first line is neither a request line nor a status line of SIP 2.0.
    #[error("the first line is neither a request line nor a status line of SIP/2.0")]
    StartLine,
}

/// What Content-Length says (RFC 3261 20.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentLength {
    /// No such header.
    Absent,
    /// One value, or several equal ones.
    Octets(usize),
    /// Not a number, negative, beyond 2^32, or two different values.
    Unusable,
}

/// Reads Content-Length over all its lines: two lines that agree are tolerated, two that differ are not
/// (two hops might frame the message differently).
pub(crate) fn content_length(headers: &Headers) -> ContentLength {
    let mut found = ContentLength::Absent;
    for value in headers.values(HeaderName::CONTENT_LENGTH) {
        let Some(length) = scan::number_u32(value) else {
            return ContentLength::Unusable;
        };
        let length = ContentLength::Octets(length as usize);
        if found != ContentLength::Absent && found != length {
            return ContentLength::Unusable;
        }
        found = length;
    }
    found
}

/// Start line and headers, split off the front of the octets.
pub(crate) struct Head<'a> {
    pub(crate) line: &'a [u8],
    pub(crate) headers: Headers,
    pub(crate) len: usize,
}

/// Splits off start line and header section; `octets` begins with the start line.
pub(crate) fn head<'a>(octets: &'a [u8], limits: &Limits) -> Result<Head<'a>, ParseError> {
    let window = octets
        .get(..limits.head.saturating_add(4))
        .unwrap_or(octets);
    let Some(end) = end_of_head(window) else {
        return Err(if window.len() < octets.len() {
            ParseError::HeadTooLarge(limits.head)
        } else {
            ParseError::NoEndOfHeaders
        });
    };
    if end > limits.head {
        return Err(ParseError::HeadTooLarge(limits.head));
    }
    let line_len = find_crlf(window).ok_or(ParseError::StartLine)? + 2;
    let line = octets.get(..line_len).ok_or(ParseError::StartLine)?;
    let section = octets.get(line_len..end - 2).unwrap_or_default();
    let headers =
        Headers::split(section, limits.lines).ok_or(ParseError::TooManyLines(limits.lines))?;
    Ok(Head {
        line,
        headers,
        len: end,
    })
}

/// Octets up to and including the empty line.
pub(crate) fn end_of_head(octets: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + find_crlf(octets.get(from..)?)?;
        if octets.get(at + 2..at + 4) == Some(b"\r\n") {
            return Some(at + 4);
        }
        from = at + 2;
    }
}

/// Joins the parts; `None` when the start line is none.
pub(crate) fn assemble(line: &[u8], headers: Headers, body: Vec<u8>) -> Option<Message> {
    if line
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
    {
        return Response::from_line(line, headers, body).map(Message::Response);
    }
    Request::from_line(line, headers, body).map(Message::Request)
}

pub(super) fn datagram(datagram: &[u8], limits: &Limits) -> Result<Message, ParseError> {
    let mut octets = datagram;
    while let Some(rest) = octets.strip_prefix(b"\r\n") {
        octets = rest;
    }
    if octets.is_empty() {
        return Err(ParseError::KeepAlive);
    }
    let head = match head(octets, limits) {
        Err(ParseError::NoEndOfHeaders) => return unterminated(octets, limits),
        head => head?,
    };
    let rest = octets.get(head.len..).unwrap_or_default();
    let body = match content_length(&head.headers) {
        ContentLength::Octets(length) => rest.get(..length).unwrap_or(rest),
        ContentLength::Absent | ContentLength::Unusable => rest,
    };
    if body.len() > limits.body {
        return Err(ParseError::BodyTooLarge(limits.body));
    }
    assemble(head.line, head.headers, body.to_vec()).ok_or(ParseError::StartLine)
}

/// A datagram without the empty line: all of it is header lines, and the validation refuses it.
fn unterminated(octets: &[u8], limits: &Limits) -> Result<Message, ParseError> {
    if octets.len() > limits.head {
        return Err(ParseError::HeadTooLarge(limits.head));
    }
    let whole = [octets.strip_suffix(b"\r\n").unwrap_or(octets), b"\r\n\r\n"].concat();
    let mut head = head(
        &whole,
        &Limits {
            head: limits.head.saturating_add(4),
            ..*limits
        },
    )?;
    head.headers.mark_unterminated();
    assemble(head.line, head.headers, Vec::new()).ok_or(ParseError::StartLine)
}
