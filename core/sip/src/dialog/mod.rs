//! Dialogs (RFC 3261 12).

mod id;

#[cfg(test)]
mod tests;

pub use id::DialogKey;

use crate::header::{HeaderError, NameAddr};
use crate::message::{HeaderName, Method, Request, RequestBuilder, Response, StatusCode};
use crate::uri::Uri;
use thiserror::Error;

/// Highest sequence number a sender uses (8.1.1.5).
const MAX_LOCAL_CSEQ: u32 = 0x7FFF_FFFF;

/// Most Record-Route elements that are taken over.
const MAX_ROUTES: usize = 32;

/// Why messages make no dialog, or a dialog does not take a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DialogError {
    /// A header that makes the dialog is missing or malformed.
    #[error(transparent)]
    PeerHeader(#[from] HeaderError),
    /// More than 32 Record-Route elements.
    #[error("more than {MAX_ROUTES} Record-Route elements")]
    PeerTooManyRoutes,
    /// `CSeq` is lower than that of an earlier request (12.2.2): 500.
    #[error("CSeq is lower than that of an earlier request")]
    PeerOutOfOrder,
    /// 2^31 requests were sent.
    #[error("the sequence numbers of the dialog are used up")]
    LocalCSeq,
}

impl DialogError {
    /// The answer to a request that a dialog did not take.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::PeerOutOfOrder => StatusCode::SERVER_INTERNAL_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Early until a 2xx, then confirmed (12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DialogState {
    /// Made by a provisional response.
    Early,
    /// Made by a 2xx, or by a NOTIFY.
    Confirmed,
}

/// One dialog, seen from our side.
#[derive(Debug, Clone)]
pub struct Dialog {
    key: DialogKey,
    call_id: Box<str>,
    /// From of our requests, with the local tag.
    local: Box<str>,
    /// To of our requests, with the remote tag.
    remote: Box<str>,
    remote_target: Uri,
    routes: Box<[NameAddr]>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    state: DialogState,
}

impl Dialog {
    /// As UAC, from our request and a response from 101 to 299 (12.1.2).
    ///
    /// # Errors
    /// [`DialogError`] when the response lacks a usable Contact, To or Record-Route.
    pub fn of_response(request: &Request, response: &Response) -> Result<Self, DialogError> {
        let headers = response.headers();
        let mut routes = routes(headers.addresses(HeaderName::RECORD_ROUTE)?)?;
        routes.reverse();
        Ok(Self {
            key: DialogKey::of_response(response)?,
            call_id: headers.call_id()?.into(),
            local: headers.from()?.to_string().into(),
            remote: headers.to()?.to_string().into(),
            remote_target: contact(headers.get(HeaderName::CONTACT))?,
            routes: routes.into(),
            local_cseq: request.headers().cseq()?.number,
            remote_cseq: None,
            state: state_of(response.status()),
        })
    }

    /// As UAS, from the request and our response from 101 to 299, which has the local tag (12.1.1).
    ///
    /// # Errors
    /// [`DialogError`] when the request lacks a usable Contact, From or Record-Route.
    pub fn of_request(request: &Request, response: &Response) -> Result<Self, DialogError> {
        let headers = request.headers();
        Ok(Self {
            key: DialogKey::of_answered(request, response)?,
            call_id: headers.call_id()?.into(),
            local: response.headers().to()?.to_string().into(),
            remote: headers.from()?.to_string().into(),
            remote_target: contact(headers.get(HeaderName::CONTACT))?,
            routes: routes(headers.addresses(HeaderName::RECORD_ROUTE)?)?.into(),
            local_cseq: 0,
            remote_cseq: Some(headers.cseq()?.number),
            state: state_of(response.status()),
        })
    }

    /// As subscriber, from our SUBSCRIBE and a NOTIFY that overtook its 2xx (RFC 6665 4.4.1).
    ///
    /// # Errors
    /// [`DialogError`] when the NOTIFY lacks a usable Contact, From or Record-Route.
    pub fn of_notify(subscribe: &Request, notify: &Request) -> Result<Self, DialogError> {
        let headers = notify.headers();
        Ok(Self {
            key: DialogKey::of_request(notify)?,
            call_id: headers.call_id()?.into(),
            local: headers.to()?.to_string().into(),
            remote: headers.from()?.to_string().into(),
            remote_target: contact(headers.get(HeaderName::CONTACT))?,
            routes: routes(headers.addresses(HeaderName::RECORD_ROUTE)?)?.into(),
            local_cseq: subscribe.headers().cseq()?.number,
            remote_cseq: None,
            state: DialogState::Confirmed,
        })
    }

