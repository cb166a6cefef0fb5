//! What anybody can read out of captured octets, in clear or in an encoding that needs no key.

use base64::Engine as _;
use base64::alphabet::{self, Alphabet};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Shortest stretch of hexadecimal digits that is looked into.
const SHORTEST_HEX: usize = 8;

/// Texts that must not be readable, each of a kind such as "MCPTT ID"; upper and lower case are the same.
#[derive(Debug, Clone, Default)]
pub struct ClearText {
    needles: Vec<Needle>,
}

#[derive(Debug, Clone)]
struct Needle {
    kind: &'static str,
    octets: Vec<u8>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its kind.
    pub kind: &'static str,
    /// The text looked for, in lower case.
    pub text: String,
}

impl ClearText {
    /// Nothing to look for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    ///
    /// # Panics
    /// When it is shorter than four octets, and so found by chance.
    #[must_use]
    pub fn with(mut self, kind: &'static str, text: impl AsRef<[u8]>) -> Self {
        let octets = text.as_ref().to_ascii_lowercase();
        assert!(octets.len() >= 4, "{kind}: too short to be looked for");
        self.needles.push(Needle { kind, octets });
        self
    }

    /// The first text in the octets, or in what they decode to: percent-encoding, base64 in both alphabets, at every
    /// offset and across line ends, and hexadecimal.
    #[must_use]
    pub fn find(&self, octets: &[u8]) -> Option<Found> {
        self.find_all(octets).into_iter().next()
    }

    /// Every text that [`Self::find`] would find, each once.
    #[must_use]
    pub fn find_all(&self, octets: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for view in views(octets) {
            for needle in self.in_view(&view.to_ascii_lowercase()) {
                let text = String::from_utf8_lossy(&needle.octets).into_owned();
                let one = Found {
                    kind: needle.kind,
                    text,
                };
                if !found.contains(&one) {
                    found.push(one);
                }
            }
        }
        found
    }

    fn in_view<'n>(&'n self, view: &[u8]) -> Vec<&'n Needle> {
        let mut by_first: Vec<Vec<&Needle>> = vec![Vec::new(); 256];
        for needle in &self.needles {
            let first = needle.octets.first().copied().unwrap_or_default();
            if let Some(same) = by_first.get_mut(usize::from(first)) {
                same.push(needle);
            }
        }
        let mut found = Vec::new();
        for (at, octet) in view.iter().enumerate() {
            let candidates = by_first.get(usize::from(*octet)).into_iter().flatten();
            let rest = view.get(at..).unwrap_or_default();
            found.extend(candidates.filter(|needle| rest.starts_with(&needle.octets)));
        }
        found
    }
}

/// The octets, and what comes out of every stretch of them that could be an encoding.
fn views(octets: &[u8]) -> Vec<Vec<u8>> {
    let unbroken: Vec<u8> = octets
        .iter()
        .copied()
        .filter(|octet| !octet.is_ascii_whitespace())
        .collect();
    let mut views = vec![octets.to_vec(), percent_decoded(octets)];
    for text in [octets, &unbroken] {
        for alphabet in [alphabet::STANDARD, alphabet::URL_SAFE] {
            views.push(base64_decoded(text, &alphabet));
        }
    }
    views.push(hex_decoded(octets));
    views
}

/// Every stretch at every offset, one after the other.
fn base64_decoded(octets: &[u8], alphabet: &Alphabet) -> Vec<u8> {
    let mode = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(alphabet, mode);
    let is_digit = |octet: &u8| alphabet.as_str().as_bytes().contains(octet);
    let mut decoded = Vec::new();
    for run in octets.split(|octet| !is_digit(octet)) {
        for start in 0..4.min(run.len()) {
            let rest = run.get(start..).unwrap_or_default();
            // A last group of one digit is no octet.
            let whole = rest.len() - usize::from(rest.len() % 4 == 1);
            let piece = engine.decode(rest.get(..whole).unwrap_or_default());
            decoded.extend(piece.unwrap_or_default());
            decoded.push(0);
        }
    }
    decoded
}

fn hex_decoded(octets: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    for run in octets.split(|octet| !octet.is_ascii_hexdigit()) {
        if run.len() < SHORTEST_HEX {
            continue;
        }
        for start in 0..2 {
            let rest = run.get(start..).unwrap_or_default();
            let whole = rest.len() - rest.len() % 2;
            let piece = hex::decode(rest.get(..whole).unwrap_or_default());
            decoded.extend(piece.unwrap_or_default());
            decoded.push(0);
        }
    }
    decoded
}

fn percent_decoded(octets: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = octets;
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| hex::decode(digits).ok());
        match digits {
            Some(octet) if *first == b'%' => {
                decoded.extend(octet);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const PLAIN: &[u8] = b"From: <sip:Alice@mcptt.example.org>?~";

    fn search() -> ClearText {
        ClearText::new()
            .with("MCPTT ID", "alice@mcptt.example.org")
            .with("group ID", "fire-1")
    }

    #[test]
    fn what_is_hidden_badly_is_found() {
        let alice = Some(Found {
            kind: "MCPTT ID",
            text: "alice@mcptt.example.org".to_owned(),
        });
        assert_eq!(search().find(PLAIN), alice);
        assert_eq!(search().find(b"x=sip%3aalice%40mcptt.example.org"), alice);
        assert_eq!(search().find(hex::encode(PLAIN).as_bytes()), alice);
        assert_eq!(
            search().find(format!("a{}", hex::encode_upper(PLAIN)).as_bytes()),
            alice
        );
        for prefix in ["", "a", "ab", "abc"] {
            for encoded in [STANDARD.encode(PLAIN), URL_SAFE_NO_PAD.encode(PLAIN)] {
                assert_eq!(
                    search().find(format!("k={prefix}{encoded}").as_bytes()),
                    alice
                );
                let (head, tail) = encoded.split_at(20);
                let broken = format!("k={prefix}{head}\r\n {tail}");
                assert_eq!(search().find(broken.as_bytes()), alice, "{broken}");
            }
        }
    }

    #[test]
    fn every_kind_is_found_once() {
        let text = b"sip:fire-1@x FIRE-1 alice@mcptt.example.org";
        let found = search().find_all(text);
        let kinds: Vec<&str> = found.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, ["group ID", "MCPTT ID"]);
    }

    #[test]
    fn other_text_is_passed_over() {
        assert_eq!(search().find(b"sip:mcptt-pf@mcptt.example.org"), None);
        assert_eq!(search().find(b"%4"), None);
        assert_eq!(search().find(b""), None);
        assert_eq!(ClearText::new().find(PLAIN), None);
    }

    #[test]
    #[should_panic(expected = "too short")]
    fn a_text_that_chance_would_find_is_refused() {
        let _ = ClearText::new().with("name", "bob");
    }
}
