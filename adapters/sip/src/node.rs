//! A running element: its lock, its timer, its events.

use crate::accept::{self, Security};
use crate::bind::{Bound, bind, nowhere, opened_only};
use crate::clock::Clock;
use crate::connections::{Connections, Outgoing, Sent};
use crate::resolver::SipResolver;
use crate::settings::TransportSettings;
use crate::udp;
use core::time::Duration;
use roger_base::{Instant, Random, RandomError, Transport as TapTransport};
use roger_sip::application::Clocks;
use roger_sip::endpoint::{
    ConnectionId, Element, EndpointError, Flow, Input, Overflow, Polled, ServerName, Target,
    Transport,
};
use roger_sip::locate::{Hop, LocateError};
use roger_sip::overload::Standing;
use roger_sip::uri::Uri;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, watch};

/// Events that cannot be refused may wait in this many times the length of the queue.
const BACKLOG_FACTOR: usize = 16;

/// Why a node does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be bound.
    #[error("cannot listen for SIP over {transport} at {address}: {source}")]
    LocalBind {
        /// Protocol.
        transport: Transport,
        /// Address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// TLS or WSS is to be listened for and there is no certificate.
    #[error("cannot listen for SIP over {0} without a certificate")]
    LocalNoCertificate(Transport),
    /// The source of randomness failed.
    #[error("{0}")]
    LocalRandom(#[from] RandomError),
}

/// What has happened at the sockets since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeCounters {
    /// Inputs that an element refused: unreadable, invalid, stray, overload.
    pub refused: u64,
    /// Datagrams for which there was no place in the queue; they got 503 at most.
    pub shed: u64,
    /// Connections that were closed since there were too many: new ones, or strangers in favour of them.
    pub connections_refused: u64,
    /// Accepted connections whose handshake of TLS or WebSocket failed or took too long.
    pub handshakes_failed: u64,
    /// Inputs at which the element panicked; each one is a bug to be reported.
    pub panics: u64,
    /// Events refused or kept waiting since the user was too slow.
    pub overflows: u64,
    /// Events lost since the user was very much too slow.
    pub lost: u64,
}

/// Everything behind the lock.
pub(crate) struct Core<E: Element> {
    element: E,
    random: Box<dyn Random>,
    pub(crate) connections: Connections,
    events: mpsc::Sender<E::Event>,
    backlog: VecDeque<E::Event>,
    backlog_limit: usize,
    pub(crate) counters: NodeCounters,
    armed: Option<Instant>,
}

/// What the tasks share.
pub(crate) struct Shared<E: Element> {
    core: Mutex<Core<E>>,
    pub(crate) clock: Clock,
    pub(crate) settings: TransportSettings,
    pub(crate) security: Security,
    timer: Notify,
    stop: watch::Sender<bool>,
    /// Where we listen, as told to peers.
    addresses: BTreeMap<Transport, SocketAddr>,
}

/// Starts nodes.
#[derive(Debug)]
pub struct SipNode;

impl SipNode {
    /// Binds the sockets, tells the element its addresses and runs it. Events come out of the receiver in
    /// order; dropping it leaves the node running with every request refused by 503.
    ///
    /// # Errors
    /// [`StartError::LocalBind`].
    pub async fn start<E: Element>(
        mut element: E,
        settings: TransportSettings,
        mut random: Box<dyn Random>,
    ) -> Result<(SipHandle<E>, mpsc::Receiver<E::Event>), StartError> {
        let Bound { udp, listeners } = bind(&settings).await?;
        let mut addresses = BTreeMap::new();
        let datagrams = udp.as_ref().and_then(|socket| socket.local_addr().ok());
        let streams = listeners.iter().filter_map(|(transport, listener)| {
            listener
                .local_addr()
                .ok()
                .map(|address| (*transport, address))
        });
        let bound = datagrams.map(|address| (Transport::Udp, address));
        for (transport, mut address) in bound.into_iter().chain(streams) {
            if let Some(ip) = settings.advertised {
                address.set_ip(ip);
            }
            element.bound(transport, address);
            addresses.insert(transport, address);
        }
        let host = nowhere(random.as_mut())?;
        for transport in opened_only(&settings, &addresses) {
            element.opens(transport, &host);
        }
        let (events, receiver) = mpsc::channel(settings.event_queue.max(1));
        let core = Core {
            element,
            random,
            connections: Connections::new(settings.clone()),
            events,
            backlog: VecDeque::new(),
            backlog_limit: settings.event_queue.saturating_mul(BACKLOG_FACTOR),
            counters: NodeCounters::default(),
            armed: None,
        };
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            clock: Clock::start(),
            security: Security::new(&settings),
            settings,
            timer: Notify::new(),
            stop: watch::channel(false).0,
            addresses,
        });
        if let Some(socket) = udp {
            udp::run(&shared, socket).await;
        }
        for (transport, listener) in listeners {
            tokio::spawn(accept::accept(Arc::clone(&shared), listener, transport));
        }
        tokio::spawn(run_timer(Arc::clone(&shared)));
        Ok((SipHandle { shared }, receiver))
    }
}

