//! Answers and identities that every MCPTT server shares (TS 24.379 cl. 4.4, 6.3).

use crate::warning::WarningCode;
use roger_base::Impu;
use roger_sip::message::{HeaderName, Headers, Request, Response, StatusCode};

/// A final answer without body.
#[must_use]
pub fn plain(request: &Request, status: StatusCode) -> Response {
    Response::to(request, status)
}

/// Seconds after which a client may come again that was refused for want of resources.
const RETRY_AFTER_SECONDS: &str = "5";

/// A refusal for want of resources, or of a server behind this one, with the time to come again.
#[must_use]
pub fn come_again(request: &Request, status: StatusCode) -> Response {
    let mut response = Response::to(request, status);
    // A number cannot break a line.
    let _ = response
        .headers_mut()
        .push(HeaderName::RETRY_AFTER, RETRY_AFTER_SECONDS);
    response
}

/// A refusal with a Warning; `host` is the name of the server that refuses.
#[must_use]
pub fn refusal(
    request: &Request,
    status: StatusCode,
    warning: WarningCode,
    host: &str,
) -> Response {
    let mut response = Response::to(request, status);
    // The value is made of a number, a host name from the configuration and a fixed text: it cannot break a line.
    let _ = response
        .headers_mut()
        .push(HeaderName::WARNING, warning.header_value(host));
    response
}

/// A refusal with the status that the table of warnings gives.
#[must_use]
pub fn warned(request: &Request, warning: WarningCode, host: &str) -> Response {
    let status = StatusCode::new(warning.status()).unwrap_or(StatusCode::FORBIDDEN);
    refusal(request, status, warning, host)
}

/// The Warning code of a received response, when it has one of MCPTT.
#[must_use]
pub fn warning_of(headers: &Headers) -> Option<WarningCode> {
    let mut values = headers.values(HeaderName::WARNING);
    values.find_map(|value| WarningCode::from_header_value(core::str::from_utf8(value).ok()?))
}

/// The public user identity that the SIP core asserts; the only name of a sender that a server believes.
#[must_use]
pub fn asserted_identity(headers: &Headers) -> Option<Impu> {
    let addresses = headers.addresses(HeaderName::P_ASSERTED_IDENTITY).ok()?;
    Impu::new(addresses.first()?.uri.to_string()).ok()
}
