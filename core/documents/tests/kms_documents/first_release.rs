//! The documents of Release 13.

use crate::bench::{KEY_PROV, document, keys};
use roger_base::{KmsUri, Secret, UnixTime};
use roger_documents::kms::{
    CertificateRole, Dialect, KeyKind, KmsCertificate, KmsMessage, KmsResponse, NamedKey, NewKey,
    Release, WrappedKey,
};
use roger_documents::kms_client::ClientKeys;
use roger_xml::key_wrap::WrapProfile;

#[test]
fn the_product_of_the_first_release_is_read_only_when_configured() {
    let (text, case) = document(KEY_PROV);
    let trk = keys().transport.remove(0);
    let set = text
        .split_once("<KmsKeySet")
        .unwrap()
        .1
        .split_once("</KmsKeySet>")
        .unwrap()
        .0;
    let mut response = format!("<KmsKeySet{set}</KmsKeySet>");
    let ssk = hex::decode(case["UserSigningKeySSK"].as_str().unwrap()).unwrap();
    let wrapped = WrappedKey::wrap(&ssk, &trk, WrapProfile::ThreeGpp).unwrap();
    let start = response.find("<UserSigningKeySSK").unwrap();
    let end = response.find("</UserSigningKeySSK>").unwrap();
    let data = format!(
        "<UserSigningKeySSK><xenc:EncryptedData Type=\"http://www.w3.org/2001/04/xmlenc#EncryptedKey\"><xenc:EncryptionMethod Algorithm=\"{}\"/><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
        WrapProfile::ThreeGpp.uri(),
        hex::encode(&wrapped.value)
    );
    response.replace_range(start..end, &data);
    let head = text
        .split_once("<KmsResponse")
        .unwrap()
        .1
        .split_once("<KmsKeySet")
        .unwrap()
        .0;
    let declarations = text.split_once('>').unwrap().0.split_once(' ').unwrap().1;
    let bare = format!(
        "<KmsResponse {declarations}{head}{response}</KmsKeyProv></KmsMessage></KmsResponse>"
    );
    let one = ClientKeys {
        transport: vec![trk],
        integrity: vec![],
    };
    let early = |name: &str| {
        one.transport
            .iter()
            .find(|key| key.name == name)
            .map(|key| key.key.clone())
    };
    let opened = KmsResponse::open(bare.as_bytes(), Dialect::EarlyProduct, &early).unwrap();
    let KmsMessage::KeyProv { key_sets, .. } = &opened.response.message else {
        panic!()
    };
    let key = key_sets[0]
        .user_signing_key_ssk
        .open(KeyKind::UserSigningKeySsk, &one.transport)
        .unwrap();
    assert_eq!(key.expose(), ssk);
    assert!(KmsResponse::open(bare.as_bytes(), Dialect::Standard, &early).is_err());
}

#[test]
fn a_client_of_the_first_release_gets_its_form() {
    let opened = init_response();
    let trk = NamedKey {
        name: "tk".into(),
        key: Secret::new([3; 32]),
    };
    let text = opened.sign_in(&trk, Release::Rel13).unwrap();
    assert!(text.contains("<KmsCertificate Role=\"Root\" Version=\"1.0.0\">"));
    for absent in [
        "NewTransportKey",
        "NewIntegrityKey",
        "IsSecurityGateway",
        "KmsInitTkIkType",
    ] {
        assert!(!text.contains(absent), "{absent}");
        assert!(opened.write().contains(absent), "{absent}");
    }
    let again = KmsResponse::open(text.as_bytes(), Dialect::Standard, &|name| {
        (name == "tk").then(|| trk.key.clone())
    });
    assert_eq!(again.unwrap().signer.as_deref(), Some("tk"));
}

/// An init response with new keys and a certificate of a security gateway.
fn init_response() -> KmsResponse {
    let trk = NamedKey {
        name: "tk".into(),
        key: Secret::new([1; 32]),
    };
    let new = || vec![NewKey::wrap(&trk, &trk, WrapProfile::W3c).unwrap()];
    let (mut pub_enc_key, mut pub_auth_key) = ([0; 257], [0; 65]);
    (pub_enc_key[0], pub_auth_key[0]) = (4, 4);
    let certificate = KmsCertificate {
        role: CertificateRole::Root,
        is_security_gateway: Some(false),
        cert_uri: None,
        kms_uri: KmsUri::new("kms.x").unwrap(),
        issuer: None,
        valid_from: None,
        valid_to: None,
        revoked: false,
        user_key_period: 10,
        user_key_offset: 1,
        pub_enc_key,
        pub_auth_key,
        domains: Vec::new(),
    };
    KmsResponse {
        user_uri: "u".into(),
        kms_uri: "kms.x".into(),
        time: UnixTime(1),
        kms_id: None,
        client_req_url: "x".into(),
        message: KmsMessage::Init {
            certificate: Box::new(certificate),
            new_transport_keys: new(),
            new_integrity_keys: new(),
        },
    }
}
