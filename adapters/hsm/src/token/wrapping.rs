//! How a token wraps.

use super::AES_256;
use super::failure::Failure;
use crate::fault::KeeperError;
use crate::keeper::KeeperKind;
use aws_lc_rs::rand;
use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::{Mechanism, MechanismInfo, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use roger_base::{Secret, SecretBytes};

const NONCE: usize = 12;
const TAG_BITS: u64 = 128;
const DAMAGED: KeeperError = KeeperError::LocalDamaged("the token cannot open the wrapped key");

/// A mechanism of PKCS#11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// `CKM_AES_GCM`, the key as data.
    Gcm,
    /// `CKM_AES_KEY_WRAP_PAD`, the key as an object of the session.
    KeyWrapPad,
}

impl Wrapping {
    /// What the token offers; AES-GCM first, since it authenticates the place.
    pub(super) fn offered(library: &Pkcs11, slot: Slot) -> Result<Self, KeeperError> {
        let offers = |kind: MechanismType, fit: fn(&MechanismInfo) -> bool| {
            let listed = library.get_mechanism_list(slot).unwrap_or_default();
            listed.contains(&kind)
                && library
                    .get_mechanism_info(slot, kind)
                    .is_ok_and(|i| fit(&i))
        };
        if offers(MechanismType::AES_GCM, |i| i.encrypt() && i.decrypt()) {
            return Ok(Self::Gcm);
        }
        if offers(MechanismType::AES_KEY_WRAP_PAD, |i| i.wrap() && i.unwrap()) {
            return Ok(Self::KeyWrapPad);
        }
        Err(KeeperError::LocalNoMechanism(
            "CKM_AES_GCM or CKM_AES_KEY_WRAP_PAD",
        ))
    }

    pub(super) const fn kind(self) -> KeeperKind {
        match self {
            Self::Gcm => KeeperKind::TokenGcm,
            Self::KeyWrapPad => KeeperKind::TokenKeyWrapPad,
        }
    }

    pub(super) const fn of_kind(kind: KeeperKind) -> Option<Self> {
        match kind {
            KeeperKind::TokenGcm => Some(Self::Gcm),
            KeeperKind::TokenKeyWrapPad => Some(Self::KeyWrapPad),
            KeeperKind::Passphrase => None,
        }
    }

    const fn mechanism(self) -> &'static str {
        match self {
            Self::Gcm => "CKM_AES_GCM",
            Self::KeyWrapPad => "CKM_AES_KEY_WRAP_PAD",
        }
    }

    pub(super) fn wrap(
        self,
        session: &Session,
        wrapping_key: ObjectHandle,
        key: &Secret<32>,
        place: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let wrapped = match self {
            Self::Gcm => wrap_gcm(session, wrapping_key, key, place),
            Self::KeyWrapPad => wrap_key(session, wrapping_key, key),
        };
        wrapped.map_err(|failure| self.explain(failure))
    }

    pub(super) fn unwrap(
        self,
        session: &Session,
        wrapping_key: ObjectHandle,
        octets: &[u8],
        place: &[u8],
    ) -> Result<Secret<32>, Failure> {
        let opened = match self {
            Self::Gcm => unwrap_gcm(session, wrapping_key, octets, place),
            Self::KeyWrapPad => unwrap_key(session, wrapping_key, octets),
        };
        opened.map_err(|failure| self.explain(failure))
    }

    /// Gives the codes that matter here their meaning.
    fn explain(self, failure: Broken) -> Failure {
        match failure {
            Broken::Token(Error::Pkcs11(
                RvError::MechanismInvalid | RvError::KeyFunctionNotPermitted,
                _,
            )) => KeeperError::LocalNoMechanism(self.mechanism()).into(),
            Broken::Token(Error::Pkcs11(
                RvError::EncryptedDataInvalid
                | RvError::EncryptedDataLenRange
                | RvError::WrappedKeyInvalid
                | RvError::WrappedKeyLenRange,
                _,
            )) => DAMAGED.into(),
            // What SoftHSM and others say to data that does not authenticate.
            Broken::Token(Error::Pkcs11(
                RvError::GeneralError | RvError::FunctionFailed,
                cryptoki::context::Function::Decrypt | cryptoki::context::Function::UnwrapKey,
            )) => DAMAGED.into(),
            Broken::Token(error) => error.into(),
            Broken::Ours(error) => error.into(),
        }
    }
}

