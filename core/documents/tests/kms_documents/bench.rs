//! The client of the vectors, with its keys.

use roger_base::{KmsUri, Secret, UnixTime};
use roger_documents::kms::NamedKey;
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, KmsClientError, Resource,
};
use serde_json::Value;

pub const USER: &str = "sip:user.001@mcptt.example.org";
pub const NOW: UnixTime = UnixTime(1_390_730_834);
pub const ROOT: &str = "https://kms.example.org";

pub fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/kms.json")).unwrap()
}

pub fn named(value: &Value) -> NamedKey {
    let octets = hex::decode(value["value"].as_str().unwrap()).unwrap();
    NamedKey {
        name: value["id"].as_str().unwrap().into(),
        key: Secret::try_from(octets.as_slice()).unwrap(),
    }
}

pub fn keys() -> ClientKeys {
    let vectors = vectors();
    ClientKeys {
        transport: vec![named(&vectors["TrK"])],
        integrity: vec![named(&vectors["InK"])],
    }
}

pub fn document(name: &str) -> (String, Value) {
    let vectors = vectors();
    let cases = vectors["documents"].as_array().unwrap().clone();
    let case = cases
        .into_iter()
        .find(|case| case["name"] == name)
        .unwrap_or_else(|| panic!("{name}"));
    (case["document"].as_str().unwrap().to_owned(), case)
}

pub fn client() -> KmsClient {
    KmsClient {
        user_uri: USER.into(),
        kms_uri: KmsUri::new("kms.example.org").unwrap(),
        client_id: Some("client-7f3a".into()),
        device_id: Some("urn:uuid:00000000-0000-1000-8000-aabbccddeeff".into()),
    }
}

pub fn url(resource: &Resource) -> String {
    format!("{ROOT}{}", resource.path())
}

pub fn open(
    text: &str,
    resource: &Resource,
    keys: &ClientKeys,
    policy: ClientPolicy,
) -> Result<KmsAnswer, KmsClientError> {
    client().open_response(text.as_bytes(), resource, &url(resource), keys, policy, NOW)
}

pub fn refused(text: &str, resource: &Resource) -> KmsClientError {
    open(text, resource, &keys(), ClientPolicy::STANDARD)
        .err()
        .unwrap()
}

pub fn key_prov() -> Resource {
    Resource::KeyProv(USER.into())
}

pub const KEY_PROV: &str = "signed keyprov response, TrK-wrapped key set";
pub const INIT: &str = "signed init response, new TrK and InK";

/// The vectors write `<a></a>` where we write `<a/>`.
pub fn short(text: &str) -> String {
    let mut text = text.to_owned();
    for name in [
        "ds:CanonicalizationMethod",
        "ds:DigestMethod",
        "xenc:EncryptionMethod",
    ] {
        text = text.replace(&format!("></{name}>"), "/>");
    }
    text
}
