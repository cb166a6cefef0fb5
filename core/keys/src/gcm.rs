//! AES-128-GCM with an IV of any length (NIST SP 800-38D).
//!
//! MCData protected payloads use a 128-bit IV (TS 33.180 cl. 8.5.4), which the cryptographic library does
//! not offer. The block cipher is the library's; GHASH multiplies with the integer multiplier, in constant time,
//! fast enough that sealing costs little in a message with a signature. SRTP uses the library's GCM, not this one.

use crate::block::{Aes, BLOCK};
use roger_base::Secret;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

pub use crate::block::CipherError;

/// Octets of the tag at the end of a ciphertext.
pub const TAG: usize = 16;

/// Why a ciphertext was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Shorter than a tag.
    #[error("a ciphertext of {0} octets is shorter than its tag")]
    TooShort(usize),
    /// The tag does not fit key, IV, data or ciphertext.
    #[error("the authentication tag is wrong")]
    Tag,
    /// The block cipher failed.
    #[error(transparent)]
    Cipher(#[from] CipherError),
}

/// Encrypts and appends the tag.
///
/// # Errors
/// [`CipherError`] when the cryptographic library is broken.
pub fn seal(
    key: &Secret<16>,
    iv: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CipherError> {
    let gcm = Gcm::new(key, iv, plaintext.len())?;
    let mut sealed = Vec::with_capacity(plaintext.len() + TAG);
    sealed.extend_from_slice(plaintext);
    gcm.apply_key_stream(&mut sealed);
    let tag = gcm.tag(aad, &sealed);
    sealed.extend(tag);
    Ok(sealed)
}

/// Checks the tag, then decrypts.
///
/// # Errors
/// [`OpenError`]; nothing of the plaintext is given out then.
pub fn open(
    key: &Secret<16>,
    iv: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let Some((ciphertext, tag)) = sealed.split_last_chunk::<TAG>() else {
        return Err(OpenError::TooShort(sealed.len()));
    };
    let gcm = Gcm::new(key, iv, ciphertext.len())?;
    let expected = gcm.tag(aad, ciphertext);
    if !bool::from(expected.ct_eq(tag)) {
        return Err(OpenError::Tag);
    }
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    gcm.apply_key_stream(&mut plaintext);
    Ok(plaintext)
}

struct Gcm {
    hash_key: Secret<BLOCK>,
    /// The mask of the tag, then the key stream of the data.
    stream: Zeroizing<Vec<u8>>,
}

impl Gcm {
    fn new(key: &Secret<16>, iv: &[u8], octets: usize) -> Result<Self, CipherError> {
        let aes = Aes::new(key)?;
        let mut h = Zeroizing::new([0; BLOCK]);
        aes.encrypt(h.as_mut_slice())?;
        let hash_key = Secret::new(*h);
        let first = first_counter(&hash_key, iv);
        let blocks = u32::try_from(octets.div_ceil(BLOCK)).map_err(|_| CipherError)?;
        let counters = (0..=blocks).flat_map(|n| counter(first, n).to_be_bytes());
        let mut stream = Zeroizing::new(counters.collect::<Vec<u8>>());
        aes.encrypt(&mut stream)?;
        Ok(Self { hash_key, stream })
    }

    fn apply_key_stream(&self, data: &mut [u8]) {
        let stream = self.stream.iter().skip(BLOCK);
        for (octet, mask) in data.iter_mut().zip(stream) {
            *octet ^= mask;
        }
    }

    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> [u8; TAG] {
        let mut tag = ghash(&self.hash_key, &[aad, ciphertext]).to_be_bytes();
        for (octet, mask) in tag.iter_mut().zip(self.stream.iter()) {
            *octet ^= mask;
        }
        tag
    }
}

/// J0: an IV of 96 bits is used as it is, any other is hashed.
fn first_counter(hash_key: &Secret<16>, iv: &[u8]) -> u128 {
    if iv.len() == 12 {
        let high = iv
            .iter()
            .fold(0u128, |value, octet| (value << 8) | u128::from(*octet));
        return (high << 32) | 1;
    }
    ghash(hash_key, &[&[], iv])
}

/// Only the low 32 bits count.
fn counter(first: u128, n: u32) -> u128 {
    let low = (first as u32).wrapping_add(n);
    (first & !0xFFFF_FFFF) | u128::from(low)
}

/// GHASH over two strings, each padded to whole blocks, and their lengths in bits.
fn ghash(hash_key: &Secret<16>, parts: &[&[u8]; 2]) -> u128 {
    let h = u128::from_be_bytes(*hash_key.expose());
    let mut y = 0;
    for block in parts.iter().flat_map(|part| part.chunks(BLOCK)) {
        y = multiply(y ^ padded(block), h);
    }
    let bits = parts.iter().map(|part| part.len() as u128 * 8);
    let lengths = bits.fold(0, |value: u128, length| (value << 64) | length);
    multiply(y ^ lengths, h)
}

fn padded(block: &[u8]) -> u128 {
    let mut octets = [0; BLOCK];
    for (to, from) in octets.iter_mut().zip(block) {
        *to = *from;
    }
    u128::from_be_bytes(octets)
}

/// Product in GF(2^128) with GCM's bit order: bit 127 is the coefficient of x^0.
///
/// In that order the product of two polynomials is the plain one shifted by a bit. `low` then holds x^128 and
/// above, folded back by x^128 = x^7 + x^2 + x + 1: once for what the fold itself shifts out, once for all.
fn multiply(x: u128, y: u128) -> u128 {
    let (x1, x0) = ((x >> 64) as u64, x as u64);
    let (y1, y0) = ((y >> 64) as u64, y as u64);
    let (top, bottom) = (carryless(x1, y1), carryless(x0, y0));
    let middle = carryless(x1 ^ x0, y1 ^ y0) ^ top ^ bottom;
    let (high, low) = (top ^ (middle >> 64), bottom ^ (middle << 64));
    let (high, low) = ((high << 1) | (low >> 127), low << 1);
    let low = low ^ (low << 127) ^ (low << 126) ^ (low << 121);
    high ^ low ^ (low >> 1) ^ (low >> 2) ^ (low >> 7)
}

/// Bits 0, 5, 10 …
const EVERY_FIFTH: u128 = 0x2108_4210_8421_0842_1084_2108_4210_8421;

/// Product of two polynomials over GF(2); no branch or index depends on the operands.
///
/// The integer multiplier does it when the operands have only every fifth bit: at most 13 ones meet in a column,
/// so that their sum stays below the next column in use, and its lowest bit is the coefficient.
fn carryless(x: u64, y: u64) -> u128 {
    let mut product = 0;
    for column in 0..5 {
        let mut sum = 0;
        for i in 0..5 {
            let j = (5 + column - i) % 5;
            let x = u128::from(x & (EVERY_FIFTH << i) as u64);
            let y = u128::from(y & (EVERY_FIFTH << j) as u64);
            sum ^= x * y;
        }
        product ^= sum & (EVERY_FIFTH << column);
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::aead;

    fn key() -> Secret<16> {
        Secret::new(
            hex::decode("FEFFE9928665731C6D6A8F9467308308")
                .unwrap()
                .try_into()
                .unwrap(),
        )
    }

    const PLAIN: &str = "D9313225F88406E5A55909C5AFF5269A86A7A9531534F7DA2E4C303D8A318A72\
                         1C3C0C95956809532FCF0E2449A6B525B16AEDF5AA0DE657BA637B39";
    const AAD: &str = "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2";

    /// Test case 6 of the GCM specification: an IV of 60 octets.
    #[test]
    fn reproduces_the_specification_with_a_long_iv() {
        let iv = "9313225DF88406E555909C5AFF5269AA6A7A9538534F7DA1E4C303D2A318A728\
                  C3C0C95156809539FCF0E2429A6B525416AEDBF5A0DE6A57A637B39B";
        let sealed = seal(
            &key(),
            &hex::decode(iv).unwrap(),
            &hex::decode(AAD).unwrap(),
            &hex::decode(PLAIN).unwrap(),
        );
        let expected = "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7\
                        01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5\
                        619cc5aefffe0bfa462af43c1699d050";
        assert_eq!(hex::encode(sealed.unwrap()), expected);
    }

    #[test]
    fn agrees_with_the_library_where_both_can() {
        for length in [0, 1, 15, 16, 17, 31, 64, 333] {
            let data: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let iv = [length as u8; 12];
            let ours = seal(&key(), &iv, &data, &data).unwrap();
            let unbound = aead::UnboundKey::new(&aead::AES_128_GCM, key().expose()).unwrap();
            let library = aead::LessSafeKey::new(unbound);
            let mut theirs = data.clone();
            let nonce = aead::Nonce::assume_unique_for_key(iv);
            library
                .seal_in_place_append_tag(nonce, aead::Aad::from(&data), &mut theirs)
                .unwrap();
            assert_eq!(ours, theirs);
        }
    }

    /// Bit by bit, as SP 800-38D 6.3 writes it.
    fn multiply_bitwise(x: u128, y: u128) -> u128 {
        let mut v = y;
        let mut product = 0;
        for bit in (0..128).rev() {
            if x >> bit & 1 == 1 {
                product ^= v;
            }
            v = (v >> 1) ^ if v & 1 == 1 { 0xE1 << 120 } else { 0 };
        }
        product
    }

    #[test]
    fn products_are_those_of_the_specification() {
        let mut x = 0x0123_4567_89AB_CDEF_FEDC_BA98_7654_3210_u128;
        let mut y = u128::MAX;
        for _ in 0..2000 {
            assert_eq!(multiply(x, y), multiply_bitwise(x, y));
            (x, y) = (y, x.rotate_left(7) ^ multiply(x, y));
        }
        for bit in 0..128 {
            assert_eq!(
                multiply(1 << bit, u128::MAX),
                multiply_bitwise(1 << bit, u128::MAX)
            );
            assert_eq!(multiply(1 << 127, 1 << bit), 1 << bit);
        }
    }

    #[test]
    fn the_counter_wraps_in_its_low_32_bits() {
        assert_eq!(counter(u128::MAX, 1), u128::MAX << 32);
        assert_eq!(counter(5, 2), 7);
    }

    #[test]
    fn an_altered_octet_anywhere_is_refused() {
        let sealed = seal(&key(), &[1; 16], b"aad", b"plain").unwrap();
        assert_eq!(
            &**open(&key(), &[1; 16], b"aad", &sealed).unwrap(),
            b"plain"
        );
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(
                open(&key(), &[1; 16], b"aad", &altered).err(),
                Some(OpenError::Tag)
            );
        }
        assert_eq!(
            open(&key(), &[1; 16], b"aae", &sealed).err(),
            Some(OpenError::Tag)
        );
        assert_eq!(
            open(&key(), &[2; 16], b"aad", &sealed).err(),
            Some(OpenError::Tag)
        );
        assert_eq!(
            open(&key(), &[1; 16], b"aad", &[0; 15]).err(),
            Some(OpenError::TooShort(15))
        );
    }
}
