//! How a service that knows no sockets is served over HTTP.
//!
//! The service gets a request with its body read and its bearer token parsed, and answers at once; it runs on a
//! thread of its own, since checking signatures and making keys takes a while.

use crate::server::{Peer, Route};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use core::time::Duration;
use http_body_util::BodyExt as _;
use roger_oidc::{AccessToken, TokenRefusal};
use rustls_pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Largest body when a router runs without our server around it.
const DEFAULT_BODY_OCTETS: usize = 64 * 1024;
/// How much of a body that is too large is read and thrown away.
const DISCARDED_OCTETS: usize = 1024 * 1024;
/// Longest time for a body when a router runs without our server around it.
const DEFAULT_BODY_TIME: Duration = Duration::from_secs(10);
/// Requests that [`mount`] lets one service work on or keep waiting at one time.
const RUNNING: usize = 256;

/// The `Authorization` header of a request (RFC 6750 2.1).
pub enum Bearer {
    /// None there.
    Missing,
    /// Another scheme, or not a token.
    Malformed,
    /// A token, not yet verified.
    Given(AccessToken),
}

impl Bearer {
    /// Reads the header of a request.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return if headers.contains_key(AUTHORIZATION) {
                Self::Malformed
            } else {
                Self::Missing
            };
        };
        let token = value.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
        match token.map(|(_, token)| AccessToken::new(token.trim())) {
            Some(Ok(token)) => Self::Given(token),
            _ => Self::Malformed,
        }
    }

    /// The token, when there is one.
    #[must_use]
    pub const fn token(&self) -> Option<&AccessToken> {
        match self {
            Self::Given(token) => Some(token),
            Self::Missing | Self::Malformed => None,
        }
    }
}

/// A request with its body.
pub struct HttpRequest {
    /// GET, POST, …
    pub method: Method,
    /// Path as sent: not decoded, without the query.
    pub path: String,
    /// Query as sent, without `?`.
    pub query: Option<String>,
    /// Every header.
    pub headers: HeaderMap,
    /// The bearer token.
    pub bearer: Bearer,
    /// The body, within the server's limit.
    pub body: Vec<u8>,
    /// Where it came from.
    pub peer: Option<SocketAddr>,
    /// Certificate that the client showed and the authority signed.
    pub client_certificate: Option<CertificateDer<'static>>,
}

impl HttpRequest {
    /// The value of a header that came once and is text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        first.to_str().ok()
    }
}

