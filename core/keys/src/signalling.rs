//! Keys that protect XML in SIP bodies, from a CSK or SPK (TS 33.180 cl. 9.3, F.1.4).

use crate::kdf;
use roger_base::{KeyId, Secret};

/// How the XML keys come from the XPK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum XmlKeyMode {
    /// By the key derivation function with FC 0x51 and 0x52 (TS 33.180 F.1.4).
    #[default]
    Derived,
    /// The XPK itself is both keys: a product built on 33.179 V13.4.0 does so. Per peer, never tried silently.
    XpkDirect,
}

/// The keys for XML under one XPK.
#[derive(Clone, PartialEq, Eq)]
pub struct XmlKeys {
    /// Encrypts identities and other elements.
    pub confidentiality: Secret<16>,
    /// Signs whole documents.
    pub integrity: Secret<16>,
}

/// The two keys for an XPK (TS 33.180 F.1.4).
///
/// `p0` is the MC service ID of the user who owns the CSK, in both directions; for an SPK a configured
/// string, by default the MDSI of the domain that made it. `id` is the CSK-ID or SPK-ID, four octets \[I\].
#[must_use]
pub fn xml_keys(xpk: &Secret<16>, p0: &str, id: KeyId) -> XmlKeys {
    let parameters: [&[u8]; 2] = [p0.as_bytes(), &id.octets()];
    XmlKeys {
        confidentiality: kdf::derive_128(xpk, kdf::FC_CONFIDENTIALITY, &parameters),
        integrity: kdf::derive_128(xpk, kdf::FC_INTEGRITY, &parameters),
    }
}

/// [`xml_keys`] in the mode configured for a peer.
#[must_use]
pub fn xml_keys_in_mode(mode: XmlKeyMode, xpk: &Secret<16>, p0: &str, id: KeyId) -> XmlKeys {
    match mode {
        XmlKeyMode::Derived => xml_keys(xpk, p0, id),
        XmlKeyMode::XpkDirect => XmlKeys {
            confidentiality: xpk.clone(),
            integrity: xpk.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direct_mode_uses_the_xpk_for_both() {
        let xpk = Secret::new([3; 16]);
        let id = KeyId::from(0x2000_0001);
        let keys = xml_keys_in_mode(XmlKeyMode::XpkDirect, &xpk, "sip:a@b", id);
        assert!(keys.confidentiality == xpk && keys.integrity == xpk);
        assert!(xml_keys_in_mode(XmlKeyMode::Derived, &xpk, "sip:a@b", id).integrity != xpk);
    }
}
