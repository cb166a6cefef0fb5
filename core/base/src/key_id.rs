//! Key identifiers: a 4-bit purpose tag and 28 random bits (TS 33.180 cl. 5.2.2, Annex G).

use crate::{Random, RandomError};
use core::fmt;
use thiserror::Error;

const TAG_SHIFT: u32 = 28;
const LOW_28_BITS: u32 = 0x0FFF_FFFF;

/// What a key is for (TS 33.180 Annex G, E.6.11). The numbers are also the Key Type of the key parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PurposeTag {
    /// Group master key.
    Gmk = 0,
    /// Private call key.
    Pck = 1,
    /// Client-server key.
    Csk = 2,
    /// Signalling protection key between servers.
    Spk = 3,
    /// Multicast floor control key.
    Mkfc = 4,
    /// MBMS subchannel control key.
    Mscck = 5,
    /// Multicast signalling key.
    Musik = 6,
}

impl TryFrom<u8> for PurposeTag {
    type Error = KeyIdError;
    fn try_from(tag: u8) -> Result<Self, KeyIdError> {
        Ok(match tag {
            0 => Self::Gmk,
            1 => Self::Pck,
            2 => Self::Csk,
            3 => Self::Spk,
            4 => Self::Mkfc,
            5 => Self::Mscck,
            6 => Self::Musik,
            other => return Err(KeyIdError::ReservedTag(other)),
        })
    }
}

/// Why 32 bits are not a key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyIdError {
    /// Purpose tags 7 to 15 are reserved.
    #[error("purpose tag {0} is reserved (TS 33.180 Annex G)")]
    ReservedTag(u8),
    /// The key id is for another purpose than the one demanded.
    #[error("key id {id} is not a {wanted:?} id")]
    WrongPurpose {
        /// The id received.
        id: KeyId,
        /// The purpose demanded by the procedure.
        wanted: PurposeTag,
    },
}

/// A 32-bit key id; prints as eight lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u32);

impl KeyId {
    /// Puts a purpose tag before the 28 low bits of `low`.
    #[must_use]
    pub const fn new(tag: PurposeTag, low: u32) -> Self {
        Self(((tag as u32) << TAG_SHIFT) | (low & LOW_28_BITS))
    }

    /// A fresh id with 28 random bits.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness fails.
    pub fn random(tag: PurposeTag, random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut octets = [0; 4];
        random.fill(&mut octets)?;
        Ok(Self::new(tag, u32::from_be_bytes(octets)))
    }

    /// Takes four octets as received.
    #[must_use]
    pub const fn from_octets(octets: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(octets))
    }

    /// The four octets, network order.
    #[must_use]
    pub const fn octets(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// The purpose tag.
    ///
    /// # Errors
    /// [`KeyIdError::ReservedTag`] for tags 7 to 15.
    pub fn purpose(self) -> Result<PurposeTag, KeyIdError> {
        PurposeTag::try_from((self.0 >> TAG_SHIFT) as u8)
    }

    /// Demands one purpose.
    ///
    /// # Errors
    /// [`KeyIdError`] when the tag is reserved or another one.
    pub fn require(self, wanted: PurposeTag) -> Result<Self, KeyIdError> {
        if self.purpose()? == wanted {
            return Ok(self);
        }
        Err(KeyIdError::WrongPurpose { id: self, wanted })
    }

    /// Exclusive-or of the 28 low bits, the purpose tag unchanged (TS 33.180 cl. 5.2.3).
    #[must_use]
    pub const fn xor_low_28_bits(self, salt: u32) -> Self {
        Self(self.0 ^ (salt & LOW_28_BITS))
    }
}

impl From<u32> for KeyId {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

impl From<KeyId> for u32 {
    fn from(id: KeyId) -> u32 {
        id.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_and_low_bits_do_not_mix() {
        let id = KeyId::new(PurposeTag::Csk, 0xFDDD_5BF0);
        assert_eq!(id.to_string(), "2ddd5bf0");
        assert_eq!(id.purpose(), Ok(PurposeTag::Csk));
    }

    #[test]
    fn reserved_tags_are_refused() {
        assert_eq!(
            KeyId::from(0x7000_0000).purpose(),
            Err(KeyIdError::ReservedTag(7))
        );
        assert_eq!(
            KeyId::from(0xF000_0000).purpose(),
            Err(KeyIdError::ReservedTag(15))
        );
    }

    #[test]
    fn another_purpose_is_refused() {
        let id = KeyId::from(0x1699_2638);
        assert!(id.require(PurposeTag::Pck).is_ok());
        assert!(id.require(PurposeTag::Csk).is_err());
    }

    #[test]
    fn salt_leaves_the_tag() {
        let id = KeyId::from(0x0123_4567).xor_low_28_bits(0xF9E7_00E4);
        assert_eq!(id.to_string(), "08c44583");
    }
}