async fn run_timer<E: Element>(shared: Arc<Shared<E>>) {
    let stop = shared.stopped();
    tokio::pin!(stop);
    loop {
        let deadline = {
            let mut core = shared.lock();
            core.armed = core.element.deadline();
            core.armed
        };
        let due = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(shared.clock.at(at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => shared.fire(),
            () = shared.timer.notified() => {}
            () = &mut stop => return,
        }
    }
}

impl<E: Element> Shared<E> {
    /// A panic of an element was caught and counted, so a poisoned lock is still usable.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Core<E>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when the node is stopped, at once when it was.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + use<E> {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the node is gone altogether.
            let _ = stop.wait_for(|stopped| *stopped).await;
        }
    }

    /// Whether the node was stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Shows a datagram to the tap, and asks what the element thinks of its sender.
    pub(crate) fn received(&self, flow: &Flow, octets: &[u8]) -> Standing {
        let core = self.lock();
        core.connections
            .tap_received(TapTransport::Udp, flow, octets);
        core.element.standing(flow)
    }

    /// Whether the element knows nothing of the peer of a connection.
    pub(crate) fn is_stranger(&self, flow: &Flow) -> bool {
        self.lock().element.standing(flow) == Standing::Stranger
    }

    /// There was no place for a datagram.
    pub(crate) fn shed(self: &Arc<Self>, flow: Flow, octets: &[u8]) {
        let clocks = self.clock.clocks();
        let mut core = self.lock();
        core.counters.shed += 1;
        core.element.shed(clocks, flow, octets);
        self.pump(clocks, &mut core);
    }

    /// One input from a socket; whatever it does to the element, the socket goes on.
    pub(crate) fn input(self: &Arc<Self>, input: Input<'_>) {
        self.handle(self.lock(), input);
    }

    /// The same, of a message that has waited for its turn.
    pub(crate) fn input_after(self: &Arc<Self>, waited: Duration, input: Input<'_>) {
        let mut core = self.lock();
        core.set_queue_delay(waited);
        self.handle(core, input);
    }

    fn handle(self: &Arc<Self>, mut core: MutexGuard<'_, Core<E>>, input: Input<'_>) {
        let clocks = self.clock.clocks();
        let core = &mut *core;
        let handled = catch_unwind(AssertUnwindSafe(|| {
            core.element.handle(clocks, core.random.as_mut(), input)
        }));
        match handled {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                core.counters.refused += 1;
                log_refusal(&error);
            }
            Err(_) => {
                core.counters.panics += 1;
                tracing::error!("a message made the SIP element panic; it was dropped");
            }
        }
        self.pump(clocks, core);
    }

    fn fire(self: &Arc<Self>) {
        let clocks = self.clock.clocks();
        let mut core = self.lock();
        let core = &mut *core;
        let fired = catch_unwind(AssertUnwindSafe(|| {
            core.element.handle_timeout(clocks, core.random.as_mut());
        }));
        if fired.is_err() {
            core.counters.panics += 1;
            tracing::error!("a timer made the SIP element panic");
        }
        self.pump(clocks, core);
    }

    /// A message that a connection could not take.
    pub(crate) fn undelivered(self: &Arc<Self>, message: Outgoing) {
        let mut core = self.lock();
        let sent = core.connections.send_on_stream(message);
        self.finish_send(&mut core, sent);
        self.pump(self.clock.clocks(), &mut core);
    }

    fn finish_send(self: &Arc<Self>, core: &mut Core<E>, sent: Sent) {
        match sent {
            Sent::Done | Sent::Failed(None) => {}
            Sent::Open(opening) => {
                tokio::spawn(accept::open(Arc::clone(self), opening));
            }
            Sent::Failed(Some(ticket)) => {
                let clocks = self.clock.clocks();
                // Failures are rare; their own outputs are pumped by whoever holds the lock.
                let _ = core.element.handle(
                    clocks,
                    core.random.as_mut(),
                    Input::TransmitFailed { ticket },
                );
            }
        }
    }

    /// Carries out everything the element wants.
    fn pump(self: &Arc<Self>, clocks: Clocks, core: &mut Core<E>) {
        while let Some(polled) = core.element.poll() {
            match polled {
                Polled::Transmit(transmit) => {
                    let sent = core.connections.send(transmit);
                    self.finish_send(core, sent);
                }
                Polled::Event(event) => core.deliver(clocks, event),
            }
        }
        core.flush_backlog();
        let deadline = core.element.deadline();
        let earlier = match (deadline, core.armed) {
            (Some(new), Some(armed)) => new < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if earlier {
            core.armed = deadline;
            self.timer.notify_one();
        }
    }
}

impl<E: Element> Core<E> {
    /// Closes the oldest connection of a stranger to make room; `false` when there is none.
    pub(crate) fn evict_stranger(&mut self) -> bool {
        while let Some(flow) = self.connections.oldest_accepted() {
            if self.element.standing(&flow) == Standing::Stranger {
                self.connections.remove(flow.connection);
                return true;
            }
        }
        false
    }

