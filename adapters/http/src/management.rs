//! The management listener: `/healthz` and `/metrics`, away from the services, without bound on the rate.

use crate::limits::ServerLimits;
use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::server::{HttpsServer, ServerError, ServerOptions};
use crate::tls::ServerTls;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::sync::{Mutex, Semaphore};

/// How long the result of the checks is given out again: requests here must not become load on the store.
const FRESH: Duration = Duration::from_secs(1);
/// Longest wait for one check.
const CHECK_TIME: Duration = Duration::from_secs(5);

/// Something without which the program cannot serve, such as the store.
pub trait ReadinessCheck: Send + Sync + 'static {
    /// One word for the answer and the figures.
    fn name(&self) -> &'static str;
    /// Whether it works now, by trying: it may wait for a disk.
    ///
    /// # Errors
    /// What is wrong, for the log; it is not given out.
    fn check(&self) -> Result<(), String>;
}

/// Whether the program lives and serves.
pub struct Health {
    checks: Vec<Check>,
    metrics: Arc<Metrics>,
    ending: AtomicBool,
    last: Mutex<Option<(Instant, Report)>>,
}

struct Check {
    check: Arc<dyn ReadinessCheck>,
    /// Taken while it is tried, so that one that hangs does not hang a thread for every request.
    trying: Arc<Semaphore>,
}

#[derive(Clone)]
struct Report {
    ready: bool,
    text: String,
}

impl Health {
    /// Ready while every check succeeds.
    #[must_use]
    pub fn new(checks: Vec<Arc<dyn ReadinessCheck>>, metrics: Arc<Metrics>) -> Self {
        let checks = checks.into_iter().map(|check| Check {
            check,
            trying: Arc::new(Semaphore::new(1)),
        });
        Self {
            checks: checks.collect(),
            metrics,
            ending: AtomicBool::new(false),
            last: Mutex::new(None),
        }
    }

    /// The program is about to end: not ready from now on, so that load balancers send nothing more.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    async fn report(&self) -> Report {
        if self.ending.load(Ordering::Acquire) {
            return Report {
                ready: false,
                text: "ending\n".to_owned(),
            };
        }
        // One at a time: those who ask meanwhile get the same result.
        let mut last = self.last.lock().await;
        if let Some((at, report)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return report.clone();
        }
        let report = self.try_all().await;
        *last = Some((Instant::now(), report.clone()));
        report
    }

    async fn try_all(&self) -> Report {
        let mut report = Report {
            ready: true,
            text: String::new(),
        };
        for check in &self.checks {
            let name = check.check.name();
            let result = attempt(check).await;
            let word = if result.is_ok() { "ok" } else { "failed" };
            report.text.push_str(&format!("{name} {word}\n"));
            if let Err(reason) = result {
                report.ready = false;
                self.metrics.check_failed(name);
                tracing::error!(check = name, reason, "not ready");
            }
        }
        report
    }
}

async fn attempt(check: &Check) -> Result<(), String> {
    let Ok(trying) = Arc::clone(&check.trying).try_acquire_owned() else {
        return Err("the last attempt has not ended".to_owned());
    };
    let check = Arc::clone(&check.check);
    let work = tokio::task::spawn_blocking(move || {
        let result = check.check();
        drop(trying);
        result
    });
    match tokio::time::timeout(CHECK_TIME, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no result in time".to_owned()),
    }
}

/// `/healthz` and `/healthz/ready` (200 or 503), `/healthz/live`, `/metrics`.
pub fn router(health: Arc<Health>, metrics: Arc<Metrics>) -> Router {
    let ready = move || {
        let health = Arc::clone(&health);
        async move {
            let report = health.report().await;
            let status = match report.ready {
                true => StatusCode::OK,
                false => StatusCode::SERVICE_UNAVAILABLE,
            };
            plain(status, report.text)
        }
    };
    let figures = move || {
        let text = metrics.text();
        async move { ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response() }
    };
    Router::new()
        .route("/healthz", get(ready.clone()))
        .route("/healthz/ready", get(ready))
        .route(
            "/healthz/live",
            get(async || plain(StatusCode::OK, "alive\n".to_owned())),
        )
        .route("/metrics", get(figures))
}

fn plain(status: StatusCode, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, text).into_response()
}

/// Starts the management listener, in clear on loopback or with TLS anywhere.
///
/// # Errors
/// [`ServerError::LocalClearText`] for another address without TLS; [`ServerError::LocalBind`].
pub async fn start(
    address: SocketAddr,
    tls: Option<ServerTls>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
) -> Result<HttpsServer, ServerError> {
    let limits = ServerLimits {
        connections: 64,
        connections_per_address: 64,
        body_octets: 0,
        ..ServerLimits::default()
    };
    let router = router(health, metrics);
    let options = ServerOptions {
        limits,
        ..ServerOptions::default()
    };
    match tls {
        Some(tls) => HttpsServer::start_with(address, tls, router, options).await,
        None => HttpsServer::start_clear_on_loopback(address, router, options).await,
    }
}
