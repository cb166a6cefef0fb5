//! As much of an HTTPS client as the generator needs, and no more: it shares the machine with the server.

use crate::error::BenchError;
use core::str::FromStr;
use rustls::client::Resumption;
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
    /// `Location`.
    pub(super) location: Option<String>,
    /// The pairs of name and value of every `Set-Cookie`.
    pub(super) cookies: Vec<String>,
    pub(super) body: Vec<u8>,
}

/// A request.
pub(super) struct Asked<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    /// Further header fields, each with its line end.
    pub(super) headers: &'a str,
    pub(super) body: &'a [u8],
}

impl Connection {
    fn open(target: &Target, tls: &Arc<ClientConfig>) -> Result<Self, BenchError> {
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

    /// Sends a request and reads the whole answer.
    fn ask(&mut self, host: &str, asked: &Asked<'_>) -> Result<Answer, BenchError> {
        let mut request = format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\n{}Content-Length: {}\r\n\r\n",
            asked.method,
            asked.path,
            asked.headers,
            asked.body.len()
        )
        .into_bytes();
        request.extend_from_slice(asked.body);
        let answer = self.exchange(&request);
        answer.map_err(BenchError::system("request"))
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        self.buffer.clear();
        loop {
            if let Some(Head { octets, length, .. }) = head(&self.buffer)? {
                while self.buffer.len() < octets + length {
                    self.more()?;
                }
                break;
            }
            self.more()?;
        }
        let head = head(&self.buffer)?.ok_or_else(|| io::Error::other("no head"))?;
        let body = self.buffer.get(head.octets..head.octets + head.length);
        Ok(Answer {
            status: head.status,
            location: head.location,
            cookies: head.cookies,
            body: body.unwrap_or_default().to_vec(),
        })
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

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Octets of the head.
    octets: usize,
    /// Octets of the body.
    length: usize,
    location: Option<String>,
    cookies: Vec<String>,
}

/// The head, once it is there.
fn head(octets: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(octets).map_err(io::Error::other)?;
    let httparse::Status::Complete(octets) = parsed else {
        return Ok(None);
    };
    let values = |name: &'static str| {
        let named = response.headers.iter();
        let named = named.filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.filter_map(|header| core::str::from_utf8(header.value).ok())
    };
    let length = values("content-length").next();
    let length = length.and_then(|text| text.parse::<usize>().ok());
    let length = length.filter(|length| *length <= MAX_ANSWER);
    let length = length.ok_or_else(|| io::Error::other("the answer has no length"))?;
    let cookies = values("set-cookie").filter_map(|line| line.split(';').next());
    Ok(Some(Head {
        status: response.code.unwrap_or_default(),
        octets,
        length,
        location: values("location").next().map(str::to_owned),
        cookies: cookies.map(str::to_owned).collect(),
    }))
}

/// All requests of one user, over connections that are opened as the load demands.
pub(super) struct Visit<'a> {
    target: &'a Target,
    connecting: Connecting,
    tls: Arc<ClientConfig>,
    kept: &'a mut Option<Connection>,
}

impl<'a> Visit<'a> {
    pub(super) fn begin(
        target: &'a Target,
        connecting: Connecting,
        kept: &'a mut Option<Connection>,
    ) -> Self {
        let mut tls = Arc::clone(&target.tls);
        if connecting == Connecting::Resumed {
            let mut remembering = (*tls).clone();
            remembering.resumption = Resumption::in_memory_sessions(4);
            tls = Arc::new(remembering);
        }
        Self {
            target,
            connecting,
            tls,
            kept,
        }
    }

    pub(super) fn ask(&mut self, asked: &Asked<'_>) -> Result<Answer, BenchError> {
        let mut connection = match self.kept.take() {
            Some(connection) => connection,
            None => Connection::open(self.target, &self.tls)?,
        };
        let answer = connection.ask(&self.target.host, asked)?;
        match self.connecting {
            Connecting::Request | Connecting::Resumed => connection.close(),
            Connecting::User | Connecting::Kept => *self.kept = Some(connection),
        }
        Ok(answer)
    }

    /// The user has what he came for.
    pub(super) fn end(self) {
        if self.connecting == Connecting::User
            && let Some(connection) = self.kept.take()
        {
            connection.close();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Connecting, Head, head};

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(head(&whole[..30]).unwrap(), None);
        let read = head(whole).unwrap().unwrap();
        assert_eq!((read.status, read.octets, read.length), (200, 38, 5));
    }

    #[test]
    fn a_redirect_and_its_cookies_are_read() {
        let octets =
            b"HTTP/1.1 302 Found\r\nSet-Cookie: a=1; Path=/\r\nlocation: app:/cb?code=x\r\n\
                       set-cookie: b=2\r\nContent-Length: 0\r\n\r\n";
        let Head {
            location, cookies, ..
        } = head(octets).unwrap().unwrap();
        assert_eq!(location.as_deref(), Some("app:/cb?code=x"));
        assert_eq!(cookies, ["a=1", "b=2"]);
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
