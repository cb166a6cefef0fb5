//! New connections: accepted or opened, with the handshakes of TLS and WebSocket in tasks of their own.

use crate::connections::{Attempt, Opening, Outgoing};
use crate::node::Shared;
use crate::security::{Acceptor, Carried, connector, expected_name, identities};
use crate::settings::TransportSettings;
use crate::stream::{fail, run};
use crate::websocket;
use core::time::Duration;
use roger_sip::endpoint::{ConnectionId, Element, Flow, Transport};
use roger_sip::message::StreamSide;
use rustls::ClientConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Wait after a failed accept: the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What TLS needs on either side, made once.
pub(crate) struct Security {
    tls: Option<Acceptor>,
    wss: Option<Acceptor>,
    to_tls: Option<Arc<ClientConfig>>,
    to_wss: Option<Arc<ClientConfig>>,
    handshakes: Arc<Semaphore>,
}

impl Security {
    pub(crate) fn new(settings: &TransportSettings) -> Self {
        let acceptor = |carried| {
            let tls = settings.server_tls.clone()?;
            Some(Acceptor::new(tls, carried))
        };
        let client = |carried| Some(connector(settings.client_tls.as_ref()?, carried));
        Self {
            tls: acceptor(Carried::Sip),
            wss: acceptor(Carried::Http),
            to_tls: client(Carried::Sip),
            to_wss: client(Carried::Http),
            handshakes: Arc::new(Semaphore::new(settings.max_handshakes)),
        }
    }
}

fn no_certificate() -> io::Error {
    io::Error::other("no TLS is set up for this side")
}

pub(crate) async fn accept<E: Element>(
    shared: Arc<Shared<E>>,
    listener: TcpListener,
    transport: Transport,
) {
    let stop = shared.stopped();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => return,
        };
        match accepted {
            Ok((stream, peer)) => welcome(&shared, stream, peer, transport),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a SIP connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Plain streams begin at once; all others after their handshakes, of which there are not too many at a time.
fn welcome<E: Element>(
    shared: &Arc<Shared<E>>,
    stream: TcpStream,
    peer: SocketAddr,
    transport: Transport,
) {
    let _ = stream.set_nodelay(true);
    if transport == Transport::Tcp {
        if let Some((flow, queue)) = enter(shared, &stream, transport, Vec::new()) {
            run(
                shared,
                stream.into_split(),
                flow,
                queue,
                StreamSide::Accepted,
            );
        }
        return;
    }
    let permit = Arc::clone(&shared.security.handshakes).try_acquire_owned();
    let Ok(permit) = permit else {
        shared.lock().counters.connections_refused += 1;
        return;
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let stop = shared.stopped();
        let deadline = shared.settings.handshake_deadline;
        let shaken = tokio::select! {
            shaken = timeout(deadline, shake(&shared, stream, transport)) => shaken,
            () = stop => return,
        };
        drop(permit);
        if !matches!(shaken, Ok(Ok(()))) {
            shared.lock().counters.handshakes_failed += 1;
            tracing::debug!(%peer, %transport, "a handshake failed");
        }
    });
}

/// The server's handshakes; the connection runs when they are done.
async fn shake<E: Element>(
    shared: &Arc<Shared<E>>,
    stream: TcpStream,
    transport: Transport,
) -> io::Result<()> {
    let acceptor = match transport {
        Transport::Tls => shared.security.tls.as_ref(),
        Transport::Wss => shared.security.wss.as_ref(),
        _ => None,
    };
    if !transport.is_secure() {
        return shake_websocket(shared, stream, |tcp| tcp, transport, Vec::new()).await;
    }
    let config = acceptor.ok_or_else(no_certificate)?.config();
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let certificates = stream.get_ref().1.peer_certificates();
    let shown = certificates.and_then(|chain| chain.first());
    let shown = shown.map(identities).unwrap_or_default();
    if transport == Transport::Tls {
        if let Some((flow, queue)) = enter(shared, stream.get_ref().0, transport, shown) {
            run(
                shared,
                tokio::io::split(stream),
                flow,
                queue,
                StreamSide::Accepted,
            );
        }
        return Ok(());
    }
    shake_websocket(shared, stream, |tls| tls.get_ref().0, transport, shown).await
}

/// The handshake of WebSocket on a stream, bare or inside TLS.
async fn shake_websocket<E: Element, S>(
    shared: &Arc<Shared<E>>,
    stream: S,
    tcp: impl Fn(&S) -> &TcpStream,
    transport: Transport,
    shown: Vec<String>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let settings = &shared.settings;
    let socket = websocket::accept(stream, &settings.websocket, &settings.limits)
        .await
        .map_err(io::Error::other)?;
    if let Some((flow, queue)) = enter(shared, tcp(socket.get_ref().get_ref()), transport, shown) {
        let side = StreamSide::Accepted;
        tokio::spawn(websocket::run(
            Arc::clone(shared),
            socket,
            flow,
            queue,
            side,
        ));
    }
    Ok(())
}

