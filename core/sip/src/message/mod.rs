//! SIP messages that keep every octet: parse, look, edit one header, print (RFC 3261 7).
//!
//! Parsing is lenient about content and strict about framing: a request whose headers break the grammar is
//! still held, so that it can be answered; [`crate::validate::validate`] says what answer is due. What was not edited
//! is printed as it was received: unknown headers, order, case, folding, octets that are not UTF-8, and the body.

mod build;
mod headers;
mod line;
mod method;
mod name;
mod parse;
mod request;
mod response;
mod status;
mod stream;

pub use build::{BuildError, RequestBuilder};
pub use headers::Headers;
pub use line::{HeaderFault, HeaderLine, unfold};
pub use method::Method;
pub use name::HeaderName;
pub(crate) use parse::{ContentLength, content_length};
pub use parse::{Limits, ParseError};
pub use request::Request;
pub use response::Response;
pub use status::StatusCode;
pub use stream::{Frame, StreamDecoder, StreamError, StreamFault, StreamSide};

/// A request or a response.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// Reads one datagram. Leading CRLFs are skipped; without Content-Length the body is the rest of the
    /// datagram; octets after the promised body are not part of the message (RFC 3261 18.3). When
    /// Content-Length promises more than there is, or is unusable, the body is the whole rest and the
    /// validation refuses the message.
    ///
    /// # Errors
    /// [`ParseError`] when nothing can be held that could be answered: the datagram is to be dropped.
    pub fn parse_datagram(datagram: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        parse::datagram(datagram, limits)
    }

    /// The header section.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => request.headers(),
            Self::Response(response) => response.headers(),
        }
    }

    /// The header section, for edits.
    pub const fn headers_mut(&mut self) -> &mut Headers {
        match self {
            Self::Request(request) => request.headers_mut(),
            Self::Response(response) => response.headers_mut(),
        }
    }

    /// The body octets.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        match self {
            Self::Request(request) => request.body(),
            Self::Response(response) => response.body(),
        }
    }

    /// The message as it goes on the wire.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.to_octets(),
            Self::Response(response) => response.to_octets(),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// Start line, header section, empty line and body in one buffer.
fn print(line: &[u8], headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(line.len() + headers.octets_len() + body.len() + 2);
    output.extend_from_slice(line);
    headers.write_to(&mut output);
    output.extend_from_slice(b"\r\n");
    output.extend_from_slice(body);
    output
}

/// Puts a body in with its type; an empty body has no Content-Type. Content-Length follows.
fn set_body(
    headers: &mut Headers,
    content_type: Option<&str>,
    length: usize,
) -> Result<(), BuildError> {
    match content_type {
        Some(content_type) => headers.set(HeaderName::CONTENT_TYPE, content_type)?,
        None => {
            headers.remove(HeaderName::CONTENT_TYPE);
        }
    }
    headers.set(HeaderName::CONTENT_LENGTH, length.to_string())
}
