//! What can be told of a message before it is parsed.

use super::Rank;
use crate::header::scan::split;
use crate::message::{HeaderName, Method};
use crate::message::{Message, Request};

/// Octets that are looked at; whatever stands behind gives no rank.
const MAX_OCTETS: usize = 8 * 1024;

/// What a message says of itself. It is a claim of the sender and no more: see [`Rank::of`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Glance {
    /// A response, an ACK, a CANCEL, a PRACK, or a request with a To tag.
    pub begun: bool,
    /// The best rank that Resource-Priority asks for.
    pub claim: Option<Rank>,
}

impl Glance {
    /// Looks at the octets of a datagram, which may be anything.
    #[must_use]
    pub fn at(octets: &[u8]) -> Self {
        let octets = octets.get(..MAX_OCTETS).unwrap_or(octets);
        let mut lines = octets.split(|octet| *octet == b'\n');
        let start = lines.next().unwrap_or_default();
        if start.starts_with(b"SIP/2.0 ") {
            return Self::RESPONSE;
        }
        let mut glance = Self {
            begun: [&b"ACK "[..], b"CANCEL ", b"PRACK "]
                .iter()
                .any(|method| start.starts_with(method)),
            claim: None,
        };
        for line in lines {
            if line.trim_ascii().is_empty() {
                break;
            }
            glance.see(line);
        }
        glance
    }

    /// The same of a message that was parsed.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        match message {
            Message::Request(request) => Self::of_request(request),
            Message::Response(_) => Self::RESPONSE,
        }
    }

    /// The same of a request.
    #[must_use]
    pub fn of_request(request: &Request) -> Self {
        let headers = request.headers();
        let inside = headers.to().is_ok_and(|to| to.tag().is_some());
        let finishes = matches!(
            request.method(),
            Method::Ack | Method::Cancel | Method::Prack
        );
        let claims = headers
            .elements(HeaderName::RESOURCE_PRIORITY)
            .filter_map(Rank::of_resource_priority);
        Self {
            begun: inside || finishes,
            claim: claims.max(),
        }
    }

    const RESPONSE: Self = Self {
        begun: true,
        claim: None,
    };

    fn see(&mut self, line: &[u8]) {
        // Most lines are neither; their first letter tells.
        if !matches!(line.first(), Some(b't' | b'T' | b'r' | b'R')) {
            return;
        }
        let Some(colon) = line.iter().position(|octet| *octet == b':') else {
            return;
        };
        let (name, value) = line.split_at(colon);
        let (name, value) = (name.trim_ascii(), value.get(1..).unwrap_or_default());
        if name.eq_ignore_ascii_case(b"to") || name.eq_ignore_ascii_case(b"t") {
            self.begun |= value
                .windows(5)
                .any(|window| window.eq_ignore_ascii_case(b";tag="));
        } else if name.eq_ignore_ascii_case(b"Resource-Priority") {
            let claims = split(value, b',').filter_map(Rank::of_resource_priority);
            self.claim = claims.chain(self.claim).max();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Limits;

    fn both(text: &str) -> Glance {
        let text = text.replace('\n', "\r\n");
        let message = Message::parse_datagram(text.as_bytes(), &Limits::default()).unwrap();
        let parsed = Glance::of(&message);
        assert_eq!(Glance::at(text.as_bytes()), parsed, "{text}");
        parsed
    }

    fn request(start: &str, to: &str, more: &str) -> String {
        format!(
            "{start} SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\nFrom: <sip:a@h>;tag=f\n{to}\nCall-ID: c\n{more}\n\n"
        )
    }

    #[test]
    fn octets_and_message_show_the_same() {
        let new = both(&request(
            "INVITE sip:b@h",
            "To: <sip:b@h>",
            "CSeq: 1 INVITE",
        ));
        assert_eq!(new, Glance::default());
        for begun in [
            request(
                "INVITE sip:b@h",
                "t : <sip:b@h>;x=y;TAG=1",
                "CSeq: 1 INVITE",
            ),
            request("CANCEL sip:b@h", "To: <sip:b@h>", "CSeq: 1 CANCEL"),
            "SIP/2.0 200 OK\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\nResource-Priority: mcpttp.15\n\n"
                .into(),
        ] {
            let glance = both(&begun);
            assert!(glance.begun && glance.claim.is_none());
        }
        let urgent = request(
            "INVITE sip:b@h",
            "To: <sip:b@h>",
            "CSeq: 1 INVITE\nresource-priority: q735.1, mcpttq.3\nResource-Priority: MCPTTP.10",
        );
        assert_eq!(both(&urgent).claim, Some(Rank::Preempting(10)));
    }

    #[test]
    fn a_body_and_octets_far_behind_give_no_rank() {
        let body = request("INVITE sip:b@h", "To: <sip:b@h>", "CSeq: 1 INVITE")
            + "Resource-Priority: mcpttp.15\n";
        assert_eq!(both(&body), Glance::default());
        let far = format!(
            "INVITE sip:b@h SIP/2.0\r\nX: {}\r\nResource-Priority: mcpttp.15\r\n\r\n",
            "x".repeat(MAX_OCTETS)
        );
        assert_eq!(Glance::at(far.as_bytes()), Glance::default());
        assert_eq!(Glance::at(b""), Glance::default());
        assert_eq!(Glance::at(b"\n\n\n"), Glance::default());
    }
}
