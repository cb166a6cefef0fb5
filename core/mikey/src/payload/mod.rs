//! The payloads of an I_MESSAGE, one file each.

mod general_extension;
mod header;
mod identity;
mod sakke;
mod security_policy;
mod sign;
mod timestamp;

pub use general_extension::{GeneralExtension, KEY_PARAMETERS, SAKKE_TO_SELF};
pub use header::{
    CsIdMap, DATA_TYPE_SAKKE, GenericSession, Header, PRF_HMAC_SHA_256, PRF_MIKEY_1, SrtpSession,
};
pub use identity::{Identity, Role, TYPE_BYTE_STRING, TYPE_URI};
pub use sakke::{ID_SCHEME_MCX_HASHED_UID, ID_SCHEME_TEL_MONTHLY, PARAMETER_SET_1, SED, Sakke};
pub use security_policy::{PolicyParameter, SecurityPolicy, parameter};
pub(crate) use sign::{SIGN_HEADER, read_sign};
pub use sign::{SIGNATURE, SIGNATURE_HEADER};
pub use timestamp::{TS_COUNTER, TS_NTP, TS_NTP_UTC, Timestamp};

use crate::Field;
use crate::wire::{DecodeError, EncodeError, Fault, Reader, Writer};
use roger_keys::Rand;

/// Number of a payload in the field `next payload` (RFC 3830 6.1, RFC 6043, RFC 6509).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PayloadType {
    /// SIGN.
    Sign = 4,
    /// T.
    Timestamp = 5,
    /// SP.
    SecurityPolicy = 10,
    /// RAND.
    Rand = 11,
    /// IDR.
    Identity = 14,
    /// General Extension.
    GeneralExtension = 21,
    /// SAKKE.
    Sakke = 26,
}

/// End of the chain of payloads.
const LAST: u8 = 0;

impl PayloadType {
    /// Reads a `next payload` number.
    pub(crate) const fn from_number(number: u8) -> Result<Self, Fault> {
        Ok(match number {
            4 => Self::Sign,
            5 => Self::Timestamp,
            10 => Self::SecurityPolicy,
            11 => Self::Rand,
            14 => Self::Identity,
            21 => Self::GeneralExtension,
            26 => Self::Sakke,
            LAST => return Err(Fault::MissingSignature),
            1..=3 | 6..=9 | 12 | 13 | 15..=17 | 20 => return Err(Fault::MisplacedPayload(number)),
            _ => return Err(Fault::UnknownPayload(number)),
        })
    }
}

/// A payload between the header and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// T.
    Timestamp(Timestamp),
    /// RAND.
    Rand(Rand),
    /// IDR.
    Identity(Identity),
    /// SP.
    SecurityPolicy(SecurityPolicy),
    /// SAKKE.
    Sakke(Sakke),
    /// General Extension.
    GeneralExtension(GeneralExtension),
}

impl Payload {
    /// Its number in `next payload` fields.
    #[must_use]
    pub const fn payload_type(&self) -> PayloadType {
        match self {
            Self::Timestamp(_) => PayloadType::Timestamp,
            Self::Rand(_) => PayloadType::Rand,
            Self::Identity(_) => PayloadType::Identity,
            Self::SecurityPolicy(_) => PayloadType::SecurityPolicy,
            Self::Sakke(_) => PayloadType::Sakke,
            Self::GeneralExtension(_) => PayloadType::GeneralExtension,
        }
    }

    /// Writes the payload after its `next payload` octet.
    pub(crate) fn write(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        match self {
            Self::Timestamp(timestamp) => timestamp.write(writer),
            Self::Rand(rand) => return writer.short(Field::RandLength, rand.octets()),
            Self::Identity(identity) => return identity.write(writer),
            Self::SecurityPolicy(policy) => return policy.write(writer),
            Self::Sakke(sakke) => sakke.write(writer),
            Self::GeneralExtension(extension) => return extension.write(writer),
        }
        Ok(())
    }
}

/// Reads RAND after its `next payload` octet (RFC 3830 6.11): length(1), RAND.
pub(crate) fn read_rand(reader: &mut Reader<'_, '_>) -> Result<Rand, DecodeError> {
    let length = reader.u8(Field::RandLength)?;
    let octets = reader.take(Field::Rand, usize::from(length))?;
    Rand::new(octets).map_err(|_| reader.error(Fault::EmptyRand))
}
