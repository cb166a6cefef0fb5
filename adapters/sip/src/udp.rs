//! Datagrams.

use crate::connections::UDP_CONNECTION;
use crate::node::Shared;
use roger_base::Transport as TapTransport;
use roger_sip::endpoint::{Element, Flow, Input, Transport};
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

async fn receive<E: Element>(shared: Arc<Shared<E>>, socket: Arc<UdpSocket>, local: SocketAddr) {
    let stop = shared.stopped();
    tokio::pin!(stop);
    let mut buffer = vec![0; 65_535];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = &mut stop => return,
        };
        // An error is the echo of an earlier datagram (port unreachable); the socket is still good.
        let Ok((length, peer)) = received else {
            tokio::task::yield_now().await;
            continue;
        };
        let flow = Flow {
            transport: Transport::Udp,
            connection: UDP_CONNECTION,
            local,
            peer,
        };
        let octets = buffer.get(..length).unwrap_or_default();
        shared
            .lock()
            .connections
            .tap_received(TapTransport::Udp, &flow, octets);
        shared.input(Input::Datagram { flow, octets });
    }
}

async fn send_queued(socket: Arc<UdpSocket>, mut waiting: mpsc::Receiver<(Arc<[u8]>, SocketAddr)>) {
    while let Some((octets, peer)) = waiting.recv().await {
        // Lost datagrams are sent again by their transaction.
        let _ = socket.send_to(&octets, peer).await;
    }
}
