//! How messages find their transaction (RFC 3261 17.1.3, 17.2.3).

use crate::header::HeaderError;
use crate::message::{HeaderName, Method, Request};
use std::sync::Arc;

/// Names a transaction. Client and server keys live in separate tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionKey(Arc<[u8]>);

impl TransactionKey {
    /// Of a request we send, and of the responses to it: branch and method of `CSeq`.
    #[must_use]
    pub fn client(branch: &str, method: &Method) -> Self {
        join(&[branch.as_bytes(), method.as_str().as_bytes()])
    }

    /// Of a request we received. An ACK has the key of its INVITE.
    ///
    /// # Errors
    /// [`HeaderError`] when Via, or for a branch of RFC 2543 the other headers, cannot be read.
    pub fn server(request: &Request) -> Result<Self, HeaderError> {
        match request.method() {
            Method::Ack => Self::of(request, &Method::Invite),
            method => Self::of(request, method),
        }
    }

    /// Of the INVITE that a CANCEL cancels (9.2).
    ///
    /// # Errors
    /// As [`TransactionKey::server`].
    pub fn cancelled(request: &Request) -> Result<Self, HeaderError> {
        Self::of(request, &Method::Invite)
    }

    fn of(request: &Request, method: &Method) -> Result<Self, HeaderError> {
        let via = request.headers().top_via()?;
        if !via.has_unique_branch() {
            return Self::of_rfc2543(request, method);
        }
        let sent_by = via.sent_by().to_ascii_lowercase();
        let branch = via.branch().unwrap_or_default();
        Ok(join(&[
            branch.as_bytes(),
            sent_by.as_bytes(),
            method.as_str().as_bytes(),
        ]))
    }

    /// Without a unique branch: Request-URI, tags, Call-ID, `CSeq` number and the top Via as a whole. For an
    /// INVITE the To tag does not count, since only its ACK has the one we chose.
    fn of_rfc2543(request: &Request, method: &Method) -> Result<Self, HeaderError> {
        let headers = request.headers();
        let (from, to) = (headers.from()?, headers.to()?);
        let to_tag = if *method == Method::Invite {
            None
        } else {
            to.tag()
        };
        let via = headers
            .elements(HeaderName::VIA)
            .next()
            .ok_or(HeaderError::Missing("Via"))?;
        Ok(join(&[
            b"RFC 2543",
            method.as_str().as_bytes(),
            request.uri_octets(),
            from.tag().unwrap_or_default().as_bytes(),
            to_tag.unwrap_or_default().as_bytes(),
            headers.call_id()?.as_bytes(),
            headers.cseq()?.number.to_string().as_bytes(),
            via,
        ]))
    }

    /// Octets of the key.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never; a key has at least its separators.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Joins by NUL, which no header value contains.
fn join(parts: &[&[u8]]) -> TransactionKey {
    TransactionKey(parts.join(&0).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Message};

    fn request(start: &str, via: &str, to: &str) -> Request {
        let method = start.split(' ').next().unwrap();
        let text = format!(
            "{start} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@h>;tag=f\r\nTo: {to}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\r\n"
        );
        match Message::parse_datagram(text.as_bytes(), &Limits::default()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!(),
        }
    }

    fn key(start: &str, via: &str, to: &str) -> TransactionKey {
        TransactionKey::server(&request(start, via, to)).unwrap()
    }

    const VIA: &str = "SIP/2.0/UDP Host:5060;branch=z9hG4bKx";

    #[test]
    fn branch_sent_by_and_method_make_the_key() {
        let base = key("INVITE sip:b@h", VIA, "<sip:b@h>");
        assert_eq!(
            base,
            key(
                "INVITE sip:other@h",
                "SIP/2.0/TCP hOST:5060;branch=z9hG4bKx;rport",
                "<sip:b@h>;tag=t"
            )
        );
        assert_eq!(base, key("ACK sip:b@h", VIA, "<sip:b@h>;tag=t"));
        assert_ne!(base, key("CANCEL sip:b@h", VIA, "<sip:b@h>"));
        assert_eq!(
            base,
            TransactionKey::cancelled(&request("CANCEL sip:b@h", VIA, "<sip:b@h>")).unwrap()
        );
        assert_ne!(
            base,
            key(
                "INVITE sip:b@h",
                "SIP/2.0/UDP host:5061;branch=z9hG4bKx",
                "<sip:b@h>"
            )
        );
        assert_ne!(
            base,
            key(
                "INVITE sip:b@h",
                "SIP/2.0/UDP host:5060;branch=z9hG4bKy",
                "<sip:b@h>"
            )
        );
    }

    #[test]
    fn a_client_of_rfc_2543_is_told_by_the_other_headers() {
        let old = "SIP/2.0/UDP host:5060";
        let base = key("INVITE sip:b@h", old, "<sip:b@h>");
        assert_eq!(base, key("ACK sip:b@h", old, "<sip:b@h>;tag=ours"));
        assert_ne!(base, key("INVITE sip:c@h", old, "<sip:b@h>"));
        assert_ne!(
            base,
            key("INVITE sip:b@h", "SIP/2.0/UDP host:5061", "<sip:b@h>")
        );
        assert_ne!(
            key("BYE sip:b@h", old, "<sip:b@h>;tag=1"),
            key("BYE sip:b@h", old, "<sip:b@h>;tag=2")
        );
    }
}
