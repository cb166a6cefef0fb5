//! Log-out by the browser (OpenID Connect RP-Initiated Logout 1.0).

use super::cookie;
use super::pages::{self, FormPage};
use super::router::{Shared, blocking, form_body, redirect, server_error, with_header};
use crate::system::OsRandom;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use core::time::Duration;
use roger_idm::{Confirmation, LogoutOutcome};
use roger_oidc::form::FormParameters;
use roger_oidc::provider::LogoutRefusal;
use roger_oidc::{BrowserKey, LoginSessionKey};

/// Where applications send the browser.
pub(super) const PATH: &str = "/oauth2/logout";
/// Where the user's own answer goes.
pub(super) const CONFIRM_PATH: &str = "/oauth2/logout/confirm";
/// How long the question is good for.
const LIFE: Duration = Duration::from_secs(600);

pub(super) async fn by_query(State(shared): State<Shared>, request: Request) -> Response {
    let browser = cookie::read_session(request.headers());
    let query = request.uri().query().unwrap_or_default().to_owned();
    log_out(shared, query, browser, Confirmation::None).await
}

pub(super) async fn by_form(State(shared): State<Shared>, request: Request) -> Response {
    let browser = cookie::read_session(request.headers());
    match form_body(request).await {
        Ok(body) => log_out(shared, body.to_string(), browser, Confirmation::None).await,
        Err(status) => pages::notice(status, "The request is malformed.", shared.banner()),
    }
}

/// The user pressed the button: the form's key must be the cookie's, so that nobody else can press it for him.
pub(super) async fn confirmed(State(shared): State<Shared>, request: Request) -> Response {
    let browser = cookie::read_session(request.headers());
    let key = cookie::read(request.headers());
    let body = match form_body(request).await {
        Ok(body) => body,
        Err(status) => return pages::notice(status, "The form is malformed.", shared.banner()),
    };
    let query = FormParameters::parse(&body).ok().and_then(|form| {
        let shown = LoginSessionKey::new(form.optional("session").ok()??).ok()?;
        let asked = form.optional("request").ok()?.unwrap_or_default();
        (Some(shown) == key).then(|| asked.to_owned())
    });
    let Some(query) = query else {
        let message = "This page has expired; log out once more.";
        return pages::notice(StatusCode::BAD_REQUEST, message, shared.banner());
    };
    log_out(shared, query, browser, Confirmation::ByUser).await
}

async fn log_out(
    shared: Shared,
    query: String,
    browser: Option<BrowserKey>,
    confirmation: Confirmation,
) -> Response {
    let (front, asked) = (shared.front.clone(), query.clone());
    let outcome = blocking(move || {
        let now = front.clock.now();
        front
            .idm
            .log_out(&asked, browser.as_ref(), confirmation, now)
    });
    match outcome.await {
        Some(Ok(LogoutOutcome::LoggedOut { location })) => {
            let response = match location {
                Some(location) => redirect(location),
                None => pages::notice(StatusCode::OK, "You are logged out.", shared.banner()),
            };
            with_header(response, SET_COOKIE, cookie::clear_session())
        }
        Some(Ok(LogoutOutcome::AskUser)) => ask(&shared, &query),
        Some(Err(LogoutRefusal::PeerPage(message))) => {
            pages::notice(StatusCode::BAD_REQUEST, message, shared.banner())
        }
        Some(Err(refusal)) => {
            tracing::error!(%refusal, "a log-out failed");
            server_error(&shared)
        }
        None => server_error(&shared),
    }
}

fn ask(shared: &Shared, query: &str) -> Response {
    let Ok(key) = LoginSessionKey::random(&mut OsRandom) else {
        return server_error(shared);
    };
    let page = FormPage {
        title: "Log out",
        banner: shared.banner(),
        intro: "Do you want to log out in this browser?",
        action: CONFIRM_PATH,
        hidden: vec![("session", key.expose()), ("request", query)],
        buttons: vec![("logout", "Log out")],
        ..FormPage::default()
    };
    let response = pages::form(StatusCode::OK, page);
    with_header(response, SET_COOKIE, cookie::set(&key, LIFE))
}
