//! Responses that a client refuses: altered, of another request, under another key.

use crate::bench::{KEY_PROV, NOW, client, document, key_prov, keys, open, refused, url, vectors};
use roger_base::{Secret, UnixTime};
use roger_documents::kms::{
    Dialect, KeyContent, KmsDocumentError, KmsKeySet, KmsMessage, KmsRequest, KmsResponse,
    WrappedKey,
};
use roger_documents::kms_client::{ClientKeys, ClientPolicy, KmsAnswer, KmsClientError, Resource};
use roger_xml::key_wrap::{KeyWrapError, WrapProfile};
use roger_xml::sibling::IntegrityError;

#[test]
fn a_response_altered_in_any_octet_is_refused() {
    let (text, _) = document(KEY_PROV);
    for place in 0..text.len() {
        let mut octets = text.clone().into_bytes();
        octets[place] ^= 1;
        let resource = key_prov();
        let result = client().open_response(
            &octets,
            &resource,
            &url(&resource),
            &keys(),
            ClientPolicy::STANDARD,
            NOW,
        );
        assert!(result.is_err(), "octet {place}");
    }
    println!("{} altered responses refused", text.len());
}

#[test]
fn the_negative_vectors_are_refused() {
    let vectors = vectors();
    for case in vectors["negative"].as_array().unwrap() {
        let text = case["document"].as_str().unwrap();
        let key = case["verify_with_key"].as_str().map_or_else(
            || keys().integrity[0].key.clone(),
            |hex| Secret::try_from(hex::decode(hex).unwrap().as_slice()).unwrap(),
        );
        let find = |_: &str| Some(key.clone());
        let error = if text.contains("KmsRequest") {
            KmsRequest::open(text.as_bytes(), &find).err()
        } else {
            KmsResponse::open(text.as_bytes(), Dialect::Standard, &find).err()
        };
        assert!(
            matches!(error, Some(KmsDocumentError::PeerIntegrity(_))),
            "{}",
            case["name"]
        );
    }
}

/// A response of our own, signed with the InK of the vectors.
fn signed(change: impl FnOnce(&mut KmsResponse)) -> String {
    let (text, _) = document(KEY_PROV);
    let ink = keys().integrity.remove(0);
    let find = |name: &str| (name == ink.name).then(|| ink.key.clone());
    let mut response = KmsResponse::open(text.as_bytes(), Dialect::Standard, &find)
        .unwrap()
        .response;
    change(&mut response);
    response.sign(&ink).unwrap()
}

fn sets(response: &mut KmsResponse) -> &mut Vec<KmsKeySet> {
    let KmsMessage::KeyProv { key_sets, .. } = &mut response.message else {
        panic!("another message")
    };
    key_sets
}

#[test]
fn a_response_to_another_request_is_refused() {
    let other = |what| KmsClientError::PeerOtherRequest(what);
    let resource = key_prov();
    assert_eq!(
        refused(&signed(|r| r.user_uri.push('x')), &resource),
        other("user")
    );
    assert_eq!(
        refused(&signed(|r| r.kms_uri.push('x')), &resource),
        other("KMS")
    );
    assert_eq!(
        refused(&signed(|r| r.client_req_url.push('x')), &resource),
        other("URL")
    );
    assert_eq!(
        refused(&signed(|r| sets(r)[0].user_uri.push('x')), &resource),
        other("identity")
    );
    assert_eq!(
        refused(&signed(|r| r.time = UnixTime(NOW.0 + 301)), &resource),
        KmsClientError::PeerTime(301)
    );
    assert_eq!(
        refused(&signed(|r| r.time = UnixTime(NOW.0 - 301)), &resource),
        KmsClientError::PeerTime(301)
    );
    let init = signed(|r| r.client_req_url = url(&Resource::Init));
    assert_eq!(
        refused(&init, &Resource::Init),
        KmsClientError::PeerOtherMessage
    );
    assert!(open(&signed(|_| {}), &resource, &keys(), ClientPolicy::STANDARD).is_ok());
}

