//! Clients that are slow, many, or fast: HTTP/2 rapid reset, slow loris, floods of connections and requests.
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

use bytes::Bytes;
use http::{Request, StatusCode};
use roger_adapter_http::rate_limit::DEFAULT_BUCKETS;
use roger_adapter_http::{
    HttpRequest, HttpResponse, HttpService, KmsFrontEnd, Meter, Metrics, Rate, RateLimiter,
    RateLimits, ServerLimits, ServerOptions, SystemClock, service,
};
use roger_documents::kms::{Dialect, KmsMessage, KmsResponse, MEDIA_TYPE};
use roger_oidc::AccessToken;
use rstest::rstest;
use rustls::ClientConfig;
use small::{Counts, Small};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(10);

fn with(limits: ServerLimits) -> ServerOptions {
    ServerOptions {
        limits,
        ..ServerOptions::default()
    }
}

fn http2(bench: &Small) -> Arc<ClientConfig> {
    Arc::new(bench.config(&[b"h2"], None))
}

fn post(bench: &Small) -> Request<()> {
    Request::post(bench.url()).body(()).unwrap()
}

/// Counts how often it is asked, and takes its time.
struct Slow(Arc<AtomicUsize>);

impl HttpService for Slow {
    fn handle(&self, _: HttpRequest) -> HttpResponse {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(200));
        HttpResponse::empty(StatusCode::OK)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_served_to_those_who_ask_for_it() {
    let bench = Small::start(ServerOptions::default()).await;
    let stream = bench.connect(&http2(&bench)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let (answer, mut body) = send.send_request(post(&bench), false).unwrap();
    body.send_data(Bytes::from_static(b"12345"), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    let octets = answer.into_body().data().await.unwrap().unwrap();
    assert_eq!(octets, "5");
    assert_eq!(
        bench
            .client()
            .get(&bench.url(), None, &[])
            .await
            .unwrap()
            .status,
        200,
        "HTTP/1.1"
    );
}

/// The first kind is stopped by the library, which counts resets of what nobody has begun to handle; the others only
/// by us.
#[rstest]
#[case::before_they_are_handled(Duration::ZERO, false)]
#[case::while_they_are_read(Duration::from_millis(10), false)]
#[case::while_they_are_handled(Duration::from_millis(10), true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_its_requests_loses_the_connection_and_others_are_served(
    #[case] pause: Duration,
    #[case] whole: bool,
) {
    let asked = Arc::new(AtomicUsize::new(0));
    let limits = ServerLimits {
        broken_off: 10,
        ..ServerLimits::default()
    };
    let router = service::mount_bounded(Arc::new(Slow(asked.clone())), 64);
    let bench = Small::start_router(with(limits), router).await;
    let stream = bench.connect(&http2(&bench)).await.unwrap();
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    let ended = tokio::spawn(connection);
    let mut sent = 0;
    let flood = async {
        while let Ok(ready) = send.clone().ready().await {
            send = ready;
            let Ok((_, mut body)) = send.send_request(post(&bench), false) else {
                break;
            };
            sent += 1;
            if whole {
                body.send_data(Bytes::new(), true).unwrap();
            }
            if pause.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(pause).await;
            }
            body.send_reset(h2::Reason::CANCEL);
            assert!(sent < 100_000, "the connection was never closed");
        }
    };
    timeout(LONG, flood)
        .await
        .expect("the flood was not stopped");
    assert!(
        timeout(LONG, ended).await.is_ok(),
        "the connection was kept"
    );
    assert!(
        asked.load(Ordering::SeqCst) <= 20,
        "{} requests reached the service",
        asked.load(Ordering::SeqCst)
    );
    tokio::time::sleep(Duration::from_millis(400)).await;
    let answer = bench.client().get(&bench.url(), None, &[]).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_beyond_the_bound_are_not_opened() {
    let limits = ServerLimits {
        streams: 3,
        ..ServerLimits::default()
    };
    let bench = Small::start(with(limits)).await;
    let stream = bench.connect(&http2(&bench)).await.unwrap();
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let (answer, mut body) = send.send_request(post(&bench), false).unwrap();
    body.send_data(Bytes::new(), true).unwrap();
    answer.await.unwrap();
    assert_eq!(send.current_max_send_streams(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_refused_in_http2() {
    let bench = Small::start(ServerOptions::default()).await;
    let stream = bench.connect(&http2(&bench)).await.unwrap();
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(bench.url())
        .header("x-long", "a".repeat(64 * 1024))
        .body(())
        .unwrap();
    let (answer, _) = send.send_request(request, true).unwrap();
    let refused = match answer.await {
        Ok(answer) => answer.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Err(_) => true,
    };
    assert!(refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed_in_both_versions() {
    let limits = ServerLimits {
        idle: Duration::from_millis(200),
        drain: Duration::from_millis(200),
        ..ServerLimits::default()
    };
    let bench = Small::start(with(limits)).await;
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let config = Arc::new(bench.config(&[alpn], None));
        let mut stream = bench.connect(&config).await.unwrap();
        let mut octets = Vec::new();
        let ended = timeout(LONG, stream.read_to_end(&mut octets)).await;
        assert!(ended.is_ok(), "the connection was held open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_gets_408_in_both_versions() {
    let limits = ServerLimits {
        body: Duration::from_millis(300),
        ..ServerLimits::default()
    };
    let bench = Small::start(with(limits)).await;
    let stream = bench.connect(&http2(&bench)).await.unwrap();
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let (answer, mut body) = send.send_request(post(&bench), false).unwrap();
    body.send_data(Bytes::from_static(b"1"), false).unwrap();
    let answer = timeout(LONG, answer).await.expect("held open").unwrap();
    assert_eq!(answer.status(), 408);

    let config = Arc::new(bench.config(&[b"http/1.1"], None));
    let mut stream = bench.connect(&config).await.unwrap();
    let head = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1";
    stream.write_all(head).await.unwrap();
    let mut octets = vec![0; 1024];
    let read = timeout(LONG, stream.read(&mut octets))
        .await
        .unwrap()
        .unwrap();
    assert!(octets[..read].starts_with(b"HTTP/1.1 408"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_slow_clients_of_one_address_leave_room_for_others() {
    let metrics = Arc::new(Metrics::new());
    let options = ServerOptions {
        limits: ServerLimits {
            connections: 8,
            connections_per_address: 3,
            ..ServerLimits::default()
        },
        meter: Some(Meter::new(metrics.clone(), "kms")),
        ..ServerOptions::default()
    };
    let bench = Small::start(options).await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        slow.push(
            tokio::net::TcpStream::connect(bench.server.address())
                .await
                .unwrap(),
        );
    }
    let mut fourth = tokio::net::TcpStream::connect(bench.server.address())
        .await
        .unwrap();
    let mut octets = Vec::new();
    let closed = timeout(LONG, fourth.read_to_end(&mut octets)).await;
    assert!(closed.is_ok(), "the fourth connection was kept");
    assert!(
        metrics
            .text()
            .contains("roger_connections_refused_total{server=\"kms\"} 1")
    );
    // Another address of the same machine has places of its own.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let other = socket.connect(bench.server.address()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(bench.config(&[], None)));
    let name = small::NAME.try_into().unwrap();
    assert!(
        timeout(LONG, connector.connect(name, other))
            .await
            .unwrap()
            .is_ok()
    );
    drop(slow);
}

fn limited(address: Rate, user: Rate) -> (ServerOptions, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let limits = RateLimits {
        address,
        user,
        proxies: Vec::new(),
        buckets: DEFAULT_BUCKETS,
    };
    let options = ServerOptions {
        rate: Some(Arc::new(RateLimiter::new(limits))),
        meter: Some(Meter::new(metrics.clone(), "kms")),
        ..ServerOptions::default()
    };
    (options, metrics)
}

const MUCH: Rate = Rate {
    per_second: 1000,
    burst: 1000,
};
const LITTLE: Rate = Rate {
    per_second: 1,
    burst: 3,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_too_often_gets_429_with_a_time() {
    let (options, metrics) = limited(LITTLE, MUCH);
    let bench = Small::start(options).await;
    let client = bench.client();
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let answer = client.get(&bench.url(), None, &[]).await.unwrap();
        if answer.status == 429 {
            let wait: u64 = answer.headers["retry-after"]
                .to_str()
                .unwrap()
                .parse()
                .unwrap();
            assert!((1..=3).contains(&wait), "{wait}");
        }
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert!(
        metrics
            .text()
            .contains("roger_rate_limited_total{server=\"kms\",by=\"address\"}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_says_so_in_a_document_of_its_own() {
    let (mut options, _) = limited(LITTLE, MUCH);
    options.too_many = Some(KmsFrontEnd::too_many_requests(Arc::new(SystemClock)));
    let bench = Small::start(options).await;
    let client = bench.client();
    let mut refused = 0;
    for _ in 0..5 {
        let answer = client.get(&bench.url(), None, &[]).await.unwrap();
        if answer.status != 429 {
            continue;
        }
        refused += 1;
        let opened = KmsResponse::open(answer.body.expose(), Dialect::Standard, &|_| None).unwrap();
        let KmsMessage::Error(error) = opened.response.message else {
            panic!("no error")
        };
        assert_eq!(error.code, 429);
        assert_eq!(answer.headers["content-type"], MEDIA_TYPE);
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert!(refused > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_asks_too_often_gets_429_and_no_other() {
    let (options, metrics) = limited(MUCH, LITTLE);
    let router = service::mount_counted(Arc::new(Counts), 16, &["/x"]);
    let bench = Small::start_router(options, router).await;
    let client = bench.client();
    let (alice, bob) = (
        AccessToken::new("a.b.c").unwrap(),
        AccessToken::new("d.e.f").unwrap(),
    );
    let mut refused = 0;
    for _ in 0..6 {
        let answer = client.get(&bench.url(), Some(&alice), &[]).await.unwrap();
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 0);
    let answer = client.get(&bench.url(), Some(&bob), &[]).await.unwrap();
    assert_eq!(answer.status, 200);
    let text = metrics.text();
    assert!(
        text.contains("roger_rate_limited_total{server=\"kms\",by=\"user\"}"),
        "{text}"
    );
    assert!(text.contains("route=\"/x\",status=\"200\""), "{text}");
}
