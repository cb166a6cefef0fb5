//! End-point diversity of group keys: the user salt and the GUK-ID (TS 33.180 cl. 5.2.3, F.1.3).

use crate::kdf;
use roger_base::{KeyId, McpttId, Secret};

const LOW_28_BITS: u32 = 0x0FFF_FFFF;

/// The 28-bit user salt of a group member under a GMK (TS 33.180 F.1.3).
#[must_use]
pub fn user_salt(gmk: &Secret<16>, member: &McpttId) -> u32 {
    let output = kdf::derive(gmk, kdf::FC_USER_SALT, &[member.as_str().as_bytes()]);
    let low = output.expose().iter().skip(28);
    low.fold(0, |salt: u32, octet| (salt << 8) | u32::from(*octet)) & LOW_28_BITS
}

/// GUK-ID of a member: the GMK-ID with its 28 low bits xor the user salt (TS 33.180 cl. 5.2.3).
#[must_use]
pub fn guk_id(gmk: &Secret<16>, gmk_id: KeyId, member: &McpttId) -> KeyId {
    gmk_id.xor_low_28_bits(user_salt(gmk, member))
}

/// GMK-ID behind the GUK-ID of a member; the same operation as [`guk_id`].
#[must_use]
pub fn gmk_id(gmk: &Secret<16>, guk_id: KeyId, member: &McpttId) -> KeyId {
    guk_id.xor_low_28_bits(user_salt(gmk, member))
}

/// MKI of group media: GMK-ID, then the GUK-ID of the sender (TS 33.180 cl. 7.4.2).
#[must_use]
pub fn mki(gmk_id: KeyId, guk_id: KeyId) -> [u8; 8] {
    let value = (u64::from(u32::from(gmk_id)) << 32) | u64::from(u32::from(guk_id));
    value.to_be_bytes()
}
