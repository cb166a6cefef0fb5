//! A PKCS#11 token as keeper: an AES-256 key that was made inside and cannot leave.
//!
//! ```text
//! 1 + n     label of the key, length first
//! AES-GCM:  12 nonce, 48 wrapped key and tag      CKM_AES_GCM
//! KWP:      40 wrapped key                        CKM_AES_KEY_WRAP_PAD, RFC 5649
//! ```
//! AES-GCM is used where the token offers it. RFC 5649 authenticates no place; there the place is bound by the sealed
//! content alone, whose key is never used twice.

mod failure;
mod session;
mod wrapping;

use crate::fault::KeeperError;
use crate::keeper::{SecretKeeper, WrappedKey};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::types::AuthPin;
use roger_base::{Secret, SecretBytes};
use session::Sessions;
use std::path::PathBuf;
use wrapping::Wrapping;

/// Longest label, in octets: `CKA_LABEL` has no limit of its own, the length has one octet.
const LONGEST_LABEL: usize = 128;
/// Octets of an AES-256 key.
const AES_256: u8 = 32;

/// Which key of which token, through which library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAddress {
    /// The PKCS#11 library of the token's maker.
    pub module: PathBuf,
    /// `CK_TOKEN_INFO.label`.
    pub token_label: String,
    /// `CKA_LABEL` of the wrapping key.
    pub key_label: String,
}

/// The PIN of the token's normal user (`CKU_USER`).
pub struct Pin(AuthPin);

impl Pin {
    /// Takes a PIN; nothing when it is not UTF-8, which PKCS#11 demands.
    #[must_use]
    pub fn new(pin: &SecretBytes) -> Option<Self> {
        let text = core::str::from_utf8(pin.expose()).ok()?;
        Some(Self(AuthPin::new(text.into())))
    }
}

/// Wraps under a key inside a token.
///
/// A session that was lost (token pulled, other program closed all) is opened again once. A PIN that the token refused
/// is never tried twice by the same keeper. Within one process PKCS#11 knows one log-in for each token: a second keeper
/// on a token that is logged in joins it.
pub struct TokenKeeper {
    sessions: Sessions,
    key_label: String,
}

impl TokenKeeper {
    /// Logs in. The key is looked for when it is used.
    ///
    /// # Errors
    /// [`KeeperError`]: no library, no token, wrong or locked PIN, a label that is too long.
    pub fn open(address: &TokenAddress, pin: Pin) -> Result<Self, KeeperError> {
        if address.key_label.is_empty() || address.key_label.len() > LONGEST_LABEL {
            return Err(KeeperError::LocalNoKey(address.key_label.clone()));
        }
        let sessions = Sessions::open(&address.module, &address.token_label, pin.0)?;
        Ok(Self {
            sessions,
            key_label: address.key_label.clone(),
        })
    }

    /// Makes the wrapping key inside the token: AES-256, sensitive, not extractable, fit for the one operation.
    ///
    /// # Errors
    /// [`KeeperError`]; a key of that label is never doubled.
    pub fn generate_key(&self) -> Result<(), KeeperError> {
        let label = &self.key_label;
        self.sessions.run(|session, wrapping| {
            let wrapping = wrapping?;
            if !session
                .find_objects(&wrapping::key_template(label))?
                .is_empty()
            {
                return Err(KeeperError::LocalKeyExists(label.clone()).into());
            }
            let mut template = wrapping::key_template(label);
            template.extend([
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::ValueLen(u64::from(AES_256).into()),
                Attribute::Encrypt(wrapping == Wrapping::Gcm),
                Attribute::Decrypt(wrapping == Wrapping::Gcm),
                // A key that wraps keys and also decrypts data would let its user read what it wrapped.
                Attribute::Wrap(wrapping == Wrapping::KeyWrapPad),
                Attribute::Unwrap(wrapping == Wrapping::KeyWrapPad),
            ]);
            session.generate_key(&Mechanism::AesKeyGen, &template)?;
            Ok(())
        })
    }
}

impl SecretKeeper for TokenKeeper {
    fn wrap(&self, key: &Secret<32>, place: &[u8]) -> Result<WrappedKey, KeeperError> {
        let label = &self.key_label;
        let (wrapping, octets) = self.sessions.run(|session, wrapping| {
            let wrapping = wrapping?;
            let handle = wrapping::find_key(session, label)?;
            Ok((wrapping, wrapping.wrap(session, handle, key, place)?))
        })?;
        Ok(WrappedKey {
            kind: wrapping.kind(),
            octets: labelled(label, &octets)?,
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, place: &[u8]) -> Result<Secret<32>, KeeperError> {
        let wrapping = Wrapping::of_kind(wrapped.kind)
            .ok_or(KeeperError::LocalOtherKeeper { by: wrapped.kind })?;
        let (label, octets) = read_label(&wrapped.octets)?;
        self.sessions.run(|session, _| {
            let handle = wrapping::find_key(session, label)?;
            wrapping.unwrap(session, handle, octets, place)
        })
    }
}

fn labelled(label: &str, octets: &[u8]) -> Result<Vec<u8>, KeeperError> {
    let length = u8::try_from(label.len());
    let length = length.map_err(|_| KeeperError::LocalNoKey(label.to_owned()))?;
    Ok([&[length], label.as_bytes(), octets].concat())
}

/// The file names the key it was wrapped with, so that a new key can be taken into use while the old one still opens.
fn read_label(octets: &[u8]) -> Result<(&str, &[u8]), KeeperError> {
    const LABEL: KeeperError = KeeperError::LocalDamaged("label of the key");
    let (length, rest) = octets.split_first().ok_or(LABEL)?;
    let length = usize::from(*length);
    if length == 0 || length > LONGEST_LABEL {
        return Err(LABEL);
    }
    let (label, rest) = rest.split_at_checked(length).ok_or(LABEL)?;
    Ok((core::str::from_utf8(label).map_err(|_| LABEL)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn labels_come_back(label in "\\PC{1,32}", octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let together = labelled(&label, &octets).unwrap();
            prop_assert_eq!(read_label(&together).unwrap(), (label.as_str(), octets.as_slice()));
        }

        #[test]
        fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((label, rest)) = read_label(&octets) {
                prop_assert_eq!(1 + label.len() + rest.len(), octets.len());
            }
        }
    }
}