enum Broken {
    Token(Error),
    Ours(KeeperError),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

impl From<KeeperError> for Broken {
    fn from(error: KeeperError) -> Self {
        Self::Ours(error)
    }
}

/// What names an AES key.
pub(super) fn key_template(label: &str) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(label.as_bytes().to_vec()),
    ]
}

/// The key of that label, after a look at whether it can leave the token.
pub(super) fn find_key(session: &Session, label: &str) -> Result<ObjectHandle, Failure> {
    let found = session.find_objects(&key_template(label))?;
    let handle = match found.as_slice() {
        [] => return Err(KeeperError::LocalNoKey(label.to_owned()).into()),
        [handle] => *handle,
        _ => return Err(KeeperError::LocalAmbiguousKey(label.to_owned()).into()),
    };
    let asked = [
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::ValueLen,
    ];
    let attributes = session.get_attributes(handle, &asked)?;
    let has = |wanted: Attribute| attributes.contains(&wanted);
    let reason = if !has(Attribute::Extractable(false)) {
        "can be taken out of the token"
    } else if !has(Attribute::Sensitive(true)) {
        "can be read from the token"
    } else if !has(Attribute::ValueLen(u64::from(AES_256).into())) {
        "is no AES-256 key"
    } else {
        return Ok(handle);
    };
    Err(KeeperError::LocalUnfitKey {
        label: label.to_owned(),
        reason,
    }
    .into())
}

fn wrap_gcm(
    session: &Session,
    wrapping_key: ObjectHandle,
    key: &Secret<32>,
    place: &[u8],
) -> Result<Vec<u8>, Broken> {
    let mut nonce = [0; NONCE];
    rand::fill(&mut nonce).map_err(|_| KeeperError::LocalResource("randomness"))?;
    let parameters = GcmParams::new(&mut nonce, place, TAG_BITS.into())?;
    let sealed = session.encrypt(&Mechanism::AesGcm(parameters), wrapping_key, key.expose())?;
    // Read after the operation: a token that insists on its own nonce has written it here.
    Ok([nonce.as_slice(), &sealed].concat())
}

fn unwrap_gcm(
    session: &Session,
    wrapping_key: ObjectHandle,
    octets: &[u8],
    place: &[u8],
) -> Result<Secret<32>, Broken> {
    let (nonce, sealed) = octets.split_first_chunk::<NONCE>().ok_or(DAMAGED)?;
    let mut nonce = *nonce;
    let parameters = GcmParams::new(&mut nonce, place, TAG_BITS.into())?;
    let opened = session.decrypt(&Mechanism::AesGcm(parameters), wrapping_key, sealed)?;
    let opened = SecretBytes::new(opened);
    Ok(Secret::try_from(opened.expose()).map_err(|_| DAMAGED)?)
}

/// A key of the session that this process may read: what comes out of the token, or goes in.
fn session_key() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ]
}

fn wrap_key(
    session: &Session,
    wrapping_key: ObjectHandle,
    key: &Secret<32>,
) -> Result<Vec<u8>, Broken> {
    let mut template = session_key();
    template.push(Attribute::Value(key.expose().to_vec()));
    let created = session.create_object(&template);
    if let Some(Attribute::Value(value)) = template.last_mut() {
        zeroize::Zeroize::zeroize(value);
    }
    let object = created?;
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrapPad, wrapping_key, object);
    session.destroy_object(object)?;
    Ok(wrapped?)
}

fn unwrap_key(
    session: &Session,
    wrapping_key: ObjectHandle,
    octets: &[u8],
) -> Result<Secret<32>, Broken> {
    let mechanism = Mechanism::AesKeyWrapPad;
    let object = session.unwrap_key(&mechanism, wrapping_key, octets, &session_key())?;
    let value = session.get_attributes(object, &[AttributeType::Value]);
    session.destroy_object(object)?;
    for attribute in value? {
        if let Attribute::Value(value) = attribute {
            let value = SecretBytes::new(value);
            return Ok(Secret::try_from(value.expose()).map_err(|_| DAMAGED)?);
        }
    }
    Err(DAMAGED.into())
}
