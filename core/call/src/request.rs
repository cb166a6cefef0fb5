//! The header fields that every MCPTT request outside a dialog has (TS 24.379 cl. 6.2, 6.3).

use crate::body::{Body, BodyError};
use crate::feature::{ACCEPT_CONTACT_ICSI, ACCEPT_CONTACT_MCPTT, ICSI};
use roger_base::{Random, RandomError};
use roger_sip::endpoint::ident;
use roger_sip::message::{BuildError, HeaderName, Method, Request, RequestBuilder};
use roger_sip::uri::{Uri, UriError};
use thiserror::Error;

/// Why a request could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A configured URI does not parse.
    #[error("a configured URI is malformed: {0}")]
    LocalUri(#[from] UriError),
    /// No randomness for tag or Call-ID.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
    /// A header would break its line.
    #[error(transparent)]
    LocalBuild(#[from] BuildError),
    /// The body could not be written.
    #[error(transparent)]
    LocalBody(#[from] BodyError),
}

/// Who sends: the side of the SIP core that may assert, or the one that may only prefer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A server inside the trust domain: P-Asserted-Identity and P-Asserted-Service.
    Asserted,
    /// A UE: P-Preferred-Identity and P-Preferred-Service.
    Preferred,
}

/// Starts a request to a server or user: From, To, Call-ID, CSeq, both Accept-Contact header fields, identity and
/// service. `from` is the public user identity or PSI of the sender.
///
/// # Errors
/// [`RequestError`].
pub fn start(
    method: Method,
    to: &str,
    from: &str,
    trust: Trust,
    random: &mut dyn Random,
) -> Result<RequestBuilder, RequestError> {
    let (identity, service) = match trust {
        Trust::Asserted => (
            HeaderName::P_ASSERTED_IDENTITY,
            HeaderName::P_ASSERTED_SERVICE,
        ),
        Trust::Preferred => (
            HeaderName::P_PREFERRED_IDENTITY,
            HeaderName::P_PREFERRED_SERVICE,
        ),
    };
    let tag = ident::tag(random)?;
    Ok(Request::builder(method, Uri::parse(to.as_bytes())?)
        .header(HeaderName::FROM, format!("<{from}>;tag={tag}"))
        .header(HeaderName::TO, format!("<{to}>"))
        .header(HeaderName::CALL_ID, ident::call_id(random)?)
        .header(HeaderName::CSEQ, "1")
        .header(identity, format!("<{from}>"))
        .header(service, ICSI)
        .header(HeaderName::ACCEPT_CONTACT, ACCEPT_CONTACT_MCPTT)
        .header(HeaderName::ACCEPT_CONTACT, ACCEPT_CONTACT_ICSI))
}

/// Puts a body in and finishes the request.
///
/// # Errors
/// [`RequestError`].
pub fn finish(
    builder: RequestBuilder,
    body: &Body,
    random: &mut dyn Random,
) -> Result<Request, RequestError> {
    let builder = match body.encode(random)? {
        Some((content_type, octets)) => builder.body(content_type, octets),
        None => builder,
    };
    Ok(builder.build()?)
}
