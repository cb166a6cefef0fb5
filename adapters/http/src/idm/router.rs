//! Requests to the IdM service and its answers to HTTP.

use super::pages::{self, LOGIN_PATH, SCRIPT, SCRIPT_PATH, STYLE, STYLE_PATH};
use super::{account, account_page, cookie, endpoints, log_out, registration};
use crate::service::read_body;
use crate::system::{Clock, OsRandom};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use core::time::Duration;
use roger_idm::{Idm, LoginAnswer, LoginForm, LoginRefusal, LoginStep};
use roger_oidc::BrowserKey;
use roger_oidc::provider::AuthorizationRefusal;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

/// Most passwords hashed at one time; each takes 19 MiB.
const HASHING: usize = 8;
/// How long a form waits for its turn.
const HASHING_WAIT: Duration = Duration::from_secs(10);
/// How long the key set may be cached, in seconds.
const JWKS_AGE: u32 = 300;

/// The IdM service with what its endpoints need.
pub struct IdmFrontEnd {
    /// The service.
    pub idm: Arc<Idm>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Shown on every page; development servers say what they are.
    pub banner: Option<String>,
}

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) front: Arc<IdmFrontEnd>,
    hashing: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn banner(&self) -> Option<&str> {
        self.front.banner.as_deref()
    }

    /// A turn to hash a password; `None` when too many wait.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = self.hashing.clone().acquire_owned();
        tokio::time::timeout(HASHING_WAIT, turn).await.ok()?.ok()
    }
}

/// The IdM server's router.
pub fn router(front: IdmFrontEnd) -> Router {
    let shared = Shared {
        front: Arc::new(front),
        hashing: Arc::new(Semaphore::new(HASHING)),
    };
    Router::new()
        .route(
            "/oauth2/authorize",
            get(authorize_by_query).post(authorize_by_form),
        )
        .route(LOGIN_PATH, post(login))
        .route("/oauth2/token", post(endpoints::token))
        .route("/oauth2/revoke", post(endpoints::revoke))
        .route("/oauth2/introspect", post(endpoints::introspect))
        .route(
            "/oauth2/userinfo",
            get(endpoints::userinfo).post(endpoints::userinfo),
        )
        .route(log_out::PATH, get(log_out::by_query).post(log_out::by_form))
        .route(registration::PATH, post(registration::register))
        .route(
            registration::CLIENT_PATH,
            get(registration::read)
                .put(registration::update)
                .delete(registration::delete),
        )
        .route(log_out::CONFIRM_PATH, post(log_out::confirmed))
        .route(
            account::PASSWORD_PATH,
            get(account::password_page).post(account::change_password),
        )
        .route(
            account::FACTOR_PATH,
            get(account::factor_page).post(account::begin_enrolment),
        )
        .route(account::CONFIRM_PATH, post(account::finish_enrolment))
        .merge(account_page::routes())
        .route("/oauth2/jwks", get(jwks))
        .route(STYLE_PATH, get(style))
        .route(SCRIPT_PATH, get(script))
        .route("/.well-known/openid-configuration", get(discovery))
        .with_state(shared)
}

/// Runs work that waits for the store or hashes on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|error| tracing::error!(%error, "the IdM service failed on a request"))
        .ok()
}

async fn authorize_by_query(State(shared): State<Shared>, request: Request) -> Response {
    let browser = cookie::read_session(request.headers());
    let query = request.uri().query().unwrap_or_default().to_owned();
    authorize(shared, query, browser).await
}

/// OpenID Connect Core 3.1.2.1 allows the request by POST as well.
async fn authorize_by_form(State(shared): State<Shared>, request: Request) -> Response {
    let browser = cookie::read_session(request.headers());
    match form_body(request).await {
        Ok(body) => authorize(shared, body.to_string(), browser).await,
        Err(status) => pages::notice(status, "The request is malformed.", shared.banner()),
    }
}

async fn authorize(shared: Shared, query: String, browser: Option<BrowserKey>) -> Response {
    let front = shared.front.clone();
    let begun = blocking(move || {
        let now = front.clock.now();
        front
            .idm
            .authorize(&query, browser.as_ref(), now, &mut OsRandom)
    })
    .await;
    match begun {
        Some(Ok(answer)) => show(&shared, answer),
        Some(Err(refusal)) => refused(&shared, &refusal),
        None => server_error(&shared),
    }
}

async fn login(State(shared): State<Shared>, request: Request) -> Response {
    let cookie = cookie::read(request.headers());
    let body = match form_body(request).await {
        Ok(body) => body,
        Err(status) => return pages::notice(status, "The form is malformed.", shared.banner()),
    };
    let Some(turn) = shared.turn().await else {
        return busy(&shared);
    };
    let front = shared.front.clone();
    let answer = blocking(move || {
        let now = front.clock.now();
        let answer = front
            .idm
            .submit_login(&body, cookie.as_ref(), now, &mut OsRandom);
        drop(turn);
        answer
    });
    match answer.await {
        Some(Ok(answer)) => show(&shared, answer),
        Some(Err(refusal)) => refused(&shared, &refusal),
        None => server_error(&shared),
    }
}

pub(super) fn show(shared: &Shared, answer: LoginAnswer) -> Response {
    let response = show_step(shared, answer.step);
    match answer.signed_on {
        Some(signed_on) => with_header(
            response,
            SET_COOKIE,
            cookie::set_session(&signed_on.key, signed_on.life),
        ),
        None => response,
    }
}

