//! What crossed the network, and how a secret could be spelled in it.

use crate::host::HostId;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use roger_base::Instant;
use roger_media::Flow;
use roger_sip::message::{Limits, Message, Method, Request, Response};
use std::net::SocketAddr;

/// One SIP message on a stream.
#[derive(Debug, Clone)]
pub struct SipMessage {
    /// When it was sent.
    pub at: Instant,
    /// Sender.
    pub from: HostId,
    /// Receiver.
    pub to: HostId,
    /// Its octets, as the receiver got them.
    pub octets: Vec<u8>,
}

impl SipMessage {
    /// The message, read.
    #[must_use]
    pub fn message(&self) -> Message {
        Message::parse_datagram(&self.octets, &Limits::default()).unwrap()
    }

    /// The request, if it is one.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        match self.message() {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        }
    }

    /// The response, if it is one.
    #[must_use]
    pub fn response(&self) -> Option<Response> {
        match self.message() {
            Message::Response(response) => Some(response),
            Message::Request(_) => None,
        }
    }

    /// Whether it is a request of this method.
    #[must_use]
    pub fn is(&self, method: &Method) -> bool {
        self.octets.starts_with(method.as_str().as_bytes()) && self.request().is_some()
    }
}

/// One datagram on a media socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// When it was sent.
    pub at: Instant,
    /// Sending socket.
    pub from: SocketAddr,
    /// Receiving socket.
    pub to: SocketAddr,
    /// Which kind of socket it was sent from.
    pub flow: Flow,
    /// Payload, as the receiver got it.
    pub octets: Vec<u8>,
}

/// Everything that was sent, in order; what the network lost is in it too.
#[derive(Debug, Default)]
pub struct Wire {
    /// SIP.
    pub sip: Vec<SipMessage>,
    /// Media and floor control.
    pub datagrams: Vec<Datagram>,
}

impl Wire {
    /// How often any spelling of a text stands in SIP.
    #[must_use]
    pub fn sip_mentions(&self, text: &str) -> usize {
        let spellings = spellings(text);
        let mentions = |message: &&SipMessage| found(&message.octets, &spellings);
        self.sip.iter().filter(mentions).count()
    }

    /// How often any spelling of a text stands in datagrams.
    #[must_use]
    pub fn datagram_mentions(&self, text: &str) -> usize {
        let spellings = spellings(text);
        let mentions = |datagram: &&Datagram| found(&datagram.octets, &spellings);
        self.datagrams.iter().filter(mentions).count()
    }
}

fn found(octets: &[u8], spellings: &[Vec<u8>]) -> bool {
    let lower = octets.to_ascii_lowercase();
    spellings.iter().any(|spelling| {
        octets.windows(spelling.len()).any(|part| part == spelling)
            || lower.windows(spelling.len()).any(|part| part == spelling)
    })
}

/// A text as it could stand in a message: plain, percent-encoded, in hexadecimal digits, and in base64 at each of
/// the three places where a text can begin within a group of three octets, in both alphabets.
#[must_use]
pub fn spellings(text: &str) -> Vec<Vec<u8>> {
    let octets = text.as_bytes();
    let percent = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
    let mut all = vec![
        octets.to_vec(),
        text.to_ascii_lowercase().into_bytes(),
        percent.to_string().into_bytes(),
        percent.to_string().to_ascii_lowercase().into_bytes(),
        hex::encode(octets).into_bytes(),
    ];
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(octets);
        // The characters at both ends depend on what stands around the text.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for encoded in [
            STANDARD_NO_PAD.encode(&padded),
            URL_SAFE_NO_PAD.encode(&padded),
        ] {
            all.push(encoded.as_bytes()[first..last].to_vec());
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_every_spelling() {
        let text = "sip:alice@mcptt.example.org";
        let spellings = spellings(text);
        for around in ["", "x", "xy", "xyz"] {
            let whole = format!("{around}{text}{around}");
            for octets in [
                whole.clone().into_bytes(),
                STANDARD_NO_PAD.encode(&whole).into_bytes(),
                URL_SAFE_NO_PAD.encode(&whole).into_bytes(),
                hex::encode(&whole).into_bytes(),
                hex::encode_upper(&whole).into_bytes(),
                whole
                    .replace(':', "%3a")
                    .replace('@', "%40")
                    .replace('.', "%2E")
                    .into_bytes(),
            ] {
                assert!(
                    found(&octets, &spellings),
                    "{}",
                    String::from_utf8_lossy(&octets)
                );
            }
        }
        assert!(!found(b"sip:bob@mcptt.example.org", &spellings));
    }
}
