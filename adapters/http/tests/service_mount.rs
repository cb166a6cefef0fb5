//! A service without sockets, mounted; mutual TLS; the server's end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use http::header::{ETAG, IF_NONE_MATCH, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use roger_adapter_http::{
    Bearer, ClientTls, Clock as _, DevelopmentCa, HttpRequest, HttpResponse, HttpService,
    HttpsClient, HttpsClientError, HttpsServer, ServerLimits, ServerTls, SystemClock, service,
};
use roger_oidc::{AccessToken, TokenRefusal};
use rstest::rstest;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const HOST: &str = "kms.example.org";

/// Says what it was asked.
struct Echo;

impl HttpService for Echo {
    fn handle(&self, request: HttpRequest) -> HttpResponse {
        match request.path.as_str() {
            "/panics" => panic!("a service that fails"),
            "/large" => {
                return HttpResponse::with_body(
                    StatusCode::OK,
                    "text/plain",
                    vec![b'x'; 1024 * 1024 + 1],
                );
            }
            "/split" => {
                return HttpResponse::empty(StatusCode::OK).header(ETAG, "a\r\nX-Injected: b");
            }
            "/tag" if request.header(&IF_NONE_MATCH) == Some("\"g17\"") => {
                return HttpResponse::empty(StatusCode::NOT_MODIFIED).header(ETAG, "\"g17\"");
            }
            _ => {}
        }
        let bearer = match &request.bearer {
            Bearer::Missing => return HttpResponse::token_missing("kms"),
            Bearer::Malformed => return HttpResponse::token_malformed("kms"),
            Bearer::Given(token) => token.expose().to_owned(),
        };
        let certificate = request
            .client_certificate
            .map_or(0, |certificate| certificate.len());
        let text = format!(
            "{} {} {bearer} {} {certificate}",
            request.method,
            request.path,
            request.body.len()
        );
        HttpResponse::with_body(StatusCode::OK, "text/plain", text.into_bytes())
    }
}

/// Says when it has begun on a request and answers when it is let go.
struct Gate {
    begun: mpsc::UnboundedSender<()>,
    go: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Gate {
    fn new() -> (
        Arc<Self>,
        mpsc::UnboundedReceiver<()>,
        std::sync::mpsc::Sender<()>,
    ) {
        let (begun, has_begun) = mpsc::unbounded_channel();
        let (let_go, go) = std::sync::mpsc::channel();
        (
            Arc::new(Self {
                begun,
                go: Mutex::new(go),
            }),
            has_begun,
            let_go,
        )
    }
}

impl HttpService for Gate {
    fn handle(&self, _: HttpRequest) -> HttpResponse {
        self.begun.send(()).unwrap();
        self.go.lock().unwrap().recv().unwrap();
        HttpResponse::empty(StatusCode::OK)
    }
}

struct Bench {
    server: HttpsServer,
    ca: DevelopmentCa,
    client: HttpsClient,
}

impl Bench {
    async fn start(limits: ServerLimits) -> Self {
        Self::start_router(limits, service::mount(Arc::new(Echo))).await
    }

    async fn start_router(limits: ServerLimits, router: axum::Router) -> Self {
        let now = SystemClock.now();
        let ca = DevelopmentCa::generate(now).unwrap();
        let own = ca.issue(&[HOST, "127.0.0.1"], now).unwrap();
        let tls = ServerTls::with_client_authority(own, &[ca.certificate().clone()]).unwrap();
        let server = HttpsServer::start(support::any_port(), tls, router, limits, None)
            .await
            .unwrap();
        let client = client(
            &server,
            ClientTls::new(&[ca.certificate().clone()]).unwrap(),
        );
        Self { server, ca, client }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.server.address().port())
    }
}

fn client(server: &HttpsServer, tls: ClientTls) -> HttpsClient {
    HttpsClient::new(tls, &[(HOST, server.address())]).unwrap()
}

