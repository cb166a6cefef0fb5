//! Datagrams.

use crate::connections::UDP_CONNECTION;
use crate::node::Shared;
use core::time::Duration;
use roger_sip::endpoint::{Element, Flow, Input, Transport};
use roger_sip::overload::{Glance, Inbox, InboxLimits, Next, Rank, Sender, Standing};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Datagrams the kernel may hold for us, in octets: a second of 2,000 registrations.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// Datagrams that wait while the socket is busy.
const SEND_QUEUE: usize = 1_024;

pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    // The kernel may grant less; that costs retransmissions under load, nothing else.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let _ = socket.set_send_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

pub(crate) async fn run<E: Element>(shared: &Arc<Shared<E>>, socket: UdpSocket) {
    let Ok(local) = socket.local_addr() else {
        return;
    };
    // Without this the first datagrams would take the slow way through the queue.
    let _ = socket.writable().await;
    let socket = Arc::new(socket);
    let (queue, waiting) = mpsc::channel(SEND_QUEUE);
    shared
        .lock()
        .connections
        .set_udp(Arc::clone(&socket), local, queue);
    tokio::spawn(receive(Arc::clone(shared), Arc::clone(&socket), local));
    tokio::spawn(send_queued(socket, waiting));
}

/// Datagrams that are taken from the kernel at a time.
const BATCH: usize = 256;

/// Longest time for it: large datagrams take long to copy.
const BATCH_TIME: Duration = Duration::from_micros(500);

/// Datagrams that are served before the kernel is asked again: its buffer knows no emergencies.
const SERVED: usize = 16;

/// A datagram that waits.
struct Datagram {
    flow: Flow,
    octets: Box<[u8]>,
}

async fn receive<E: Element>(shared: Arc<Shared<E>>, socket: Arc<UdpSocket>, local: SocketAddr) {
    let stop = shared.stopped();
    tokio::pin!(stop);
    let mut receiver = Receiver {
        shared: &shared,
        socket: &socket,
        local,
        buffer: vec![0; 65_535],
        inbox: Inbox::new(InboxLimits::default()),
    };
    loop {
        if receiver.inbox.is_empty() {
            tokio::select! {
                ready = socket.readable() => if ready.is_err() { tokio::task::yield_now().await },
                () = &mut stop => return,
            }
        } else if shared.is_stopped() {
            return;
        }
        receiver.take_in();
        receiver.serve();
        // Others have the processor too: streams, timers, the user. With nothing left they have it anyway.
        if !receiver.inbox.is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

/// Takes datagrams from the kernel and serves them in the order of their rank.
struct Receiver<'a, E: Element> {
    shared: &'a Arc<Shared<E>>,
    socket: &'a UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
    inbox: Inbox<Datagram>,
}

impl<E: Element> Receiver<'_, E> {
    /// Empties the buffer of the kernel as far as it goes.
    fn take_in(&mut self) {
        let mut shed = Vec::new();
        let start = self.shared.clock.now();
        let mut now = start;
        for _ in 0..BATCH {
            if now.since(start) > BATCH_TIME {
                break;
            }
            let (length, peer) = match self.socket.try_recv_from(&mut self.buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The echo of an earlier datagram (port unreachable); the socket is still good.
                Err(_) => continue,
            };
            let flow = Flow {
                transport: Transport::Udp,
                connection: UDP_CONNECTION,
                local: self.local,
                peer,
            };
            let octets = self.buffer.get(..length).unwrap_or_default();
            now = self.shared.clock.now();
            let standing = self.shared.received(&flow, octets);
            let rank = match standing {
                Standing::Stranger => Rank::Stranger,
                standing => Rank::of(standing, &Glance::at(octets)),
            };
            if rank == Rank::Stranger && length > self.inbox.limits().stranger {
                self.shared.shed(flow, octets);
                continue;
            }
            let sender = Sender::new(standing, peer);
            let octets = Box::from(octets);
            self.inbox.push(
                now,
                rank,
                sender,
                (Datagram { flow, octets }, length),
                &mut shed,
            );
        }
        for Datagram { flow, octets } in shed {
            self.shared.shed(flow, &octets);
        }
    }

    fn serve(&mut self) {
        for _ in 0..SERVED {
            let Some(Next { message, waited }) = self.inbox.pop(self.shared.clock.now()) else {
                return;
            };
            let Datagram { flow, octets } = message;
            let octets = &octets;
            self.shared
                .input_after(waited, Input::Datagram { flow, octets });
            if self.inbox.is_empty() {
                // What comes over a stream now has nothing to wait for.
                self.shared.lock().set_queue_delay(Duration::ZERO);
            }
        }
    }
}

async fn send_queued(socket: Arc<UdpSocket>, mut waiting: mpsc::Receiver<(Arc<[u8]>, SocketAddr)>) {
    while let Some((octets, peer)) = waiting.recv().await {
        // Lost datagrams are sent again by their transaction.
        let _ = socket.send_to(&octets, peer).await;
    }
}
