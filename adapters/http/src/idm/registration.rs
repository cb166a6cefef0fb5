//! Clients that register themselves (RFC 7591, RFC 7592).

use super::endpoints::authorization;
use super::pages;
use super::router::{Shared, blocking, with_header};
use crate::service::read_body;
use crate::system::OsRandom;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use roger_base::SecretBytes;
use roger_oidc::provider::RegistrationRefusal;

/// Where clients register.
pub(super) const PATH: &str = "/oauth2/register";
/// Where a client finds its own registration.
pub(super) const CLIENT_PATH: &str = "/oauth2/register/{id}";
const JSON: &str = "application/json;charset=UTF-8";

/// RFC 7591 3.
pub(super) async fn register(State(shared): State<Shared>, request: Request) -> Response {
    let Ok(authorization) = authorization(request.headers()) else {
        return malformed(StatusCode::BAD_REQUEST);
    };
    let body = match json_body(request).await {
        Ok(body) => body,
        Err(status) => return malformed(status),
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let (now, header) = (front.clock.now(), authorization.as_ref());
        let endpoint = front.idm.registration(now);
        endpoint.register(
            header.map(|header| header.as_str()),
            &body,
            now,
            &mut OsRandom,
        )
    });
    answer(StatusCode::CREATED, answered.await)
}

/// RFC 7592 2.1.
pub(super) async fn read(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(authorization) = authorization(&headers) else {
        return malformed(StatusCode::BAD_REQUEST);
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let header = authorization.as_ref().map(|header| header.as_str());
        front.idm.registration(front.clock.now()).read(&id, header)
    });
    answer(StatusCode::OK, answered.await)
}

/// RFC 7592 2.2.
pub(super) async fn update(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let Ok(authorization) = authorization(request.headers()) else {
        return malformed(StatusCode::BAD_REQUEST);
    };
    let body = match json_body(request).await {
        Ok(body) => body,
        Err(status) => return malformed(status),
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let header = authorization.as_ref().map(|header| header.as_str());
        front
            .idm
            .registration(front.clock.now())
            .update(&id, header, &body)
    });
    answer(StatusCode::OK, answered.await)
}

/// RFC 7592 2.3.
pub(super) async fn delete(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(authorization) = authorization(&headers) else {
        return malformed(StatusCode::BAD_REQUEST);
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let header = authorization.as_ref().map(|header| header.as_str());
        let deleted = front
            .idm
            .registration(front.clock.now())
            .delete(&id, header);
        deleted.map(|()| SecretBytes::new(Vec::new()))
    });
    answer(StatusCode::NO_CONTENT, answered.await)
}

fn answer(
    good: StatusCode,
    answered: Option<Result<SecretBytes, RegistrationRefusal>>,
) -> Response {
    let refusal = match answered {
        Some(Ok(json)) => return pages::answer(good, JSON, Body::from(json.expose().to_vec())),
        Some(Err(refusal)) => refusal,
        None => return malformed(StatusCode::INTERNAL_SERVER_ERROR),
    };
    tracing::info!(%refusal, "registration refused");
    let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let response = pages::answer(status, JSON, Body::from(refusal.to_json()));
    match refusal {
        RegistrationRefusal::DeniedToken => with_header(
            response,
            WWW_AUTHENTICATE,
            r#"Bearer realm="registration", error="invalid_token""#.to_owned(),
        ),
        _ => response,
    }
}

fn malformed(status: StatusCode) -> Response {
    let body = Body::from(r#"{"error":"invalid_client_metadata"}"#);
    pages::answer(status, JSON, body)
}

async fn json_body(request: Request) -> Result<Vec<u8>, StatusCode> {
    let content_type = request.headers().get(CONTENT_TYPE);
    let essence = content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next());
    if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json")) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    Ok(read_body(request).await?.1)
}
