//! XCAP of the GMS over TLS: group and GKTP documents with entity tags.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use http::HeaderName;
use http::header::{AUTHORIZATION, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method};
use roger_adapter_http::{
    Bearer, ClientTls, Clock, DevelopmentCa, GmsFrontEnd, HttpRequest, HttpResponse, HttpService,
    HttpsClient, HttpsServer, ServerLimits, ServerTls, SystemClock, service,
};
use roger_base::UnixTime;
use roger_documents::Document as _;
use roger_documents::group::{GroupDocument, Member};
use roger_gms::memory::{MemoryRepository, SingleKms};
use roger_gms::{DocumentPath, GroupManagement, Settings};
use roger_oidc::{AccessToken, Resource};
use roger_testkit::SeededRandom;
use roger_testkit_domain::{GMS, NOW, TestDomain, group, user};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use support::any_port;

const HOST: &str = "gms.mcptt.example.org";

struct Then;

impl Clock for Then {
    fn now(&self) -> UnixTime {
        NOW
    }
}

fn document(members: &[&str]) -> Vec<u8> {
    let mut document = GroupDocument::new(group("fire-1"));
    document.members = members.iter().map(|name| Member::new(user(name))).collect();
    document.write().into_bytes()
}

fn front_end() -> (GmsFrontEnd, TestDomain, Arc<AtomicUsize>) {
    let mut domain = TestDomain::new(1);
    let mut settings = Settings::new(format!("https://{HOST}/xcap/"));
    settings.administrators.insert(user("chief"));
    let kms = Arc::new(SingleKms(domain.kms().clone()));
    let key_sets = vec![domain.key_set(GMS)];
    let mut management = GroupManagement::new(
        settings,
        Arc::new(MemoryRepository::default()),
        kms,
        key_sets,
    );
    let octets = document(&["alice", "bob"]);
    management
        .put_group(
            &group("fire-1"),
            &octets,
            None,
            NOW,
            &mut SeededRandom::new(2),
        )
        .unwrap();
    let puts = Arc::new(AtomicUsize::new(0));
    let counted = puts.clone();
    let front = GmsFrontEnd {
        management: Arc::new(Mutex::new(management)),
        tokens: domain.verifier(),
        root: "/xcap/".to_owned(),
        clock: Arc::new(Then),
        changed: Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }),
    };
    (front, domain, puts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_fetches_her_keys_and_then_only_what_is_new() {
    let (front, domain, _) = front_end();
    let now = SystemClock.now();
    let ca = DevelopmentCa::generate(now).unwrap();
    let tls = ServerTls::new(ca.issue(&[HOST], now).unwrap()).unwrap();
    let router = service::mount(Arc::new(front));
    let server = HttpsServer::start(any_port(), tls, router, ServerLimits::default(), None)
        .await
        .unwrap();
    let trust = ClientTls::new(&[ca.certificate().clone()]).unwrap();
    let http = HttpsClient::new(trust, &[(HOST, server.address())]).unwrap();
    let url = |path: &str| format!("https://{HOST}:{}/xcap/{path}", server.address().port());
    let token = |name: &str| {
        AccessToken::new(domain.token(&user(name), Resource::GroupManagement)).unwrap()
    };

    let keys = url(&DocumentPath::Transport(user("alice")).to_string());
    let first = http.get(&keys, Some(&token("alice")), &[]).await.unwrap();
    assert_eq!(first.status, 200);
    assert_eq!(first.headers["content-type"], "application/xml");
    assert!(
        core::str::from_utf8(first.body.expose())
            .unwrap()
            .contains("<GKTP ")
    );
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let again = http
        .get(&keys, Some(&token("alice")), &[(IF_NONE_MATCH, &etag)])
        .await
        .unwrap();
    assert_eq!(again.status, 304);
    assert!(again.body.expose().is_empty());

    assert_eq!(
        http.get(&keys, Some(&token("bob")), &[])
            .await
            .unwrap()
            .status,
        403
    );
    assert_eq!(http.get(&keys, None, &[]).await.unwrap().status, 401);
    let wrong_scope =
        AccessToken::new(domain.token(&user("alice"), Resource::McpttServer)).unwrap();
    assert_eq!(
        http.get(&keys, Some(&wrong_scope), &[])
            .await
            .unwrap()
            .status,
        403
    );
    assert_eq!(
        http.get(&url("nothing"), Some(&token("alice")), &[])
            .await
            .unwrap()
            .status,
        404
    );
}

fn asked(
    method: Method,
    path: &str,
    token: &str,
    headers: &[(HeaderName, &'static str)],
    body: &[u8],
) -> HttpRequest {
    let mut map = HeaderMap::new();
    map.insert(
        AUTHORIZATION,
        HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
    );
    map.insert(
        "content-type",
        HeaderValue::from_static("application/vnd.oma.poc.groups+xml"),
    );
    for (name, value) in headers {
        map.insert(name.clone(), HeaderValue::from_static(value));
    }
    HttpRequest {
        method,
        path: path.to_owned(),
        query: None,
        bearer: Bearer::of(&map),
        headers: map,
        body: body.to_vec(),
        peer: None,
        client_certificate: None,
    }
}

fn etag(response: &HttpResponse) -> &str {
    &response
        .headers
        .iter()
        .find(|(name, _)| name == "etag")
        .unwrap()
        .1
}

#[test]
fn a_change_by_an_administrator_is_told_to_the_sip_side() {
    let (front, domain, puts) = front_end();
    let path = format!("/xcap/{}", DocumentPath::Group(group("fire-1")));
    let chief = domain.token(&user("chief"), Resource::GroupManagement);
    let alice = domain.token(&user("alice"), Resource::GroupManagement);
    let put = |token: &str, headers: &[(HeaderName, &'static str)]| {
        front.handle(asked(
            Method::PUT,
            &path,
            token,
            headers,
            &document(&["alice"]),
        ))
    };
    assert_eq!(put(&alice, &[]).status, 403);
    assert_eq!(put(&chief, &[(IF_MATCH, "\"another\"")]).status, 412);
    assert_eq!(put(&chief, &[(IF_MATCH, "\"a\", \"b\"")]).status, 412);
    assert_eq!(puts.load(Ordering::SeqCst), 0);
    let before = front.handle(asked(Method::GET, &path, &chief, &[], &[]));
    let changed = put(&chief, &[]);
    assert_eq!(changed.status, 200);
    assert_ne!(etag(&before), etag(&changed));
    assert_eq!(puts.load(Ordering::SeqCst), 1);
    assert_eq!(
        front
            .handle(asked(Method::DELETE, &path, &chief, &[], &[]))
            .status,
        405
    );
    assert_eq!(
        front
            .handle(asked(Method::GET, "/other/x", &chief, &[], &[]))
            .status,
        404
    );
}

#[test]
fn an_authorization_header_that_is_no_token_is_refused_as_one() {
    let (front, _, _) = front_end();
    let path = format!("/xcap/{}", DocumentPath::Group(group("fire-1")));
    let mut request = asked(Method::GET, &path, "x", &[], &[]);
    request.bearer = Bearer::Malformed;
    let refused = front.handle(request);
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .headers
            .iter()
            .any(|(_, value)| value.contains("invalid_token"))
    );
}
