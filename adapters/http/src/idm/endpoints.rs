//! The endpoints that programs call: token, revocation, introspection, userinfo.

use super::pages;
use super::router::{Shared, blocking, form_body, with_header};
use crate::system::OsRandom;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use roger_oidc::provider::{TokenError, TokenErrorCode, UserInfoRefusal};
use zeroize::Zeroizing;

const JSON: &str = "application/json;charset=UTF-8";

/// RFC 6749 3.2.
pub(super) async fn token(State(shared): State<Shared>, request: Request) -> Response {
    let Posted {
        authorization,
        body,
    } = match posted(request).await {
        Ok(posted) => posted,
        Err(status) => return malformed(status),
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let now = front.clock.now();
        let answer = front
            .idm
            .token(text(authorization.as_ref()), &body, now, &mut OsRandom);
        answer.map(|tokens| tokens.to_json().expose().to_vec())
    });
    answer(answered.await)
}

/// RFC 7009 2.
pub(super) async fn revoke(State(shared): State<Shared>, request: Request) -> Response {
    let Posted {
        authorization,
        body,
    } = match posted(request).await {
        Ok(posted) => posted,
        Err(status) => return malformed(status),
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let now = front.clock.now();
        let answer = front.idm.revoke(text(authorization.as_ref()), &body, now);
        answer.map(|()| Vec::new())
    });
    answer(answered.await)
}

/// RFC 7662 2.
pub(super) async fn introspect(State(shared): State<Shared>, request: Request) -> Response {
    let Posted {
        authorization,
        body,
    } = match posted(request).await {
        Ok(posted) => posted,
        Err(status) => return malformed(status),
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let now = front.clock.now();
        let answer = front
            .idm
            .introspect(text(authorization.as_ref()), &body, now);
        answer.map(|answer| answer.to_json().as_bytes().to_vec())
    });
    answer(answered.await)
}

/// OpenID Connect Core 5.3; the token comes in the header only.
pub(super) async fn userinfo(State(shared): State<Shared>, request: Request) -> Response {
    let Ok(authorization) = authorization(request.headers()) else {
        return malformed(StatusCode::BAD_REQUEST);
    };
    let front = shared.front.clone();
    let answered = blocking(move || {
        let now = front.clock.now();
        front.idm.userinfo(text(authorization.as_ref()), now)
    });
    let refused = |status, challenge: &str| {
        let response = pages::answer(status, JSON, Body::empty());
        with_header(
            response,
            WWW_AUTHENTICATE,
            format!("Bearer realm=\"userinfo\"{challenge}"),
        )
    };
    match answered.await {
        Some(Ok(user)) => {
            pages::answer(StatusCode::OK, JSON, Body::from(user.to_json().to_owned()))
        }
        Some(Err(UserInfoRefusal::PeerNoToken)) => refused(StatusCode::UNAUTHORIZED, ""),
        Some(Err(UserInfoRefusal::DeniedToken)) => {
            refused(StatusCode::UNAUTHORIZED, ", error=\"invalid_token\"")
        }
        Some(Err(UserInfoRefusal::DeniedScope)) => refused(
            StatusCode::FORBIDDEN,
            ", error=\"insufficient_scope\", scope=\"openid\"",
        ),
        Some(Err(refusal)) => {
            tracing::error!(%refusal, "a userinfo request failed");
            answer(None)
        }
        None => answer(None),
    }
}

fn answer(answered: Option<Result<Vec<u8>, TokenError>>) -> Response {
    match answered {
        Some(Ok(json)) => pages::answer(StatusCode::OK, JSON, Body::from(json)),
        Some(Err(error)) => token_error(error),
        None => pages::answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            JSON,
            Body::from(r#"{"error":"server_error"}"#),
        ),
    }
}

fn token_error(error: TokenError) -> Response {
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let response = pages::answer(status, JSON, Body::from(error.to_json()));
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

fn malformed(status: StatusCode) -> Response {
    let body = Body::from(r#"{"error":"invalid_request"}"#);
    pages::answer(status, JSON, body)
}

/// A form with the header that proves who sent it.
struct Posted {
    authorization: Option<Zeroizing<String>>,
    body: Zeroizing<String>,
}

async fn posted(request: Request) -> Result<Posted, StatusCode> {
    let authorization = authorization(request.headers())?;
    let body = form_body(request).await?;
    Ok(Posted {
        authorization,
        body,
    })
}

fn text(header: Option<&Zeroizing<String>>) -> Option<&str> {
    header.map(|header| header.as_str())
}

/// The `Authorization` header when there is at most one and it is text.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<Zeroizing<String>>, StatusCode> {
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
