//! Requests and responses of the vectors, read and written.

use crate::bench::{
    INIT, KEY_PROV, NOW, USER, client, document, key_prov, keys, open, short, url, vectors,
};
use roger_base::{KmsUri, UnixTime};
use roger_documents::kms::{CertificateRole, Dialect, KmsErrorBody, KmsRequest, KmsResponse};
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KeyTransport, KmsAnswer, KmsClientError, NewKeys, Resource,
};

#[test]
fn our_requests_are_those_of_the_vectors() {
    for (name, resource, keys) in [
        ("signed init request", Resource::Init, keys()),
        ("signed keyprov request", key_prov(), keys()),
        (
            "unsigned certcache request",
            Resource::CertCache(Some(12)),
            ClientKeys::default(),
        ),
    ] {
        let text = client().request(&url(&resource), &keys, NOW).unwrap();
        let (expected, _) = document(name);
        assert_eq!(text, short(&expected), "{name}");
        let find = |name: &str| {
            keys.integrity
                .iter()
                .find(|key| key.name == name)
                .map(|key| key.key.clone())
        };
        let opened = KmsRequest::open(expected.as_bytes(), &find).unwrap();
        assert_eq!(opened.request.user_uri, USER);
        assert_eq!(opened.request.client_req_url, url(&resource));
        assert_eq!(
            opened.signer.as_deref(),
            keys.signer().map(|key| key.name.as_str())
        );
    }
}

#[test]
fn every_response_is_read_and_written_again() {
    let ink = keys().integrity.remove(0);
    let find = |name: &str| (name == ink.name).then(|| ink.key.clone());
    let mut count = 0;
    for case in vectors()["documents"].as_array().unwrap() {
        let text = case["document"].as_str().unwrap();
        if !text.contains("KmsResponse") {
            continue;
        }
        let opened = KmsResponse::open(text.as_bytes(), Dialect::Standard, &find).unwrap();
        let written = match opened.signer {
            Some(_) => opened.response.sign(&ink).unwrap(),
            None => opened.response.write(),
        };
        assert_eq!(written, short(text), "{}", case["name"]);
        count += 1;
    }
    println!("{count} responses read and written octet for octet (empty elements apart)");
    assert_eq!(count, 5);
}

#[test]
fn a_wrapped_key_set_opens_to_the_raw_keys() {
    let (text, case) = document(KEY_PROV);
    let KmsAnswer::KeyProv { key_sets, new_keys } =
        open(&text, &key_prov(), &keys(), ClientPolicy::STANDARD).unwrap()
    else {
        panic!("another answer");
    };
    assert_eq!(new_keys, NewKeys::default());
    let set = &key_sets[0];
    let octets = |name: &str| hex::decode(case[name].as_str().unwrap()).unwrap();
    assert_eq!(set.rsk.expose()[..], octets("UserDecryptKey"));
    assert_eq!(set.ssk.expose()[..], octets("UserSigningKeySSK"));
    assert_eq!(set.pvt[..], octets("UserPubTokenPVT"));
    assert_eq!(
        (set.key_period_no, set.valid_from),
        (1388, Some(UnixTime(1_388_707_200)))
    );
    assert_eq!(
        hex::encode(set.user_id),
        "04 29ee c25c d9bc 9ae3 1c78 6963 ca91 868b 8f3e 1941 1da3 b47f b6ca efe3 5f8f 36"
            .replace(' ', "")
    );
}

#[test]
fn new_keys_are_adopted_and_the_old_ones_kept_once() {
    let (text, case) = document(INIT);
    let mut keys = keys();
    let KmsAnswer::Init {
        certificate,
        new_keys,
    } = open(&text, &Resource::Init, &keys, ClientPolicy::STANDARD).unwrap()
    else {
        panic!("another answer");
    };
    assert_eq!(
        (certificate.role, certificate.user_key_period),
        (CertificateRole::Root, 2_592_000)
    );
    assert_eq!(
        certificate.domains,
        ["sec1.example.org", "sec2.example.org"]
    );
    assert!(certificate.is_valid_at(NOW) && !certificate.is_valid_at(UnixTime(0)));
    keys.adopt(new_keys.clone());
    keys.adopt(new_keys);
    assert_eq!(
        keys.signer().unwrap().name,
        case["NewInK_id"].as_str().unwrap()
    );
    assert_eq!(
        hex::encode_upper(keys.integrity[0].key.expose()),
        case["NewInK"].as_str().unwrap()
    );
    assert_eq!(
        hex::encode_upper(keys.transport[0].key.expose()),
        case["NewTrK"].as_str().unwrap()
    );
    assert_eq!(keys.transport[0].name, case["NewTrK_id"].as_str().unwrap());
    assert_eq!((keys.transport.len(), keys.integrity.len()), (2, 2));
}

#[test]
fn keys_in_clear_are_taken_only_by_policy() {
    let (text, _) = document("unsigned keyprov response, plain key contents");
    let none = ClientKeys::default();
    let clear = ClientPolicy {
        key_transport: KeyTransport::ClearInsideTls,
        dialect: Dialect::Standard,
    };
    assert!(matches!(
        open(&text, &key_prov(), &none, clear),
        Ok(KmsAnswer::KeyProv { .. })
    ));
    let result = open(&text, &key_prov(), &none, ClientPolicy::STANDARD);
    assert_eq!(result.err(), Some(KmsClientError::PeerKeysInClear));
    assert_eq!(
        open(&text, &key_prov(), &keys(), clear).err(),
        Some(KmsClientError::PeerNotSigned)
    );
}

#[test]
fn certificates_and_refusals_are_answers() {
    let none = ClientKeys::default();
    let (text, _) = document("unsigned certcache response with one External certificate");
    let answer = open(
        &text,
        &Resource::CertCache(Some(12)),
        &none,
        ClientPolicy::STANDARD,
    )
    .unwrap();
    let KmsAnswer::Certificates {
        cache_num,
        certificates,
    } = answer
    else {
        panic!("another answer")
    };
    assert_eq!(
        (cache_num, certificates[0].role),
        (Some(13), CertificateRole::External)
    );
    let (text, _) = document("error response");
    let resource = Resource::Cert(KmsUri::new("kms.unknown.example").unwrap());
    let answer = open(&text, &resource, &none, ClientPolicy::STANDARD).unwrap();
    let KmsAnswer::Refused(error) = answer else {
        panic!("another answer")
    };
    assert_eq!(
        error,
        KmsErrorBody {
            code: 404,
            message: "no certificate held for kms.unknown.example".into()
        }
    );
}
