//! Keys for `roger inspect`, checked.

use super::key_file::UserEntry;
use super::key_file::{Hex, KeyEntry, KeyFile, KeyFileError, Kind, KmsEntry, Side, SrtpEntry};
use roger_base::{KeyId, KmsUri, McpttId, PurposeTag, Secret};
use roger_ibc::KmsDomain;
use roger_ibc::eccsi::KmsPublicAuthKey;
use roger_ibc::sakke::KmsPublicEncKey;
use roger_ibc::uid::KeyPeriod;
use roger_keys::srtp::HmacMasterKey;
use roger_keys::{CallSide, Rand};
use roger_mikey::describe::OpeningKey;
use roger_srtp::{MasterKey, Mki};
use std::path::Path;

/// Everything the file gave.
pub(super) struct Keys {
    pub(super) domains: Vec<KmsDomain>,
    pub(super) opening: Vec<OpeningKey>,
    pub(super) held: Vec<HeldKey>,
    pub(super) masters: Vec<HeldMaster>,
}

/// A key that MIKEY carries, or an SPK.
pub(super) struct HeldKey {
    pub(super) purpose: PurposeTag,
    pub(super) id: KeyId,
    pub(super) secret: Secret<16>,
    /// Needed for SRTP, not for MIKEY.
    pub(super) rand: Option<Rand>,
    /// Private call: who sent; both are tried when it is not known.
    pub(super) sender: Option<CallSide>,
    /// Group: whose GUK-IDs are known by name.
    pub(super) members: Vec<McpttId>,
}

/// An SRTP master key with its MKI.
pub(super) struct HeldMaster {
    pub(super) mki: Mki,
    pub(super) master: MasterKey,
}

impl Keys {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`KeyFileError`] naming the line or the entry, never a value.
    pub(super) fn read(path: &Path) -> Result<Self, KeyFileError> {
        Self::check(&KeyFile::read(path)?)
    }

    fn check(file: &KeyFile) -> Result<Self, KeyFileError> {
        let domains = each("kms", &file.kms, domain)?;
        let opening = each("user", &file.user, |entry| user(entry, &domains))?;
        let held = each("key", &file.key, held)?;
        let masters = each("srtp", &file.srtp, master)?;
        Ok(Self {
            domains,
            opening,
            held,
            masters,
        })
    }
}

/// Checks the entries of a table and names the one that fails.
fn each<E, T>(
    table: &'static str,
    entries: &[E],
    check: impl Fn(&E) -> Result<T, String>,
) -> Result<Vec<T>, KeyFileError> {
    let checked = entries.iter().zip(1..).map(|(entry, number)| {
        check(entry).map_err(|problem| KeyFileError::Entry {
            table,
            number,
            problem,
        })
    });
    checked.collect()
}

fn domain(entry: &KmsEntry) -> Result<KmsDomain, String> {
    let auth = KmsPublicAuthKey::from_octets(entry.pub_auth_key.0.expose());
    let enc = KmsPublicEncKey::from_octets(entry.pub_enc_key.0.expose());
    let period = KeyPeriod::new(entry.user_key_period, entry.user_key_offset);
    Ok(KmsDomain {
        kms_uri: KmsUri::new(entry.uri.as_str()).map_err(|error| format!("uri: {error}"))?,
        key_period: period.map_err(|error| format!("user_key_period: {error}"))?,
        auth: auth.map_err(|error| format!("pub_auth_key: {error}"))?,
        enc: enc.map_err(|error| format!("pub_enc_key: {error}"))?,
    })
}

fn user(entry: &UserEntry, domains: &[KmsDomain]) -> Result<OpeningKey, String> {
    let domain = domain_of(entry, domains)?;
    let rsk = secret::<257>("rsk", &entry.rsk)?;
    let period = entry.period_number;
    if let Some(uid) = &entry.uid {
        let computed = domain.uid_of(&entry.identity, period);
        if computed.as_octets() != uid.0.expose() {
            return Err(format!(
                "uid is not that of the identity in key period {period}, which is {computed}"
            ));
        }
    }
    OpeningKey::validate(domain, &entry.identity, period, &rsk)
        .map_err(|error| format!("rsk: {error}"))
}

fn domain_of<'d>(entry: &UserEntry, domains: &'d [KmsDomain]) -> Result<&'d KmsDomain, String> {
    let Some(uri) = &entry.kms else {
        return match domains {
            [only] => Ok(only),
            [] => Err("there is no [[kms]] it could belong to".to_owned()),
            _ => Err("there are several [[kms]]; say which with kms = \"…\"".to_owned()),
        };
    };
    let named = domains
        .iter()
        .find(|domain| domain.kms_uri.as_str() == uri.as_str());
    named.ok_or_else(|| format!("there is no [[kms]] with uri {uri:?}"))
}

fn held(entry: &KeyEntry) -> Result<HeldKey, String> {
    let purpose = purpose(entry.kind);
    let octets: [u8; 4] = entry.id.0.expose().try_into().map_err(|_| {
        let given = entry.id.0.expose().len();
        format!("id: a key id has 4 octets, this has {given}")
    })?;
    let id = KeyId::from_octets(octets)
        .require(purpose)
        .map_err(|error| format!("id: {error}"))?;
    let rand = entry.rand.as_ref().map(|rand| Rand::new(rand.0.expose()));
    let members = entry.members.iter().map(|member| {
        McpttId::new(member.as_str()).map_err(|error| format!("members: {member:?}: {error}"))
    });
    Ok(HeldKey {
        purpose,
        id,
        secret: secret::<16>("key", &entry.key)?,
        rand: rand.transpose().map_err(|error| format!("rand: {error}"))?,
        sender: entry.sender.map(side),
        members: members.collect::<Result<_, _>>()?,
    })
}

fn master(entry: &SrtpEntry) -> Result<HeldMaster, String> {
    let mki = Mki::new(entry.mki.0.expose()).map_err(|error| format!("mki: {error}"))?;
    let key = secret::<16>("master_key", &entry.master_key)?;
    let salt = entry.master_salt.0.expose();
    let master = match salt.len() {
        12 => MasterKey::from(roger_keys::MasterKey {
            key,
            salt: secret::<12>("master_salt", &entry.master_salt)?,
        }),
        14 => MasterKey::from(HmacMasterKey {
            key,
            salt: secret::<14>("master_salt", &entry.master_salt)?,
        }),
        other => {
            return Err(format!(
                "master_salt has 12 octets for AEAD_AES_128_GCM, 14 for AES_CM_128_HMAC_SHA1_80, not {other}"
            ));
        }
    };
    Ok(HeldMaster { mki, master })
}

fn secret<const N: usize>(name: &str, octets: &Hex) -> Result<Secret<N>, String> {
    Secret::try_from(octets.0.expose()).map_err(|error| {
        let (wanted, given) = (error.wanted, error.given);
        format!("{name} has {wanted} octets, not {given}")
    })
}

const fn purpose(kind: Kind) -> PurposeTag {
    match kind {
        Kind::Gmk => PurposeTag::Gmk,
        Kind::Pck => PurposeTag::Pck,
        Kind::Csk => PurposeTag::Csk,
        Kind::Spk => PurposeTag::Spk,
        Kind::Mkfc => PurposeTag::Mkfc,
        Kind::Mscck => PurposeTag::Mscck,
        Kind::Musik => PurposeTag::Musik,
    }
}

const fn side(side: Side) -> CallSide {
    match side {
        Side::Initiator => CallSide::Initiator,
        Side::Receiver => CallSide::Receiver,
    }
}
