//! As much of an HTTPS client as the generator needs, and no more: it shares the machine with the server.

use crate::error::BenchError;
use core::str::FromStr;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Largest answer.
const MAX_ANSWER: usize = 1 << 20;
/// Headers that an answer may have.
const HEADERS: usize = 32;
/// Longest wait for octets.
const PATIENCE: Duration = Duration::from_secs(60);

/// When the generator opens a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connecting {
    /// One for all requests of a user, which is what a UE does; a full handshake.
    User,
    /// One for each request; a full handshake.
    Request,
    /// One for each request; the second handshake of a user resumes the session of the first.
    Resumed,
    /// One for each slot of the generator, kept alive from user to user, as behind a gateway.
    Kept,
}

impl Connecting {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::User, Self::Request, Self::Resumed, Self::Kept];

    /// The name in options and documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Request => "request",
            Self::Resumed => "resumed",
            Self::Kept => "kept",
        }
    }
}

impl FromStr for Connecting {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|way| way.name() == name);
        found.ok_or_else(|| format!("{name} is none of user, request, resumed, kept"))
    }
}

/// Where the server is.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) name: ServerName<'static>,
    pub(super) host: String,
    pub(super) tls: Arc<ClientConfig>,
}

/// A connection with its answer buffer.
pub(super) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Connection {
    pub(super) fn open(target: &Target, tls: &Arc<ClientConfig>) -> Result<Self, BenchError> {
        let failed = BenchError::system("connection");
        let socket = TcpStream::connect(target.address).map_err(&failed)?;
        socket.set_nodelay(true).map_err(&failed)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(&failed)?;
        let session = ClientConnection::new(Arc::clone(tls), target.name.clone());
        let session = session.map_err(|error| failed(io::Error::other(error)))?;
        Ok(Self {
            stream: StreamOwned::new(session, socket),
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// POST of a document, and the whole answer.
    pub(super) fn post(
        &mut self,
        target: &Target,
        path: &str,
        token: &str,
        body: &[u8],
    ) -> Result<Answer, BenchError> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/xml\r\nAccept: application/xml\r\nContent-Length: {}\r\n\r\n",
            target.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let answer = self.exchange(&request);
        answer.map_err(BenchError::system("request"))
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        self.buffer.clear();
        loop {
            if let Some((status, head, length)) = head(&self.buffer)? {
                while self.buffer.len() < head + length {
                    self.more()?;
                }
                let body = self.buffer.get(head..head + length).unwrap_or_default();
                return Ok(Answer {
                    status,
                    body: body.to_vec(),
                });
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> io::Result<()> {
        let mut octets = [0; 16 * 1024];
        let read = self.stream.read(&mut octets)?;
        if read == 0 || self.buffer.len() + read > MAX_ANSWER {
            return Err(io::Error::other("the answer breaks off or is too long"));
        }
        self.buffer.extend(octets.iter().take(read));
        Ok(())
    }

    /// Ends as a client does that has what it wanted.
    pub(super) fn close(mut self) {
        self.stream.conn.send_close_notify();
        // Nobody waits for what comes of it.
        let _ = self.stream.flush();
    }
}

/// Status, octets of the head and octets of the body, once the head is there.
fn head(octets: &[u8]) -> io::Result<Option<(u16, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(octets).map_err(io::Error::other)?;
    let httparse::Status::Complete(head) = parsed else {
        return Ok(None);
    };
    let length = response.headers.iter().find_map(|header| {
        let named = header.name.eq_ignore_ascii_case("content-length");
        let text = core::str::from_utf8(header.value).ok().filter(|_| named)?;
        text.parse::<usize>().ok()
    });
    let length = length.filter(|length| *length <= MAX_ANSWER);
    let length = length.ok_or_else(|| io::Error::other("the answer has no length"))?;
    Ok(Some((response.code.unwrap_or_default(), head, length)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Connecting, head};

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(head(&whole[..30]).unwrap(), None);
        assert_eq!(head(whole).unwrap(), Some((200, 38, 5)));
    }

    #[test]
    fn an_answer_of_unknown_or_absurd_length_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").is_err());
        assert!(head(b"SIP/2.0 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn every_way_of_connecting_is_read_back() {
        for way in Connecting::ALL {
            assert_eq!(way.name().parse::<Connecting>(), Ok(way));
        }
        assert!("never".parse::<Connecting>().is_err());
    }
}
