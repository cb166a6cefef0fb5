//! What a server owes a request that it cannot serve (RFC 3261 8.2, 16.3; RFC 4475).
//!
//! [`validate`] judges the octets alone and is for every element; [`Capabilities::admit`] judges what a user
//! agent server supports. A response that fails [`validate_response`] is dropped without an answer.

mod capabilities;

pub use capabilities::Capabilities;

use crate::header::{HeaderError, NameAddr, RAck};
use crate::message::{
    BuildError, HeaderFault, HeaderName, Headers, Method, Request, Response, StatusCode,
};
use crate::message::{ContentLength, content_length};
use crate::uri::{MAX_URI_OCTETS, Uri, UriError};
use std::net::Ipv4Addr;
use thiserror::Error;

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Cause {
    /// The request line is not `METHOD SP URI SP SIP/2.0`.
    #[error("malformed request line")]
    RequestLine,
    /// Another major or minor version.
    #[error("the version is not SIP/2.0")]
    Version,
    /// The Request-URI is too long.
    #[error("the Request-URI is longer than {MAX_URI_OCTETS} octets")]
    UriTooLong,
    /// The Request-URI is malformed.
    #[error("Request-URI: {0}")]
    RequestUri(UriError),
    /// The Request-URI has headers, which only Contact and Refer-To may have (RFC 3261 19.1.1).
    #[error("the Request-URI has headers")]
    UriHeaders,
    /// A header line breaks the grammar.
    #[error("malformed header line")]
    HeaderLine(HeaderFault),
    /// A header value breaks its grammar, is missing or repeated.
    #[error("{0}")]
    Header(#[from] HeaderError),
    /// Content-Length is no number, or two of them differ.
    #[error("Content-Length is unusable")]
    ContentLength,
    /// Content-Length promises more than the datagram has.
    #[error("the body is shorter than Content-Length")]
    BodyTooShort,
    /// `CSeq` names another method than the request line.
    #[error("CSeq names another method")]
    MethodMismatch,
    /// The method is not supported here.
    #[error("the method is not supported")]
    Method,
    /// The scheme of the Request-URI is not supported.
    #[error("the scheme of the Request-URI is not supported")]
    Scheme,
    /// An extension in Require is not supported.
    #[error("a required extension is not supported")]
    Extension,
    /// The type or coding of the body is not supported.
    #[error("the type of the body is not supported")]
    MediaType,
    /// The client accepts no body this server could answer with.
    #[error("no body type that Accept names can be sent")]
    Accept,
    /// Max-Forwards is used up.
    #[error("Max-Forwards is used up")]
    TooManyHops,
    /// A response has a Via that it must not have.
    #[error("the response has a Via that is not ours to serve")]
    ForeignVia,
}

/// The answer a request is owed instead of service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// Why, in plain words for the log and, for a 400, the reason phrase.
    pub cause: Cause,
    /// Headers of the answer, such as Allow or Unsupported.
    pub headers: Vec<(HeaderName<'static>, String)>,
}

impl Refusal {
    fn new(status: StatusCode, cause: Cause) -> Self {
        Self {
            status,
            cause,
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: HeaderName<'static>, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer, to be sent statelessly; `None` when none may be sent: to ACK, and to a request whose
    /// header lines would smuggle line breaks into the answer.
    ///
    /// # Errors
    /// [`BuildError::TooLarge`].
    pub fn answer(&self, request: &Request) -> Result<Option<Response>, BuildError> {
        if *request.method() == Method::Ack
            || self.cause == Cause::HeaderLine(HeaderFault::StrayBreak)
        {
            return Ok(None);
        }
        let mut response = Response::to(request, self.status);
        if self.status == StatusCode::BAD_REQUEST {
            response.set_reason(&self.cause.to_string())?;
        }
        for (name, value) in &self.headers {
            response.headers_mut().push(*name, value)?;
        }
        Ok(Some(response))
    }
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self::new(StatusCode::BAD_REQUEST, cause)
    }
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Cause::Header(error).into()
    }
}

/// Judges the octets of a request: request line, header lines, every header this system reads, and the
/// length of the body. Anything accepted here can be read by the typed views without error.
///
/// Accepted although RFC 3261 demands it: no Max-Forwards, no From tag, no branch (RFC 2543 clients). Not
/// looked at, since nothing here depends on them: Date, Subject and all headers without a typed view, and
/// Resource-Priority and Warning, which must never make an emergency call fail.
///
/// # Errors
/// The [`Refusal`] the sender is owed: 400, 414, 501 or 505.
pub fn validate(request: &Request) -> Result<(), Refusal> {
    request_line(request)?;
    if let Some(fault) = request.headers().fault() {
        return Err(Cause::HeaderLine(fault).into());
    }
    body_length(request.headers(), request.body())?;
    let cseq = mandatory(request.headers())?;
    if cseq != *request.method() {
        // RFC 4475 3.1.2.18: for a method nobody knows 501 is the better answer.
        let known = !matches!(request.method(), Method::Extension(_));
        let status = if known {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::NOT_IMPLEMENTED
        };
        return Err(Refusal::new(status, Cause::MethodMismatch));
    }
    Ok(optional(request.headers())?)
}

/// Judges what a response cannot be routed and matched without; one that fails is dropped. Its other headers
/// are judged by whoever reads them: a call must not fail by a header nobody needs.
///
/// # Errors
/// The [`Cause`], for the log.
pub fn validate_response(response: &Response) -> Result<(), Cause> {
    if let Some(fault) = response.headers().fault() {
        return Err(Cause::HeaderLine(fault));
    }
    body_length(response.headers(), response.body())?;
    mandatory(response.headers())?;
    // RFC 4475 3.3.10: a response is not sent on to a broadcast or multicast address.
    let vias = response.headers().vias()?;
    let address = vias
        .get(1)
        .and_then(|via| via.host.parse::<Ipv4Addr>().ok());
    if address.is_some_and(|address| address.is_broadcast() || address.is_multicast()) {
        return Err(Cause::ForeignVia);
    }
    Ok(())
}

/// What a user agent checks besides: a response with more than one Via went astray (RFC 3261 8.1.3.3).
///
/// # Errors
/// [`Cause::ForeignVia`].
pub fn validate_response_at_user_agent(response: &Response) -> Result<(), Cause> {
    match response.headers().elements(HeaderName::VIA).count() {
        1 => Ok(()),
        _ => Err(Cause::ForeignVia),
    }
}

/// Takes one hop off Max-Forwards before a request is sent on; adds 70 when absent (RFC 3261 16.6 step 3).
///
/// # Errors
/// 483 when it is used up, 400 when it is malformed.
pub fn take_hop(headers: &mut Headers) -> Result<(), Refusal> {
    let left = match headers.max_forwards()? {
        None => 70,
        Some(0) => return Err(Refusal::new(StatusCode::TOO_MANY_HOPS, Cause::TooManyHops)),
        Some(hops) => hops - 1,
    };
    let written = headers.set(HeaderName::MAX_FORWARDS, left.to_string());
    written.map_err(|_| Refusal::new(StatusCode::SERVER_INTERNAL_ERROR, Cause::TooManyHops))
}

fn request_line(request: &Request) -> Result<(), Refusal> {
    let version = request.version();
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(if is_version(version) {
            Refusal::new(StatusCode::VERSION_NOT_SUPPORTED, Cause::Version)
        } else {
            Cause::RequestLine.into()
        });
    }
    if request.uri_octets().len() > MAX_URI_OCTETS {
        return Err(Refusal::new(
            StatusCode::REQUEST_URI_TOO_LONG,
            Cause::UriTooLong,
        ));
    }
    let uri = request.uri().map_err(Cause::RequestUri)?;
    if uri.headers().next().is_some() {
        return Err(Cause::UriHeaders.into());
    }
    Ok(())
}

