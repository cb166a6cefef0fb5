//! Showing the wire tap what crosses a media socket.

use core::net::SocketAddr;
use roger_base::{Packet, Transport, WireTap};
use std::sync::Arc;

/// What a tap sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TapScope {
    /// What is sent: for a process that holds both ends, so that nothing is seen twice.
    Sent,
    /// Also what is received: for peers outside.
    SentAndReceived,
}

/// A wire tap and what it sees; none by default.
#[derive(Clone, Default)]
pub struct Tap(Option<(Arc<dyn WireTap>, TapScope)>);

impl Tap {
    /// Shows `sink` what is in scope.
    #[must_use]
    pub fn new(sink: Arc<dyn WireTap>, scope: TapScope) -> Self {
        Self(Some((sink, scope)))
    }

    pub(crate) fn sent(&self, source: SocketAddr, destination: SocketAddr, octets: &[u8]) {
        if let Some((sink, _)) = &self.0 {
            sink.packet(&Packet {
                transport: Transport::Udp,
                source,
                destination,
                octets,
            });
        }
    }

    pub(crate) fn received(&self, source: SocketAddr, destination: SocketAddr, octets: &[u8]) {
        if let Some((sink, TapScope::SentAndReceived)) = &self.0 {
            sink.packet(&Packet {
                transport: Transport::Udp,
                source,
                destination,
                octets,
            });
        }
    }
}
