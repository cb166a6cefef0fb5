//! Typed views of header field values, read on demand; the message keeps the octets.

mod auth;
mod contact;
mod content;
mod cseq;
mod event;
mod mode;
mod name_addr;
mod params;
pub mod scan;
mod session;
mod via;
mod views;
mod warning;

pub use auth::Auth;
pub use contact::{AcceptContact, Contacts};
pub use content::{ContentDisposition, ContentType, parse_content_id};
pub use cseq::{CSeq, RAck};
pub use event::{Event, SubscriptionState, SubscriptionStatus};
pub use mode::{AnswerMode, AnswerState, Commencement, ResourceValue};
pub use name_addr::NameAddr;
pub use params::Params;
pub use session::{Reason, Refresher, SessionExpires, parse_retry_after};
pub use via::{MAGIC_COOKIE, Via};
pub use warning::Warning;

use crate::uri::UriError;
use thiserror::Error;

/// Why a header value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The header must be there and is not.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// The header may occur once only.
    #[error("the header {0} occurs more than once")]
    Repeated(&'static str),
    /// The header has no value.
    #[error("the header {0} has no value")]
    Empty(&'static str),
    /// A parameter is empty, malformed, repeated, or there are too many.
    #[error("malformed, repeated or too many header parameters")]
    Params,
    /// A quoted string does not end.
    #[error("a quoted string does not end")]
    Quote,
    /// A display name has characters that need quotes.
    #[error("the display name needs quotes")]
    DisplayName,
    /// Neither `<uri>` nor a bare URI.
    #[error("malformed address")]
    Address,
    /// Malformed Via, or not SIP/2.0.
    #[error("malformed Via")]
    Via,
    /// Not a number and a method.
    #[error("malformed CSeq or RAck")]
    CSeq,
    /// Not a number in its range.
    #[error("the number in {0} is malformed or out of range")]
    Number(&'static str),
    /// The value breaks the header's own grammar.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// The URI inside is none.
    #[error(transparent)]
    Uri(#[from] UriError),
}

/// Whether a From or To value has a tag; for a malformed value `false`.
pub(crate) fn has_tag(value: &[u8]) -> bool {
    NameAddr::parse(value).is_ok_and(|address| address.tag().is_some())
}

/// Reads a token followed by `;` parameters.
fn token_and_params(value: &[u8], name: &'static str) -> Result<(String, Params), HeaderError> {
    let end = value
        .iter()
        .position(|octet| *octet == b';')
        .unwrap_or(value.len());
    let (token, params) = value
        .split_at_checked(end)
        .ok_or(HeaderError::Malformed(name))?;
    let token = scan::trim(token);
    if !scan::is_token(token) {
        return Err(HeaderError::Malformed(name));
    }
    Ok((
        String::from_utf8_lossy(token).into_owned(),
        Params::parse(params)?,
    ))
}
