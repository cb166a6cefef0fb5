//! The header that every control message has.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---+-+---------+---------------+-------------------------------+
//! |V=2|0|A| type  |    PT = 204   |     length in words, less 1   |
//! +---+-+---------+---------------+-------------------------------+
//! |                    SSRC, see TS 24.380 cl. 8.1.2              |
//! +---------------------------------------------------------------+
//! |               name: MCPT, MCPC or MCMC in ASCII               |
//! +---------------------------------------------------------------+
//! |   fields, each padded with zeros to a multiple of 4 octets    |
//! ```
//!
//! `A` is the acknowledgement bit, the most significant of the five subtype bits.

use crate::{Error, Ssrc};

/// Octets before the first field.
pub(crate) const HEADER_OCTETS: usize = 12;
const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const PAYLOAD_TYPE_APP: u8 = 204;
const ACKNOWLEDGEMENT_BIT: u8 = 0x10;

/// The acknowledgement bit: whether the receiver shall answer with Floor Ack (TS 24.380 cl. 8.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AckRequest {
    /// No acknowledgement wanted.
    #[default]
    NotRequested,
    /// The receiver shall acknowledge.
    Requested,
}

/// The five subtype bits: message type 0 to 15 and the acknowledgement bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subtype {
    message_type: u8,
    ack: AckRequest,
}

impl Subtype {
    /// Takes the four low bits of `message_type`.
    #[must_use]
    pub const fn new(message_type: u8, ack: AckRequest) -> Self {
        Self {
            message_type: message_type & 0x0F,
            ack,
        }
    }

    /// Takes the five low bits of `bits`.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        let ack = if bits & ACKNOWLEDGEMENT_BIT == 0 {
            AckRequest::NotRequested
        } else {
            AckRequest::Requested
        };
        Self::new(bits, ack)
    }

    /// The five bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self.ack {
            AckRequest::NotRequested => self.message_type,
            AckRequest::Requested => self.message_type | ACKNOWLEDGEMENT_BIT,
        }
    }

    /// The message type, 0 to 15.
    #[must_use]
    pub const fn message_type(self) -> u8 {
        self.message_type
    }

    /// The acknowledgement bit.
    #[must_use]
    pub const fn ack(self) -> AckRequest {
        self.ack
    }
}

/// One APP packet, its fields not yet read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppPacket<'a> {
    pub(crate) subtype: Subtype,
    pub(crate) ssrc: Ssrc,
    pub(crate) name: [u8; 4],
    pub(crate) fields: &'a [u8],
}

/// Takes the first packet off a datagram; the second value is what follows it.
pub(crate) fn split(datagram: &[u8]) -> Result<(AppPacket<'_>, &[u8]), Error> {
    let Some((head, _)) = datagram.split_first_chunk::<HEADER_OCTETS>() else {
        return Err(Error::PeerPacketTooShort(datagram.len()));
    };
    let [first, payload_type, l1, l0, s3, s2, s1, s0, name @ ..] = *head;
    if first >> 6 != VERSION {
        return Err(Error::PeerVersion(first >> 6));
    }
    if first & PADDING_BIT != 0 {
        return Err(Error::PeerPaddingBit);
    }
    if payload_type != PAYLOAD_TYPE_APP {
        return Err(Error::PeerPayloadType(payload_type));
    }
    let declared = (usize::from(u16::from_be_bytes([l1, l0])) + 1) * 4;
    if declared < HEADER_OCTETS {
        return Err(Error::PeerLengthTooShort(declared));
    }
    let too_long = Error::PeerLengthTooLong {
        declared,
        available: datagram.len(),
    };
    let (packet, rest) = datagram.split_at_checked(declared).ok_or(too_long)?;
    let fields = packet.get(HEADER_OCTETS..).unwrap_or_default();
    let ssrc = Ssrc(u32::from_be_bytes([s3, s2, s1, s0]));
    Ok((
        AppPacket {
            subtype: Subtype::from_bits(first),
            ssrc,
            name,
            fields,
        },
        rest,
    ))
}

impl AppPacket<'_> {
    /// The octets of the packet.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        let octets = HEADER_OCTETS + self.fields.len();
        let words = u16::try_from(octets / 4 - 1).map_err(|_| Error::LocalPacketTooLong(octets))?;
        let mut out = Vec::with_capacity(octets);
        out.push((VERSION << 6) | self.subtype.bits());
        out.push(PAYLOAD_TYPE_APP);
        out.extend_from_slice(&words.to_be_bytes());
        out.extend_from_slice(&self.ssrc.0.to_be_bytes());
        out.extend_from_slice(&self.name);
        out.extend_from_slice(self.fields);
        Ok(out)
    }
}
