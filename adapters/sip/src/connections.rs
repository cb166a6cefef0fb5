//! The table of stream connections and the way out of the node.

use crate::names::Names;
use crate::settings::{TapScope, TransportSettings};
use crate::stream::PING;
use roger_base::{Packet, Transport as TapTransport};
use roger_sip::endpoint::{ConnectionId, Flow, ServerName, Target, Ticket, Transmit, Transport};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// One message on its way to a stream.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) octets: Arc<[u8]>,
    /// `None` for keep-alives.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) target: Target,
    /// Whether a failed write may be tried on a new connection.
    pub(crate) attempt: Attempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Second,
}

/// What a target must share with a connection to be sent on it. The name counts where a certificate has proved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PeerKey {
    transport: Transport,
    peer: SocketAddr,
    name: Option<ServerName>,
}

impl PeerKey {
    /// `None` for a flow, which is a connection itself.
    fn of(target: &Target) -> Option<Self> {
        let (transport, peer, name) = match *target {
            Target::Flow(_) => return None,
            Target::Address { transport, peer } => (transport, peer, None),
            Target::Server {
                transport,
                peer,
                name,
            } => (transport, peer, Some(name)),
        };
        Some(Self {
            transport,
            peer,
            name: name.filter(|_| transport.is_secure()),
        })
    }
}

/// A connection, open or being opened.
#[derive(Debug)]
struct Connection {
    /// Targets that may use it besides its own flow.
    keys: Vec<PeerKey>,
    /// What the certificate of the side that opened it has shown.
    shown: Arc<[String]>,
    writer: mpsc::Sender<Outgoing>,
}

/// A connection that is to be opened.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) id: ConnectionId,
    pub(crate) transport: Transport,
    pub(crate) peer: SocketAddr,
    /// Name that the certificate must show; the address when there is none.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) queue: mpsc::Receiver<Outgoing>,
}

/// What a send came to.
#[derive(Debug)]
pub(crate) enum Sent {
    /// On its way.
    Done,
    /// On its way once this connection is open.
    Open(Opening),
    /// Lost; the ticket is to be told.
    Failed(Option<Ticket>),
}

/// The number that all datagrams have as their connection.
pub(crate) const UDP_CONNECTION: ConnectionId = ConnectionId(0);

/// Sockets and connections.
#[derive(Debug)]
pub(crate) struct Connections {
    settings: TransportSettings,
    udp: Option<Arc<UdpSocket>>,
    udp_address: Option<SocketAddr>,
    udp_queue: Option<mpsc::Sender<(Arc<[u8]>, SocketAddr)>>,
    open: HashMap<ConnectionId, Connection>,
    by_peer: HashMap<PeerKey, ConnectionId>,
    /// Accepted ones whose peers were strangers when last looked at, the oldest first; some are gone.
    accepted: VecDeque<Flow>,
    pub(crate) names: Names,
    next: u64,
}

impl Connections {
    pub(crate) fn new(settings: TransportSettings) -> Self {
        Self {
            settings,
            udp: None,
            udp_address: None,
            udp_queue: None,
            open: HashMap::new(),
            by_peer: HashMap::new(),
            accepted: VecDeque::new(),
            names: Names::default(),
            next: 1,
        }
    }

    pub(crate) fn set_udp(
        &mut self,
        socket: Arc<UdpSocket>,
        address: SocketAddr,
        queue: mpsc::Sender<(Arc<[u8]>, SocketAddr)>,
    ) {
        self.udp = Some(socket);
        self.udp_address = Some(address);
        self.udp_queue = Some(queue);
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes in a connection that the peer opened; `None` when there are too many. Requests to its address may use
    /// a TCP connection, and one whose client certificate has shown the name they are for. On all others requests
    /// go by flow only: nothing says whose they are (RFC 5923 9.1).
    pub(crate) fn accepted(
        &mut self,
        transport: Transport,
        peer: SocketAddr,
        shown: Vec<String>,
    ) -> Option<(ConnectionId, mpsc::Receiver<Outgoing>)> {
        let key = |name| PeerKey {
            transport,
            peer,
            name,
        };
        let keys = match transport {
            Transport::Tcp => vec![key(None)],
            Transport::Tls => {
                let known = shown.iter().filter_map(|name| self.names.number(name));
                known.map(|name| key(Some(name))).collect()
            }
            _ => Vec::new(),
        };
        self.add(keys, shown.into())
    }

    fn add(
        &mut self,
        keys: Vec<PeerKey>,
        shown: Arc<[String]>,
    ) -> Option<(ConnectionId, mpsc::Receiver<Outgoing>)> {
        if self.is_full() {
            return None;
        }
        let id = ConnectionId(self.next);
        self.next += 1;
        let (writer, queue) = mpsc::channel(self.settings.write_queue.max(1));
        for key in &keys {
            self.by_peer.insert(*key, id);
        }
        let connection = Connection {
            keys,
            shown,
            writer,
        };
        self.open.insert(id, connection);
        Some((id, queue))
    }

    /// Whether there is room for no more.
    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= self.settings.max_connections
    }

