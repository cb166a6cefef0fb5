//! The two suites over one packet: AES-GCM, and AES counter mode with HMAC-SHA1.

use crate::SrtpError;
use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey},
    hmac,
    iv::FixedLength,
};
use roger_base::Secret;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub(crate) const GCM_TAG: usize = 16;
pub(crate) const HMAC_TAG: usize = 10;

/// What makes a nonce: the SSRC and the 48-bit SRTP or 31-bit SRTCP index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NonceInput {
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
}

/// Session keys ready for use on SRTP or SRTCP packets.
pub(crate) enum PacketCipher {
    Gcm(Gcm),
    CounterMode(Box<CounterMode>),
}

pub(crate) struct Gcm {
    key: LessSafeKey,
    salt: Secret<12>,
}

impl Gcm {
    pub(crate) fn new(key: &Secret<16>, salt: Secret<12>) -> Result<Self, SrtpError> {
        let key =
            UnboundKey::new(&AES_128_GCM, key.expose()).map_err(|_| SrtpError::LocalCrypto)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            salt,
        })
    }

    /// 00 00, SSRC, ROC and SEQ (or 0000 and SRTCP index), xor salt (RFC 7714 cl. 8.1, 9.1).
    fn nonce(&self, input: NonceInput) -> Nonce {
        let value = (u128::from(input.ssrc) << 48) | u128::from(input.index);
        let mut nonce = *self.salt.expose();
        // The 12-octet value: skip the four high octets of the 16.
        nonce
            .iter_mut()
            .zip(value.to_be_bytes().iter().skip(4))
            .for_each(|(to, from)| *to ^= from);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts in place and gives the tag.
    pub(crate) fn seal(
        &self,
        nonce: NonceInput,
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<[u8; GCM_TAG], SrtpError> {
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(nonce), Aad::from(aad), body)
            .map_err(|_| SrtpError::LocalCrypto)?;
        tag.as_ref().try_into().map_err(|_| SrtpError::LocalCrypto)
    }

    /// Opens `body`, ciphertext and tag, in place; the plain text are its first octets.
    /// After an error `body` is worthless and must not be shown.
    pub(crate) fn open(
        &self,
        nonce: NonceInput,
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<(), SrtpError> {
        self.key
            .open_in_place(self.nonce(nonce), Aad::from(aad), body)
            .map_err(|_| SrtpError::PeerAuthentication)?;
        Ok(())
    }
}

pub(crate) struct CounterMode {
    key: EncryptingKey,
    salt: Secret<14>,
    authentication: hmac::Key,
}

impl CounterMode {
    pub(crate) fn new(
        key: &Secret<16>,
        salt: Secret<14>,
        authentication: &Secret<20>,
    ) -> Result<Self, SrtpError> {
        let key =
            UnboundCipherKey::new(&AES_128, key.expose()).map_err(|_| SrtpError::LocalCrypto)?;
        Ok(Self {
            key: EncryptingKey::ctr(key).map_err(|_| SrtpError::LocalCrypto)?,
            salt,
            authentication: hmac::Key::new(
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                authentication.expose(),
            ),
        })
    }

    /// Encrypts or decrypts in place: IV = salt * 2^16 xor SSRC * 2^64 xor index * 2^16 (RFC 3711 cl. 4.1.1).
    pub(crate) fn crypt(&self, input: NonceInput, body: &mut [u8]) -> Result<(), SrtpError> {
        let value = (u128::from(input.ssrc) << 64) ^ (u128::from(input.index) << 16);
        let mut iv = Zeroizing::new(value.to_be_bytes());
        iv.iter_mut()
            .zip(self.salt.expose())
            .for_each(|(to, from)| *to ^= from);
        let context = EncryptionContext::Iv128(FixedLength::from(*iv));
        self.key
            .less_safe_encrypt(body, context)
            .map_err(|_| SrtpError::LocalCrypto)?;
        Ok(())
    }

    /// HMAC-SHA1 over the authenticated portion and what follows it, cut to 80 bits (RFC 3711 cl. 4.2).
    pub(crate) fn tag(&self, portion: &[u8], suffix: [u8; 4]) -> Result<[u8; HMAC_TAG], SrtpError> {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(portion);
        context.update(&suffix);
        let whole = context.sign();
        let tag = whole
            .as_ref()
            .first_chunk::<HMAC_TAG>()
            .ok_or(SrtpError::LocalCrypto)?;
        Ok(*tag)
    }

    /// Compares in constant time.
    pub(crate) fn verify(
        &self,
        portion: &[u8],
        suffix: [u8; 4],
        tag: &[u8],
    ) -> Result<(), SrtpError> {
        if bool::from(self.tag(portion, suffix)?.as_slice().ct_eq(tag)) {
            return Ok(());
        }
        Err(SrtpError::PeerAuthentication)
    }
}
