//! 3GPP key parameters: what a message says about its key (TS 33.180 cl. E.6.1, table E.6.1-1).
//!
//! ```text
//! key type(1) status(4) activation time(5) expiry time(5) text length(2) text
//! [ MC group IDs length(2): number(1) { IEI(1) length(2) URI }* ]   GMK, MKFC, MuSiK
//! [ reserved ]
//! ```

use crate::Field;
use crate::wire::{DecodeError, EncodeError, Fault, Reader, Trace, Writer};
use roger_base::{GroupId, PurposeTag, UnixTime};
use zeroize::Zeroizing;

/// Bit 0 of the status: 1 = not revoked (TS 33.180 cl. E.6.9).
const NOT_REVOKED: u32 = 1;
/// Bit 1 of the status: the key is shared with a security gateway.
const SHARED_WITH_GATEWAY: u32 = 2;
/// \[I\] IEI of a group ID (TS 24.282 cl. 15.2.14); never checked on receipt.
const GROUP_IEI: u8 = 0x7B;
/// The largest 40-bit time.
const MAX_TIME: u64 = (1 << 40) - 1;

/// Status of a key, 32 bits (TS 33.180 cl. E.6.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// Not revoked, not shared.
    pub const VALID: Self = Self(NOT_REVOKED);
    /// Revoked.
    pub const REVOKED: Self = Self(0);

    /// Whether key and key id must not be used any more.
    #[must_use]
    pub const fn is_revoked(self) -> bool {
        self.0 & NOT_REVOKED == 0
    }

    /// Whether the key is shared with a security gateway.
    #[must_use]
    pub const fn is_shared_with_gateway(self) -> bool {
        self.0 & SHARED_WITH_GATEWAY != 0
    }
}

/// Key parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyParameters {
    /// Key Type, the purpose tag as received; compared with the CSB-ID by the receiver.
    pub key_type: u8,
    /// Status.
    pub status: Status,
    /// Activation time; `None`, on the wire 0: from the time in T.
    pub activation: Option<UnixTime>,
    /// Expiry time; `None`, on the wire 0: it does not expire.
    pub expiry: Option<UnixTime>,
    /// Name of the key for people; octets that are not UTF-8 are replaced on receipt.
    pub text: String,
    /// Groups the key serves; `None`: the element is absent.
    pub groups: Option<Vec<GroupId>>,
}

impl KeyParameters {
    /// A valid key of a purpose, without times and text; the group list is empty where the purpose has one.
    #[must_use]
    pub fn new(purpose: PurposeTag) -> Self {
        Self {
            key_type: purpose as u8,
            status: Status::VALID,
            activation: None,
            expiry: None,
            text: String::new(),
            groups: has_groups(purpose as u8).then(Vec::new),
        }
    }

    /// The bare content, as deployed senders encrypt it.
    ///
    /// # Errors
    /// [`EncodeError`] when a part is too long; times beyond 40 bits are the largest that can be said.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::default();
        writer.u8(self.key_type);
        writer.u32(self.status.0);
        writer.u40(wire_time(self.activation));
        writer.u40(wire_time(self.expiry));
        writer.long(Field::TextLength, self.text.as_bytes())?;
        if let Some(groups) = &self.groups {
            let mut element = Writer::default();
            element.length8(Field::GroupCount, groups.len())?;
            for group in groups {
                element.u8(GROUP_IEI);
                element.long(Field::GroupLength, group.as_str().as_bytes())?;
            }
            writer.long(Field::GroupsLength, &element.0)?;
        }
        Ok(writer.0)
    }

    /// Reads decrypted key parameters, bare or as an information element with IEI and length.
    ///
    /// # Errors
    /// [`DecodeError`] with the offset inside the decrypted octets.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_traced(octets, &mut ())
    }

    pub(crate) fn decode_traced(octets: &[u8], trace: &mut dyn Trace) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(octets, 0, trace);
        reader.heading("Key parameters", "TS 33.180 table E.6.1-1");
        if is_wrapped(octets) {
            reader.u8(Field::KeyParametersIei)?;
            reader.u16(Field::KeyParametersLength)?;
        }
        let key_type = reader.u8(Field::KeyType)?;
        let status = Status(reader.u32(Field::Status)?);
        let activation = time(reader.u40(Field::ActivationTime)?);
        let expiry = time(reader.u40(Field::ExpiryTime)?);
        let text = reader.long(Field::TextLength, Field::Text)?;
        let text = String::from_utf8_lossy(text).into_owned();
        let with_groups = has_groups(key_type) && reader.left() > 0;
        let groups = if with_groups {
            Some(read_groups(&mut reader)?)
        } else {
            None
        };
        if reader.left() > 0 {
            reader.take(Field::Reserved, reader.left())?;
        }
        Ok(Self {
            key_type,
            status,
            activation,
            expiry,
            text,
            groups,
        })
    }

    /// The content to encrypt, erased afterwards.
    pub(crate) fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        self.encode().map(Zeroizing::new)
    }
}

/// IEI and length stand before the content when the length says exactly what is left.
fn is_wrapped(octets: &[u8]) -> bool {
    match octets {
        [_, high, low, content @ ..] => {
            usize::from(u16::from_be_bytes([*high, *low])) == content.len()
        }
        _ => false,
    }
}

/// Which keys have the element MC group IDs: GMK, MKFC, MuSiK (TS 33.180 cl. E.6.3).
const fn has_groups(key_type: u8) -> bool {
    key_type == PurposeTag::Gmk as u8
        || key_type == PurposeTag::Mkfc as u8
        || key_type == PurposeTag::Musik as u8
}

fn read_groups(reader: &mut Reader<'_, '_>) -> Result<Vec<GroupId>, DecodeError> {
    let mut part = reader.part(Field::GroupsLength)?;
    let count = part.u8(Field::GroupCount)?;
    let groups = (0..count).map(|_| read_group(&mut part));
    let groups = groups.collect::<Result<_, _>>()?;
    match part.left() {
        0 => Ok(groups),
        left => Err(part.error(Fault::GroupsLength(left))),
    }
}

fn read_group(reader: &mut Reader<'_, '_>) -> Result<GroupId, DecodeError> {
    reader.u8(Field::GroupIei)?;
    let octets = reader.long(Field::GroupLength, Field::Group)?;
    let back = octets.len();
    let not_utf8 = |_| reader.error_before(back, Fault::GroupNotUtf8);
    let text = core::str::from_utf8(octets).map_err(not_utf8)?;
    GroupId::new(text).map_err(|error| reader.error_before(back, Fault::Group(error)))
}

const fn time(seconds: u64) -> Option<UnixTime> {
    match seconds {
        0 => None,
        seconds => Some(UnixTime(seconds)),
    }
}

fn wire_time(time: Option<UnixTime>) -> u64 {
    time.map_or(0, |time| time.0.min(MAX_TIME))
}
