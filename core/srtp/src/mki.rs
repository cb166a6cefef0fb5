//! Master key identifiers.

use crate::SrtpError;
use core::{borrow::Borrow, fmt};
use roger_base::{KeyId, KeyIdError, PurposeTag};

/// Longest MKI, in octets. RFC 3711 sets no limit, MIKEY 255; 128 is what libsrtp2 takes.
pub const MAX_MKI_OCTETS: usize = 128;

/// A master key identifier of 0 to 128 octets (RFC 3711 cl. 3.1); prints as lower-case hex.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Mki(Box<[u8]>);

impl Mki {
    /// Takes the octets.
    ///
    /// # Errors
    /// [`SrtpError::LocalMkiTooLong`] past 128 octets.
    pub fn new(octets: &[u8]) -> Result<Self, SrtpError> {
        if octets.len() > MAX_MKI_OCTETS {
            return Err(SrtpError::LocalMkiTooLong(octets.len()));
        }
        Ok(Self(octets.into()))
    }

    /// The octets as in the packet.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl From<KeyId> for Mki {
    /// The MKI of a PCK, CSK, SPK or `MuSiK`: the key id (TS 33.180 cl. 7.4.1, 9.4).
    fn from(id: KeyId) -> Self {
        Self(id.octets().into())
    }
}

impl From<GroupMki> for Mki {
    fn from(mki: GroupMki) -> Self {
        Self(mki.octets().into())
    }
}

impl Borrow<[u8]> for Mki {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Mki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Mki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mki({self})")
    }
}

/// The MKI of a group call: GMK-ID, then GUK-ID of the sender (TS 33.180 cl. 7.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupMki {
    /// Which group key.
    pub gmk_id: KeyId,
    /// Which sender.
    pub guk_id: KeyId,
}

impl GroupMki {
    /// Both ids after checking that they carry the purpose tag of a GMK.
    ///
    /// # Errors
    /// [`KeyIdError`] when a tag is another one.
    pub fn new(gmk_id: KeyId, guk_id: KeyId) -> Result<Self, KeyIdError> {
        Ok(Self {
            gmk_id: gmk_id.require(PurposeTag::Gmk)?,
            guk_id: guk_id.require(PurposeTag::Gmk)?,
        })
    }

    /// Splits eight octets of a packet, without judging the tags.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let octets: [u8; 8] = octets.try_into().ok()?;
        let [a, b, c, d, e, f, g, h] = octets;
        Some(Self {
            gmk_id: KeyId::from_octets([a, b, c, d]),
            guk_id: KeyId::from_octets([e, f, g, h]),
        })
    }

    /// The eight octets of the packet.
    #[must_use]
    pub const fn octets(self) -> [u8; 8] {
        let [a, b, c, d] = self.gmk_id.octets();
        let [e, f, g, h] = self.guk_id.octets();
        [a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_mki_is_gmk_id_then_guk_id() {
        let mki = GroupMki::new(KeyId::from(0x0123_4567), KeyId::from(0x08C4_4583)).unwrap();
        assert_eq!(Mki::from(mki).to_string(), "0123456708c44583");
        assert_eq!(GroupMki::from_octets(&mki.octets()), Some(mki));
        assert_eq!(GroupMki::from_octets(&[0; 7]), None);
    }

    #[test]
    fn ids_for_another_purpose_are_refused() {
        assert!(GroupMki::new(KeyId::from(0x1123_4567), KeyId::from(0x08C4_4583)).is_err());
        assert!(GroupMki::new(KeyId::from(0x0123_4567), KeyId::from(0x28C4_4583)).is_err());
    }

    #[test]
    fn an_endless_mki_is_refused() {
        assert!(Mki::new(&[0; 128]).is_ok());
        assert_eq!(Mki::new(&[0; 129]), Err(SrtpError::LocalMkiTooLong(129)));
    }
}
