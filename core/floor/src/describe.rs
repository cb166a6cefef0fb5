//! A datagram field by field, for people.

use crate::call_control::{CallControlField, CallControlMessage};
use crate::field::Field;
use crate::mbms::{MbmsField, MbmsMessage};
use crate::wire::{AppPacket, FieldWalk, HEADER_OCTETS, Packet, split};
use crate::{AckRequest, Error, FieldSet, FloorMessage, Profile};

/// One line: some octets and what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Octet of the datagram at which they begin.
    pub offset: usize,
    /// The octets.
    pub octets: Vec<u8>,
    /// Name of the field in the standard.
    pub field: String,
    /// The value in words.
    pub meaning: String,
    /// Clause of TS 24.380, or an RFC.
    pub clause: &'static str,
}

/// What could be read of a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Header and fields in the order of the wire.
    pub lines: Vec<Line>,
    /// What a receiver would refuse, with the octet at which the refused part begins; the lines go on as far as the
    /// octets can be followed.
    pub problems: Vec<(usize, Error)>,
}

/// Reads a datagram of floor control (`MCPT`), call control over a pre-established session (`MCPC`) or MBMS
/// subchannel control (`MCMC`), in clear, field by field with clause references, as far as it can be followed
/// (TS 24.380 cl. 8).
#[must_use]
pub fn describe(datagram: &[u8], profile: &Profile) -> Description {
    let mut description = Description {
        lines: Vec::new(),
        problems: Vec::new(),
    };
    let mut rest = datagram;
    loop {
        let offset = datagram.len() - rest.len();
        match split(rest) {
            Ok((packet, tail)) => {
                let octets = rest.get(..rest.len() - tail.len()).unwrap_or_default();
                Message {
                    offset,
                    octets,
                    packet,
                }
                .describe(profile, &mut description);
                rest = tail;
            }
            Err(error) => {
                description.problems.push((offset, error));
                return description;
            }
        }
        if rest.is_empty() {
            return description;
        }
    }
}

/// One message of the datagram.
struct Message<'a> {
    offset: usize,
    octets: &'a [u8],
    packet: AppPacket<'a>,
}

impl Message<'_> {
    fn describe(&self, profile: &Profile, out: &mut Description) {
        if Field::accepts_name(self.packet.name) {
            self.fields::<Field>(profile, out);
            self.verdict(out, FloorMessage::decode(self.octets, profile).err());
        } else if CallControlField::accepts_name(self.packet.name) {
            self.fields::<CallControlField>(profile, out);
            self.verdict(out, CallControlMessage::decode(self.octets, profile).err());
        } else if MbmsField::accepts_name(self.packet.name) {
            self.fields::<MbmsField>(profile, out);
            self.verdict(out, MbmsMessage::decode(self.octets, profile).err());
        } else {
            self.header(out, ("unknown application", "8.1.2"));
            out.problems
                .push((self.offset, Error::PeerName(self.packet.name)));
        }
    }

    /// Adds what a receiver would say about the whole message, unless a field has said it already.
    fn verdict(&self, out: &mut Description, error: Option<Error>) {
        let Some(error) = error else { return };
        if !out.problems.iter().any(|(_, known)| *known == error) {
            out.problems.push((self.offset, error));
        }
    }

    fn line(
        &self,
        at: usize,
        count: usize,
        field: &str,
        meaning: String,
        clause: &'static str,
    ) -> Line {
        let octets = self.octets.get(at..at + count).unwrap_or_default().to_vec();
        Line {
            offset: self.offset + at,
            octets,
            field: field.to_owned(),
            meaning,
            clause,
        }
    }

    fn header(&self, out: &mut Description, (name, clause): (&'static str, &'static str)) {
        let subtype = self.packet.subtype;
        let ack = match subtype.ack() {
            AckRequest::NotRequested => "",
            AckRequest::Requested => ", acknowledgement requested",
        };
        let message = format!("{name}, type {}{ack}", subtype.message_type());
        let length = format!("{} octets", self.octets.len());
        let application = String::from_utf8_lossy(&self.packet.name)
            .escape_debug()
            .to_string();
        out.lines
            .push(self.line(0, 1, "version, subtype", message, clause));
        out.lines
            .push(self.line(1, 1, "packet type", "RTCP APP".to_owned(), "8.1.2"));
        out.lines.push(self.line(2, 2, "length", length, "8.1.2"));
        out.lines
            .push(self.line(4, 4, "SSRC", self.packet.ssrc.to_string(), "8.1.2"));
        out.lines
            .push(self.line(8, 4, "name", application, "8.1.2"));
    }

    fn fields<F: FieldSet>(&self, profile: &Profile, out: &mut Description) {
        let undefined = ("undefined message", "8.2.2");
        self.header(
            out,
            F::message(self.packet.subtype, profile).unwrap_or(undefined),
        );
        let mut at = HEADER_OCTETS;
        for raw in FieldWalk::new(self.packet.fields, F::NAME) {
            let raw = match raw {
                Ok(raw) => raw,
                Err(error) => {
                    let count = self.octets.len() - at;
                    out.lines
                        .push(self.line(at, count, "unreadable", error.to_string(), "8.1.3"));
                    out.problems.push((self.offset + at, error));
                    return;
                }
            };
            at = HEADER_OCTETS + raw.offset;
            match F::from_raw(&raw, profile) {
                Ok(field) => {
                    out.lines.push(self.line(
                        at,
                        raw.octets,
                        field.name(),
                        field.meaning(),
                        field.clause(),
                    ));
                }
                Err(error) => {
                    let name = format!("field {}", raw.id);
                    out.lines
                        .push(self.line(at, raw.octets, &name, error.to_string(), "8.1.3"));
                    out.problems.push((self.offset + at, error));
                }
            }
            at += raw.octets;
        }
    }
}

