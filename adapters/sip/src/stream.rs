//! Streams, plain or inside TLS: read and write.

use crate::connections::{Attempt, Outgoing};
use crate::node::Shared;
use crate::settings::TransportSettings;
use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use roger_base::Transport as TapTransport;
use roger_sip::endpoint::{Element, Flow, Input, Target, Transport};
use roger_sip::message::{Frame, StreamDecoder, StreamSide};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

/// Octets read at a time; on the stack, so that an idle connection holds no buffer.
const PIECE: usize = 16 * 1024;

/// Pieces read before other tasks get a turn.
const PIECES_PER_TURN: usize = 8;

/// A ping, and the pong that answers it (RFC 5626 4.4.1).
pub(crate) const PING: &[u8] = b"\r\n\r\n";
pub(crate) const PONG: &[u8] = b"\r\n";

/// What the tap calls a transport.
pub(crate) const fn tap_transport(transport: Transport) -> TapTransport {
    match transport {
        Transport::Udp => TapTransport::Udp,
        Transport::Tls => TapTransport::Tls,
        Transport::Ws => TapTransport::Ws,
        Transport::Wss => TapTransport::Wss,
        // Streams that may come are seen as streams.
        _ => TapTransport::Tcp,
    }
}

/// When to ping a peer we connected to, and until when its pong must come (RFC 5626 4.4.1).
#[derive(Debug)]
pub(crate) struct KeepAlive {
    interval: Option<Duration>,
    patience: Option<Duration>,
    ping: Option<Instant>,
    pong: Option<Instant>,
}

impl KeepAlive {
    pub(crate) fn new(settings: &TransportSettings, side: StreamSide, now: Instant) -> Self {
        let interval = settings.keep_alive.filter(|_| side == StreamSide::Opened);
        Self {
            interval,
            patience: settings.pong_deadline,
            ping: interval.map(|interval| now + interval),
            pong: None,
        }
    }

    pub(crate) const fn next_ping(&self) -> Option<Instant> {
        self.ping
    }

    /// When the connection is given up: a message that has begun must end, a silent peer must speak, a pinged one
    /// must answer.
    pub(crate) fn deadline(
        &self,
        settings: &TransportSettings,
        heard: Instant,
        began: Option<Instant>,
    ) -> Instant {
        let quiet = match began {
            Some(began) => began + settings.message_deadline,
            None => heard + settings.idle_deadline,
        };
        self.pong.map_or(quiet, |pong| quiet.min(pong))
    }

    pub(crate) fn pinged(&mut self, now: Instant) {
        self.ping = self.interval.map(|interval| now + interval);
        self.pong = self.pong.or(self.patience.map(|patience| now + patience));
    }

    pub(crate) const fn answered(&mut self) {
        self.pong = None;
    }
}

/// Until when whoever connected must have shown who it is: what a stranger may hold is a place for a short time.
#[derive(Debug)]
pub(crate) struct Proof(Option<Instant>);

impl Proof {
    pub(crate) fn new(settings: &TransportSettings, side: StreamSide, now: Instant) -> Self {
        Self((side == StreamSide::Accepted).then(|| now + settings.stranger_deadline))
    }

    /// The earlier of both.
    pub(crate) fn until(&self, deadline: Instant) -> Instant {
        self.0.map_or(deadline, |proof| proof.min(deadline))
    }

    pub(crate) const fn given(&mut self) {
        self.0 = None;
    }
}

/// Starts both directions of a stream.
pub(crate) fn run<E, R, W>(
    shared: &Arc<Shared<E>>,
    (reader, writer): (R, W),
    flow: Flow,
    queue: mpsc::Receiver<Outgoing>,
    side: StreamSide,
) where
    E: Element,
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (ended, end) = oneshot::channel();
    tokio::spawn(read(Arc::clone(shared), reader, flow, side, end));
    tokio::spawn(write(Arc::clone(shared), writer, flow, queue, ended));
}

/// Whether a stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Read,
    Close,
}

/// `end` comes when nothing can be written any more: then the connection is of no use, whatever the peer still says. It
/// may be a peer that reads nothing, or one that is out of reach and will never close its end.
async fn read<E, R>(
    shared: Arc<Shared<E>>,
    mut reader: R,
    flow: Flow,
    side: StreamSide,
    mut end: oneshot::Receiver<Infallible>,
) where
    E: Element,
    R: AsyncRead + Unpin,
{
    let stop = shared.stopped();
    tokio::pin!(stop);
    let mut decoder = StreamDecoder::new(side, shared.settings.limits);
    let mut began: Option<Instant> = None;
    let mut heard = Instant::now();
    let mut alive = KeepAlive::new(&shared.settings, side, heard);
    let mut proof = Proof::new(&shared.settings, side, heard);
    loop {
        let deadline = alive.deadline(&shared.settings, heard, began);
        let until = proof.until(deadline);
        let ping = alive.next_ping();
        let messages = decoder.messages();
        tokio::select! {
            next = read_pieces(&shared, &mut reader, &flow, &mut decoder, &mut alive) => {
                if next == Next::Close {
                    break;
                }
                heard = Instant::now();
                // Who sends one message after the other never seems to end one.
                began = began.filter(|_| decoder.messages() == messages);
                began = decoder.is_inside_message().then(|| began.unwrap_or(heard));
            }
            _ = &mut end => break,
            () = sleep_until(until) => {
                if until == deadline || shared.is_stranger(&flow) {
                    break;
                }
                proof.given();
            }
            () = sleep_until(ping.unwrap_or(deadline)), if ping.is_some() => {
                shared.lock().connections.keep_alive(&flow, PING);
                alive.pinged(Instant::now());
            }
            () = &mut stop => break,
        }
    }
    // The writer ends when its queue is closed, after what is in it.
    shared.lock().connections.remove(flow.connection);
    shared.input(Input::Closed { flow });
}

