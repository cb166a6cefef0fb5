//! Reading and writing octets, big endian, with an offset in every error.

use crate::Field;
use thiserror::Error;

/// Why octets are not what they should be, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at octet {offset}: {fault}")]
pub struct DecodeError {
    /// Offset from the start of the message (or of the decrypted content).
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with the octets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The octets end inside a field.
    #[error("{} needs {needed} octets, {left} are left ({})", field.name(), field.clause())]
    Truncated {
        /// The field.
        field: Field,
        /// Octets it needs.
        needed: usize,
        /// Octets left.
        left: usize,
    },
    /// The message is longer than any I_MESSAGE needs to be.
    #[error("the message has {0} octets, at most {max} are read", max = crate::message::MAX_MESSAGE)]
    TooLong(usize),
    /// More payloads than any I_MESSAGE needs.
    #[error("more than {max} payloads", max = crate::message::MAX_PAYLOADS)]
    TooManyPayloads,
    /// Another protocol version.
    #[error("version {0} is not 1 (RFC 3830 6.1)")]
    Version(u8),
    /// A MIKEY error message.
    #[error("this is a MIKEY error message, which MCPTT does not use (RFC 3830 6.12)")]
    ErrorMessage,
    /// Another kind of MIKEY message.
    #[error("data type {0} is not 26, the SAKKE message (RFC 6509 4.1)")]
    DataType(u8),
    /// A payload of RFC 3830 that an I_MESSAGE does not carry.
    #[error("payload type {0} has no place in a MIKEY-SAKKE I_MESSAGE (TS 33.180 cl. E.1.2)")]
    MisplacedPayload(u8),
    /// A payload type nobody knows; its length is unknown too.
    #[error("payload type {0} is unknown, so the message cannot be read further (RFC 3830 6.1)")]
    UnknownPayload(u8),
    /// The chain of payloads ends without SIGN.
    #[error("the message ends without a SIGN payload (RFC 6509 2.1)")]
    MissingSignature,
    /// Octets follow SIGN.
    #[error("{0} octets follow the SIGN payload, which must be the last")]
    Trailing(usize),
    /// A CS ID map type nobody knows.
    #[error("CS ID map type {0} is unknown (RFC 3830 6.1, RFC 4563 4, RFC 6043 6.1.1)")]
    MapType(u8),
    /// The empty map has no sessions.
    #[error("the empty map goes with #CS = 0, not {0} (RFC 4563 4)")]
    EmptyMapWithSessions(u8),
    /// A timestamp type nobody knows.
    #[error("TS type {0} is unknown (RFC 3830 6.6)")]
    TimestampType(u8),
    /// A RAND without octets.
    #[error("RAND is empty (RFC 3830 6.11)")]
    EmptyRand,
    /// SAKKE data of another length.
    #[error("SAKKE data has 273 octets in parameter set 1, not {0} (RFC 6509 4.2)")]
    SakkeLength(u16),
    /// A signature that is not ECCSI.
    #[error("S type {0} is not 2, ECCSI (RFC 6509 4.3)")]
    SignatureType(u8),
    /// A signature of another length.
    #[error("an ECCSI signature has 129 octets, not {0} (RFC 6507 3.3)")]
    SignatureLength(u16),
    /// Octets follow the last element.
    #[error("{0} octets follow the last element")]
    TrailingElement(usize),
    /// Not the message type of a protected payload.
    #[error("message type {0:#04x} is not DATA PAYLOAD (TS 24.282 cl. 15.2.2)")]
    PayloadMessageType(u8),
    /// A group id that is not a URI.
    #[error("group ID is not a URI ({0})")]
    Group(roger_base::IdentityError),
    /// A group id that is not UTF-8.
    #[error("group ID is not UTF-8")]
    GroupNotUtf8,
    /// The group list is longer or shorter than its length says.
    #[error("the group IDs do not fill their element, {0} octets are left")]
    GroupsLength(usize),
}

/// A value is too long for its length field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{} has {length} octets or entries, at most {max} can be sent", field.name())]
pub struct EncodeError {
    /// The field.
    pub field: Field,
    /// Its length.
    pub length: usize,
    /// The most its length field can say.
    pub max: usize,
}

/// Hears of every field that is read; the dump is made of it.
pub(crate) trait Trace {
    /// A payload or element begins.
    fn heading(&mut self, offset: usize, name: &'static str, clause: &'static str);
    /// A field was read.
    fn field(&mut self, offset: usize, field: Field, octets: &[u8]);
}

