//! One connection: a bare stream, or WebSocket on one (RFC 7118).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tokio_tungstenite::tungstenite::client::{IntoClientRequest as _, client};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, WebSocket};

/// How UEs come to the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Tcp,
    Ws,
}

impl Way {
    /// Port of the core.
    pub const fn port(self) -> u16 {
        match self {
            Self::Tcp => 5060,
            Self::Ws => 8080,
        }
    }

    /// As in Via.
    pub const fn via(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Ws => "WS",
        }
    }
}

pub enum Link {
    Stream(TcpStream),
    WebSocket(Box<WebSocket<TcpStream>>),
}

impl Link {
    /// On a stream that is connected to the core.
    pub fn open(way: Way, stream: TcpStream, core: SocketAddr) -> Self {
        if way == Way::Tcp {
            return Self::Stream(stream);
        }
        let mut request = format!("ws://{core}/").into_client_request().unwrap();
        let protocol = HeaderValue::from_static("sip");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _) = client(request, stream).unwrap();
        Self::WebSocket(Box::new(socket))
    }

    fn stream(&self) -> &TcpStream {
        match self {
            Self::Stream(stream) => stream,
            Self::WebSocket(socket) => socket.get_ref(),
        }
    }

    pub fn set_patience(&self, patience: Option<Duration>) {
        self.stream().set_read_timeout(patience).unwrap();
    }

    pub fn send(&mut self, octets: &[u8]) {
        match self {
            Self::Stream(stream) => stream.write_all(octets).unwrap(),
            Self::WebSocket(socket) => {
                let text = std::str::from_utf8(octets).unwrap();
                socket.send(Message::text(text)).unwrap();
            }
        }
    }

    /// What came; `None` when nothing does, or the other end hangs up.
    pub fn read(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Stream(stream) => {
                let mut octets = vec![0; 16_384];
                let read = stream.read(&mut octets).ok()?;
                octets.truncate(read);
                Some(octets).filter(|octets| !octets.is_empty())
            }
            Self::WebSocket(socket) => match socket.read().ok()? {
                message @ (Message::Text(_) | Message::Binary(_)) => {
                    Some(message.into_data().to_vec())
                }
                Message::Close(_) => None,
                _ => Some(Vec::new()),
            },
        }
    }
}
