//! No secret, no MC identity and no location in clear on a SIP hop, nor in an encoding that anybody undoes.

use super::{Checked, Evidence, Violation};
use crate::demo::wire::{Hop, bodies, sip_hops};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use roger_base::SecretBytes;
use roger_call::feature::media_type;
use roger_documents::location_info::Location;
use roger_sip::message::Message;
use std::collections::{BTreeMap, BTreeSet};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Something that must not be seen.
#[derive(Clone)]
pub(in crate::demo) struct Needle {
    what: &'static str,
    octets: SecretBytes,
}

impl Needle {
    /// A token or password.
    pub(in crate::demo) fn secret(octets: &[u8]) -> Self {
        Self {
            what: "token or password",
            octets: SecretBytes::new(octets.to_vec()),
        }
    }

    /// An identity as a URI, and its user part with the beginning of the host, which is found without the scheme too.
    pub(in crate::demo) fn identity(what: &'static str, uri: &str) -> Vec<Self> {
        let bare = uri.split_once(':').map_or(uri, |(_, rest)| rest);
        vec![Self {
            what,
            octets: SecretBytes::new(bare.as_bytes().to_vec()),
        }]
    }

    /// Cell and coordinates, each with what stands around it in the document (TS 24.379 F.3): digits alone are found
    /// by chance.
    pub(in crate::demo) fn location(location: &Location) -> Vec<Self> {
        let coordinate = location.coordinate.iter();
        let codes = coordinate.flat_map(|at| [at.latitude_code(), at.longitude_code()]);
        let codes = codes.map(|code| code.to_string());
        let values = location.serving_ecgi.iter().cloned().chain(codes);
        let needle = |value: String| Self {
            what: "location",
            octets: SecretBytes::new(format!(">{value}<").into_bytes()),
        };
        values.map(needle).collect()
    }
}

/// One form of one needle.
struct Form {
    what: &'static str,
    how: &'static str,
    octets: Vec<u8>,
}

/// Every form of every needle, found in one pass over a text.
struct Searcher {
    forms: Vec<Form>,
    /// Forms by their first two octets.
    by_beginning: BTreeMap<[u8; 2], Vec<usize>>,
    /// Which beginnings there are, by their value as a number.
    begins: Vec<bool>,
}

impl Searcher {
    fn new(needles: &[Needle]) -> Self {
        let mut searcher = Self {
            forms: Vec::new(),
            by_beginning: BTreeMap::new(),
            begins: vec![false; 1 << 16],
        };
        for needle in needles {
            for (how, octets) in forms(needle.octets.expose()) {
                searcher.add(Form {
                    what: needle.what,
                    how,
                    octets,
                });
            }
        }
        searcher
    }

    fn add(&mut self, form: Form) {
        // A form of one octet would be found everywhere; no needle is that short.
        let Some(beginning) = form.octets.first_chunk::<2>().copied() else {
            return;
        };
        if let Some(begins) = self
            .begins
            .get_mut(usize::from(u16::from_be_bytes(beginning)))
        {
            *begins = true;
        }
        self.by_beginning
            .entry(beginning)
            .or_default()
            .push(self.forms.len());
        self.forms.push(form);
    }

    /// The first form in a text.
    fn find(&self, text: &[u8]) -> Option<&Form> {
        text.windows(2).enumerate().find_map(|(at, beginning)| {
            let beginning: [u8; 2] = beginning.try_into().ok()?;
            let number = usize::from(u16::from_be_bytes(beginning));
            if !self.begins.get(number).copied().unwrap_or(false) {
                return None;
            }
            let rest = text.get(at..).unwrap_or_default();
            let candidates = self.by_beginning.get(&beginning)?.iter();
            candidates
                .filter_map(|number| self.forms.get(*number))
                .find(|form| rest.starts_with(&form.octets))
        })
    }
}

