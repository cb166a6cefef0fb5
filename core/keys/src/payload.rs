//! The key of MCData protected payloads and of the key parameters in MIKEY messages (TS 33.180 F.1.5).

use crate::kdf;
use roger_base::{KeyId, Secret};

/// DPCK, the payload cipher key: KDF(DPPK, FC 0x53, P0 = DPPK-ID), 128 least significant bits.
#[must_use]
pub fn dpck(dppk: &Secret<16>, dppk_id: KeyId) -> Secret<16> {
    kdf::derive_128(dppk, kdf::FC_PAYLOAD, &[&dppk_id.octets()])
}
