//! The account page as a browser without script sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use http::header::COOKIE;
use roger_adapter_http::HttpAnswer;
use roger_oidc::form;
use support::Bench;

fn text(answer: &HttpAnswer) -> &str {
    core::str::from_utf8(answer.body.expose()).unwrap()
}

fn value<'p>(page: &'p str, name: &str) -> &'p str {
    let marker = format!(r#"name="{name}" value=""#);
    let (_, rest) = page.split_once(&marker).unwrap();
    rest.split_once('"').unwrap().0
}

fn cookie(answer: &HttpAnswer, name: &str) -> String {
    let lines = answer.headers.get_all("set-cookie").iter();
    let mut lines = lines.map(|line| line.to_str().unwrap());
    let line = lines.find(|line| line.starts_with(name)).unwrap();
    line.split(';').next().unwrap().to_owned()
}

async fn account(bench: &Bench, cookies: &str) -> HttpAnswer {
    let url = bench.url("/account");
    bench
        .http
        .get(&url, None, &[(COOKIE, cookies)])
        .await
        .unwrap()
}

/// Logs in to the account pages; gives the session cookie.
async fn log_in(bench: &Bench, name: &str) -> String {
    let page = account(bench, "x=1").await;
    assert!(text(&page).contains("your account"));
    let login = cookie(&page, "__Host-roger-login");
    let fields = [
        ("session", value(text(&page), "session")),
        ("username", name),
        ("password", "secret"),
        ("passkey", ""),
    ];
    let url = bench.url("/oauth2/login");
    let answer = bench
        .browser_post(&url, &login, &form::encode(&fields))
        .await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.headers["location"], "/account");
    cookie(&answer, "__Host-roger-session")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_or_browser_changes_nothing() {
    let bench = Bench::start().await;
    let (alice, bob) = (log_in(&bench, "alice").await, log_in(&bench, "bob").await);
    let page = account(&bench, &alice).await;
    assert_eq!(page.status, 200);
    assert!(text(&page).contains("Logged in as <strong>alice</strong>"));
    assert_eq!(page.headers["cache-control"], "no-store");
    let theirs = account(&bench, &bob).await;
    let theirs = value(text(&theirs), "form").to_owned();
    let (own, id) = (value(text(&page), "form"), value(text(&page), "end"));
    let url = bench.url("/account/sessions/end");
    for token in ["", "0", theirs.as_str()] {
        let body = form::encode(&[("form", token), ("end", id)]);
        let refused = bench.browser_post(&url, &alice, &body).await;
        assert_eq!(refused.status, 403);
        assert!(text(&refused).contains("Log in again"));
    }
    let nobody = form::encode(&[("form", own), ("end", id)]);
    let refused = bench.browser_post(&url, "x=1", &nobody).await;
    assert!(text(&refused).contains("your account"), "asked to log in");

    let done = bench.browser_post(&url, &alice, &nobody).await;
    assert_eq!(done.status, 200);
    assert!(cookie(&done, "__Host-roger-session").ends_with('='));
    let again = account(&bench, &alice).await;
    assert!(text(&again).contains("your account"), "logged out");
    let bobs = account(&bench, &bob).await;
    assert!(text(&bobs).contains("Logged in as <strong>bob</strong>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_is_none_is_refused_with_the_page_again() {
    let bench = Bench::start().await;
    let alice = log_in(&bench, "alice").await;
    let page = account(&bench, &alice).await;
    let token = value(text(&page), "form");
    for (path, field) in [
        ("/account/passkeys", ("passkey", "{}")),
        ("/account/passkeys/remove", ("remove", "0")),
    ] {
        let body = form::encode(&[("form", token), field, ("name", "x")]);
        let refused = bench.browser_post(&bench.url(path), &alice, &body).await;
        assert_eq!(refused.status, 403, "{path}");
        assert!(text(&refused).contains("This passkey was not accepted"));
        assert!(text(&refused).contains("Your account"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_is_a_file_of_our_own() {
    let bench = Bench::start().await;
    let url = bench.url("/oauth2/passkey.js");
    let script = bench.http.get(&url, None, &[]).await.unwrap();
    assert_eq!(script.status, 200);
    let kind = script.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/javascript"));
    assert_eq!(script.headers["x-content-type-options"], "nosniff");
    assert!(!text(&script).contains("fetch("), "it asks nobody itself");
}
