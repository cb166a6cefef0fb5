//! Shared by the tests: vectors, keys, and libsrtp2 as a child process.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses another part"
)]

pub mod libsrtp2;

use roger_base::Secret;
use roger_keys::srtp::HmacMasterKey;
use roger_srtp::{MasterKey, Mki, Profile, Suite};
use serde_json::Value;

pub fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

pub fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/srtp.json")).unwrap()
}

/// A context of the vector file.
pub struct Context {
    pub profile: Profile,
    pub mki: Mki,
    pub master: MasterKey,
}

pub fn context(vectors: &Value, name: &str) -> Context {
    let all = vectors["contexts"].as_array().unwrap();
    let entry = all.iter().find(|entry| entry["name"] == name).unwrap();
    let base = match entry["key_kind"].as_str().unwrap() {
        "GMK" => Profile::GROUP,
        "PCK" => Profile::PRIVATE,
        _ => Profile::FLOOR,
    };
    let suite = match entry["suite"].as_str().unwrap() {
        "AEAD_AES_128_GCM" => Suite::AeadAes128Gcm,
        _ => Suite::AesCm128HmacSha1Tag80,
    };
    Context {
        profile: base.with_suite(suite).unwrap(),
        mki: Mki::new(&octets(&entry["MKI"])).unwrap(),
        master: master(
            &octets(&entry["master_key"]),
            &octets(&entry["master_salt"]),
        ),
    }
}

/// A master key for the suite its salt belongs to.
pub fn master(key: &[u8], salt: &[u8]) -> MasterKey {
    let key: Secret<16> = key.try_into().unwrap();
    match salt.len() {
        12 => roger_keys::MasterKey {
            key,
            salt: salt.try_into().unwrap(),
        }
        .into(),
        _ => HmacMasterKey {
            key,
            salt: salt.try_into().unwrap(),
        }
        .into(),
    }
}

/// A master key of some octets.
pub fn test_master(suite: Suite) -> MasterKey {
    master(&[0x5A; 16], &vec![0xC3; suite.salt_octets()])
}

/// Key and salt as libsrtp2 takes them.
pub fn test_key_and_salt(suite: Suite) -> Vec<u8> {
    [vec![0x5A; 16], vec![0xC3; suite.salt_octets()]].concat()
}

pub const SUITES: [Suite; 2] = [Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1Tag80];
