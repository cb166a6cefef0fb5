//! Figures for Prometheus. No label holds an identity, an address or a path as it was sent.

use crate::rate_limit::LimitedBy;
use core::time::Duration;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use rustls::{NamedGroup, ProtocolVersion, ServerConnection};
use std::sync::Arc;

/// `Content-Type` of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the duration buckets in seconds.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerLabel {
    server: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    server: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    server: &'static str,
    route: String,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    server: &'static str,
    version: &'static str,
    group: &'static str,
    resumed: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    server: &'static str,
    by: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    server: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabel {
    check: &'static str,
}

/// The figures of one process.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    connections: Family<ServerLabel, Gauge>,
    refused_connections: Family<ServerLabel, Counter>,
    handshakes: Family<HandshakeLabels, Counter>,
    failed_handshakes: Family<ServerLabel, Counter>,
    limited: Family<LimitLabels, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    failed_checks: Family<CheckLabel, Counter>,
    store_errors: Counter,
}

impl Metrics {
    /// Every figure at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("roger"),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            connections: Family::default(),
            refused_connections: Family::default(),
            handshakes: Family::default(),
            failed_handshakes: Family::default(),
            limited: Family::default(),
            reloads: Family::default(),
            failed_checks: Family::default(),
            store_errors: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let of = "HTTP requests answered, by route and status";
        registry.register("http_requests", of, self.requests.clone());
        let of = "Time from the head of a request to its answer";
        let (unit, durations) = (Unit::Seconds, self.durations.clone());
        registry.register_with_unit("http_request_duration", of, unit, durations);
        let of = "Connections at this moment";
        registry.register("connections", of, self.connections.clone());
        let of = "Connections closed because their address had enough";
        let refused = self.refused_connections.clone();
        registry.register("connections_refused", of, refused);
        let of = "TLS handshakes, by version and key exchange group";
        registry.register("tls_handshakes", of, self.handshakes.clone());
        let of = "TLS handshakes that failed or took too long";
        let failed = self.failed_handshakes.clone();
        registry.register("tls_handshakes_failed", of, failed);
        let of = "Requests answered 429";
        registry.register("rate_limited", of, self.limited.clone());
        let of = "Certificates read again";
        registry.register("tls_reloads", of, self.reloads.clone());
        let of = "Readiness checks that failed";
        registry.register("readiness_failures", of, self.failed_checks.clone());
        let of = "Calls of the store that failed";
        registry.register("store_errors", of, self.store_errors.clone());
    }

    /// The exposition format of Prometheus and OpenMetrics.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        if text::encode(&mut out, &self.registry).is_err() {
            tracing::error!("the figures cannot be written");
        }
        out
    }

    /// A call of the store failed.
    pub fn store_error(&self) {
        self.store_errors.inc();
    }

    pub(crate) fn check_failed(&self, check: &'static str) {
        self.failed_checks
            .get_or_create(&CheckLabel { check })
            .inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// What one server reports to.
#[derive(Clone)]
pub struct Meter {
    metrics: Arc<Metrics>,
    server: &'static str,
}

/// Counts one connection while it lives.
pub(crate) struct ConnectionCount(Gauge);

impl Drop for ConnectionCount {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Meter {
    /// The meter of a server with this name in the label `server`.
    #[must_use]
    pub const fn new(metrics: Arc<Metrics>, server: &'static str) -> Self {
        Self { metrics, server }
    }

    const fn label(&self) -> ServerLabel {
        ServerLabel {
            server: self.server,
        }
    }

    pub(crate) fn connection(&self) -> ConnectionCount {
        let gauge = self.metrics.connections.get_or_create_owned(&self.label());
        gauge.inc();
        ConnectionCount(gauge)
    }

    pub(crate) fn connection_refused(&self) {
        let refused = &self.metrics.refused_connections;
        refused.get_or_create(&self.label()).inc();
    }

    pub(crate) fn handshake(&self, connection: &ServerConnection) {
        let labels = HandshakeLabels {
            server: self.server,
            version: version(connection.protocol_version()),
            group: group(
                connection
                    .negotiated_key_exchange_group()
                    .map(|group| group.name()),
            ),
            resumed: match connection.handshake_kind() {
                Some(rustls::HandshakeKind::Resumed) => "yes",
                _ => "no",
            },
        };
        self.metrics.handshakes.get_or_create(&labels).inc();
    }

    pub(crate) fn handshake_failed(&self) {
        let failed = &self.metrics.failed_handshakes;
        failed.get_or_create(&self.label()).inc();
    }

    pub(crate) fn limited(&self, by: LimitedBy) {
        let by = match by {
            LimitedBy::Address => "address",
            LimitedBy::User => "user",
        };
        let labels = LimitLabels {
            server: self.server,
            by,
        };
        self.metrics.limited.get_or_create(&labels).inc();
    }

    pub(crate) fn request(&self, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels {
            server: self.server,
            route: route.to_owned(),
            status: status.into(),
        };
        self.metrics.requests.get_or_create(&labels).inc();
        let labels = RouteLabels {
            server: self.server,
            route: route.to_owned(),
        };
        let durations = self.metrics.durations.get_or_create(&labels);
        durations.observe(took.as_secs_f64());
    }

    /// Certificates were read again, or could not be.
    pub fn reload(&self, good: Result<(), ()>) {
        let result = if good.is_ok() { "replaced" } else { "failed" };
        let labels = ReloadLabels {
            server: self.server,
            result,
        };
        self.metrics.reloads.get_or_create(&labels).inc();
    }
}

const fn version(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "other",
    }
}

const fn group(group: Option<NamedGroup>) -> &'static str {
    match group {
        Some(NamedGroup::X25519MLKEM768) => "X25519MLKEM768",
        Some(NamedGroup::X25519) => "X25519",
        Some(NamedGroup::secp256r1) => "secp256r1",
        Some(NamedGroup::secp384r1) => "secp384r1",
        // A session of TLS 1.2 that is resumed has no exchange of its own.
        None => "none",
        _ => "other",
    }
}
