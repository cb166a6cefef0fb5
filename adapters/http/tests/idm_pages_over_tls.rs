//! Single sign-on, log-out, account pages and registration as a browser and a program see them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use http::Method;
use http::header::COOKIE;
use roger_adapter_http::{Clock as _, HttpAnswer, OsRandom};
use roger_base::UnixTime;
use roger_oidc::form;
use roger_oidc::provider::{ClientRegistry as _, RegistrationPermit};
use roger_oidc::{AccessToken, InitialAccessToken, ScopeSet};
use support::Bench;

fn authorize(bench: &Bench, extra: &str) -> String {
    let party = bench.party();
    let scopes = ScopeSet::every_mcptt_scope();
    let (_, url) = party.log_in(&scopes, &mut OsRandom).unwrap();
    format!("{url}{extra}")
}

fn text(answer: &HttpAnswer) -> &str {
    core::str::from_utf8(answer.body.expose()).unwrap()
}

fn value<'p>(page: &'p str, name: &str) -> &'p str {
    let marker = format!(r#"name="{name}" value=""#);
    let (_, rest) = page.split_once(&marker).unwrap();
    rest.split_once('"').unwrap().0
}

fn cookie(answer: &HttpAnswer, name: &str) -> Option<String> {
    let lines = answer.headers.get_all("set-cookie").iter();
    let mut lines = lines.map(|line| line.to_str().unwrap());
    lines.find(|line| line.starts_with(name)).map(str::to_owned)
}

fn pair(cookie: &str) -> &str {
    cookie.split(';').next().unwrap()
}

async fn get(bench: &Bench, url: &str, cookie: &str) -> HttpAnswer {
    bench
        .http
        .get(url, None, &[(COOKIE, cookie)])
        .await
        .unwrap()
}

