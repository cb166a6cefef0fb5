//! SIP over WebSocket (RFC 7118): one SIP message a WebSocket message.

// The type of a refusal is the library's.
#![allow(clippy::result_large_err)]

use crate::connections::Outgoing;
use crate::node::Shared;
use crate::settings::{Origins, WebSocketSettings};
use crate::stream::{KeepAlive, PING, PONG, Proof, fail, fail_all, tap_transport};
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_util::{SinkExt as _, StreamExt as _};
use roger_sip::endpoint::{Element, Flow, Input};
use roger_sip::message::{Limits, StreamSide};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, error::CapacityError};

const SUBPROTOCOL: &str = "sip";
const PROTOCOL_HEADER: &str = "sec-websocket-protocol";

/// Octets read at a time; each connection keeps as many, so this is small.
const READ_BUFFER: usize = 4 * 1024;

/// Longest time to say goodbye to a peer that broke the bounds.
const GOODBYE: core::time::Duration = core::time::Duration::from_secs(1);

fn config(limits: &Limits) -> WebSocketConfig {
    let longest = limits.head + limits.body;
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(longest + READ_BUFFER)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest))
}

/// The server's handshake: refused unless the client offers the subprotocol and its page may connect.
pub(crate) async fn accept<S>(
    stream: S,
    settings: &WebSocketSettings,
    limits: &Limits,
) -> Result<WebSocketStream<Noted<S>>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = |request: &Request, response: Response| admit(settings, request, response);
    tokio_tungstenite::accept_hdr_async_with_config(
        Noted::new(stream),
        answer,
        Some(config(limits)),
    )
    .await
}

fn admit(
    settings: &WebSocketSettings,
    request: &Request,
    mut response: Response,
) -> Result<Response, ErrorResponse> {
    if !may_connect(&settings.origins, request.headers()) {
        return Err(refusal(
            StatusCode::FORBIDDEN,
            "pages of this origin may not connect",
        ));
    }
    if !offers_sip(request.headers()) {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            "the subprotocol sip is needed",
        ));
    }
    response
        .headers_mut()
        .insert(PROTOCOL_HEADER, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

fn refusal(status: StatusCode, text: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(text.to_owned()));
    *response.status_mut() = status;
    response
}

fn may_connect(origins: &Origins, headers: &HeaderMap) -> bool {
    let (Origins::Only(listed), Some(origin)) = (origins, headers.get("origin")) else {
        return true;
    };
    listed
        .iter()
        .any(|known| origin.as_bytes().eq_ignore_ascii_case(known.as_bytes()))
}

fn offers_sip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(PROTOCOL_HEADER).into_iter();
    let mut tokens = offers.flat_map(|value| value.as_bytes().split(|octet| *octet == b','));
    tokens.any(|token| {
        token
            .trim_ascii()
            .eq_ignore_ascii_case(SUBPROTOCOL.as_bytes())
    })
}

/// The client's handshake; a server that does not choose the subprotocol is left.
pub(crate) async fn connect<S>(
    stream: S,
    name: Option<&str>,
    peer: SocketAddr,
    settings: &WebSocketSettings,
    limits: &Limits,
) -> Result<WebSocketStream<Noted<S>>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let host = match name {
        Some(name) => format!("{name}:{}", peer.port()),
        None => peer.to_string(),
    };
    // TLS, if any, is below; the scheme only says which port needs no mention.
    let mut request = format!("ws://{host}{}", settings.path).into_client_request()?;
    request
        .headers_mut()
        .insert(PROTOCOL_HEADER, HeaderValue::from_static(SUBPROTOCOL));
    let stream = Noted::new(stream);
    let opened =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config(limits))).await?;
    Ok(opened.0)
}

/// What a read came to.
enum Read {
    Message(Option<Result<Message, Error>>),
    /// Octets of a frame that is not whole yet.
    Part,
}

/// Carries messages until either side ends.
pub(crate) async fn run<E, S>(
    shared: Arc<Shared<E>>,
    mut socket: WebSocketStream<Noted<S>>,
    flow: Flow,
    mut queue: mpsc::Receiver<Outgoing>,
    side: StreamSide,
) where
    E: Element,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stop = shared.stopped();
    tokio::pin!(stop);
    // What was read so far was the handshake.
    socket.get_mut().has_read = false;
    let mut heard = Instant::now();
    let mut began: Option<Instant> = None;
    let mut alive = KeepAlive::new(&shared.settings, side, heard);
    let mut proof = Proof::new(&shared.settings, side, heard);
    loop {
        let deadline = alive.deadline(&shared.settings, heard, began);
        let until = proof.until(deadline);
        let ping = alive.next_ping();
        tokio::select! {
            read = next(&mut socket) => {
                heard = Instant::now();
                began = match read {
                    Read::Part => Some(began.unwrap_or(heard)),
                    Read::Message(Some(Ok(message))) => {
                        if !take(&shared, &flow, &mut alive, message) {
                            break;
                        }
                        None
                    }
                    Read::Message(Some(Err(error))) => {
                        refuse(&mut socket, &error).await;
                        break;
                    }
                    Read::Message(None) => break,
                };
            }
            outgoing = queue.recv() => {
                let Some(outgoing) = outgoing else { break };
                if !write(&shared, &mut socket, &flow, outgoing).await {
                    break;
                }
            }
            () = sleep_until(until) => {
                if until == deadline || shared.is_stranger(&flow) {
                    break;
                }
                proof.given();
            }
            () = sleep_until(ping.unwrap_or(deadline)), if ping.is_some() => {
                alive.pinged(Instant::now());
                let ping = socket.send(Message::Ping(Bytes::new()));
                if !matches!(timeout(shared.settings.write_deadline, ping).await, Ok(Ok(()))) {
                    break;
                }
            }
            () = &mut stop => break,
        }
    }
    shared.lock().connections.remove(flow.connection);
    let _ = timeout(GOODBYE, socket.close(None)).await;
    fail_all(&shared, queue).await;
    shared.input(Input::Closed { flow });
}