/// Whether the packet can be re-encoded to the octets it was read from; false for tolerated forms such as padding
/// that is not zero.
#[must_use]
pub fn is_canonical(message: &[u8], profile: &Profile) -> bool {
    let same = |encoded: Result<Vec<u8>, Error>| encoded.is_ok_and(|octets| octets == message);
    Packet::<Field>::decode(message, profile).is_ok_and(|packet| same(packet.encode()))
        || Packet::<CallControlField>::decode(message, profile)
            .is_ok_and(|packet| same(packet.encode()))
        || Packet::<MbmsField>::decode(message, profile).is_ok_and(|packet| same(packet.encode()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_field_with_its_clause() {
        let octets = [
            0x81, 0xCC, 0x00, 0x04, 0x0F, 0x00, 0xBA, 0x12, 0x4D, 0x43, 0x50, 0x54, 0x01, 0x02,
            0x00, 0x1E, 0x00, 0x02, 0x05, 0x00,
        ];
        let description = describe(&octets, &Profile::default());
        assert!(description.problems.is_empty());
        let fields: Vec<_> = description
            .lines
            .iter()
            .map(|line| (line.field.as_str(), line.clause))
            .collect();
        assert_eq!(fields[0], ("version, subtype", "8.2.5"));
        assert_eq!(
            fields[5..],
            [("Duration", "8.2.3.3"), ("Floor Priority", "8.2.3.2")]
        );
        assert_eq!(description.lines[5].meaning, "30 s");
        assert_eq!(
            description
                .lines
                .iter()
                .map(|line| line.octets.len())
                .sum::<usize>(),
            octets.len()
        );
    }

    #[test]
    fn goes_on_after_a_wrong_field_and_says_which() {
        let octets = [
            0x80, 0xCC, 0x00, 0x04, 0x1A, 0x2B, 0x3C, 0x4D, 0x4D, 0x43, 0x50, 0x54, 0x00, 0x01,
            0x05, 0x00, 0x0D, 0x02, 0x80, 0x00,
        ];
        let description = describe(&octets, &Profile::default());
        assert_eq!(description.problems.len(), 1);
        assert_eq!(description.problems[0].0, 12);
        assert_eq!(
            description.lines.last().unwrap().meaning,
            "8000: normal call"
        );
    }

    #[test]
    fn an_empty_datagram_is_a_problem() {
        let description = describe(&[], &Profile::default());
        assert_eq!(description.problems, [(0, Error::PeerPacketTooShort(0))]);
    }
}
