//! An authenticator and the browser before it, as WebAuthn cl. 6 describes them, with everything that may go wrong.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;
const ATTESTED: u8 = 0x40;

/// Where the browser is and what the authenticator says.
#[derive(Clone)]
pub struct Scene {
    pub origin: String,
    pub rp_id: String,
    pub verifies: bool,
    /// Asked in place of the page's challenge.
    pub challenge: Option<String>,
    /// Whether the answer names the user.
    pub names_user: bool,
}

impl Scene {
    /// Everything as it should be.
    pub fn at(origin: &str, rp_id: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            rp_id: rp_id.to_owned(),
            verifies: true,
            challenge: None,
            names_user: true,
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let asked = options["publicKey"]["challenge"].as_str().unwrap();
        let challenge = self.challenge.as_deref().unwrap_or(asked);
        let data = json!({
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": false,
        });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, more: u8, counter: u32) -> Vec<u8> {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let mut data = digest(&SHA256, self.rp_id.as_bytes()).as_ref().to_vec();
        data.push(PRESENT | verified | more);
        data.extend(counter.to_be_bytes());
        data
    }
}

/// A passkey in an authenticator.
pub struct SoftKey {
    key: EcdsaKeyPair,
    pub id: Vec<u8>,
    pub handle: String,
    pub counter: u32,
}

pub fn text(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

impl SoftKey {
    /// Makes a passkey for the options of a page; gives the answer that the page posts.
    pub fn create(options: &str, scene: &Scene, id: Vec<u8>) -> (Self, String) {
        let options: Value = serde_json::from_str(options).unwrap();
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let mut data = scene.authenticator_data(ATTESTED, 1);
        data.extend([0; 16]);
        data.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
        data.extend(&id);
        // COSE_Key of ES256 on P-256 (RFC 9053 7.1.1).
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        data.extend([0xA5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20]);
        data.extend(x);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(y);
        let mut object = b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x59".to_vec();
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        let answer = json!({
            "id": text(&id),
            "rawId": text(&id),
            "type": "public-key",
            "response": {
                "clientDataJSON": text(&scene.client_data("webauthn.create", &options)),
                "attestationObject": text(&object),
            },
            "clientExtensionResults": {},
        });
        let handle = options["publicKey"]["user"]["id"].as_str().unwrap();
        let own = Self {
            key,
            id,
            handle: handle.to_owned(),
            counter: 1,
        };
        (own, answer.to_string())
    }

    /// Signs the challenge of a page; the counter goes up by one.
    pub fn sign(&mut self, options: &str, scene: &Scene) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        self.counter += 1;
        let data = scene.authenticator_data(0, self.counter);
        let client_data = scene.client_data("webauthn.get", &options);
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, &client_data).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let user = scene.names_user.then_some(&self.handle);
        let answer = json!({
            "id": text(&self.id),
            "rawId": text(&self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": text(&client_data),
                "authenticatorData": text(&data),
                "signature": text(signature.as_ref()),
                "userHandle": user,
            },
            "clientExtensionResults": {},
        });
        answer.to_string()
    }
}