/// `SIP/digits.digits`.
fn is_version(version: &[u8]) -> bool {
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let Some((name, numbers)) = version.split_at_checked(4) else {
        return false;
    };
    let mut numbers = numbers.split(|octet| *octet == b'.');
    name.eq_ignore_ascii_case(b"SIP/")
        && numbers.next().is_some_and(digits)
        && numbers.next().is_some_and(digits)
        && numbers.next().is_none()
}

fn body_length(headers: &Headers, body: &[u8]) -> Result<(), Cause> {
    match content_length(headers) {
        ContentLength::Absent => Ok(()),
        ContentLength::Unusable => Err(Cause::ContentLength),
        ContentLength::Octets(length) if length > body.len() => Err(Cause::BodyTooShort),
        ContentLength::Octets(_) => Ok(()),
    }
}

/// Checks the headers every message has and gives the method of `CSeq`.
fn mandatory(headers: &Headers) -> Result<Method, HeaderError> {
    if headers.vias()?.is_empty() {
        return Err(HeaderError::Missing("Via"));
    }
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    headers.max_forwards()?;
    Ok(headers.cseq()?.method)
}

/// A check of one header that may be absent.
type Check = (HeaderName<'static>, fn(&Headers) -> Result<(), HeaderError>);

/// Reads a header with its view and forgets the value.
macro_rules! check {
    ($name:ident, $view:ident) => {
        (HeaderName::$name, |headers| headers.$view().map(drop))
    };
    ($name:ident by $function:ident) => {
        (HeaderName::$name, |headers| {
            $function(headers, HeaderName::$name)
        })
    };
}

const CHECKS: &[Check] = &[
    check!(CONTACT, contacts),
    check!(CONTENT_TYPE, content_type),
    check!(CONTENT_DISPOSITION, content_disposition),
    check!(CONTENT_ID, content_id),
    check!(EVENT, event),
    check!(SUBSCRIPTION_STATE, subscription_state),
    check!(SESSION_EXPIRES, session_expires),
    check!(MIN_SE, min_se),
    check!(ACCEPT, accept),
    check!(ACCEPT_CONTACT, accept_contacts),
    check!(ANSWER_MODE, answer_mode),
    check!(PRIV_ANSWER_MODE, priv_answer_mode),
    check!(P_ANSWER_STATE, answer_state),
    check!(RETRY_AFTER, retry_after),
    check!(AUTHORIZATION, authorizations),
    check!(PROXY_AUTHORIZATION, proxy_authorizations),
    check!(WWW_AUTHENTICATE, challenges),
    check!(PROXY_AUTHENTICATE, proxy_challenges),
    check!(EXPIRES by delta_seconds),
    check!(MIN_EXPIRES by delta_seconds),
    check!(ROUTE by addresses),
    check!(RECORD_ROUTE by addresses),
    check!(PATH by addresses),
    check!(SERVICE_ROUTE by addresses),
    check!(P_PREFERRED_IDENTITY by addresses),
    check!(P_ASSERTED_IDENTITY by addresses),
    check!(P_ASSOCIATED_URI by addresses),
    check!(P_CALLED_PARTY_ID by address),
    check!(P_PREFERRED_SERVICE by services),
    check!(P_ASSERTED_SERVICE by services),
    check!(REFER_TO by address),
    check!(REFERRED_BY by address),
    check!(REQUIRE by required_tokens),
    check!(PROXY_REQUIRE by required_tokens),
    check!(SUPPORTED by any_tokens),
    check!(ALLOW by any_tokens),
    check!(SIP_IF_MATCH by token),
    check!(SIP_ETAG by token),
    check!(INFO_PACKAGE by present),
    check!(TARGET_DIALOG by present),
    check!(RACK by rack),
    check!(RSEQ by delta_seconds),
];

/// Checks the headers of [`CHECKS`] that are there.
fn optional(headers: &Headers) -> Result<(), HeaderError> {
    let mut done = 0u64;
    for line in headers.iter() {
        let Some(index) = CHECKS.iter().position(|(name, _)| name.matches(line.name)) else {
            continue;
        };
        let bit = 1u64 << index;
        if done & bit != 0 {
            continue;
        }
        done |= bit;
        if let Some((_, check)) = CHECKS.get(index) {
            check(headers)?;
        }
    }
    Ok(())
}

fn delta_seconds(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    headers.seconds(name).map(drop)
}

fn addresses(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    headers.addresses(name).map(drop)
}

fn address(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    headers
        .single(name)?
        .map(NameAddr::parse)
        .transpose()
        .map(drop)
}

fn services(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    headers
        .elements(name)
        .try_for_each(|uri| Uri::parse(uri).map(drop).map_err(HeaderError::Uri))
}

fn required_tokens(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    let all = headers.elements(name).all(crate::header::scan::is_token);
    if all {
        Ok(())
    } else {
        Err(HeaderError::Malformed(name.as_str()))
    }
}

fn any_tokens(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    let all = headers
        .elements(name)
        .all(|token| token.is_empty() || crate::header::scan::is_token(token));
    if all {
        Ok(())
    } else {
        Err(HeaderError::Malformed(name.as_str()))
    }
}

fn token(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    match headers.single(name)? {
        Some(value) if !crate::header::scan::is_token(value) => {
            Err(HeaderError::Malformed(name.as_str()))
        }
        _ => Ok(()),
    }
}

fn present(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    headers.single(name).map(drop)
}

fn rack(headers: &Headers, name: HeaderName<'static>) -> Result<(), HeaderError> {
    headers.single(name)?.map(RAck::parse).transpose().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checks_fit_their_set() {
        assert!(CHECKS.len() <= 64);
    }

    #[test]
    fn versions_are_told_from_garbage() {
        assert!(is_version(b"SIP/7.0") && is_version(b"sip/10.20"));
        for bad in [
            &b""[..],
            b"SIP/",
            b"SIP/2",
            b"SIP/2.",
            b"SIP/2.0.1",
            b"HTTP/1.1",
            b"sip:h",
        ] {
            assert!(!is_version(bad));
        }
    }

    #[test]
    fn hops_are_taken_until_none_is_left() {
        let mut headers = Headers::new();
        take_hop(&mut headers).unwrap();
        assert_eq!(headers.max_forwards(), Ok(Some(70)));
        headers.set(HeaderName::MAX_FORWARDS, "1").unwrap();
        take_hop(&mut headers).unwrap();
        assert_eq!(
            take_hop(&mut headers).unwrap_err().status,
            StatusCode::TOO_MANY_HOPS
        );
        headers.set(HeaderName::MAX_FORWARDS, "256").unwrap();
        assert_eq!(
            take_hop(&mut headers).unwrap_err().status,
            StatusCode::BAD_REQUEST
        );
    }
}