/// Waits for octets and takes what is there, at most [`PIECES_PER_TURN`] pieces.
async fn read_pieces<E, R>(
    shared: &Arc<Shared<E>>,
    reader: &mut R,
    flow: &Flow,
    decoder: &mut StreamDecoder,
    alive: &mut KeepAlive,
) -> Next
where
    E: Element,
    R: AsyncRead + Unpin,
{
    let mut pieces = 0;
    std::future::poll_fn(|cx| {
        while pieces < PIECES_PER_TURN {
            match read_piece(shared, reader, flow, decoder, alive, cx) {
                Poll::Ready(Next::Read) => pieces += 1,
                Poll::Ready(Next::Close) => return Poll::Ready(Next::Close),
                Poll::Pending if pieces == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Next::Read)
    })
    .await
}

/// The buffer is on the stack of the poll, not in the task.
fn read_piece<E, R>(
    shared: &Arc<Shared<E>>,
    reader: &mut R,
    flow: &Flow,
    decoder: &mut StreamDecoder,
    alive: &mut KeepAlive,
    cx: &mut Context<'_>,
) -> Poll<Next>
where
    E: Element,
    R: AsyncRead + Unpin,
{
    let mut piece = [0; PIECE];
    let mut buffer = ReadBuf::new(&mut piece);
    let octets = match Pin::new(reader).poll_read(cx, &mut buffer) {
        Poll::Pending => return Poll::Pending,
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
            return Poll::Ready(Next::Read);
        }
        Poll::Ready(Err(_)) => return Poll::Ready(Next::Close),
        Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Next::Close),
        Poll::Ready(Ok(())) => buffer.filled(),
    };
    let transport = tap_transport(flow.transport);
    shared
        .lock()
        .connections
        .tap_received(transport, flow, octets);
    decoder.feed(octets);
    Poll::Ready(frames(shared, flow, decoder, alive))
}

fn frames<E: Element>(
    shared: &Arc<Shared<E>>,
    flow: &Flow,
    decoder: &mut StreamDecoder,
    alive: &mut KeepAlive,
) -> Next {
    loop {
        match decoder.next_frame() {
            Ok(Some(Frame::Message(message))) => shared.input(Input::Message {
                flow: *flow,
                message,
            }),
            Ok(Some(Frame::Ping)) => shared.lock().connections.keep_alive(flow, PONG),
            Ok(Some(Frame::Pong)) => alive.answered(),
            Ok(None) => return Next::Read,
            Err(error) => {
                shared.input(Input::BrokenStream { flow: *flow, error });
                return Next::Close;
            }
        }
    }
}

async fn write<E, W>(
    shared: Arc<Shared<E>>,
    mut writer: W,
    flow: Flow,
    mut queue: mpsc::Receiver<Outgoing>,
    ended: oneshot::Sender<Infallible>,
) where
    E: Element,
    W: AsyncWrite + Unpin,
{
    let transport = tap_transport(flow.transport);
    while let Some(message) = queue.recv().await {
        shared
            .lock()
            .connections
            .tap(transport, flow.local, flow.peer, &message.octets);
        let writing = async {
            writer.write_all(&message.octets).await?;
            writer.flush().await
        };
        if matches!(
            timeout(shared.settings.write_deadline, writing).await,
            Ok(Ok(()))
        ) {
            continue;
        }
        // The reader reports the flow as closed.
        shared.lock().connections.remove(flow.connection);
        fail(&shared, message);
        fail_all(&shared, queue).await;
        break;
    }
    drop(ended);
    // TLS says goodbye here, which a peer that reads nothing must not hold up.
    let _ = timeout(shared.settings.write_deadline, writer.shutdown()).await;
}

/// Fails what waits for a connection that is gone.
pub(crate) async fn fail_all<E: Element>(
    shared: &Arc<Shared<E>>,
    mut queue: mpsc::Receiver<Outgoing>,
) {
    queue.close();
    while let Some(message) = queue.recv().await {
        fail(shared, message);
    }
}

/// Tries a message once more on a new connection when its target is an address (the old connection may have
/// died unnoticed), else tells its transaction.
pub(crate) fn fail<E: Element>(shared: &Arc<Shared<E>>, message: Outgoing) {
    let retry = message.attempt == Attempt::First && !matches!(message.target, Target::Flow(_));
    if retry {
        shared.undelivered(Outgoing {
            attempt: Attempt::Second,
            ..message
        });
    } else if let Some(ticket) = message.ticket {
        shared.input(Input::TransmitFailed { ticket });
    }
}
