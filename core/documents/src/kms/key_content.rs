//! Keys inside KMS documents: hexadecimal text or `xenc:EncryptedKey` under a TrK (TS 33.180 D.3.3, D.3.5).

use super::{Dialect, KmsDocumentError, NamedKey};
use crate::error::DocumentError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roger_base::{Secret, SecretBytes};
use roger_xml::key_wrap::{KeyWrapError, WrapProfile, unwrap, wrap};
use roger_xml::markup::{child, elements, optional_child, text_of};
use roger_xml::names::{DS, XENC, XSI};
use roger_xml::{Writer, decode_base64};
use roxmltree::Node;
use zeroize::Zeroizing;

/// Longest cipher value; an RSK wraps to 272 octets.
const MAX_WRAPPED_OCTETS: usize = 512;

/// Which key an element carries: it decides the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `UserDecryptKey`: RSK, 257 octets, or 256 without the leading 04.
    UserDecryptKey,
    /// `UserSigningKeySSK`: 32 octets.
    UserSigningKeySsk,
    /// `UserPubTokenPVT`: 65 octets, or 64 without the leading 04.
    UserPubTokenPvt,
}

impl KeyKind {
    /// Name of the element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserDecryptKey => "UserDecryptKey",
            Self::UserSigningKeySsk => "UserSigningKeySSK",
            Self::UserPubTokenPvt => "UserPubTokenPVT",
        }
    }

    /// Brings the value to its full length.
    pub(crate) fn complete(self, value: &SecretBytes) -> Result<SecretBytes, KmsDocumentError> {
        let octets = value.expose();
        let point = || SecretBytes::new([&[4], octets].concat());
        match (self, octets.len()) {
            (Self::UserDecryptKey, 257)
            | (Self::UserSigningKeySsk, 32)
            | (Self::UserPubTokenPvt, 65) => Ok(value.clone()),
            // A KMS that takes RFC 3394 at its word leaves the octet out (TS 33.180 Annex D).
            (Self::UserDecryptKey, 256) | (Self::UserPubTokenPvt, 64) => Ok(point()),
            _ => Err(KmsDocumentError::PeerKeyLength(self.name())),
        }
    }
}

/// `xenc:EncryptedKey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// `EncryptionMethod/@Algorithm`: a label; the content says itself which wrap it is.
    pub profile: WrapProfile,
    /// `ds:KeyName`: the TrK.
    pub transport_key: Option<String>,
    /// `CipherValue`.
    pub value: Vec<u8>,
    /// `CarriedKeyName`: the name of the key inside, for new TrK and InK.
    pub carried_key_name: Option<String>,
}

impl WrappedKey {
    /// Wraps a key under a TrK.
    ///
    /// # Errors
    /// [`KeyWrapError::LocalLength`] when the key is empty or too long.
    pub fn wrap(
        key: &[u8],
        transport_key: &NamedKey,
        profile: WrapProfile,
    ) -> Result<Self, KeyWrapError> {
        let value = wrap(&transport_key.key, key)?;
        Ok(Self {
            profile,
            transport_key: Some(transport_key.name.clone()),
            value,
            carried_key_name: None,
        })
    }

    /// Opens the key with the TrK it names, or with the only one when it names none.
    ///
    /// # Errors
    /// [`KmsDocumentError::DeniedTransportKey`], [`KmsDocumentError::PeerKeyWrap`].
    pub fn open(&self, transport_keys: &[NamedKey]) -> Result<SecretBytes, KmsDocumentError> {
        let key = match (&self.transport_key, transport_keys) {
            (Some(name), keys) => keys.iter().find(|key| key.name == *name),
            (None, [key]) => Some(key),
            (None, _) => None,
        };
        let key = key.ok_or(KmsDocumentError::DeniedTransportKey)?;
        Ok(unwrap(&key.key, &self.value)?)
    }

    /// Reads the one child of a key element.
    pub(crate) fn read_in(
        parent: Node<'_, '_>,
        dialect: Dialect,
    ) -> Result<Self, KmsDocumentError> {
        let node = match (optional_child(parent, XENC, "EncryptedKey")?, dialect) {
            (Some(node), _) => node,
            (None, Dialect::EarlyProduct) => child(parent, XENC, "EncryptedData")?,
            (None, Dialect::Standard) => {
                return Err(DocumentError::PeerMissing("EncryptedKey").into());
            }
        };
        allow(
            node,
            &[
                (XENC, "EncryptionMethod"),
                (DS, "KeyInfo"),
                (XENC, "CipherData"),
                (XENC, "CarriedKeyName"),
            ],
        )?;
        let method = child(node, XENC, "EncryptionMethod")?;
        let profile = WrapProfile::from_uri(method.attribute("Algorithm").unwrap_or_default())?;
        let data = child(node, XENC, "CipherData")?;
        allow(data, &[(XENC, "CipherValue")])?;
        let value = text_of(child(data, XENC, "CipherValue")?, "CipherValue")?;
        let name = optional_child(node, XENC, "CarriedKeyName")?;
        Ok(Self {
            profile,
            transport_key: transport_key_name(node)?,
            value: cipher_value(&value, dialect)?,
            carried_key_name: name
                .map(|name| text_of(name, "CarriedKeyName"))
                .transpose()?,
        })
    }