/// What a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// `Content-Type`, absent when there is no body.
    pub content_type: Option<String>,
    /// Further headers such as `ETag`.
    pub headers: Vec<(HeaderName, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// A status without a body.
    #[must_use]
    pub const fn empty(status: StatusCode) -> Self {
        Self {
            status,
            content_type: None,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A status with a body of some type.
    #[must_use]
    pub fn with_body(status: StatusCode, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: Some(content_type.to_owned()),
            headers: Vec::new(),
            body,
        }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// 401 for a request without a token (RFC 6750 3; TS 24.482 A.2.3 has 403 there, see TS 33.180 Annex B).
    #[must_use]
    pub fn token_missing(realm: &str) -> Self {
        Self::empty(StatusCode::UNAUTHORIZED)
            .header(WWW_AUTHENTICATE, format!(r#"Bearer realm="{realm}""#))
    }

    /// 400 for an `Authorization` header that is no bearer token (RFC 6750 3.1).
    #[must_use]
    pub fn token_malformed(realm: &str) -> Self {
        let challenge = format!(r#"Bearer realm="{realm}", error="invalid_request""#);
        Self::empty(StatusCode::BAD_REQUEST).header(WWW_AUTHENTICATE, challenge)
    }

    /// 401 `invalid_token` or 403 `insufficient_scope` (RFC 6750 3.1).
    #[must_use]
    pub fn token_refused(realm: &str, refusal: &TokenRefusal) -> Self {
        let error = refusal.oauth_error();
        match refusal {
            TokenRefusal::DeniedScope { needed } => {
                let challenge =
                    format!(r#"Bearer realm="{realm}", error="{error}", scope="{needed}""#);
                Self::empty(StatusCode::FORBIDDEN).header(WWW_AUTHENTICATE, challenge)
            }
            _ => {
                let challenge = format!(r#"Bearer realm="{realm}", error="{error}""#);
                Self::empty(StatusCode::UNAUTHORIZED).header(WWW_AUTHENTICATE, challenge)
            }
        }
    }

    pub(crate) fn into_axum(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let fixed = [
            (CACHE_CONTROL, "no-store".to_owned()),
            (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        ];
        let typed = self
            .content_type
            .map(|content_type| (CONTENT_TYPE, content_type));
        for (name, value) in fixed.into_iter().chain(typed).chain(self.headers) {
            match HeaderValue::try_from(value) {
                Ok(value) => {
                    headers.insert(name, value);
                }
                Err(_) => {
                    tracing::error!(%name, "a service answered with a header that is not text")
                }
            }
        }
        response
    }
}

/// A service behind HTTP, such as the KMS or the GMS.
pub trait HttpService: Send + Sync + 'static {
    /// Answers one request. It may take a while but must end.
    fn handle(&self, request: HttpRequest) -> HttpResponse;
}

/// A router that hands every request to a service. The service decides by method and path.
pub fn mount(service: Arc<dyn HttpService>) -> Router {
    mount_bounded(service, RUNNING)
}

/// The same with another bound on the requests under way at one time; those beyond it get 503 and `Retry-After`.
pub fn mount_bounded(service: Arc<dyn HttpService>, running: usize) -> Router {
    mount_counted(service, running, &[])
}

/// The same with the beginnings of the service's paths, under which its requests are counted.
pub fn mount_counted(
    service: Arc<dyn HttpService>,
    running: usize,
    routes: &'static [&'static str],
) -> Router {
    let running = Arc::new(Semaphore::new(running));
    Router::new().fallback(move |request: Request| {
        let (service, running) = (service.clone(), running.clone());
        async move {
            let route = route(request.uri().path(), routes);
            let mut response = answer(service, running, request).await.into_axum();
            response.extensions_mut().insert(route);
            response
        }
    })
}

/// The longest beginning that a path has, up to the end of a segment.
fn route(path: &str, routes: &'static [&'static str]) -> Route {
    let begins = |route: &&&str| {
        path.strip_prefix(**route)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let longest = routes.iter().filter(begins).max_by_key(|route| route.len());
    Route(longest.copied().unwrap_or("other"))
}

/// 429 with the time to wait, in whole seconds (RFC 6585 4).
pub(crate) fn too_many_requests(wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    HttpResponse::empty(StatusCode::TOO_MANY_REQUESTS)
        .header(RETRY_AFTER, seconds.max(1).to_string())
        .into_axum()
}

async fn answer(
    service: Arc<dyn HttpService>,
    running: Arc<Semaphore>,
    request: Request,
) -> HttpResponse {
    let Ok(slot) = running.try_acquire_owned() else {
        return HttpResponse::empty(StatusCode::SERVICE_UNAVAILABLE).header(RETRY_AFTER, "1");
    };
    let request = match read(request).await {
        Ok(request) => request,
        Err(status) => return HttpResponse::empty(status),
    };
    let work = tokio::task::spawn_blocking(move || {
        let response = service.handle(request);
        drop(slot);
        response
    });
    work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a service failed on a request");
        HttpResponse::empty(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

async fn read(request: Request) -> Result<HttpRequest, StatusCode> {
    let (parts, body) = read_body(request).await?;
    let peer = parts.extensions.get::<Peer>();
    Ok(HttpRequest {
        bearer: Bearer::of(&parts.headers),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        method: parts.method,
        headers: parts.headers,
        body,
        peer: peer.map(|peer| peer.address),
        client_certificate: peer.and_then(|peer| peer.certificate.clone()),
    })
}

/// Reads a body within the server's limits: 413 beyond its size, 408 beyond its time, 400 when the client breaks off.
pub(crate) async fn read_body(request: Request) -> Result<(Parts, Vec<u8>), StatusCode> {
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>();
    let limit = peer.map_or(DEFAULT_BODY_OCTETS, |peer| peer.body_octets);
    let time = peer.map_or(DEFAULT_BODY_TIME, |peer| peer.body_time);
    let octets = tokio::time::timeout(time, octets_of(body, limit))
        .await
        .map_err(|_| StatusCode::REQUEST_TIMEOUT)??;
    Ok((parts, octets))
}

/// A client that has announced too much is still sending; what it sends is thrown away for a while, or it would
/// see a broken connection in place of the 413.
async fn octets_of(mut body: Body, limit: usize) -> Result<Vec<u8>, StatusCode> {
    let (mut octets, mut received) = (Vec::new(), 0usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else {
            continue;
        };
        received = received.saturating_add(data.len());
        if received <= limit {
            octets.extend_from_slice(&data);
        } else if received > limit.saturating_add(DISCARDED_OCTETS) {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    if received > limit {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_one_of_the_list_and_never_a_path_as_sent() {
        const ROUTES: &[&str] = &["/k/v1/keyprov", "/k/v1"];
        assert_eq!(
            route("/k/v1/keyprov/sip%3Aalice", ROUTES),
            Route("/k/v1/keyprov")
        );
        assert_eq!(route("/k/v1/keyprov", ROUTES), Route("/k/v1/keyprov"));
        assert_eq!(route("/k/v1/keyprovx", ROUTES), Route("/k/v1"));
        assert_eq!(route("/k/v10", ROUTES), Route("other"));
        assert_eq!(route("/", ROUTES), Route("other"));
    }

    #[test]
    fn the_time_to_wait_is_rounded_up() {
        let seconds = |wait| too_many_requests(wait).headers()[RETRY_AFTER].clone();
        assert_eq!(seconds(Duration::from_millis(1)), "1");
        assert_eq!(seconds(Duration::ZERO), "1");
        assert_eq!(seconds(Duration::from_millis(2001)), "3");
    }
}
