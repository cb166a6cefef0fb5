//! An HTTPS listener with bounds on everything a client can make it hold, and a graceful end.

use crate::tls::ServerTls;
use crate::wire_tap::{TappedStream, WireTap};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use core::pin::pin;
use core::time::Duration;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls_pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::timeout::TimeoutLayer;

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
}

/// Bounds of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Most connections at one time; further ones wait in the system's queue.
    pub connections: usize,
    /// Largest request body in octets; larger ones get 413.
    pub body_octets: usize,
    /// Largest request head in octets.
    pub head_octets: usize,
    /// Longest TLS handshake.
    pub handshake: Duration,
    /// Longest wait for a request head, also on an idle connection.
    pub head: Duration,
    /// Longest time from the head to the answer; then 408.
    pub request: Duration,
    /// Longest life of one connection.
    pub connection: Duration,
    /// Longest wait for running requests at the end.
    pub drain: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            body_octets: 64 * 1024,
            head_octets: 32 * 1024,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(15),
            request: Duration::from_secs(20),
            connection: Duration::from_secs(600),
            drain: Duration::from_secs(5),
        }
    }
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
}

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
        let failed = |error: std::io::Error| ServerError::LocalBind {
            address,
            reason: error.to_string(),
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let acceptor = Acceptor {
            tls: TlsAcceptor::from(tls.0),
            router: bounded(router, &limits),
            limits,
            tap,
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn(acceptor.run(listener));
        Ok(Self {
            address: bound,
            stop,
            tasks,
            drain: limits.drain,
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

fn bounded(router: Router, limits: &ServerLimits) -> Router {
    router.layer(TimeoutLayer::with_status_code(
        StatusCode::REQUEST_TIMEOUT,
        limits.request,
    ))
}

#[derive(Clone)]
struct Acceptor {
    tls: TlsAcceptor,
    router: Router,
    limits: ServerLimits,
    tap: Option<Arc<dyn WireTap>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        while let Some((stream, slot)) = self.next(&listener, &slots).await {
            let connection = self.clone();
            self.tasks.spawn(async move {
                connection.serve(stream).await;
                drop(slot);
            });
        }
    }

    /// The next connection with its slot; `None` when the server ends.
    async fn next(
        &self,
        listener: &TcpListener,
        slots: &Arc<Semaphore>,
    ) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        let accepted = async {
            let slot = slots.clone().acquire_owned().await.ok()?;
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => return Some((stream, slot)),
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

    async fn serve(&self, stream: TcpStream) {
        let (Ok(local), Ok(address)) = (stream.local_addr(), stream.peer_addr()) else {
            return;
        };
        // Small answers must not wait for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let stream = TappedStream::new(stream, self.tap.clone(), local, address);
        match timeout(self.limits.handshake, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve_requests(stream, address).await,
            Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
        }
    }

    async fn serve_requests(
        &self,
        stream: TlsStream<TappedStream<TcpStream>>,
        address: SocketAddr,
    ) {
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown
            .and_then(<[_]>::first)
            .map(|certificate| certificate.clone().into_owned());
        let body_octets = self.limits.body_octets;
        let peer = Peer {
            address,
            certificate,
            body_octets,
        };
        let router = self.router.clone().layer(axum::middleware::map_request(
            move |mut request: Request| {
                request.extensions_mut().insert(peer.clone());
                core::future::ready(request)
            },
        ));
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_headers(64)
            .max_buf_size(self.limits.head_octets);
        let mut connection =
            pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = self.stop.cancelled() => None,
            () = tokio::time::sleep(self.limits.connection) => None,
        };
        let ended = match ended {
            Some(ended) => Ok(ended),
            None => {
                connection.as_mut().graceful_shutdown();
                timeout(self.limits.drain, connection).await
            }
        };
        if let Ok(Err(error)) = ended {
            tracing::debug!(%address, %error, "a connection ended badly");
        }
    }
}
