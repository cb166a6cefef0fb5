//! A listener as the configuration has it.

use crate::ServeError;
use axum::Router;
use core::time::Duration;
use roger_adapter_http::{
    ClientCertificateFiles, HttpsServer, Meter, Metrics, Rate, RateLimiter, RateLimits, Reload,
    ServerLimits, ServerOptions, TlsFileError, TlsFiles, TooManyAnswer, WatchedTls,
};
use roger_config::{ClientCertificates, Config, Limits, Tls};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

/// A server that is ready but for its socket.
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<WatchedTls>,
    pub(crate) router: Router,
    /// What it answers to requests that come too often, when not with an empty body.
    pub(crate) too_many: Option<TooManyAnswer>,
}

impl Listener {
    pub(crate) async fn start(
        self,
        config: &Config,
        metrics: &Arc<Metrics>,
    ) -> Result<HttpsServer, ServeError> {
        let options = ServerOptions {
            limits: limits(&config.limits),
            rate: Some(Arc::new(RateLimiter::new(rates(&config.rate)))),
            meter: Some(Meter::new(Arc::clone(metrics), self.name)),
            too_many: self.too_many,
            tap: None,
        };
        let (tls, router) = (self.tls.tls(), self.router);
        Ok(HttpsServer::start_with(self.address, tls, router, options).await?)
    }
}

pub(crate) fn watched(tls: &Tls) -> Result<Arc<WatchedTls>, ServeError> {
    let authority = || tls.client_authority.clone().unwrap_or_default();
    let files = TlsFiles {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        clients: match tls.client_certificates {
            ClientCertificates::None => ClientCertificateFiles::None,
            ClientCertificates::Accepted => ClientCertificateFiles::Accepted(authority()),
            ClientCertificates::Required => ClientCertificateFiles::Required(authority()),
        },
    };
    Ok(Arc::new(WatchedTls::open(files)?))
}

/// Logs and counts what came of reading certificates again.
pub(crate) fn heard(
    server: &'static str,
    metrics: &Arc<Metrics>,
) -> impl Fn(&Result<Reload, TlsFileError>) + Send + use<> {
    let meter = Meter::new(Arc::clone(metrics), server);
    move |result| match result {
        Ok(_) => {
            tracing::info!(server, "the certificate was replaced");
            meter.reload(Ok(()));
        }
        Err(error) => {
            tracing::error!(server, %error, "the certificate stays as it is");
            meter.reload(Err(()));
        }
    }
}

fn limits(limits: &Limits) -> ServerLimits {
    let seconds = |seconds: NonZeroU32| Duration::from_secs(seconds.get().into());
    ServerLimits {
        connections: limits.connections.get(),
        connections_per_address: limits.connections_per_address.get(),
        body_octets: limits.body_octets.get(),
        head_octets: limits.head_octets.get(),
        streams: limits.streams.get(),
        broken_off: limits.broken_off.get(),
        handshake: seconds(limits.handshake_seconds),
        head: seconds(limits.head_seconds),
        body: seconds(limits.body_seconds),
        request: seconds(limits.request_seconds),
        idle: seconds(limits.idle_seconds),
        connection: seconds(limits.connection_seconds),
        drain: seconds(limits.drain_seconds),
    }
}

fn rates(rate: &roger_config::Rate) -> RateLimits {
    let of = |per_second: NonZeroU32, burst: NonZeroU32| Rate {
        per_second: per_second.get(),
        burst: burst.get(),
    };
    RateLimits {
        address: of(rate.address_per_second, rate.address_burst),
        user: of(rate.user_per_second, rate.user_burst),
        proxies: rate.proxies.clone(),
        buckets: rate.buckets,
    }
}