    /// The message that comes next has waited so long.
    pub(crate) fn set_queue_delay(&mut self, delay: Duration) {
        self.element.set_queue_delay(delay);
    }

    fn flush_backlog(&mut self) {
        while !self.backlog.is_empty() {
            let Ok(permit) = self.events.try_reserve() else {
                return;
            };
            if let Some(event) = self.backlog.pop_front() {
                permit.send(event);
            }
        }
    }

    fn deliver(&mut self, clocks: Clocks, event: E::Event) {
        self.flush_backlog();
        let event = if self.backlog.is_empty() {
            match self.events.try_send(event) {
                Ok(()) => return,
                Err(
                    mpsc::error::TrySendError::Full(event)
                    | mpsc::error::TrySendError::Closed(event),
                ) => event,
            }
        } else {
            event
        };
        self.counters.overflows += 1;
        if let Overflow::Keep(event) = self.element.overflow(clocks, self.random.as_mut(), event)
            && !self.events.is_closed()
        {
            if self.backlog.len() < self.backlog_limit {
                self.backlog.push_back(event);
            } else {
                self.counters.lost += 1;
                tracing::error!("a SIP event was lost: its receiver does not keep up");
            }
        }
    }
}

fn log_refusal(error: &EndpointError) {
    tracing::debug!(%error, "SIP input refused");
}

/// The node's randomness, lent for one draw at a time.
struct NodeRandom<'a, E: Element>(&'a SipHandle<E>);

impl<E: Element> Random for NodeRandom<'_, E> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.0.shared.lock().random.fill(buffer)
    }
}

/// The way into a running node; clones are the same node.
pub struct SipHandle<E: Element> {
    pub(crate) shared: Arc<Shared<E>>,
}

impl<E: Element> Clone for SipHandle<E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<E: Element> core::fmt::Debug for SipHandle<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SipHandle")
            .field("addresses", &self.shared.addresses)
            .finish()
    }
}

impl<E: Element> SipHandle<E> {
    /// Calls the element and sends what it wants sent: `handle.with(|endpoint, clocks, random|
    /// endpoint.send_request(clocks.now, random, request, target))`. The closure must be short: it holds the lock.
    pub fn with<R>(&self, call: impl FnOnce(&mut E, Clocks, &mut dyn Random) -> R) -> R {
        let clocks = self.shared.clock.clocks();
        let mut core = self.shared.lock();
        let core = &mut *core;
        let result = call(&mut core.element, clocks, core.random.as_mut());
        self.shared.pump(clocks, core);
        result
    }

    /// The time of the element.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Where datagrams are received, as told to peers.
    #[must_use]
    pub fn udp_address(&self) -> Option<SocketAddr> {
        self.address(Transport::Udp)
    }

    /// Where connections are accepted, as told to peers.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.address(Transport::Tcp)
    }

    /// Where a transport is listened for, as told to peers.
    #[must_use]
    pub fn address(&self, transport: Transport) -> Option<SocketAddr> {
        self.shared.addresses.get(&transport).copied()
    }

    /// The number of a host name, for [`Target::Server`](roger_sip::endpoint::Target::Server); `None` when there
    /// are too many names.
    #[must_use]
    pub fn server_name(&self, name: &str) -> Option<ServerName> {
        self.shared.lock().connections.names.number(name)
    }

    /// Where requests to a URI go, the first target to try first (RFC 3263).
    ///
    /// # Errors
    /// [`LocateError`].
    pub async fn targets(
        &self,
        resolver: &SipResolver,
        uri: &Uri,
    ) -> Result<Vec<Target>, LocateError> {
        let hops = resolver.locate(uri, &mut NodeRandom(self)).await?;
        let target = |hop: Hop| {
            let (transport, peer) = (hop.transport, hop.peer);
            let Some(name) = hop.name else {
                return Some(Target::Address { transport, peer });
            };
            let name = self.server_name(&name)?;
            Some(Target::Server {
                transport,
                peer,
                name,
            })
        };
        let targets: Vec<_> = hops.into_iter().filter_map(target).collect();
        if targets.is_empty() {
            // Names beyond the bound have no number.
            return Err(LocateError::PeerNoServer);
        }
        Ok(targets)
    }

    /// SIP domains that the client certificate of a connection has shown (RFC 5922 7.1); none for one that we
    /// opened, one without certificate, or one that is gone.
    #[must_use]
    pub fn certificate_names(&self, connection: ConnectionId) -> Arc<[String]> {
        self.shared.lock().connections.shown(connection)
    }

    /// Stream connections that are open or being opened.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// What has happened at the sockets.
    #[must_use]
    pub fn counters(&self) -> NodeCounters {
        self.shared.lock().counters
    }

    /// Ends all tasks and closes all sockets. Later calls change nothing on the network.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
        self.shared.lock().connections.clear();
    }
}
