//! The I_MESSAGE as a chain of payloads (RFC 3830 6, RFC 6509 2.1).
//!
//! ```text
//! HDR, T, RAND, IDRi, IDRr, IDRkmsi, IDRkmsr, [SP], SAKKE, [SAKKE-to-self], [key parameters], SIGN
//! ```
//! HDR is first and SIGN last; the others may come in any order. Nothing here judges whether the message
//! makes sense: see [`IMessage`](crate::IMessage).

use crate::Field;
use crate::payload::{
    GeneralExtension, Header, Identity, Payload, PayloadType, SIGN_HEADER, SIGNATURE, Sakke,
    SecurityPolicy, Timestamp, read_rand, read_sign,
};
use crate::wire::{DecodeError, EncodeError, Fault, Reader, Trace, Writer};

/// Longest message read or made, in octets. Most have less than 1000; a GMK may name up to 255 groups.
pub const MAX_MESSAGE: usize = 32 * 1024;
/// Most payloads read between header and signature. TS 33.180 describes at most 11.
pub const MAX_PAYLOADS: usize = 32;

/// Everything that is signed: the header and the payloads before SIGN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// HDR.
    pub header: Header,
    /// The payloads in the order of the wire.
    pub payloads: Vec<Payload>,
}

impl Body {
    /// The signed octets: up to and including S type and signature length.
    ///
    /// # Errors
    /// [`EncodeError`] when a part is too long for its length field.
    pub fn signed_octets(&self) -> Result<Vec<u8>, EncodeError> {
        let types = self
            .payloads
            .iter()
            .map(|payload| payload.payload_type() as u8);
        let mut next = types.chain([PayloadType::Sign as u8]);
        let mut writer = Writer::default();
        self.header
            .write(next.next().unwrap_or_default(), &mut writer)?;
        for (payload, next) in self.payloads.iter().zip(next) {
            writer.u8(next);
            payload.write(&mut writer)?;
        }
        writer.octets(&SIGN_HEADER);
        Ok(writer.0)
    }
}

/// A message as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What is signed.
    pub body: Body,
    /// The ECCSI signature.
    pub signature: Box<[u8; SIGNATURE]>,
}

impl Message {
    /// Reads a whole message.
    ///
    /// # Errors
    /// [`DecodeError`] with the offset and the rule broken there.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_traced(octets, &mut ())
    }

    pub(crate) fn decode_traced(octets: &[u8], trace: &mut dyn Trace) -> Result<Self, DecodeError> {
        if octets.len() > MAX_MESSAGE {
            return Err(DecodeError {
                offset: 0,
                fault: Fault::TooLong(octets.len()),
            });
        }
        let mut reader = Reader::new(octets, 0, trace);
        let (header, mut next) = Header::read(&mut reader)?;
        let mut payloads = Vec::new();
        loop {
            let payload_type = PayloadType::from_number(next).map_err(|f| reader.error(f))?;
            if payload_type == PayloadType::Sign {
                break;
            }
            if payloads.len() >= MAX_PAYLOADS {
                return Err(reader.error(Fault::TooManyPayloads));
            }
            let payload;
            (payload, next) = read_payload(payload_type, &mut reader)?;
            payloads.push(payload);
        }
        let signature = Box::new(read_sign(&mut reader)?);
        match reader.left() {
            0 => Ok(Self {
                body: Body { header, payloads },
                signature,
            }),
            left => Err(reader.error(Fault::Trailing(left))),
        }
    }

    /// The octets of the message; the inverse of [`Self::decode`].
    ///
    /// # Errors
    /// [`EncodeError`] when a part is too long for its length field.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut octets = self.body.signed_octets()?;
        octets.extend(*self.signature);
        Ok(octets)
    }
}

/// Reads one payload and the number of the next one.
fn read_payload(
    payload_type: PayloadType,
    reader: &mut Reader<'_, '_>,
) -> Result<(Payload, u8), DecodeError> {
    let (name, clause) = heading(payload_type);
    reader.heading(name, clause);
    let next = reader.u8(Field::NextPayload)?;
    let payload = match payload_type {
        PayloadType::Timestamp => Payload::Timestamp(Timestamp::read(reader)?),
        PayloadType::SecurityPolicy => Payload::SecurityPolicy(SecurityPolicy::read(reader)?),
        PayloadType::Rand => Payload::Rand(read_rand(reader)?),
        PayloadType::Identity => Payload::Identity(Identity::read(reader)?),
        PayloadType::Sakke => Payload::Sakke(Sakke::read(reader)?),
        PayloadType::GeneralExtension | PayloadType::Sign => {
            Payload::GeneralExtension(GeneralExtension::read(reader)?)
        }
    };
    Ok((payload, next))
}

const fn heading(payload_type: PayloadType) -> (&'static str, &'static str) {
    match payload_type {
        PayloadType::Timestamp => ("T", "RFC 3830 6.6"),
        PayloadType::SecurityPolicy => ("SP", "RFC 3830 6.10"),
        PayloadType::Rand => ("RAND", "RFC 3830 6.11"),
        PayloadType::Identity => ("IDR", "RFC 6043 6.6"),
        PayloadType::Sakke => ("SAKKE", "RFC 6509 4.2"),
        PayloadType::GeneralExtension => ("General Extension", "RFC 3830 6.15"),
        PayloadType::Sign => ("SIGN", "RFC 3830 6.5, RFC 6509 4.3"),
    }
}
