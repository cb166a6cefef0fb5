//! The parties of `vectors/mikey.json`, scripted randomness, and the vectors of others.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

use roger_base::{GroupId, KeyId, KmsUri, McpttId, NtpTime, Random, RandomError, Secret};
use roger_ibc::eccsi::KmsPublicAuthKey;
use roger_ibc::sakke::KmsPublicEncKey;
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssuedKeys, KmsDomain, UserKeySet};
use roger_keys::{KeyMaterial, Rand};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

pub const GMS: &str = "sip:gp.manager@mcptt.example.org";
pub const USER_1: &str = "sip:user.001@mcptt.example.org";
pub const USER_2: &str = "sip:user.002@mcptt.example.org";
pub const SERVER: &str = "sip:mcptt-server.example.org";
pub const GROUP: &str = "sip:group.001@mcptt.example.org";

/// 2014-01-26T10:07:14Z, the time of every message in the vectors.
pub const NOW: NtpTime = NtpTime {
    seconds: 3_599_719_634,
    fraction: 0,
};

pub fn later(seconds: i64) -> NtpTime {
    NtpTime {
        seconds: NOW.seconds.checked_add_signed(seconds).unwrap(),
        fraction: 0,
    }
}

pub fn vectors() -> &'static Value {
    static VECTORS: OnceLock<Value> = OnceLock::new();
    VECTORS.get_or_init(|| serde_json::from_str(include_str!("../vectors/mikey.json")).unwrap())
}

pub fn octets(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap_or_else(|| panic!("no {name}"))).unwrap()
}

pub fn vector(start: &str) -> &'static Value {
    let messages = vectors()["messages"].as_array().unwrap();
    let named = |case: &&Value| case["name"].as_str().unwrap().starts_with(start);
    messages.iter().find(named).unwrap()
}

pub fn message(start: &str) -> Vec<u8> {
    octets(vector(start), "message")
}

pub fn domain() -> &'static KmsDomain {
    static DOMAIN: OnceLock<KmsDomain> = OnceLock::new();
    DOMAIN.get_or_init(|| KmsDomain {
        kms_uri: KmsUri::new("kms.example.org").unwrap(),
        key_period: KeyPeriod::new(2_592_000, 0).unwrap(),
        auth: KmsPublicAuthKey::from_octets(&octets(vectors(), "KPAK")).unwrap(),
        enc: KmsPublicEncKey::from_octets(&octets(vectors(), "Z_T")).unwrap(),
    })
}

/// The checked key set of a party; checking takes a pairing, so it is done once.
pub fn key_set(identity: &str) -> UserKeySet {
    static CHECKED: Mutex<BTreeMap<String, UserKeySet>> = Mutex::new(BTreeMap::new());
    let mut checked = CHECKED.lock().unwrap();
    let key_set = checked
        .entry(identity.to_owned())
        .or_insert_with(|| check(identity));
    key_set.clone()
}

fn check(identity: &str) -> UserKeySet {
    let parties = vectors()["parties"].as_array().unwrap();
    let party = parties
        .iter()
        .find(|party| party["uri"] == identity)
        .unwrap();
    let keys = IssuedKeys {
        identity: identity.to_owned(),
        period_number: 1388,
        uid: Uid(octets(party, "UID").try_into().unwrap()),
        ssk: Secret::try_from(octets(party, "SSK").as_slice()).unwrap(),
        pvt: octets(party, "PVT"),
        rsk: Secret::try_from(octets(party, "RSK").as_slice()).unwrap(),
    };
    UserKeySet::validate(domain(), &keys).unwrap()
}

/// Secret, key id and RAND of a vector; the id is the CSB-ID.
pub fn material(case: &Value) -> KeyMaterial {
    let secret = Secret::try_from(octets(case, "key").as_slice()).unwrap();
    let id = KeyId::from_octets(octets(case, "CSB_ID").try_into().unwrap());
    KeyMaterial::new(secret, id, Rand::new(&octets(case, "RAND")).unwrap())
}

pub fn user(identity: &str) -> McpttId {
    McpttId::new(identity).unwrap()
}

pub fn group() -> GroupId {
    GroupId::new(GROUP).unwrap()
}

/// Gives out prepared octets, one draw after the other, and fails when they run out or do not fit.
pub struct Script(VecDeque<Vec<u8>>);

impl Script {
    pub fn new(draws: &[&[u8]]) -> Self {
        Self(draws.iter().map(|draw| draw.to_vec()).collect())
    }

    /// The fixed j of the vectors, 0x34567.
    pub fn j() -> Vec<u8> {
        let mut j = vec![0; 32];
        j[29..].copy_from_slice(&[3, 0x45, 0x67]);
        j
    }

    /// The fixed IV of the vectors.
    pub fn iv() -> Vec<u8> {
        (0xA0..=0xAF).collect()
    }
}

impl Random for Script {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        let draw = self.0.pop_front().filter(|draw| draw.len() == buffer.len());
        buffer.copy_from_slice(&draw.ok_or(RandomError)?);
        Ok(())
    }
}

/// A vector file of others, read where it lies; none in a user's clone.
pub fn third_party(name: &str) -> Option<Value> {
    let default =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/third-party");
    let folder = std::env::var_os("ROGER_THIRD_PARTY_VECTORS").map_or(default, PathBuf::from);
    match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("third-party vectors are missing: {error}")
        }
        Err(_) => {
            eprintln!("skipped: no third-party vectors");
            None
        }
    }
}

/// Decodes a vector, lets the test change it, and signs the result anew.
pub fn altered(
    start: &str,
    signer: &UserKeySet,
    change: impl FnOnce(&mut roger_mikey::Body),
) -> Vec<u8> {
    let mut body = roger_mikey::Message::decode(&message(start)).unwrap().body;
    change(&mut body);
    sign(&body, signer)
}

pub fn sign(body: &roger_mikey::Body, signer: &UserKeySet) -> Vec<u8> {
    let mut octets = body.signed_octets().unwrap();
    let signature = signer
        .signing
        .sign(&octets, &mut Script::new(&[&Script::j()]))
        .unwrap();
    octets.extend(signature.as_octets());
    octets
}