impl Trace for () {
    fn heading(&mut self, _: usize, _: &'static str, _: &'static str) {}
    fn field(&mut self, _: usize, _: Field, _: &[u8]) {}
}

/// A cursor over octets.
pub(crate) struct Reader<'a, 't> {
    rest: &'a [u8],
    at: usize,
    trace: &'t mut dyn Trace,
}

impl<'a, 't> Reader<'a, 't> {
    /// Starts at an offset that errors count from.
    pub(crate) fn new(octets: &'a [u8], offset: usize, trace: &'t mut dyn Trace) -> Self {
        Self {
            rest: octets,
            at: offset,
            trace,
        }
    }

    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn heading(&mut self, name: &'static str, clause: &'static str) {
        self.trace.heading(self.at, name, clause);
    }

    pub(crate) fn take(&mut self, field: Field, length: usize) -> Result<&'a [u8], DecodeError> {
        let Some((octets, rest)) = self.rest.split_at_checked(length) else {
            let fault = Fault::Truncated {
                field,
                needed: length,
                left: self.rest.len(),
            };
            return Err(self.error(fault));
        };
        self.trace.field(self.at, field, octets);
        self.rest = rest;
        self.at += length;
        Ok(octets)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: Field) -> Result<[u8; N], DecodeError> {
        let octets = self.take(field, N)?;
        let mut array = [0; N];
        for (to, from) in array.iter_mut().zip(octets) {
            *to = *from;
        }
        Ok(array)
    }

    pub(crate) fn u8(&mut self, field: Field) -> Result<u8, DecodeError> {
        self.array::<1>(field).map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, field: Field) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: Field) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// A 40-bit number of seconds.
    pub(crate) fn u40(&mut self, field: Field) -> Result<u64, DecodeError> {
        let octets = self.take(field, 5)?;
        Ok(octets
            .iter()
            .fold(0, |value, octet| (value << 8) | u64::from(*octet)))
    }

    /// The octets after a 16-bit length.
    pub(crate) fn long(&mut self, length: Field, field: Field) -> Result<&'a [u8], DecodeError> {
        let length = self.u16(length)?;
        self.take(field, usize::from(length))
    }

    /// A reader over the octets after a 16-bit length; they are traced when it reads them.
    pub(crate) fn part(&mut self, length: Field) -> Result<Reader<'a, '_>, DecodeError> {
        let octets = usize::from(self.u16(length)?);
        let at = self.at;
        let Some((part, rest)) = self.rest.split_at_checked(octets) else {
            let fault = Fault::Truncated {
                field: length,
                needed: octets,
                left: self.rest.len(),
            };
            return Err(self.error(fault));
        };
        self.rest = rest;
        self.at += octets;
        Ok(Reader {
            rest: part,
            at,
            trace: &mut *self.trace,
        })
    }

    pub(crate) const fn error(&self, fault: Fault) -> DecodeError {
        DecodeError {
            offset: self.at,
            fault,
        }
    }

    /// An error about the last `back` octets read.
    pub(crate) const fn error_before(&self, back: usize, fault: Fault) -> DecodeError {
        DecodeError {
            offset: self.at.saturating_sub(back),
            fault,
        }
    }
}

/// Collects octets and checks lengths.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend(value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }

    /// The low 40 bits.
    pub(crate) fn u40(&mut self, value: u64) {
        self.0.extend(value.to_be_bytes().iter().skip(3));
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.0.extend(octets);
    }

    /// An 8-bit length or count.
    pub(crate) fn length8(&mut self, field: Field, length: usize) -> Result<(), EncodeError> {
        let max = usize::from(u8::MAX);
        let value = u8::try_from(length).map_err(|_| EncodeError { field, length, max })?;
        self.u8(value);
        Ok(())
    }

    /// A 16-bit length.
    pub(crate) fn length16(&mut self, field: Field, length: usize) -> Result<(), EncodeError> {
        let max = usize::from(u16::MAX);
        let value = u16::try_from(length).map_err(|_| EncodeError { field, length, max })?;
        self.u16(value);
        Ok(())
    }

    /// An 8-bit length and the octets.
    pub(crate) fn short(&mut self, field: Field, octets: &[u8]) -> Result<(), EncodeError> {
        self.length8(field, octets.len())?;
        self.octets(octets);
        Ok(())
    }

    /// A 16-bit length and the octets.
    pub(crate) fn long(&mut self, field: Field, octets: &[u8]) -> Result<(), EncodeError> {
        self.length16(field, octets.len())?;
        self.octets(octets);
        Ok(())
    }
}
