//! `/healthz` and `/metrics`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "support/small.rs"]
#[allow(dead_code, unreachable_pub)]
mod small;

use http::{HeaderName, StatusCode};
use roger_adapter_http::{
    Health, HttpsServer, Meter, Metrics, ReadinessCheck, ServerError, ServerOptions, management,
    service,
};
use roger_oidc::AccessToken;
use small::{Counts, Small};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Default)]
struct Disk {
    broken: AtomicBool,
    tried: AtomicUsize,
}

impl ReadinessCheck for Disk {
    fn name(&self) -> &'static str {
        "store"
    }

    fn check(&self) -> Result<(), String> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        match self.broken.load(Ordering::SeqCst) {
            true => Err("no space left for alice".to_owned()),
            false => Ok(()),
        }
    }
}

async fn get(server: &HttpsServer, path: &str) -> (StatusCode, String) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

async fn start(disk: &Arc<Disk>) -> (HttpsServer, Arc<Health>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let health = Arc::new(Health::new(vec![disk.clone()], metrics.clone()));
    let any = "127.0.0.1:0".parse().unwrap();
    let server = management::start(any, None, health.clone(), metrics.clone())
        .await
        .unwrap();
    (server, health, metrics)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_works_is_ready_and_asked_at_most_once_a_second() {
    let disk = Arc::new(Disk::default());
    let (server, ..) = start(&disk).await;
    for path in ["/healthz", "/healthz/ready", "/healthz"] {
        assert_eq!(
            get(&server, path).await,
            (StatusCode::OK, "store ok\n".to_owned())
        );
    }
    assert!(disk.tried.load(Ordering::SeqCst) <= 2);
    assert_eq!(get(&server, "/healthz/live").await.0, 200);
    assert_eq!(get(&server, "/").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_not_ready_but_alive_and_its_reason_is_not_given_out() {
    let disk = Arc::new(Disk::default());
    disk.broken.store(true, Ordering::SeqCst);
    let (server, _, metrics) = start(&disk).await;
    let answer = get(&server, "/healthz").await;
    assert_eq!(
        answer,
        (StatusCode::SERVICE_UNAVAILABLE, "store failed\n".to_owned())
    );
    assert_eq!(get(&server, "/healthz/live").await.0, 200);
    assert!(
        metrics
            .text()
            .contains("roger_readiness_failures_total{check=\"store\"} 1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ends_is_not_ready() {
    let (server, health, _) = start(&Arc::new(Disk::default())).await;
    health.end();
    assert_eq!(get(&server, "/healthz").await.0, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_text_is_for_loopback_only() {
    let metrics = Arc::new(Metrics::new());
    let health = Arc::new(Health::new(Vec::new(), metrics.clone()));
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let refused = management::start(everywhere, None, health, metrics)
        .await
        .err();
    let address = everywhere;
    assert_eq!(refused, Some(ServerError::LocalClearText { address }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_name_routes_and_groups_and_no_identity() {
    let (management, _, metrics) = start(&Arc::new(Disk::default())).await;
    let options = ServerOptions {
        meter: Some(Meter::new(metrics.clone(), "kms")),
        ..ServerOptions::default()
    };
    let router = service::mount_counted(Arc::new(Counts), 16, &["/keyprov"]);
    let bench = Small::start_router(options, router).await;
    let client = bench.client();
    let base = bench.url();
    let base = base.strip_suffix("/x").unwrap();
    let token = AccessToken::new("secret.token.x").unwrap();
    let extra = (HeaderName::from_static("x-user"), "sip:alice@example.org");
    for path in ["/keyprov/sip%3Aalice%40example.org", "/elsewhere/alice"] {
        let answer = client
            .get(
                &format!("{base}{path}"),
                Some(&token),
                core::slice::from_ref(&extra),
            )
            .await;
        assert_eq!(answer.unwrap().status, 200);
    }
    let (status, text) = get(&management, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "roger_http_requests_total{server=\"kms\",route=\"/keyprov\",status=\"200\"} 1",
        "roger_http_requests_total{server=\"kms\",route=\"other\",status=\"200\"} 1",
        "roger_http_request_duration_seconds_count{server=\"kms\",route=\"/keyprov\"} 1",
        "roger_tls_handshakes_total{server=\"kms\",version=\"1.3\",group=\"X25519MLKEM768\",resumed=\"no\"} 1",
        // How many is the client's choice: it may open one more while the first is busy.
        "roger_connections{server=\"kms\"} ",
        "roger_store_errors_total 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    for secret in ["alice", "secret", "127.0.0.1"] {
        assert!(!text.contains(secret), "{text}");
    }
    metrics.store_error();
    assert!(
        get(&management, "/metrics")
            .await
            .1
            .contains("roger_store_errors_total 1")
    );
}
