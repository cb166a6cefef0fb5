//! Requests to the IdM service and its answers to HTTP.

use super::cookie;
use super::pages::{self, LOGIN_PATH, STYLE, STYLE_PATH};
use crate::service::read_body;
use crate::system::{Clock, OsRandom};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use core::time::Duration;
use roger_idm::{Idm, LoginOutcome, LoginRefusal};
use roger_oidc::provider::{AuthorizationRefusal, TokenErrorCode};
use std::sync::Arc;
use tokio::sync::Semaphore;
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
struct Shared {
    front: Arc<IdmFrontEnd>,
    hashing: Arc<Semaphore>,
}

impl Shared {
    fn banner(&self) -> Option<&str> {
        self.front.banner.as_deref()
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
        .route("/oauth2/token", post(token))
        .route("/oauth2/jwks", get(jwks))
        .route(STYLE_PATH, get(style))
        .route("/.well-known/openid-configuration", get(discovery))
        .with_state(shared)
}

/// Runs work that waits for the store or hashes on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|error| tracing::error!(%error, "the IdM service failed on a request"))
        .ok()
}

async fn authorize_by_query(State(shared): State<Shared>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    authorize(shared, query).await
}

/// OpenID Connect Core 3.1.2.1 allows the request by POST as well.
async fn authorize_by_form(State(shared): State<Shared>, request: Request) -> Response {
    match form_body(request).await {
        Ok(body) => authorize(shared, body.to_string()).await,
        Err(status) => pages::notice(status, "The request is malformed.", shared.banner()),
    }
}

async fn authorize(shared: Shared, query: String) -> Response {
    let front = shared.front.clone();
    let begun = blocking(move || {
        front
            .idm
            .begin_login(&query, front.clock.now(), &mut OsRandom)
    })
    .await;
    match begun {
        Some(Ok(form)) => {
            let cookie = cookie::set(&form.session, form.expires_in);
            with_header(
                pages::login(StatusCode::OK, &form, None, shared.banner()),
                SET_COOKIE,
                cookie,
            )
        }
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
    let Ok(Ok(turn)) =
        tokio::time::timeout(HASHING_WAIT, shared.hashing.clone().acquire_owned()).await
    else {
        return busy(&shared);
    };
    let front = shared.front.clone();
    let outcome = blocking(move || {
        let outcome =
            front
                .idm
                .submit_login(&body, cookie.as_ref(), front.clock.now(), &mut OsRandom);
        drop(turn);
        outcome
    });
    match outcome.await {
        Some(Ok(outcome)) => show(&shared, outcome),
        Some(Err(refusal)) => refused(&shared, &refusal),
        None => server_error(&shared),
    }
}

fn show(shared: &Shared, outcome: LoginOutcome) -> Response {
    match outcome {
        LoginOutcome::Redirect(location) => {
            with_header(redirect(location), SET_COOKIE, cookie::clear())
        }
        LoginOutcome::TryAgain(form) => {
            let message = Some("User name or password is wrong.");
            pages::login(StatusCode::FORBIDDEN, &form, message, shared.banner())
        }
        LoginOutcome::Wait(form, wait) => {
            let seconds = wait.as_secs().max(1);
            let message = format!("Too many attempts. Wait {seconds} seconds and try again.");
            let page = pages::login(
                StatusCode::TOO_MANY_REQUESTS,
                &form,
                Some(&message),
                shared.banner(),
            );
            with_header(page, RETRY_AFTER, seconds.to_string())
        }
    }
}

/// The one place where a refused log-in becomes HTTP.
fn refused(shared: &Shared, refusal: &LoginRefusal) -> Response {
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

async fn token(State(shared): State<Shared>, request: Request) -> Response {
    let authorization = match authorization(request.headers()) {
        Ok(authorization) => authorization,
        Err(status) => {
            return pages::answer(
                status,
                "application/json",
                Body::from(r#"{"error":"invalid_request"}"#),
            );
        }
    };
    let body = match form_body(request).await {
        Ok(body) => body,
        Err(status) => {
            return pages::answer(
                status,
                "application/json",
                Body::from(r#"{"error":"invalid_request"}"#),
            );
        }
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let header = authorization.as_ref().map(|header| header.as_str());
        front
            .idm
            .token(header, &body, front.clock.now(), &mut OsRandom)
    });
    match answered.await {
        Some(Ok(tokens)) => {
            let json = tokens.to_json().expose().to_vec();
            pages::answer(
                StatusCode::OK,
                "application/json;charset=UTF-8",
                Body::from(json),
            )
        }
        Some(Err(error)) => {
            let status =
                StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
            let response = pages::answer(
                status,
                "application/json;charset=UTF-8",
                Body::from(error.to_json()),
            );
            match error.code {
                TokenErrorCode::InvalidClient => with_header(
                    response,
                    WWW_AUTHENTICATE,
                    r#"Basic realm="token endpoint""#.to_owned(),
                ),
                TokenErrorCode::ServerError => with_header(response, RETRY_AFTER, "5".to_owned()),
                _ => response,
            }
        }
        None => pages::answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "application/json",
            Body::from(r#"{"error":"server_error"}"#),
        ),
    }
}

/// The `Authorization` header when there is at most one and it is text.
fn authorization(headers: &HeaderMap) -> Result<Option<Zeroizing<String>>, StatusCode> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let text = value.to_str().map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(Some(Zeroizing::new(text.to_owned())))
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

fn cacheable(mut response: Response) -> Response {
    response.headers_mut().remove("pragma");
    with_header(
        response,
        CACHE_CONTROL,
        format!("public, max-age={JWKS_AGE}"),
    )
}

/// The body of a form post, as text: 415 for another type, 413 when too large, 400 when not UTF-8.
async fn form_body(request: Request) -> Result<Zeroizing<String>, StatusCode> {
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

fn redirect(location: String) -> Response {
    let response = pages::answer(
        StatusCode::FOUND,
        "text/plain; charset=utf-8",
        Body::empty(),
    );
    with_header(response, LOCATION, location)
}

fn busy(shared: &Shared) -> Response {
    let message = "Many people are logging in right now. Try again in a moment.";
    let page = pages::notice(StatusCode::SERVICE_UNAVAILABLE, message, shared.banner());
    with_header(page, RETRY_AFTER, "5".to_owned())
}

fn server_error(shared: &Shared) -> Response {
    let message = "The log-in does not work right now. Try again later.";
    let page = pages::notice(StatusCode::SERVICE_UNAVAILABLE, message, shared.banner());
    with_header(page, RETRY_AFTER, "10".to_owned())
}

fn with_header(mut response: Response, name: HeaderName, value: String) -> Response {
    match HeaderValue::try_from(value) {
        Ok(value) => {
            response.headers_mut().insert(name, value);
        }
        Err(_) => tracing::error!(%name, "a header value is not text"),
    }
    response
}
