//! Streams: accept, open, read, write.

use crate::connections::{Attempt, Opening, Outgoing};
use crate::node::Shared;
use core::time::Duration;
use roger_base::Transport as TapTransport;
use roger_sip::endpoint::{ConnectionId, Element, Flow, Input, Target, Transport};
use roger_sip::message::{Frame, StreamDecoder, StreamSide};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// Octets read at a time; on the stack, so that an idle connection holds no buffer.
const PIECE: usize = 16 * 1024;

/// Pieces read before other tasks get a turn.
const PIECES_PER_TURN: usize = 8;

/// A ping, and the pong that answers it (RFC 5626 4.4.1).
const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";

/// Wait after a failed accept: the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn accept<E: Element>(shared: Arc<Shared<E>>, listener: TcpListener) {
    let stop = shared.stopped();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a SIP connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let added = {
            let mut core = shared.lock();
            let added = core.connections.add(peer);
            if added.is_none() {
                core.counters.connections_refused += 1;
            }
            added
        };
        if let Some((id, queue)) = added {
            run(&shared, stream, id, queue, StreamSide::Accepted);
        }
    }
}

/// Opens a connection for the messages that wait in its queue.
pub(crate) async fn open<E: Element>(shared: Arc<Shared<E>>, opening: Opening) {
    let Opening {
        id,
        peer,
        mut queue,
    } = opening;
    let connected = timeout(shared.settings.connect_deadline, connect(&shared, peer)).await;
    if let Ok(Ok(stream)) = connected {
        run(&shared, stream, id, queue, StreamSide::Opened);
        return;
    }
    tracing::debug!(%peer, "cannot open a SIP connection");
    shared.lock().connections.remove(id);
    queue.close();
    while let Some(message) = queue.recv().await {
        fail(&shared, message);
    }
}

async fn connect<E: Element>(shared: &Shared<E>, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(own) = shared.settings.tcp
        && !own.ip().is_unspecified()
        && own.is_ipv4() == peer.is_ipv4()
    {
        socket.bind(SocketAddr::new(own.ip(), 0))?;
    }
    socket.connect(peer).await
}

fn run<E: Element>(
    shared: &Arc<Shared<E>>,
    stream: TcpStream,
    id: ConnectionId,
    queue: mpsc::Receiver<Outgoing>,
    side: StreamSide,
) {
    // Messages are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
        shared.lock().connections.remove(id);
        return;
    };
    let flow = Flow {
        transport: Transport::Tcp,
        connection: id,
        local,
        peer,
    };
    let (reader, writer) = stream.into_split();
    tokio::spawn(read(Arc::clone(shared), reader, flow, side));
    tokio::spawn(write(Arc::clone(shared), writer, flow, queue));
}

/// Whether a stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Read,
    Close,
}

async fn read<E: Element>(
    shared: Arc<Shared<E>>,
    reader: OwnedReadHalf,
    flow: Flow,
    side: StreamSide,
) {
    let stop = shared.stopped();
    tokio::pin!(stop);
    let mut decoder = StreamDecoder::new(side, shared.settings.limits);
    let mut began: Option<Instant> = None;
    let mut heard = Instant::now();
    let mut ping = ping_after(&shared, side, heard);
    loop {
        let deadline = match began {
            Some(began) => began + shared.settings.message_deadline,
            None => heard + shared.settings.idle_deadline,
        };
        tokio::select! {
            ready = reader.readable() => {
                if ready.is_err() || read_pieces(&shared, &reader, &flow, &mut decoder) == Next::Close {
                    break;
                }
                heard = Instant::now();
                began = decoder.is_inside_message().then(|| began.unwrap_or(heard));
            }
            () = sleep_until(deadline) => break,
            () = sleep_until(ping.unwrap_or(deadline)), if ping.is_some() => {
                shared.lock().connections.keep_alive(&flow, PING);
                ping = ping_after(&shared, side, Instant::now());
            }
            () = &mut stop => break,
        }
    }
    // The writer ends when its queue is closed, after what is in it.
    shared.lock().connections.remove(flow.connection);
    shared.input(Input::Closed { flow });
}

fn ping_after<E: Element>(shared: &Shared<E>, side: StreamSide, now: Instant) -> Option<Instant> {
    match side {
        StreamSide::Opened => shared.settings.keep_alive.map(|interval| now + interval),
        StreamSide::Accepted => None,
    }
}

fn read_pieces<E: Element>(
    shared: &Arc<Shared<E>>,
    reader: &OwnedReadHalf,
    flow: &Flow,
    decoder: &mut StreamDecoder,
) -> Next {
    let mut piece = [0; PIECE];
    for _ in 0..PIECES_PER_TURN {
        match reader.try_read(&mut piece) {
            Ok(0) => return Next::Close,
            Ok(length) => {
                let octets = piece.get(..length).unwrap_or_default();
                shared
                    .lock()
                    .connections
                    .tap_received(TapTransport::Tcp, flow, octets);
                decoder.feed(octets);
                if frames(shared, flow, decoder) == Next::Close {
                    return Next::Close;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Next::Read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Next::Close,
        }
    }
    Next::Read
}

fn frames<E: Element>(shared: &Arc<Shared<E>>, flow: &Flow, decoder: &mut StreamDecoder) -> Next {
    loop {
        match decoder.next_frame() {
            Ok(Some(Frame::Message(message))) => shared.input(Input::Message {
                flow: *flow,
                message,
            }),
            Ok(Some(Frame::Ping)) => shared.lock().connections.keep_alive(flow, PONG),
            Ok(Some(Frame::Pong)) => {}
            Ok(None) => return Next::Read,
            Err(error) => {
                shared.input(Input::BrokenStream { flow: *flow, error });
                return Next::Close;
            }
        }
    }
}

async fn write<E: Element>(
    shared: Arc<Shared<E>>,
    mut writer: OwnedWriteHalf,
    flow: Flow,
    mut queue: mpsc::Receiver<Outgoing>,
) {
    while let Some(message) = queue.recv().await {
        shared
            .lock()
            .connections
            .tap(TapTransport::Tcp, flow.local, flow.peer, &message.octets);
        let written = timeout(
            shared.settings.write_deadline,
            writer.write_all(&message.octets),
        )
        .await;
        if matches!(written, Ok(Ok(()))) {
            continue;
        }
        // The reader sees the shutdown and reports the flow as closed.
        shared.lock().connections.remove(flow.connection);
        queue.close();
        fail(&shared, message);
        while let Some(message) = queue.recv().await {
            fail(&shared, message);
        }
    }
    let _ = writer.shutdown().await;
}

/// Tries a message once more on a new connection when its target is an address (the old connection may have
/// died unnoticed), else tells its transaction.
fn fail<E: Element>(shared: &Arc<Shared<E>>, message: Outgoing) {
    let retry =
        message.attempt == Attempt::First && matches!(message.target, Target::Address { .. });
    if retry {
        shared.undelivered(Outgoing {
            attempt: Attempt::Second,
            ..message
        });
    } else if let Some(ticket) = message.ticket {
        shared.input(Input::TransmitFailed { ticket });
    }
}