/// A place in the table for a connection that the peer opened.
fn enter<E: Element>(
    shared: &Arc<Shared<E>>,
    stream: &TcpStream,
    transport: Transport,
    shown: Vec<String>,
) -> Option<(Flow, mpsc::Receiver<Outgoing>)> {
    let (local, peer) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
    let mut core = shared.lock();
    if core.connections.is_full() {
        // Strangers must not keep those out who are known, or are about to be.
        core.counters.connections_refused += 1;
        if !core.evict_stranger() {
            return None;
        }
    }
    let (connection, queue) = core.connections.accepted(transport, peer, shown)?;
    let flow = Flow {
        transport,
        connection,
        local,
        peer,
    };
    core.connections.note_accepted(flow);
    Some((flow, queue))
}

/// Opens a connection for the messages that wait in its queue.
pub(crate) async fn open<E: Element>(shared: Arc<Shared<E>>, opening: Opening) {
    let Opening {
        id,
        transport,
        peer,
        name,
        queue,
    } = opening;
    let deadline = shared.settings.connect_deadline;
    let stream = match timeout(deadline, connect(&shared, peer)).await {
        Ok(Ok(stream)) => stream,
        _ => return give_up(&shared, id, peer, queue, "no connection").await,
    };
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else {
        return give_up(&shared, id, peer, queue, "no connection").await;
    };
    let flow = Flow {
        transport,
        connection: id,
        local,
        peer,
    };
    let deadline = shared.settings.handshake_deadline;
    match timeout(deadline, greet(&shared, stream, &flow, name.as_deref())).await {
        Ok(Ok(opened)) => opened.run(&shared, flow, queue),
        Ok(Err(error)) => give_up(&shared, id, peer, queue, &error.to_string()).await,
        Err(_) => give_up(&shared, id, peer, queue, "the handshake took too long").await,
    }
}

async fn give_up<E: Element>(
    shared: &Arc<Shared<E>>,
    id: ConnectionId,
    peer: SocketAddr,
    mut queue: mpsc::Receiver<Outgoing>,
    reason: &str,
) {
    tracing::info!(%peer, reason, "cannot open a SIP connection");
    shared.lock().connections.remove(id);
    // What could not be opened now cannot be opened a moment later either.
    queue.close();
    while let Some(message) = queue.recv().await {
        let attempt = Attempt::Second;
        fail(shared, Outgoing { attempt, ..message });
    }
}

async fn connect<E: Element>(shared: &Shared<E>, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    let settings = &shared.settings;
    let listening = settings
        .tcp
        .or(settings.tls)
        .or(settings.wss)
        .or(settings.ws);
    let own = settings.source.or(listening.map(|at| at.ip()));
    if let Some(own) = own
        && !own.is_unspecified()
        && own.is_ipv4() == peer.is_ipv4()
    {
        socket.bind(SocketAddr::new(own, 0))?;
    }
    socket.connect(peer).await
}

type ClientStream = tokio_rustls::client::TlsStream<TcpStream>;
type Socket<S> = tokio_tungstenite::WebSocketStream<websocket::Noted<S>>;

/// A connection after the client's handshakes.
enum Opened {
    Tcp(TcpStream),
    Tls(Box<ClientStream>),
    Ws(Box<Socket<TcpStream>>),
    Wss(Box<Socket<ClientStream>>),
}

impl Opened {
    fn run<E: Element>(self, shared: &Arc<Shared<E>>, flow: Flow, queue: mpsc::Receiver<Outgoing>) {
        let side = StreamSide::Opened;
        match self {
            Self::Tcp(stream) => run(shared, stream.into_split(), flow, queue, side),
            Self::Tls(stream) => run(shared, tokio::io::split(*stream), flow, queue, side),
            Self::Ws(socket) => {
                tokio::spawn(websocket::run(
                    Arc::clone(shared),
                    *socket,
                    flow,
                    queue,
                    side,
                ));
            }
            Self::Wss(socket) => {
                tokio::spawn(websocket::run(
                    Arc::clone(shared),
                    *socket,
                    flow,
                    queue,
                    side,
                ));
            }
        }
    }
}

/// The client's handshakes.
async fn greet<E: Element>(
    shared: &Shared<E>,
    stream: TcpStream,
    flow: &Flow,
    name: Option<&str>,
) -> io::Result<Opened> {
    let config = match flow.transport {
        Transport::Tls => shared.security.to_tls.clone(),
        Transport::Wss => shared.security.to_wss.clone(),
        _ => None,
    };
    let (websocket, limits) = (&shared.settings.websocket, &shared.settings.limits);
    if !flow.transport.is_secure() {
        if !flow.transport.is_websocket() {
            return Ok(Opened::Tcp(stream));
        }
        let socket = websocket::connect(stream, name, flow.peer, websocket, limits).await;
        return Ok(Opened::Ws(Box::new(socket.map_err(io::Error::other)?)));
    }
    let expected = expected_name(name, flow.peer.ip())
        .ok_or_else(|| io::Error::other("the name of the peer is no host name"))?;
    let connector = TlsConnector::from(config.ok_or_else(no_certificate)?);
    let stream = connector.connect(expected, stream).await?;
    if !flow.transport.is_websocket() {
        return Ok(Opened::Tls(Box::new(stream)));
    }
    let socket = websocket::connect(stream, name, flow.peer, websocket, limits).await;
    Ok(Opened::Wss(Box::new(socket.map_err(io::Error::other)?)))
}
