//! Explains a message field by field: offset, octets, name, meaning, clause.
//!
//! A message that cannot be read is explained as far as it can, then the error is named with its offset. With
//! [`Keys`] the signature is verified and the key opened, and what was found is said. Nothing is judged that
//! depends on the time now: that is the work of [`Receiver`](crate::Receiver).
//!
//! ```
//! use roger_base::UnixTime;
//! use roger_mikey::describe::{describe, octets_from};
//! let octets = octets_from(b"01 1A 05 01 16992638 00 01")?;
//! let description = describe(&octets, None, UnixTime(1_800_000_000).to_ntp());
//! assert!(description.to_string().contains("CSB ID"));
//! assert!(description.fault.is_some());
//! # Ok::<(), roger_mikey::describe::InputError>(())
//! ```

mod dump;
mod findings;
mod input;
mod meaning;
mod print;

pub use findings::{Keys, OpeningKey};
pub use input::{InputError, octets_from};

use crate::Field;
use crate::i_message::{Compatibility, IMessage};
use crate::message::Message;
use crate::wire::DecodeError;
use dump::Dump;
use roger_base::{NtpTime, Secret};

/// Everything that can be said about some octets.
#[derive(Clone)]
pub struct Description {
    /// Octets in all.
    pub length: usize,
    /// The payloads and elements that could be read.
    pub sections: Vec<Section>,
    /// Why reading stopped, when it did.
    pub fault: Option<DecodeError>,
    /// What is true about the message as a whole.
    pub findings: Vec<Finding>,
    /// Whether the signature was verified under keys at hand.
    pub signature_verified: bool,
    /// The key, when it is known to be the one of the message; never part of the printed text.
    pub secret: Option<Secret<16>>,
}

impl Description {
    /// Whether the message was read to its end and nothing about it was found wrong; what could not be
    /// checked for want of keys does not count.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let bad = |finding: &Finding| finding.verdict == Verdict::Wrong;
        self.fault.is_none() && !self.findings.iter().any(bad)
    }
}

/// A payload, or an element inside one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Name.
    pub title: &'static str,
    /// The clause that defines it.
    pub clause: &'static str,
    /// Offset of its first octet.
    pub offset: usize,
    /// Where the offsets count from.
    pub origin: Origin,
    /// Its fields.
    pub lines: Vec<Line>,
}

/// What offsets count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The first octet of the message.
    Message,
    /// The first octet of the decrypted key parameters.
    Decrypted,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Offset of its first octet.
    pub offset: usize,
    /// Its octets.
    pub octets: Vec<u8>,
    /// Name and clause.
    pub field: Field,
    /// What the octets mean.
    pub meaning: String,
}

/// Something true about the message as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Good, bad or neither.
    pub verdict: Verdict,
    /// What was found.
    pub text: String,
    /// The clause that asks for it.
    pub clause: &'static str,
}

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Checked and right.
    Right,
    /// Checked and wrong.
    Wrong,
    /// Not checked, or for information.
    Note,
}

/// Explains octets; `reference` is a time near the message's, for the era of its timestamp.
#[must_use]
pub fn describe(octets: &[u8], keys: Option<&Keys>, reference: NtpTime) -> Description {
    let mut dump = Dump::new(reference, Origin::Message);
    let mut description = Description {
        length: octets.len(),
        sections: Vec::new(),
        fault: None,
        findings: Vec::new(),
        signature_verified: false,
        secret: None,
    };
    let decoded = Message::decode_traced(octets, &mut dump);
    let (sections, inner) = dump.finish();
    description.sections = sections;
    match decoded {
        Ok(message) => judge(&message, octets, keys, reference, &mut description),
        Err(fault) => description.fault = Some(fault),
    }
    let wrong = |fault: DecodeError| Finding {
        verdict: Verdict::Wrong,
        text: format!("an extension cannot be read: {fault}"),
        clause: "TS 33.180 cl. E.5, E.6",
    };
    description.findings.extend(inner.into_iter().map(wrong));
    description
}

/// Looks at a message that could be read as a whole.
fn judge(
    message: &Message,
    octets: &[u8],
    keys: Option<&Keys>,
    reference: NtpTime,
    description: &mut Description,
) {
    let message = match IMessage::new(message, tolerant()) {
        Ok(message) => message,
        Err(error) => {
            description.findings.push(Finding {
                verdict: Verdict::Wrong,
                text: format!("not a complete I_MESSAGE: {error}"),
                clause: "TS 33.180 cl. E.1.2",
            });
            return;
        }
    };
    description
        .findings
        .extend(findings::of_structure(&message));
    if let Some(keys) = keys {
        findings::with_keys(&message, octets, keys, reference, description);
    }
}

/// Deviations are reported, not refused.
fn tolerant() -> Compatibility {
    Compatibility {
        short_rand: true,
        sakke_id_scheme_1: true,
        signature_without_length: true,
    }
}
