//! Another vendor's KMS certificate, key sets and a message: every check holds and the message opens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use roger_base::{KmsUri, Secret};
use roger_ibc::eccsi::{KmsPublicAuthKey, SIGNATURE_OCTETS, Signature};
use roger_ibc::sakke::{EncapsulatedData, KmsPublicEncKey, SED_OCTETS, encapsulate};
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssuedKeys, KmsDomain, UserKeySet};
use serde_json::Value;

fn vectors() -> Option<Value> {
    let path = roger_testkit::third_party_vectors("streamwide-pck.json")?;
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn domain(set: &Value) -> KmsDomain {
    let number = |name: &str| set[name].as_u64().unwrap();
    KmsDomain {
        kms_uri: KmsUri::new(set["KmsUri"].as_str().unwrap()).unwrap(),
        key_period: KeyPeriod::new(number("UserKeyPeriod"), number("UserKeyOffset")).unwrap(),
        auth: KmsPublicAuthKey::from_octets(&octets(&set["PubAuthKey"])).unwrap(),
        enc: KmsPublicEncKey::from_octets(&octets(&set["PubEncKey"])).unwrap(),
    }
}

fn issued(keys: &Value) -> IssuedKeys {
    IssuedKeys {
        identity: keys["UserUri"].as_str().unwrap().to_owned(),
        period_number: keys["KeyPeriodNo"].as_str().unwrap().parse().unwrap(),
        uid: Uid(octets(&keys["UserID"]).try_into().unwrap()),
        ssk: Secret::try_from(octets(&keys["UserSigningKeySSK"]).as_slice()).unwrap(),
        pvt: octets(&keys["UserPubTokenPVT"]),
        rsk: Secret::try_from(octets(&keys["UserDecryptKey"]).as_slice()).unwrap(),
    }
}

#[test]
fn key_sets_of_another_kms_pass_every_check() {
    let Some(set) = vectors() else { return };
    let key_sets = set["key_sets"].as_array().unwrap();
    assert_eq!(key_sets.len(), 4);
    for keys in key_sets {
        let user = UserKeySet::validate(&domain(&set), &issued(keys)).unwrap();
        let ssv = Secret::new([3; 16]);
        let data = encapsulate(&user.domain.enc, user.uid.as_ref(), &ssv);
        assert!(user.receiver.decapsulate(&data).unwrap() == ssv);
    }
}

fn user(set: &Value, uri: &Value) -> UserKeySet {
    let key_sets = set["key_sets"].as_array().unwrap();
    let keys = key_sets
        .iter()
        .find(|keys| keys["UserUri"] == *uri)
        .unwrap();
    UserKeySet::validate(&domain(set), &issued(keys)).unwrap()
}

#[test]
fn a_message_of_another_vendor_verifies_and_opens() {
    let Some(set) = vectors() else { return };
    let message = &set["messages"][0];
    let octets_of_message = base64(message["base64"].as_str().unwrap());
    let initiator = user(&set, &message["Initiator URI"]);
    let responder = user(&set, &message["Responder URI"]);

    let (signed, signature) =
        octets_of_message.split_at(octets_of_message.len() - SIGNATURE_OCTETS);
    let signature = Signature::from_octets(signature).unwrap();
    let kpak = &initiator.domain.auth;
    assert_eq!(
        kpak.verify(initiator.uid.as_ref(), signed, &signature),
        Ok(())
    );
    assert!(
        kpak.verify(responder.uid.as_ref(), signed, &signature)
            .is_err()
    );

    // The SAKKE payload announces the length of its data in the two octets before them.
    let length = u16::try_from(SED_OCTETS).unwrap().to_be_bytes();
    let start = 2 + signed.windows(2).position(|pair| pair == length).unwrap();
    let data = EncapsulatedData::from_octets(&signed[start..start + SED_OCTETS]).unwrap();
    let pck = responder.receiver.decapsulate(&data).unwrap();
    assert_eq!(pck.expose()[..], octets(&message["PCK"]));
    assert!(initiator.receiver.decapsulate(&data).is_err());
}

/// Base64 without a library: a test dependency less.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u8> = text.bytes().filter(|c| *c != b'=').collect();
    let value = |c: &u8| ALPHABET.iter().position(|a| a == c).unwrap() as u32;
    let mut result = Vec::new();
    for chunk in digits.chunks(4) {
        let bits = chunk.iter().fold(0, |bits, c| (bits << 6) | value(c));
        let bits = bits << (6 * (4 - chunk.len()));
        result.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    result
}