    /// Notes a connection that was accepted.
    pub(crate) fn note_accepted(&mut self, flow: Flow) {
        if self.accepted.len() > self.settings.max_connections.saturating_mul(2) {
            let open = &self.open;
            self.accepted
                .retain(|flow| open.contains_key(&flow.connection));
        }
        self.accepted.push_back(flow);
    }

    /// The oldest accepted connection that is open; it is not named again.
    pub(crate) fn oldest_accepted(&mut self) -> Option<Flow> {
        loop {
            let flow = self.accepted.pop_front()?;
            if self.open.contains_key(&flow.connection) {
                return Some(flow);
            }
        }
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) {
        let Some(connection) = self.open.remove(&id) else {
            return;
        };
        for key in connection.keys {
            if self.by_peer.get(&key) == Some(&id) {
                self.by_peer.remove(&key);
            }
        }
    }

    /// What the certificate of a connection's peer has shown.
    pub(crate) fn shown(&self, id: ConnectionId) -> Arc<[String]> {
        self.open
            .get(&id)
            .map(|connection| Arc::clone(&connection.shown))
            .unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
        self.by_peer.clear();
        self.accepted.clear();
        self.udp = None;
        self.udp_queue = None;
    }

    /// Sends what an element wants sent.
    pub(crate) fn send(&mut self, transmit: Transmit) -> Sent {
        let Transmit {
            target,
            octets,
            ticket,
        } = transmit;
        match target.transport() {
            Transport::Udp => self.send_datagram(octets, target.peer(), ticket),
            _ => self.send_on_stream(Outgoing {
                octets,
                ticket: Some(ticket),
                target,
                attempt: Attempt::First,
            }),
        }
    }

    fn send_datagram(&self, octets: Arc<[u8]>, peer: SocketAddr, ticket: Ticket) -> Sent {
        let (Some(socket), Some(queue)) = (&self.udp, &self.udp_queue) else {
            return Sent::Failed(Some(ticket));
        };
        if let Some(source) = self.udp_address {
            self.tap(TapTransport::Udp, source, peer, &octets);
        }
        match socket.try_send_to(&octets, peer) {
            Ok(_) => Sent::Done,
            // A full queue loses the datagram, as the network might; the transaction repeats it.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                let _ = queue.try_send((octets, peer));
                Sent::Done
            }
            Err(_) => Sent::Failed(Some(ticket)),
        }
    }

    /// Puts a message into the queue of its connection, which is made when the target is an address.
    pub(crate) fn send_on_stream(&mut self, message: Outgoing) -> Sent {
        let key = PeerKey::of(&message.target);
        let known = match &message.target {
            Target::Flow(flow) => Some(flow.connection),
            _ => key.and_then(|key| self.by_peer.get(&key).copied()),
        };
        if let Some(connection) = known.and_then(|id| self.open.get(&id)) {
            let ticket = message.ticket;
            return match connection.writer.try_send(message) {
                Ok(()) => Sent::Done,
                Err(_) => Sent::Failed(ticket),
            };
        }
        let ticket = message.ticket;
        let Some(key) = key else {
            return Sent::Failed(ticket);
        };
        let Some((id, queue)) = self.add(vec![key], Arc::default()) else {
            return Sent::Failed(ticket);
        };
        match self.send_on_stream(message) {
            Sent::Done => Sent::Open(Opening {
                id,
                transport: key.transport,
                peer: key.peer,
                name: self.name_of(&key),
                queue,
            }),
            other => other,
        }
    }

    fn name_of(&self, key: &PeerKey) -> Option<Arc<str>> {
        match key.name {
            Some(name) => self.names.name(name),
            None => self
                .settings
                .peer_names
                .get(&key.peer)
                .map(|name| Arc::from(name.as_str())),
        }
    }

    /// Sends a keep-alive by UDP; one that is lost is followed by the next.
    pub(crate) fn ping_datagram(&self, peer: SocketAddr) {
        if let Some(socket) = &self.udp {
            let _ = socket.try_send_to(PING, peer);
        }
    }

    /// Puts a keep-alive into the queue; a full queue is life enough.
    pub(crate) fn keep_alive(&self, flow: &Flow, octets: &'static [u8]) {
        if let Some(connection) = self.open.get(&flow.connection) {
            let _ = connection.writer.try_send(Outgoing {
                octets: octets.into(),
                ticket: None,
                target: Target::Flow(*flow),
                attempt: Attempt::Second,
            });
        }
    }

    /// Shows the tap what is sent.
    pub(crate) fn tap(
        &self,
        transport: TapTransport,
        source: SocketAddr,
        destination: SocketAddr,
        octets: &[u8],
    ) {
        if let Some(tap) = &self.settings.tap {
            tap.packet(&Packet {
                transport,
                source,
                destination,
                octets,
            });
        }
    }

    /// Shows the tap what is received, when it wants to see it.
    pub(crate) fn tap_received(&self, transport: TapTransport, flow: &Flow, octets: &[u8]) {
        if self.settings.tap_scope == TapScope::SentAndReceived {
            self.tap(transport, flow.peer, flow.local, octets);
        }
    }
}