/// One WebSocket message; `false` ends the connection.
fn take<E: Element>(
    shared: &Arc<Shared<E>>,
    flow: &Flow,
    alive: &mut KeepAlive,
    message: Message,
) -> bool {
    let octets = match message {
        Message::Text(text) => Bytes::from(text),
        Message::Binary(octets) => octets,
        Message::Pong(_) => {
            alive.answered();
            return true;
        }
        // The library answers pings and closes.
        Message::Ping(_) | Message::Frame(_) => return true,
        Message::Close(_) => return false,
    };
    // Some clients keep alive as on streams.
    if &*octets == PING {
        shared.lock().connections.keep_alive(flow, PONG);
        return true;
    }
    let transport = tap_transport(flow.transport);
    shared
        .lock()
        .connections
        .tap_received(transport, flow, &octets);
    shared.input(Input::Datagram {
        flow: *flow,
        octets: &octets,
    });
    true
}

/// Text where the message is text, since some peers take nothing else; `false` when it could not be written.
async fn write<E, S>(
    shared: &Arc<Shared<E>>,
    socket: &mut WebSocketStream<Noted<S>>,
    flow: &Flow,
    outgoing: Outgoing,
) -> bool
where
    E: Element,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let octets = &outgoing.octets;
    shared
        .lock()
        .connections
        .tap(tap_transport(flow.transport), flow.local, flow.peer, octets);
    let message = match core::str::from_utf8(octets) {
        Ok(text) => Message::text(text),
        Err(_) => Message::binary(octets.to_vec()),
    };
    let sent = timeout(shared.settings.write_deadline, socket.send(message)).await;
    let good = matches!(sent, Ok(Ok(())));
    if !good {
        shared.lock().connections.remove(flow.connection);
        fail(shared, outgoing);
    }
    good
}

async fn refuse<S>(socket: &mut WebSocketStream<Noted<S>>, error: &Error)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Error::Capacity(CapacityError::MessageTooLong { .. }) = error {
        let goodbye = CloseFrame {
            code: CloseCode::Size,
            reason: "the message is too long".into(),
        };
        let _ = timeout(GOODBYE, socket.close(Some(goodbye))).await;
    }
}

async fn next<S>(socket: &mut WebSocketStream<Noted<S>>) -> Read
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    std::future::poll_fn(|cx| match socket.poll_next_unpin(cx) {
        Poll::Ready(message) => {
            socket.get_mut().has_read = false;
            Poll::Ready(Read::Message(message))
        }
        Poll::Pending if core::mem::take(&mut socket.get_mut().has_read) => Poll::Ready(Read::Part),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// A stream that notes that octets have come, so that a frame that never ends has its deadline too.
#[derive(Debug)]
pub(crate) struct Noted<S> {
    stream: S,
    has_read: bool,
}

impl<S> Noted<S> {
    const fn new(stream: S) -> Self {
        Self {
            stream,
            has_read: false,
        }
    }

    pub(crate) const fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.has_read |= buffer.filled().len() > before;
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn the_subprotocol_is_found_among_others_and_in_no_longer_word() {
        for good in [
            &[(PROTOCOL_HEADER, "sip")][..],
            &[(PROTOCOL_HEADER, "chat, SIP")],
        ] {
            assert!(offers_sip(&headers(good)), "{good:?}");
        }
        for bad in [
            &[][..],
            &[(PROTOCOL_HEADER, "sips")],
            &[(PROTOCOL_HEADER, "chat sip")],
        ] {
            assert!(!offers_sip(&headers(bad)), "{bad:?}");
        }
    }

    #[test]
    fn pages_of_other_origins_are_kept_out_and_programs_are_not() {
        let only = Origins::Only(vec!["https://dispatch.example.org".to_owned()]);
        let from = |origin| headers(&[("origin", origin)]);
        assert!(may_connect(&only, &from("https://Dispatch.example.org")));
        assert!(!may_connect(&only, &from("https://evil.example")));
        assert!(!may_connect(
            &only,
            &from("https://dispatch.example.org.evil.example")
        ));
        assert!(may_connect(&only, &headers(&[])));
        assert!(may_connect(&Origins::Any, &from("https://evil.example")));
    }
}