/// Every form in which octets may stand in a text.
fn forms(octets: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = String::from_utf8_lossy(octets);
    let escaped = |set| utf8_percent_encode(&text, set).to_string().into_bytes();
    let mut forms = vec![
        ("as it is", octets.to_vec()),
        ("in hex", hex::encode(octets).into_bytes()),
        ("in hex", hex::encode_upper(octets).into_bytes()),
        ("percent-encoded", escaped(NON_ALPHANUMERIC)),
        ("percent-encoded", escaped(RESERVED)),
    ];
    for skipped in 0..3 {
        forms.extend(in_base64(octets, skipped));
    }
    forms
}

/// What base64 always looks like when the octets stand `skipped` octets into a group of three: the letters that
/// depend on them alone.
fn in_base64(octets: &[u8], skipped: usize) -> Vec<(&'static str, Vec<u8>)> {
    let padded = [vec![0; skipped], octets.to_vec()].concat();
    // A letter holds 6 bits: those before `first` have bits of what comes before, those from `last` of what follows.
    let first = (skipped * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    let letters = |text: String| {
        text.as_bytes()
            .get(first..last)
            .unwrap_or_default()
            .to_vec()
    };
    vec![
        ("in base64", letters(STANDARD_NO_PAD.encode(&padded))),
        ("in base64url", letters(URL_SAFE_NO_PAD.encode(&padded))),
    ]
}

fn contains(text: &[u8], form: &[u8]) -> bool {
    !form.is_empty() && text.windows(form.len()).any(|window| window == form)
}

/// Searches every direction of every hop.
pub(super) fn check(evidence: &Evidence) -> Checked {
    let hops = sip_hops(&evidence.packets);
    let needles = &evidence.needles;
    search(&hops, needles)?;
    control(&hops, needles)?;
    let tokens = protected(&hops, media_type::MCPTT_INFO, b"mcptt-access-token");
    let reports = protected(&hops, media_type::LOCATION_INFO, b"Report");
    if tokens == 0 || reports == 0 {
        return Err(Violation::of(
            "no hop carries a protected token and a protected location: nothing was looked at",
        ));
    }
    let octets: usize = hops.iter().map(|hop| hop.octets.len()).sum();
    Ok(format!(
        "{} directions of hops, {octets} octets, {} needles; {tokens} requests carry a token, {reports} a location, encrypted",
        hops.len(),
        needles.len()
    ))
}

fn search(hops: &[Hop], needles: &[Needle]) -> Result<(), Violation> {
    if hops.is_empty() || needles.is_empty() {
        return Err(Violation::of("there is nothing to look at"));
    }
    let searcher = Searcher::new(needles);
    for hop in hops {
        if let Some(form) = searcher.find(&hop.octets) {
            return Err(Violation::of(format!(
                "{} {} between {} and {}",
                form.what, form.how, hop.source, hop.destination
            )));
        }
    }
    Ok(())
}

/// The same search finds a needle of each kind that is put into a copy of a real hop, in every form.
fn control(hops: &[Hop], needles: &[Needle]) -> Result<(), Violation> {
    let Some(hop) = hops.first() else {
        return Err(Violation::of("there is nothing to look at"));
    };
    let mut kinds = BTreeSet::new();
    for needle in needles.iter().filter(|needle| kinds.insert(needle.what)) {
        control_of(hop, needle, needles)?;
    }
    Ok(())
}

fn control_of(hop: &Hop, needle: &Needle, needles: &[Needle]) -> Result<(), Violation> {
    let octets = needle.octets.expose();
    let planted = [
        octets.to_vec(),
        hex::encode(octets).into_bytes(),
        STANDARD_NO_PAD.encode(octets).into_bytes(),
        STANDARD_NO_PAD
            .encode([b"x", octets, b"y"].concat())
            .into_bytes(),
    ];
    for text in planted {
        let (head, tail) = hop.octets.split_at(hop.octets.len() / 2);
        let copy = Hop {
            source: hop.source,
            destination: hop.destination,
            octets: [head, &text, tail].concat(),
        };
        if search(&[copy], needles).is_ok() {
            let what = needle.what;
            return Err(Violation::of(format!(
                "the search does not find a {what} that was put there"
            )));
        }
    }
    Ok(())
}

/// Requests with something encrypted in a part that also holds `mark`: they did cross the hops that were searched.
fn protected(hops: &[Hop], media_type: &'static str, mark: &[u8]) -> usize {
    let is_protected = |message: &Message| {
        bodies(message).iter().any(|body| {
            let part = body.octets(media_type).unwrap_or_default();
            contains(part, mark) && contains(part, b"EncryptedData")
        })
    };
    hops.iter()
        .flat_map(Hop::messages)
        .filter(is_protected)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_documents::location_info::Coordinate;

    fn hop(text: &[u8]) -> Hop {
        Hop {
            source: "127.3.4.100:5060".parse().unwrap(),
            destination: "127.3.4.13:5060".parse().unwrap(),
            octets: text.to_vec(),
        }
    }

    fn place() -> Location {
        Location {
            serving_ecgi: Some("001010C5E7A1".to_owned()),
            coordinate: Coordinate::from_codes(5_732_001, 1_107_313),
        }
    }

    fn needles() -> Vec<Needle> {
        let mut needles = vec![Needle::secret(b"eyJhbGciOi.token-of-alice?>~")];
        needles.extend(Needle::identity("MCPTT ID", "sip:alice@mcptt.example.org"));
        needles.extend(Needle::location(&place()));
        needles
    }

    #[test]
    fn a_hop_without_them_passes() {
        let text = b"PUBLISH sip:mcptt-pf@mcptt.example.org SIP/2.0\r\n\r\n";
        assert_eq!(search(&[hop(text)], &needles()), Ok(()));
    }

    #[test]
    fn a_planted_token_or_identity_is_found_in_every_form() {
        for needle in [
            &b"eyJhbGciOi.token-of-alice?>~"[..],
            b"alice@mcptt.example.org",
            b"<Ecgi>001010C5E7A1</Ecgi>",
            b"<threebytes>5732001</threebytes>",
            b"<threebytes>1107313</threebytes>",
        ] {
            let mut planted = vec![
                needle.to_vec(),
                hex::encode(needle).into_bytes(),
                hex::encode_upper(needle).into_bytes(),
            ];
            for before in [&b""[..], b"1", b"12", b"123"] {
                let whole = [before, needle, b"after"].concat();
                planted.push(STANDARD_NO_PAD.encode(&whole).into_bytes());
                planted.push(URL_SAFE_NO_PAD.encode(&whole).into_bytes());
            }
            let text = String::from_utf8_lossy(needle).into_owned();
            for set in [NON_ALPHANUMERIC, RESERVED] {
                planted.push(utf8_percent_encode(&text, set).to_string().into_bytes());
            }
            for text in planted {
                let whole = [b"REGISTER ", &text[..], b"\r\n"].concat();
                let shown = String::from_utf8_lossy(&whole).into_owned();
                assert!(search(&[hop(&whole)], &needles()).is_err(), "{shown}");
            }
        }
    }

    #[test]
    fn nothing_to_look_at_is_no_proof() {
        assert!(search(&[], &needles()).is_err());
        assert!(search(&[hop(b"x")], &[]).is_err());
        assert_eq!(protected(&[hop(b"x")], media_type::MCPTT_INFO, b"x"), 0);
    }

    #[test]
    fn digits_that_are_no_place_pass() {
        let text = b"Call-ID: 5732001\r\nCSeq: 1107313 INVITE\r\n";
        assert_eq!(search(&[hop(text)], &needles()), Ok(()));
    }

    #[test]
    fn what_was_encrypted_is_counted_and_what_was_not_is_not() {
        let message = |part: &str| {
            let text = format!(
                "MESSAGE sip:a@b SIP/2.0\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{part}",
                media_type::LOCATION_INFO,
                part.len()
            );
            protected(
                &[hop(text.as_bytes())],
                media_type::LOCATION_INFO,
                b"Report",
            )
        };
        assert_eq!(message("<Report><EncryptedData/></Report>"), 1);
        assert_eq!(
            message("<Report><threebytes>5732001</threebytes></Report>"),
            0
        );
        assert_eq!(message("<Request/>"), 0);
    }

    #[test]
    fn the_control_is_satisfied_by_the_search() {
        assert_eq!(
            control(&[hop(b"PUBLISH sip:a SIP/2.0\r\n")], &needles()),
            Ok(())
        );
    }
}
