//! What a user agent server supports, and what it answers otherwise (RFC 3261 8.2).

use crate::message::{HeaderName, Method, Request, StatusCode};
use crate::validate::{Cause, Refusal};

/// What a user agent server supports (RFC 3261 8.2.1 to 8.2.3).
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    /// Methods that are served.
    pub methods: Vec<Method>,
    /// Option tags that may stand in Require.
    pub extensions: Vec<String>,
    /// `type/subtype` of bodies that are read.
    pub media_types: Vec<String>,
    /// URI schemes served besides sip and sips.
    pub schemes: Vec<String>,
}

impl Capabilities {
    /// Whether this server can serve a valid request, checked in the order of RFC 3261 8.2.
    ///
    /// # Errors
    /// The [`Refusal`] with the headers it needs: 405 (Allow), 501, 416, 420 (Unsupported), 415 (Accept), 406.
    pub fn admit(&self, request: &Request) -> Result<(), Refusal> {
        self.method(request)?;
        self.scheme(request)?;
        self.required_extensions(request)?;
        self.body(request)?;
        acceptable_answer(request)
    }

    fn method(&self, request: &Request) -> Result<(), Refusal> {
        if self.methods.contains(request.method()) {
            return Ok(());
        }
        if matches!(request.method(), Method::Extension(_)) {
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, Cause::Method));
        }
        let allow: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Cause::Method);
        Err(refusal.with(HeaderName::ALLOW, allow.join(", ")))
    }

    fn scheme(&self, request: &Request) -> Result<(), Refusal> {
        let uri = request.uri().map_err(Cause::RequestUri)?;
        if uri.is_sip()
            || self
                .schemes
                .iter()
                .any(|scheme| scheme.eq_ignore_ascii_case(uri.scheme()))
        {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::UNSUPPORTED_URI_SCHEME,
            Cause::Scheme,
        ))
    }

    fn required_extensions(&self, request: &Request) -> Result<(), Refusal> {
        // RFC 3261 8.2.2.3: Require is ignored in ACK and CANCEL.
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let known = |tag: &String| {
            self.extensions
                .iter()
                .any(|extension| extension.eq_ignore_ascii_case(tag))
        };
        let required = request.headers().tokens(HeaderName::REQUIRE);
        let unknown: Vec<String> = required.into_iter().filter(|tag| !known(tag)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let refusal = Refusal::new(StatusCode::BAD_EXTENSION, Cause::Extension);
        Err(refusal.with(HeaderName::UNSUPPORTED, unknown.join(", ")))
    }

    fn body(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        let optional = headers
            .content_disposition()?
            .is_some_and(|disposition| disposition.is_optional());
        if request.body().is_empty() || optional {
            return Ok(());
        }
        let coded = headers
            .tokens(HeaderName::CONTENT_ENCODING)
            .iter()
            .any(|coding| !coding.eq_ignore_ascii_case("identity"));
        let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Cause::MediaType);
        if coded {
            return Err(refusal.with(HeaderName::ACCEPT_ENCODING, "identity".to_owned()));
        }
        let kind = headers.content_type()?;
        if kind.is_some_and(|kind| self.media_types.iter().any(|known| kind.is(known))) {
            return Ok(());
        }
        Err(refusal.with(HeaderName::ACCEPT, self.media_types.join(", ")))
    }
}

/// RFC 4475 3.3.16: an INVITE whose Accept excludes SDP cannot be answered.
fn acceptable_answer(request: &Request) -> Result<(), Refusal> {
    if *request.method() != Method::Invite {
        return Ok(());
    }
    let Some(ranges) = request.headers().accept()? else {
        return Ok(());
    };
    let sdp = |range: &crate::header::ContentType| {
        range.covers("application/sdp") || range.is("multipart/mixed")
    };
    if ranges.iter().any(sdp) {
        Ok(())
    } else {
        Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, Cause::Accept))
    }
}
