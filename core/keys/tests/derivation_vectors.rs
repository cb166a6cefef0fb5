//! Every derivation vector of TS 33.180 Annex F and RFC 3830, ours and those of others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use roger_base::{KeyId, McpttId, Secret};
use roger_keys::{CsId, group, kdf, payload, session, signalling, srtp};
use serde_json::Value;
use std::path::PathBuf;

fn own() -> Value {
    serde_json::from_str(include_str!("vectors/kdf.json")).unwrap()
}

/// The vectors of others, read where they lie; none in a user's clone.
fn third_party() -> Option<Value> {
    let default =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/third-party");
    let folder = std::env::var_os("ROGER_THIRD_PARTY_VECTORS").map_or(default, PathBuf::from);
    match std::fs::read_to_string(folder.join("kdf.json")) {
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

fn all(section: &str) -> Vec<Value> {
    let mut cases = own()[section].as_array().unwrap().clone();
    if let Some(others) = third_party() {
        cases.extend(
            others[section]
                .as_array()
                .unwrap_or(&Vec::new())
                .iter()
                .cloned(),
        );
    }
    assert!(!cases.is_empty());
    cases
}

fn octets(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap()).unwrap()
}

fn secret(case: &Value, name: &str) -> Secret<16> {
    Secret::try_from(octets(case, name).as_slice()).unwrap()
}

fn key_id(case: &Value, name: &str) -> KeyId {
    KeyId::from_octets(octets(case, name).try_into().unwrap())
}

#[test]
fn user_salt_and_guk_id_of_every_vector() {
    for case in all("guk") {
        let gmk = secret(&case, "GMK");
        let gmk_id = key_id(&case, "GMK_ID");
        let member = McpttId::new(case["mc_service_id"].as_str().unwrap()).unwrap();
        let input = kdf::input(kdf::FC_USER_SALT, &[member.as_str().as_bytes()]);
        assert_eq!(input, octets(&case, "S"));
        let output = kdf::derive(&gmk, kdf::FC_USER_SALT, &[member.as_str().as_bytes()]);
        assert_eq!(output.expose()[..], octets(&case, "KDF"));
        let salt = u32::from_str_radix(case["salt"].as_str().unwrap(), 16).unwrap();
        assert_eq!(group::user_salt(&gmk, &member), salt);
        let guk_id = group::guk_id(&gmk, gmk_id, &member);
        assert_eq!(guk_id, key_id(&case, "GUK_ID"));
        assert_eq!(group::gmk_id(&gmk, guk_id, &member), gmk_id);
    }
}

#[test]
fn signalling_and_payload_keys_of_every_vector() {
    for case in all("kdf33220") {
        let fc = u8::from_str_radix(case["FC"].as_str().unwrap(), 16).unwrap();
        let key = secret(&case, "key");
        let p0 = match fc {
            kdf::FC_PAYLOAD => octets(&case, "P0"),
            _ => case["P0"].as_str().unwrap().as_bytes().to_vec(),
        };
        let p1 = case.get("P1").map(|_| octets(&case, "P1"));
        let parameters: Vec<&[u8]> = [Some(p0.as_slice()), p1.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(kdf::input(fc, &parameters), octets(&case, "S"));
        assert_eq!(
            kdf::derive(&key, fc, &parameters).expose()[..],
            octets(&case, "KDF")
        );
        let expected = octets(&case, "key128_lsb");
        let derived = match fc {
            kdf::FC_PAYLOAD => payload::dpck(&key, key_id(&case, "P0")),
            _ => {
                let keys =
                    signalling::xml_keys(&key, case["P0"].as_str().unwrap(), key_id(&case, "P1"));
                if fc == kdf::FC_CONFIDENTIALITY {
                    keys.confidentiality
                } else {
                    keys.integrity
                }
            }
        };
        assert_eq!(derived.expose()[..], expected);
    }
}

#[test]
fn master_key_and_salt_of_every_vector() {
    for case in all("srtp") {
        let cs_id = CsId(case["CS_ID"].as_u64().unwrap().try_into().unwrap());
        let id = key_id(&case, "CSB_ID");
        let master = srtp::master_key(&secret(&case, "TGK"), cs_id, id, &octets(&case, "RAND"));
        assert_eq!(
            master.key.expose()[..],
            octets(&case, "master_key"),
            "{}",
            case["name"]
        );
        assert_eq!(
            master.salt.expose()[..],
            octets(&case, "master_salt"),
            "{}",
            case["name"]
        );
    }
}

#[test]
fn session_keys_of_every_vector() {
    for case in own()["srtp_session"].as_array().unwrap() {
        let master = srtp::MasterKey {
            key: secret(case, "master_key"),
            salt: Secret::try_from(octets(case, "master_salt").as_slice()).unwrap(),
        };
        let keys = session::session_keys(&master).unwrap();
        assert_eq!(keys.srtp_key.expose()[..], octets(case, "srtp_key"));
        assert_eq!(keys.srtp_salt.expose()[..], octets(case, "srtp_salt"));
        assert_eq!(keys.srtcp_key.expose()[..], octets(case, "srtcp_key"));
        assert_eq!(keys.srtcp_salt.expose()[..], octets(case, "srtcp_salt"));
    }
}
