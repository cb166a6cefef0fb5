//! The key derivation function of TS 33.220 Annex B, as used by TS 33.180 Annex F.
//!
//! ```text
//! S      = FC || P0 || L0 || P1 || L1 || ...      Ln: 16-bit length of Pn in octets
//! output = HMAC-SHA-256(key, S)                   32 octets
//! ```

use aws_lc_rs::hmac;
use roger_base::Secret;

/// FC of the user salt (TS 33.180 F.1.3).
pub const FC_USER_SALT: u8 = 0x50;
/// FC of the confidentiality key of signalling (TS 33.180 F.1.4).
pub const FC_CONFIDENTIALITY: u8 = 0x51;
/// FC of the integrity key of signalling (TS 33.180 F.1.4).
pub const FC_INTEGRITY: u8 = 0x52;
/// FC of the payload cipher key (TS 33.180 F.1.5).
pub const FC_PAYLOAD: u8 = 0x53;

/// Longest parameter, in octets: its length must fit the 16-bit field.
pub const MAX_PARAMETER: usize = u16::MAX as usize;

/// The octets `S` for a function code and its parameters (TS 33.220 B.2).
///
/// A parameter is taken octet by octet: identities are ASCII URIs, for which the NFKC form that B.2.1.2
/// demands is the string itself. A parameter longer than [`MAX_PARAMETER`] is cut there; no identity is
/// (`roger_base` allows 1024 octets).
#[must_use]
pub fn input(fc: u8, parameters: &[&[u8]]) -> Vec<u8> {
    let mut s = vec![fc];
    for parameter in parameters {
        let length = u16::try_from(parameter.len()).unwrap_or(u16::MAX);
        s.extend(parameter.iter().take(MAX_PARAMETER));
        s.extend(length.to_be_bytes());
    }
    s
}

/// The whole output of the function, 32 octets (TS 33.220 B.2.0).
#[must_use]
pub fn derive(key: &Secret<16>, fc: u8, parameters: &[&[u8]]) -> Secret<32> {
    hmac_sha256(key.expose(), &[&input(fc, parameters)])
}

/// The 128 least significant bits of the output: the rule for 128-bit keys (TS 33.180 F.1).
///
/// \[I\] for FC 0x51 and 0x52; FC 0x53 is confirmed by messages of others.
#[must_use]
pub fn derive_128(key: &Secret<16>, fc: u8, parameters: &[&[u8]]) -> Secret<16> {
    let output = derive(key, fc, parameters);
    let mut low = [0; 16];
    for (to, from) in low.iter_mut().zip(output.expose().iter().skip(16)) {
        *to = *from;
    }
    let secret = Secret::new(low);
    zeroize::Zeroize::zeroize(&mut low);
    secret
}

/// HMAC-SHA-256 over the concatenation of `parts`.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Secret<32> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    let mut octets = [0; 32];
    for (to, from) in octets.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    let secret = Secret::new(octets);
    zeroize::Zeroize::zeroize(&mut octets);
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_follows_its_parameter() {
        assert_eq!(input(0x53, &[&[1, 2, 3, 4]]), [0x53, 1, 2, 3, 4, 0, 4]);
        assert_eq!(
            input(0x51, &[b"ab", &[9]]),
            [0x51, b'a', b'b', 0, 2, 9, 0, 1]
        );
        assert_eq!(input(0x50, &[b""]), [0x50, 0, 0]);
    }
}
