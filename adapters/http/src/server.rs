//! An HTTPS listener with bounds on everything a client can make it hold, and a graceful end.

use crate::activity::Activity;
use crate::address_slots::{AddressSlot, AddressSlots};
use crate::cpu_span::{Marked, Marks};
use crate::limits::ServerLimits;
use crate::metrics::Meter;
use crate::rate_limit::RateLimiter;
use crate::service::HttpResponse;
use crate::tls::ServerTls;
use crate::wire_tap::{TappedStream, WireTap};
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use core::pin::pin;
use core::time::Duration;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls_pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument as _;

/// What one HTTP/2 stream and one connection may have under way unread, in octets.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Most headers of one request.
const MAX_HEADERS: usize = 64;
/// HTTP/2 streams that may be reset before they are handled, and errors of the client, on one connection.
const RESETS: usize = 20;

/// Why a server could not start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {reason}")]
    LocalBind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// Clear text on an address that others can reach.
    #[error("{address} is not loopback: it needs TLS")]
    LocalClearText {
        /// The address.
        address: SocketAddr,
    },
}

/// Answers a request that comes too often, by its path and the time to wait.
pub type TooManyAnswer = Arc<dyn Fn(&str, Duration) -> HttpResponse + Send + Sync>;

/// What a server is started with besides address, TLS and router.
#[derive(Clone, Default)]
pub struct ServerOptions {
    /// Bounds.
    pub limits: ServerLimits,
    /// Bounds on the rate of requests.
    pub rate: Option<Arc<RateLimiter>>,
    /// What is answered to requests beyond them; without it 429 and `Retry-After` with an empty body.
    pub too_many: Option<TooManyAnswer>,
    /// Where figures are counted.
    pub meter: Option<Meter>,
    /// Sees every octet.
    pub tap: Option<Arc<dyn WireTap>>,
}

/// Where a request came from, in the request's extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Address of the client.
    pub address: SocketAddr,
    /// Certificate it showed and the authority signed.
    pub certificate: Option<CertificateDer<'static>>,
    /// Largest body that may be read from it, in octets.
    pub body_octets: usize,
    /// Longest time for reading it.
    pub body_time: Duration,
}

/// The name under which a request is counted, in the response's extensions; never a path as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route(pub &'static str);

/// A running server.
pub struct HttpsServer {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
    drain: Duration,
}

impl HttpsServer {
    /// Listens and serves until [`HttpsServer::shut_down`] or until this value is dropped.
    ///
    /// # Errors
    /// [`ServerError::LocalBind`] when the address cannot be had.
    pub async fn start(
        address: SocketAddr,
        tls: ServerTls,
        router: Router,
        limits: ServerLimits,
        tap: Option<Arc<dyn WireTap>>,
    ) -> Result<Self, ServerError> {
        let options = ServerOptions {
            limits,
            tap,
            ..ServerOptions::default()
        };
        Self::start_with(address, tls, router, options).await
    }

    /// The same with a bound on the rate and with figures.
    ///
    /// # Errors
    /// [`ServerError::LocalBind`] when the address cannot be had.
    pub async fn start_with(
        address: SocketAddr,
        tls: ServerTls,
        router: Router,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        Self::listen(address, Some(tls), router, options).await
    }

    /// A server without TLS, for the machine itself only.
    ///
    /// # Errors
    /// [`ServerError::LocalClearText`] when others can reach the address; [`ServerError::LocalBind`].
    pub async fn start_clear_on_loopback(
        address: SocketAddr,
        router: Router,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        if !address.ip().is_loopback() {
            return Err(ServerError::LocalClearText { address });
        }
        Self::listen(address, None, router, options).await
    }

