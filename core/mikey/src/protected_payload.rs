//! The container of the key parameters: an MCData Protected Payload (TS 33.180 cl. 8.5.4, E.6).
//!
//! ```text
//! message type(1) date and time(5) payload ID(4) sequence(1) algorithm(1) IV(16) DPPK-ID(4)   = AAD
//! IEI(1) length(2) ciphertext || tag(16)
//! ```
//! The key is the DPCK of the encapsulated key under the CSB-ID; the IV is a 128-bit GCM IV.

use crate::Field;
use crate::key_parameters::KeyParameters;
use crate::wire::{DecodeError, EncodeError, Fault, Reader, Trace, Writer};
use roger_base::{KeyId, Random, RandomError, Secret, UnixTime};
use roger_keys::{gcm, payload};
use thiserror::Error;
use zeroize::Zeroizing;

/// \[I\] Message type sent: DATA PAYLOAD with the protection bit, as seen in the wild (TS 24.282 cl. 15.2.2).
const MESSAGE_TYPE: u8 = 0x43;
/// Message type DATA PAYLOAD without its two flag bits.
const DATA_PAYLOAD: u8 = 3;
const MESSAGE_TYPE_MASK: u8 = 0x3F;
/// \[I\] Message type that others send: the encryption bit alone, without the number of DATA PAYLOAD. Taken, never sent.
const TOLERATED_MESSAGE_TYPE: u8 = 0x40;
/// Payload algorithm AES-128-GCM.
const AES_128_GCM: u8 = 1;
/// Octets of the IV.
const IV: usize = 16;
/// \[I\] IEI sent before the ciphertext (TS 24.282); never checked on receipt.
const PAYLOAD_IEI: u8 = 0x78;
/// The largest 40-bit time.
const MAX_TIME: u64 = (1 << 40) - 1;

/// Why key parameters were not opened; the key itself is refused then (TS 33.180 cl. 5.2.4).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// Another algorithm than AES-128-GCM.
    #[error("payload algorithm {0} is not 1, AES-128-GCM")]
    Algorithm(u8),
    /// The DPPK-ID is not the CSB-ID of the message around it.
    #[error("DPPK-ID {found} is not the CSB-ID {expected} of the message")]
    DppkId {
        /// CSB-ID of the message.
        expected: KeyId,
        /// DPPK-ID found.
        found: KeyId,
    },
    /// They do not decrypt under the encapsulated key.
    #[error("key parameters do not decrypt under the key ({0})")]
    Decrypt(#[from] gcm::OpenError),
    /// They decrypt to something else.
    #[error("decrypted key parameters: {0}")]
    Content(#[from] DecodeError),
}

/// Why key parameters were not sealed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// A part is too long.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No randomness for the IV.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The block cipher failed.
    #[error(transparent)]
    Cipher(#[from] gcm::CipherError),
}

const fn is_data_payload(message_type: u8) -> bool {
    message_type & MESSAGE_TYPE_MASK == DATA_PAYLOAD || message_type == TOLERATED_MESSAGE_TYPE
}

/// A protected payload as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedPayload {
    /// Message type with its flag bits.
    pub message_type: u8,
    /// Creation time, seconds since 1970, 40 bits; no decision is based on it.
    pub time: UnixTime,
    /// Payload ID, sent as 0, ignored.
    pub payload_id: u32,
    /// Payload sequence number, sent as 0, ignored.
    pub sequence: u8,
    /// Payload algorithm.
    pub algorithm: u8,
    /// IV.
    pub iv: [u8; IV],
    /// DPPK-ID: the CSB-ID of the message.
    pub dppk_id: KeyId,
    /// IEI of the ciphertext, ignored.
    pub iei: u8,
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
}

impl ProtectedPayload {
    /// Encrypts key parameters under the key of the message; draws the IV.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        parameters: &KeyParameters,
        key: &Secret<16>,
        csb_id: KeyId,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<Self, SealError> {
        let mut iv = [0; IV];
        random.fill(&mut iv)?;
        let mut sealed = Self {
            message_type: MESSAGE_TYPE,
            time: UnixTime(now.0.min(MAX_TIME)),
            payload_id: 0,
            sequence: 0,
            algorithm: AES_128_GCM,
            iv,
            dppk_id: csb_id,
            iei: PAYLOAD_IEI,
            ciphertext: Vec::new(),
        };
        let dpck = payload::dpck(key, csb_id);
        sealed.ciphertext = gcm::seal(
            &dpck,
            &iv,
            &sealed.additional_data(),
            &parameters.plaintext()?,
        )?;
        Ok(sealed)
    }