fn text(answer: &roger_adapter_http::HttpAnswer) -> String {
    String::from_utf8(answer.body.expose().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_sees_method_raw_path_token_and_body() {
    let bench = Bench::start(ServerLimits::default()).await;
    let token = AccessToken::new("a.b.c").unwrap();
    let path = "/keymanagement/identity/v1/keyprov/sip%3Aalice%40example.org";
    let answer = bench
        .client
        .post(
            &bench.url(path),
            Some(&token),
            "application/xml",
            b"<x/>".to_vec(),
        )
        .await
        .unwrap();
    assert_eq!(text(&answer), format!("POST {path} a.b.c 4 0"));
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["content-type"], "text/plain");
    let by_address = format!("https://127.0.0.1:{}/x", bench.server.address().port());
    assert_eq!(
        bench
            .client
            .get(&by_address, Some(&token), &[])
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_requests_reach_the_service() {
    let bench = Bench::start(ServerLimits::default()).await;
    let answer = bench
        .client
        .get(&bench.url("/tag"), None, &[(IF_NONE_MATCH, "\"g17\"")])
        .await
        .unwrap();
    assert_eq!(answer.status, 304);
    assert_eq!(answer.headers["etag"], "\"g17\"");
}

#[rstest]
#[case(&[], 401)]
#[case(&["Basic YTpi"], 400)]
#[case(&["Bearer"], 400)]
#[case(&["Bearer a", "Bearer b"], 400)]
#[case(&["bearer a"], 200)]
fn the_authorization_header_is_read_strictly(#[case] lines: &[&'static str], #[case] status: u16) {
    let mut headers = http::HeaderMap::new();
    for line in lines {
        headers.append(
            HeaderName::from_static("authorization"),
            HeaderValue::from_static(line),
        );
    }
    let request = HttpRequest {
        method: Method::GET,
        path: "/".to_owned(),
        query: None,
        bearer: Bearer::of(&headers),
        headers,
        body: Vec::new(),
        peer: None,
        client_certificate: None,
    };
    let response = Echo.handle(request);
    assert_eq!(response.status, status);
    assert_eq!(
        response
            .headers
            .iter()
            .any(|(name, _)| *name == WWW_AUTHENTICATE),
        status != 200
    );
}

#[test]
fn a_refused_token_has_the_answer_of_rfc_6750() {
    let missing_scope = TokenRefusal::DeniedScope {
        needed: "3gpp:mc:ptt_service",
    };
    let answer = HttpResponse::token_refused("kms", &missing_scope);
    assert_eq!(answer.status, 403);
    let challenge =
        r#"Bearer realm="kms", error="insufficient_scope", scope="3gpp:mc:ptt_service""#;
    assert_eq!(answer.headers, [(WWW_AUTHENTICATE, challenge.to_owned())]);
    let answer = HttpResponse::token_refused("kms", &TokenRefusal::DeniedRevoked);
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.headers,
        [(
            WWW_AUTHENTICATE,
            r#"Bearer realm="kms", error="invalid_token""#.to_owned()
        )]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_reaches_the_service_and_a_foreign_one_is_refused() {
    let bench = Bench::start(ServerLimits::default()).await;
    let token = AccessToken::new("t").unwrap();
    let now = SystemClock.now();
    let trust = [bench.ca.certificate().clone()];
    let own = bench.ca.issue(&["mcptt.example.org"], now).unwrap();
    let length = own.chain[0].len();
    let known = client(
        &bench.server,
        ClientTls::with_identity(&trust, own).unwrap(),
    );
    let answer = known
        .get(&bench.url("/x"), Some(&token), &[])
        .await
        .unwrap();
    assert_eq!(text(&answer), format!("GET /x t 0 {length}"));

    let foreign = DevelopmentCa::generate(now)
        .unwrap()
        .issue(&["mcptt.example.org"], now)
        .unwrap();
    let unknown = client(
        &bench.server,
        ClientTls::with_identity(&trust, foreign).unwrap(),
    );
    assert!(
        unknown
            .get(&bench.url("/x"), Some(&token), &[])
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_answers_500_and_the_server_goes_on() {
    let bench = Bench::start(ServerLimits::default()).await;
    let token = AccessToken::new("t").unwrap();
    assert_eq!(
        bench
            .client
            .get(&bench.url("/panics"), Some(&token), &[])
            .await
            .unwrap()
            .status,
        500
    );
    assert_eq!(
        bench
            .client
            .get(&bench.url("/x"), Some(&token), &[])
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_request_is_finished_when_the_server_ends() {
    let (gate, mut begun, let_go) = Gate::new();
    let bench = Bench::start_router(ServerLimits::default(), service::mount(gate)).await;
    let (client, url) = (bench.client.clone(), bench.url("/x"));
    let running = tokio::spawn(async move { client.get(&url, None, &[]).await });
    begun.recv().await.unwrap();
    let url = bench.url("/x");
    let ending = tokio::spawn(bench.server.shut_down());
    // The server no longer listens while the request is still running.
    while !matches!(
        bench.client.get(&url, None, &[]).await.err(),
        Some(HttpsClientError::PeerConnect { .. })
    ) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let_go.send(()).unwrap();
    assert_eq!(running.await.unwrap().unwrap().status, 200);
    ending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_is_dropped() {
    let limits = ServerLimits {
        handshake: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let bench = Bench::start(limits).await;
    let mut silent = TcpStream::connect(bench.server.address()).await.unwrap();
    let mut octets = Vec::new();
    let ended =
        tokio::time::timeout(Duration::from_secs(10), silent.read_to_end(&mut octets)).await;
    assert!(ended.is_ok(), "the connection was held open");
    let mut babbler = TcpStream::connect(bench.server.address()).await.unwrap();
    babbler.write_all(&[0x16, 3, 1]).await.unwrap();
    let ended =
        tokio::time::timeout(Duration::from_secs(10), babbler.read_to_end(&mut octets)).await;
    assert!(ended.is_ok(), "the connection was held open");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_bound_wait() {
    let limits = ServerLimits {
        connections: 1,
        handshake: Duration::from_millis(500),
        ..ServerLimits::default()
    };
    let bench = Bench::start(limits).await;
    let silent = TcpStream::connect(bench.server.address()).await.unwrap();
    // The silent connection holds the only slot until its handshake times out; then the request is served.
    let token = AccessToken::new("t").unwrap();
    let answer = bench
        .client
        .get(&bench.url("/x"), Some(&token), &[])
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_bound_are_told_to_come_back() {
    let (gate, mut begun, let_go) = Gate::new();
    let bench = Bench::start_router(ServerLimits::default(), service::mount_bounded(gate, 1)).await;
    let (client, url) = (bench.client.clone(), bench.url("/x"));
    let running = tokio::spawn(async move { client.get(&url, None, &[]).await });
    begun.recv().await.unwrap();
    let other = bench.client.get(&bench.url("/x"), None, &[]).await.unwrap();
    assert_eq!(other.status, 503);
    assert_eq!(other.headers["retry-after"], "1");
    let_go.send(()).unwrap();
    assert_eq!(running.await.unwrap().unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_gets_408() {
    let (gate, _begun, let_go) = Gate::new();
    let limits = ServerLimits {
        request: Duration::from_millis(200),
        ..ServerLimits::default()
    };
    let bench = Bench::start_router(limits, service::mount(gate)).await;
    assert_eq!(
        bench
            .client
            .get(&bench.url("/x"), None, &[])
            .await
            .unwrap()
            .status,
        408
    );
    let_go.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_refuses_an_answer_that_is_too_large() {
    let bench = Bench::start(ServerLimits::default()).await;
    let refused = bench
        .client
        .get(&bench.url("/large"), None, &[])
        .await
        .err();
    assert_eq!(
        refused,
        Some(HttpsClientError::PeerAnswer {
            host: HOST.to_owned()
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_cannot_be_split() {
    let bench = Bench::start(ServerLimits::default()).await;
    let answer = bench
        .client
        .get(&bench.url("/split"), None, &[])
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("etag") && !answer.headers.contains_key("x-injected"));
    let refused = bench
        .client
        .get(&bench.url("/x"), None, &[(ETAG, "a\r\nb: c")])
        .await
        .err();
    assert_eq!(refused, Some(HttpsClientError::LocalRequest));
}
