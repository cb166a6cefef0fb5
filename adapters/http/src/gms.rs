//! XCAP of the GMS over HTTP (RFC 4825, TS 24.481 cl. 6): GET and PUT below the XCAP root.

use crate::service::{Bearer, HttpRequest, HttpResponse, HttpService};
use crate::system::{Clock, OsRandom};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use roger_gms::{GroupManagement, XcapAnswer, XcapMethod, XcapRequest};
use roger_oidc::AccessTokenVerifier;
use std::sync::{Arc, Mutex, PoisonError};

/// The GMS with what its front end needs; mount it with [`crate::service::mount`].
pub struct GmsFrontEnd {
    /// Documents and keys, shared with the SIP side.
    pub management: Arc<Mutex<GroupManagement>>,
    /// Checks access tokens.
    pub tokens: AccessTokenVerifier,
    /// Path of the XCAP root with a slash at both ends, such as `/xcap/`.
    pub root: String,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Called after a PUT that was kept, so that the SIP side looks for changes to announce.
    pub changed: Box<dyn Fn() + Send + Sync>,
}

impl HttpService for GmsFrontEnd {
    fn handle(&self, request: HttpRequest) -> HttpResponse {
        let Some(path) = request.path.strip_prefix(&self.root) else {
            return HttpResponse::empty(StatusCode::NOT_FOUND);
        };
        let bearer = match &request.bearer {
            Bearer::Missing => None,
            Bearer::Given(token) => Some(token.expose()),
            // Refused as the token it is not.
            Bearer::Malformed => Some(""),
        };
        let method = match request.method {
            Method::GET => XcapMethod::Get,
            Method::PUT => XcapMethod::Put,
            _ => XcapMethod::Other,
        };
        let asked = XcapRequest {
            method,
            path,
            bearer,
            if_none_match: request.header(&IF_NONE_MATCH).and_then(entity_tag),
            if_match: request.header(&IF_MATCH).and_then(entity_tag),
            content_type: request.header(&CONTENT_TYPE),
            body: &request.body,
        };
        if request.headers.contains_key(IF_MATCH) && asked.if_match.is_none() {
            // A condition that cannot be judged must not count as met (RFC 9110 13.1.1).
            return HttpResponse::empty(StatusCode::PRECONDITION_FAILED);
        }
        let answer = {
            let mut management = self
                .management
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            management.xcap(&asked, &self.tokens, self.clock.now(), &mut OsRandom)
        };
        if method == XcapMethod::Put && (200..300).contains(&answer.status) {
            (self.changed)();
        }
        written(answer)
    }
}

fn written(answer: XcapAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::empty(status);
    if !answer.body.is_empty() {
        response = HttpResponse::with_body(status, answer.content_type, answer.body);
    }
    if let Some(etag) = answer.etag {
        response = response.header(ETAG, format!("\"{etag}\""));
    }
    if let Some(challenge) = answer.challenge {
        response = response.header(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The one strong entity tag of a header, without its quotes.
fn entity_tag(value: &str) -> Option<&str> {
    let tag = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!tag.contains('"')).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_strong_tag_is_read() {
        assert_eq!(entity_tag(" \"g17\" "), Some("g17"));
        for value in ["g17", "\"a\", \"b\"", "W/\"a\"", "*", "\"", ""] {
            assert_eq!(entity_tag(value), None, "{value}");
        }
    }
}
