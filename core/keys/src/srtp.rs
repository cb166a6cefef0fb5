//! SRTP and SRTCP master key and salt from a MIKEY key (RFC 3830 4.1.3-4.1.4, PRF-HMAC-SHA-256 of RFC 6043).
//!
//! ```text
//! label = constant(4) || CS-ID(1) || CSB-ID(4) || RAND
//! A_1   = HMAC(TGK, label), A_i = HMAC(TGK, A_(i-1))
//! PRF   = HMAC(TGK, A_1 || label) || HMAC(TGK, A_2 || label) || ...   leftmost octets
//! ```
//! The TEK *is* the SRTP master key. A TGK has 16 octets, so the input key is one block of the PRF, and the
//! keys and salts here fit one output block.

use crate::CsId;
use crate::kdf::hmac_sha256;
use roger_base::{KeyId, Secret};
use zeroize::Zeroize;

/// Constant of the TEK in the label (RFC 3830 table 4.1.4).
const TEK: u32 = 0x2AD0_1C64;
/// Constant of the salt in the label (RFC 3830 table 4.1.4).
const SALT: u32 = 0x39A2_C14B;

/// Master key and 96-bit master salt of the AEAD_AES_128_GCM profile (RFC 7714).
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    /// Master key, 128 bits.
    pub key: Secret<16>,
    /// Master salt, 96 bits.
    pub salt: Secret<12>,
}

/// Master key and 112-bit master salt of the AES-CM and HMAC-SHA-1 profile (RFC 3711 8.2).
#[derive(Clone, PartialEq, Eq)]
pub struct HmacMasterKey {
    /// Master key, 128 bits.
    pub key: Secret<16>,
    /// Master salt, 112 bits.
    pub salt: Secret<14>,
}

/// Derives master key and salt for AEAD_AES_128_GCM (TS 33.180 cl. 7.4.1, 7.4.2, 9.4).
///
/// `csb_id` is the key id, but the GUK-ID *of the transmitting user* for a GMK. `rand` are the octets of the
/// RAND that came with the key.
#[must_use]
pub fn master_key(tgk: &Secret<16>, cs_id: CsId, csb_id: KeyId, rand: &[u8]) -> MasterKey {
    MasterKey {
        key: prf(tgk, TEK, cs_id, csb_id, rand),
        salt: prf(tgk, SALT, cs_id, csb_id, rand),
    }
}

/// Derives master key and salt for AES-CM with HMAC-SHA-1 (RFC 3711), parameters as for [`master_key`].
#[must_use]
pub fn hmac_master_key(tgk: &Secret<16>, cs_id: CsId, csb_id: KeyId, rand: &[u8]) -> HmacMasterKey {
    HmacMasterKey {
        key: prf(tgk, TEK, cs_id, csb_id, rand),
        salt: prf(tgk, SALT, cs_id, csb_id, rand),
    }
}

/// The PRF for outputs of at most 32 octets, which is all that SRTP needs here.
fn prf<const N: usize>(
    tgk: &Secret<16>,
    constant: u32,
    cs_id: CsId,
    csb_id: KeyId,
    rand: &[u8],
) -> Secret<N> {
    const { assert!(N <= 32) };
    let label = label(constant, cs_id, csb_id, rand);
    let a1 = hmac_sha256(tgk.expose(), &[&label]);
    let block = hmac_sha256(tgk.expose(), &[a1.expose(), &label]);
    let mut octets = [0; N];
    for (to, from) in octets.iter_mut().zip(block.expose()) {
        *to = *from;
    }
    let secret = Secret::new(octets);
    octets.zeroize();
    secret
}

fn label(constant: u32, cs_id: CsId, csb_id: KeyId, rand: &[u8]) -> Vec<u8> {
    let mut label = constant.to_be_bytes().to_vec();
    label.push(cs_id.0);
    label.extend(csb_id.octets());
    label.extend(rand);
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_constant_cs_id_csb_id_rand() {
        let label = label(TEK, CsId(6), KeyId::from(0x2DDD_5BF0), &[0xAA; 2]);
        assert_eq!(
            label,
            [
                0x2A, 0xD0, 0x1C, 0x64, 6, 0x2D, 0xDD, 0x5B, 0xF0, 0xAA, 0xAA
            ]
        );
    }

    #[test]
    fn both_profiles_share_the_key_and_the_start_of_the_salt() {
        let tgk = Secret::new([7; 16]);
        let id = KeyId::from(0x1000_0001);
        let gcm = master_key(&tgk, CsId(0), id, &[1; 16]);
        let hmac = hmac_master_key(&tgk, CsId(0), id, &[1; 16]);
        assert!(gcm.key == hmac.key);
        assert_eq!(gcm.salt.expose()[..], hmac.salt.expose()[..12]);
    }
}
