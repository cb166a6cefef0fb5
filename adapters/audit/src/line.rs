//! A line of the log.
//!
//! ```text
//! {"seq":7,"prev":"<hash of line 6>","event":{"record":{…}},"hash":"<hash>"}            newline
//! {"seq":7,"prev":"<hash of line 6>","event":{"record":{…}},"hash":"<hash>","mac":"…"}  with a MacKey
//! ```
//! `hash` is SHA-256 over the 32 octets of the hash before (zeros before the first line) and the octets of the line up
//! to `,"hash"`. `mac` is HMAC-SHA-256 over the hash. Both in small hex digits. Fields have this order and no spaces:
//! there is one way to write a line.

use crate::record::AuditRecord;
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::hmac;
use roger_base::Secret;
use serde::{Deserialize, Serialize};

/// Longest line with its newline, in octets.
pub const LONGEST: usize = 65_536;
const HASH: usize = 32;
const HASH_FIELD: &str = ",\"hash\":\"";
const MAC_FIELD: &str = ",\"mac\":\"";
const CLOSE: &str = "\"}";

/// What lines are authenticated with. Kept where the log is not, it shows a log that was written anew.
#[derive(Clone)]
pub struct MacKey(Secret<32>);

impl MacKey {
    /// Takes a key.
    #[must_use]
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose())
    }
}

/// A line by number and hash. Noted elsewhere, it shows whether the log was cut off before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Number of the line; 0 before the first.
    pub sequence: u64,
    /// Its hash.
    pub hash: [u8; HASH],
}

impl Anchor {
    /// Before the first line.
    pub const START: Self = Self {
        sequence: 0,
        hash: [0; HASH],
    };
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A record.
    Record(AuditRecord),
    /// First line of a file; `prev` is the last hash of the file before.
    FileBegins {
        /// Number of the file.
        number: u64,
        /// Unix seconds.
        time: u64,
    },
    /// A line that a crash left half written was moved to a file of its own.
    HalfLineSetAside {
        /// Name of that file.
        file: String,
        /// Its length in octets.
        octets: u64,
        /// SHA-256 of its content, as hex.
        sha256: String,
        /// Unix seconds.
        time: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<E> {
    seq: u64,
    prev: String,
    event: E,
}

/// Writes the line after `head`, and gives the head after it. Nothing when it would be too long.
pub(crate) fn write(
    head: &Anchor,
    event: &Event,
    mac: Option<&MacKey>,
) -> Option<(String, Anchor)> {
    let body = Body {
        seq: head.sequence.checked_add(1)?,
        prev: hex::encode(head.hash),
        event,
    };
    let mut line = serde_json::to_string(&body).ok()?;
    line.pop();
    let hash = chain(&head.hash, line.as_bytes());
    line.push_str(HASH_FIELD);
    line.push_str(&hex::encode(hash));
    if let Some(mac) = mac {
        line.push('"');
        line.push_str(MAC_FIELD);
        line.push_str(&hex::encode(hmac::sign(&mac.key(), &hash)));
    }
    line.push_str(CLOSE);
    line.push('\n');
    let head = Anchor {
        sequence: body.seq,
        hash,
    };
    (line.len() <= LONGEST).then_some((line, head))
}

/// A line as it was read, without its newline.
pub(crate) struct Line {
    pub(crate) head: Anchor,
    pub(crate) previous: [u8; HASH],
    pub(crate) event: Event,
}

/// Reads a line and checks everything that it can show alone.
pub(crate) fn read(line: &[u8], mac: Option<&MacKey>) -> Result<Line, &'static str> {
    let line = core::str::from_utf8(line).map_err(|_| "not UTF-8")?;
    let line = line.strip_suffix(CLOSE).ok_or("not a line of the log")?;
    // A text inside the event has its quotation marks escaped, so the last such field is the real one.
    let (signed, hash) = line.rsplit_once(HASH_FIELD).ok_or("no hash")?;
    let hash = match mac {
        None => hash,
        Some(mac) => {
            let (hash, found) = hash
                .split_once('"')
                .and_then(|(hash, rest)| Some((hash, rest.strip_prefix(MAC_FIELD)?)))
                .ok_or("no MAC")?;
            let found = digits::<HASH>(found).ok_or("malformed MAC")?;
            let hashed = digits::<HASH>(hash).ok_or("malformed hash")?;
            hmac::verify(&mac.key(), &hashed, &found).map_err(|_| "the MAC is wrong")?;
            hash
        }
    };
    // Whoever has no key may still check the chain of a log that has MACs.
    let hash = match hash.split_once('"') {
        None => hash,
        Some((hash, rest)) => {
            let mac = rest
                .strip_prefix(MAC_FIELD)
                .ok_or("not a line of the log")?;
            digits::<HASH>(mac).ok_or("malformed MAC")?;
            hash
        }
    };
    let hash = digits::<HASH>(hash).ok_or("malformed hash")?;
    let body: Body<Event> =
        serde_json::from_str(&format!("{signed}}}")).map_err(|_| "not a record")?;
    let previous = digits::<HASH>(&body.prev).ok_or("malformed previous hash")?;
    if chain(&previous, signed.as_bytes()) != hash {
        return Err("the hash is wrong: the line was changed");
    }
    Ok(Line {
        head: Anchor {
            sequence: body.seq,
            hash,
        },
        previous,
        event: body.event,
    })
}

/// Checks that a line follows another.
pub(crate) fn follows(line: &Line, head: &Anchor) -> Result<(), &'static str> {
    if Some(line.head.sequence) != head.sequence.checked_add(1) {
        return Err("the number does not follow: lines are missing, doubled or exchanged");
    }
    if line.previous != head.hash {
        return Err(
            "the previous hash does not fit: the line before is not the one that was written",
        );
    }
    Ok(())
}