/// Logs alice in through the page; gives the `Set-Cookie` line of her session.
async fn signed_on(bench: &Bench) -> String {
    let page = bench
        .http
        .get(&authorize(bench, ""), None, &[])
        .await
        .unwrap();
    let login = cookie(&page, "__Host-roger-login").unwrap();
    let fields = [
        ("session", value(text(&page), "session")),
        ("username", "alice"),
        ("password", "secret"),
    ];
    let url = bench.url("/oauth2/login");
    let answer = bench
        .browser_post(&url, pair(&login), &form::encode(&fields))
        .await;
    assert_eq!(answer.status, 302);
    cookie(&answer, "__Host-roger-session").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_logged_in_is_not_asked_again_until_it_logs_out() {
    let bench = Bench::start().await;
    let session = signed_on(&bench).await;
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(session.contains(attribute), "{session}");
    }
    let silent = authorize(&bench, "&prompt=none");
    let again = get(&bench, &silent, pair(&session)).await;
    let location = again.headers["location"].to_str().unwrap();
    assert!(location.contains("code="), "{location}");
    let stranger = bench.http.get(&silent, None, &[]).await.unwrap();
    let location = stranger.headers["location"].to_str().unwrap();
    assert!(location.contains("error=login_required"), "{location}");

    let logout = bench.url("/oauth2/logout");
    let question = get(&bench, &logout, pair(&session)).await;
    assert_eq!(question.status, 200);
    let key = value(text(&question), "session").to_owned();
    let login = cookie(&question, "__Host-roger-login").unwrap();
    let both = format!("{}; {}", pair(&session), pair(&login));
    let confirm = bench.url("/oauth2/logout/confirm");
    let body = form::encode(&[("session", &key)]);
    let forged = bench.browser_post(&confirm, pair(&session), &body).await;
    assert_eq!(forged.status, 400);
    let done = bench.browser_post(&confirm, &both, &body).await;
    assert_eq!(done.status, 200);
    assert!(
        cookie(&done, "__Host-roger-session")
            .unwrap()
            .contains("Max-Age=0")
    );
    let page = get(&bench, &authorize(&bench, ""), pair(&session)).await;
    assert_eq!(page.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consent_page_needs_no_script_and_names_what_is_asked() {
    let bench = Bench::start().await;
    let session = signed_on(&bench).await;
    let url = authorize(&bench, "&prompt=consent");
    let page = get(&bench, &url, pair(&session)).await;
    assert_eq!(page.status, 200);
    assert!(text(&page).contains("Push-to-talk calls"));
    assert!(text(&page).contains(r#"name="viewport""#));
    assert!(!text(&page).contains("<script"));
    let login = cookie(&page, "__Host-roger-login").unwrap();
    let key = value(text(&page), "session");
    let body = form::encode(&[("session", key), ("decision", "deny")]);
    let url = bench.url("/oauth2/login");
    let denied = bench.browser_post(&url, pair(&login), &body).await;
    let location = denied.headers["location"].to_str().unwrap();
    assert!(location.contains("error=access_denied"), "{location}");
}

#[tokio::test(flavor = "multi_thread")]
async fn account_pages_change_the_password_and_show_a_key_as_a_picture() {
    let bench = Bench::start().await;
    for path in ["/account/password", "/account/second-factor"] {
        let page = bench.http.get(&bench.url(path), None, &[]).await.unwrap();
        assert_eq!(page.status, 200);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"));
    }
    let url = bench.url("/account/second-factor");
    let proof = |password| form::encode(&[("username", "alice"), ("password", password)]);
    let refused = bench.browser_post(&url, "x=y", &proof("guess")).await;
    assert_eq!(refused.status, 403);
    let page = bench.browser_post(&url, "x=y", &proof("secret")).await;
    assert_eq!(page.status, 200);
    assert!(text(&page).contains("<svg"));
    let fields = [
        ("enrolment", value(text(&page), "enrolment")),
        ("code", "x"),
    ];
    let url = bench.url("/account/second-factor/confirm");
    let refused = bench
        .browser_post(&url, "x=y", &form::encode(&fields))
        .await;
    assert_eq!(refused.status, 403);

    let url = bench.url("/account/password");
    let fields = |old| {
        form::encode(&[
            ("username", "alice"),
            ("password", old),
            ("new", "a new long one"),
            ("again", "a new long one"),
        ])
    };
    for (old, status) in [("guess", 403), ("secret", 200), ("secret", 403)] {
        let answer = bench.browser_post(&url, "x=y", &fields(old)).await;
        assert_eq!(answer.status, status, "{old}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_registers_reads_and_deletes_itself_and_nobody_without_a_token_does() {
    let bench = Bench::start().await;
    let permit = InitialAccessToken::random(&mut OsRandom).unwrap();
    let kept = RegistrationPermit {
        uses: 1,
        expires_at: UnixTime(bench.clock.now().0 + 60),
    };
    bench.store.put_permit(&permit.digest(), &kept).unwrap();
    let body = r#"{"application_type":"native","token_endpoint_auth_method":"none","redirect_uris":["org.example.new:/cb"]}"#;
    let url = bench.url("/oauth2/register");
    let send = async |method: Method, url: String, token: Option<String>, body: &str| {
        let token = token.map(|token| AccessToken::new(token).unwrap());
        let json = "application/json";
        let answer = match method {
            Method::GET => bench.http.get(&url, token.as_ref(), &[]).await,
            Method::DELETE => bench.http.delete(&url, token.as_ref()).await,
            _ => {
                bench
                    .http
                    .post(&url, token.as_ref(), json, body.into())
                    .await
            }
        };
        answer.unwrap()
    };
    let refused = send(Method::POST, url.clone(), None, body).await;
    assert_eq!(refused.status, 401);
    let token = Some(permit.expose().to_owned());
    let made = send(Method::POST, url.clone(), token.clone(), body).await;
    assert_eq!(made.status, 201);
    let json: serde_json::Value = serde_json::from_slice(made.body.expose()).unwrap();
    let again = send(Method::POST, url, token.clone(), body).await;
    assert_eq!(again.status, 401);
    let own = json["registration_client_uri"].as_str().unwrap().to_owned();
    let management = json["registration_access_token"].as_str().unwrap();
    let management = Some(management.to_owned());
    for (token, status) in [(None, 401), (token, 401), (management.clone(), 200)] {
        let answer = send(Method::GET, own.clone(), token, "").await;
        assert_eq!(answer.status, status);
    }
    let deleted = send(Method::DELETE, own.clone(), management.clone(), "").await;
    assert_eq!(deleted.status, 204);
    let gone = send(Method::GET, own, management, "").await;
    assert_eq!(gone.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_told_about_and_given_back_at_the_endpoints_of_the_discovery_document() {
    let bench = Bench::start().await;
    let url = bench.url("/.well-known/openid-configuration");
    let document = bench.http.get(&url, None, &[]).await.unwrap();
    let document: serde_json::Value = serde_json::from_slice(document.body.expose()).unwrap();
    let scopes = ScopeSet::every_mcptt_scope();
    let password = roger_base::SecretBytes::new(b"secret".to_vec());
    let client = bench.idm_client();
    let tokens = client
        .log_in(&scopes, "alice", &password, &mut OsRandom)
        .await
        .unwrap();
    let access = &tokens.access_token;
    let userinfo = document["userinfo_endpoint"].as_str().unwrap();
    let user = bench.http.get(userinfo, Some(access), &[]).await.unwrap();
    let user: serde_json::Value = serde_json::from_slice(user.body.expose()).unwrap();
    assert_eq!(user["mcptt_id"], "sip:alice@mcptt.example.org");
    let nobody = bench.http.get(userinfo, None, &[]).await.unwrap();
    assert_eq!(nobody.status, 401);
    assert_eq!(
        nobody.headers["www-authenticate"],
        r#"Bearer realm="userinfo""#
    );

    let token = form::encode(&[("token", access.expose()), ("client_id", "app")]);
    let introspection = document["introspection_endpoint"].as_str().unwrap();
    let refused = bench.browser_post(introspection, "x=y", &token).await;
    assert_eq!(refused.status, 400);
    let revocation = document["revocation_endpoint"].as_str().unwrap();
    let given_back = bench.browser_post(revocation, "x=y", &token).await;
    assert_eq!(given_back.status, 200);
    let user = bench.http.get(userinfo, Some(access), &[]).await.unwrap();
    assert_eq!(user.status, 401);
}
