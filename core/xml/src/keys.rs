//! The two keys of a hop and the set of keys bound to one sender.

use crate::encoding::{decode_base64, encode_base64};
use roger_base::{KeyId, Secret};

/// Confidentiality and integrity key derived from one CSK or SPK (TS 33.180 F.1.4), with its id.
#[derive(Clone)]
pub struct XmlKeys {
    key_id: KeyId,
    confidentiality: Secret<16>,
    integrity: Secret<16>,
}

impl XmlKeys {
    /// Joins the derived keys (FC 0x51 and 0x52) with the id of the CSK or SPK they come from.
    #[must_use]
    pub const fn new(key_id: KeyId, confidentiality: Secret<16>, integrity: Secret<16>) -> Self {
        Self {
            key_id,
            confidentiality,
            integrity,
        }
    }

    /// CSK-ID or SPK-ID.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// `ds:KeyName`: base64 of the four octets of the id.
    #[must_use]
    pub fn key_name(&self) -> String {
        encode_base64(&self.key_id.octets())
    }

    pub(crate) const fn confidentiality(&self) -> &[u8; 16] {
        self.confidentiality.expose()
    }

    pub(crate) const fn integrity(&self) -> &[u8; 16] {
        self.integrity.expose()
    }
}

/// Reads a `ds:KeyName` or `key-id` value: base64 of exactly four octets.
#[must_use]
pub fn key_id_of_name(name: &str) -> Option<KeyId> {
    let octets = decode_base64(name)?;
    Some(KeyId::from_octets(octets.try_into().ok()?))
}

/// The keys bound to one sender: a receiver never looks beyond them (TS 33.180 cl. 9.3).
#[derive(Clone, Default)]
pub struct BoundKeys(Vec<XmlKeys>);

impl BoundKeys {
    /// No key: everything protected is refused.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The usual case of one current key.
    #[must_use]
    pub fn one(keys: XmlKeys) -> Self {
        Self(vec![keys])
    }

    /// The key of this id.
    #[must_use]
    pub fn by_id(&self, id: KeyId) -> Option<&XmlKeys> {
        self.0.iter().find(|keys| keys.key_id == id)
    }

    /// The only key, when there is exactly one.
    #[must_use]
    pub fn only(&self) -> Option<&XmlKeys> {
        match self.0.as_slice() {
            [keys] => Some(keys),
            _ => None,
        }
    }

    /// The key that a `ds:KeyName` names; without a name the only key (a fielded sender omits `KeyInfo`).
    pub(crate) fn named(&self, name: Option<&str>) -> Option<&XmlKeys> {
        match name {
            Some(name) => self.by_id(key_id_of_name(name.trim())?),
            None => self.only(),
        }
    }
}

impl FromIterator<XmlKeys> for BoundKeys {
    fn from_iter<I: IntoIterator<Item = XmlKeys>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}