fn chain(previous: &[u8; HASH], signed: &[u8]) -> [u8; HASH] {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(signed);
    let mut hash = [0; HASH];
    let digest = context.finish();
    hash.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    hash
}

/// Small hex digits only: a line has one spelling.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut octets = [0; N];
    hex::decode_to_slice(text, &mut octets).ok()?;
    (hex::encode(octets) == text).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use roger_base::UnixTime;

    prop_compose! {
        fn any_record()(
            time in any::<u64>(),
            who in prop::option::of("\\PC{0,20}"),
            domain in prop::option::of("\\PC{0,20}"),
            action in any::<String>(),
            subjects in prop::collection::vec((any::<String>(), any::<u64>()), 0..3),
            outcome in "[a-z0-9]{0,5}",
            reason in prop::option::of(any::<String>()),
            about in prop::collection::vec(any::<String>(), 0..3),
        ) -> AuditRecord {
            let time = UnixTime(time);
            AuditRecord { time, who, domain, action, subjects, outcome, reason, about }
        }
    }

    proptest! {
        #[test]
        fn lines_come_back_and_follow_their_head_only(
            record in any_record(),
            sequence in 0..u64::MAX,
            hash in any::<[u8; HASH]>(),
            keyed in any::<bool>(),
        ) {
            let mac = keyed.then(|| MacKey::new(Secret::new([1; 32])));
            let head = Anchor { sequence, hash };
            let event = Event::Record(record);
            let (text, after) = write(&head, &event, mac.as_ref()).unwrap();
            let text = text.strip_suffix('\n').unwrap();
            prop_assert!(!text.contains('\n'));
            let line = read(text.as_bytes(), mac.as_ref()).map_err(TestCaseError::fail)?;
            prop_assert_eq!(&line.event, &event);
            prop_assert_eq!(line.head, after);
            prop_assert!(follows(&line, &head).is_ok());
            prop_assert!(follows(&line, &after).is_err());
            // Without the key the chain alone can be checked; with a key, a line without MAC is refused.
            prop_assert!(read(text.as_bytes(), None).is_ok());
            let other = MacKey::new(Secret::new([2; 32]));
            prop_assert!(read(text.as_bytes(), Some(&other)).is_err());
        }

        #[test]
        fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&octets, None).is_err());
        }
    }

    #[test]
    fn the_last_number_has_no_successor() {
        let head = Anchor {
            sequence: u64::MAX,
            hash: [0; HASH],
        };
        let event = Event::FileBegins { number: 1, time: 0 };
        assert!(write(&head, &event, None).is_none());
    }

    #[test]
    fn another_spelling_of_a_line_is_refused() {
        let event = Event::FileBegins { number: 1, time: 0 };
        let (text, _) = write(&Anchor::START, &event, None).unwrap();
        let text = text.trim_end();
        assert!(read(text.as_bytes(), None).is_ok());
        let (body, hash) = text.rsplit_once(HASH_FIELD).unwrap();
        let loud = format!("{body}{HASH_FIELD}{}", hash.to_uppercase());
        assert!(read(loud.as_bytes(), None).is_err());
        assert!(read(format!("{text} ").as_bytes(), None).is_err());
        assert!(read(format!(" {text}").as_bytes(), None).is_err());
    }
}
