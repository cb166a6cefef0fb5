//! Keep-alives by UDP.

use crate::node::{Shared, SipHandle};
use core::time::Duration;
use roger_sip::endpoint::Element;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Keeps the way to a proxy open through NATs for as long as it lives.
#[derive(Debug)]
#[must_use = "dropping it ends the keep-alives"]
pub struct UdpKeepAlive(JoinHandle<()>);

impl Drop for UdpKeepAlive {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<E: Element> SipHandle<E> {
    /// Sends an empty message (CRLF CRLF) by UDP every so often. RFC 5626 4.4.2 has STUN for this, whose answer
    /// also tells a dead proxy; CRLF has no answer by UDP, so that only an unanswered REGISTER tells it.
    pub fn keep_datagrams_alive(&self, proxy: SocketAddr, interval: Duration) -> UdpKeepAlive {
        let shared = Arc::clone(&self.shared);
        UdpKeepAlive(tokio::spawn(ping(shared, proxy, interval)))
    }
}

async fn ping<E: Element>(shared: Arc<Shared<E>>, proxy: SocketAddr, interval: Duration) {
    let stop = shared.stopped();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => shared.lock().connections.ping_datagram(proxy),
            () = &mut stop => return,
        }
    }
}
