//! What stands around each UE: documents are fetched for it, and what it says is kept.

use crate::host::HostId;
use roger_base::{Instant, SecretBytes};
use roger_gms::{GroupManagement, XcapMethod, XcapRequest};
use roger_oidc::AccessTokenVerifier;
use roger_testkit::SeededRandom;
use roger_ue::client::{CallNumber, UeEvent};

/// Whether a UE fetches its group keys when it is told of new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetching {
    /// At once.
    AtOnce,
    /// Not: the test does it.
    ByHand,
}

/// Speech that a UE heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// In which call.
    pub call: CallNumber,
    /// The payload, which tells its speaker and number.
    pub words: String,
}

/// A user at her UE.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) host: HostId,
    pub(crate) token: SecretBytes,
    pub(crate) fetching: Fetching,
    pub(crate) events: Vec<(Instant, UeEvent)>,
    pub(crate) spoken: u32,
    /// Seconds by which the clock of the UE is slow.
    pub(crate) slow_by: u64,
}

impl Person {
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let heard = |(at, event): &(Instant, UeEvent)| match event {
            UeEvent::Speech(call, speech) => Some(Heard {
                at: *at,
                call: *call,
                words: words(&speech.payload),
            }),
            _ => None,
        };
        self.events.iter().filter_map(heard).collect()
    }
}

/// Octets of one packet of AMR-WB at 12.65 kbit/s, octet-aligned: CMR, table of contents, 253 bits of speech.
const PAYLOAD_OCTETS: usize = 34;

/// A payload that says who talks.
pub(crate) fn payload(name: &str, number: u32) -> Vec<u8> {
    let mut octets = format!("{name}-{number}").into_bytes();
    octets.resize(PAYLOAD_OCTETS, 0);
    octets
}

fn words(payload: &[u8]) -> String {
    let end = payload
        .iter()
        .position(|octet| *octet == 0)
        .unwrap_or(payload.len());
    String::from_utf8_lossy(&payload[..end]).into_owned()
}

/// GET of a document by URL, with the token of a user.
pub(crate) fn get(
    management: &mut GroupManagement,
    tokens: &AccessTokenVerifier,
    token: &SecretBytes,
    url: &str,
    now: roger_base::UnixTime,
    random: &mut SeededRandom,
) -> roger_gms::XcapAnswer {
    let root = management.settings().xcap_root.clone();
    let path = url.strip_prefix(&root).unwrap_or(url);
    let request = XcapRequest {
        method: XcapMethod::Get,
        path,
        bearer: core::str::from_utf8(token.expose()).ok(),
        if_none_match: None,
        if_match: None,
        content_type: None,
        body: &[],
    };
    management.xcap(&request, tokens, now, random)
}
