//! SRTP session keys and salts from the master key (RFC 3711 4.3, AES-CM PRF, key derivation rate 0).
//!
//! ```text
//! IV     = (salt14 xor (label << 48)) || 0000        salt14: the master salt, right-padded to 14 octets
//! output = AES(key, IV) || AES(key, IV + 1) || ...    leftmost octets
//! ```
//! A 96-bit salt is padded on the right with two zero octets, as RFC 7714 is read by all (erratum).

use crate::block::{BLOCK, encrypt_blocks};
use crate::srtp::{HmacMasterKey, MasterKey};
use roger_base::Secret;
use zeroize::{Zeroize, Zeroizing};

pub use crate::block::CipherError;

/// What a session key is for (RFC 3711 4.3.1 and 4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Label {
    /// SRTP encryption key.
    SrtpEncryption = 0,
    /// SRTP authentication key.
    SrtpAuthentication = 1,
    /// SRTP salt.
    SrtpSalt = 2,
    /// SRTCP encryption key.
    SrtcpEncryption = 3,
    /// SRTCP authentication key.
    SrtcpAuthentication = 4,
    /// SRTCP salt.
    SrtcpSalt = 5,
}

/// Position of the label in the 14-octet salt.
const LABEL_AT: usize = 7;

/// Session keys and salts of AEAD_AES_128_GCM (RFC 7714).
#[derive(Clone)]
pub struct SessionKeys {
    /// SRTP encryption key.
    pub srtp_key: Secret<16>,
    /// SRTP salt.
    pub srtp_salt: Secret<12>,
    /// SRTCP encryption key.
    pub srtcp_key: Secret<16>,
    /// SRTCP salt.
    pub srtcp_salt: Secret<12>,
}

/// Session keys and salts of AES-CM with HMAC-SHA-1 (RFC 3711).
#[derive(Clone)]
pub struct HmacSessionKeys {
    /// SRTP encryption key.
    pub srtp_key: Secret<16>,
    /// SRTP authentication key.
    pub srtp_authentication: Secret<20>,
    /// SRTP salt.
    pub srtp_salt: Secret<14>,
    /// SRTCP encryption key.
    pub srtcp_key: Secret<16>,
    /// SRTCP authentication key.
    pub srtcp_authentication: Secret<20>,
    /// SRTCP salt.
    pub srtcp_salt: Secret<14>,
}

/// Session keys for AEAD_AES_128_GCM: labels 0, 2, 3, 5.
///
/// # Errors
/// [`CipherError`] when the cryptographic library is broken.
pub fn session_keys(master: &MasterKey) -> Result<SessionKeys, CipherError> {
    let salt = master.salt.expose();
    Ok(SessionKeys {
        srtp_key: derive(&master.key, salt, Label::SrtpEncryption)?,
        srtp_salt: derive(&master.key, salt, Label::SrtpSalt)?,
        srtcp_key: derive(&master.key, salt, Label::SrtcpEncryption)?,
        srtcp_salt: derive(&master.key, salt, Label::SrtcpSalt)?,
    })
}

/// Session keys for AES-CM with HMAC-SHA-1: all six labels.
///
/// # Errors
/// [`CipherError`] when the cryptographic library is broken.
pub fn hmac_session_keys(master: &HmacMasterKey) -> Result<HmacSessionKeys, CipherError> {
    let salt = master.salt.expose();
    Ok(HmacSessionKeys {
        srtp_key: derive(&master.key, salt, Label::SrtpEncryption)?,
        srtp_authentication: derive(&master.key, salt, Label::SrtpAuthentication)?,
        srtp_salt: derive(&master.key, salt, Label::SrtpSalt)?,
        srtcp_key: derive(&master.key, salt, Label::SrtcpEncryption)?,
        srtcp_authentication: derive(&master.key, salt, Label::SrtcpAuthentication)?,
        srtcp_salt: derive(&master.key, salt, Label::SrtcpSalt)?,
    })
}

/// One session value of `N` octets; octets of `salt` beyond 14 are not used, missing ones are zero.
///
/// # Errors
/// [`CipherError`] when the cryptographic library is broken.
pub fn derive<const N: usize>(
    key: &Secret<16>,
    salt: &[u8],
    label: Label,
) -> Result<Secret<N>, CipherError> {
    const { assert!(N <= BLOCK * 256) };
    let mut iv = [0; BLOCK];
    for (to, from) in iv.iter_mut().zip(salt.iter().take(14)) {
        *to = *from;
    }
    if let Some(octet) = iv.get_mut(LABEL_AT) {
        *octet ^= label as u8;
    }
    let iv = u128::from_be_bytes(iv);
    let counters = (0..N.div_ceil(BLOCK) as u128).flat_map(|n| (iv | n).to_be_bytes());
    let mut stream = Zeroizing::new(counters.collect::<Vec<u8>>());
    encrypt_blocks(key, &mut stream)?;
    let mut octets = [0; N];
    for (to, from) in octets.iter_mut().zip(stream.iter()) {
        *to = *from;
    }
    let secret = Secret::new(octets);
    octets.zeroize();
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// The key derivation example of RFC 3711 B.3.
    #[test]
    fn reproduces_rfc_3711_b3() {
        let master = HmacMasterKey {
            key: Secret::new(hex("E1F97A0D3E018BE0D64FA32C06DE4139")),
            salt: Secret::new(hex("0EC675AD498AFEEBB6960B3AABE6")),
        };
        let keys = hmac_session_keys(&master).unwrap();
        assert_eq!(
            *keys.srtp_key.expose(),
            hex("C61E7A93744F39EE10734AFE3FF7A087")
        );
        assert_eq!(
            *keys.srtp_salt.expose(),
            hex("30CBBC08863D8C85D49DB34A9AE1")
        );
        let auth: [u8; 20] = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
        assert_eq!(*keys.srtp_authentication.expose(), auth);
    }
}
