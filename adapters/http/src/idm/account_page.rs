//! The page on which a user sees and changes passkeys, authenticator app and sessions.

use super::account::{hashed, told};
use super::pages::{self, PATHS, Paths};
use super::router::{Shared, blocking, redirect, refused, server_error, show, with_header};
use super::{IdmFrontEnd, cookie};
use crate::system::OsRandom;
use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use axum::routing::{get, post};
use roger_base::UnixTime;
use roger_idm::ports::BrowserSession;
use roger_idm::{AccountFault, AccountPage, LoginAnswer, LoginRefusal, Passkey, PasskeyUse};
use roger_oidc::{Amr, BrowserKey};
use time::OffsetDateTime;
use time::macros::format_description;

/// The page.
pub(super) const PATH: &str = "/account";
/// Adds a passkey.
pub(super) const ADD_PASSKEY_PATH: &str = "/account/passkeys";
/// Removes a passkey.
pub(super) const REMOVE_PASSKEY_PATH: &str = "/account/passkeys/remove";
/// Removes the authenticator app.
pub(super) const REMOVE_APP_PATH: &str = "/account/second-factor/remove";
/// Ends a session.
pub(super) const END_SESSION_PATH: &str = "/account/sessions/end";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route(PATH, get(page))
        .route(ADD_PASSKEY_PATH, post(add_passkey))
        .route(REMOVE_PASSKEY_PATH, post(remove_passkey))
        .route(REMOVE_APP_PATH, post(remove_app))
        .route(END_SESSION_PATH, post(end_session))
}

struct PasskeyRow<'a> {
    name: &'a str,
    label: String,
    added: String,
    used: Option<String>,
    after_password: bool,
}

impl<'a> From<&'a Passkey> for PasskeyRow<'a> {
    fn from(passkey: &'a Passkey) -> Self {
        Self {
            name: passkey.name.as_str(),
            label: passkey.id.label(),
            added: day(passkey.created_at),
            used: passkey.used_at.map(day),
            after_password: passkey.usage == PasskeyUse::AfterPassword,
        }
    }
}

struct SessionRow<'a> {
    id: &'a str,
    methods: &'static str,
    since: String,
    own: bool,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountTemplate<'a> {
    paths: Paths,
    banner: Option<&'a str>,
    message: Option<&'a str>,
    login: &'a str,
    form: &'a str,
    passkeys: Vec<PasskeyRow<'a>>,
    registration: Option<&'a str>,
    has_app: bool,
    sessions: Vec<SessionRow<'a>>,
}

fn day(time: UnixTime) -> String {
    written(
        time,
        format_description!("[day padding:none] [month repr:short] [year]"),
    )
}

fn minute(time: UnixTime) -> String {
    let format =
        format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");
    written(time, format)
}

fn written(time: UnixTime, format: &[time::format_description::BorrowedFormatItem<'_>]) -> String {
    let seconds = i64::try_from(time.0).unwrap_or_default();
    let moment = OffsetDateTime::from_unix_timestamp(seconds);
    let text = moment.ok().and_then(|moment| moment.format(format).ok());
    text.unwrap_or_default()
}

const fn methods(amr: Amr) -> &'static str {
    match amr {
        Amr::Password => "Password",
        Amr::PasswordAndCode => "Password and code",
        Amr::PasswordAndRecovery => "Password and recovery code",
        Amr::PasswordAndPasskey => "Password and passkey",
        Amr::Passkey => "Passkey",
        Amr::Partner => "Partner domain",
    }
}

fn shown(shared: &Shared, page: &AccountPage, fault: Option<AccountFault>) -> Response {
    let (status, message) = match fault.map(told) {
        Some((status, message)) => (status, Some(message)),
        None => (StatusCode::OK, None),
    };
    let row = |session: &BrowserSession| (session.amr, session.authenticated_at);
    let sessions = page.sessions.iter().map(|session| {
        let (amr, since) = row(session);
        SessionRow {
            id: session.id.as_str(),
            methods: methods(amr),
            since: minute(since),
            own: session.id == page.own,
        }
    });
    let template = AccountTemplate {
        paths: PATHS,
        banner: shared.banner(),
        message: message.as_deref(),
        login: page.login.as_str(),
        form: &page.form,
        passkeys: page.passkeys.iter().map(PasskeyRow::from).collect(),
        registration: page.registration.as_deref(),
        has_app: page.has_app,
        sessions: sessions.collect(),
    };
    pages::html(status, template.render())
}

/// The page, or the log-in that has to come first.
enum Shown {
    Page(Box<AccountPage>),
    LogIn(LoginAnswer),
}

async fn page(State(shared): State<Shared>, request: Request) -> Response {
    let browser = cookie::read_session(request.headers());
    open(&shared, browser, None).await
}

async fn open(
    shared: &Shared,
    browser: Option<BrowserKey>,
    fault: Option<AccountFault>,
) -> Response {
    let front = shared.front.clone();
    let opened = blocking(move || {
        let now = front.clock.now();
        let page = front.idm.account_page(browser.as_ref(), now)?;
        Ok::<_, LoginRefusal>(match page {
            Some(page) => Shown::Page(Box::new(page)),
            None => Shown::LogIn(front.idm.log_in_to_account(now, &mut OsRandom)?),
        })
    });
    match opened.await {
        Some(Ok(Shown::Page(page))) => shown(shared, &page, fault),
        Some(Ok(Shown::LogIn(answer))) => show(shared, answer),
        Some(Err(refusal)) => refused(shared, &refusal),
        None => server_error(shared),
    }
}

type Changed<T> = Result<Result<T, AccountFault>, LoginRefusal>;

/// Reads a form and works on it; shows the page with what was wrong, or loads it anew.
async fn change<T: Send + 'static>(
    shared: &Shared,
    request: Request,
    work: impl FnOnce(&IdmFrontEnd, &str, Option<&BrowserKey>) -> Changed<T> + Send + 'static,
) -> Result<T, Response> {
    let browser = cookie::read_session(request.headers());
    match hashed(shared, request, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(fault)) => Err(open(shared, browser, Some(fault)).await),
        Err(response) => Err(*response),
    }
}

fn back<T>(changed: Result<T, Response>) -> Response {
    changed.map_or_else(|response| response, |_| redirect(PATH.to_owned()))
}

async fn add_passkey(State(shared): State<Shared>, request: Request) -> Response {
    let changed = change(&shared, request, |front, body, browser| {
        front.idm.add_passkey(body, browser, front.clock.now())
    });
    back(changed.await)
}

async fn remove_passkey(State(shared): State<Shared>, request: Request) -> Response {
    let changed = change(&shared, request, |front, body, browser| {
        front.idm.remove_passkey(body, browser, front.clock.now())
    });
    back(changed.await)
}

async fn remove_app(State(shared): State<Shared>, request: Request) -> Response {
    let changed = change(&shared, request, |front, body, browser| {
        front.idm.remove_app(body, browser, front.clock.now())
    });
    back(changed.await)
}

async fn end_session(State(shared): State<Shared>, request: Request) -> Response {
    let changed = change(&shared, request, |front, body, browser| {
        front.idm.end_session(body, browser, front.clock.now())
    });
    match changed.await {
        Ok(true) => {
            let page = pages::notice(StatusCode::OK, "You are logged out.", shared.banner());
            with_header(page, SET_COOKIE, cookie::clear_session())
        }
        other => back(other),
    }
}