fn show_step(shared: &Shared, step: LoginStep) -> Response {
    let banner = shared.banner();
    let begun = |page: Response, form: &LoginForm| {
        with_header(
            page,
            SET_COOKIE,
            cookie::set(&form.session, form.expires_in),
        )
    };
    match step {
        LoginStep::Redirect(location) => {
            with_header(redirect(location), SET_COOKIE, cookie::clear())
        }
        LoginStep::Account => with_header(
            redirect(account_page::PATH.to_owned()),
            SET_COOKIE,
            cookie::clear(),
        ),
        LoginStep::Form(form) => begun(pages::login(StatusCode::OK, &form, None, banner), &form),
        LoginStep::AskCode(form) => pages::login(StatusCode::OK, &form, None, banner),
        LoginStep::WrongCode(form) => {
            let message = Some("This code is wrong or was used before.");
            pages::login(StatusCode::FORBIDDEN, &form, message, banner)
        }
        LoginStep::WrongPasskey(form) => {
            let message = Some("This passkey was not accepted. Try again, or log in another way.");
            pages::login(StatusCode::FORBIDDEN, &form, message, banner)
        }
        LoginStep::AskConsent(form, purposes) => {
            begun(pages::consent(&form, &purposes, banner), &form)
        }
        LoginStep::TryAgain(form) => {
            let message = Some("User name or password is wrong.");
            pages::login(StatusCode::FORBIDDEN, &form, message, banner)
        }
        LoginStep::Wait(form, wait) => {
            let seconds = wait.as_secs().max(1);
            let message = format!("Too many attempts. Wait {seconds} seconds and try again.");
            let status = StatusCode::TOO_MANY_REQUESTS;
            let page = pages::login(status, &form, Some(&message), banner);
            with_header(page, RETRY_AFTER, seconds.to_string())
        }
    }
}

/// The one place where a refused log-in becomes HTTP.
pub(super) fn refused(shared: &Shared, refusal: &LoginRefusal) -> Response {
    match refusal {
        LoginRefusal::PeerRequest(AuthorizationRefusal::PeerRedirect { location, .. }) => {
            redirect(location.clone())
        }
        LoginRefusal::PeerRequest(AuthorizationRefusal::PeerPage(message)) => {
            pages::notice(StatusCode::BAD_REQUEST, message, shared.banner())
        }
        LoginRefusal::PeerForm | LoginRefusal::PeerNoSession => pages::notice(
            StatusCode::BAD_REQUEST,
            &refusal.to_string(),
            shared.banner(),
        ),
        LoginRefusal::DeniedTooManyAttempts => pages::notice(
            StatusCode::TOO_MANY_REQUESTS,
            &refusal.to_string(),
            shared.banner(),
        ),
        other => {
            tracing::error!(error = %other, "a log-in failed");
            server_error(shared)
        }
    }
}

async fn jwks(State(shared): State<Shared>) -> Response {
    let json = shared.front.idm.public_keys().to_json();
    cacheable(pages::answer(
        StatusCode::OK,
        "application/jwk-set+json",
        Body::from(json),
    ))
}

async fn discovery(State(shared): State<Shared>) -> Response {
    let json = shared.front.idm.discovery_json();
    cacheable(pages::answer(
        StatusCode::OK,
        "application/json",
        Body::from(json),
    ))
}

async fn style() -> Response {
    cacheable(pages::answer(
        StatusCode::OK,
        "text/css; charset=utf-8",
        Body::from(STYLE),
    ))
}

async fn script() -> Response {
    cacheable(pages::answer(
        StatusCode::OK,
        "text/javascript; charset=utf-8",
        Body::from(SCRIPT),
    ))
}

fn cacheable(mut response: Response) -> Response {
    response.headers_mut().remove("pragma");
    with_header(
        response,
        CACHE_CONTROL,
        format!("public, max-age={JWKS_AGE}"),
    )
}

/// The body of a form post, as text: 415 for another type, 413 when too large, 400 when not UTF-8.
pub(super) async fn form_body(request: Request) -> Result<Zeroizing<String>, StatusCode> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|text| text.split(';').next())
        .map(str::trim);
    if !essence
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let (_, octets) = read_body(request).await?;
    let text = String::from_utf8(octets).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(Zeroizing::new(text))
}

pub(super) fn redirect(location: String) -> Response {
    let response = pages::answer(
        StatusCode::FOUND,
        "text/plain; charset=utf-8",
        Body::empty(),
    );
    with_header(response, LOCATION, location)
}

pub(super) fn busy(shared: &Shared) -> Response {
    let message = "Many people are logging in right now. Try again in a moment.";
    let page = pages::notice(StatusCode::SERVICE_UNAVAILABLE, message, shared.banner());
    with_header(page, RETRY_AFTER, "5".to_owned())
}

pub(super) fn server_error(shared: &Shared) -> Response {
    let message = "The log-in does not work right now. Try again later.";
    let page = pages::notice(StatusCode::SERVICE_UNAVAILABLE, message, shared.banner());
    with_header(page, RETRY_AFTER, "10".to_owned())
}

pub(super) fn with_header(mut response: Response, name: HeaderName, value: String) -> Response {
    match HeaderValue::try_from(value) {
        Ok(value) => {
            // Several cookies may be set, everything else once.
            if name == SET_COOKIE {
                response.headers_mut().append(name, value);
            } else {
                response.headers_mut().insert(name, value);
            }
        }
        Err(_) => tracing::error!(%name, "a header value is not text"),
    }
    response
}