    pub(crate) fn write_into(&self, w: &mut Writer) {
        w.start("xenc:EncryptedKey").start("xenc:EncryptionMethod");
        w.attribute("Algorithm", self.profile.uri())
            .end("xenc:EncryptionMethod");
        if let Some(name) = &self.transport_key {
            w.start("ds:KeyInfo")
                .leaf("ds:KeyName", name)
                .end("ds:KeyInfo");
        }
        w.start("xenc:CipherData")
            .leaf("xenc:CipherValue", &STANDARD.encode(&self.value))
            .end("xenc:CipherData");
        w.optional_leaf("xenc:CarriedKeyName", self.carried_key_name.as_deref())
            .end("xenc:EncryptedKey");
    }
}

fn transport_key_name(node: Node<'_, '_>) -> Result<Option<String>, KmsDocumentError> {
    let Some(info) = optional_child(node, DS, "KeyInfo")? else {
        return Ok(None);
    };
    allow(info, &[(DS, "KeyName")])?;
    Ok(Some(text_of(child(info, DS, "KeyName")?, "KeyName")?))
}

fn cipher_value(text: &str, dialect: Dialect) -> Result<Vec<u8>, KmsDocumentError> {
    let bad = DocumentError::PeerValue("CipherValue");
    if text.len() > 2 * MAX_WRAPPED_OCTETS {
        return Err(bad.into());
    }
    let hexadecimal = match dialect {
        Dialect::Standard => None,
        Dialect::EarlyProduct => hex::decode(text).ok(),
    };
    Ok(hexadecimal.or_else(|| decode_base64(text)).ok_or(bad)?)
}

/// Retrieval methods, references and nested keys have no place here.
fn allow(node: Node<'_, '_>, names: &[(&str, &str)]) -> Result<(), DocumentError> {
    if elements(node).all(|child| names.iter().any(|name| child.has_tag_name(*name))) {
        return Ok(());
    }
    Err(DocumentError::PeerValue("EncryptedKey"))
}

/// The value of a key element.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyContent {
    /// `KeyContentType`: in clear inside TLS.
    Plain(SecretBytes),
    /// `EncKeyContentType`.
    Wrapped(WrappedKey),
}

/// Shows which form it is, never the key.
impl core::fmt::Debug for KeyContent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("Plain(…)"),
            Self::Wrapped(key) => f.debug_tuple("Wrapped").field(&key.transport_key).finish(),
        }
    }
}

impl KeyContent {
    /// The key in full length.
    ///
    /// # Errors
    /// [`KmsDocumentError`] when it does not open or has another length.
    pub fn open(
        &self,
        kind: KeyKind,
        transport_keys: &[NamedKey],
    ) -> Result<SecretBytes, KmsDocumentError> {
        match self {
            Self::Plain(value) => kind.complete(value),
            Self::Wrapped(key) => kind.complete(&key.open(transport_keys)?),
        }
    }

    pub(crate) fn read_node(
        node: Node<'_, '_>,
        kind: KeyKind,
        dialect: Dialect,
    ) -> Result<Self, KmsDocumentError> {
        let has_children = elements(node).next().is_some();
        match (xsi_type(node), has_children) {
            (Some("EncKeyContentType") | None, true) => {
                Ok(Self::Wrapped(WrappedKey::read_in(node, dialect)?))
            }
            (Some("KeyContentType") | None, false) => {
                let octets = hex::decode(text_of(node, kind.name())?);
                Ok(Self::Plain(SecretBytes::new(
                    octets.map_err(|_| DocumentError::PeerValue(kind.name()))?,
                )))
            }
            _ => Err(DocumentError::PeerValue(kind.name()).into()),
        }
    }

    pub(crate) fn write_into(&self, w: &mut Writer, kind: KeyKind) {
        w.start(kind.name());
        match self {
            Self::Plain(value) => {
                w.attribute("xsi:type", "KeyContentType")
                    .text(&Zeroizing::new(hex::encode_upper(value.expose())));
            }
            Self::Wrapped(key) => {
                w.attribute("xsi:type", "EncKeyContentType");
                key.write_into(w);
            }
        }
        w.end(kind.name());
    }
}

/// Local part of `xsi:type`.
pub(crate) fn xsi_type<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let value = node.attribute((XSI, "type"))?.trim();
    Some(value.rsplit_once(':').map_or(value, |(_, local)| local))
}

/// `NewTransportKey` or `NewIntegrityKey`: a key of 256 bits wrapped under the current TrK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey(pub WrappedKey);

impl NewKey {
    /// Wraps a new TrK or InK under the current TrK.
    ///
    /// # Errors
    /// Never for keys of 256 bits.
    pub fn wrap(
        new: &NamedKey,
        transport_key: &NamedKey,
        profile: WrapProfile,
    ) -> Result<Self, KeyWrapError> {
        let mut wrapped = WrappedKey::wrap(new.key.expose(), transport_key, profile)?;
        wrapped.carried_key_name = Some(new.name.clone());
        Ok(Self(wrapped))
    }

    /// Opens the key.
    ///
    /// # Errors
    /// [`KmsDocumentError`] when it does not open, has another length or no name.
    pub fn open(&self, transport_keys: &[NamedKey]) -> Result<NamedKey, KmsDocumentError> {
        const NAME: &str = "CarriedKeyName";
        let octets = self.0.open(transport_keys)?;
        let key = Secret::try_from(octets.expose())
            .map_err(|_| KmsDocumentError::PeerKeyLength("new key"))?;
        let name = self
            .0
            .carried_key_name
            .clone()
            .filter(|name| !name.is_empty());
        Ok(NamedKey {
            name: name.ok_or(DocumentError::PeerMissing(NAME))?,
            key,
        })
    }
}
