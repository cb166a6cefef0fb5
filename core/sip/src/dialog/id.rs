//! The name of a dialog: Call-ID, local tag, remote tag (RFC 3261 12).

use crate::header::{HeaderError, NameAddr};
use crate::message::{Headers, Request, Response};
use std::sync::Arc;

/// Names a dialog from our side; a peer without a tag (RFC 2543) has the empty one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialogKey(Arc<[u8]>);

impl DialogKey {
    /// From its parts.
    #[must_use]
    pub fn new(call_id: &str, local_tag: &str, remote_tag: &str) -> Self {
        let parts = [
            call_id.as_bytes(),
            local_tag.as_bytes(),
            remote_tag.as_bytes(),
        ];
        Self(parts.join(&0).into())
    }

    /// Of a request we received: its To has our tag.
    ///
    /// # Errors
    /// [`HeaderError`] when Call-ID, From or To cannot be read.
    pub fn of_request(request: &Request) -> Result<Self, HeaderError> {
        let (from, to) = ends(request.headers())?;
        Ok(Self::new(
            request.headers().call_id()?,
            tag(&to),
            tag(&from),
        ))
    }

    /// Of a response we received: its From has our tag.
    ///
    /// # Errors
    /// As [`DialogKey::of_request`].
    pub fn of_response(response: &Response) -> Result<Self, HeaderError> {
        let (from, to) = ends(response.headers())?;
        Ok(Self::new(
            response.headers().call_id()?,
            tag(&from),
            tag(&to),
        ))
    }

    /// Of a request we received and our response, whose To has our tag.
    ///
    /// # Errors
    /// As [`DialogKey::of_request`].
    pub fn of_answered(request: &Request, response: &Response) -> Result<Self, HeaderError> {
        let (from, _) = ends(request.headers())?;
        let to = response.headers().to()?;
        Ok(Self::new(
            request.headers().call_id()?,
            tag(&to),
            tag(&from),
        ))
    }

    /// Of a SUBSCRIBE we sent, whose remote tag is not known yet.
    ///
    /// # Errors
    /// As [`DialogKey::of_request`].
    pub fn half_of_request_sent(request: &Request) -> Result<Self, HeaderError> {
        Ok(Self::new(
            request.headers().call_id()?,
            tag(&request.headers().from()?),
            "",
        ))
    }

    /// Of a request we received, without the remote tag.
    ///
    /// # Errors
    /// As [`DialogKey::of_request`].
    pub fn half_of_request_received(request: &Request) -> Result<Self, HeaderError> {
        Ok(Self::new(
            request.headers().call_id()?,
            tag(&request.headers().to()?),
            "",
        ))
    }
}

fn ends(headers: &Headers) -> Result<(NameAddr, NameAddr), HeaderError> {
    Ok((headers.from()?, headers.to()?))
}

fn tag(address: &NameAddr) -> &str {
    address.tag().unwrap_or_default()
}
