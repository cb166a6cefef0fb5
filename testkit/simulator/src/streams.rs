//! SIP connections in memory, with the rules of the socket adapter: a message to an address takes the connection
//! to that address or opens one; a message back on a flow takes that flow and no other.

use crate::host::HostId;
use roger_sip::endpoint::{ConnectionId, Flow, Target, Transport};
use roger_sip::message::{Frame, Limits, StreamDecoder, StreamError, StreamSide};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const FIRST_EPHEMERAL_PORT: u16 = 40_000;

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct End {
    pub(crate) host: HostId,
    pub(crate) connection: ConnectionId,
}

struct Open {
    flow: Flow,
    other: End,
    decoder: StreamDecoder,
}

/// All connections.
#[derive(Default)]
pub(crate) struct Streams {
    listeners: BTreeMap<SocketAddr, HostId>,
    ends: BTreeMap<End, Open>,
    by_peer: BTreeMap<(HostId, SocketAddr), ConnectionId>,
    next_connection: u64,
    next_port: u16,
}

impl Streams {
    pub(crate) fn listen(&mut self, address: SocketAddr, host: HostId) {
        self.listeners.insert(address, host);
    }

    /// The far end of the connection that a message takes; `None` when it cannot be sent.
    pub(crate) fn route(&mut self, from: HostId, own: SocketAddr, target: &Target) -> Option<End> {
        if target.transport() != Transport::Tcp {
            return None;
        }
        let known = match target {
            Target::Flow(flow) => Some(flow.connection),
            Target::Address { peer, .. } | Target::Server { peer, .. } => {
                self.by_peer.get(&(from, *peer)).copied()
            }
        };
        let open = known.and_then(|connection| {
            self.ends.get(&End {
                host: from,
                connection,
            })
        });
        if let Some(open) = open {
            return Some(open.other);
        }
        match target {
            Target::Address { peer, .. } | Target::Server { peer, .. } => {
                self.open(from, own, *peer)
            }
            Target::Flow(_) => None,
        }
    }

    fn open(&mut self, from: HostId, own: SocketAddr, peer: SocketAddr) -> Option<End> {
        let host = *self.listeners.get(&peer)?;
        let local = SocketAddr::new(own.ip(), FIRST_EPHEMERAL_PORT + self.next_port);
        self.next_port += 1;
        let near = self.end(from);
        let far = self.end(host);
        self.add(near, far, local, peer, StreamSide::Opened);
        self.add(far, near, peer, local, StreamSide::Accepted);
        Some(far)
    }

    const fn end(&mut self, host: HostId) -> End {
        self.next_connection += 1;
        End {
            host,
            connection: ConnectionId(self.next_connection),
        }
    }

    fn add(&mut self, end: End, other: End, local: SocketAddr, peer: SocketAddr, side: StreamSide) {
        let flow = Flow {
            transport: Transport::Tcp,
            connection: end.connection,
            local,
            peer,
        };
        let decoder = StreamDecoder::new(side, Limits::default());
        self.by_peer.insert((end.host, peer), end.connection);
        self.ends.insert(
            end,
            Open {
                flow,
                other,
                decoder,
            },
        );
    }

    /// Octets arrive at an end; the whole messages among them, or what is wrong.
    pub(crate) fn arrive(
        &mut self,
        end: End,
        octets: &[u8],
    ) -> Vec<(Flow, Result<Frame, StreamError>)> {
        let Some(open) = self.ends.get_mut(&end) else {
            return Vec::new();
        };
        open.decoder.feed(octets);
        let mut frames = Vec::new();
        loop {
            match open.decoder.next_frame() {
                Ok(Some(frame)) => frames.push((open.flow, Ok(frame))),
                Ok(None) => return frames,
                Err(error) => {
                    frames.push((open.flow, Err(error)));
                    return frames;
                }
            }
        }
    }

    /// Cuts every connection of a host; the flows that each side lost.
    pub(crate) fn cut(&mut self, host: HostId) -> Vec<(HostId, Flow)> {
        let ends: Vec<End> = self
            .ends
            .keys()
            .filter(|end| end.host == host)
            .copied()
            .collect();
        let mut lost = Vec::new();
        for end in ends {
            lost.extend(self.close(end));
        }
        lost
    }

    pub(crate) fn close(&mut self, end: End) -> Vec<(HostId, Flow)> {
        let Some(near) = self.ends.remove(&end) else {
            return Vec::new();
        };
        let far = self.ends.remove(&near.other);
        let mut lost = vec![(end.host, near.flow)];
        lost.extend(far.map(|far| (near.other.host, far.flow)));
        for (host, flow) in &lost {
            if self.by_peer.get(&(*host, flow.peer)) == Some(&flow.connection) {
                self.by_peer.remove(&(*host, flow.peer));
            }
        }
        lost
    }
}