    async fn listen(
        address: SocketAddr,
        tls: Option<ServerTls>,
        router: Router,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        let failed = |error: std::io::Error| ServerError::LocalBind {
            address,
            reason: error.to_string(),
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let drain = options.limits.drain;
        let acceptor = Acceptor {
            tls,
            router: bounded(router, &options),
            addresses: AddressSlots::new(options.limits.connections_per_address),
            options,
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn(acceptor.run(listener));
        Ok(Self {
            address: bound,
            stop,
            tasks,
            drain,
        })
    }

    /// The address in use; its port is known here when 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, lets running requests finish, and ends.
    pub async fn shut_down(self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(self.drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(address = %self.address, "requests were still running at the end of the drain time");
        }
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn bounded(router: Router, options: &ServerOptions) -> Router {
    let time = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, options.limits.request);
    router
        .layer(time)
        .layer(from_fn_with_state(options.clone(), admit_and_count))
}

/// Refuses what comes too often, and counts everything.
async fn admit_and_count(
    axum::extract::State(options): axum::extract::State<ServerOptions>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let response = match refusal(&options, &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    if let Some(meter) = &options.meter {
        let route = match (&matched, response.extensions().get::<Route>()) {
            (_, Some(route)) => route.0,
            (Some(path), None) => path.as_str(),
            (None, None) => "other",
        };
        meter.request(route, response.status().as_u16(), begun.elapsed());
    }
    response
}

fn refusal(options: &ServerOptions, request: &Request) -> Option<Response> {
    let (limiter, peer) = (options.rate.as_ref()?, request.extensions().get::<Peer>()?);
    let certificate = peer.certificate.as_ref();
    let admitted = limiter.admit(peer.address.ip(), request.headers(), certificate);
    let too_many = admitted.err()?;
    if let Some(meter) = &options.meter {
        meter.limited(too_many.by);
    }
    let wait = too_many.retry_after;
    Some(match &options.too_many {
        Some(answer) => answer(request.uri().path(), wait).into_axum(),
        None => crate::service::too_many_requests(wait),
    })
}

#[derive(Clone)]
struct Acceptor {
    /// `None` on loopback only.
    tls: Option<ServerTls>,
    router: Router,
    addresses: AddressSlots,
    options: ServerOptions,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a connection takes up until it ends.
struct Place {
    _slot: OwnedSemaphorePermit,
    _address: AddressSlot,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        let slots = Arc::new(Semaphore::new(self.options.limits.connections));
        while let Some((stream, place)) = self.next(&listener, &slots).await {
            let connection = self.clone();
            self.tasks.spawn(async move {
                connection.serve(stream).await;
                drop(place);
            });
        }
    }

    /// The next connection with its place; `None` when the server ends.
    async fn next(
        &self,
        listener: &TcpListener,
        slots: &Arc<Semaphore>,
    ) -> Option<(TcpStream, Place)> {
        let accepted = async {
            let slot = slots.clone().acquire_owned().await.ok()?;
            loop {
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        let Some(address) = self.addresses.take(peer.ip()) else {
                            self.too_many_connections(peer);
                            continue;
                        };
                        let place = Place {
                            _slot: slot,
                            _address: address,
                        };
                        return Some((stream, place));
                    }
                    Err(error) => {
                        // Out of file descriptors, or a client that left at once: go on listening.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => None,
            next = accepted => next,
        }
    }

    fn too_many_connections(&self, peer: SocketAddr) {
        tracing::debug!(address = %peer, "an address has too many connections");
        if let Some(meter) = &self.options.meter {
            meter.connection_refused();
        }
    }

    async fn serve(&self, stream: TcpStream) {
        let _counted = self.options.meter.as_ref().map(Meter::connection);
        let (Ok(local), Ok(address)) = (stream.local_addr(), stream.peer_addr()) else {
            return;
        };
        // Small answers must not wait for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let marks = Marks::new();
        let stream = Marked::new(stream, marks.socket.clone());
        let stream = TappedStream::new(stream, self.options.tap.clone(), local, address);
        let Some(tls) = &self.tls else {
            let peer = self.peer(address, None);
            return self.serve_requests(stream, peer, Version::Http1).await;
        };
        if let Some(stream) = self.shake_hands(tls, stream, address, &marks).await {
            let session = stream.get_ref().1;
            let shown = session.peer_certificates().and_then(<[_]>::first);
            let peer = self.peer(address, shown.map(|shown| shown.clone().into_owned()));
            let version = match session.alpn_protocol() {
                Some(b"h2") => Version::Http2,
                _ => Version::Http1,
            };
            let stream = Marked::new(stream, marks.tls);
            self.serve_requests(stream, peer, version).await;
        }
    }

    async fn shake_hands(
        &self,
        tls: &ServerTls,
        stream: TappedStream<Marked<TcpStream>>,
        address: SocketAddr,
        marks: &Marks,
    ) -> Option<TlsStream<TappedStream<Marked<TcpStream>>>> {
        let accepted = TlsAcceptor::from(tls.current()).accept(stream);
        let accepted = accepted.instrument(marks.tls.clone());
        let shaken = tokio::select! {
            () = self.stop.cancelled() => return None,
            shaken = timeout(self.options.limits.handshake, accepted) => shaken,
        };
        let meter = self.options.meter.as_ref();
        match shaken {
            Ok(Ok(stream)) => {
                meter.inspect(|meter| meter.handshake(stream.get_ref().1));
                return Some(stream);
            }
            Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
        }
        meter.inspect(|meter| meter.handshake_failed());
        None
    }

    const fn peer(
        &self,
        address: SocketAddr,
        certificate: Option<CertificateDer<'static>>,
    ) -> Peer {
        Peer {
            address,
            certificate,
            body_octets: self.options.limits.body_octets,
            body_time: self.options.limits.body,
        }
    }

    async fn serve_requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Peer,
        version: Version,
    ) {
        let limits = &self.options.limits;
        let (address, activity) = (peer.address, Activity::new());
        let (router, counted) = (
            TowerToHyperService::new(self.router.clone()),
            activity.clone(),
        );
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let running = counted.begin();
            request.extensions_mut().insert(peer.clone());
            let counted = counted.clone();
            let answer = router.call(request.map(|body| {
                body.map_err(move |error| {
                    counted.body_broken_off();
                    error
                })
            }));
            async move {
                let answer = answer.await;
                running.answered();
                answer
            }
        });
        let builder = version.builder(limits);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = activity.broken_off(limits.broken_off) => {
                tracing::debug!(%address, "a client broke off too many requests");
                return;
            }
            () = self.stop.cancelled() => None,
            () = activity.idle(limits.idle) => None,
            () = tokio::time::sleep(limits.connection) => None,
        };
        let ended = match ended {
            Some(ended) => Ok(ended),
            None => {
                connection.as_mut().graceful_shutdown();
                timeout(limits.drain, connection).await
            }
        };
        if let Ok(Err(error)) = ended {
            tracing::debug!(%address, %error, "a connection ended badly");
        }
    }
}

/// The version that TLS has agreed on.
#[derive(Clone, Copy)]
enum Version {
    Http1,
    Http2,
}

impl Version {
    fn builder(self, limits: &ServerLimits) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_headers(MAX_HEADERS)
            .max_buf_size(usize::try_from(limits.head_octets).unwrap_or(usize::MAX));
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.idle)
            .keep_alive_timeout(limits.head)
            .max_concurrent_streams(limits.streams)
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(RESETS)
            .max_header_list_size(limits.head_octets)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(STREAM_WINDOW as usize);
        match self {
            Self::Http1 => builder.http1_only(),
            Self::Http2 => builder.http2_only(),
        }
    }
}
