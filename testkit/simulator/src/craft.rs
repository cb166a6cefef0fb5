//! Making the messages that only an attacker sends.

use crate::wire::SipMessage;
use roger_base::Random;
use roger_call::body::{Body, Part};
use roger_call::protection::{ReceivingHop, SendingHop};
use roger_sip::message::{Limits, Message};

/// The parts of a message, as they stand in it.
#[must_use]
pub fn bodies(message: &SipMessage) -> Body {
    let message = message.message();
    Body::of(message.headers(), message.body()).unwrap()
}

/// The same message with another body; everything else stays.
#[must_use]
pub fn with_body(octets: &[u8], body: &Body, random: &mut dyn Random) -> Vec<u8> {
    let message = Message::parse_datagram(octets, &Limits::default()).unwrap();
    let (content_type, octets) = body.encode(random).unwrap().unwrap();
    match message {
        Message::Request(mut request) => {
            request.set_body(&content_type, octets).unwrap();
            request.to_octets()
        }
        Message::Response(mut response) => {
            response.set_body(&content_type, octets).unwrap();
            response.to_octets()
        }
    }
}

/// The same message, its parts opened, changed and protected anew: what somebody does who has the key.
#[must_use]
pub fn reprotected(
    message: &SipMessage,
    receiving: &ReceivingHop,
    sending: &SendingHop,
    change: impl FnOnce(Body) -> Body,
    random: &mut dyn Random,
) -> Vec<u8> {
    let opened = bodies(message).opened(receiving).unwrap();
    let mut plain = Body::new();
    for kind in [
        "application/mikey",
        "application/sdp",
        "application/vnd.3gpp.mcptt-info+xml",
        "application/poc-settings+xml",
        "application/resource-lists+xml",
        "application/pidf+xml",
    ] {
        if let Some(part) = opened.part(kind) {
            plain = plain.with(Part::new(part.content_type.clone(), part.octets.to_vec()));
        }
    }
    let body = change(plain).protected(sending, random).unwrap();
    with_body(&message.octets, &body, random)
}
