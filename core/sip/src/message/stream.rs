//! Messages on a stream: TCP, TLS, WebSocket frames joined (RFC 3261 7.5, 18.3; RFC 5626 3.5.1, 4.4.1).

use crate::message::parse::{ContentLength, assemble, content_length, end_of_head, head};
use crate::message::{Limits, Message, ParseError, StatusCode};
use thiserror::Error;

/// Who opened the connection; it decides what lone line breaks mean (RFC 5626 3.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamSide {
    /// We opened it: CRLF is the pong to our ping.
    Opened,
    /// The peer opened it: CRLFCRLF is a ping, answered with CRLF.
    Accepted,
}

/// What a stream yields.
#[derive(Debug, Clone)]
pub enum Frame {
    /// A whole message.
    Message(Message),
    /// A keep-alive ping: send CRLF back.
    Ping,
    /// A keep-alive pong.
    Pong,
}

/// The stream cannot be read on; answer the message, if any, with the status and close the connection.
#[derive(Debug, Clone, Error)]
#[error("{reason}; the connection must be closed")]
pub struct StreamError {
    /// What is wrong.
    pub reason: StreamFault,
    /// Start line and headers without body, when they could be read.
    pub message: Option<Box<Message>>,
}

impl StreamError {
    /// The answer a request in [`StreamError::message`] is owed.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self.reason {
            StreamFault::BodyTooLarge(_) => StatusCode::MESSAGE_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StreamFault {
    /// The head cannot be read.
    #[error("{0}")]
    Head(ParseError),
    /// Content-Length is missing, which a stream demands.
    #[error("a message on a stream needs Content-Length")]
    NoContentLength,
    /// Content-Length is not a number, or two of them differ.
    #[error("Content-Length is unusable")]
    ContentLength,
    /// Content-Length exceeds the limit.
    #[error("the body is longer than {0} octets")]
    BodyTooLarge(usize),
}

/// Cuts a stream into messages. Give it pieces with [`StreamDecoder::feed`], then call
/// [`StreamDecoder::next_frame`] until it has no more; it holds at most one message and one piece.
#[derive(Debug)]
pub struct StreamDecoder {
    buffer: Vec<u8>,
    consumed: usize,
    /// Octets behind `consumed` that were already searched for the end of the head.
    searched: usize,
    /// Whole length of the message at `consumed`, once its head was read.
    wanted: Option<usize>,
    /// Messages so far.
    messages: u64,
    side: StreamSide,
    limits: Limits,
    failed: Option<StreamFault>,
}

impl StreamDecoder {
    /// A decoder for one connection.
    #[must_use]
    pub const fn new(side: StreamSide, limits: Limits) -> Self {
        Self {
            buffer: Vec::new(),
            consumed: 0,
            searched: 0,
            wanted: None,
            messages: 0,
            side,
            limits,
            failed: None,
        }
    }

    /// Takes a piece of the stream.
    pub fn feed(&mut self, piece: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        self.buffer.extend_from_slice(piece);
    }

    /// Whether a message has begun and not ended: the transport runs its deadline then. A keep-alive that is not
    /// whole begins none; a line break with anything else behind it does.
    #[must_use]
    pub fn is_inside_message(&self) -> bool {
        !matches!(self.pending(), b"" | b"\r" | b"\r\n" | b"\r\n\r")
    }

    /// Messages that were handed out: whether the one that is not whole is still the same.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// The next frame; `None` when more octets are needed.
    ///
    /// # Errors
    /// [`StreamError`] when the stream cannot be read on; every later call fails too.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, StreamError> {
        if let Some(reason) = self.failed {
            return Err(StreamError {
                reason,
                message: None,
            });
        }
        if self.wanted.is_none()
            && let Some(frame) = self.line_breaks()
        {
            return Ok(Some(frame));
        }
        let found = self.message();
        if let Err(error) = &found {
            self.failed = Some(error.reason);
            self.buffer = Vec::new();
            self.consumed = 0;
        }
        found.map(|message| message.map(Frame::Message))
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.consumed..).unwrap_or_default()
    }

    fn consume(&mut self, octets: usize) {
        self.consumed += octets;
        self.searched = 0;
        self.wanted = None;
        if self.consumed == self.buffer.len() {
            self.buffer.clear();
            self.consumed = 0;
            self.buffer.shrink_to(4096);
        }
    }

    /// Line breaks before a message: keep-alives, or to be skipped.
    fn line_breaks(&mut self) -> Option<Frame> {
        loop {
            let (frame, octets) = match (self.side, self.pending()) {
                (StreamSide::Opened, [b'\r', b'\n', ..]) => (Some(Frame::Pong), 2),
                (StreamSide::Accepted, [b'\r', b'\n', b'\r', b'\n', ..]) => (Some(Frame::Ping), 4),
                // Half a ping, or all of it but one octet.
                (StreamSide::Accepted, [b'\r', b'\n'] | [b'\r', b'\n', b'\r']) => return None,
                (StreamSide::Accepted, [b'\r', b'\n', ..]) => (None, 2),
                _ => return None,
            };
            self.consume(octets);
            if frame.is_some() {
                return frame;
            }
        }
    }

    fn message(&mut self) -> Result<Option<Message>, StreamError> {
        if self
            .wanted
            .is_some_and(|wanted| self.pending().len() < wanted)
        {
            return Ok(None);
        }
        if !self.head_is_complete()? {
            return Ok(None);
        }
        let head = head(self.pending(), &self.limits).map_err(fatal)?;
        let length = match content_length(&head.headers) {
            ContentLength::Octets(length) if length <= self.limits.body => length,
            ContentLength::Octets(_) => {
                return Err(refuse(StreamFault::BodyTooLarge(self.limits.body), head));
            }
            ContentLength::Absent => return Err(refuse(StreamFault::NoContentLength, head)),
            ContentLength::Unusable => return Err(refuse(StreamFault::ContentLength, head)),
        };
        let whole = head.len + length;
        let Some(body) = self.pending().get(head.len..whole) else {
            self.wanted = Some(whole);
            return Ok(None);
        };
        let message = assemble(head.line, head.headers, body.to_vec())
            .ok_or_else(|| fatal(ParseError::StartLine))?;
        self.consume(whole);
        self.messages += 1;
        Ok(Some(message))
    }

    /// Whether the empty line has arrived; searches new octets only.
    fn head_is_complete(&mut self) -> Result<bool, StreamError> {
        let from = self.searched.saturating_sub(3);
        let fresh = self.pending().get(from..).unwrap_or_default();
        if end_of_head(fresh).is_some() {
            return Ok(true);
        }
        self.searched = self.pending().len();
        if self.searched > self.limits.head {
            return Err(fatal(ParseError::HeadTooLarge(self.limits.head)));
        }
        Ok(false)
    }
}

const fn fatal(error: ParseError) -> StreamError {
    StreamError {
        reason: StreamFault::Head(error),
        message: None,
    }
}

fn refuse(reason: StreamFault, head: crate::message::parse::Head<'_>) -> StreamError {
    let message = assemble(head.line, head.headers, Vec::new()).map(Box::new);
    StreamError { reason, message }
}