    /// Decrypts and reads the key parameters.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn open(&self, key: &Secret<16>, csb_id: KeyId) -> Result<KeyParameters, PayloadError> {
        Ok(KeyParameters::decode(&self.decrypt(key, csb_id)?)?)
    }

    pub(crate) fn decrypt(
        &self,
        key: &Secret<16>,
        csb_id: KeyId,
    ) -> Result<Zeroizing<Vec<u8>>, PayloadError> {
        if self.algorithm != AES_128_GCM {
            return Err(PayloadError::Algorithm(self.algorithm));
        }
        if self.dppk_id != csb_id {
            return Err(PayloadError::DppkId {
                expected: csb_id,
                found: self.dppk_id,
            });
        }
        let dpck = payload::dpck(key, csb_id);
        Ok(gcm::open(
            &dpck,
            &self.iv,
            &self.additional_data(),
            &self.ciphertext,
        )?)
    }

    /// The first 32 octets: everything before the ciphertext's IEI.
    #[must_use]
    pub fn additional_data(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(self.message_type);
        writer.u40(self.time.0);
        writer.u32(self.payload_id);
        writer.u8(self.sequence);
        writer.u8(self.algorithm);
        writer.octets(&self.iv);
        writer.octets(&self.dppk_id.octets());
        writer.0
    }

    /// The octets of the container.
    ///
    /// # Errors
    /// [`EncodeError`] when the ciphertext is too long.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer(self.additional_data());
        writer.u8(self.iei);
        writer.long(Field::PayloadLength, &self.ciphertext)?;
        Ok(writer.0)
    }

    /// Reads a container.
    ///
    /// # Errors
    /// [`DecodeError`] with the offset from the start of the container.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_traced(octets, 0, &mut ())
    }

    pub(crate) fn decode_traced(
        octets: &[u8],
        offset: usize,
        trace: &mut dyn Trace,
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(octets, offset, trace);
        reader.heading("Protected payload", "TS 33.180 cl. 8.5.4, E.6");
        let message_type = reader.u8(Field::PayloadMessageType)?;
        if !is_data_payload(message_type) {
            return Err(reader.error_before(1, Fault::PayloadMessageType(message_type)));
        }
        let payload = Self {
            message_type,
            time: UnixTime(reader.u40(Field::PayloadTime)?),
            payload_id: reader.u32(Field::PayloadId)?,
            sequence: reader.u8(Field::PayloadSequence)?,
            algorithm: reader.u8(Field::PayloadAlgorithm)?,
            iv: reader.array(Field::PayloadIv)?,
            dppk_id: KeyId::from(reader.u32(Field::DppkId)?),
            iei: reader.u8(Field::PayloadIei)?,
            ciphertext: reader
                .long(Field::PayloadLength, Field::PayloadCiphertext)?
                .to_vec(),
        };
        match reader.left() {
            0 => Ok(payload),
            left => Err(reader.error(Fault::TrailingElement(left))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_base::PurposeTag;

    const CSB_ID: u32 = 0x08C4_4583;

    /// As a sender that leaves out the number of DATA PAYLOAD seals it: the octet is also in the AAD.
    fn sealed_by_others(message_type: u8) -> Vec<u8> {
        let mut sealed = ProtectedPayload {
            message_type,
            time: UnixTime(1_390_730_834),
            payload_id: 0,
            sequence: 0,
            algorithm: AES_128_GCM,
            iv: [0xA0; IV],
            dppk_id: KeyId::from(CSB_ID),
            iei: PAYLOAD_IEI,
            ciphertext: Vec::new(),
        };
        let parameters = KeyParameters::new(PurposeTag::Gmk);
        let dpck = payload::dpck(&Secret::new([7; 16]), KeyId::from(CSB_ID));
        let plaintext = parameters.plaintext().unwrap();
        let aad = sealed.additional_data();
        sealed.ciphertext = gcm::seal(&dpck, &sealed.iv, &aad, &plaintext).unwrap();
        sealed.encode().unwrap()
    }

    #[test]
    fn the_message_type_without_its_number_is_taken_and_opened() {
        let octets = sealed_by_others(TOLERATED_MESSAGE_TYPE);
        let payload = ProtectedPayload::decode(&octets).unwrap();
        let opened = payload
            .open(&Secret::new([7; 16]), KeyId::from(CSB_ID))
            .unwrap();
        assert_eq!(opened, KeyParameters::new(PurposeTag::Gmk));
        assert_eq!(payload.encode().unwrap(), octets);
    }

    #[test]
    fn no_other_message_type_is_taken() {
        for refused in [0x00, 0x41, 0x42, 0x44, 0x7F, 0x80, 0xC0] {
            let error = ProtectedPayload::decode(&sealed_by_others(refused)).unwrap_err();
            assert_eq!(error.fault, Fault::PayloadMessageType(refused));
        }
    }
}