#[test]
fn a_trk_does_not_sign_for_a_client_that_has_an_ink() {
    let (text, _) = document(KEY_PROV);
    let ink = keys().integrity.remove(0);
    let find = |name: &str| (name == ink.name).then(|| ink.key.clone());
    let response = KmsResponse::open(text.as_bytes(), Dialect::Standard, &find)
        .unwrap()
        .response;
    let by_trk = response.sign(&keys().transport[0]).unwrap();
    let denied =
        KmsClientError::PeerDocument(KmsDocumentError::PeerIntegrity(IntegrityError::DeniedKey));
    assert_eq!(refused(&by_trk, &key_prov()), denied);
    let first_release = ClientKeys {
        integrity: vec![],
        ..keys()
    };
    assert!(open(&by_trk, &key_prov(), &first_release, ClientPolicy::STANDARD).is_ok());
}

#[test]
fn a_signature_that_was_stripped_is_missed() {
    let (text, _) = document(KEY_PROV);
    let (head, tail) = text.split_once("<ds:Signature>").unwrap();
    let end = tail.split_once("</ds:Signature>").unwrap().1;
    assert_eq!(
        refused(&format!("{head}{end}"), &key_prov()),
        KmsClientError::PeerNotSigned
    );
    let bare = head.split_once('>').unwrap().1.replacen("<KmsResponse ", "<KmsResponse xmlns=\"urn:3gpp:ns:mcsecKMSInterface:1.0\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ", 1);
    assert_eq!(refused(&bare, &key_prov()), KmsClientError::PeerNotSigned);
}

#[test]
fn a_wrapped_key_is_held_to_its_key_and_length() {
    let trk = keys().transport.remove(0);
    let wrap = |octets: &[u8]| {
        KeyContent::Wrapped(WrappedKey::wrap(octets, &trk, WrapProfile::ThreeGpp).unwrap())
    };
    let document_error = |error| KmsClientError::PeerDocument(error);
    let resource = key_prov();
    let short = signed(|r| sets(r)[0].user_decrypt_key = wrap(&[4; 255]));
    assert_eq!(
        refused(&short, &resource),
        document_error(KmsDocumentError::PeerKeyLength("UserDecryptKey"))
    );
    let long = signed(|r| sets(r)[0].user_signing_key_ssk = wrap(&[4; 33]));
    assert_eq!(
        refused(&long, &resource),
        document_error(KmsDocumentError::PeerKeyLength("UserSigningKeySSK"))
    );
    let altered = signed(|r| {
        let KeyContent::Wrapped(key) = &mut sets(r)[0].user_pub_token_pvt else {
            panic!()
        };
        key.value[3] ^= 1;
    });
    assert_eq!(
        refused(&altered, &resource),
        document_error(KmsDocumentError::PeerKeyWrap(KeyWrapError::PeerIntegrity))
    );
    let other = signed(|r| {
        let KeyContent::Wrapped(key) = &mut sets(r)[0].user_pub_token_pvt else {
            panic!()
        };
        key.transport_key = Some("tk.99".into());
    });
    assert_eq!(
        refused(&other, &resource),
        document_error(KmsDocumentError::DeniedTransportKey)
    );
}

#[test]
fn points_without_their_first_octet_get_it_back() {
    let trk = keys().transport.remove(0);
    let (text, _) = document(KEY_PROV);
    let KmsAnswer::KeyProv { key_sets, .. } =
        open(&text, &key_prov(), &keys(), ClientPolicy::STANDARD).unwrap()
    else {
        panic!()
    };
    let wrap = |octets: &[u8]| {
        KeyContent::Wrapped(WrappedKey::wrap(octets, &trk, WrapProfile::W3c).unwrap())
    };
    let cut = signed(|r| {
        sets(r)[0].user_decrypt_key = wrap(&key_sets[0].rsk.expose()[1..]);
        sets(r)[0].user_pub_token_pvt = wrap(&key_sets[0].pvt[1..]);
    });
    let KmsAnswer::KeyProv {
        key_sets: again, ..
    } = open(&cut, &key_prov(), &keys(), ClientPolicy::STANDARD).unwrap()
    else {
        panic!()
    };
    assert!(again == key_sets);
}
