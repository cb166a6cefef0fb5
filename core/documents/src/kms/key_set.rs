//! Key set of one identity and one key period (TS 33.180 D.3.3).

use super::certificate::optional_time;
use super::key_content::{KeyContent, KeyKind};
use super::{Dialect, KmsDocumentError, NAMESPACE};
use crate::date_time;
use crate::error::DocumentError;
use crate::read::{identity, number, optional_boolean, optional_text, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roger_base::{KmsUri, UnixTime};
use roger_xml::markup::child;
use roger_xml::{Writer, decode_base64};
use roxmltree::Node;

/// A key set as it travels. Whether its keys fit identity and period is checked by who uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKeySet {
    /// `KmsUri`.
    pub kms_uri: KmsUri,
    /// `CertUri`: the certificate that the set belongs to.
    pub cert_uri: Option<String>,
    /// `Issuer`.
    pub issuer: Option<String>,
    /// `UserUri`: the identity, octets as configured.
    pub user_uri: String,
    /// `UserID`: the UID of TS 33.180 F.2.1.
    pub user_id: [u8; 32],
    /// `ValidFrom`: begin of the key period.
    pub valid_from: Option<UnixTime>,
    /// `ValidTo`: end of the key period.
    pub valid_to: Option<UnixTime>,
    /// `KeyPeriodNo`: counted from 1900.
    pub key_period_no: u64,
    /// `Revoked`.
    pub revoked: bool,
    /// `UserDecryptKey`: RSK.
    pub user_decrypt_key: KeyContent,
    /// `UserSigningKeySSK`.
    pub user_signing_key_ssk: KeyContent,
    /// `UserPubTokenPVT`.
    pub user_pub_token_pvt: KeyContent,
}

impl KmsKeySet {
    pub(crate) fn read_node(
        node: Node<'_, '_>,
        dialect: Dialect,
    ) -> Result<Self, KmsDocumentError> {
        let key = |kind: KeyKind| {
            KeyContent::read_node(child(node, NAMESPACE, kind.name())?, kind, dialect)
        };
        Ok(Self {
            kms_uri: identity(&text(node, NAMESPACE, "KmsUri")?, "KmsUri")?,
            cert_uri: optional_text(node, NAMESPACE, "CertUri")?,
            issuer: optional_text(node, NAMESPACE, "Issuer")?,
            user_uri: text(node, NAMESPACE, "UserUri")?,
            user_id: user_id(&text(node, NAMESPACE, "UserID")?)?,
            valid_from: optional_time(node, "ValidFrom")?,
            valid_to: optional_time(node, "ValidTo")?,
            key_period_no: number(&text(node, NAMESPACE, "KeyPeriodNo")?, "KeyPeriodNo")?,
            revoked: optional_boolean(node, NAMESPACE, "Revoked")?.unwrap_or(false),
            user_decrypt_key: key(KeyKind::UserDecryptKey)?,
            user_signing_key_ssk: key(KeyKind::UserSigningKeySsk)?,
            user_pub_token_pvt: key(KeyKind::UserPubTokenPvt)?,
        })
    }

    pub(crate) fn write_into(&self, w: &mut Writer) {
        w.start("KmsKeySet")
            .attribute("Version", "1.1.0")
            .leaf("KmsUri", self.kms_uri.as_str());
        w.optional_leaf("CertUri", self.cert_uri.as_deref())
            .optional_leaf("Issuer", self.issuer.as_deref());
        w.leaf("UserUri", &self.user_uri)
            .leaf("UserID", &STANDARD.encode(self.user_id));
        w.optional_leaf(
            "ValidFrom",
            self.valid_from.map(date_time::write).as_deref(),
        );
        w.optional_leaf("ValidTo", self.valid_to.map(date_time::write).as_deref());
        w.leaf("KeyPeriodNo", &self.key_period_no.to_string())
            .leaf("Revoked", truth(self.revoked));
        self.user_decrypt_key.write_into(w, KeyKind::UserDecryptKey);
        self.user_signing_key_ssk
            .write_into(w, KeyKind::UserSigningKeySsk);
        self.user_pub_token_pvt
            .write_into(w, KeyKind::UserPubTokenPvt);
        w.end("KmsKeySet");
    }

    /// Whether one of the keys is wrapped.
    #[must_use]
    pub fn has_wrapped_keys(&self) -> bool {
        let keys = [
            &self.user_decrypt_key,
            &self.user_signing_key_ssk,
            &self.user_pub_token_pvt,
        ];
        keys.into_iter()
            .any(|key| matches!(key, KeyContent::Wrapped(_)))
    }
}

/// Base64 of 32 octets, or 64 hex digits: both are written in the field.
fn user_id(text: &str) -> Result<[u8; 32], DocumentError> {
    let mut octets = [0; 32];
    if hex::decode_to_slice(text, &mut octets).is_ok() {
        return Ok(octets);
    }
    let decoded = decode_base64(text).and_then(|octets| octets.try_into().ok());
    decoded.ok_or(DocumentError::PeerValue("UserID"))
}

pub(crate) const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
