//! A KMS account as JSON, which is then sealed as a whole.

use crate::StoreFault;
use roger_base::Secret;
use roger_documents::kms::{NamedKey, Release};
use roger_kms::{KeyAccount, KeyPair, SecurityLevel};
use roger_xml::key_wrap::WrapProfile;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("KMS account");

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    user_uri: String,
    certificate: Option<String>,
    identities: Vec<String>,
    #[serde(default)]
    minimum_level: Level,
    #[serde(default)]
    release: Spoken,
    wrap_profile: Profile,
    generation: u32,
    current: Option<Pair>,
    pending: Option<Pair>,
}

/// Records from before levels were kept have none: what their keys allow is demanded.
#[derive(Serialize, Deserialize, Default)]
enum Level {
    #[default]
    A,
    B,
    C,
}

#[derive(Serialize, Deserialize, Default)]
enum Spoken {
    Rel13,
    #[default]
    Rel14,
}

#[derive(Serialize, Deserialize)]
enum Profile {
    ThreeGpp,
    W3c,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    transport: Key,
    integrity: Option<Key>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    name: String,
    hex: String,
}

impl Drop for Key {
    fn drop(&mut self) {
        self.hex.zeroize();
    }
}

fn written_key(key: &NamedKey) -> Key {
    Key {
        name: key.name.clone(),
        hex: hex::encode(key.key.expose()),
    }
}

fn read_key(key: &Key) -> Result<NamedKey, StoreFault> {
    let octets = Zeroizing::new(hex::decode(&key.hex).map_err(|_| CORRUPT)?);
    let secret = Secret::try_from(octets.as_slice()).map_err(|_| CORRUPT)?;
    Ok(NamedKey {
        name: key.name.clone(),
        key: secret,
    })
}

fn written_pair(pair: &KeyPair) -> Pair {
    Pair {
        transport: written_key(&pair.transport),
        integrity: pair.integrity.as_ref().map(written_key),
    }
}

fn read_pair(pair: &Pair) -> Result<KeyPair, StoreFault> {
    Ok(KeyPair {
        transport: read_key(&pair.transport)?,
        integrity: pair.integrity.as_ref().map(read_key).transpose()?,
    })
}

/// The octets to seal.
pub(super) fn write(account: &KeyAccount) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    let written = Written {
        user_uri: account.user_uri.clone(),
        certificate: account.certificate.clone(),
        identities: account.identities.clone(),
        minimum_level: match account.minimum_level {
            SecurityLevel::TlsOnly => Level::A,
            SecurityLevel::TransportKey => Level::B,
            SecurityLevel::IntegrityKey => Level::C,
        },
        release: match account.release {
            Release::Rel13 => Spoken::Rel13,
            Release::Rel14 => Spoken::Rel14,
        },
        wrap_profile: match account.wrap_profile {
            WrapProfile::ThreeGpp => Profile::ThreeGpp,
            WrapProfile::W3c => Profile::W3c,
        },
        generation: account.generation,
        current: account.current.as_ref().map(written_pair),
        pending: account.pending.as_ref().map(written_pair),
    };
    serde_json::to_vec(&written)
        .map(Zeroizing::new)
        .map_err(|_| CORRUPT)
}

/// The account of opened octets.
pub(super) fn read(octets: &[u8]) -> Result<KeyAccount, StoreFault> {
    let written: Written = serde_json::from_slice(octets).map_err(|_| CORRUPT)?;
    Ok(KeyAccount {
        user_uri: written.user_uri,
        certificate: written.certificate,
        identities: written.identities,
        minimum_level: match written.minimum_level {
            Level::A => SecurityLevel::TlsOnly,
            Level::B => SecurityLevel::TransportKey,
            Level::C => SecurityLevel::IntegrityKey,
        },
        release: match written.release {
            Spoken::Rel13 => Release::Rel13,
            Spoken::Rel14 => Release::Rel14,
        },
        wrap_profile: match written.wrap_profile {
            Profile::ThreeGpp => WrapProfile::ThreeGpp,
            Profile::W3c => WrapProfile::W3c,
        },
        generation: written.generation,
        current: written.current.as_ref().map(read_pair).transpose()?,
        pending: written.pending.as_ref().map(read_pair).transpose()?,
    })
}