    /// The name of the dialog.
    #[must_use]
    pub const fn key(&self) -> &DialogKey {
        &self.key
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Early or confirmed.
    #[must_use]
    pub const fn state(&self) -> DialogState {
        self.state
    }

    /// Request-URI of our requests: the peer's Contact.
    #[must_use]
    pub const fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// Route of our requests.
    #[must_use]
    pub const fn routes(&self) -> &[NameAddr] {
        &self.routes
    }

    /// Our address with our tag, as in From of our requests.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The peer's address with its tag, as in To of our requests.
    #[must_use]
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// The URI the next request is sent to: the first Route, else the remote target.
    #[must_use]
    pub fn next_hop(&self) -> &Uri {
        self.routes
            .first()
            .map_or(&self.remote_target, |route| &route.uri)
    }

    /// A 2xx to our INVITE: confirms an early dialog and takes its route set over (13.2.2.4), refreshes the
    /// target of a confirmed one (12.2.1.2).
    ///
    /// # Errors
    /// [`DialogError`]; the dialog is unchanged then.
    pub fn on_success(&mut self, response: &Response) -> Result<(), DialogError> {
        let headers = response.headers();
        if headers.contains(HeaderName::CONTACT) {
            self.remote_target = contact(headers.get(HeaderName::CONTACT))?;
        }
        if self.state == DialogState::Early {
            let mut routes = routes(headers.addresses(HeaderName::RECORD_ROUTE)?)?;
            routes.reverse();
            self.routes = routes.into();
            self.state = DialogState::Confirmed;
        }
        Ok(())
    }

    /// Our 2xx to the INVITE that made this dialog as UAS.
    pub const fn confirm(&mut self) {
        self.state = DialogState::Confirmed;
    }

    /// A request of the peer: its `CSeq` must not go back, gaps are legal (12.2.2); a target refresh request
    /// changes the remote target. ACK and CANCEL do not count.
    ///
    /// # Errors
    /// [`DialogError::PeerOutOfOrder`], or a malformed header.
    pub fn on_request(&mut self, request: &Request) -> Result<(), DialogError> {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let number = request.headers().cseq()?.number;
        if self.remote_cseq.is_some_and(|last| number < last) {
            return Err(DialogError::PeerOutOfOrder);
        }
        let contact_line = request.headers().get(HeaderName::CONTACT);
        if refreshes_target(request.method()) && contact_line.is_some() {
            self.remote_target = contact(contact_line)?;
        }
        self.remote_cseq = Some(number);
        Ok(())
    }

    /// Starts a request inside the dialog with the next sequence number (12.2.1.1).
    ///
    /// # Errors
    /// [`DialogError::LocalCSeq`].
    pub fn request(&mut self, method: Method) -> Result<RequestBuilder, DialogError> {
        if self.local_cseq >= MAX_LOCAL_CSEQ {
            return Err(DialogError::LocalCSeq);
        }
        self.local_cseq += 1;
        Ok(self.build(method, self.local_cseq))
    }

    /// Starts the ACK of a 2xx to the INVITE with this sequence number (13.2.2.4).
    #[must_use]
    pub fn ack(&self, invite_cseq: u32) -> RequestBuilder {
        self.build(Method::Ack, invite_cseq)
    }

    fn build(&self, method: Method, cseq: u32) -> RequestBuilder {
        let strict = self
            .routes
            .first()
            .filter(|route| !route.uri.is_loose_router());
        let uri = strict.map_or(&self.remote_target, |route| &route.uri);
        let mut builder = Request::builder(method, uri.without_headers())
            .header(HeaderName::FROM, self.local.as_bytes())
            .header(HeaderName::TO, self.remote.as_bytes())
            .header(HeaderName::CALL_ID, self.call_id.as_bytes())
            .header(HeaderName::CSEQ, cseq.to_string());
        let skipped = usize::from(strict.is_some());
        for route in self.routes.iter().skip(skipped) {
            builder = builder.header(HeaderName::ROUTE, route.to_string());
        }
        if strict.is_some() {
            builder = builder.header(HeaderName::ROUTE, format!("<{}>", self.remote_target));
        }
        builder
    }
}

const fn state_of(status: StatusCode) -> DialogState {
    if status.is_provisional() {
        DialogState::Early
    } else {
        DialogState::Confirmed
    }
}

/// Requests whose Contact replaces the remote target (12.2, RFC 3311, RFC 6665).
const fn refreshes_target(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer
    )
}

fn routes(addresses: Vec<NameAddr>) -> Result<Vec<NameAddr>, DialogError> {
    if addresses.len() > MAX_ROUTES {
        return Err(DialogError::PeerTooManyRoutes);
    }
    Ok(addresses)
}

/// The URI of a Contact that must hold exactly one address (8.1.1.8).
fn contact(line: Option<&[u8]>) -> Result<Uri, HeaderError> {
    let line = line.ok_or(HeaderError::Missing("Contact"))?;
    let first = crate::header::scan::split(line, b',')
        .next()
        .unwrap_or_default();
    Ok(NameAddr::parse(first)?.uri)
}
