//! Our own UE client, the log-in page and the server's bounds, over real TLS on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_adapter_http::client::BrowserError;
use roger_adapter_http::{
    ClientTls, Clock as _, DevelopmentCa, HttpsClient, HttpsClientError, IdmClientError, OsRandom,
    TcpEvent, WireTap,
};
use roger_base::SecretBytes;
use roger_oidc::{Resource, ScopeSet};
use rstest::rstest;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use support::{Bench, HOST};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn password(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

fn authorize_query(bench: &Bench) -> String {
    let (_, url) = bench
        .party()
        .log_in(&ScopeSet::every_mcptt_scope(), &mut OsRandom)
        .unwrap();
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ue_logs_in_and_refreshes_as_its_own_user() {
    let bench = Bench::start().await;
    let client = bench.idm_client();
    for name in ["alice", "bob"] {
        let scopes = ScopeSet::every_mcptt_scope();
        let tokens = client
            .log_in(&scopes, name, &password("secret"), &mut OsRandom)
            .await
            .unwrap();
        let tokens = client.refresh(tokens).await.unwrap();
        for resource in Resource::ALL {
            let verified = bench
                .verifier()
                .verify(tokens.access_token.expose(), resource, bench.clock.now())
                .unwrap();
            assert_eq!(
                verified.mcptt_id.as_str(),
                format!("sip:{name}@mcptt.example.org")
            );
        }
    }
    bench.server.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_and_five_of_them_make_everybody_wait() {
    let bench = Bench::start().await;
    let client = bench.idm_client();
    let scopes = ScopeSet::every_mcptt_scope();
    for _ in 0..5 {
        let refused = client
            .log_in(&scopes, "alice", &password("guess"), &mut OsRandom)
            .await
            .err();
        assert_eq!(
            refused,
            Some(IdmClientError::Browser(BrowserError::DeniedCredentials(
                http::StatusCode::FORBIDDEN
            )))
        );
    }
    let refused = client
        .log_in(&scopes, "alice", &password("secret"), &mut OsRandom)
        .await
        .err();
    let locked = BrowserError::DeniedCredentials(http::StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused, Some(IdmClientError::Browser(locked)));
    assert!(
        client
            .log_in(&scopes, "bob", &password("secret"), &mut OsRandom)
            .await
            .is_ok()
    );
    bench.clock.advance(10);
    assert!(
        client
            .log_in(&scopes, "alice", &password("secret"), &mut OsRandom)
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_trust_the_authority_sends_nothing() {
    let bench = Bench::start().await;
    let other = DevelopmentCa::generate(bench.clock.now()).unwrap();
    let trust = ClientTls::new(&[other.certificate().clone()]).unwrap();
    let http = HttpsClient::new(trust, &[(HOST, bench.server.address())]).unwrap();
    let refused = http
        .get(&bench.url("/oauth2/jwks"), None, &[])
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&refused, HttpsClientError::PeerConnect { reason, .. } if reason.contains("certificate")),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_refused() {
    let bench = Bench::start().await;
    let trust = ClientTls::new(&[bench.ca.certificate().clone()]).unwrap();
    let http = HttpsClient::new(trust, &[("kms.example.org", bench.server.address())]).unwrap();
    let url = format!(
        "https://kms.example.org:{}/oauth2/jwks",
        bench.server.address().port()
    );
    assert!(matches!(
        http.get(&url, None, &[]).await.err(),
        Some(HttpsClientError::PeerConnect { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_never_spoken() {
    let bench = Bench::start().await;
    let url = bench.url("/oauth2/jwks").replace("https:", "http:");
    assert_eq!(
        bench.http.get(&url, None, &[]).await.err(),
        Some(HttpsClientError::LocalRequest)
    );
    let mut stream = TcpStream::connect(bench.server.address()).await.unwrap();
    stream
        .write_all(b"GET /oauth2/jwks HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_safe_to_show() {
    let bench = Bench::start().await;
    let hint = "login_hint=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let page = bench
        .http
        .get(&format!("{}&{hint}", authorize_query(&bench)), None, &[])
        .await
        .unwrap();
    assert_eq!(page.status, 200);
    let text = core::str::from_utf8(page.body.expose()).unwrap();
    // Nothing runs but the script for passkeys, from a file of its own.
    let scripts: Vec<_> = text.split("<script").skip(1).collect();
    let own = r#" src="/oauth2/passkey.js" defer></script>"#;
    assert!(scripts.len() == 1 && scripts[0].starts_with(own), "{text}");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"));
    assert!(text.contains("DEVELOPMENT"));
    assert!(text.contains("Roger &#60;for phones&#62;"), "{text}");
    for field in [
        r#"name="username""#,
        r#"name="password""#,
        r#"name="session""#,
        r#"name="viewport""#,
    ] {
        assert!(text.contains(field), "{field}");
    }
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    for attribute in [
        "__Host-roger-login=",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
        "Path=/",
    ] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let style = bench
        .http
        .get(&bench.url("/oauth2/style.css"), None, &[])
        .await
        .unwrap();
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_posted_without_its_cookie_is_refused() {
    let bench = Bench::start().await;
    let page = bench
        .http
        .get(&authorize_query(&bench), None, &[])
        .await
        .unwrap();
    let text = core::str::from_utf8(page.body.expose()).unwrap();
    let session = text
        .split(r#"name="session" value=""#)
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let body = format!("session={session}&username=alice&password=secret");
    let form = "application/x-www-form-urlencoded";
    let answer = bench
        .http
        .post(&bench.url("/oauth2/login"), None, form, body.into_bytes())
        .await
        .unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.headers.get("location").is_none());
}

#[rstest]
#[case("/oauth2/token", "application/json", "{}", 415)]
#[case("/oauth2/token", "text/plain", "grant_type=authorization_code", 415)]
#[case("/oauth2/token", "application/x-www-form-urlencoded", "", 401)]
#[case(
    "/oauth2/token",
    "application/x-www-form-urlencoded",
    "client_id=app",
    400
)]
#[case(
    "/oauth2/token",
    "application/x-www-form-urlencoded",
    "client_id=app&grant_type=password",
    400
)]
#[case(
    "/oauth2/login",
    "application/x-www-form-urlencoded",
    "session=x&username=alice&password=secret",
    400
)]
#[case("/oauth2/login", "multipart/form-data; boundary=x", "x", 415)]
#[case("/oauth2/jwks", "application/x-www-form-urlencoded", "", 405)]
#[case("/nowhere", "application/x-www-form-urlencoded", "", 404)]
#[tokio::test(flavor = "multi_thread")]
async fn bad_posts_get_the_standards_answer(
    #[case] path: &str,
    #[case] content_type: &str,
    #[case] body: &str,
    #[case] status: u16,
) {
    let bench = Bench::start().await;
    let answer = bench
        .http
        .post(&bench.url(path), None, content_type, body.into())
        .await
        .unwrap();
    assert_eq!(answer.status, status);
    if status == 401 {
        assert!(
            answer.headers["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Basic")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_errors_are_json_that_no_cache_keeps() {
    let bench = Bench::start().await;
    let form = "application/x-www-form-urlencoded";
    let body = format!(
        "client_id=app&grant_type=authorization_code&code=x&redirect_uri=org.example.mcptt:/cb&code_verifier={}",
        "v".repeat(43)
    );
    let answer = bench
        .http
        .post(&bench.url("/oauth2/token"), None, form, body.into_bytes())
        .await
        .unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["pragma"], "no-cache");
    let json: serde_json::Value = serde_json::from_slice(answer.body.expose()).unwrap();
    assert_eq!(json["error"], "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_limit_gets_413() {
    let bench = Bench::start().await;
    let form = "application/x-www-form-urlencoded";
    for octets in [64 * 1024 + 1, 600 * 1024] {
        let large = vec![b'a'; octets];
        let answer = bench
            .http
            .post(&bench.url("/oauth2/token"), None, form, large)
            .await
            .unwrap();
        assert_eq!(answer.status, 413);
    }
    let fits = vec![b'a'; 16 * 1024];
    let answer = bench
        .http
        .post(&bench.url("/oauth2/token"), None, form, fits)
        .await
        .unwrap();
    assert_eq!(answer.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_handed_back_and_not_followed() {
    let bench = Bench::start().await;
    let url = authorize_query(&bench)
        .replace("code_challenge_method=S256", "code_challenge_method=plain");
    let answer = bench.http.get(&url, None, &[]).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(
        answer.headers["location"]
            .to_str()
            .unwrap()
            .starts_with("org.example.mcptt:/cb?error=invalid_request")
    );
}

/// Remembers what crossed the sockets.
#[derive(Default)]
struct Memory(Mutex<Vec<Seen>>);

/// From, to, and the octets unless a connection opened or closed.
type Seen = (SocketAddr, SocketAddr, Option<Vec<u8>>);

impl WireTap for Memory {
    fn tcp(&self, _: SystemTime, from: SocketAddr, to: SocketAddr, event: TcpEvent<'_>) {
        let octets = match event {
            TcpEvent::Data(octets) => Some(octets.to_vec()),
            TcpEvent::Opened | TcpEvent::Closed => None,
        };
        self.0.lock().unwrap().push((from, to, octets));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tap_sees_every_octet_and_no_secret_in_clear() {
    let tap = Arc::new(Memory::default());
    let bench = Bench::start_tapped(Some(tap.clone())).await;
    let client = bench.idm_client();
    let scopes = ScopeSet::every_mcptt_scope();
    let tokens = client
        .log_in(&scopes, "alice", &password("secret"), &mut OsRandom)
        .await
        .unwrap();
    let server = bench.server.address();
    drop(client);
    let Bench {
        server: running,
        http,
        ..
    } = bench;
    drop(http);
    running.shut_down().await;

    let seen = tap.0.lock().unwrap();
    assert!(
        seen.iter()
            .all(|(from, to, _)| *from == server || *to == server)
    );
    let data = |towards_server: bool| -> Vec<u8> {
        let wanted = seen
            .iter()
            .filter(|(_, to, _)| (*to == server) == towards_server);
        wanted
            .filter_map(|(_, _, octets)| octets.clone())
            .flatten()
            .collect()
    };
    let (inward, outward) = (data(true), data(false));
    // A TLS record: handshake, version 3.x.
    assert!(inward.starts_with(&[22, 3]) && outward.starts_with(&[22, 3]));
    let contains = |octets: &[u8], text: &str| {
        octets
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    for secret in [
        "secret",
        "sip:alice@mcptt.example.org",
        tokens.access_token.expose(),
    ] {
        assert!(!contains(&inward, secret) && !contains(&outward, secret));
    }
    assert!(
        contains(&inward, HOST),
        "the server name is in the ClientHello"
    );
    assert!(
        seen.iter()
            .filter(|(_, _, octets)| octets.is_none())
            .count()
            >= 2
    );
}
